//! Progress bars of long commands, on stderr and only if that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// Creates a bar for a number of items, with their rate and the remaining time.
pub(super) fn item_bar(items: u64) -> ProgressBar {
    styled(ProgressBar::new(items), "{bar:40} {pos}/{len} items, {per_sec}, {eta} left")
}

/// Creates a bar for a number of bytes, with their rate and the remaining time; the message says
/// how many items they are.
pub(super) fn byte_bar(bytes: u64) -> ProgressBar {
    let template = "{bar:40} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left {msg}";
    styled(ProgressBar::new(bytes), template)
}

/// Creates a display of bytes whose total is not known.
pub(super) fn byte_counter() -> ProgressBar {
    styled(ProgressBar::no_length(), "{spinner} {bytes}, {bytes_per_sec}")
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
