//! Cursors: the list of metrics, read in parts while it changes.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::samples::{metric, metric_with};
use crate::support::{Answer, Server};

const LIST: &str = "/api/v1/metrics";
pub const SORTS: [&str; 8] =
    ["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at", "tier", "-tier"];

fn ids(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let data = body["data"].as_array().unwrap();
    data.iter().map(|metric| metric["metric_id"].as_str().unwrap().to_owned()).collect()
}

fn next_cursor(answer: &Answer) -> Option<String> {
    answer.json()["pagination"]["next_cursor"].as_str().map(str::to_owned)
}

/// Follows the cursors of a list to its end.
async fn walk(server: &Server, token: &str, query: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), "start".to_owned());
    loop {
        let path = format!("{LIST}?{query}&fields=name&cursor={cursor}");
        let answer = server.get(&path, token).await.expect(200);
        found.extend(ids(&answer));
        match next_cursor(&answer) {
            Some(next) => cursor = next,
            None => return found,
        }
    }
}

/// Imports metrics whose names, tiers and times are often equal.
async fn import(server: &Server, token: &str, prefix: &str, numbers: std::ops::Range<usize>) {
    let one = |n: usize| {
        let (name, tier) = (format!("Name {}", n % 40), format!("Tier-{}", n % 3 + 1));
        let fields = json!({"name": name, "tier": tier,
            "tags": [if n.is_multiple_of(2) { "even" } else { "odd" }]});
        metric_with(&format!("{prefix}{:03}", n * 7 % 1000), &fields)
    };
    let body = json!({"metrics": numbers.map(one).collect::<Vec<_>>()});
    server.post("/api/v1/import", token, &body).await.expect(200);
}

/// Creates, changes and deletes metrics until told to stop.
async fn churn(server: &Server, token: &str, done: &Cell<bool>) -> usize {
    let mut round = 0;
    while !done.get() {
        let id = format!("churn{round}");
        let tier = format!("Tier-{}", round % 3 + 1);
        let fields = json!({"name": format!("Name {}x", round % 40), "tier": tier});
        server.post(LIST, token, &metric_with(&id, &fields)).await.expect(201);
        let path = format!("{LIST}/{id}");
        let other = json!({"tier": "Tier-2", "name": format!("Name {}", round % 7)});
        server.merge(&path, token, &other).await.expect(200);
        if round >= 5 {
            server.delete(&format!("{LIST}/churn{}", round - 5), token).await.expect(200);
        }
        if round < 100 {
            server
                .delete(&format!("{LIST}/doomed{:03}", round * 7 % 1000), token)
                .await
                .expect(200);
        }
        round += 1;
    }
    round
}

#[actix_web::test]
async fn walk_finds_each_untouched_metric_once_while_others_change() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    import(&server, &admin, "doomed", 0..100).await;
    for batch in 0..5 {
        import(&server, &admin, "kept", batch * 100..(batch + 1) * 100).await;
    }
    let kept: BTreeSet<String> = (0..500).map(|n| format!("kept{:03}", n * 7 % 1000)).collect();
    assert_eq!(kept.len(), 500);
    let done = Cell::new(false);
    let walks = async {
        for sort in SORTS {
            for limit in [17, 100] {
                let found = walk(&server, &admin, &format!("sort={sort}&limit={limit}")).await;
                let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
                for id in found.iter().filter(|id| id.starts_with("kept")) {
                    *seen.entry(id).or_default() += 1;
                }
                let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
                assert!(twice.is_empty(), "{sort} by {limit}: {twice:?}");
                assert_eq!(seen.len(), kept.len(), "{sort} by {limit}");
            }
        }
        done.set(true);
    };
    let (rounds, ()) = futures_util::future::join(churn(&server, &admin, &done), walks).await;
    assert!(rounds > 16, "the list hardly changed: {rounds}");
    // When nothing changes, cursors give the list of the pages, in the same order.
    for (sort, filter) in SORTS.iter().flat_map(|sort| [(sort, "tags=even"), (sort, "tier=Tier-1")])
    {
        let query = format!("sort={sort}&{filter}");
        let mut pages = Vec::new();
        for page in 1..=10 {
            let path = format!("{LIST}?{query}&limit=100&fields=name&page={page}");
            pages.extend(ids(&server.get(&path, &admin).await.expect(200)));
        }
        assert!(pages.len() > 100, "{query}");
        assert_eq!(walk(&server, &admin, &format!("{query}&limit=33")).await, pages, "{query}");
    }
}

