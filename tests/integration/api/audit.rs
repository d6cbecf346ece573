//! The audit log through the API: rows of actions, their values, and the queries on them.

use serde_json::json;

use crate::support::{PASSWORD, Server};

const KEYS: &str = "/api/auth/api-keys";

#[actix_web::test]
async fn row_of_an_action_names_actor_target_address_and_request() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (eva_id, eva) = server.user(&admin, "eva", "editor").await;
    let (id, key) = server.key(&eva, &["metrics:read"]).await;
    server.patch(&format!("{KEYS}/{id}"), &eva, &json!({"name": "other"})).await.expect(200);
    let rotated = server
        .post(&format!("{KEYS}/{id}/rotate"), &eva, &json!({"grace_minutes": 5}))
        .await
        .expect(201);
    let answer = server.delete(&format!("{KEYS}/{id}"), &admin).await.expect(200);
    let log = server.get("/api/v1/audit?target=", &admin).await;
    log.expect_error(400, "VALIDATION_ERROR");
    let log = server.get(&format!("/api/v1/audit?target={id}"), &admin).await.expect(200);
    let entries = log.json()["data"].as_array().unwrap().clone();
    let actions: Vec<&str> =
        entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["api_key.revoked", "api_key.rotated", "api_key.updated", "api_key.created"]
    );
    let revoked = &entries[0];
    assert_eq!((&revoked["actor"], &revoked["target"]), (&json!("admin"), &json!("other")));
    assert_eq!(revoked["address"], "127.0.0.1");
    assert_eq!(revoked["request_id"], answer.header("x-request-id"));
    assert_eq!(revoked["details"]["owner"], "eva");
    assert!(revoked["occurred_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(entries[1]["details"]["grace_minutes"], 5);
    assert_eq!(entries[1]["details"]["successor"], rotated.json()["key_info"]["id"]);
    assert!(!log.text.contains(&key) && !log.text.contains(&key[8..]));

    server
        .put(&format!("/api/auth/users/{eva_id}"), &admin, &json!({"role": "viewer"}))
        .await
        .expect(200);
    let change = json!({"current_password": PASSWORD, "new_password": "another one for tests"});
    server.post("/api/auth/change-password", &eva, &change).await.expect(200);
    let total = async |query: &str| {
        server.get(&format!("/api/v1/audit?{query}"), &admin).await.expect(200).json()["pagination"]
            ["total"]
            .clone()
    };
    assert_eq!(total("action=user.password_changed").await, 1);
    assert_eq!(total("action=user.updated&actor=ADMIN").await, 1);
    assert_eq!(total("action=api_key.revoked").await, 2, "a password change revokes the successor");
    assert_eq!(total("actor=unknown").await, 0);
    assert_eq!(total("until=2026-01-01T00:00:00Z").await, 0);
    assert_eq!(total(&format!("since=2026-01-01T00:00:00Z&target={id}")).await, 4);
    let page = server.get("/api/v1/audit?limit=1&page=2", &admin).await.expect(200);
    assert!(page.header("link").contains("rel=\"prev\""));
    server.delete(&format!("/api/auth/users/{eva_id}"), &admin).await.expect(200);
    assert_eq!(total("actor=eva").await, json!(6), "rows are kept when their actor is deleted");
}

#[actix_web::test]
async fn audit_log_is_for_administrators_and_refuses_bad_parameters() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    server.get("/api/v1/audit", &eva).await.expect_error(403, "AUTHORIZATION_ERROR");
    server.get("/api/v1/audit", "").await.expect_error(401, "AUTHENTICATION_ERROR");
    for query in [
        "actor=",
        "action=x",
        "action=x.*",
        "target=",
        "outcome=x",
        "since=now",
        "until=1",
        "limit=101",
        "x=1",
        "actor=a&actor=b",
    ] {
        server
            .get(&format!("/api/v1/audit?{query}"), &admin)
            .await
            .expect_error(400, "VALIDATION_ERROR");
    }
}

