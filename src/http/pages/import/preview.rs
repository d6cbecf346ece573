//! What an import would do: errors first, then what is created, updated and unchanged.

use maud::{Markup, html};

use super::super::business_domains::path_of as domain_path;
use super::super::metrics::path_of;
use super::document::{DOCUMENT, EPOCH, FORMAT, ImportDocument, SEEN};
use super::paths::{APPLY, PATH};
use crate::model::catalogue::{ImportReport, ItemOutcome, ItemReport};
use crate::model::violations::Violation;
use crate::model::warnings::Warnings;

/// Items that are shown of each outcome.
const SHOWN: usize = 200;

/// A tried import.
pub(super) struct ImportPreview<'a> {
    pub(super) document: &'a ImportDocument,
    pub(super) report: &'a ImportReport,
    pub(super) warnings: &'a Warnings,
    /// The lines of [`shown_errors`].
    pub(super) lines: &'a [Option<usize>],
    /// The epoch of the catalogue that the document was compared with.
    pub(super) epoch: i64,
}

/// Returns the errors of items that are shown.
pub(super) fn shown_errors(report: &ImportReport) -> impl Iterator<Item = &Violation> {
    of(report, ItemOutcome::Error).flat_map(|item| &item.errors).take(SHOWN)
}

fn of(report: &ImportReport, outcome: ItemOutcome) -> impl Iterator<Item = &ItemReport> {
    report.items.iter().filter(move |item| item.outcome == outcome).take(SHOWN)
}

impl ImportPreview<'_> {
    /// Renders the preview, with a form if there is something to import.
    pub(super) fn render(&self) -> Markup {
        let counts = self.report.counts;
        html! {
            p.count role="status" {
                "The document would create " (counts.created) ", update " (counts.updated)
                " and leave " (counts.unchanged) " unchanged"
                "." @if counts.errors > 0 { " " strong { "Items with errors: " (counts.errors) } }
            }
            @if counts.errors > 0 {
                p { "Nothing can be imported before all errors are corrected." }
                (self.errors())
            } @else if counts.created + counts.updated > 0 {
                (self.confirmation())
            } @else {
                p { "There is nothing to import: the catalogue has all of it." }
            }
            (self.cleaned())
            (self.items("Created", ItemOutcome::Created, counts.created))
            (self.items("Updated", ItemOutcome::Updated, counts.updated))
            (self.items("Unchanged", ItemOutcome::Unchanged, counts.unchanged))
            p { a href=(PATH) { "Choose another file" } }
        }
    }

    fn errors(&self) -> Markup {
        let lines = self.lines.iter().copied().chain(std::iter::repeat(None));
        let all = self.report.items.iter();
        let total: usize = all.map(|item| item.errors.len() + item.errors_omitted).sum();
        html! {
            div.error-summary role="alert" tabindex="-1" {
                ul {
                    @for (error, line) in shown_errors(self.report).zip(lines) {
                        li { @if let Some(line) = line { "Line " (line) ": " }
                            code { (error.field) } " " (error.message) }
                    }
                }
                @if total > SHOWN { p { "and others" } }
            }
        }
    }

    /// What is removed from rich texts.
    fn cleaned(&self) -> Markup {
        let Warnings { shown, omitted } = self.warnings;
        html! {
            @if !shown.is_empty() {
                details.banner {
                    summary { "HTML that is not allowed is removed" }
                    ul { @for one in shown { li { code { (one.field) } " " (one.message) } } }
                    @if *omitted > 0 { p { "and in " (omitted) " more places" } }
                }
            }
        }
    }

    fn items(&self, heading: &str, outcome: ItemOutcome, count: usize) -> Markup {
        let is_stored = outcome != ItemOutcome::Created;
        html! {
            @if count > 0 {
                details.outcome open[outcome != ItemOutcome::Unchanged] {
                    summary { (heading) " (" (count) ")" }
                    ul { @for item in of(self.report, outcome) { li { (named(item, is_stored)) } } }
                    @if count > of(self.report, outcome).count() {
                        p.hint { "and " (count - of(self.report, outcome).count()) " more" }
                    }
                }
            }
        }
    }

    fn confirmation(&self) -> Markup {
        let Self { document, epoch, .. } = self;
        let lines = document.text.lines().count().clamp(2, 16);
        html! {
            form method="post" action=(APPLY) enctype="multipart/form-data" {
                input type="hidden" name=(FORMAT) value=(document.format_name());
                input type="hidden" name=(SEEN) value=(document.fingerprint());
                input type="hidden" name=(EPOCH) value=(epoch);
                details {
                    summary { "The document" }
                    // HTML drops the first line feed of a text area.
                    textarea name=(DOCUMENT) rows=(lines) readonly aria-label="The document" {
                        "\n" (document.text)
                    }
                }
                div.actions { button type="submit" { "Import" } a href=(PATH) { "Cancel" } }
            }
        }
    }
}

/// An item by its id, as a link if it is stored.
fn named(item: &ItemReport, is_stored: bool) -> Markup {
    let id = item.id.as_deref().unwrap_or_default();
    let is_domain = item.path.starts_with("domains");
    let path = if is_domain { domain_path(id) } else { path_of(id) };
    html! {
        @if is_domain { "Domain " } @else { "Metric " }
        @if is_stored { a href=(path) { (id) } } @else { code { (id) } }
        " " span.hint { (item.path) }
    }
}
