//! Rich texts over HTTP: placeholders in angle brackets are text, and `warnings` list what cleaning
//! removes.

use reqwest::Method;
use scraper::Html;
use serde_json::{Value, json};

use crate::support::samples::{metric, metric_with};
use crate::support::{Server, json_body};

/// Descriptions with placeholders, of which many are names of elements of SVG, `MathML` or HTML.
const DESCRIPTIONS: [&str; 45] = [
    "Revenue per <product> and day",
    "<customer_name> pays",
    "<sum> of all orders",
    "The <mean> of <set>, not its <median>",
    "between <min> and <max>",
    "Share of <domain> in all domains",
    "one of <list>",
    "at most <limit> a month",
    "<share> of <market>",
    "after <filter>, before <switch>",
    "<text> in <line> of <path>",
    "<title> of the book",
    "Orders per <day>",
    "List<T> of <T>",
    "the plan, <i.e.> the budget",
    "below <5% of all",
    "a < b and b > c",
    "a<c and c<d",
    "x <- y, y -> z",
    "<> is not equal",
    "<=5 or >=7",
    "<<name>> and <<day>>",
    "{<id>} [<key>] (<value>)",
    "<data> from <source>",
    "<time> of <area>, <section> <label>",
    "<image> views per <view>",
    "<video> views per <audio> play",
    "<use> of <symbol>",
    "<mask> and <marker>",
    "<pattern>, <desc>, <metadata>",
    "<matrix> by <vector>",
    "<apply> <and> <or> <not>",
    "<maction> per <mrow>",
    "<object> of <option>",
    "<select> 1 of <template>",
    "<progress> of <output>",
    "</day> is the end of <day>",
    "<Ärger> und <größe>",
    "<売上> per <日>",
    "<user@example.com> wrote",
    "<https://example.com/x?a=1&b=2>",
    "R&D < 5 && x > 1",
    "5 <",
    "<\nday\n> of <b>month</b>",
    "<unit name=\"day\"> of <em>time</em>",
];

fn shown(html: &str) -> String {
    Html::parse_fragment(html).root_element().text().collect()
}

fn without_tags(text: &str) -> String {
    ["<b>", "</b>", "<em>", "</em>"].iter().fold(text.to_owned(), |text, tag| text.replace(tag, ""))
}

#[actix_web::test]
async fn placeholders_in_descriptions_come_back_with_all_their_text() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for (number, text) in DESCRIPTIONS.iter().enumerate() {
        let (id, path) = (format!("m{number}"), format!("/api/v1/metrics/m{number}"));
        let body = metric_with(&id, &json!({"description": text}));
        let created = server.post("/api/v1/metrics", &admin, &body).await.expect(201).json();
        assert_eq!(created.get("warnings"), None, "{created}");
        let read = server.get(&path, &admin).await.expect(200).json();
        let description = read["data"]["description"].as_str().unwrap();
        assert_eq!(shown(description), without_tags(text), "{description}");
        // Both the response and the text as it was first sent change nothing.
        for again in [json!({"description": description}), json!({"description": text})] {
            let answer = server.put(&path, &admin, &again).await.expect(200);
            assert_eq!(answer.header("etag"), "\"1.0.0\"", "{again}");
            assert_eq!(answer.json()["data"]["description"], description);
        }
    }
}

const DIRTY: &str = "<h1>Sales</h1> per <product><script>SECRET</script>";

