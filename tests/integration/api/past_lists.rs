//! The lists of metrics and business domains as of an instant.

use serde_json::{Value, json};

use crate::api::versions::kept;
use crate::support::database::sql;
use crate::support::samples::metric_with;
use crate::support::{Answer, Server};

const METRICS: &str = "/api/v1/metrics";
const DOMAINS: &str = "/api/v1/domains";

/// Reads the list as of an instant, with these further parameters.
async fn past(server: &Server, token: &str, list: &str, at: &str, more: &str) -> Answer {
    server.get(&format!("{list}?as_of={at}{more}"), token).await
}

/// Reads all parts of the list by cursor.
async fn by_cursor(server: &Server, token: &str, at: &str, more: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), "start".to_owned());
    loop {
        let path = format!("{METRICS}?as_of={at}&limit=2&cursor={cursor}{more}");
        let part = server.get(&path, token).await.expect(200).json();
        items.extend(part["data"].as_array().unwrap().iter().cloned());
        match part["pagination"]["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return items,
        }
    }
}

fn now(server: &Server) -> String {
    server.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// Creates seven metrics and then changes most of them. Returns an instant in between, and the list
/// at that instant.
async fn history(server: &Server, admin: &str) -> (String, Vec<Value>) {
    server.domains(admin).await;
    for number in 0..7 {
        let tier = ["Tier-1", "Tier-2"][number % 2];
        let fields = json!({"name": format!("N{}", 9 - number), "tier": tier,
            "tags": [format!("t{}", number % 3), "all"],
            "category": if number < 3 { "Sales" } else { "Costs" }});
        let body = metric_with(&format!("m{number}"), &fields);
        server.post(METRICS, admin, &body).await.expect(201);
        server.advance(1);
    }
    let merge = json!({"governance": {"status": "draft", "owner_team": "Nine"}});
    server.merge("/api/v1/metrics/m4", admin, &merge).await.expect(200);
    server.advance(1);
    let then = now(server);
    let list = server.get(&format!("{METRICS}?limit=100"), admin).await.json()["data"].clone();
    let list = list.as_array().unwrap().iter().map(kept).collect();
    server.advance(10);
    server.delete("/api/v1/metrics/m0", admin).await.expect(200);
    let renamed = json!({"name": "A", "tier": "Tier-3", "tags": [], "category": "Other"});
    server.put("/api/v1/metrics/m1", admin, &renamed).await.expect(200);
    let merge = json!({"governance": {"status": "active", "owner_team": "Ten"}});
    server.merge("/api/v1/metrics/m4", admin, &merge).await.expect(200);
    server.put("/api/v1/domains/d1", admin, &json!({"name": "Money"})).await.expect(200);
    let late = metric_with("late", &json!({"business_domain": "Money"}));
    server.post(METRICS, admin, &late).await.expect(201);
    server.advance(10);
    (then, list)
}

#[actix_web::test]
async fn list_is_shown_as_it_was_with_all_filters_orders_and_pages() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (then, list) = Box::pin(history(&server, &admin)).await;
    let read = past(&server, &admin, METRICS, &then, "&limit=100").await.expect(200).json();
    assert_eq!(read["data"], json!(list));
    assert_eq!(read["pagination"]["total"], 7);
    let ids = |items: &[Value]| -> Vec<String> {
        items.iter().map(|item| item["metric_id"].as_str().unwrap().to_owned()).collect()
    };
    // What the present list would have answered then.
    let expected = |keep: &dyn Fn(&Value) -> bool| -> Vec<String> {
        ids(&list.iter().filter(|item| keep(item)).cloned().collect::<Vec<_>>())
    };
    let finance = expected(&|item| item["business_domain"] == "Finance");
    for (filter, wanted) in [
        ("", expected(&|_| true)),
        ("&tier=Tier-2", expected(&|item| item["tier"] == "Tier-2")),
        ("&category=Sales", expected(&|item| item["category"] == "Sales")),
        ("&business_domain=Finance", finance),
        ("&business_domain=Money", Vec::new()),
        ("&metric_type=lagging&status=draft", vec!["m4".into()]),
        ("&owner_team=Nine", vec!["m4".into()]),
        ("&owner_team=Ten", Vec::new()),
        ("&tags=all,t1", expected(&|item| item["tags"][0] == "t1")),
        ("&tags=all&tier=Tier-1&category=Costs", vec!["m6".into(), "m4".into()]),
    ] {
        let page = past(&server, &admin, METRICS, &then, &format!("{filter}&limit=100")).await;
        let page = page.expect(200).json();
        assert_eq!(ids(page["data"].as_array().unwrap()), wanted, "{filter}");
        assert_eq!(page["pagination"]["total"], wanted.len(), "{filter}");
        assert_eq!(ids(&by_cursor(&server, &admin, &then, filter).await), wanted, "{filter}");
    }
    // Ties by metric_id.
    let numbers = |order: [u32; 7]| order.map(|number| format!("m{number}")).to_vec();
    for (sort, wanted) in [
        ("name", numbers([6, 5, 4, 3, 2, 1, 0])),
        ("-name", numbers([0, 1, 2, 3, 4, 5, 6])),
        ("tier", numbers([0, 2, 4, 6, 1, 3, 5])),
        ("-tier", numbers([1, 3, 5, 0, 2, 4, 6])),
        ("created_at", numbers([0, 1, 2, 3, 4, 5, 6])),
        ("-created_at", numbers([6, 5, 4, 3, 2, 1, 0])),
        ("updated_at", numbers([0, 1, 2, 3, 5, 6, 4])),
        ("-updated_at", numbers([4, 6, 5, 3, 2, 1, 0])),
    ] {
        let sort = format!("&sort={sort}");
        assert_eq!(ids(&by_cursor(&server, &admin, &then, &sort).await), wanted, "{sort}");
        let mut pages = Vec::new();
        for page in 1..=4 {
            let more = format!("{sort}&limit=2&page={page}");
            let page = past(&server, &admin, METRICS, &then, &more).await.expect(200).json();
            pages.extend(ids(page["data"].as_array().unwrap()));
        }
        assert_eq!(pages, wanted, "{sort}");
    }
    let beyond = past(&server, &admin, METRICS, &then, "&page=9").await.expect(200).json();
    assert_eq!((&beyond["data"], &beyond["pagination"]["total"]), (&json!([]), &json!(7)));
    let fields = past(&server, &admin, METRICS, &then, "&fields=name&limit=1").await.json();
    assert_eq!(fields["data"], json!([{"metric_id": "m6", "name": "N3"}]));
    // Links stay in the past.
    let first = past(&server, &admin, METRICS, &then, "&limit=2").await.expect(200);
    assert!(first.header("link").contains("as_of="), "{}", first.header("link"));
}

