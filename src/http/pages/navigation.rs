//! The parts of the pages, and the links to them at the top of each page: those that the viewer may
//! read.

use maud::{Markup, html};

use crate::model::users::Role;
use crate::storage::users::Account;

/// A part of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NavSection {
    Metrics,
    Domains,
    Keys,
    Users,
    Audit,
    /// The viewer's own account; its link is the viewer's name.
    Account,
    /// Pages that are not in the navigation.
    None,
}

/// The links beside that to the metrics. `anonymous_read` is whether anyone may read the catalogue.
pub(super) fn links(viewer: Option<&Account>, anonymous_read: bool, current: NavSection) -> Markup {
    let role = viewer.map(|viewer| viewer.role);
    let may_read = role.is_some() || anonymous_read;
    let sections = [
        (NavSection::Domains, "/dashboard/domains", "Domains", may_read),
        (NavSection::Keys, "/dashboard/api-keys", "API keys", role.is_some()),
        (NavSection::Users, "/dashboard/users", "Users", role == Some(Role::Admin)),
        (NavSection::Audit, "/dashboard/audit", "Audit log", role == Some(Role::Admin)),
    ];
    let here = |section: NavSection| (section == current).then_some("page");
    html! {
        @for (section, path, label, _) in sections.iter().filter(|(.., is_shown)| *is_shown) {
            a href=(path) aria-current=[here(*section)] { (label) }
        }
    }
}
