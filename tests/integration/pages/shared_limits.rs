//! Forms and routes that do the same share one count: whoever has used up the attempts on the page
//! has none left over the API, and the other way round.

use serde_json::{Value, json};

use crate::pages::visitor::Visitor;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const ON: [&str; 10] = [
    "--rate-limit-enabled",
    "true",
    "--rate-limit-burst-per-second",
    "100000",
    "--rate-limit-general-max",
    "10000",
    "--registration-enabled",
    "true",
    "--smtp-url",
    "smtp://127.0.0.1:1",
];
const NEW: &str = "another password for tests";

/// A form and a route that do the same, with values that are refused.
struct Pair {
    form: &'static str,
    route: &'static str,
    body: Value,
    /// The statuses of a refused form and of a refused request.
    refused: (u16, u16),
    /// Hits of the limit.
    limit: usize,
}

fn pairs() -> [Pair; 5] {
    let password = PASSWORD;
    [
        Pair {
            form: "/dashboard/sign-in",
            route: "/api/auth/login",
            body: json!({"username": "unknown", "password": password}),
            refused: (401, 401),
            limit: 5,
        },
        Pair {
            form: "/dashboard/register",
            route: "/api/auth/register",
            body: json!({"username": "admin", "email": "new@example.com", "full_name": "New",
                "password": password}),
            refused: (409, 409),
            limit: 5,
        },
        Pair {
            form: "/dashboard/reset-password",
            route: "/api/auth/password-reset/confirm",
            body: json!({"token": "unknown", "new_password": NEW}),
            refused: (401, 401),
            limit: 5,
        },
        Pair {
            form: "/dashboard/lost-password",
            route: "/api/auth/password-reset/request",
            body: json!({"email": "unknown@example.com"}),
            // Nothing is refused: every request counts.
            refused: (303, 202),
            limit: 3,
        },
        Pair {
            form: "/dashboard/account/password",
            route: "/api/auth/change-password",
            body: json!({"current_password": "wrong", "new_password": NEW}),
            refused: (403, 403),
            limit: 5,
        },
    ]
}

#[actix_web::test]
async fn forms_and_routes_share_one_count() {
    let server = Server::with(&ON).await;
    for Pair { form, route, body, refused, limit } in pairs() {
        for form_comes_first in [true, false] {
            // Every window is empty.
            server.advance(3601);
            let token = server.admin().await;
            let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
            let fields: Vec<(&str, &str)> = body
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
            for hit in 0..limit {
                // All but one on one side, and one on the other.
                if (hit + 1 == limit) == form_comes_first {
                    server.post(route, &token, &body).await.expect(refused.1);
                } else {
                    visitor.submit(form, &fields).await.expect(refused.0);
                }
            }
            let page = visitor.submit(form, &fields).await;
            let page = page.expect_page(429, "Too many requests");
            assert_eq!(page.all("main time").len(), 1, "{form}");
            server.post(route, &token, &body).await.expect(429);
        }
    }
}
