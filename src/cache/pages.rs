//! The contents of pages as each reader saw them last, for when the database is unavailable. They
//! are never sent while it answers.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::weighted;
use crate::model::users::Role;

/// Maximum weight of all pages, in bytes.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// About what a page takes beside its texts, in bytes.
const OVERHEAD: usize = 256;

/// Who saw a page: a user in this role, or someone without a session.
pub type PageReader = Option<(Uuid, Role)>;

/// A page as it was sent.
#[derive(Debug)]
pub struct KeptPage {
    pub title: String,
    /// HTML without the frame of the page.
    pub content: String,
    /// The nonce that is in the content.
    pub nonce: String,
    pub at: DateTime<Utc>,
}

#[derive(Clone)]
struct PageBytes;

impl Weighter<(PageReader, String), Arc<KeptPage>> for PageBytes {
    fn weight(&self, (_, path): &(PageReader, String), page: &Arc<KeptPage>) -> u64 {
        let bytes = path.len() + page.title.len() + page.content.len() + OVERHEAD;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// The pages of all readers.
pub struct PageCache(Cache<(PageReader, String), Arc<KeptPage>, PageBytes>);

impl std::fmt::Debug for PageCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PageCache").field("pages", &self.0.len()).finish()
    }
}

impl Default for PageCache {
    fn default() -> Self {
        Self(weighted::bounded(MAX_BYTES, PageBytes))
    }
}

impl PageCache {
    /// Keeps the page with this path and query as this reader saw it.
    pub fn insert(&self, reader: PageReader, path: String, page: KeptPage) {
        self.0.insert((reader, path), Arc::new(page));
    }

    /// Returns the page as this reader saw it last.
    pub fn get(&self, reader: PageReader, path: &str) -> Option<Arc<KeptPage>> {
        self.0.get(&(reader, path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_belong_to_their_reader_and_are_bounded() {
        let (pages, user) = (PageCache::default(), Uuid::from_u128(1));
        let page = |content: &str| KeptPage {
            title: String::new(),
            content: content.to_owned(),
            nonce: String::new(),
            at: DateTime::UNIX_EPOCH,
        };
        pages.insert(Some((user, Role::Editor)), "/a".into(), page("seen"));
        let seen = |reader, path| pages.get(reader, path).map(|page| page.content.clone());
        assert_eq!(seen(Some((user, Role::Editor)), "/a").as_deref(), Some("seen"));
        for reader in [None, Some((user, Role::Viewer)), Some((Uuid::nil(), Role::Editor))] {
            assert_eq!(seen(reader, "/a"), None);
        }
        assert_eq!(seen(Some((user, Role::Editor)), "/b"), None);
        let large = "x".repeat(1024 * 1024);
        for number in 0..20 {
            pages.insert(None, format!("/{number}"), page(&large));
        }
        assert!(pages.0.weight() <= MAX_BYTES, "{}", pages.0.weight());
    }
}
