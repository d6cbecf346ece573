//! What the lists of metrics and business domains as of an instant have in common: they differ in
//! their tables, filters and paths.

use actix_web::HttpResponse;

use super::versions::VersionedNoun;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::cache_key::CacheKey;
use crate::http::catalogue::cached_read;
use crate::http::catalogue::known_list::ListLookup;
use crate::http::catalogue::selected::select;
use crate::http::error::ApiError;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::conditions::IfNoneMatch;
use crate::http::response::cached_part;
use crate::model::fields::FieldSelection;
use crate::storage::versions::past::{self, PastList};

/// A read of a list as of an instant.
pub(super) struct PastRead<'a> {
    pub(super) services: &'a CatalogueServices,
    pub(super) of: &'static VersionedNoun,
    pub(super) parameters: &'a [(String, String)],
    pub(super) fields: Option<&'a FieldSelection>,
    pub(super) encoding: AcceptedEncoding,
    pub(super) if_none_match: &'a IfNoneMatch,
}

impl PastRead<'_> {
    /// Reads the list. A change may still be committed with a time that has just passed, so this is
    /// read again after each change of the catalogue, as the present list is.
    pub(super) async fn list(self, list: &PastList) -> Result<HttpResponse, ApiError> {
        let Self { services, parameters, fields, .. } = self;
        let VersionedNoun { circuit, table, path, list_operation, .. } = *self.of;
        let key = CacheKey::of_list(path, parameters);
        let load = async || {
            let lookup = ListLookup::new(services, path, parameters, &list.paging);
            let read = services.read(circuit, list_operation, async |conn| {
                past::list(conn, table, list, lookup.known.total).await
            });
            let (contents, part) = read.await?;
            lookup.insert(services, &part, Vec::new());
            let items = contents.into_iter().map(|content| select(content, fields));
            let items = items.collect::<Result<_, _>>()?;
            cached_part(path, parameters, part.describe(), items)
        };
        cached_read::read(services, &key, self.encoding, self.if_none_match, load).await
    }
}
