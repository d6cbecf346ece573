//! The import on a page: a file, a preview that writes nothing, and exactly what was previewed.

use serde_json::{Value, json};

use crate::pages::visitor::{Reply, Visitor};
use crate::support::samples::{metric, metric_with};
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const PAGE: &str = "/dashboard/import";
const APPLY: &str = "/dashboard/import/apply";

async fn started() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("old")).await.expect(201);
    server.post("/api/v1/metrics", &admin, &metric("same")).await.expect(201);
    (server, admin)
}

fn document() -> String {
    let changed = metric_with("old", &json!({"name": "Changed", "description": "two\nlines"}));
    let document = json!({"domains": [{"domain_id": "new-domain", "name": "New"}],
        "metrics": [changed, metric("same"), metric("new")]});
    serde_json::to_string_pretty(&document).unwrap()
}

async fn preview(visitor: &Visitor<'_>, name: &str, text: &str) -> Reply {
    visitor.upload(PAGE, &[("document", Some(name), text.as_bytes())]).await
}

/// What a browser sends with the form of a preview: lines of a text end with two characters.
fn form(page: &Reply) -> Vec<(String, Vec<u8>)> {
    assert_eq!(page.attribute("main form", "action"), APPLY);
    assert_eq!(page.attribute("main form", "enctype"), "multipart/form-data");
    let mut fields = Vec::new();
    for input in page.all("main form input, main form textarea") {
        let text = match input.value().name() {
            "textarea" => {
                let text = input.text().collect::<String>();
                text.strip_prefix('\n').unwrap_or(&text).replace('\n', "\r\n")
            }
            _ => input.attr("value").unwrap().to_owned(),
        };
        fields.push((input.attr("name").unwrap().to_owned(), text.into_bytes()));
    }
    fields
}

async fn apply(visitor: &Visitor<'_>, fields: &[(String, Vec<u8>)]) -> Reply {
    let parts: Vec<(&str, Option<&str>, &[u8])> =
        fields.iter().map(|(name, content)| (name.as_str(), None, content.as_slice())).collect();
    visitor.upload(APPLY, &parts).await
}

async fn stored(server: &Server, admin: &str) -> Value {
    server.get("/api/v1/export?format=json", admin).await.expect(200).json()
}

#[actix_web::test]
async fn preview_writes_nothing_and_its_form_imports_exactly_that() {
    let (server, admin) = started().await;
    server.user(&admin, "ann", "editor").await;
    let editor = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let start = editor.get(PAGE).await.expect_page(200, "Import");
    assert_eq!(start.attribute("main form", "enctype"), "multipart/form-data");
    assert_eq!(start.attribute("input[type=file]", "name"), "document");
    let before = stored(&server, &admin).await;
    // An editor on Windows has saved it.
    let windows = format!("\u{feff}{}", document().replace('\n', "\r\n"));
    let page = preview(&editor, "catalogue.json", &windows).await.expect_page(200, "Import");
    assert_eq!(page.text(".count"), "The document would create 2, update 1 and leave 1 unchanged.");
    assert_eq!(page.texts(".outcome summary"), ["Created (2)", "Updated (1)", "Unchanged (1)"]);
    assert_eq!(
        page.texts(".outcome li"),
        [
            "Domain new-domain domains[0]",
            "Metric new metrics[2]",
            "Metric old metrics[0]",
            "Metric same metrics[1]"
        ]
    );
    assert_eq!(page.attribute(".outcome a", "href"), "/dashboard/metrics/old");
    assert_eq!(stored(&server, &admin).await, before, "a preview writes nothing");
    apply(&editor, &form(&page)).await.expect_location("/dashboard?done=imported");
    let after = stored(&server, &admin).await;
    let expected: Value = serde_json::from_str(&document()).unwrap();
    assert_eq!(after["metrics"].as_array().unwrap().len(), 3);
    let at = |id: &str| {
        let mut metrics = after["metrics"].as_array().unwrap().iter();
        metrics.find(|metric| metric["metric_id"] == id).unwrap().clone()
    };
    assert_eq!(at("old")["description"], "two\nlines");
    assert_eq!(at("old")["definition"], expected["metrics"][0]["definition"]);
    let versions = server.get("/api/v1/metrics/old/versions", &admin).await.json();
    assert_eq!(
        (&versions["data"][0]["channel"], &versions["data"][0]["changed_by"]),
        (&json!("import"), &json!("ann"))
    );
    let audited = server.get("/api/v1/audit?action=catalogue.imported", &admin).await.json();
    assert_eq!(audited["pagination"]["total"], 1);
    // A second time there is nothing to do.
    let page = preview(&editor, "catalogue.json", &document()).await.expect(200);
    assert!(page.text("main").contains("There is nothing to import"));
    assert!(page.all("main form").is_empty());
}

