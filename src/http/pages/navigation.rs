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
    Health,
    /// The viewer's own account; its link is the viewer's name.
    Account,
    /// Pages that are not in the navigation.
    None,
}

impl NavSection {
    /// Returns the part that a page of the catalogue belongs to.
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/dashboard/domains") { Self::Domains } else { Self::Metrics }
    }
}

/// The links beside that to the metrics. `anonymous_read` is whether anyone may read the catalogue.
pub(super) fn links(viewer: Option<&Account>, anonymous_read: bool, current: NavSection) -> Markup {
    let role = viewer.map(|viewer| viewer.role);
    let may_read = role.is_some() || anonymous_read;
    let is_admin = role == Some(Role::Admin);
    let sections = [
        (NavSection::Domains, "/dashboard/domains", "Domains", may_read),
        (NavSection::Keys, "/dashboard/api-keys", "API keys", role.is_some()),
        (NavSection::Users, "/dashboard/users", "Users", is_admin),
        (NavSection::Audit, "/dashboard/audit", "Audit log", is_admin),
        (NavSection::Health, "/dashboard/health", "Health", is_admin),
    ];
    let here = |section: NavSection| (section == current).then_some("page");
    html! {
        @for (section, path, label, _) in sections.iter().filter(|(.., is_shown)| *is_shown) {
            a href=(path) aria-current=[here(*section)] { (label) }
        }
    }
}
