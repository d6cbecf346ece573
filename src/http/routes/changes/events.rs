//! Changes as server-sent events (HTML Standard, 9.2): blocks of lines, each of them ended by an
//! empty one. JSON text has no line breaks, and cursors have none.

use std::fmt::Write;

use crate::model::changes::{CatalogueChange, ChangeCursor};

/// A comment, which keeps proxies from closing the connection.
pub(super) const HEARTBEAT: &str = ": heartbeat\n\n";

/// Returns what a stream begins with: when to connect again (in milliseconds), and the place where
/// it begins, so that a client that receives no event goes on from there.
pub(super) fn prelude(start: ChangeCursor) -> String {
    format!("retry: 2000\nid: {}\n\n", start.encode())
}

/// Appends a change.
///
/// # Errors
/// If it cannot be serialised.
pub(super) fn append(text: &mut String, change: &CatalogueChange) -> serde_json::Result<()> {
    let data = serde_json::to_string(change)?;
    // Writing to a text cannot fail.
    let _ = write!(text, "id: {}\nevent: change\ndata: {data}\n\n", change.cursor);
    Ok(())
}
