//! All changes of the catalogue with their contents, as `mdl export --versions` writes them and
//! `mdl import` restores them: [`export`] reads them in batches, [`import`] writes them into an
//! empty catalogue. The file is in `model::version_records`.

pub mod export;
pub mod import;
