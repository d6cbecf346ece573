//! Pictures of all pages, at two widths and in two colour schemes, in `screenshots` of the target
//! folder, to be looked at. No page is wider than its window.
//!
//!     cargo test --test integration pages::pictures:: -- --ignored

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::hostile::browser::Browser;
use crate::pages::browser::{assert_quiet, sign_in, watched};
use crate::pages::shown_pages::{filled, look_at_answers, shown_pages};

fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/target").into());
    let folder = target.join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Asserts that the page is not too wide, and keeps a picture of it.
async fn photograph(browser: &Browser, name: &str, width: u32, scheme: &str) {
    let overflow = "return document.documentElement.scrollWidth - window.innerWidth";
    let overflow = browser.run(overflow, &json!([])).await.as_i64().unwrap();
    assert!(overflow <= 0, "{name} is {overflow} px too wide at {width} px");
    assert_quiet(browser, name).await;
    let whole = json!({"captureBeyondViewport": true, "format": "png"});
    let picture = browser.devtools("Page.captureScreenshot", &whole).await;
    let picture = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
    if width != 320 {
        let file = folder().join(format!("{name}-{width}-{scheme}.png"));
        std::fs::write(file, picture).unwrap();
    }
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn pages_fit_every_width_in_light_and_dark() {
    let (server, browser) = (filled().await, watched().await);
    sign_in(&browser, &server).await;
    let pages = shown_pages(&server).await;
    // Or each picture lacks what is below them.
    browser.devtools("Emulation.setScrollbarsHidden", &json!({"hidden": true})).await;
    for width in [320, 375, 1280] {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        browser.devtools("Emulation.setDeviceMetricsOverride", &size).await;
        for scheme in ["light", "dark"] {
            let scheme_feature = json!({"name": "prefers-color-scheme", "value": scheme});
            let media = json!({"features": [scheme_feature]});
            browser.devtools("Emulation.setEmulatedMedia", &media).await;
            for (name, path) in &pages {
                browser.open(&format!("{}{path}", server.base)).await;
                photograph(&browser, name, width, scheme).await;
            }
            let look = async |name| photograph(&browser, name, width, scheme).await;
            look_at_answers(&browser, &server, look).await;
        }
    }
}