#[actix_web::test]
async fn domains_are_listed_as_they_were() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (then, _) = Box::pin(history(&server, &admin)).await;
    server.delete("/api/v1/domains/d2", &admin).await.expect(200);
    server.advance(1);
    let names = |answer: Answer| -> Vec<String> {
        let data = answer.expect(200).json()["data"].clone();
        let items = data.as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let at = |more: &'static str| past(&server, &admin, DOMAINS, &then, more);
    assert_eq!(names(at("").await), ["Finance", "Growth"]);
    assert_eq!(names(at("&search=fin").await), ["Finance"]);
    assert_eq!(names(at("&search=money").await), Vec::<String>::new());
    let cursor = at("&cursor=start&limit=1").await.json()["pagination"]["next_cursor"].clone();
    let rest = format!("&limit=1&cursor={}", cursor.as_str().unwrap());
    assert_eq!(names(past(&server, &admin, DOMAINS, &then, &rest).await), ["Growth"]);
    let today = now(&server);
    assert_eq!(names(past(&server, &admin, DOMAINS, &today, "").await), ["Money"]);
    // An item is the same in the list and by itself.
    let whole = at("&limit=1").await.json()["data"][0].clone();
    let single = server.get(&format!("{DOMAINS}/d1?as_of={then}"), &admin).await.expect(200);
    assert_eq!(single.json()["data"], whole);
}

#[actix_web::test]
async fn what_the_past_cannot_answer_is_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (then, _) = Box::pin(history(&server, &admin)).await;
    let refused = async |list: &str, query: &str| -> Vec<String> {
        let answer = server.get(&format!("{list}?{query}"), &admin).await;
        answer.expect_error(400, "VALIDATION_ERROR").fields()
    };
    for list in [METRICS, DOMAINS] {
        for bad in ["2999-01-01T00:00:00Z", "yesterday", "", "2026-01-01"] {
            assert_eq!(refused(list, &format!("as_of={bad}")).await, ["as_of"], "{bad}");
        }
        let twice = format!("as_of={then}&as_of={then}");
        assert_eq!(refused(list, &twice).await, ["as_of"]);
        // The farthest past is empty.
        let empty = past(&server, &admin, list, "0001-01-01T00:00:00Z", "").await.expect(200);
        assert_eq!(empty.json()["pagination"]["total"], 0);
    }
    assert_eq!(refused(METRICS, &format!("as_of={then}&search=x")).await, ["search"]);
    // The cursor of another instant, and of the present.
    let path = format!("as_of={then}&limit=1&cursor=");
    let part = server.get(&format!("{METRICS}?{path}start"), &admin).await.expect(200).json();
    let cursor = part["pagination"]["next_cursor"].as_str().unwrap();
    let other = format!("as_of={}&limit=1&cursor={cursor}", now(&server));
    assert_eq!(refused(METRICS, &other).await, ["cursor"]);
    assert_eq!(refused(METRICS, &format!("limit=1&cursor={cursor}")).await, ["cursor"]);
    let sorted = format!("{path}{cursor}&sort=tier");
    assert_eq!(refused(METRICS, &sorted).await, ["cursor"]);
    // A catalogue that is older than the versions.
    let since = format!("UPDATE catalogue_epochs SET versions_since = '{then}'");
    sql(&server.database_url, &since).await;
    past(&server, &admin, METRICS, &then, "&limit=9").await.expect(200);
    for list in [METRICS, DOMAINS] {
        let earlier = "as_of=2020-01-01T00:00:00Z&limit=9";
        let answer = server.get(&format!("{list}?{earlier}"), &admin).await;
        let answer = answer.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), ["as_of"]);
        assert!(answer.text.contains(&then), "{}", answer.text);
    }
}

#[actix_web::test]
async fn past_is_cached_until_the_catalogue_changes() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (then, list) = Box::pin(history(&server, &admin)).await;
    let today = now(&server);
    let ids = async |at: &str| -> usize {
        let read = past(&server, &admin, METRICS, at, "&limit=100").await.expect(200).json();
        read["data"].as_array().unwrap().len()
    };
    for _ in 0..2 {
        assert_eq!((ids(&then).await, ids(&today).await), (list.len(), 7));
    }
    // A change that was given its time before, and is committed now.
    server.advance(-1);
    let body = metric_with("slow", &json!({"business_domain": "Money"}));
    server.post(METRICS, &admin, &body).await.expect(201);
    server.advance(1);
    assert_eq!((ids(&then).await, ids(&today).await), (list.len(), 8));
}