#[actix_web::test]
async fn exported_yaml_is_unchanged_when_it_is_imported() {
    let (server, admin) = started().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let text = server.get("/api/v1/export", &admin).await.expect(200).text;
    let page = preview(&visitor, "a.yml", &text).await.expect(200);
    assert!(page.text(".count").contains("create 0, update 0 and leave 4 unchanged"));
    // With a change the lines of the text survive the form.
    let text = text.replace("Metric same", "Another name");
    let page = preview(&visitor, "a.yml", &text).await.expect(200);
    apply(&visitor, &form(&page)).await.expect(303);
    let exported = server.get("/api/v1/export", &admin).await.expect(200).text;
    assert_eq!(exported, text);
}

#[actix_web::test]
async fn catalogue_that_has_changed_since_is_previewed_again() {
    let (server, admin) = started().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = preview(&visitor, "a.json", &document()).await.expect(200);
    let change = json!({"name": "Of another person"});
    server.merge("/api/v1/metrics/same", &admin, &change).await.expect(200);
    let again = apply(&visitor, &form(&page)).await.expect_page(409, "Import");
    assert!(again.text("[role=alert]").contains("has changed since the preview"));
    assert_eq!(
        again.text(".count"),
        "The document would create 2, update 2 and leave 0 unchanged."
    );
    let same = server.get("/api/v1/metrics/same", &admin).await.json();
    assert_eq!(same["data"]["name"], "Of another person");
    server.get("/api/v1/metrics/new", &admin).await.expect(404);
    // What it would do now was seen.
    apply(&visitor, &form(&again)).await.expect(303);
    server.get("/api/v1/metrics/new", &admin).await.expect(200);
}

#[actix_web::test]
async fn text_that_was_not_previewed_is_not_imported() {
    let (server, admin) = started().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = preview(&visitor, "a.json", &document()).await.expect(200);
    for (name, value) in [
        ("document", document().replace("Changed", "Forged")),
        ("format", "yaml".to_owned()),
        ("seen", String::new()),
        ("epoch", "x".to_owned()),
        ("epoch", "0".to_owned()),
    ] {
        let mut fields = form(&page);
        fields.iter_mut().find(|(known, _)| known == name).unwrap().1 = value.into_bytes();
        let refused = apply(&visitor, &fields).await.expect_page(409, "Import");
        assert!(refused.text("[role=alert]").starts_with("Nothing was imported"), "{name}");
        assert_eq!(refused.all("main form").len(), 1);
    }
    server.get("/api/v1/metrics/new", &admin).await.expect(404);
}

#[actix_web::test]
async fn errors_are_shown_with_lines_or_paths() {
    let (server, admin) = started().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    for (name, text, expected) in [
        ("a.yaml", "metrics:\n  - metric_id: x\n name: y\n", "at line 3"),
        ("a.json", "{\"metrics\": [\n{]}", "line 2"),
        ("a.yaml", "other: []\n", "is not a known field"),
        ("a.yaml", "", "choose a file"),
    ] {
        let page = preview(&visitor, name, text).await.expect_page(400, "Import");
        assert!(page.text(".error-summary").contains(expected), "{}", page.text(".error-summary"));
        assert_eq!(page.all("input[type=file]").len(), 1);
    }
    let latin = visitor.upload(PAGE, &[("document", Some("a.yaml"), b"metrics: [\xe4]")]).await;
    assert!(latin.expect(400).text(".error-summary").contains("must be UTF-8"));
    let wrong = json!({"metrics": [metric_with("x", &json!({"tier": "Tier-9"})),
        metric_with("y", &json!({"business_domain": "Nowhere"})), metric("z")]});
    let page = preview(&visitor, "a.json", &wrong.to_string()).await.expect_page(200, "Import");
    let errors = page.texts(".error-summary li code");
    assert_eq!(errors, ["metrics[0].tier", "metrics[1].business_domain"]);
    assert!(page.texts(".error-summary li")[0].starts_with("Line 1: metrics[0].tier "));
    assert!(page.text(".count").contains("Items with errors: 2"));
    assert!(page.all("main form").is_empty(), "nothing can be imported");
    server.get("/api/v1/metrics/z", &admin).await.expect(404);
}

