//! Progress bars of long commands, on stderr and only if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Template of a bar of bytes.
const BYTES: &str = "{bar:40} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left {msg}";

/// Creates a bar for a number of items, with their rate and the remaining time.
pub(super) fn item_bar(items: u64) -> ProgressBar {
    styled(ProgressBar::new(items), "{bar:40} {pos}/{len} items, {per_sec}, {eta} left")
}

/// Creates a bar for a number of bytes, with their rate and the remaining time. The message says
/// how many items they are, see [`show_items`].
pub(super) fn byte_bar(bytes: u64) -> ProgressBar {
    styled(ProgressBar::new(bytes), BYTES)
}

/// Shows in a bar of bytes how many items were done, and how many in a second on average.
pub(super) fn show_items(bar: &ProgressBar, items: usize) {
    bar.set_message(items_message(items, bar.elapsed()));
}

fn items_message(items: usize, elapsed: Duration) -> String {
    let rate = (items as u128).saturating_mul(1000).checked_div(elapsed.as_millis()).unwrap_or(0);
    format!("({items} items, {rate} items/s)")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_of_items_is_that_since_the_beginning() {
        let message = |items, millis| items_message(items, Duration::from_millis(millis));
        assert_eq!(message(12_500, 2_500), "(12500 items, 5000 items/s)");
        assert_eq!(message(1, 3_000), "(1 items, 0 items/s)");
        assert_eq!(message(0, 0), "(0 items, 0 items/s)");
    }

    #[test]
    fn template_of_bytes_shows_their_rate_the_rest_and_the_items() {
        assert!(ProgressStyle::with_template(BYTES).is_ok());
        for part in ["{bytes}", "{bytes_per_sec}", "{eta}", "{msg}"] {
            assert!(BYTES.contains(part), "{part}");
        }
    }
}
