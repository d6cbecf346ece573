//! The route of `mdl backup`, on the local socket only: the data of the embedded database while the
//! service runs. The response has the signing secrets and all rows; who may connect to the socket
//! may read the files of `DATA_DIR`, too.
//!
//! The copy holds the one connection of the database, so that no statement runs and no transaction
//! is open. `PostgreSQL` runs inside this process, in single-user mode: between two statements
//! nothing writes to its files. Requests wait meanwhile; the response is sent afterwards.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use actix_web::body::SizedStream;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Bytes, Data, block};
use actix_web::{HttpResponse, post};
use futures_util::stream::{Stream, unfold};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::Circuit;
use crate::embedded::backup;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::local_operator::LocalOperator;
use crate::storage::health;

/// Longest time for which the database is at rest. Shorter than callers wait for its connection.
const LONGEST_COPY: Duration = Duration::from_secs(5);
/// Length of the pieces of the response, in bytes.
const PIECE: usize = 128 * 1024;

/// Registers the route.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(back_up);
}

/// Which data is wanted.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct BackupRequest {
    /// `DATA_DIR` of the caller, absolute and without links: another service may have the socket.
    #[garde(skip)]
    data_folder: String,
}

/// Copy the embedded database
#[utoipa::path(
    tag = "health",
    operation_id = "back_up",
    request_body = BackupRequest,
    responses((status = 200, content_type = "application/x-tar"))
)]
#[post("/backup")]
async fn back_up(
    _: LocalOperator,
    body: JsonBody<BackupRequest>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let folder = state
        .data_folder
        .clone()
        .filter(|folder| folder.to_str().is_some_and(|folder| folder == body.value.data_folder));
    let Some(folder) = folder else {
        return Err(ApiError::Conflict("This service has other data".into()));
    };
    let copied = state.db.run_reserved(Circuit::Metrics, "server.back_up", async |conn| {
        health::checkpoint(conn).await?;
        // If this call times out, the copy goes on, and is discarded with the result.
        Ok(block(move || backup::copy(&folder, Instant::now() + LONGEST_COPY)).await)
    });
    let copied = copied.await?.map_err(|error| internal(&error))?;
    let file = copied.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => ApiError::Conflict(format!(
            "The data could not be copied within {} s; stop the service to back it up",
            LONGEST_COPY.as_secs()
        )),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ApiError::Conflict(
            "The disk of DATA_DIR has no room for a copy; stop the service to back it up".into(),
        ),
        _ => internal(&error),
    })?;
    let length = file.metadata().map_err(|error| internal(&error))?.len();
    Ok(HttpResponse::Ok()
        .content_type("application/x-tar")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(SizedStream::new(length, pieces(file))))
}

fn internal(error: &dyn std::error::Error) -> ApiError {
    ApiError::Internal { cause: format!("backup: {error}") }
}

/// Reads the file to its end, on threads that may block.
fn pieces(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    Box::pin(unfold(Some(file), |file| async {
        let read = block(move || read_piece(file?)).await;
        read.unwrap_or_else(|error| Some((Err(io::Error::other(error)), None)))
    }))
}

fn read_piece(mut file: File) -> Option<(io::Result<Bytes>, Option<File>)> {
    let mut piece = vec![0; PIECE];
    match io::Read::read(&mut file, &mut piece) {
        Ok(0) => None,
        Ok(length) => {
            piece.truncate(length);
            Some((Ok(piece.into()), Some(file)))
        }
        Err(error) => Some((Err(error), None)),
    }
}
