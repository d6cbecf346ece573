//! The HTTP client of `mdl import --url` and `mdl export --url`, which work on a running service
//! instead of the database.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::app::cli::RemoteOptions;
use crate::app::command_error::CommandError;
use crate::config::TransportConfig;
use crate::credentials::api_keys::ApiKey;
use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::{Catalogue, DocumentFormat, ImportReport};
use crate::model::metrics::Metric;
use crate::model::violations::Violation;
use crate::model::warnings::{Warning, Warnings};

/// Page sizes, largest first. Each divides the one before, so that a smaller page can begin where
/// the larger one would have.
const PAGE_SIZES: [usize; 5] = [100, 50, 25, 5, 1];

/// A client of one service.
pub(in crate::app) struct ApiClient {
    base: String,
    token: Option<SecretString>,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct ImportResponse {
    data: ImportReport,
    #[serde(default)]
    warnings: Vec<Warning>,
    #[serde(default)]
    warnings_omitted: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageResponse<T> {
    data: Vec<T>,
    pagination: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next: bool,
}

#[derive(Deserialize)]
struct ErrorResponse {
    error: ReceivedError,
}

#[derive(Deserialize)]
struct ReceivedError {
    code: String,
    message: String,
    #[serde(default)]
    details: Vec<Violation>,
}

impl ApiClient {
    /// Creates a client of the service that `--url` names; `None` without `--url`.
    ///
    /// No redirect is followed, because it would send the credential to a host that the operator
    /// did not name.
    pub(in crate::app) fn from_options(
        remote: &RemoteOptions,
        transport: &TransportConfig,
    ) -> Result<Option<Self>, CommandError> {
        let Some(url) = &remote.url else { return Ok(None) };
        let url = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url =
            url.ok_or_else(|| CommandError::usage("--url must be an http or https address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(CommandError::usage(
                "--url must not contain a user name or password; set MDL_TOKEN or MDL_TOKEN_FILE",
            ));
        }
        if url.scheme() == "http" && remote.token.is_some() {
            transport.check("--url", &url, "https://").map_err(CommandError::usage)?;
        }
        let http = reqwest::Client::builder()
            .timeout(std::time::Duration::from_mins(1))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(CommandError::failed)?;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Some(Self { base, token: remote.token.clone(), http }))
    }

    /// Imports a document.
    pub(in crate::app) async fn import(
        &self,
        bytes: Vec<u8>,
        format: DocumentFormat,
        dry_run: bool,
    ) -> Result<(ImportReport, Warnings), CommandError> {
        let media_type = match format {
            DocumentFormat::Json => "application/json",
            DocumentFormat::Yaml => "application/yaml",
        };
        let request = self
            .http
            .post(format!("{}/api/v1/import?dry_run={dry_run}", self.base))
            .header(CONTENT_TYPE, media_type)
            .body(bytes);
        let response: ImportResponse = self.send(request).await?;
        let ImportResponse { data, warnings: shown, warnings_omitted: omitted } = response;
        Ok((data, Warnings { shown, omitted }))
    }

    /// Reads the whole catalogue, page by page.
    pub(in crate::app) async fn export(&self) -> Result<Catalogue, CommandError> {
        let domains: Vec<BusinessDomain> = self.read_all("/api/v1/domains").await?;
        let metrics: Vec<Metric> = self.read_all("/api/v1/metrics").await?;
        Ok(Catalogue { domains, metrics })
    }

    /// Reads all pages of a list. A page that the service refuses as too large is requested again
    /// in smaller pages.
    async fn read_all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, CommandError> {
        let mut items = Vec::new();
        let mut sizes = PAGE_SIZES.iter().peekable();
        while let Some(size) = sizes.peek().copied() {
            let page = items.len() / size + 1;
            let request = self.http.get(format!("{}{path}?page={page}&limit={size}", self.base));
            let response: PageResponse<T> = match self.try_send(request).await? {
                Ok(response) => response,
                Err(violations)
                    if *size > 1
                        && violations.iter().all(|violation| violation.field == "limit") =>
                {
                    sizes.next();
                    continue;
                }
                Err(violations) => return Err(CommandError::invalid_input(&violations)),
            };
            items.extend(response.data);
            if !response.pagination.has_next {
                break;
            }
            if PAGE_SIZES.first().is_some_and(|largest| items.len().is_multiple_of(*largest)) {
                sizes = PAGE_SIZES.iter().peekable();
            }
        }
        Ok(items)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, CommandError> {
        self.try_send(request).await?.map_err(|violations| CommandError::invalid_input(&violations))
    }

    /// Sends a request; the inner error lists the violations that the service reports.
    async fn try_send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Result<T, Vec<Violation>>, CommandError> {
        let request = match &self.token {
            Some(key) if ApiKey::parse(key.expose_secret()).is_ok() => {
                request.header("X-API-Key", sensitive(key.expose_secret())?)
            }
            Some(token) => request
                .header(AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose_secret()))?),
            None => request,
        };
        let response = request
            .send()
            .await
            .map_err(|error| CommandError::failed(format!("{}: {error}", self.base)))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(self.redirect_error(&response));
        }
        let body = response
            .bytes()
            .await
            .map_err(|error| CommandError::failed(format!("{}: {error}", self.base)))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map(Ok).map_err(|error| {
                CommandError::failed(format!("{} did not respond like MDL: {error}", self.base))
            });
        }
        match serde_json::from_slice::<ErrorResponse>(&body) {
            Ok(ErrorResponse { error }) if !error.details.is_empty() => Ok(Err(error.details)),
            Ok(ErrorResponse { error }) => {
                Err(CommandError::failed(format!("{}: {}", error.code, error.message)))
            }
            Err(_) => Err(CommandError::failed(format!("{} responded with {status}", self.base))),
        }
    }

    fn redirect_error(&self, response: &reqwest::Response) -> CommandError {
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let target = location.and_then(|location| response.url().join(location).ok());
        // Only the origin is shown, because the rest of the URL is arbitrary text.
        let target = target.map_or_else(
            || "an unreadable address".into(),
            |target| target.origin().ascii_serialization(),
        );
        CommandError::failed(format!(
            "{} redirects to {target}, which is not followed; if that is the service, pass it \
             as --url",
            self.base
        ))
    }
}

/// Creates a header value that is never printed.
fn sensitive(value: &str) -> Result<HeaderValue, CommandError> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| CommandError::usage("MDL_TOKEN is neither an API key nor an access token"))?;
    value.set_sensitive(true);
    Ok(value)
}
