//! Imports a document through a running service: in one request as it is, or, above what a service
//! accepts, in parts. All parts are tried, each with the domains of the whole document, before the
//! first one is written, so that only a failure of the service or another change meanwhile can
//! leave an import incomplete. Each request is repeated until its response arrives
//! (`api_client::import`).

use std::sync::Arc;

use indicatif::ProgressBar;

use super::batches::{Batch, Batches};
use super::known_domains::KnownDomains;
use super::parts::{Context, ImportPart};
use super::source::ImportSource;
use crate::app::command_error::CommandError;
use crate::app::commands::api_client::{ApiClient, RequestError};
use crate::app::commands::progress::byte_bar;
use crate::app::output::print_warning;
use crate::model::catalogue::{
    DocumentFormat, DraftItem, ImportCounts, ImportReport, ImportTally, ItemOutcome, ItemReport,
};
use crate::model::violations::Violation;
use crate::model::warnings::Warnings;

/// Length in bytes up to which a document is sent as it is: the default of `IMPORT_MAX_BYTES`.
const MAX_WHOLE: u64 = 8 * 1024 * 1024;
/// Lengths of parts in bytes, largest first; the next one is used if the service accepts less.
const PART_LENGTHS: [usize; 4] = [4 * 1024 * 1024, 1024 * 1024, 256 * 1024, 64 * 1024];

/// What is wrong with a metric whose part cannot be tried.
const OUTSIDE: &str = "must be the name of a domain in the file, which has too many domains to \
    send all of them with each part";
/// Number of such metrics that are shown.
const MAX_OUTSIDE: usize = 100;

/// What to do when it is not known whether a request was executed.
const REPEAT: &str = "it is not known whether it was imported; import the file again: what is \
    stored already stays unchanged";

/// Imports a document.
pub(super) async fn import(
    client: &ApiClient,
    source: &Arc<ImportSource>,
    dry_run: bool,
) -> Result<(ImportReport, Warnings), CommandError> {
    if source.length() <= MAX_WHOLE {
        let document = source.bytes()?.into();
        match client.import(document, source.format(), (dry_run, false)).await {
            Err(RequestError::TooLarge(_)) => {}
            Err(RequestError::Lost(message)) if !dry_run => {
                return Err(CommandError::failed(format!("{message}; {REPEAT}")));
            }
            imported => return imported.map_err(CommandError::from),
        }
    }
    in_parts(client, source, dry_run).await
}

async fn in_parts(
    client: &ApiClient,
    source: &Arc<ImportSource>,
    dry_run: bool,
) -> Result<(ImportReport, Warnings), CommandError> {
    if client.has_access_token() {
        print_warning(
            "MDL_TOKEN is an access token, which may expire before the last part is imported; an \
             API key does not",
        );
    }
    let bar = byte_bar(source.length());
    client.print_above(&bar);
    bar.set_message("(reading)");
    let checked = check(source, &bar).await?;
    let mut refusal = CommandError::failed("the service accepts no part of the file");
    for length in part_lengths(source.length()) {
        let context = checked.context(length)?;
        let mut sending = Sending::new(client, context, length, &bar);
        match sending.all(source).await {
            Ok(()) => {}
            Err(RequestError::TooLarge(message)) => {
                refusal = CommandError::failed(format!("{message}; set IMPORT_MAX_BYTES"));
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        let tried = sending.report;
        if dry_run {
            bar.finish_and_clear();
            return Ok((tried, checked.warnings));
        }
        if tried.counts.errors > 0 {
            return Err(CommandError::invalid_input(&violations(&tried)));
        }
        let mut sending = Sending::new(client, Context::Stored, length, &bar);
        let sent = sending.all(source).await;
        bar.finish_and_clear();
        return match sent {
            Ok(()) => Ok((sending.report, checked.warnings)),
            Err(error) => Err(sending.incomplete(&error)),
        };
    }
    Err(refusal)
}

/// Returns the lengths of parts to try: those that divide a document which was refused as a whole,
/// and the shortest one in any case.
fn part_lengths(document: u64) -> impl Iterator<Item = usize> {
    let shortest = PART_LENGTHS.into_iter().min();
    let divides = move |length: &usize| (*length as u64) < document || Some(*length) == shortest;
    PART_LENGTHS.into_iter().filter(divides)
}

fn violations(report: &ImportReport) -> Vec<Violation> {
    report.items.iter().flat_map(|item| &item.errors).cloned().collect()
}

/// What is known of a valid document.
struct Checked {
    domains: KnownDomains,
    /// The first metrics that name a domain which is not in the document.
    outside: Vec<Violation>,
    warnings: Warnings,
}

impl Checked {
    /// Returns the domains with which parts of this length are tried.
    fn context(&self, length: usize) -> Result<Context<'_>, CommandError> {
        if self.domains.fit(length) {
            Ok(Context::All(&self.domains))
        } else if self.outside.is_empty() {
            Ok(Context::Named(&self.domains))
        } else {
            // The document may rename the domain that such a metric names.
            Err(CommandError::invalid_input(&self.outside))
        }
    }
}

/// Parses the whole document.
async fn check(source: &Arc<ImportSource>, bar: &ProgressBar) -> Result<Checked, CommandError> {
    let (mut domains, mut errors) = (KnownDomains::default(), ImportTally::default());
    let mut outside = Vec::new();
    let (mut domain_count, mut metric_count) = (0_usize, 0_usize);
    let mut batches = Batches::parse(source, bar);
    while let Some(batch) = batches.next().await {
        match batch {
            Batch::Domains(batch) => {
                for item in batch {
                    add_errors(&mut errors, "domains", &mut domain_count, &item);
                    if let Ok(domain) = item.parsed {
                        let text = serde_json::to_string(&domain).map_err(CommandError::failed)?;
                        domains.add(domain.name.as_str(), text);
                    }
                }
            }
            Batch::Metrics(batch) => {
                for item in batch {
                    if let Ok(metric) = &item.parsed
                        && domains.get(metric.business_domain.as_str()).is_none()
                        && outside.len() < MAX_OUTSIDE
                    {
                        let field = format!("metrics[{metric_count}].business_domain");
                        outside.push(Violation::new(field, OUTSIDE));
                    }
                    add_errors(&mut errors, "metrics", &mut metric_count, &item);
                }
            }
        }
    }
    let warnings = batches.finish().await.map_err(|wrong| CommandError::invalid_input(&wrong))?;
    if errors.counts().errors > 0 {
        return Err(CommandError::invalid_input(&errors.violations()));
    }
    Ok(Checked { domains, outside, warnings })
}

fn add_errors<T>(errors: &mut ImportTally, list: &str, count: &mut usize, item: &DraftItem<T>) {
    let path = format!("{list}[{count}]");
    *count = count.saturating_add(1);
    if let Err(violations) = &item.parsed {
        let found = violations.shown.iter().cloned();
        errors.add(ItemReport {
            errors: found.map(|violation| violation.under(&path)).collect(),
            path,
            id: item.id.clone(),
            outcome: ItemOutcome::Error,
            errors_omitted: violations.omitted,
        });
    }
}

/// Sends a document part by part.
struct Sending<'a> {
    client: &'a ApiClient,
    context: Context<'a>,
    /// Maximum length of a part in bytes.
    length: usize,
    bar: &'a ProgressBar,
    report: ImportReport,
    /// Number of parts that were accepted.
    sent: usize,
}

