//! Output of commands: results on stdout, warnings on stderr. Errors are `command_error`.

use std::io::Write;

use crate::app::command_error::CommandError;
use crate::model::characters::is_hidden;

/// Prints a line to stdout. A closed pipe is no error, so that `mdl export | head` succeeds.
pub(super) fn print_line(line: &str) -> Result<(), CommandError> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::failed(error))
        }
        _ => Ok(()),
    }
}

/// Returns a text that a terminal shows as it is: control characters and invisible ones, which
/// could change what is shown, are replaced.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Prints a note to stderr, for example how much of a result is shown.
pub(super) fn print_note(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "mdl: {message}");
}

/// Prints a warning to stderr.
pub(super) fn print_warning(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "mdl: warning: {message}");
}
