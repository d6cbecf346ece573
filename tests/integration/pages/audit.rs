//! The page of the audit log: filters, old and new values, pages.

use serde_json::json;

use crate::pages::visitor::Visitor;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, database};

const AUDIT: &str = "/dashboard/audit";

#[actix_web::test]
async fn events_are_filtered_and_show_old_and_new_values() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, _) = server.user(&admin, "ann", "viewer").await;
    let name = "<script>alert(1)</script>";
    let body = json!({"full_name": name, "role": "editor"});
    server.put(&format!("/api/auth/users/{id}"), &admin, &body).await.expect(200);
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let all = visitor.get(AUDIT).await.expect_page(200, "Audit log");
    assert!(all.all("tbody tr").len() >= 4, "{}", all.text("main"));

    let changed = visitor.get(&format!("{AUDIT}?action=user.updated&target={id}")).await;
    assert_eq!(changed.all("tbody tr").len(), 1);
    assert_eq!(changed.text("td[data-label=Who] a"), "admin");
    assert_eq!(changed.text("td[data-label=Action]"), "user.updated");
    let values = changed.texts("td[data-label='What changed'] .change");
    assert!(values.contains(&format!("full_name : ann → {name}")), "{values:?}");
    assert!(values.contains(&"role : viewer → editor".to_owned()), "{values:?}");
    assert_eq!(changed.all("main script").len(), 0);
    assert_eq!(changed.attribute("input[name=target]", "value"), id);
    assert_eq!(changed.attribute("select[name=action] option[selected]", "value"), "user.updated");

    let today = chrono::Utc::now().date_naive();
    let yesterday = today.pred_opt().unwrap();
    for (query, is_found) in [
        ("actor=ANN".to_owned(), true),
        ("actor=none".to_owned(), false),
        ("action=session.*&outcome=success".to_owned(), true),
        ("action=session.*&outcome=refused".to_owned(), false),
        (format!("since={today}&until={today}"), true),
        (format!("until={yesterday}"), false),
        ("since=2100-01-01".to_owned(), false),
        // A form sends all of its fields.
        ("actor=&action=&target=&outcome=&since=&until=".to_owned(), true),
    ] {
        let page = visitor.get(&format!("{AUDIT}?{query}")).await.expect(200);
        assert_eq!(!page.all("tbody tr").is_empty(), is_found, "{query}");
        assert_eq!(page.all(".empty").len(), usize::from(!is_found), "{query}");
    }
}

#[actix_web::test]
async fn wrong_filters_are_refused_at_their_fields() {
    let server = Server::start().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let long = "a".repeat(101);
    for (field, value) in [
        ("actor", long.as_str()),
        ("action", "user.flown"),
        ("since", "2026-02-30"),
        ("outcome", "x"),
    ] {
        let refused = visitor.get(&format!("{AUDIT}?{field}={value}")).await;
        let refused = refused.expect_page(400, "Audit log");
        assert!(!refused.text(&format!("#field-{field}-error")).is_empty(), "{field}");
    }
    let page = visitor.get(&format!("{AUDIT}?page=0")).await.expect_page(400, "Audit log");
    assert!(page.text("[role=alert]").starts_with("page must be"));
}

#[actix_web::test]
async fn events_come_in_pages_that_keep_the_filters() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user(&admin, "ann", "viewer").await;
    for _ in 0..51 {
        server.login("ann", PASSWORD).await.expect(200);
    }
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let first = visitor.get(&format!("{AUDIT}?actor=ann&action=session.started")).await;
    assert_eq!(
        (first.text(".count"), first.all("tbody tr").len()),
        ("52 events, newest first".into(), 50)
    );
    let next = first.attribute("a[rel=next]", "href");
    assert_eq!(next, "/dashboard/audit?actor=ann&action=session.started&page=2");
    let second = visitor.get(&next).await;
    assert_eq!((second.all("tbody tr").len(), second.all("a[rel=next]").len()), (2, 0));
}

#[actix_web::test]
async fn refusals_have_their_reason_and_number() {
    let server = Server::start().await;
    for _ in 0..10 {
        server.login("admin", "wrong").await.expect(401);
    }
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    mdl::http::auditing::flush(&server.state(), true).await;
    let written = "SELECT sum(occurrences) = 10 FROM audit_events WHERE action = 'login.failed'";
    database::until(&server.database_url, written).await;
    let page = visitor.get(&format!("{AUDIT}?action=login.failed")).await;
    let mut counted = 0;
    for action in page.texts("td[data-label=Action]") {
        let number = action.strip_prefix("login.failed refused AUTHENTICATION_ERROR").unwrap();
        counted += number.strip_prefix(" × ").map_or(1, |number| number.parse::<u32>().unwrap());
    }
    assert_eq!(counted, 10);
    assert!(page.all("tbody tr").len() < 10, "refusals are counted together");
    assert_eq!(page.text("td[data-label=Target] a"), "admin");
}
