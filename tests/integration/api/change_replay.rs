//! Random histories by concurrent writers: the change feed, the versions and the lists as of an
//! instant say the same, and a consumer that is killed again and again misses nothing.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::changes::read_feed;
use crate::support::events::EventStream;
use crate::support::samples::metric_with;
use crate::support::{Answer, Server};

const METRICS: &str = "/api/v1/metrics";
const DOMAINS: &str = "/api/v1/domains";

/// Makes a random change of one of six metrics or three domains.
async fn change(server: &Server, token: &str, random: &mut StdRng) -> Answer {
    let (number, metric) = (random.random_range(0..4), random.random_range(0..6));
    let id = format!("m{metric}");
    let path = format!("{METRICS}/{id}");
    let names = ["Finance", "Money", "Growth", "Sales"];
    match random.random_range(0..12) {
        0 | 1 => server.delete(&path, token).await,
        2..=4 => {
            let body = metric_with(&id, &json!({"business_domain": names[number]}));
            server.post(METRICS, token, &body).await
        }
        5 | 6 => {
            let body = json!({ "name": names[number] });
            server.put(&format!("{DOMAINS}/d{}", 1 + number % 2), token, &body).await
        }
        7 => server.delete(&format!("{DOMAINS}/d{}", 1 + number), token).await,
        8 => {
            let body = json!({"version": format!("{}.0.0", 1 + number % 2)});
            server.post(&format!("{path}/restore"), token, &body).await
        }
        9 => {
            let document = json!({
                "domains": [{"domain_id": "d1", "name": "Finance"},
                    {"domain_id": "d3", "name": "Sales", "color": number.to_string()}],
                "metrics": [metric_with(&id, &json!({"business_domain": "Sales"})),
                    metric_with("m9", &json!({"tags": [number.to_string()]}))],
            });
            server.post("/api/v1/import", token, &document).await
        }
        10 => server.merge(&path, token, &json!({"description": format!("n {number}")})).await,
        _ => server.put(&path, token, &json!({"tags": [number.to_string()]})).await,
    }
}

/// Runs writers until each has made so many attempts. The clock advances beside them.
pub async fn write(server: &Server, admin: &str, seed: u64, writers: u64, attempts: u32) {
    let writer = async |writer: u64| {
        let mut random = StdRng::seed_from_u64(seed * 100 + writer);
        for _ in 0..attempts {
            let answer = Box::pin(change(server, admin, &mut random)).await;
            let status = answer.status;
            assert!([200, 201, 400, 404, 409].contains(&status), "{status} {}", answer.text);
        }
    };
    join_all((0..writers).map(writer)).await;
}

/// The items after some changes: the version of each that exists.
type State = BTreeMap<(String, String), String>;

fn apply(state: &mut State, change: &Value) {
    let text = |name: &str| change[name].as_str().unwrap().to_owned();
    let item = (text("kind"), text("id"));
    let before = state.remove(&item);
    match change["change_type"].as_str().unwrap() {
        "create" => assert_eq!(before, None, "{change}"),
        "update" => assert!(before.is_some(), "{change}"),
        "delete" => assert_eq!(before, Some(text("version")), "{change}"),
        other => panic!("{other}"),
    }
    if change["change_type"] != "delete" {
        state.insert(item, text("version"));
    }
}

/// Returns the items as the lists show them at an instant, with their contents.
async fn listed(server: &Server, token: &str, instant: &str) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (kind, list, id) in [("metric", METRICS, "metric_id"), ("domain", DOMAINS, "domain_id")] {
        let path = format!("{list}?as_of={instant}&limit=100");
        let items = server.get(&path, token).await.expect(200).json()["data"].clone();
        for item in items.as_array().unwrap() {
            let id = item[id].as_str().unwrap().to_owned();
            found.push((kind.to_owned(), id, item.clone()));
        }
    }
    found
}

fn version(kind: &str, content: &Value) -> String {
    match kind {
        "metric" => content["metadata"]["version"].as_str().unwrap().to_owned(),
        _ => content["version"].to_string(),
    }
}