#[actix_web::test]
async fn refused_action_has_no_row_of_success() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    let (id, _) = server.key(&admin, &["admin"]).await;
    let done = "/api/v1/audit?outcome=success";
    let before = server.get(done, &admin).await.json()["pagination"]["total"].clone();
    server.delete(&format!("{KEYS}/{id}"), &eva).await.expect(403);
    server.post(KEYS, &eva, &json!({"name": "x", "scopes": ["admin"]})).await.expect(403);
    server.patch(&format!("{KEYS}/{id}"), &eva, &json!({"name": "x"})).await.expect(404);
    assert_eq!(server.get(done, &admin).await.json()["pagination"]["total"], before);
}

#[actix_web::test]
async fn both_request_ids_are_in_row_and_log() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let body = crate::support::json_body(&json!({"domain_id": "d", "name": "D"}));
    let headers = [("x-request-id", "chosen-by-client")];
    server
        .send(reqwest::Method::POST, "/api/v1/domains", &admin, &headers, Some(body))
        .await
        .expect(201);
    let row = server.get("/api/v1/audit?target=D&action=domain.*", &admin).await.expect(200).json()
        ["data"][0]
        .clone();
    assert_eq!(row["request_id"], "chosen-by-client");
    let own = row["server_request_id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(own).unwrap().get_version_num(), 7);
    let lines = server.logs.lines();
    let of_request = |message: &str| {
        let found = lines
            .iter()
            .find(|line| line["msg"] == message && line["request_id"] == "chosen-by-client");
        found.unwrap_or_else(|| panic!("no {message}")).clone()
    };
    assert_eq!(of_request("request")["server_request_id"], own);
    let event = of_request("audit");
    assert_eq!((&event["server_request_id"], &event["event_id"]), (&json!(own), &row["event_id"]));
    assert_eq!(
        (&event["action"], &event["actor"], &event["target"]),
        (&row["action"], &row["actor"], &row["target"])
    );
}

#[actix_web::test]
async fn catalogue_changes_show_versions_and_values() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &crate::support::samples::metric("m")).await.expect(201);
    let change = json!({"name": "Other", "tags": ["x"], "tier": "Tier-3"});
    server.put("/api/v1/metrics/m", &admin, &change).await.expect(200);
    server.put("/api/v1/metrics/m", &admin, &json!({"name": "Other"})).await.expect(200);
    server
        .put(
            "/api/v1/domains/d2",
            &admin,
            &json!({"description": "long ".repeat(100).trim(), "key_areas": ["a"]}),
        )
        .await
        .expect(200);
    server.delete("/api/v1/metrics/m", &admin).await.expect(200);
    server.delete("/api/v1/domains/d1", &admin).await.expect(200);
    let rows = server
        .get("/api/v1/audit?action=metric.*,domain.updated,domain.deleted", &admin)
        .await
        .json();
    let rows: Vec<_> = rows["data"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|row| (row["action"].clone(), row["changes"].clone()))
        .collect();
    let sample = crate::support::samples::metric("m");
    let cut: String = "long ".repeat(100).chars().take(300).chain(['…']).collect();
    assert_eq!(
        json!(rows),
        json!([
            ["metric.created", {"version": {"from": null, "to": "1.0.0"}}],
            ["metric.updated", {
                "version": {"from": "1.0.0", "to": "1.1.0"},
                "name": {"from": sample["name"], "to": "Other"},
                "tier": {"from": sample["tier"], "to": "Tier-3"},
                "tags": {}
            }],
            ["domain.updated", {
                "version": {"from": 1, "to": 2},
                "description": {"from": null, "to": cut},
                "key_areas": {}
            }],
            ["metric.deleted", {"version": {"from": "1.1.0", "to": null}}],
            ["domain.deleted", {"version": {"from": 1, "to": null}}],
        ])
    );
}

