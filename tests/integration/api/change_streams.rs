//! The change feed as a stream of server-sent events.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::changes::read_feed;
use crate::support::database::sql;
use crate::support::events::EventStream;
use crate::support::samples::metric;
use crate::support::{PASSWORD, Server, refresh_token};

const CHANGES: &str = "/api/v1/changes";
const FROM_NOW: &str = "/api/v1/changes?since=end";

#[actix_web::test]
async fn stream_goes_on_with_each_change_and_after_the_last_event() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let mut stream = EventStream::with_token(&server, &format!("{CHANGES}?limit=1"), &admin).await;
    let prelude = stream.block().await.unwrap();
    assert!(prelude.starts_with("retry: 2000\nid: "), "{prelude}");
    let first = stream.next().await.unwrap();
    assert_eq!((&first.data["id"], &first.data["cursor"]), (&json!("d1"), &json!(first.id)));
    assert_eq!(stream.next().await.unwrap().data["id"], "d2");
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let began = Instant::now();
    assert_eq!(stream.next().await.unwrap().data["id"], "m1");
    assert!(began.elapsed() < Duration::from_secs(4), "it waited for a heartbeat");
    drop(stream);
    // A browser connects again with the URL as it was, and the id of the last event.
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str()), ("last-event-id", first.id.as_str())];
    let mut stream = EventStream::open(&server, FROM_NOW, &headers).await.expect("a stream");
    for expected in ["d2", "m1"] {
        assert_eq!(stream.next().await.unwrap().data["id"], expected);
    }
    // The events are the entries of the list.
    let (changes, _) = read_feed(&server, &admin, 100, "start").await;
    let mut stream = EventStream::with_token(&server, CHANGES, &admin).await;
    for change in changes {
        assert_eq!(stream.next().await.unwrap().data, change);
    }
}

#[actix_web::test]
async fn stream_from_the_end_begins_with_its_place() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let mut stream = EventStream::with_token(&server, FROM_NOW, &admin).await;
    let prelude = stream.block().await.unwrap();
    let id = prelude.split_once("id: ").unwrap().1.to_owned();
    drop(stream);
    server.delete("/api/v1/domains/d2", &admin).await.expect(200);
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str()), ("last-event-id", id.as_str())];
    let mut stream = EventStream::open(&server, FROM_NOW, &headers).await.expect("a stream");
    assert_eq!(stream.next().await.unwrap().data["change_type"], "delete");
}

#[actix_web::test]
async fn bad_requests_for_a_stream_are_refused_as_others() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let bearer = format!("Bearer {admin}");
    let token = ("authorization", bearer.as_str());
    for (path, headers, field) in [
        (CHANGES, vec![token, ("last-event-id", "7")], "last-event-id"),
        (
            CHANGES,
            vec![token, ("last-event-id", "start"), ("last-event-id", "end")],
            "last-event-id",
        ),
        ("/api/v1/changes?since=x", vec![token], "since"),
        ("/api/v1/changes?limit=1000", vec![token], "limit"),
    ] {
        let refused = EventStream::open(&server, path, &headers).await.err().expect("refused");
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), [field], "{path}");
    }
    // A cursor of another database.
    let other = Server::start().await;
    let other_admin = other.admin().await;
    other.domains(&other_admin).await;
    let (_, foreign) = read_feed(&other, &other_admin, 100, "start").await;
    let headers = [token, ("last-event-id", foreign.as_str())];
    let refused = EventStream::open(&server, CHANGES, &headers).await.err().expect("refused");
    let refused = refused.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), ["last-event-id"]);
    let anonymous = EventStream::open(&server, CHANGES, &[]).await.err().expect("refused");
    anonymous.expect_error(401, "AUTHENTICATION_ERROR");
}

