//! Single requests to a service, over its local socket or its API. They are never sent again and
//! do not wait: an operator in an outage wants the answer at once, whatever it is.

#[cfg(feature = "embedded")]
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ApiClient, READ_TIMEOUT, RequestError};
use crate::app::command_error::CommandError;

/// Time limit of a request.
const TIMEOUT: Duration = Duration::from_secs(15);

impl ApiClient {
    /// Creates a client of the local socket of a service, which needs no credential.
    pub(in crate::app) fn from_socket(path: &Path) -> Result<Self, CommandError> {
        let http = reqwest::Client::builder()
            .unix_socket(path)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(CommandError::failed)?;
        // The host is only sent, not resolved.
        let base = "http://localhost".to_owned();
        Ok(Self::new(base, None, http))
    }

    /// Sends one request, a POST if it has a body, and returns the response.
    pub(in crate::app) async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, RequestError> {
        let url = format!("{}{path}", self.base);
        let request = match body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let response = self.authenticated(request)?.timeout(TIMEOUT).send().await;
        let response = response.map_err(|error| RequestError::from_transport(&self.base, error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(self.redirect_error(&response));
        }
        let body = self.body(response).await?;
        if !status.is_success() {
            return Err(RequestError::from_response(&self.base, status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| {
            RequestError::failed(format!("{} did not respond like MDL: {error}", self.base))
        })
    }

    /// Sends one request with a body, and writes the response to `out` as it arrives.
    #[cfg(feature = "embedded")]
    pub(in crate::app) async fn download(
        &self,
        path: &str,
        body: &Value,
        out: &mut impl Write,
    ) -> Result<(), RequestError> {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        let response = self.authenticated(request)?.send().await;
        let response = response.map_err(|error| RequestError::from_transport(&self.base, error))?;
        let status = response.status();
        if !status.is_success() {
            let body = self.body(response).await?;
            return Err(RequestError::from_response(&self.base, status, &body));
        }
        self.receive(response, out).await.map_err(RequestError::Failed)
    }
}