#[actix_web::test]
async fn import_lists_the_ids_of_created_and_updated_items() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let catalogue = json!({
        "domains": [
            {"domain_id": "d1", "name": "Finance"}, {"domain_id": "d2", "name": "Sales"},
            {"domain_id": "d3", "name": "New"},
        ],
        "metrics": [crate::support::samples::metric("m")],
    });
    server.post("/api/v1/import", &admin, &catalogue).await.expect(200);
    let path = "/api/v1/audit?action=catalogue.imported";
    let rows = server.get(path, &admin).await.expect(200).json();
    let expected = json!({
        "created": 2, "updated": 1, "unchanged": 1, "errors": 0,
        "created_domains": ["d3"], "created_metrics": ["m"],
        "updated_domains": ["d2"], "updated_metrics": [],
    });
    assert_eq!(rows["data"][0]["details"], expected);
}

#[actix_web::test]
async fn deleted_users_keys_have_rows_of_their_revocation() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (eva_id, eva) = server.user(&admin, "eva", "editor").await;
    let (revoked, _) = server.key(&eva, &["metrics:read"]).await;
    let (live, _) = server.key(&eva, &["metrics:read"]).await;
    let (other, _) = server.key(&eva, &["metrics:read"]).await;
    server.delete(&format!("{KEYS}/{revoked}"), &eva).await.expect(200);
    server.delete(&format!("/api/auth/users/{eva_id}"), &admin).await.expect(200);
    let path = "/api/v1/audit?action=api_key.revoked,user.deleted&actor=admin";
    let rows = server.get(path, &admin).await.expect(200).json();
    let rows: Vec<_> = rows["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["action"], row["target_id"], row["details"]["with"]]))
        .collect();
    let key = |id: &str| json!(["api_key.revoked", id, "user"]);
    let deleted = json!(["user.deleted", eva_id, null]);
    // Newest first; keys are recorded in the order of their ids, and before their user.
    assert_eq!(rows, [deleted, key(&other), key(&live)]);
}

#[actix_web::test]
async fn retried_transaction_is_logged_once_and_a_rolled_back_one_never() {
    use diesel::result::{DatabaseErrorKind, Error};
    use mdl::actors::db_breaker::Circuit;
    use mdl::model::audit::Action;
    use mdl::storage::StorageError;
    use mdl::storage::audit_events::{self, Actor};

    let server = Server::start().await;
    let (state, attempts) = (server.state(), std::cell::Cell::new(0));
    let met = || {
        let message = Box::new("could not serialize access".to_owned());
        StorageError::Database(Error::DatabaseError(
            DatabaseErrorKind::SerializationFailure,
            message,
        ))
    };
    for (name, fails) in [("committed", 2), ("rolled back", 100)] {
        attempts.set(0);
        let actor = Actor::command(name);
        let work = async |conn: &mut mdl::storage::Transaction<'_>| {
            attempts.set(attempts.get() + 1);
            audit_events::record(
                conn,
                &actor,
                Action::CatalogueImported,
                "x",
                &json!({}),
                state.clock.now(),
            )
            .await?;
            if attempts.get() <= fails { Err(met()) } else { Ok(()) }
        };
        let done = state.db.transaction(Circuit::Auth, "users.test", work).await;
        assert_eq!((done.is_ok(), attempts.get() > 2), (name == "committed", true));
        if done.is_ok() {
            mdl::http::auditing::log_committed(&state.db, &state.logger, &actor.trail);
        } else {
            mdl::http::auditing::log_existing(&state.db, &state.logger, actor.trail.take().0);
        }
    }
    let id = crate::support::database::sql(
        &server.database_url,
        "SELECT event_id FROM audit_events WHERE target = 'x'",
    );
    let ids = id.await;
    assert_eq!(ids.len(), 1);
    let looked = "SELECT count(*) = 0 FROM pg_stat_activity \
                  WHERE query LIKE '%event_id\" = ANY%' AND state = 'active' \
                  AND pid <> pg_backend_pid()";
    crate::support::database::until(&server.database_url, looked).await;
    let lines = server.logs.lines();
    let events: Vec<_> =
        lines.iter().filter(|line| line["msg"] == "audit" && line["target"] == "x").collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event_id"].to_string(), ids[0][0]);
}
