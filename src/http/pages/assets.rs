//! The scripts and style sheets of the pages, in the binary. The name of each has a part of its
//! SHA-256, so that browsers keep it for ever and get a new one at once. `assets/README.md` says
//! where they come from.

use std::borrow::Cow;
use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::Embed;

use super::PageTable;
use crate::credentials::digest::hex;
use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::unmatched::NO_ROUTE;

const FOLDER: &str = "/dashboard/assets";
/// A year: as long as a response may be kept (RFC 9111, RFC 8246).
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Bytes of the digest that are in the name of a file.
const DIGEST_BYTES: usize = 8;

#[derive(Embed)]
#[folder = "assets/"]
struct EmbeddedFiles;

/// A file that pages load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asset {
    Htmx,
    HtmxCsp,
    HtmxSse,
    Script,
    SimpleCss,
    Style,
    Icon,
}

const ALL: [(Asset, &str, &str); 7] = [
    (Asset::Htmx, "htmx.js", "text/javascript; charset=utf-8"),
    (Asset::HtmxCsp, "hx-csp.js", "text/javascript; charset=utf-8"),
    (Asset::HtmxSse, "hx-sse.js", "text/javascript; charset=utf-8"),
    (Asset::Script, "pages.js", "text/javascript; charset=utf-8"),
    (Asset::SimpleCss, "simple.css", "text/css; charset=utf-8"),
    (Asset::Style, "pages.css", "text/css; charset=utf-8"),
    (Asset::Icon, "icon.svg", "image/svg+xml"),
];

static FILES: LazyLock<Vec<AssetFile>> =
    LazyLock::new(|| ALL.into_iter().filter_map(AssetFile::load).collect());

/// A file with what its response needs.
struct AssetFile {
    asset: Asset,
    /// Its name with the digest.
    name: String,
    content_type: &'static str,
    bytes: Bytes,
}

impl AssetFile {
    fn load((asset, name, content_type): (Asset, &str, &'static str)) -> Option<Self> {
        let file = EmbeddedFiles::get(name)?;
        let digest = file.metadata.sha256_hash();
        let (stem, extension) = name.split_once('.')?;
        let name = format!("{stem}.{}.{extension}", hex(digest.get(..DIGEST_BYTES)?));
        let bytes = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        Some(Self { asset, name, content_type, bytes })
    }
}

impl Asset {
    /// Returns the path of the file, for links in pages.
    pub(super) fn path(self) -> String {
        let file = FILES.iter().find(|file| file.asset == self);
        format!("{FOLDER}/{}", file.map_or("missing", |file| &file.name))
    }
}

/// Adds the files to the table of pages.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.assets("/dashboard/assets/{file}", send)
}

async fn send(_: Anyone, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let name = request.match_info().query("file");
    let file = FILES.iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| ApiError::NotFound(NO_ROUTE.into()))?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, IMMUTABLE))
        // Weak, because a response may be compressed.
        .insert_header((ETAG, format!("W/\"{}\"", file.name)))
        .content_type(file.content_type)
        .body(file.bytes.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_the_binary_and_together_they_are_small() {
        assert_eq!(FILES.len(), ALL.len());
        let bytes: usize = FILES.iter().map(|file| file.bytes.len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes");
        let path = Asset::Htmx.path();
        let digest = path.strip_prefix("/dashboard/assets/htmx.").unwrap();
        assert_eq!(digest.strip_suffix(".js").unwrap().len(), 16, "{path}");
    }
}
