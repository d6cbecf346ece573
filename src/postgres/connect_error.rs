//! What the text of an error says about why no connection could be opened. The text ends with the
//! SQLSTATE of the server, if there is one; the rest is in the language of the server and is not
//! read. If several hosts failed, each error is judged, and the text of all is in brackets,
//! followed by the SQLSTATE on which they agree.

use diesel::ConnectionError;

/// The error of a host that is not the primary.
pub(super) const IS_READ_ONLY: &str = "the server is read-only";
/// The error of a host that is no standby.
pub(super) const IS_NOT_READ_ONLY: &str = "the server is not read-only";

/// SQLSTATEs of a server that will refuse the next connection, too: invalid authorisation, invalid
/// password, unknown database, missing privilege.
const REJECTIONS: [&str; 4] = ["28000", "28P01", "3D000", "42501"];
/// The SQLSTATE of a server or role whose connections are all in use.
const CONNECTION_LIMIT: &str = "53300";

/// Whether the server refused a connection for a reason that only an operator can remove.
pub fn is_rejection(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::BadConnection(text) if rejection(text).is_some())
}

fn rejection(text: &str) -> Option<&'static str> {
    REJECTIONS.into_iter().find(|state| has_state(text, state))
}

/// Whether the server refused a connection because of a limit on connections: it is available.
/// `PgBouncer` has no SQLSTATE for its own limit, and its messages are never translated.
pub fn is_connection_limit(text: &str) -> bool {
    let is_one_host = !text.starts_with('[');
    has_state(text, CONNECTION_LIMIT)
        || (is_one_host && text.contains("no more connections allowed"))
}

fn has_state(text: &str, state: &str) -> bool {
    text.ends_with(&format!("(SQLSTATE {state})"))
}

/// Combines the errors of the hosts that were tried. Together they are a limit or a rejection only
/// if no host failed otherwise; one that is not the wanted kind of server does not count.
pub(super) fn combine(mut errors: Vec<(String, String)>) -> ConnectionError {
    if errors.len() == 1
        && let Some((_, error)) = errors.pop()
    {
        return ConnectionError::BadConnection(error);
    }
    let is_wanted = |text: &&str| ![IS_READ_ONLY, IS_NOT_READ_ONLY].contains(text);
    let texts = || errors.iter().map(|(_, error)| error.as_str()).filter(is_wanted);
    let state = if texts().all(is_connection_limit) {
        texts().next().map(|_| CONNECTION_LIMIT)
    } else if texts().all(|text| rejection(text).is_some()) {
        texts().find_map(rejection)
    } else {
        None
    };
    let named = errors.iter().map(|(host, error)| format!("{host}: {error}"));
    let named = named.collect::<Vec<_>>().join("; ");
    ConnectionError::BadConnection(match state {
        Some(state) => format!("[{named}] (SQLSTATE {state})"),
        None => format!("[{named}]"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: &str = "db error: FATAL: schon zu viele Verbindungen (SQLSTATE 53300)";
    const POOLER_LIMIT: &str = "db error: FATAL: no more connections allowed (SQLSTATE 08P01)";
    const REJECTED: &str = "db error: FATAL: falsches Passwort (SQLSTATE 28P01)";
    const REFUSED: &str = "error connecting to server: Connection refused";

    /// Returns whether errors of several hosts are together a limit, and whether a rejection.
    fn verdict(errors: &[&str]) -> (bool, bool) {
        let named = errors.iter().map(|error| ("h".to_owned(), (*error).to_owned()));
        let combined = combine(named.collect());
        (is_connection_limit(&combined.to_string()), is_rejection(&combined))
    }

    #[test]
    fn limits_on_connections_are_recognised() {
        for limit in [LIMIT, POOLER_LIMIT] {
            assert!(is_connection_limit(limit), "{limit}");
        }
        assert!(!is_connection_limit("das Datenbanksystem startet (SQLSTATE 57P03)"));
    }

    #[test]
    fn each_host_is_judged_in_any_order() {
        for (errors, expected) in [
            (&[LIMIT, LIMIT][..], (true, false)),
            (&[LIMIT, POOLER_LIMIT], (true, false)),
            (&[LIMIT, IS_READ_ONLY], (true, false)),
            (&[LIMIT, REFUSED], (false, false)),
            (&[POOLER_LIMIT, REFUSED], (false, false)),
            (&[REJECTED, IS_READ_ONLY], (false, true)),
            (&[REJECTED, REJECTED], (false, true)),
            (&[REJECTED, REFUSED], (false, false)),
            (&[REJECTED, LIMIT], (false, false)),
            (&[IS_READ_ONLY, IS_NOT_READ_ONLY], (false, false)),
            (&[REFUSED, REFUSED, LIMIT], (false, false)),
            (&[LIMIT], (true, false)),
            (&[REJECTED], (false, true)),
        ] {
            let backwards: Vec<_> = errors.iter().rev().copied().collect();
            assert_eq!(verdict(errors), expected, "{errors:?}");
            assert_eq!(verdict(&backwards), expected, "{backwards:?}");
        }
    }

    #[test]
    fn hosts_are_named_with_their_errors() {
        let errors = [("a:1", REFUSED), ("b:2", IS_READ_ONLY)];
        let errors = errors.map(|(host, error)| (host.to_owned(), error.to_owned()));
        let text = combine(errors.to_vec()).to_string();
        assert_eq!(text, format!("[a:1: {REFUSED}; b:2: {IS_READ_ONLY}]"));
    }
}
