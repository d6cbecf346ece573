//! A running service, asked over HTTP instead of the database.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::app::cli::Remote;
use crate::app::failure::Failure;
use crate::config::TransportConfig;
use crate::credentials::api_keys::ApiKey;
use crate::model::business_domains::BusinessDomain;
use crate::model::catalogue::{Catalogue, Format, ImportReport};
use crate::model::metrics::Metric;
use crate::model::violations::Violation;

/// Items a page, the most first. Each divides the one before, so that a smaller page can begin
/// where a larger one would have.
const PAGE_LIMITS: [usize; 5] = [100, 50, 25, 5, 1];

/// A client of one service.
pub(in crate::app) struct Client {
    base: String,
    token: Option<SecretString>,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    data: Vec<T>,
    pagination: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    has_next: bool,
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalDetail,
}

#[derive(Deserialize)]
struct RefusalDetail {
    code: String,
    message: String,
    #[serde(default)]
    details: Vec<Violation>,
}

impl Client {
    /// Of the service that the command line names, if it names one.
    ///
    /// No redirect is followed: it would carry the credential to a host that the operator did not
    /// name.
    pub(in crate::app) fn of(
        remote: &Remote,
        transport: &TransportConfig,
    ) -> Result<Option<Self>, Failure> {
        let Some(url) = &remote.url else { return Ok(None) };
        let url = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Failure::usage("--url must be an http or https address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::usage(
                "--url must not hold a user or password; set MDL_TOKEN or MDL_TOKEN_FILE",
            ));
        }
        if url.scheme() == "http" && remote.token.is_some() {
            transport.check("--url", &url, "https://").map_err(Failure::usage)?;
        }
        let http = reqwest::Client::builder()
            .timeout(std::time::Duration::from_mins(1))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Failure::new(error.to_string()))?;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Some(Self { base, token: remote.token.clone(), http }))
    }

    /// Imports a document.
    pub(in crate::app) async fn import(
        &self,
        bytes: Vec<u8>,
        format: Format,
        dry_run: bool,
    ) -> Result<ImportReport, Failure> {
        let media_type = match format {
            Format::Json => "application/json",
            Format::Yaml => "application/yaml",
        };
        let request = self
            .http
            .post(format!("{}/api/v1/import?dry_run={dry_run}", self.base))
            .header(CONTENT_TYPE, media_type)
            .body(bytes);
        Ok(self.answer::<Data<ImportReport>>(request).await?.data)
    }

    /// Reads the whole catalogue, page by page.
    pub(in crate::app) async fn export(&self) -> Result<Catalogue, Failure> {
        let domains: Vec<BusinessDomain> = self.all("/api/v1/domains").await?;
        let metrics: Vec<Metric> = self.all("/api/v1/metrics").await?;
        Ok(Catalogue { domains, metrics })
    }

    /// Reads a list to its end. Where a page of large items is refused it asks for a smaller one
    /// from the same item on.
    async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        let mut limits = PAGE_LIMITS.iter().peekable();
        while let Some(limit) = limits.peek().copied() {
            let page = all.len() / limit + 1;
            let request = self.http.get(format!("{}{path}?page={page}&limit={limit}", self.base));
            let answer: Page<T> = match self.try_answer(request).await? {
                Ok(answer) => answer,
                Err(refused)
                    if *limit > 1 && refused.iter().all(|violation| violation.field == "limit") =>
                {
                    limits.next();
                    continue;
                }
                Err(refused) => return Err(Failure::invalid(&refused)),
            };
            all.extend(answer.data);
            if !answer.pagination.has_next {
                break;
            }
            if PAGE_LIMITS.first().is_some_and(|most| all.len().is_multiple_of(*most)) {
                limits = PAGE_LIMITS.iter().peekable();
            }
        }
        Ok(all)
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, Failure> {
        self.try_answer(request).await?.map_err(|violations| Failure::invalid(&violations))
    }

    /// The answer, or what is wrong with the request.
    async fn try_answer<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Result<T, Vec<Violation>>, Failure> {
        let request = match &self.token {
            Some(key) if ApiKey::parse(key.expose_secret()).is_ok() => {
                request.header("X-API-Key", sensitive(key.expose_secret())?)
            }
            Some(token) => request
                .header(AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose_secret()))?),
            None => request,
        };
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::new(format!("{}: {error}", self.base)))?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(self.redirected(&answer));
        }
        let body = answer
            .bytes()
            .await
            .map_err(|error| Failure::new(format!("{}: {error}", self.base)))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map(Ok).map_err(|error| {
                Failure::new(format!("{} does not answer like MDL: {error}", self.base))
            });
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(Refusal { error }) if !error.details.is_empty() => Ok(Err(error.details)),
            Ok(Refusal { error }) => {
                Err(Failure::new(format!("{}: {}", error.code, error.message)))
            }
            Err(_) => Err(Failure::new(format!("{} answered {status}", self.base))),
        }
    }

    fn redirected(&self, answer: &reqwest::Response) -> Failure {
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let target = location.and_then(|location| answer.url().join(location).ok());
        // Of what the service says only the host: the rest may be anything.
        let target =
            target.map_or_else(|| "nowhere".into(), |target| target.origin().ascii_serialization());
        Failure::new(format!(
            "{} redirects to {target}, which is not followed; if that is the service, name it with --url",
            self.base
        ))
    }
}

/// The value of a header that is not to be printed.
fn sensitive(value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Failure::usage("MDL_TOKEN is neither an API key nor an access token"))?;
    value.set_sensitive(true);
    Ok(value)
}
