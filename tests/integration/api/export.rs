//! The export of the catalogue as one document.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::{metric, metric_with};
use crate::support::{Answer, Server, database};

const EXPORT: &str = "/api/v1/export";
/// Exports that are read or sent at a time.
const PLACES: usize = 8;

#[actix_web::test]
async fn export_is_a_document_that_can_be_imported() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let empty = server.get(EXPORT, &admin).await.expect(200);
    assert_eq!(empty.text, "domains: []\nmetrics: []\n");
    let document = json!({
        "domains": [{"domain_id": "d1", "name": "Finance"}],
        "metrics": [metric("m2"), metric("m1")],
    });
    server.post("/api/v1/import", &admin, &document).await.expect(200);
    let cases = [
        (EXPORT, "application/yaml", "catalogue.yaml"),
        ("/api/v1/export?format=yaml", "application/yaml", "catalogue.yaml"),
        ("/api/v1/export?format=json", "application/json; charset=utf-8", "catalogue.json"),
    ];
    for (path, media_type, name) in cases {
        let exported = server.get(path, &admin).await.expect(200);
        assert_eq!(exported.header("content-type"), media_type);
        let disposition = format!("attachment; filename=\"{name}\"");
        assert_eq!(exported.header("content-disposition"), disposition);
        assert_eq!(exported.header("content-length"), exported.text.len().to_string());
        assert_eq!(exported.header("cache-control"), "no-store");
        let (media_type, body) = (media_type, exported.text.into_bytes());
        let import = Some((media_type, body));
        let again = server.send(Method::POST, "/api/v1/import", &admin, &[], import).await;
        assert_eq!(again.expect(200).json()["data"]["counts"]["unchanged"], 3);
    }
    let exported: Value = server.get("/api/v1/export?format=json", &admin).await.json();
    let ids: Vec<&str> = exported["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric["metric_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["m1", "m2"]);
    assert_eq!(exported["metrics"][0]["metadata"].get("version"), None);
}

#[actix_web::test]
async fn export_requires_both_scopes_and_a_known_format() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.get(EXPORT, "").await.expect_error(401, "AUTHENTICATION_ERROR");
    for scopes in [&["metrics:read"][..], &["domains:read"]] {
        let (_, key) = server.key(&admin, scopes).await;
        server.get_with(EXPORT, &key).await.expect_error(403, "AUTHORIZATION_ERROR");
    }
    let (_, key) = server.key(&admin, &["metrics:read", "domains:read"]).await;
    server.get_with(EXPORT, &key).await.expect(200);
    for query in ["format=xml", "format=", "format=yaml&format=yaml", "page=1"] {
        let answer = server.get(&format!("{EXPORT}?{query}"), &admin).await;
        answer.expect_error(400, "VALIDATION_ERROR");
    }
    let open = Server::with(&["--anonymous-read", "true"]).await;
    open.get(EXPORT, "").await.expect(200);
    open.get(EXPORT, "a.b.c").await.expect_error(401, "AUTHENTICATION_ERROR");
}

/// Holds exports in the database until the returned connection commits.
async fn hold(server: &Server) -> tokio_postgres::Client {
    let client = database::connect(&server.database_url).await;
    client.batch_execute("BEGIN; LOCK TABLE business_domains").await.unwrap();
    client
}

#[actix_web::test]
async fn number_of_exports_is_bounded() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut tokens = vec![admin.clone()];
    for name in ["one", "two", "three", "four"] {
        tokens.push(server.user(&admin, name, "viewer").await.1);
    }
    let held = hold(&server).await;
    // Two of each caller: all but two of them find a place.
    let mut exports: Vec<_> = tokens
        .iter()
        .flat_map(|token| [token, token])
        .map(|token| Box::pin(server.get(EXPORT, token)))
        .collect();
    assert_eq!(exports.len(), PLACES + 2);
    for _ in 0..2 {
        let (refused, _, others) = futures_util::future::select_all(exports).await;
        let refused: Answer = refused.expect_error(503, "OVERLOADED");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
        exports = others;
    }
    held.batch_execute("COMMIT").await.unwrap();
    for export in join_all(exports).await {
        export.expect(200);
    }
    server.get(EXPORT, &admin).await.expect(200);
}

