//! What the routes of versions of metrics and business domains have in common: they differ in their
//! tables, paths and names. A version and the difference of two never change, so that clients may
//! keep them.

use std::future::Future;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::not_found::name_missing;
use crate::actors::db_breaker::Circuit;
use crate::clock::rfc3339;
use crate::http::app_data::CatalogueServices;
use crate::http::cached_response::CachedResponse;
use crate::http::catalogue::cache_key::CacheKey;
use crate::http::catalogue::cached_read;
use crate::http::catalogue::selected::{select, tagged_version};
use crate::http::envelope::MetricBody;
use crate::http::error::ApiError;
use crate::http::extract::accepted_diff::{DiffFormat, JSON_PATCH};
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::conditions::IfNoneMatch;
use crate::http::response::{cached_body, cached_item, cached_page, to_json};
use crate::model::completeness::Completeness;
use crate::model::fields::FieldSelection;
use crate::model::page::PageRequest;
use crate::model::text::Id;
use crate::model::versions::diff::{VersionDiff, changes_between, patch_between};
use crate::model::versions::query::DiffQuery;
use crate::model::versions::{Version, VersionEntry};
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::versions::{self, VersionedTable};

/// A year: as long as a response may be kept (RFC 9111, RFC 8246).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// Computes how complete a content is.
type CompletenessOf = fn(&Document) -> Result<Completeness, StorageError>;

/// What has versions.
pub(in crate::http) struct VersionedNoun {
    pub(in crate::http) circuit: Circuit,
    pub(in crate::http) table: VersionedTable,
    /// Its name in messages.
    pub(in crate::http) noun: &'static str,
    /// The path of its list.
    pub(in crate::http) path: &'static str,
    /// The names of the queries of a list of versions, and of one or two versions.
    pub(in crate::http) operations: (&'static str, &'static str),
    /// The name of the query of a list as of an instant.
    pub(in crate::http) list_operation: &'static str,
    /// Says how complete a content is, where it may be incomplete.
    pub(in crate::http) completeness: Option<CompletenessOf>,
    /// JSON Pointers of the fields that the server sets.
    pub(in crate::http) set_by_server: &'static [&'static str],
}

/// A read of the versions of one item.
pub(in crate::http) struct VersionRead<'a> {
    pub(in crate::http) services: &'a CatalogueServices,
    pub(in crate::http) of: &'static VersionedNoun,
    pub(in crate::http) id: &'a Id,
    pub(in crate::http) encoding: AcceptedEncoding,
}