#[actix_web::test]
async fn answer_has_the_next_cursor_and_its_link() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let empty = server.get(&format!("{LIST}?cursor=start"), &admin).await.expect(200);
    let end = json!({"limit": 50, "hasNext": false, "next_cursor": null});
    assert_eq!((empty.json()["pagination"].clone(), empty.header("link")), (end.clone(), ""));
    for id in ["a", "b", "c"] {
        server.post(LIST, &admin, &metric(id)).await.expect(201);
    }
    let path = format!("{LIST}?limit=2&owner_team=Team%20%26%20Co&cursor=start&sort=-name");
    let first = server.get(&path, &admin).await.expect(200);
    assert_eq!(ids(&first), ["c", "b"]);
    let next = next_cursor(&first).unwrap();
    assert_eq!(first.json()["pagination"]["hasNext"], true);
    let expected =
        format!("<{LIST}?limit=2&owner_team=Team+%26+Co&sort=-name&cursor={next}>; rel=\"next\"");
    assert_eq!(first.header("link"), expected);
    assert_eq!(first.header("x-total-count"), "");
    let link = expected[1..].split('>').next().unwrap();
    let second = server.get(link, &admin).await.expect(200);
    assert_eq!(ids(&second), ["a"]);
    assert_eq!(second.json()["pagination"]["next_cursor"], Value::Null);
    // The item of the cursor may be deleted, and the limit and the fields may change.
    server.delete(&format!("{LIST}/b"), &admin).await.expect(200);
    let other = link.replace("limit=2", "limit=9&fields=tier");
    let again = server.get(&other, &admin).await.expect(200).json();
    assert_eq!(again["data"], json!([{"metric_id": "a", "tier": "Tier-1"}]));
    // Without a cursor there is none in the answer.
    let page = server.get(&format!("{LIST}?limit=2"), &admin).await.expect(200).json();
    assert!(page["pagination"].get("next_cursor").is_none(), "{page}");
}

#[actix_web::test]
async fn foreign_and_malformed_cursors_are_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for id in ["a", "b", "c"] {
        server.post(LIST, &admin, &metric(id)).await.expect(201);
    }
    let first = server.get(&format!("{LIST}?limit=1&cursor=start"), &admin).await.expect(200);
    let cursor = next_cursor(&first).unwrap();
    let longer = format!("{cursor}A");
    let changed = format!("{}{}", &cursor[..cursor.len() - 2], "AA");
    for (query, field) in [
        ("cursor=".to_owned(), "cursor"),
        ("cursor=x".to_owned(), "cursor"),
        ("cursor=null".to_owned(), "cursor"),
        ("cursor=Start".to_owned(), "cursor"),
        ("cursor=%00".to_owned(), "cursor"),
        (format!("cursor={}", "A".repeat(3000)), "cursor"),
        (format!("cursor={longer}"), "cursor"),
        (format!("cursor={changed}"), "cursor"),
        (format!("cursor={}", &cursor[1..]), "cursor"),
        (format!("cursor={cursor}&sort=-name"), "cursor"),
        (format!("cursor={cursor}&sort=created_at"), "cursor"),
        (format!("cursor={cursor}&tier=Tier-1"), "cursor"),
        (format!("cursor={cursor}&page=2"), "page"),
        ("cursor=start&page=1".to_owned(), "page"),
        ("cursor=start&limit=0".to_owned(), "limit"),
        ("cursor=start&cursor=start".to_owned(), "cursor"),
    ] {
        let answer = server.get(&format!("{LIST}?{query}"), &admin).await;
        assert_eq!(answer.expect_error(400, "VALIDATION_ERROR").fields()[0], field, "{query}");
    }
    let domains = server.get(&format!("/api/v1/domains?cursor={cursor}"), &admin).await;
    assert_eq!(domains.expect_error(400, "VALIDATION_ERROR").fields(), ["cursor"]);
    let history = server.get(&format!("{LIST}/a/history?cursor=start"), &admin).await;
    assert_eq!(history.expect_error(400, "VALIDATION_ERROR").fields(), ["cursor"]);
    server.get(&format!("{LIST}?cursor={cursor}"), &admin).await.expect(200);
}
