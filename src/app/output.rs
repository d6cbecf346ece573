//! What commands write to stdout.

use std::io::Write;

use super::failure::Failure;

/// Writes a line to stdout; a reader that has gone is no error.
pub(super) fn say(line: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(error.to_string()))
        }
        _ => Ok(()),
    }
}
