//! The change feed as parts of a list.

use serde_json::{Value, json};

use crate::support::database::sql;
use crate::support::samples::metric;
use crate::support::{Answer, Server};

const CHANGES: &str = "/api/v1/changes";
const M1: &str = "/api/v1/metrics/m1";

/// Reads the feed from a cursor on, in parts of this length. Returns the changes and the cursor of
/// the end.
pub async fn read_feed(
    server: &Server,
    token: &str,
    limit: u32,
    from: &str,
) -> (Vec<Value>, String) {
    let (mut changes, mut cursor) = (Vec::new(), from.to_owned());
    loop {
        let path = format!("{CHANGES}?limit={limit}&since={cursor}");
        let part = server.get(&path, token).await.expect(200).json();
        let page = part["data"].as_array().unwrap();
        assert_eq!(part["count"], page.len());
        changes.extend(page.iter().cloned());
        let pagination = &part["pagination"];
        pagination["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
        if let Some(last) = page.last() {
            assert_eq!(last["cursor"], cursor, "the cursor of the last change goes on after it");
        }
        if pagination["hasNext"] == false {
            return (changes, cursor);
        }
        assert_eq!(page.len(), limit as usize);
    }
}

/// Makes some changes of all kinds.
async fn history(server: &Server, admin: &str) {
    server.domains(admin).await;
    server.post("/api/v1/metrics", admin, &metric("m1")).await.expect(201);
    server.put(M1, admin, &json!({"tags": ["x"]})).await.expect(200);
    server.put("/api/v1/domains/d1", admin, &json!({"name": "Money"})).await.expect(200);
    server.delete(M1, admin).await.expect(200);
    server.post(&format!("{M1}/restore"), admin, &json!({"version": "1.1.0"})).await.expect(200);
    let document = json!({"domains": [{"domain_id": "d3", "name": "Sales"}]});
    server.post("/api/v1/import", admin, &document).await.expect(200);
}

fn column(changes: &[Value], names: [&str; 5]) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let row = |change: &Value| names.map(|name| text(&change[name])).join(" ");
    changes.iter().map(row).collect()
}

#[actix_web::test]
async fn all_changes_come_in_their_order_with_links_to_their_versions() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let empty = server.get(CHANGES, &admin).await.expect(200).json();
    assert_eq!(empty["data"], json!([]));
    assert_eq!(empty["pagination"]["hasNext"], false);
    let before = empty["pagination"]["next_cursor"].as_str().unwrap();
    history(&server, &admin).await;
    let (changes, end) = read_feed(&server, &admin, 100, "start").await;
    let expected = [
        "domain d1 1 create api",
        "domain d2 1 create api",
        "metric m1 1.0.0 create api",
        "metric m1 1.0.1 update api",
        "domain d1 2 update api",
        "metric m1 1.1.0 update domain_rename",
        "metric m1 1.1.0 delete api",
        "metric m1 2.0.0 create restore",
        "domain d3 1 create import",
    ];
    assert_eq!(column(&changes, ["kind", "id", "version", "change_type", "channel"]), expected);
    let times: Vec<&str> =
        changes.iter().map(|change| change["changed_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    for change in &changes {
        assert_eq!(change["changed_by"], "admin");
        let version = server.get(change["href"].as_str().unwrap(), &admin).await.expect(200);
        let version = version.json()["data"]["version"].clone();
        assert_eq!(version, change["version"]);
    }
    // The versions of an item say the same.
    let entries = server.get(&format!("{M1}/versions"), &admin).await.json()["data"].clone();
    let of_metric: Vec<&Value> = changes.iter().filter(|change| change["id"] == "m1").collect();
    for (entry, change) in entries.as_array().unwrap().iter().rev().zip(of_metric) {
        let names = ["revision", "changed_at", "change_type", "fields_changed", "changes_summary"];
        for name in names {
            assert_eq!(entry[name], change[name], "{name}");
        }
    }
    // However it is divided, and wherever it begins.
    for (limit, from) in [(1, "start"), (2, before), (4, "start"), (9, before)] {
        assert_eq!(read_feed(&server, &admin, limit, from).await, (changes.clone(), end.clone()));
    }
    let cursor = changes[3]["cursor"].as_str().unwrap();
    assert_eq!(read_feed(&server, &admin, 2, cursor).await.0, changes[4..]);
    assert_eq!(read_feed(&server, &admin, 100, "end").await, (Vec::new(), end.clone()));
    // What is changed later comes after the end.
    server.delete("/api/v1/domains/d3", &admin).await.expect(200);
    let (later, _) = read_feed(&server, &admin, 100, &end).await;
    let expected = ["domain d3 1 delete api"];
    assert_eq!(column(&later, ["kind", "id", "version", "change_type", "channel"]), expected);
}

