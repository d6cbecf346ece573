//! Creating, editing, deprecating and deleting metrics with forms.

use serde_json::{Value, json};

use crate::pages::visitor::{Reply, Visitor};
use crate::support::samples::{metric, metric_with};
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const PAGE: &str = "/dashboard/metrics/m";
const EDIT: &str = "/dashboard/metrics/m/edit";
const API: &str = "/api/v1/metrics/m";

/// What a browser sends when a person presses the first button of the form.
pub fn fields(page: &Reply) -> Vec<(String, String)> {
    let css = "form.metric input, form.metric textarea, form.metric select";
    let mut fields = Vec::new();
    for input in page.all(css) {
        let Some(name) = input.attr("name") else { continue };
        let value = match input.value().name() {
            "textarea" => {
                let text = input.text().collect::<String>();
                // HTML drops the first line feed; forms are sent with two characters.
                text.strip_prefix('\n').unwrap_or(&text).replace('\n', "\r\n")
            }
            "select" => {
                let chosen = super::visitor::selector("option[selected]");
                input.select(&chosen).next().unwrap().attr("value").unwrap().to_owned()
            }
            _ if input.attr("type") == Some("radio") && input.attr("checked").is_none() => continue,
            _ => input.attr("value").unwrap_or_default().to_owned(),
        };
        fields.push((name.to_owned(), value));
    }
    fields
}

pub fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    match fields.iter_mut().find(|(known, _)| known == name) {
        Some((_, text)) => value.clone_into(text),
        None => fields.push((name.to_owned(), value.to_owned())),
    }
}

pub async fn submit(visitor: &mut Visitor<'_>, path: &str, fields: &[(String, String)]) -> Reply {
    let pairs: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    visitor.submit(path, &pairs).await
}

async fn started() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    (server, admin)
}

async fn stored(server: &Server, admin: &str) -> Value {
    server.get(API, admin).await.expect(200).json()["data"].clone()
}

#[actix_web::test]
async fn form_that_is_not_changed_changes_nothing() {
    let (server, admin) = started().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let before = stored(&server, &admin).await;
    let page = visitor.get(EDIT).await.expect_page(200, "Edit Metric m");
    let saved = submit(&mut visitor, EDIT, &fields(&page)).await;
    saved.expect_location(&format!("{PAGE}?done=saved"));
    assert_eq!(stored(&server, &admin).await, before);
}

#[actix_web::test]
async fn every_kind_of_field_is_changed() {
    let (server, admin) = started().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get(EDIT).await;
    let mut form = fields(&page);
    for (name, value) in [
        ("name", "Other name"),
        ("description", "two\r\nlines <b>bold</b>"),
        ("tier", "Tier-3"),
        ("tags", "x\r\n\r\n  y & z  \r\n"),
        ("governance.pii_involved", "yes"),
        ("governance.regulatory_constraints[1]", "one\r\n\r\nmore"),
        ("targets_and_alerts.target_value", "-0.5"),
        ("definition.example_calculation", "{\"only\": 1}"),
        ("dimensions[0].name", "region"),
        ("dimensions[0].required", "yes"),
        ("data.primary_sources[0].system", ""),
        ("data.primary_sources[0].table_or_stream", ""),
        ("data.primary_sources[0].connection_id", ""),
        ("data.primary_sources[1].system", "s2"),
        ("data.primary_sources[1].table_or_stream", "t2"),
        ("data.primary_sources[1].connection_id", "c2"),
        ("metadata.notes", ""),
    ] {
        set(&mut form, name, value);
    }
    let saved = submit(&mut visitor, EDIT, &form).await;
    let saved = saved.expect_location(&format!("{PAGE}?done=saved"));
    let page = visitor.get(saved.answer.header("location")).await;
    assert_eq!(page.text("#notice"), "The metric is saved.");
    let after = stored(&server, &admin).await;
    let at = |pointer: &str| after.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(at("/name"), "Other name");
    assert_eq!(at("/description"), "two\nlines <b>bold</b>");
    assert_eq!(at("/tags"), json!(["x", "y & z"]));
    assert_eq!(at("/governance/pii_involved"), true);
    assert_eq!(at("/governance/regulatory_constraints"), json!(["GDPR", "one\n\nmore"]));
    assert_eq!(at("/targets_and_alerts/target_value"), -0.5);
    assert_eq!(at("/definition/example_calculation"), json!({"only": 1}));
    assert_eq!(at("/dimensions/0/name"), "region");
    let source = json!([{"system": "s2", "table_or_stream": "t2", "connection_id": "c2"}]);
    assert_eq!(at("/data/primary_sources"), source);
    assert_eq!(at("/metadata/notes"), Value::Null);
    assert_eq!(at("/metadata/version"), "1.1.0");
}