#[actix_web::test]
async fn stream_ends_when_the_permissions_of_its_caller_end() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.settled().await;
    let keyed = async |name: &str| {
        let (id, owner) = server.user(&admin, name, "editor").await;
        let (key_id, key) = server.key(&owner, &["metrics:read", "domains:read"]).await;
        let stream = EventStream::open(&server, FROM_NOW, &[("x-api-key", &key)]).await;
        let mut stream = stream.expect("a stream");
        stream.block().await.expect("the prelude");
        (id, owner, key_id, stream)
    };
    let until_end = async |what: &str, stream: EventStream| {
        let began = Instant::now();
        stream.ended().await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(3), "{what}: {took:?}");
    };
    let (_, owner, key_id, stream) = Box::pin(keyed("revoked")).await;
    server.delete(&format!("/api/auth/api-keys/{key_id}"), &owner).await.expect(200);
    until_end("revoked key", stream).await;
    let (id, _, _, stream) = Box::pin(keyed("suspended")).await;
    let path = format!("/api/auth/users/{id}");
    server.put(&path, &admin, &json!({"status": "suspended"})).await.expect(200);
    until_end("suspended owner", stream).await;
    // By hand, in another process.
    let (_, _, key_id, stream) = Box::pin(keyed("by_hand")).await;
    let revoke = format!("UPDATE api_keys SET revoked_at = now() WHERE key_id = '{key_id}'");
    sql(&server.database_url, &revoke).await;
    until_end("key revoked by hand", stream).await;
    // A session.
    server.user(&admin, "out", "viewer").await;
    let session = server.login("out", PASSWORD).await.expect(200);
    let token = crate::support::token(&session);
    let mut stream = EventStream::with_token(&server, FROM_NOW, &token).await;
    stream.block().await.expect("the prelude");
    let body = json!({"refresh_token": refresh_token(&session)});
    server.post("/api/auth/logout", "", &body).await.expect(200);
    until_end("closed session", stream).await;
    // Nothing announces the expiry of a token.
    let mut stream = EventStream::with_token(&server, FROM_NOW, &admin).await;
    stream.block().await.expect("the prelude");
    server.advance(901);
    let began = Instant::now();
    stream.ended().await;
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    // How long clients listened is no latency.
    let labels = r#"{method="GET",route="/api/v1/changes",status_code="200"}"#;
    let series = |name: &str| format!("http_request_duration_seconds_{name}{labels}");
    while server.reading(&series("count")).await < 5.0 {
        assert!(began.elapsed() < Duration::from_secs(20), "not all streams are counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let total = server.reading(&series("sum")).await;
    assert!(total < 2.0, "{total} s");
}

#[actix_web::test]
async fn streams_are_bounded_for_each_client_and_for_all() {
    let server = Server::with(&["--change-streams-max", "6"]).await;
    let admin = server.admin().await;
    let (_, other) = server.user(&admin, "other", "viewer").await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(EventStream::with_token(&server, FROM_NOW, &admin).await);
    }
    let refused = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let refused = EventStream::open(&server, FROM_NOW, &headers).await.err().expect("refused");
        let refused = refused.expect_error(503, "OVERLOADED");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    };
    refused(&admin).await;
    for _ in 0..2 {
        held.push(EventStream::with_token(&server, FROM_NOW, &other).await);
    }
    refused(&other).await;
    // Lists are no streams.
    server.get(CHANGES, &other).await.expect(200);
    // A client that has gone is noticed when it is written to.
    held.clear();
    let until = Instant::now() + Duration::from_secs(20);
    for round in 0.. {
        let body = json!({"domain_id": format!("x{round}"), "name": format!("X{round}")});
        server.post("/api/v1/domains", &admin, &body).await.expect(201);
        let bearer = format!("Bearer {admin}");
        if EventStream::open(&server, FROM_NOW, &[("authorization", &bearer)]).await.is_ok() {
            break;
        }
        assert!(Instant::now() < until, "the places are not free again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[actix_web::test]
async fn stream_ends_at_shutdown_and_is_logged_at_its_end() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut stream = EventStream::with_token(&server, FROM_NOW, &admin).await;
    stream.block().await.expect("the prelude");
    let logs = server.logs.clone();
    let logged = |logs: &crate::support::logs::Captured| {
        logs.text().lines().filter(|line| line.contains("\"/api/v1/changes\"")).count()
    };
    assert_eq!(logged(&logs), 0);
    let began = Instant::now();
    futures_util::future::join(server.stop(), stream.ended()).await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(logged(&logs), 1, "{}", logs.text());
}

#[actix_web::test]
async fn stream_outlives_an_outage_of_the_database_circuit() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.settled().await;
    let mut stream = EventStream::with_token(&server, FROM_NOW, &admin).await;
    stream.block().await.expect("the prelude");
    let breaker = "/health/circuit-breakers/metrics";
    let isolate = json!({"action": "isolate", "reason": "test"});
    server.post(breaker, &admin, &isolate).await.expect(200);
    // Made while the stream cannot be read.
    sql(
        &server.database_url,
        "INSERT INTO business_domain_revisions (domain_id, revision, version, changed_at, \
            changed_by, change_type, fields_changed, changes_summary) \
         VALUES ('d1', 2, 2, now(), 'eve', 'update', '[]', 'x'); \
         UPDATE catalogue_epochs SET epoch = epoch + 1",
    )
    .await;
    // The stream stays, with a heartbeat.
    assert_eq!(stream.block().await.as_deref(), Some(": heartbeat"));
    let close = json!({"action": "close", "reason": "test"});
    server.post(breaker, &admin, &close).await.expect(200);
    assert_eq!(stream.next().await.unwrap().data["changed_by"], "eve");
}

#[actix_web::test]
async fn anonymous_clients_have_streams_where_they_may_read() {
    let server = Server::with(&["--anonymous-read", "true"]).await;
    let admin = server.admin().await;
    let mut stream = EventStream::open(&server, FROM_NOW, &[]).await.expect("a stream");
    stream.block().await.expect("the prelude");
    server.domains(&admin).await;
    assert_eq!(stream.next().await.unwrap().data["id"], "d1");
}