impl<'a> Sending<'a> {
    fn new(
        client: &'a ApiClient,
        context: Context<'a>,
        length: usize,
        bar: &'a ProgressBar,
    ) -> Self {
        let report = ImportReport {
            dry_run: !matches!(context, Context::Stored),
            counts: ImportCounts::default(),
            items: Vec::new(),
            items_omitted: 0,
        };
        Self { client, context, length, bar, report, sent: 0 }
    }

    async fn all(&mut self, source: &Arc<ImportSource>) -> Result<(), RequestError> {
        let mut part = ImportPart::new(self.context);
        let mut batches = Batches::parse(source, self.bar);
        while let Some(batch) = batches.next().await {
            match batch {
                Batch::Domains(batch) if part.takes_domains() => {
                    for domain in batch.into_iter().filter_map(|item| item.parsed.ok()) {
                        let text = self.make_room(&mut part, &domain).await?;
                        part.add_domain(&domain, text);
                    }
                }
                Batch::Domains(_) => {}
                Batch::Metrics(batch) => {
                    for metric in batch.into_iter().filter_map(|item| item.parsed.ok()) {
                        let text = self.make_room(&mut part, &metric).await?;
                        part.add_metric(&metric, text);
                    }
                }
            }
        }
        batches.finish().await.map_err(RequestError::Invalid)?;
        if part.count() > 0 || self.sent == 0 { self.send(&part).await } else { Ok(()) }
    }

    /// Sends the part if it has no room for the item. Returns the item as JSON.
    async fn make_room<T: serde::Serialize>(
        &mut self,
        part: &mut ImportPart<'a>,
        item: &T,
    ) -> Result<String, RequestError> {
        let text = serde_json::to_string(item);
        let text = text.map_err(|error| RequestError::Failed(CommandError::failed(error)))?;
        if part.is_full(&text, self.length) {
            self.send(part).await?;
            *part = part.next();
        }
        Ok(text)
    }

    async fn send(&mut self, part: &ImportPart<'_>) -> Result<(), RequestError> {
        let dry_run = self.report.dry_run;
        let what = if dry_run { "dry run, part" } else { "part" };
        self.bar.set_message(format!("({what} {})", self.sent.saturating_add(1)));
        let document = part.document().into_bytes().into();
        let sent = self.client.import(document, DocumentFormat::Json, (dry_run, true)).await;
        let (report, _) = sent.map_err(|error| match error {
            RequestError::Invalid(violations) => RequestError::Invalid(
                violations.into_iter().map(|violation| part.located(violation)).collect(),
            ),
            error => error,
        })?;
        part.add_report(report, &mut self.report);
        self.sent = self.sent.saturating_add(1);
        Ok(())
    }

    /// Returns the error of an import that stopped in the middle.
    fn incomplete(&self, error: &RequestError) -> CommandError {
        let counts = self.report.counts;
        let error = match error {
            RequestError::Invalid(violations) => {
                let first = violations.first();
                first.map_or_else(String::new, |violation| {
                    format!("{}: {}", violation.field, violation.message)
                })
            }
            error => error.to_string(),
        };
        CommandError::failed(format!(
            "part {} failed: {error}\nthe import is incomplete: {} parts before it were imported \
             (created {}, updated {}, unchanged {}); import the file again: what is stored already \
             stays unchanged",
            self.sent.saturating_add(1),
            self.sent,
            counts.created,
            counts.updated,
            counts.unchanged
        ))
    }
}