#[actix_web::test]
async fn errors_are_at_their_fields_and_nothing_typed_is_lost() {
    let (server, admin) = started().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let mut form = fields(&visitor.get(EDIT).await);
    for (name, value) in [
        ("name", ""),
        ("business_domain", "Nowhere"),
        ("targets_and_alerts.target_value", "a lot"),
        ("definition.example_calculation", "{oops"),
        ("operational_usage.linked_playbooks[1].name", "second"),
        ("operational_usage.linked_playbooks[1].url", "javascript:alert(1)"),
        ("short_name", "kept \"'><script>"),
    ] {
        set(&mut form, name, value);
    }
    let refused = submit(&mut visitor, EDIT, &form).await.expect_page(400, "Edit m");
    let value = |name: &str| refused.attribute(&format!("[name=\"{name}\"]"), "value");
    let invalid = |name: &str| refused.attribute(&format!("[name=\"{name}\"]"), "aria-invalid");
    for name in [
        "name",
        "targets_and_alerts.target_value",
        "definition.example_calculation",
        "operational_usage.linked_playbooks[1].url",
    ] {
        assert_eq!(invalid(name), "true", "{name}: {}", refused.text(".error-summary"));
        let described = refused.attribute(&format!("[name=\"{name}\"]"), "aria-describedby");
        let shown = refused.all(&format!("[id=\"{described}\"]"));
        assert_eq!(shown.len(), 1, "{name} {described}");
    }
    assert_eq!(value("targets_and_alerts.target_value"), "a lot");
    assert_eq!(value("operational_usage.linked_playbooks[1].url"), "javascript:alert(1)");
    assert_eq!(value("short_name"), "kept \"'><script>");
    assert_eq!(refused.text("[name=\"definition.example_calculation\"]"), "{oops");
    assert_eq!(refused.attribute(".error-summary", "role"), "alert");
    for link in refused.all(".error-summary a") {
        let target = link.attr("href").unwrap().trim_start_matches('#');
        assert_eq!(refused.all(&format!("[id=\"{target}\"]")).len(), 1, "{target}");
    }
    // What only the database knows comes next, in the same way.
    let mut form = fields(&visitor.get(EDIT).await);
    set(&mut form, "business_domain", "Nowhere");
    let refused = submit(&mut visitor, EDIT, &form).await.expect_page(400, "Edit m");
    assert_eq!(refused.attribute("[name=business_domain]", "aria-invalid"), "true");
    assert_eq!(refused.attribute("[name=business_domain]", "value"), "Nowhere");
    assert_eq!(stored(&server, &admin).await["metadata"]["version"], "1.0.0");
}

#[actix_web::test]
async fn more_rows_are_offered_without_saving() {
    let (server, admin) = started().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let mut form = fields(&visitor.get(EDIT).await);
    set(&mut form, "name", "not saved yet");
    form.push(("more".to_owned(), "dimensions".to_owned()));
    let count = |page: &Reply| page.all("[name^=\"dimensions[\"][name$=\"].name\"]").len();
    let before = count(&visitor.get(EDIT).await);
    let page = submit(&mut visitor, EDIT, &form).await.expect_page(200, "Edit m");
    assert_eq!(count(&page), before + 2);
    assert_eq!(page.attribute("[name=name]", "value"), "not saved yet");
    assert_eq!(stored(&server, &admin).await["name"], "Metric m");
}

