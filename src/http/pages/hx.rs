//! Everything that is htmx: the scripts of a page, and the elements that have its attributes. No
//! other file has any, so that htmx can be replaced here. Without scripts these elements are plain
//! links and forms. Each has the nonce of its page: `hx-csp` strips the attributes of all others,
//! such as markup that found its way into a stored text.

use maud::{Markup, html};

use super::assets::Asset;
use crate::http::request::script_nonce::ScriptNonce;

/// No style element of its own (the policy has no room for one), and nothing is evaluated.
const CONFIG: &str = r#"{"extensions":"hx-csp,sse","includeIndicatorCSS":false}"#;

/// The shortest time in seconds between two checks of a form that changes start. Each check is a
/// request that counts: so a person who edits all the time uses less than half of the default quota
/// of 100 requests in 15 minutes, and only what was changed meanwhile is checked later.
const CHECK_EVERY: u32 = 20;

/// A form that searches: without scripts it loads the page again, with them it replaces the part of
/// the page with this id while a person types, and the address with it.
pub(super) fn search_form(nonce: &ScriptNonce, path: &str, part: &str, inputs: &Markup) -> Markup {
    let target = format!("#{part}");
    html! {
        form.search role="search" method="get" action=(path)
            hx-get=(path) hx-trigger="submit, input changed delay:300ms" hx-target=(target)
            hx-select=(target) hx-swap="outerHTML" hx-replace-url="true" hx-nonce=(nonce.as_str()) {
            (inputs)
        }
    }
}

/// Loads this page again in so many seconds, and puts its main part in the place of the present
/// one.
pub(super) fn retry(nonce: &ScriptNonce, path: &str, seconds: u32) -> Markup {
    let trigger = format!("load delay:{seconds}s");
    html! {
        div hx-get=(path) hx-trigger=(trigger) hx-target="#main" hx-select="#main"
            hx-swap="outerHTML" hx-nonce=(nonce.as_str()) {}
    }
}

/// A part of the page that a stream of server-sent events replaces again and again. An answer that
/// is no stream, such as an error, does not replace it; htmx connects again.
pub(super) fn live_part(nonce: &ScriptNonce, stream: &str, content: &Markup) -> Markup {
    html! {
        div hx-sse:connect=(stream) hx-swap="innerHTML" hx-status:4xx="swap:none"
            hx-status:5xx="swap:none" hx-nonce=(nonce.as_str()) { (content) }
    }
}

/// A button that sends its form to have something checked: without scripts it loads the page again,
/// with them it replaces the part with this id, and does so after changes of the form, too: at once
/// after the first one, and once for all that follow within [`CHECK_EVERY`] seconds. The button
/// stands outside of that part.
pub(super) fn check_button(
    nonce: &ScriptNonce,
    path: &str,
    part: &str,
    name: &str,
    label: &str,
) -> Markup {
    let target = format!("#{part}");
    let trigger = format!("click, change from:'closest form' throttle:{CHECK_EVERY}s");
    html! {
        button.quiet type="submit" name=(name) value="yes" formnovalidate
            hx-post=(path) hx-trigger=(trigger)
            hx-target=(target) hx-select=(target) hx-swap="outerHTML" hx-nonce=(nonce.as_str()) {
            (label)
        }
    }
}

/// The scripts of a page.
pub(super) fn scripts(nonce: &ScriptNonce) -> Markup {
    let nonce = nonce.as_str();
    html! {
        meta name="htmx-config" content=(CONFIG);
        @for asset in [Asset::Htmx, Asset::HtmxCsp, Asset::HtmxSse, Asset::Script] {
            script defer src=(asset.path()) nonce=(nonce) {}
        }
    }
}
