//! A day with the pages, from the sign-in to the end of all other sessions: by two people with
//! browsers (ignored; `scripts/test` runs it), and by two without scripts.
//!
//!     cargo test --test integration pages::walk:: -- --include-ignored

use serde_json::json;

use crate::pages::person::Person;
use crate::support::proxy::Proxy;
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Server, database};

const WALKED: &str = "/dashboard/metrics/walked";
const EDIT: &str = "/dashboard/metrics/walked/edit";
const FORM: &str = "form.metric";

async fn sign_in(person: &mut Person<'_>) {
    person.open("/dashboard").await;
    person.sees("h1", "Sign in").await;
    let fields = [("username", "admin"), ("password", ADMIN_PASSWORD)];
    person.send("main form", &fields).await;
    person.sees("h1", "Metrics").await;
}

/// A draft is created, lacks something, is completed and becomes active.
async fn define(person: &mut Person<'_>) {
    person.follow("a.button", "New metric").await;
    person.sees("h1", "New metric").await;
    let draft = [("metric_id", "walked"), ("name", "Walked"), ("business_domain", "Finance")];
    person.send(FORM, &draft).await;
    person.sees("h1", "Walked").await;
    person.sees(".facts .status", "draft").await;
    person.open(EDIT).await;
    person.send(FORM, &[("governance.status", "active")]).await;
    person.sees(".error-summary", "").await;
    assert!(!person.text(".error-summary").await.is_empty());
    let complete = [
        ("governance.status", "active"),
        ("short_name", "W"),
        ("description", "What was walked"),
        ("category", "Revenue"),
        ("tier", "Tier-1"),
        ("metric_type", "lagging"),
        ("tags", "board"),
        ("governance.owner_team", "Finance team"),
        ("governance.business_owner", "Ann"),
        ("governance.technical_owner", "Bob"),
        ("governance.data_classification", "internal"),
        ("governance.pii_involved", "no"),
        ("governance.version", "1.0.0"),
        ("governance.created_at", "2026-01-01T00:00:00Z"),
        ("governance.updated_at", "2026-01-01T00:00:00Z"),
        ("definition.formula", "a / b"),
        ("definition.formula_detail", "a divided by b"),
        ("definition.numerator.event_name", "a"),
        ("definition.denominator.event_name", "b"),
        ("definition.unit", "ratio"),
        ("definition.expected_direction", "increase"),
        ("definition.example_calculation", "{\"a\": 1, \"b\": 2}"),
        ("alignment.why_it_matters", "It tells"),
        ("alignment.strategic_pillar", "Growth"),
        ("data.primary_sources[0].system", "s"),
        ("data.primary_sources[0].table_or_stream", "t"),
        ("data.primary_sources[0].connection_id", "c"),
        ("data.data_freshness", "1 day"),
        ("data.update_frequency", "daily"),
        ("data.time_grain", "day"),
        ("data.data_retention", "1 year"),
        ("targets_and_alerts.target_value", "1"),
        ("targets_and_alerts.warning_threshold", "0.5"),
        ("targets_and_alerts.critical_threshold", "0.1"),
        ("targets_and_alerts.comparison_baseline", "last year"),
        ("operational_usage.decision_use_cases[0]", "Where to walk"),
        ("operational_usage.review_cadence", "weekly"),
        ("visualization.default_chart_type", "line"),
        ("visualization.default_time_range", "30 days"),
    ];
    person.send(FORM, &complete).await;
    person.sees("#notice", "The metric is saved.").await;
    person.sees(".facts .status", "active").await;
}

/// A document is previewed before it is imported.
async fn import(person: &mut Person<'_>) {
    let mut second = metric("second");
    second["name"] = json!("Imported");
    let document = json!({"metrics": [second]}).to_string();
    person.open("/dashboard/import").await;
    person.sees("h1", "Import").await;
    person.upload("main form", "catalogue.json", &document).await;
    person.sees("main", "second").await;
    person.sees("main form button", "Import").await;
    person.send("main form", &[]).await;
    person.open("/dashboard/metrics/second").await;
    person.sees("h1", "Imported").await;
}

async fn find(person: &mut Person<'_>) {
    person.open("/dashboard").await;
    person.sees("h1", "Metrics").await;
    person.follow(".facets a", "Finance").await;
    person.sees(".chips li", "Domain: Finance").await;
    person.send("form.search", &[("search", "walked")]).await;
    person.sees(".count", "1–1 of 1 metric").await;
    person.follow("tbody th a", "Walked").await;
    person.sees("h1", "Walked").await;
}

/// Both edit at once, and the second one merges.
async fn merge<'a>(first: &mut Person<'a>, second: &mut Person<'a>) {
    for person in [&mut *first, &mut *second] {
        person.open(EDIT).await;
        person.sees("h1", "Edit Walked").await;
    }
    first.send(FORM, &[("name", "Walked far")]).await;
    first.sees("h1", "Walked far").await;
    second.send(FORM, &[("description", "How far was walked")]).await;
    second.sees("h1", "Changed meanwhile").await;
    second.send(FORM, &[("take.name", "theirs"), ("take.description", "mine")]).await;
    second.sees("#notice", "The metric is saved.").await;
    second.sees("h1", "Walked far").await;
    second.sees(".description", "How far was walked").await;
}