#[actix_web::test]
async fn one_caller_leaves_places_to_the_others() {
    let server = Server::with(&["--anonymous-read", "true"]).await;
    let admin = server.admin().await;
    let (_, key) = server.key(&admin, &["metrics:read", "domains:read"]).await;
    let held = hold(&server).await;
    let (server, key, admin) = (&server, &key, &admin);
    let of_admin = |number: usize| async move {
        if number == 0 {
            server.get_with(EXPORT, key).await
        } else {
            server.get(EXPORT, admin).await
        }
    };
    let of_admin: Vec<_> = (0..3).map(|number| Box::pin(of_admin(number))).collect();
    let anonymous: Vec<_> = (0..3).map(|_| Box::pin(server.get(EXPORT, ""))).collect();
    let (refused, _, of_admin) = futures_util::future::select_all(of_admin).await;
    refused.expect_error(503, "OVERLOADED");
    let (refused, _, anonymous) = futures_util::future::select_all(anonymous).await;
    refused.expect_error(503, "OVERLOADED");
    held.batch_execute("COMMIT").await.unwrap();
    for export in join_all(of_admin).await.into_iter().chain(join_all(anonymous).await) {
        export.expect(200);
    }
}

#[actix_web::test]
async fn key_may_export_where_everyone_may() {
    let server = Server::with(&["--anonymous-read", "true"]).await;
    let admin = server.admin().await;
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    server.get(EXPORT, "").await.expect(200);
    server.get_with(EXPORT, &key).await.expect(200);
}

#[actix_web::test]
async fn head_of_an_export_reads_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let head = async |token: &str| server.send(Method::HEAD, EXPORT, token, &[], None).await;
    let held = hold(&server).await;
    for _ in 0..=PLACES {
        let answer = head(&admin).await.expect(200);
        assert_eq!((answer.header("content-type"), answer.text.as_str()), ("application/yaml", ""));
    }
    assert_eq!(head("").await.status, 401);
    held.batch_execute("COMMIT").await.unwrap();
}

#[actix_web::test]
async fn caller_that_loses_its_authority_while_an_export_waits_gets_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, key) = server.key(&admin, &["metrics:read", "domains:read"]).await;
    let held = hold(&server).await;
    let export = server.get_with(EXPORT, &key);
    let revoke = async {
        let waiting = "SELECT count(*)::text FROM pg_stat_activity \
            WHERE wait_event_type = 'Lock' AND query LIKE '%business_domains%'";
        while database::sql(&server.database_url, waiting).await.concat() != ["1"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.delete(&format!("/api/auth/api-keys/{id}"), &admin).await.expect(200);
        held.batch_execute("COMMIT").await.unwrap();
    };
    let (exported, ()) = futures_util::future::join(export, revoke).await;
    exported.expect_error(401, "INVALID_API_KEY");
}

#[actix_web::test]
async fn filters_export_the_metrics_of_the_list_with_their_domains() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for (id, domain, tier, tag) in [
        ("a", "Finance", "Tier-1", "x"),
        ("b", "Growth", "Tier-1", "y"),
        ("c", "Finance", "Tier-2", "x"),
    ] {
        let name = format!("Name {id}{id}{id}");
        let fields = json!({"name": name, "business_domain": domain, "tier": tier, "tags": [tag]});
        server.post("/api/v1/metrics", &admin, &metric_with(id, &fields)).await.expect(201);
    }
    for (query, metrics, domains) in [
        ("", &["a", "b", "c"][..], &["Finance", "Growth"][..]),
        ("tier=Tier-1", &["a", "b"], &["Finance", "Growth"]),
        ("business_domain=Finance", &["a", "c"], &["Finance"]),
        ("tags=x&tier=Tier-2&status=active", &["c"], &["Finance"]),
        (
            "metric_type=lagging&category=Revenue&owner_team=Team+%26+Co&search=bbb",
            &["b"],
            &["Growth"],
        ),
        ("tags=none", &[], &[]),
    ] {
        let path = format!("{EXPORT}?format=json&{query}");
        let exported = server.get(path.trim_end_matches('&'), &admin).await.expect(200).json();
        let texts = |list: &str, field: &str| -> Vec<String> {
            let items = exported[list].as_array().unwrap().iter();
            items.map(|item| item[field].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(texts("metrics", "metric_id"), metrics, "{query}");
        assert_eq!(texts("domains", "name"), domains, "{query}");
        let yaml = format!("{EXPORT}?{query}");
        let yaml = server.get(yaml.trim_end_matches('?'), &admin).await.expect(200).text;
        assert_eq!(yaml.matches("metric_id:").count(), metrics.len(), "{query}");
    }
    for query in ["tier=9", "tags=", "search=%21", "tier=Tier-1&tier=Tier-1", "sort=name", "x=1"] {
        let answer = server.get(&format!("{EXPORT}?{query}"), &admin).await;
        answer.expect_error(400, "VALIDATION_ERROR");
    }
}