impl VersionRead<'_> {
    /// Lists the versions, newest first.
    pub(super) async fn list(
        self,
        parameters: &[(String, String)],
        if_none_match: &IfNoneMatch,
    ) -> Result<HttpResponse, ApiError> {
        let request = PageRequest::parse(parameters, 50).map_err(ApiError::Validation)?;
        let (item, id) = (self.item(), self.id.as_str());
        let path = format!("{item}/versions");
        let key = CacheKey::below_item(&item, &path, parameters);
        let VersionedNoun { circuit, table, noun, operations: (operation, _), .. } = *self.of;
        cached_read::read(self.services, &key, self.encoding, if_none_match, async || {
            let read = self.services.read(circuit, operation, async |conn| {
                versions::list(conn, table, id, request.offset(), request.limit).await
            });
            let (entries, total) = read.await.map_err(name_missing(noun, id))?;
            cached_page(&path, parameters, request.paginate(total), entries)
        })
        .await
    }

    /// Gets a version.
    pub(super) async fn get(
        self,
        version: &str,
        if_none_match: &IfNoneMatch,
    ) -> Result<HttpResponse, ApiError> {
        let item = self.item();
        let path = format!("{item}/versions/{version}");
        let key = CacheKey::below_item(&item, &path, &[]);
        let load = async || {
            let [(entry, content)] = self.load([version]).await?;
            cached_item(&Version { entry, content }, version)
        };
        let read = cached_read::read(self.services, &key, self.encoding, if_none_match, load);
        immutable(read).await
    }

    /// Gets the item as it was at an instant, with the fields that the other parameters select. A
    /// change may still be committed with an earlier time than that of a response, so this is read
    /// again after each change of the item.
    pub(super) async fn get_as_of(
        self,
        (instant, parameters): (DateTime<Utc>, &[(String, String)]),
        fields: Option<&FieldSelection>,
        if_none_match: &IfNoneMatch,
    ) -> Result<HttpResponse, ApiError> {
        let (item, id) = (self.item(), self.id.as_str());
        // No path, and so the key of no other response.
        let path = format!("{item}@{}", rfc3339(instant));
        let key = CacheKey::below_item(&item, &path, parameters);
        let VersionedNoun { circuit, table, noun, operations: (_, operation), .. } = *self.of;
        let load = async || {
            let read = self.services.read(circuit, operation, async |conn| {
                versions::get_as_of(conn, table, id, instant).await
            });
            let kept = read.await.map_err(name_missing(noun, id))?;
            let version = tagged_version(&kept.entry.version, fields);
            let content = kept.into_content()?;
            let Some(completeness) = self.of.completeness else {
                return cached_item(&select(content, fields)?, &version);
            };
            let completeness = completeness(&content)?;
            cached_body(&MetricBody::new(select(content, fields)?, completeness), &version)
        };
        cached_read::read(self.services, &key, self.encoding, if_none_match, load).await
    }

    /// Compares two versions for a person, or for a client whose change was refused.
    pub(in crate::http) async fn compare(
        &self,
        from: &str,
        to: &str,
    ) -> Result<VersionDiff, ApiError> {
        let [old, new] = self.load([from, to]).await?;
        let changes = changes_between(&value(&old.1)?, &value(&new.1)?, self.of.set_by_server);
        Ok(VersionDiff { from: old.0, to: new.0, changes })
    }

    /// Compares two versions.
    pub(super) async fn diff(
        self,
        query: &DiffQuery,
        format: DiffFormat,
        if_none_match: &IfNoneMatch,
    ) -> Result<HttpResponse, ApiError> {
        let DiffQuery { from, to } = query;
        let (item, suffix) = match format {
            DiffFormat::Fields => (self.item(), ""),
            DiffFormat::JsonPatch => (self.item(), "+patch"),
        };
        // The key is no path: two media types have the same one.
        let path = format!("{item}/diff/{from}..{to}{suffix}");
        let key = CacheKey::below_item(&item, &path, &[]);
        let load = async || {
            let [old, new] = self.load([from, to]).await?;
            let values = (value(&old.1)?, value(&new.1)?);
            let version = format!("{from}..{to}{suffix}");
            match format {
                DiffFormat::JsonPatch => {
                    let body = to_json(&patch_between(&values.0, &values.1))?;
                    CachedResponse::of_item(body, &version)
                }
                DiffFormat::Fields => {
                    let changes = changes_between(&values.0, &values.1, self.of.set_by_server);
                    cached_item(&VersionDiff { from: old.0, to: new.0, changes }, &version)
                }
            }
        };
        let read = cached_read::read(self.services, &key, self.encoding, if_none_match, load);
        let mut response = immutable(read).await?;
        let headers = response.headers_mut();
        headers.append(VARY, HeaderValue::from_static("accept"));
        if format == DiffFormat::JsonPatch && headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON_PATCH));
        }
        Ok(response)
    }

    /// Loads versions with their contents.
    pub(in crate::http) async fn load<const N: usize>(
        &self,
        wanted: [&str; N],
    ) -> Result<[(VersionEntry, Document); N], ApiError> {
        let VersionedNoun { circuit, table, noun, operations: (_, operation), .. } = *self.of;
        let id = self.id.as_str();
        let read = self.services.read(circuit, operation, async |conn| {
            let mut loaded = Vec::with_capacity(N);
            for version in wanted {
                let kept = versions::get(conn, table, id, version).await?;
                loaded.push((kept.entry.clone(), kept.into_content()?));
            }
            Ok(loaded)
        });
        let loaded = read.await.map_err(name_missing(noun, id))?;
        let count = |_| ApiError::Internal { cause: "another number of versions".into() };
        loaded.try_into().map_err(count)
    }

    /// Returns the path of the item.
    fn item(&self) -> String {
        format!("{}/{}", self.of.path, self.id.as_str())
    }
}

/// Lets clients keep a response that never changes.
async fn immutable(
    read: impl Future<Output = Result<HttpResponse, ApiError>>,
) -> Result<HttpResponse, ApiError> {
    let mut response = read.await?;
    response.headers_mut().insert(CACHE_CONTROL, IMMUTABLE);
    Ok(response)
}

fn value(content: &Document) -> Result<Value, ApiError> {
    serde_json::from_str(content.text())
        .map_err(|error| ApiError::Internal { cause: error.to_string() })
}