async fn restore(person: &mut Person<'_>) {
    let versions = format!("{WALKED}/versions");
    person.open(&versions).await;
    person.sees("h1", "Versions of walked").await;
    person.send("form.inline", &[]).await;
    person.sees("h1", "walked: 2.1.0 and 2.2.0").await;
    person.open(&versions).await;
    person.send("form[action$=restore]", &[]).await;
    person.sees("#notice", "The version is restored.").await;
}

/// A key is created, used by a program, seen to be used, and revoked.
async fn use_key(person: &mut Person<'_>, server: &Server) {
    person.open("/dashboard/api-keys/new").await;
    person.sees("h1", "New API key").await;
    person.send("main form", &[("name", "walk"), ("scopes", "metrics:read")]).await;
    person.sees("h1", "Your new API key").await;
    let key = person.text("#new-key").await;
    server.get_with("/api/v1/metrics/walked", &key).await.expect(200);
    let page = "/dashboard/api-keys";
    person.open(page).await;
    person.reloads(page, "td[data-label='Last used']", " from 127.0.0.1").await;
    person.follow("tbody th a", "walk").await;
    person.sees("h1", "walk").await;
    person.follow("main a", "Revoke this key").await;
    person.send("main form", &[]).await;
    person.sees("#notice", "The API key is revoked.").await;
    server.get_with("/api/v1/metrics/walked", &key).await.expect_error(401, "INVALID_API_KEY");
}

async fn steer(person: &mut Person<'_>) {
    for (action, troubled) in [("isolate", "degraded"), ("reset", "well")] {
        person.open("/dashboard/health").await;
        person.sees("h1", "Health").await;
        let fields = [("circuit", "domains"), ("action", action), ("reason", "walk")];
        person.send("form[action$=control]", &fields).await;
        person.sees("#notice", "It is done, and in the audit log.").await;
        person.sees("main .status", troubled).await;
        person.open("/dashboard/domains?search=walk").await;
        let heading = if action == "isolate" { "Not available now" } else { "Business domains" };
        person.sees("h1", heading).await;
    }
}

/// What makes the database unavailable.
enum Outage<'a> {
    /// The way to it is closed, while other tests use it.
    Connection(&'a Proxy),
    /// `PostgreSQL` is stopped; only for a test that runs alone.
    Server,
}

impl Outage<'_> {
    fn begin(&self) {
        match self {
            Self::Connection(proxy) => proxy.close(),
            Self::Server => database::ctl("stop"),
        }
    }

    fn end(&self) {
        match self {
            Self::Connection(proxy) => proxy.open(),
            Self::Server => database::ctl("start"),
        }
    }
}

/// The database is away and comes back.
async fn outlast(person: &mut Person<'_>, outage: &Outage<'_>) {
    person.open(WALKED).await;
    person.sees("h1", "Walked").await;
    outage.begin();
    person.open(WALKED).await;
    person.sees(".banner", "This page is as you saw it at").await;
    person.sees("h1", "Walked").await;
    outage.end();
    person.sees_the_end(WALKED, ".banner").await;
    person.sees("h1", "Walked").await;
}

async fn walk<'a>(
    first: &mut Person<'a>,
    second: &mut Person<'a>,
    server: &Server,
    outage: &Outage<'_>,
) {
    sign_in(first).await;
    sign_in(second).await;
    define(first).await;
    import(second).await;
    find(second).await;
    merge(first, second).await;
    restore(first).await;
    use_key(first, server).await;
    steer(second).await;
    outlast(first, outage).await;
    first.open("/dashboard/account").await;
    first.send("form[action$=end-other-sessions]", &[]).await;
    first.sees("#notice", "All other sessions are ended.").await;
    second.open("/dashboard").await;
    second.sees("h1", "Sign in").await;
}

async fn started() -> (Server, Proxy) {
    let proxy = Proxy::start(true).await;
    let options = ["--db-connection-timeout", "500", "--circuit-breaker-reset-timeout", "2000"];
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("other")).await.expect(201);
    let scopes = json!({"name": "warm", "scopes": ["metrics:read"]});
    drop(server.create_key(&admin, &scopes).await);
    (server, proxy)
}

#[actix_web::test]
async fn two_people_without_scripts() {
    let (server, proxy) = started().await;
    let mut first = Person::without_scripts(&server).await;
    let mut second = Person::without_scripts(&server).await;
    Box::pin(walk(&mut first, &mut second, &server, &Outage::Connection(&proxy))).await;
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn two_people_with_browsers() {
    let (server, _proxy) = started().await;
    let mut first = Person::with_browser(&server).await;
    let mut second = Person::with_browser(&server).await;
    Box::pin(walk(&mut first, &mut second, &server, &Outage::Server)).await;
}