#[actix_web::test]
async fn request_that_changes_nothing_is_no_change() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let (_, end) = read_feed(&server, &admin, 100, "start").await;
    server.put(M1, &admin, &json!({"tags": ["a", "b & c"]})).await.expect(200);
    server.put(M1, &admin, &json!({"business_domain": "None"})).await.expect(400);
    let dry = json!({"domains": [{"domain_id": "d9", "name": "X"}]});
    server.post("/api/v1/import?dry_run=true", &admin, &dry).await.expect(200);
    assert_eq!(read_feed(&server, &admin, 100, &end).await, (Vec::new(), end));
}

#[actix_web::test]
async fn bad_parameters_and_foreign_cursors_are_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    history(&server, &admin).await;
    let refused = async |query: &str| -> Vec<String> {
        let answer = server.get(&format!("{CHANGES}?{query}"), &admin).await;
        answer.expect_error(400, "VALIDATION_ERROR").fields()
    };
    let list = server.get("/api/v1/metrics?cursor=start&limit=1", &admin).await;
    assert_eq!(list.status, 200);
    server.post("/api/v1/metrics", &admin, &metric_of("m2")).await.expect(201);
    let list = server.get("/api/v1/metrics?cursor=start&limit=1", &admin).await.json();
    let of_list = list["pagination"]["next_cursor"].as_str().unwrap();
    let other = Server::start().await;
    let other_admin = other.admin().await;
    other.domains(&other_admin).await;
    let (_, of_other) = read_feed(&other, &other_admin, 100, "start").await;
    let (_, end) = read_feed(&server, &admin, 100, "start").await;
    for bad in ["", "0", "START", of_list, &of_other, &end[1..], &format!("{end}A")] {
        assert_eq!(refused(&format!("since={bad}")).await, ["since"], "{bad}");
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("page=1", "page"),
        ("cursor=start", "cursor"),
        ("since=end&since=end", "since"),
    ] {
        assert_eq!(refused(query).await, [field], "{query}");
    }
    // A restored backup has lost the last change, and then has another one in its place.
    let url = &server.database_url;
    let lose = "DELETE FROM catalogue_changes WHERE position = (SELECT max(position) FROM \
                catalogue_changes)";
    let last = sql(url, &format!("{lose} RETURNING position, kind, item_id, revision")).await;
    assert_eq!(refused(&format!("since={end}")).await, ["since"]);
    let [position, kind, item, revision] = &last[0][..] else { panic!("{last:?}") };
    let other = format!(
        "INSERT INTO catalogue_changes VALUES ({position}, now() + interval '1 second', '{kind}', \
         '{item}', {revision})"
    );
    sql(url, &other).await;
    assert_eq!(refused(&format!("since={end}")).await, ["since"]);
}

fn metric_of(id: &str) -> Value {
    let mut metric = metric(id);
    metric["business_domain"] = json!("Money");
    metric
}

#[actix_web::test]
async fn head_is_answered_like_get() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let head = async |accept: &str| -> Answer {
        server.send(reqwest::Method::HEAD, CHANGES, &admin, &[("accept", accept)], None).await
    };
    let json = head("*/*").await.expect(200);
    assert_eq!(json.header("content-type"), "application/json; charset=utf-8");
    let vary: Vec<&str> =
        json.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    let tokens = vary.join(",").to_lowercase();
    assert!(tokens.split(',').any(|token| token.trim() == "accept"), "{tokens}");
    let stream = head("text/event-stream").await.expect(200);
    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert_eq!((json.text.as_str(), stream.text.as_str()), ("", ""));
}
