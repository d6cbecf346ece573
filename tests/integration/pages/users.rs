//! The pages of users, for administrators.

use serde_json::json;

use crate::pages::visitor::Visitor;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const LIST: &str = "/dashboard/users";

#[actix_web::test]
async fn role_and_status_change_after_a_question() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, token) = server.user(&admin, "ann", "viewer").await;
    let (_, key) = server.key(&token, &["metrics:read"]).await;
    let (path, change) = (format!("{LIST}/{id}"), format!("{LIST}/{id}/change"));
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let list = visitor.get(LIST).await.expect_page(200, "Users");
    assert_eq!(list.texts("tbody th"), ["admin", "ann"]);
    let page = visitor.get(&path).await.expect_page(200, "ann");
    assert_eq!(page.attribute("main form", "method"), "get");
    assert_eq!(page.attribute("select[name=role] option[selected]", "value"), "viewer");

    let query = "role=editor&status=suspended&keep_api_keys=true";
    let question = visitor.get(&format!("{change}?{query}")).await;
    let question = question.expect_page(200, "Change ann?");
    assert!(question.text("main").contains("Role: viewer → editor"));
    assert!(question.text("main").contains("All sessions end."));
    assert!(question.text("main").contains("refused until the user is active again"));
    server.get("/api/auth/me", &token).await.expect(200);

    let fields: Vec<(String, String)> = question
        .all("form.actions input")
        .iter()
        .map(|input| (input.attr("name").unwrap().into(), input.attr("value").unwrap().into()))
        .collect();
    let fields: Vec<_> = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let changed = visitor.submit(&change, &fields).await;
    let changed = changed.expect_location(&format!("{path}?done=user-changed"));
    let page = visitor.get(changed.answer.header("location")).await;
    assert_eq!(page.text("#notice"), "The user is changed.");
    assert_eq!(page.text("dd .status"), "suspended");
    server.get("/api/auth/me", &token).await.expect(401);
    server.get_with("/api/v1/metrics", &key).await.expect(401);
    visitor.submit(&change, &[("status", "active")]).await.expect(303);
    server.get_with("/api/v1/metrics", &key).await.expect(200);
    // Without the box the keys end for ever.
    let question = visitor.get(&format!("{change}?role=editor&status=inactive")).await;
    assert!(question.text("main").contains("All API keys are revoked, for ever."));
    visitor.submit(&change, &[("status", "inactive")]).await.expect(303);
    visitor.submit(&change, &[("status", "active")]).await.expect(303);
    server.get_with("/api/v1/metrics", &key).await.expect_error(401, "INVALID_API_KEY");
    let nothing = visitor.get(&format!("{change}?role=editor&status=active")).await;
    assert!(nothing.text("main").contains("Nothing would change."));
    assert_eq!(nothing.all("main form").len(), 0);
}

#[actix_web::test]
async fn last_administrator_must_remain() {
    let server = Server::start().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let path = visitor.get(LIST).await.attribute("tbody th a", "href");
    let change = format!("{path}/change");
    let question = visitor.get(&format!("{change}?role=viewer&status=active")).await;
    assert_eq!(question.text(".banner"), "This is your own account.");
    for fields in [[("role", "viewer")], [("status", "suspended")]] {
        let refused = visitor.submit(&change, &fields).await.expect_page(409, "admin");
        assert_eq!(refused.text("[role=alert]"), "The last active administrator must remain");
    }
    visitor.get(LIST).await.expect_page(200, "Users");
    for fields in [[("role", "king")], [("status", "")]] {
        visitor.submit(&change, &fields).await.expect_page(400, "The request is not valid");
    }
    // What is no part of the form is not changed.
    let fields = [("role", "admin"), ("username", "root"), ("email", "x")];
    visitor.submit(&change, &fields).await.expect(303);
    visitor.get(&path).await.expect_page(200, "admin");
    let unknown = format!("{LIST}/00000000-0000-7000-8000-000000000000");
    visitor.get(&unknown).await.expect_page(404, "Not found");
    visitor.submit(&format!("{unknown}/change"), &[("role", "admin")]).await.expect(404);
}

#[actix_web::test]
async fn only_administrators_have_these_pages() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for role in ["viewer", "editor"] {
        let (id, _) = server.user(&admin, role, role).await;
        let mut visitor = Visitor::signed_in(&server, role, PASSWORD).await;
        let change = format!("{LIST}/{id}/change");
        for path in [LIST, "/dashboard/audit", &format!("{LIST}/{id}"), &change] {
            visitor.get(path).await.expect_page(403, "Not allowed");
            assert_eq!(visitor.get("/dashboard").await.all(&format!("a[href='{path}']")).len(), 0);
        }
        let refused = visitor.submit(&change, &[("role", "admin")]).await;
        refused.expect_page(403, "Not allowed");
        let user = server.get(&format!("/api/auth/users/{id}"), &admin).await.json();
        assert_eq!(user["user"]["role"], role);
    }
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get("/dashboard").await;
    for path in [LIST, "/dashboard/audit"] {
        assert_eq!(page.all(&format!("nav a[href='{path}']")).len(), 1, "{path}");
    }
}

#[actix_web::test]
async fn users_come_in_pages_and_their_names_are_texts() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, _) = server.user(&admin, "ann", "viewer").await;
    let name = "<script>alert(1)</script>";
    let body = json!({"full_name": name});
    server.put(&format!("/api/auth/users/{id}"), &admin, &body).await.expect(200);
    crate::support::database::sql(
        &server.database_url,
        "INSERT INTO users (user_id, username, email, full_name, password_hash, role, status, \
         metadata, created_at, updated_at) SELECT gen_random_uuid(), 'user' || n, n || '@a.com', \
         'n', 'x', 'viewer', 'inactive', '{}', now(), now() FROM generate_series(1, 60) AS n",
    )
    .await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let list = visitor.get(LIST).await;
    assert_eq!((list.text(".count"), list.all("tbody tr").len()), ("62 users".into(), 50));
    for page in [&list, &visitor.get(&format!("{LIST}/{id}")).await] {
        assert!(page.text("main").contains(name));
        assert_eq!(page.all("main script").len(), 0);
    }
    let next = visitor.get(&list.attribute("a[rel=next]", "href")).await;
    assert_eq!((next.all("tbody tr").len(), next.all("a[rel=prev]").len()), (12, 1));
}
