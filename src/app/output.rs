//! Output of commands: results on stdout, warnings on stderr. Errors are `command_error`.

use std::io::Write;

use crate::app::command_error::CommandError;

/// Prints a line to stdout. A closed pipe is no error, so that `mdl export | head` succeeds.
pub(super) fn print_line(line: &str) -> Result<(), CommandError> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::failed(error))
        }
        _ => Ok(()),
    }
}

/// Prints a warning to stderr.
pub(super) fn print_warning(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "mdl: warning: {message}");
}