#[actix_web::test]
async fn two_people_edit_and_the_second_one_merges_by_field() {
    let (server, admin) = started().await;
    server.user(&admin, "ann", "editor").await;
    let mut first = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let mut second = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let (mut ours, mut theirs) = (fields(&first.get(EDIT).await), fields(&second.get(EDIT).await));
    set(&mut ours, "name", "First name");
    set(&mut ours, "definition.unit", "EUR");
    submit(&mut first, EDIT, &ours).await.expect(303);
    set(&mut theirs, "name", "Second name");
    set(&mut theirs, "short_name", "Second");
    let conflict = submit(&mut second, EDIT, &theirs).await;
    let conflict = conflict.expect_page(412, "Changed meanwhile");
    let legends = conflict.texts("fieldset legend");
    assert_eq!(legends, ["Name (changed by both)", "Short name", "Unit"]);
    assert_eq!(
        conflict.texts("fieldset:first-of-type .side"),
        ["Yours Second name", "Theirs First name", "Before Metric m"]
    );
    let checked =
        |name: &str| conflict.attribute(&format!("input[name=\"take.{name}\"][checked]"), "value");
    assert_eq!((checked("name"), checked("short_name")), (String::new(), "mine".into()));
    assert_eq!(checked("definition.unit"), "theirs");
    // Without a choice for what both have changed nothing is saved.
    let mut merged = fields(&conflict);
    let again = submit(&mut second, EDIT, &merged).await;
    again.expect_page(412, "Changed meanwhile");
    merged.push(("take.name".to_owned(), "mine".to_owned()));
    // A third change meanwhile is a conflict again.
    server.merge(API, &admin, &json!({"category": "Other"})).await.expect(200);
    let conflict = submit(&mut second, EDIT, &merged).await.expect_page(412, "Changed meanwhile");
    assert_eq!(
        conflict.texts("fieldset legend"),
        ["Name (changed by both)", "Short name", "Category", "Unit"]
    );
    let merged = fields(&conflict);
    submit(&mut second, EDIT, &merged).await.expect_location(&format!("{PAGE}?done=saved"));
    let after = stored(&server, &admin).await;
    assert_eq!(after["name"], "Second name");
    assert_eq!(after["short_name"], "Second");
    assert_eq!(after["definition"]["unit"], "EUR");
    assert_eq!(after["category"], "Other");
}

#[actix_web::test]
async fn draft_is_created_completed_and_activated() {
    let (server, admin) = started().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let path = "/dashboard/new-metric";
    let mut form = fields(&visitor.get(path).await.expect_page(200, "New metric"));
    let refused = submit(&mut visitor, path, &form).await.expect_page(400, "New metric");
    for name in ["metric_id", "name", "business_domain"] {
        assert_eq!(refused.attribute(&format!("[name={name}]"), "aria-invalid"), "true", "{name}");
    }
    for (name, value) in [("metric_id", "m"), ("name", "Draft"), ("business_domain", "Growth")] {
        set(&mut form, name, value);
    }
    let taken = submit(&mut visitor, path, &form).await.expect_page(409, "New metric");
    assert_eq!(taken.text("#field-metric_id-error"), "This metric_id is taken");
    set(&mut form, "metric_id", "draft");
    let created = submit(&mut visitor, path, &form).await;
    let created = created.expect_location("/dashboard/metrics/draft?done=created");
    let page = visitor.get(created.answer.header("location")).await.expect_page(200, "Draft");
    assert!(page.text(".banner").starts_with("Draft, "));
    // A duplicate brings all that was missing; it is a draft until it is activated.
    let copied = visitor.get("/dashboard/new-metric?from=m").await.expect(200);
    let mut form = fields(&copied);
    set(&mut form, "metric_id", "copy");
    submit(&mut visitor, path, &form).await.expect(303);
    let edit = "/dashboard/metrics/copy/edit";
    let mut form = fields(&visitor.get(edit).await.expect(200));
    set(&mut form, "governance.status", "active");
    submit(&mut visitor, edit, &form).await.expect(303);
    let copy = server.get("/api/v1/metrics/copy", &admin).await.json()["data"].clone();
    assert_eq!(
        (&copy["governance"]["status"], &copy["name"]),
        (&json!("active"), &json!("Metric m"))
    );
    // An incomplete draft is told what it lacks.
    let edit = "/dashboard/metrics/draft/edit";
    let mut form = fields(&visitor.get(edit).await.expect(200));
    set(&mut form, "governance.status", "active");
    let refused = submit(&mut visitor, edit, &form).await.expect_page(400, "Edit draft");
    assert_eq!(refused.attribute("[name=\"definition.formula\"]", "aria-invalid"), "true");
}

