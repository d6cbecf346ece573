//! Sends a document to be imported, again and again while its response does not arrive. All
//! requests for one document have the same `Idempotency-Key`, so that it is neither lost nor
//! imported twice, and the response is that to the request that was done.

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use uuid::Uuid;

use super::repetition::Repetition;
use super::{ApiClient, RequestError};
use crate::model::catalogue::{DocumentFormat, ImportReport};
use crate::model::warnings::{Warning, Warnings};

#[derive(Deserialize)]
struct ImportResponse {
    data: ImportReport,
    #[serde(default)]
    warnings: Vec<Warning>,
    #[serde(default)]
    warnings_omitted: usize,
}

impl ApiClient {
    /// Imports a document, or a part of one, whose metrics may name metrics of other parts.
    pub(in crate::app) async fn import(
        &self,
        document: Bytes,
        format: DocumentFormat,
        (dry_run, is_part): (bool, bool),
    ) -> Result<(ImportReport, Warnings), RequestError> {
        let media_type = match format {
            DocumentFormat::Json => "application/json",
            DocumentFormat::Yaml => "application/yaml",
        };
        // A service of a former release, which does not know the parameter, needs none for a whole.
        let part = if is_part { "&part=true" } else { "" };
        let request = self
            .http
            .post(format!("{}/api/v1/import?dry_run={dry_run}{part}", self.base))
            .header(CONTENT_TYPE, media_type)
            .body(document);
        // A dry run changes nothing, and may be repeated without a key.
        let request = if dry_run {
            request
        } else {
            request.header("Idempotency-Key", Uuid::new_v4().to_string())
        };
        let mut repetition = Repetition::default();
        loop {
            let attempt = request
                .try_clone()
                .ok_or_else(|| RequestError::failed("the request cannot be sent again"))?;
            let error = match self.request_json::<ImportResponse>(attempt).await {
                Ok(ImportResponse { data, warnings: shown, warnings_omitted: omitted }) => {
                    return Ok((data, Warnings { shown, omitted }));
                }
                Err(error) => error,
            };
            let Some(pause) = repetition.pause(&error, self.reached.get()) else {
                return Err(repetition.conclude(error));
            };
            let seconds = pause.as_secs();
            self.warn(&format!("{error}; sending the request again in {seconds} s"));
            tokio::time::sleep(pause).await;
        }
    }
}
