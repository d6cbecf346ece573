//! Numbered pages of metrics: each has the items that `OFFSET` has, in every order and with every
//! filter, whatever pages were read before, also while the list changes between them.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};

use super::cursor::SORTS;
use crate::support::samples::{metric, metric_with};
use crate::support::{Answer, Server, database};

const LIST: &str = "/api/v1/metrics";
/// Query parameters, and what they mean in SQL.
const FILTERS: [(&str, &str); 5] = [
    ("", "true"),
    ("&search=metric", "search @@ to_tsquery('simple', 'metric:*')"),
    ("&search=even+what", "search @@ to_tsquery('simple', 'even:* & what:*')"),
    ("&tier=Tier-2", "tier = 'Tier-2'"),
    ("&tags=odd&category=Revenue", "tags @> '[\"odd\"]' AND category = 'Revenue'"),
];
/// Names that differ in case, accents and punctuation only, and long and equal ones.
const NAMES: [&str; 12] = [
    "metric",
    "Metric",
    "METRIC",
    "Métric",
    "metric even",
    "metric-even",
    "Metric EVEN",
    "ETRIC",
    "metric_",
    "a metric",
    "Z metric even",
    "解約率 metric",
];

/// Picks numbers; the same ones in each run.
struct Random(TestRng);

impl Random {
    fn new() -> Self {
        Self(TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0.next_u32() as usize % bound
    }

    fn metric(&mut self, id: &str) -> Value {
        let name = match self.below(20) {
            0 => "metric ".repeat(28),
            1 => format!("metric {id}"),
            _ => NAMES[self.below(NAMES.len())].to_owned(),
        };
        let (tier, tag) = (format!("Tier-{}", self.below(3) + 1), ["odd", "even"][self.below(2)]);
        metric_with(id, &json!({"name": name.trim(), "tier": tier, "tags": [tag]}))
    }
}

fn ids(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let data = body["data"].as_array().unwrap();
    data.iter().map(|metric| metric["metric_id"].as_str().unwrap().to_owned()).collect()
}

/// Returns the whole list, as one statement gives it.
async fn whole_list(server: &Server, sort: &str, filter: usize) -> Vec<String> {
    let (column, direction) =
        sort.strip_prefix('-').map_or((sort, "ASC"), |column| (column, "DESC"));
    let statement = format!(
        "SELECT metric_id FROM metrics WHERE {} ORDER BY {column} {direction}, metric_id ASC",
        FILTERS[filter].1
    );
    let rows = database::sql(&server.database_url, &statement).await;
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

/// Starts with metrics of which many have the same name, tier and time.
async fn filled(random: &mut Random, count: usize) -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for import in 0..4 {
        let range = import * count / 4..(import + 1) * count / 4;
        // The ids are in another order than the times.
        let metrics: Vec<_> =
            range.map(|n| random.metric(&format!("m{:03}", n * 7 % 1000))).collect();
        let body = json!({"metrics": metrics});
        server.post("/api/v1/import", &admin, &body).await.expect(200);
    }
    (server, admin)
}

/// Ensures that a page is what `OFFSET` and `LIMIT` would take from the whole list.
async fn ensure_page(
    (server, token): (&Server, &str),
    (sort, filter): (&str, usize),
    whole: &[String],
    (limit, page): (usize, usize),
) {
    let expected: Vec<_> = whole.iter().skip((page - 1) * limit).take(limit).collect();
    let query = format!("sort={sort}{}&limit={limit}&page={page}", FILTERS[filter].0);
    let answer = server.get(&format!("{LIST}?{query}&fields=name"), token).await.expect(200);
    assert_eq!(ids(&answer).iter().collect::<Vec<_>>(), expected, "{query}");
    assert_eq!(answer.json()["pagination"]["total"], whole.len(), "{query}");
}

/// Forwards, backwards and from page to page, with limits that change on the way.
#[actix_web::test]
async fn each_page_has_the_items_of_its_offset() {
    const COUNT: usize = 130;
    let mut random = Random::new();
    let (server, admin) = filled(&mut random, COUNT).await;
    for sort in SORTS {
        for filter in 0..FILTERS.len() {
            let whole = whole_list(&server, sort, filter).await;
            let limit = [7, 11, 33][random.below(3)];
            let last = whole.len() / limit + 1;
            let mut pages: Vec<_> = (0..4).map(|_| (limit, random.below(last) + 1)).collect();
            match random.below(3) {
                0 => pages.extend((1..=last).map(|page| (limit, page))),
                1 => pages.extend((1..=last).rev().map(|page| (limit, page))),
                _ => pages.extend((5..=18).map(|limit| (limit, random.below(12) + 1))),
            }
            for at in pages {
                ensure_page((&server, &admin), (sort, filter), &whole, at).await;
            }
        }
    }
}

#[actix_web::test]
async fn each_page_has_the_items_of_its_offset_while_the_list_changes() {
    let mut random = Random::new();
    let (server, admin) = filled(&mut random, 100).await;
    let mut changes = 0;
    for (round, sort) in SORTS.iter().cycle().take(24).enumerate() {
        let (filter, limit) = (random.below(FILTERS.len()), [3, 8, 20][random.below(3)]);
        for page in 1..=12 {
            let whole = whole_list(&server, sort, filter).await;
            ensure_page((&server, &admin), (sort, filter), &whole, (limit, page)).await;
            if random.below(3) > 0 {
                continue;
            }
            changes += 1;
            let id = format!("m{:03}", random.below(100) * 7 % 1000);
            let (path, changed) = (format!("{LIST}/{id}"), random.metric(&id));
            let answer = match random.below(3) {
                0 => server.delete(&path, &admin).await,
                1 => server.post(LIST, &admin, &changed).await,
                _ => {
                    let change = json!({"name": changed["name"], "tier": changed["tier"]});
                    server.merge(&path, &admin, &change).await
                }
            };
            // Deleted twice, changed after that, or created twice.
            assert!([200, 201, 404, 409].contains(&answer.status), "{round}: {}", answer.status);
        }
    }
    assert!(changes > 50, "the list hardly changed: {changes}");
}

/// How many statements of the service matched, and how many rows they returned.
async fn statements(server: &Server, like: &str) -> (i64, i64) {
    let question = format!(
        "SELECT coalesce(sum(calls), 0), coalesce(sum(rows), 0) FROM pg_stat_statements \
         WHERE query LIKE '{like}' AND dbid = \
         (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    let row = database::sql(&server.database_url, &question).await.remove(0);
    (row[0].parse().unwrap(), row[1].parse().unwrap())
}

/// The neighbours of a page are read from its ends, whatever their number is.
#[actix_web::test]
async fn next_and_previous_pages_pass_over_no_rows() {
    const PASSED: &str = "SELECT%metric_id%OFFSET%";
    const READ: &str = r#"SELECT "metrics"."metric_id"%AS passed%"#;
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let metrics: Vec<_> = (0..90).map(|n| metric(&format!("m{n:02}"))).collect();
    server.post("/api/v1/import", &admin, &json!({"metrics": metrics})).await.expect(200);
    database::sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    server.settled().await;
    let read = async |page: usize, parameters: &str| {
        let path = format!("{LIST}?search=metric&limit=10&page={page}{parameters}");
        let answer = server.get(&path, &admin).await.expect(200);
        let first = format!("m{}0", page - 1);
        assert_eq!(ids(&answer).first(), Some(&first), "{page}{parameters}");
    };
    for page in 1..=9 {
        read(page, "").await;
    }
    assert_eq!(statements(&server, PASSED).await.0, 0);
    // One statement for each page finds its metrics and fetches them.
    assert_eq!(statements(&server, READ).await, (9, 90));
    // Other fields, the same list.
    for page in (1..=8).rev() {
        read(page, "&fields=name").await;
    }
    assert_eq!(statements(&server, PASSED).await.0, 0);
    // A change starts a new epoch, in which no place is known.
    server.post(LIST, &admin, &metric("z")).await.expect(201);
    read(5, "").await;
    assert_eq!(statements(&server, PASSED).await.0, 1);
    for page in [6, 7, 4, 3, 8, 2] {
        read(page, "").await;
    }
    assert_eq!(statements(&server, PASSED).await.0, 1);
    // Another order is another list.
    let other = format!("{LIST}?search=metric&limit=10&page=4&sort=created_at");
    server.get(&other, &admin).await.expect(200);
    assert_eq!(statements(&server, PASSED).await.0, 2);
}
