//! Everything that is htmx: the scripts of a page, and the elements that have its attributes. No
//! other file has any, so that htmx can be replaced here. Without scripts these elements are plain
//! links and forms. Each has the nonce of its page: `hx-csp` strips the attributes of all others,
//! such as markup that found its way into a stored text.

use maud::{Markup, html};

use super::assets::Asset;
use crate::http::request::script_nonce::ScriptNonce;

/// No style element of its own (the policy has no room for one), and nothing is evaluated.
const CONFIG: &str = r#"{"extensions":"hx-csp","includeIndicatorCSS":false}"#;

/// The scripts of a page.
pub(super) fn scripts(nonce: &ScriptNonce) -> Markup {
    let nonce = nonce.as_str();
    html! {
        meta name="htmx-config" content=(CONFIG);
        @for asset in [Asset::Htmx, Asset::HtmxCsp, Asset::Script] {
            script defer src=(asset.path()) nonce=(nonce) {}
        }
    }
}