/// Returns the warnings of a response as `field: message`.
fn warnings(answer: &Value) -> Vec<String> {
    let warnings = answer["warnings"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    warnings
        .iter()
        .map(|one| format!("{}: {}", text(&one["field"]), text(&one["message"])))
        .collect()
}

#[actix_web::test]
async fn every_change_warns_of_what_was_removed() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let mut body = metric("m1");
    body["description"] = json!(DIRTY);
    body["metadata"]["notes"] = json!("<a href='javascript:SECRET' onclick=SECRET>R&D < 5</a>");
    body["definition"]["numerator"]["filters"][0]["my_comment"] = json!("<b SECRET=SECRET>x</b>");
    let expected = [
        "definition.numerator.filters[0].my_comment: an unknown attribute of <b> was removed",
        "description: <h1> was removed",
        "description: <script> and its content were removed",
        "metadata.notes: attribute href of <a> was removed: it must begin with http:, https: or \
         mailto:",
        "metadata.notes: attribute onclick of <a> was removed",
    ];
    let create = async || {
        let key = [("idempotency-key", "k")];
        server.send(Method::POST, "/api/v1/metrics", &admin, &key, Some(json_body(&body))).await
    };
    let created = create().await.expect(201);
    assert_eq!(warnings(&created.json()), expected);
    assert!(!created.text.contains("SECRET"), "{}", created.text);
    assert_eq!(created.json()["data"]["description"], "Sales per &lt;product&gt;");
    // A repeated request gets the same response.
    assert_eq!(create().await.expect(201).text, created.text);
    assert_eq!(server.get("/api/v1/metrics/m1", &admin).await.json().get("warnings"), None);
    let changed = server.put("/api/v1/metrics/m1", &admin, &json!({"description": DIRTY})).await;
    assert_eq!(warnings(&changed.expect(200).json()), expected[1..3]);

    let domain = json!({"domain_id": "d3", "name": "N", "description": DIRTY,
        "tier_focus": {"notes": "<hr>x"}});
    let created = server.post("/api/v1/domains", &admin, &domain).await.expect(201).json();
    let tier_focus = "tier_focus.notes: <hr> was removed";
    assert_eq!(warnings(&created), [expected[1], expected[2], tier_focus]);
    let changed = server.put("/api/v1/domains/d3", &admin, &json!({"description": DIRTY})).await;
    assert_eq!(warnings(&changed.expect(200).json()), expected[1..3]);
    let clean = server.put("/api/v1/domains/d3", &admin, &json!({"description": "R&D < 5"})).await;
    assert_eq!(clean.expect(200).json().get("warnings"), None);

    let key = json!({"name": "k", "description": DIRTY, "scopes": ["metrics:read"]});
    let created = server.post("/api/auth/api-keys", &admin, &key).await.expect(201).json();
    assert_eq!(warnings(&created), expected[1..3]);
    let user = json!({"username": "eva", "email": "e@example.com", "full_name": "Eva",
        "password": "some password for tests", "metadata": {"notes": ["x", DIRTY]}});
    let created = server.post("/api/auth/users", &admin, &user).await.expect(201).json();
    assert_eq!(
        warnings(&created),
        [
            "metadata.notes[1]: <h1> was removed",
            "metadata.notes[1]: <script> and its content were removed",
        ]
    );
    let path = format!("/api/auth/users/{}", created["user"]["user_id"].as_str().unwrap());
    let changed = server.put(&path, &admin, &json!({"metadata": {"comment": "<hr>"}})).await;
    // A text of which nothing is left is refused in the fields of the model, not in free objects.
    assert_eq!(warnings(&changed.expect(200).json()), ["metadata.comment: <hr> was removed"]);
}

#[actix_web::test]
async fn import_names_the_items_whose_texts_were_changed() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut dirty = metric("m2");
    dirty["description"] = json!(DIRTY);
    let many: Vec<Value> = (0..60)
        .map(|number| {
            let id = format!("d{number}");
            json!({"domain_id": id, "name": id, "description": "<h1>x</h1><hr>"})
        })
        .collect();
    let domain = json!({"domain_id": "f", "name": "Finance"});
    let document = json!({"domains": [domain], "metrics": [metric("m1"), dirty]});
    for query in ["?dry_run=true", ""] {
        let path = format!("/api/v1/import{query}");
        let report = server.post(&path, &admin, &document).await.expect(200).json();
        assert_eq!(
            warnings(&report),
            [
                "metrics[1].description: <h1> was removed",
                "metrics[1].description: <script> and its content were removed",
            ]
        );
        assert_eq!(report.get("warnings_omitted"), None);
    }
    let report = server.post("/api/v1/import", &admin, &json!({"domains": many})).await.expect(200);
    let report = report.json();
    assert_eq!(warnings(&report).len(), 100);
    assert_eq!(report["warnings_omitted"], 20);
    assert_eq!(warnings(&report)[99], "domains[49].description: <hr> was removed");
}