/// As a person counts them who has the file in an editor.
#[actix_web::test]
async fn errors_of_items_have_the_lines_of_the_file() {
    let (server, admin) = started().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let line_of = |text: &str, part: &str| {
        text.lines().position(|line| line.contains(part)).expect("a line") + 1
    };
    let wrong = json!({"metrics": [metric("z"), metric_with("x", &json!({"tier": "Tier-9"})),
        metric_with("y", &json!({"short_name": 7}))]});
    let json = serde_json::to_string_pretty(&wrong).unwrap();
    let yaml = server.get("/api/v1/export", &admin).await.expect(200).text;
    let yaml = yaml.replacen("Tier-1", "Tier-9", 1).replace("pii_involved: false", "pii: Nowhere");
    for (name, text, marks) in [
        ("a.json", json, &["Tier-9", ": 7"][..]),
        ("a.yml", yaml, &["Tier-9", "governance:", "Nowhere"]),
    ] {
        for text in [text.clone(), format!("\u{feff}{}", text.replace('\n', "\r\n"))] {
            let page = preview(&visitor, name, &text).await.expect_page(200, "Import");
            let errors = page.texts(".error-summary li");
            for mark in marks {
                let line = format!("Line {}: ", line_of(&text, mark));
                assert!(errors.iter().any(|error| error.starts_with(&line)), "{line} {errors:?}");
            }
            assert!(errors.iter().all(|error| error.starts_with("Line ")), "{errors:?}");
        }
    }
    // Also where the catalogue refuses an item, and where a field is missing.
    let text = "metrics:\n- metric_id: a\n  name: A\n  business_domain: Nowhere\n  governance:\n\
        \u{20}   status: draft\n- metric_id: b\n  name: B\n";
    let page = preview(&visitor, "a.yaml", text).await.expect(200);
    let errors = page.texts(".error-summary li");
    let unknown = "Line 4: metrics[0].business_domain ";
    assert!(errors.iter().any(|error| error.starts_with(unknown)), "{errors:?}");
    let missing = "Line 7: metrics[1].business_domain ";
    assert!(errors.iter().any(|error| error.starts_with(missing)), "{errors:?}");
}

#[actix_web::test]
async fn texts_of_a_document_are_shown_as_text() {
    let (server, _) = started().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let payload = super::payloads::PAYLOAD;
    let fields = json!({"name": payload, "tags": [payload, "</textarea><script>pwned()</script>"],
        "description": payload});
    let text = json!({"metrics": [metric_with("p", &fields)]}).to_string();
    let page = preview(&visitor, "a.json", &text).await.expect(200);
    super::payloads::assert_harmless(PAGE, &page);
    assert_eq!(page.text("textarea"), text.split_whitespace().collect::<Vec<_>>().join(" "));
    assert!(page.text(".banner").contains("metrics[0].description"));
    apply(&visitor, &form(&page)).await.expect(303);
    let id = format!("{payload} ");
    let wrong = json!({"metrics": [{"metric_id": id, payload: 1}], payload: 1}).to_string();
    for text in [wrong.clone(), wrong.replace(&format!(",{}:1}}", json!(payload)), "}")] {
        let page = preview(&visitor, "a.json", &text).await;
        super::payloads::assert_harmless(PAGE, &page);
        assert!(!page.text(".error-summary").is_empty());
    }
}

#[actix_web::test]
async fn uploads_are_bounded_and_need_an_editor() {
    let (server, admin) = started().await;
    server.user(&admin, "vera", "viewer").await;
    let viewer = Visitor::signed_in(&server, "vera", PASSWORD).await;
    viewer.get(PAGE).await.expect_page(403, "Not allowed");
    for path in [PAGE, APPLY] {
        let part = [("document", Some("a.json"), &b"{}"[..])];
        viewer.upload(path, &part).await.expect_page(403, "Not allowed");
    }
    assert!(!viewer.get("/dashboard").await.text(".toolbar").contains("Import"));
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    assert!(visitor.get("/dashboard").await.text(".toolbar").contains("Import"));
    // Three times the size of what is accepted, and a little more than that.
    for length in [6 * 1024 * 1024, 2 * 1024 * 1024 + 1] {
        let long = vec![b' '; length];
        let refused =
            visitor.upload(PAGE, &[("document", Some("a.yaml"), &long)]).await.expect(413);
        assert!(refused.text("main").contains("larger than 2048 KiB"), "{}", refused.text("main"));
    }
    let many = vec![("more", None, &b"x"[..]); 20];
    visitor.upload(PAGE, &many).await.expect(400);
    for path in [PAGE, APPLY] {
        visitor.upload(path, &[]).await.expect(400);
        let sent = visitor.submit(path, &[("document", "metrics: []")]).await;
        sent.expect_page(415, "The request is not valid");
    }
    let small = Server::with(&["--import-max-bytes", "65536"]).await;
    let visitor = Visitor::signed_in(&small, "admin", ADMIN_PASSWORD).await;
    assert!(visitor.get(PAGE).await.text(".hint").contains("at most 64 KiB"));
    let long = vec![b' '; 65_537];
    visitor.upload(PAGE, &[("document", Some("a.yaml"), &long)]).await.expect(413);
}