#[actix_web::test]
async fn metric_is_deprecated_with_its_successor() {
    let (server, admin) = started().await;
    server.post("/api/v1/metrics", &admin, &metric("new")).await.expect(201);
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let path = "/dashboard/metrics/m/deprecate";
    let page = visitor.get(path).await.expect_page(200, "Deprecate Metric m");
    assert!(page.text("main").contains("No other metric derives from it."));
    let seen = page.attribute("[name=seen]", "value");
    for (successor, sunset, field) in
        [("none", "", "successor_id"), ("new", "2030-02-31", "sunset_on")]
    {
        let fields = [("seen", seen.as_str()), ("successor_id", successor), ("sunset_on", sunset)];
        let refused = visitor.submit(path, &fields).await.expect_page(400, "Deprecate m");
        assert_eq!(refused.attribute(&format!("[name={field}]"), "aria-invalid"), "true");
        assert_eq!(refused.attribute("[name=successor_id]", "value"), successor);
    }
    let fields = [("seen", seen.as_str()), ("successor_id", "new"), ("sunset_on", "2030-01-31")];
    visitor.submit(path, &fields).await.expect_location(&format!("{PAGE}?done=deprecated"));
    let page = visitor.get(PAGE).await.expect(200);
    assert!(page.text(".banner").contains("Use new instead."));
}

#[actix_web::test]
async fn metric_is_deleted_after_a_look_at_what_depends_on_it() {
    let (server, admin) = started().await;
    let below = json!({"relationships": {"upstream_metric_ids": ["m"],
        "downstream_metric_ids": [], "tradeoffs": []}});
    server.post("/api/v1/metrics", &admin, &metric_with("below", &below)).await.expect(201);
    server.user(&admin, "ann", "editor").await;
    let mut editor = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let path = "/dashboard/metrics/m/delete";
    editor.get(path).await.expect_page(403, "Not allowed");
    editor.submit(path, &[("seen", "1.0.0")]).await.expect_page(403, "Not allowed");
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get(path).await.expect_page(200, "Delete Metric m");
    assert_eq!(page.attribute("main ul a", "href"), "/dashboard/metrics/below");
    // A browser sends this only if the metric below came after the page.
    let refused = visitor.submit(path, &[("seen", "1.0.0")]).await;
    let refused = refused.expect_page(409, "Delete Metric m");
    assert!(refused.text("[role=alert]").contains("tick the box below"));
    assert!(!refused.answer.text.contains("?force"));
    assert_eq!(refused.attribute("main ul a", "href"), "/dashboard/metrics/below");
    assert_eq!(refused.attribute("input[name=force]", "type"), "checkbox");
    let stale = [("seen", "0.9.0"), ("force", "yes")];
    visitor.submit(path, &stale).await.expect_page(412, "Changed meanwhile");
    let fields = [("seen", "1.0.0"), ("force", "yes")];
    let deleted = visitor.submit(path, &fields).await.expect_location("/dashboard?done=deleted");
    let page = visitor.get(deleted.answer.header("location")).await.expect(200);
    assert_eq!(page.text("#notice"), "The metric is deleted. Its versions are kept.");
    server.get(API, &admin).await.expect(404);
}

#[actix_web::test]
async fn viewers_are_offered_no_change_and_cannot_make_one() {
    let (server, admin) = started().await;
    server.user(&admin, "vera", "viewer").await;
    let mut viewer = Visitor::signed_in(&server, "vera", PASSWORD).await;
    let page = viewer.get(PAGE).await.expect(200);
    assert!(page.all("main form[method=post], main a[href$=edit]").is_empty());
    for path in [EDIT, "/dashboard/new-metric", "/dashboard/metrics/m/deprecate"] {
        viewer.get(path).await.expect_page(403, "Not allowed");
        let fields = [("seen", "1.0.0"), ("metric_id", "x")];
        viewer.submit(path, &fields).await.expect_page(403, "Not allowed");
    }
    let editor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = editor.get(PAGE).await.expect(200);
    let links: Vec<_> = page.all(".tools a").into_iter().filter_map(|a| a.attr("href")).collect();
    for link in [EDIT, "/dashboard/new-metric?from=m", "/dashboard/metrics/m/delete"] {
        assert!(links.contains(&link), "{links:?}");
    }
}