#[actix_web::test]
async fn lists_as_of_any_instant_equal_the_feed_replayed_to_it() {
    for seed in 0..3 {
        let server = Server::start().await;
        let admin = server.admin().await;
        server.domains(&admin).await;
        Box::pin(write(&server, &admin, seed, 6, 14)).await;
        server.advance(1);
        let (changes, _) = read_feed(&server, &admin, 9, "start").await;
        assert!(changes.len() > 25, "{} changes", changes.len());
        let mut state = State::new();
        for (position, change) in changes.iter().enumerate() {
            apply(&mut state, change);
            let instant = change["changed_at"].as_str().unwrap();
            if changes.get(position + 1).is_some_and(|next| next["changed_at"] == *instant) {
                continue;
            }
            let found = listed(&server, &admin, instant).await;
            let versions: State = found
                .iter()
                .map(|(kind, id, content)| ((kind.clone(), id.clone()), version(kind, content)))
                .collect();
            assert_eq!(versions, state, "after {change}");
            // With the content of the version that the feed links to.
            if change["change_type"] != "delete" {
                let read = server.get(change["href"].as_str().unwrap(), &admin).await.expect(200);
                let (kind, id) = (&change["kind"], &change["id"]);
                let item = found.iter().find(|item| item.0 == *kind && item.1 == *id).unwrap();
                assert_eq!(read.json()["data"]["content"], item.2);
            }
        }
        Box::pin(check_diffs(&server, &admin, &changes)).await;
        // The end of the feed is the present.
        let path = format!("{METRICS}?limit=100&fields=metadata.version");
        let present = server.get(&path, &admin).await.json()["data"].clone();
        for item in present.as_array().unwrap() {
            let key = ("metric".to_owned(), item["metric_id"].as_str().unwrap().to_owned());
            assert_eq!(state.remove(&key).as_deref(), item["metadata"]["version"].as_str());
        }
        assert!(state.keys().all(|(kind, _)| kind == "domain"), "{state:?}");
    }
}

/// Applies the differences between the versions of each item in the order of the feed; each leads
/// to the stored version.
async fn check_diffs(server: &Server, admin: &str, changes: &[Value]) {
    let mut documents: BTreeMap<(String, String), (String, Value)> = BTreeMap::new();
    for change in changes.iter().filter(|change| change["change_type"] != "delete") {
        let text = |name: &str| change[name].as_str().unwrap().to_owned();
        let (href, to) = (text("href"), text("version"));
        let content = server.get(&href, admin).await.expect(200).json()["data"]["content"].clone();
        let item = (text("kind"), text("id"));
        if let Some((from, mut document)) = documents.remove(&item) {
            let path = href.split_once("/versions/").unwrap().0;
            let path = format!("{path}/diff?from={from}&to={to}");
            let accept = [("accept", "application/json-patch+json")];
            let patch = server.send(Method::GET, &path, admin, &accept, None).await.expect(200);
            let patch: json_patch::Patch = serde_json::from_str(&patch.text).unwrap();
            json_patch::patch(&mut document, &patch).unwrap();
            assert_eq!(document, content, "{path}");
        }
        documents.insert(item, (to, content));
    }
}

#[actix_web::test]
async fn killed_consumer_sees_every_change_once_and_in_order() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let writers = async {
        Box::pin(write(&server, &admin, 7, 8, 14)).await;
        // The last change, which the consumer waits for.
        let last = json!({"domain_id": "last", "name": "Last"});
        server.post(DOMAINS, &admin, &last).await.expect(201);
    };
    let bearer = format!("Bearer {admin}");
    let consumer = async {
        let mut random = StdRng::seed_from_u64(1);
        let (mut seen, mut last) = (Vec::new(), "start".to_owned());
        loop {
            let headers = [("authorization", bearer.as_str()), ("last-event-id", last.as_str())];
            let path = format!("/api/v1/changes?limit={}", random.random_range(1..20));
            let Ok(mut stream) = EventStream::open(&server, &path, &headers).await else {
                // The streams before are not yet noticed to be dead.
                let (more, next) = read_feed(&server, &admin, 5, &last).await;
                (seen, last) = ([seen, more].concat(), next);
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                if seen.last().is_some_and(|change| change["id"] == "last") {
                    return seen;
                }
                continue;
            };
            // Killed after some events, wherever it is.
            for _ in 0..random.random_range(1..12) {
                let event = stream.next().await.expect("an event");
                last = event.id;
                seen.push(event.data);
                if seen.last().is_some_and(|change| change["id"] == "last") {
                    return seen;
                }
            }
        }
    };
    let ((), seen) = Box::pin(join(writers, consumer)).await;
    let (all, _) = read_feed(&server, &admin, 100, "start").await;
    assert!(all.len() > 25, "{} changes", all.len());
    assert_eq!(seen, all);
}
