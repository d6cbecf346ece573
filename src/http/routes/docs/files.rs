//! The files of Swagger UI, prepared once: with our title and configuration.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use actix_web::web::Bytes;
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::Config;

use crate::credentials::digest::hex;

/// Path of the OpenAPI document.
pub(super) const DOCUMENT: &str = "/api-docs/openapi.json";
/// Files that the page loads. The first is the page itself.
const NAMES: [&str; 8] = [
    "index.html",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];
/// Files whose content is ours: always revalidated.
const OWN: [&str; 2] = ["index.html", "swagger-initializer.js"];
const TITLE: (&str, &str) =
    ("<title>Swagger UI</title>", "<title>MDL: Metrics Definition Library</title>");

static FILES: LazyLock<BTreeMap<&'static str, PageFile>> = LazyLock::new(|| {
    // The default validator would send the URL of the document to another host.
    let config = Config::new([DOCUMENT]).validator_url("none").persist_authorization(true);
    let config = Arc::new(config);
    let files = NAMES.into_iter().filter_map(|name| {
        let file = utoipa_swagger_ui::serve(name, config.clone()).ok().flatten()?;
        let bytes = match std::str::from_utf8(&file.bytes) {
            Ok(page) if name == NAMES[0] => page.replace(TITLE.0, TITLE.1).into_bytes(),
            _ => file.bytes.into_owned(),
        };
        Some((name, PageFile::new(bytes.into(), file.content_type, !OWN.contains(&name))))
    });
    files.collect()
});

/// A file with what its response needs.
#[derive(Debug)]
pub(super) struct PageFile {
    pub(super) bytes: Bytes,
    pub(super) content_type: String,
    /// SHA-256 of the bytes: the entity tag.
    pub(super) digest: String,
    /// Whether it changes only with a new version of Swagger UI.
    is_asset: bool,
}

impl PageFile {
    /// Prepares a file; an asset may be kept without revalidation for an hour.
    pub(super) fn new(bytes: Bytes, content_type: String, is_asset: bool) -> Self {
        let digest = hex(&Sha256::digest(&bytes));
        Self { bytes, content_type, digest, is_asset }
    }

    /// Returns the value of `Cache-Control`.
    pub(super) fn cache_control(&self) -> &'static str {
        if self.is_asset { "public, max-age=3600" } else { "no-cache" }
    }
}

/// Returns a file by its name; the page for the empty name.
pub(super) fn page_file(name: &str) -> Option<&'static PageFile> {
    FILES.get(if name.is_empty() { NAMES[0] } else { name })
}
