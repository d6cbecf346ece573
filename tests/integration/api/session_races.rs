//! A refresh that waits in its COMMIT with its successor already inserted, against each way to end
//! sessions.

use futures_util::future::{Either, join, select};
use serde_json::{Value, json};

use crate::support::database::{self, sql};
use crate::support::{Answer, PASSWORD, Server, refresh_token, token};

/// Makes each COMMIT of a new session wait while the test holds the advisory lock 7.
const HOLD: &str = "
    CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(7);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER sessions_held AFTER INSERT ON sessions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_commit();";

struct Race {
    server: Server,
    admin: String,
    user_path: String,
    /// Another session of the same user.
    other: Answer,
    /// The session that is refreshed: its tokens, oldest first.
    tokens: Vec<Answer>,
}

async fn refresh(server: &Server, token: &str) -> Answer {
    server.post("/api/auth/refresh", "", &json!({"refresh_token": token})).await
}

impl Race {
    async fn begin() -> Self {
        let server = Server::start().await;
        let admin = server.admin().await;
        let (id, _) = server.user(&admin, "eva", "editor").await;
        let other = server.login("eva", PASSWORD).await.expect(200);
        let mut tokens = vec![server.login("eva", PASSWORD).await.expect(200)];
        for number in 0..2 {
            tokens.push(refresh(&server, &refresh_token(&tokens[number])).await.expect(200));
        }
        sql(&server.database_url, HOLD).await;
        Self { server, admin, user_path: format!("/api/auth/users/{id}"), other, tokens }
    }

    /// The id of the session that is refreshed.
    async fn id(&self) -> String {
        let listed =
            self.server.get("/api/auth/sessions", &token(&self.tokens[2])).await.expect(200).json();
        let current = |session: &&Value| session["current"] == true;
        listed["sessions"].as_array().unwrap().iter().find(current).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Ends sessions while the refresh waits in its COMMIT; asserts that none of its tokens works
    /// afterwards.
    async fn against(self, status: u16, ending: impl Future<Output = Answer>) {
        let (server, url) = (&self.server, &self.server.database_url);
        let client = database::connect(url).await;
        client.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
        let current = refresh_token(&self.tokens[2]);
        let refreshing = refresh(server, &current);
        let rest = async {
            database::until_locked(url, 1, "COMMIT%").await;
            // The ending waits for the refresh, or is already done.
            let blocked = std::pin::pin!(database::until_locked(url, 2, "%"));
            match select(std::pin::pin!(ending), blocked).await {
                Either::Left((ended, _)) => {
                    client.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
                    ended
                }
                Either::Right(((), ending)) => {
                    client.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
                    ending.await
                }
            }
        };
        let (refreshed, ended) = join(refreshing, rest).await;
        ended.expect(status);
        refresh(server, &current).await.expect(401);
        // The refresh committed first, and its successor was ended with the others.
        let refreshed = refreshed.expect(200);
        server
            .get("/api/auth/me", &token(&refreshed))
            .await
            .expect_error(401, "AUTHENTICATION_ERROR");
        refresh(server, &refresh_token(&refreshed)).await.expect_error(401, "AUTHENTICATION_ERROR");
    }
}

#[actix_web::test]
async fn refresh_races_password_change() {
    let race = Race::begin().await;
    let change = json!({"current_password": PASSWORD, "new_password": "another good password"});
    let (base, other) = (race.server.base.clone(), token(&race.other));
    race.against(200, Box::pin(post(base, "/api/auth/change-password", other, change))).await;
}

#[actix_web::test]
async fn refresh_races_log_out_with_parent_token() {
    let race = Race::begin().await;
    let body = json!({"refresh_token": refresh_token(&race.tokens[2])});
    let base = race.server.base.clone();
    race.against(200, Box::pin(post(base, "/api/auth/logout", String::new(), body))).await;
}

#[actix_web::test]
async fn refresh_races_suspension() {
    let race = Race::begin().await;
    let (url, admin) = (format!("{}{}", race.server.base, race.user_path), race.admin.clone());
    race.against(200, Box::pin(send(client().put(url), admin, json!({"status": "suspended"}))))
        .await;
}

#[actix_web::test]
async fn refresh_races_deletion() {
    let race = Race::begin().await;
    let (url, admin) = (format!("{}{}", race.server.base, race.user_path), race.admin.clone());
    race.against(200, Box::pin(send(client().delete(url), admin, json!({})))).await;
}

#[actix_web::test]
async fn refresh_races_password_reset() {
    let race = Race::begin().await;
    let request = "INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) \
                   SELECT encode(sha256('the-token'), 'hex'), user_id, now(), now() + interval \
                   '30 minutes' \
                   FROM users WHERE username = 'eva'";
    sql(&race.server.database_url, request).await;
    let body = json!({"token": "the-token", "new_password": "another good password"});
    let base = race.server.base.clone();
    race.against(
        200,
        Box::pin(post(base, "/api/auth/password-reset/confirm", String::new(), body)),
    )
    .await;
}

#[actix_web::test]
async fn refresh_races_end_of_one_session() {
    let race = Race::begin().await;
    let url = format!("{}/api/auth/sessions/{}", race.server.base, race.id().await);
    let other = token(&race.other);
    race.against(200, Box::pin(send(client().delete(url), other, json!({})))).await;
}

#[actix_web::test]
async fn refresh_races_end_of_other_sessions() {
    let race = Race::begin().await;
    let (url, other) = (format!("{}/api/auth/sessions", race.server.base), token(&race.other));
    race.against(200, Box::pin(send(client().delete(url), other, json!({})))).await;
}

#[actix_web::test]
async fn refresh_races_reuse_of_deleted_ancestor() {
    let race = Race::begin().await;
    let body = json!({"refresh_token": refresh_token(&race.tokens[0])});
    let base = race.server.base.clone();
    race.against(401, Box::pin(post(base, "/api/auth/refresh", String::new(), body))).await;
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn post(base: String, path: &'static str, token: String, body: Value) -> Answer {
    send(client().post(format!("{base}{path}")), token, body).await
}

async fn send(request: reqwest::RequestBuilder, token: String, body: Value) -> Answer {
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    let request = request.header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Answer { status, headers, text: answer.text().await.unwrap() }
}
