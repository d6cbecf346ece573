//! Tests of `actors::db_breaker::verdict`.

use super::*;
use crate::postgres::server_error::ServerError;

fn database_error(kind: DatabaseErrorKind, message: &str) -> StorageError {
    StorageError::Database(DieselError::DatabaseError(kind, Box::new(message.to_owned())))
}

/// Errors of a German server: no message is in English.
fn errors_of(state: &str, is_fatal: bool) -> (StorageError, RecentErrors) {
    let message = "irgendeine Meldung";
    let errors = RecentErrors::default();
    errors.push(ServerError::new(state, is_fatal, message));
    (database_error(DatabaseErrorKind::Unknown, message), errors)
}

fn kind(state: &str, is_fatal: bool) -> ErrorKind {
    let (error, errors) = errors_of(state, is_fatal);
    classify(&error, &errors)
}

#[test]
fn answers_of_the_database_are_alive() {
    for answer in [
        StorageError::NotFound,
        StorageError::InUse,
        database_error(DatabaseErrorKind::UniqueViolation, "duplicate key"),
        database_error(DatabaseErrorKind::Unknown, "deadlock detected, says a text"),
        StorageError::Database(DieselError::RollbackTransaction),
    ] {
        let found = classify(&answer, &RecentErrors::default());
        assert_eq!(found.verdict(), Verdict::Alive, "{answer:?}");
    }
}

#[test]
fn each_sqlstate_has_its_kind() {
    for (states, expected) in [
        (&["40001", "40P01", "40002"][..], ErrorKind::Conflict),
        (&["55P03"], ErrorKind::LockTimeout),
        (&["57014"], ErrorKind::StatementTimeout),
        (&["25006"], ErrorKind::ReadOnly),
        (&["57P01", "57P02", "57P03", "57P04", "57P05"], ErrorKind::ConnectionLost),
        (&["53000", "53100", "53200", "53300"], ErrorKind::ConnectionLost),
        (&["08000", "08006", "08P01", "58030", "40003"], ErrorKind::ConnectionLost),
        (&["25P03", "25P04", "28000", "28P01", "3D000"], ErrorKind::ConnectionLost),
        (&["42501", "42601", "42P01", "25P02", "22P02", "23505"], ErrorKind::Answer),
        (&["XX000", "P0001", "55006", "0A000", "53400"], ErrorKind::Answer),
    ] {
        for state in states {
            assert_eq!(kind(state, false), expected, "{state}");
        }
    }
}

#[test]
fn fatal_error_is_a_lost_connection_whatever_its_sqlstate() {
    assert_eq!(kind("XX000", true), ErrorKind::ConnectionLost);
    assert_eq!(kind("53400", true), ErrorKind::ConnectionLost);
    assert_eq!(kind("57P01", true), ErrorKind::ConnectionLost);
}

#[test]
fn errors_of_the_driver_are_lost_connections() {
    for (kind, expected) in [
        (DatabaseErrorKind::SerializationFailure, ErrorKind::Conflict),
        (DatabaseErrorKind::ReadOnlyTransaction, ErrorKind::ReadOnly),
        (DatabaseErrorKind::UnableToSendCommand, ErrorKind::ConnectionLost),
        (DatabaseErrorKind::ClosedConnection, ErrorKind::ConnectionLost),
    ] {
        let found = classify(&database_error(kind, "x"), &RecentErrors::default());
        assert_eq!(found, expected);
    }
}

#[test]
fn errors_that_keep_the_connection_prove_that_a_commit_was_rolled_back() {
    for certain in [
        database_error(DatabaseErrorKind::UniqueViolation, "duplicate key"),
        database_error(DatabaseErrorKind::ForeignKeyViolation, "violates foreign key"),
        database_error(DatabaseErrorKind::CheckViolation, "violates check"),
        database_error(DatabaseErrorKind::SerializationFailure, "could not serialize access"),
    ] {
        assert!(proves_rollback(&certain, &RecentErrors::default()), "{certain:?}");
    }
    for state in ["23505", "25006", "40001", "40P01", "53100", "53400", "55P03", "55006", "57014"] {
        let (certain, errors) = errors_of(state, false);
        assert!(proves_rollback(&certain, &errors), "{state}");
    }
    for state in ["40003", "57P01", "58030", "XX000", "P0001", "08006"] {
        let (uncertain, errors) = errors_of(state, false);
        assert!(!proves_rollback(&uncertain, &errors), "{state}");
    }
    for state in ["53200", "55P03", "57014"] {
        let (uncertain, errors) = errors_of(state, true);
        assert!(!proves_rollback(&uncertain, &errors), "fatal {state}");
    }
    for uncertain in [
        database_error(DatabaseErrorKind::Unknown, "something unrecognised"),
        database_error(DatabaseErrorKind::UnableToSendCommand, "connection closed"),
        database_error(DatabaseErrorKind::ReadOnlyTransaction, "read-only transaction"),
        StorageError::Database(DieselError::BrokenTransactionManager),
        StorageError::Database(DieselError::RollbackErrorOnCommit {
            rollback_error: Box::new(DieselError::BrokenTransactionManager),
            commit_error: Box::new(DieselError::BrokenTransactionManager),
        }),
    ] {
        assert!(!proves_rollback(&uncertain, &RecentErrors::default()), "{uncertain:?}");
    }
}

#[test]
fn connections_end_that_are_lost_or_lead_to_a_server_that_is_not_the_primary() {
    assert!(ErrorKind::ConnectionLost.ends_connection() && ErrorKind::ReadOnly.ends_connection());
    for kept in [
        ErrorKind::Answer,
        ErrorKind::Conflict,
        ErrorKind::StatementTimeout,
        ErrorKind::LockTimeout,
    ] {
        assert!(!kept.ends_connection(), "{kept:?}");
    }
}
