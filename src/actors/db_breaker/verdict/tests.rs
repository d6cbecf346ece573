//! Tests of `actors::db_breaker::verdict`.

use super::*;

fn database_error(kind: DatabaseErrorKind, message: &str) -> StorageError {
    StorageError::Database(DieselError::DatabaseError(kind, Box::new(message.to_owned())))
}

#[test]
fn answers_of_the_database_are_alive() {
    for answer in [
        StorageError::NotFound,
        StorageError::InUse,
        database_error(DatabaseErrorKind::UniqueViolation, "duplicate key"),
        database_error(DatabaseErrorKind::Unknown, "syntax error at or near \"x\""),
        StorageError::Database(DieselError::RollbackTransaction),
    ] {
        assert_eq!(classify(&answer).verdict(), Verdict::Alive, "{answer:?}");
    }
}

#[test]
fn errors_are_classified_by_kind_and_message() {
    let unknown = |message| classify(&database_error(DatabaseErrorKind::Unknown, message));
    assert_eq!(unknown("deadlock detected"), ErrorKind::Conflict);
    assert_eq!(
        unknown("terminating connection due to administrator command"),
        ErrorKind::ConnectionLost
    );
    assert_eq!(
        unknown("canceling statement due to statement timeout"),
        ErrorKind::StatementTimeout
    );
    assert_eq!(unknown("canceling statement due to lock timeout"), ErrorKind::LockTimeout);
    for (kind, expected) in [
        (DatabaseErrorKind::SerializationFailure, ErrorKind::Conflict),
        (DatabaseErrorKind::UnableToSendCommand, ErrorKind::ConnectionLost),
    ] {
        assert_eq!(classify(&database_error(kind, "x")), expected);
    }
}

#[test]
fn limits_on_connections_are_recognised() {
    for limit in [
        "FATAL: sorry, too many clients already",
        "too many connections for role \"mdl\"",
        "remaining connection slots are reserved for non-replication superuser connections",
    ] {
        assert!(is_connection_limit(limit), "{limit}");
    }
    assert!(!is_connection_limit("the database system is starting up"));
}

#[test]
fn only_constraints_and_conflicts_prove_that_a_commit_was_rolled_back() {
    for certain in [
        database_error(DatabaseErrorKind::UniqueViolation, "duplicate key"),
        database_error(DatabaseErrorKind::ForeignKeyViolation, "violates foreign key"),
        database_error(DatabaseErrorKind::CheckViolation, "violates check"),
        database_error(DatabaseErrorKind::SerializationFailure, "could not serialize access"),
        database_error(DatabaseErrorKind::Unknown, "deadlock detected"),
    ] {
        assert!(proves_rollback(&certain), "{certain:?}");
    }
    for uncertain in [
        database_error(DatabaseErrorKind::Unknown, "something unrecognised"),
        database_error(DatabaseErrorKind::Unknown, "canceling statement due to user request"),
        database_error(DatabaseErrorKind::UnableToSendCommand, "connection closed"),
        database_error(DatabaseErrorKind::ReadOnlyTransaction, "read-only transaction"),
        StorageError::Database(DieselError::BrokenTransactionManager),
        StorageError::Database(DieselError::RollbackErrorOnCommit {
            rollback_error: Box::new(DieselError::BrokenTransactionManager),
            commit_error: Box::new(DieselError::BrokenTransactionManager),
        }),
    ] {
        assert!(!proves_rollback(&uncertain), "{uncertain:?}");
    }
}
