//! Authority that ends while a request without a body waits for the row of its caller is not used:
//! the transaction that waited reads session, role and status again after it got the lock.

use futures_util::future::join;
use tokio_postgres::Client;

use crate::api::authority_recheck::{Victim, create_victim};
use crate::support::{Server, database};

/// A change that commits while the request waits.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Suspension,
    RevokedSession,
    Demotion,
}

impl Ending {
    fn sql(self, user_id: &str) -> String {
        match self {
            Self::Suspension => {
                format!("UPDATE users SET status = 'suspended' WHERE user_id = '{user_id}'")
            }
            Self::RevokedSession => format!(
                "UPDATE sessions SET revoked_at = now() \
                 WHERE user_id = '{user_id}' AND rotated_at IS NULL"
            ),
            Self::Demotion => {
                format!("UPDATE users SET role = 'viewer' WHERE user_id = '{user_id}'")
            }
        }
    }

    fn refusal_status(self) -> u16 {
        if matches!(self, Self::Demotion) { 403 } else { 401 }
    }
}

/// Counts all that the requests of this file would remove: live keys, live sessions, users.
async fn count_live(client: &Client) -> [i64; 3] {
    let counts = "SELECT (SELECT count(*) FROM api_keys WHERE revoked_at IS NULL), \
                  (SELECT count(*) FROM sessions WHERE revoked_at IS NULL), \
                  (SELECT count(*) FROM users)";
    let row = client.query_one(counts, &[]).await.unwrap();
    [row.get(0), row.get(1), row.get(2)]
}

/// Sends a DELETE that waits for the caller's row, ends the authority in the transaction that holds
/// the row, and expects a refusal that removed nothing.
async fn assert_refused(server: &Server, path: &str, victim: &Victim, ending: Ending) {
    let client = database::connect(&server.database_url).await;
    let hold = format!("BEGIN; SELECT FROM users WHERE user_id = '{}' FOR UPDATE", victim.id);
    client.batch_execute(&hold).await.unwrap();
    let end = async {
        database::until_locked(&server.database_url, 1, "%users%").await;
        client.batch_execute(&ending.sql(&victim.id)).await.unwrap();
        let live = count_live(&client).await;
        client.batch_execute("COMMIT").await.unwrap();
        live
    };
    let (answer, live) = join(server.delete(path, &victim.token), end).await;
    let expected = ending.refusal_status();
    assert_eq!(answer.status, expected, "{path} after {ending:?}: {}", answer.text);
    assert_eq!(count_live(&client).await, live, "{path} after {ending:?}");
}

/// The id of a session of this user that is not the one of its token.
async fn other_session(server: &Server, victim: &Victim) -> String {
    let listed = server.get("/api/auth/sessions", &victim.token).await.expect(200).json();
    let sessions = listed["sessions"].as_array().unwrap();
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    other["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn deletion_that_waited_for_the_callers_row_is_refused_after_its_authority_ended() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut number = 0;
    for ending in [Ending::Suspension, Ending::RevokedSession] {
        for route in [
            "/api/auth/api-keys/{key}",
            "/api/auth/api-keys",
            "/api/auth/sessions/{id}",
            "/api/auth/sessions",
        ] {
            let victim = create_victim(&server, &admin, number).await;
            let session = other_session(&server, &victim).await;
            let path = route.replace("{key}", &victim.key_id).replace("{id}", &session);
            assert_refused(&server, &path, &victim, ending).await;
            number += 1;
        }
    }
    let (other_user, _) = server.user(&admin, "other", "viewer").await;
    for ending in [Ending::Suspension, Ending::RevokedSession, Ending::Demotion] {
        let victim = create_victim(&server, &admin, number).await;
        let path = format!("/api/auth/users/{other_user}");
        assert_refused(&server, &path, &victim, ending).await;
        number += 1;
    }
}
