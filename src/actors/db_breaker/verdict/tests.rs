//! Tests of `actors::db_breaker::verdict`.

use super::*;

fn said(kind: DatabaseErrorKind, message: &str) -> StorageError {
    StorageError::Database(DieselError::DatabaseError(kind, Box::new(message.to_owned())))
}

#[test]
fn refusals_are_signs_of_life() {
    for answer in [
        StorageError::NotFound,
        StorageError::InUse,
        said(DatabaseErrorKind::UniqueViolation, "duplicate key"),
        said(DatabaseErrorKind::Unknown, "syntax error at or near \"x\""),
        StorageError::Database(DieselError::RollbackTransaction),
    ] {
        assert_eq!(kind(&answer).verdict(), Verdict::Alive, "{answer:?}");
    }
}

#[test]
fn faults_and_conflicts_are_told_apart() {
    let unknown = |message| kind(&said(DatabaseErrorKind::Unknown, message));
    assert_eq!(unknown("deadlock detected"), Kind::Retry);
    assert_eq!(unknown("terminating connection due to administrator command"), Kind::Broken);
    assert_eq!(unknown("canceling statement due to statement timeout"), Kind::TooSlow);
    assert_eq!(kind(&said(DatabaseErrorKind::SerializationFailure, "x")), Kind::Retry);
    assert_eq!(kind(&said(DatabaseErrorKind::UnableToSendCommand, "x")), Kind::Broken);
}
