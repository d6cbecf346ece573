//! A lost password: the mail, the page that it links to, and where its token must not get.

use crate::pages::visitor::Visitor;
use crate::support::mail::{MailServer, arrived, token_in};
use crate::support::{PASSWORD, Server};

const LOST: &str = "/dashboard/lost-password";
const RESET: &str = "/dashboard/reset-password";
const NEW: &str = "another password for tests";
const DONE: &str = "/dashboard/lost-password?done=reset-requested";

async fn with_mail(mail: &MailServer) -> Server {
    let url = format!("smtp://127.0.0.1:{}", mail.port);
    Server::with(&["--smtp-url", &url, "--public-url", "https://mdl.example.com/"]).await
}

#[actix_web::test]
async fn link_of_the_mail_leads_to_a_new_password() {
    let mail = MailServer::start();
    let server = with_mail(&mail).await;
    let admin = server.admin().await;
    let (_, token) = server.user(&admin, "eva", "editor").await;
    let signed_in = Visitor::signed_in(&server, "eva", PASSWORD).await;
    let mut visitor = Visitor::anonymous(&server);
    let sign_in = visitor.get("/dashboard/sign-in").await;
    assert_eq!(sign_in.all(&format!("main a[href='{LOST}']")).len(), 1);
    visitor.get(LOST).await.expect_page(200, "Lost password");
    // Nothing says whether an account has an address.
    for email in ["unknown@example.com", "eva@example.com"] {
        visitor.submit(LOST, &[("email", email)]).await.expect_location(DONE);
    }
    let notice = visitor.get(DONE).await.text("#notice");
    assert!(notice.starts_with("If an account exists for this address"), "{notice}");
    let refused = visitor.submit(LOST, &[("email", "\"><b>")]).await;
    let refused = refused.expect_page(400, "Lost password");
    assert_eq!(refused.attribute("[name=email]", "value"), "\"><b>");
    assert_eq!(refused.all("#field-email-error").len(), 1);

    let mails = arrived(1, || mail.mails()).await;
    assert_eq!(mails.len(), 1);
    let secret = token_in(&mails[0]);
    let path = format!("{RESET}?token={secret}");
    let text = mails[0].replace("=3D", "=");
    assert!(text.contains(&format!("\n    https://mdl.example.com{path}\n")), "{text}");
    let page = visitor.get(&path).await.expect_page(200, "Set a new password");
    assert_eq!(page.attribute("main form", "action"), RESET);
    assert_eq!(page.attribute("input[name=token]", "type"), "hidden");
    let form = |password| [("token", secret.as_str()), ("new_password", password)];
    let refused = visitor.submit(RESET, &form("short")).await;
    let refused = refused.expect_page(400, "Set a new password");
    assert_eq!(refused.attribute("input[name=token]", "value"), secret);
    assert_eq!(refused.all("#field-new_password-error").len(), 1);
    signed_in.get("/dashboard").await.expect(200);

    let done = visitor.submit(RESET, &form(NEW)).await;
    let done = done.expect_location("/dashboard/sign-in?done=password-reset");
    let notice = visitor.get(done.answer.header("location")).await.text("#notice");
    assert!(notice.starts_with("The new password is set."));
    signed_in.get("/dashboard").await.expect(303);
    server.get("/api/auth/me", &token).await.expect(401);
    Visitor::signed_in(&server, "eva", NEW).await;
    let refused = visitor.submit(RESET, &form(PASSWORD)).await;
    let refused = refused.expect_page(401, "Set a new password");
    assert_eq!(refused.attribute("input[name=token]", "value"), "");
    assert_eq!(refused.all(&format!("main a[href='{LOST}']")).len(), 1);
    Visitor::signed_in(&server, "eva", NEW).await;
}

#[actix_web::test]
async fn token_is_in_no_referrer_cache_or_log() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut visitor = Visitor::anonymous(&server);
    let secret = "S3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3t";
    let path = format!("{RESET}?token={secret}");
    // The page, what is refused of it, and what is asked without a session from another site.
    for (path, status) in [
        (path.clone(), 200),
        (format!("{path}&other=1"), 400),
        (format!("{path}&token=1"), 400),
        (format!("{RESET}/x?token={secret}"), 404),
        (format!("/dashboard/account?token={secret}"), 400),
    ] {
        let headers = [("sec-fetch-site", "cross-site"), ("referer", "https://mail.example.com")];
        let page = visitor.get_with(&path, &headers).await.expect(status);
        assert_eq!(page.answer.header("referrer-policy"), "strict-origin", "{path}");
        assert_eq!(page.answer.header("cache-control"), "no-store", "{path}");
        // Nothing of the page is loaded from elsewhere.
        for element in page.all("[src], link[href]") {
            let target = element.attr("src").or(element.attr("href")).unwrap();
            assert!(target.starts_with("/dashboard/assets/"), "{target}");
        }
        for link in page.all("a[href]") {
            assert!(link.attr("href").unwrap().starts_with(['/', '#']), "{path}");
        }
    }
    let fields = [("token", secret), ("new_password", NEW)];
    let refused = visitor.submit(RESET, &fields).await.expect(401);
    assert!(!refused.answer.text.contains(secret));
    mdl::http::auditing::flush(&server.state(), true).await;
    let audit = server.get("/api/v1/audit?limit=100", &admin).await.expect(200);
    assert!(audit.text.contains(RESET) && !audit.text.contains(secret), "{}", audit.text);
    let logged = server.logs.text();
    let requests = server.logs.events("request");
    assert!(requests.iter().filter(|event| event["path"] == RESET).count() >= 4);
    assert!(!logged.contains(secret), "{logged}");
}

#[actix_web::test]
async fn page_without_a_token_asks_for_it() {
    let server = Server::start().await;
    let mut visitor = Visitor::anonymous(&server);
    let page = visitor.get(RESET).await.expect_page(200, "Set a new password");
    assert_eq!(page.attribute("input[name=token]", "type"), "text");
    let refused = visitor.submit(RESET, &[("token", " x "), ("new_password", NEW)]).await;
    let refused = refused.expect_page(401, "Set a new password");
    assert_eq!(refused.text("[role=alert]"), "The token is invalid, used or expired");
    // Without a mail server no form promises a mail.
    let lost = visitor.get(LOST).await.expect_page(200, "Lost password");
    assert!(lost.text("main").contains("sends no mail") && lost.all("main form").is_empty());
}
