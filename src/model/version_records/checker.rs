//! Which files of versions can be imported. The whole file is checked before anything is written;
//! of each item the checker keeps its last change, so that the memory grows with the items, not
//! with their versions.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::sequence::{LastChange, version_number};
use super::server_fields::{AUTHOR_RULE, ContentCheck, is_author};
use super::{RecordFileEnd, RecordFileHeader, VersionRecord};
use crate::model::changes::ItemKind;
use crate::model::versions::name::ItemName;
use crate::model::violations::{MAX_SHOWN, Violation};

/// Most items of a file, also deleted ones.
const MAX_ITEMS: usize = 1_000_000;
/// How far the clock of the computer that made a change may be ahead of this one.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::days(1);
const NUL_RULE: &str = "must not contain NUL characters";

/// What is in a valid file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordTotals {
    pub changes: u64,
    /// Number of metrics that exist.
    pub metrics: usize,
    /// Number of domains that exist.
    pub domains: usize,
    /// Items that do not exist any more.
    pub deleted: usize,
    /// Lists as of an earlier instant are refused; none if all contents were kept.
    pub versions_since: Option<DateTime<Utc>>,
    /// The time of the last change.
    pub changed_at: Option<DateTime<Utc>>,
}

/// A check of one file, line by line.
#[derive(Debug)]
pub struct RecordChecker {
    now: DateTime<Utc>,
    line: u64,
    changes: u64,
    items: HashMap<(ItemKind, String), LastChange>,
    changed_at: Option<DateTime<Utc>>,
    versions_since: Option<DateTime<Utc>>,
    present_domains: HashSet<String>,
    /// The domains of present metrics, and the first line that names each.
    named_domains: HashMap<String, u64>,
    has_ended: bool,
    violations: Vec<Violation>,
}

impl RecordChecker {
    /// Begins the check of a file `now`.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            line: 0,
            changes: 0,
            items: HashMap::new(),
            changed_at: None,
            versions_since: None,
            present_domains: HashSet::new(),
            named_domains: HashMap::new(),
            has_ended: false,
            violations: Vec::new(),
        }
    }

    /// Checks the next line. Returns false when further lines would add no violation that is shown.
    pub fn line(&mut self, text: &str) -> bool {
        self.line = self.line.saturating_add(1);
        if self.line == 1 {
            self.header(text);
        } else if self.has_ended {
            self.violation("", "must not follow the end");
        } else if let Some(RecordFileEnd { changes }) = RecordFileEnd::parse(text) {
            self.has_ended = true;
            if changes != self.changes {
                self.violation(
                    "changes",
                    format!("must be {}, the number of changes", self.changes),
                );
            }
        } else {
            match serde_json::from_str::<VersionRecord>(text) {
                Ok(record) => self.record(&record),
                Err(error) => {
                    let error = crate::model::json::error_message(&error);
                    self.violation("", format!("is no change of a version: {error}"));
                }
            }
        }
        self.violations.len() < MAX_SHOWN && self.items.len() <= MAX_ITEMS
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The first violations, with the number of the line.
    pub fn finish(mut self) -> Result<RecordTotals, Vec<Violation>> {
        if self.items.len() > MAX_ITEMS {
            self.violation("", format!("must have at most {MAX_ITEMS} items"));
        } else if !self.has_ended && self.violations.is_empty() {
            self.violation("", "is the last line, and not the end of a file: it is incomplete");
        }
        let unknown = self.named_domains.iter();
        let unknown = unknown.filter(|(name, _)| !self.present_domains.contains(*name));
        let message = "must be the name of a domain that is present in the file";
        let mut lines: Vec<u64> = unknown.map(|(_, line)| *line).collect();
        lines.sort_unstable();
        for line in lines {
            self.line = line;
            self.violation("content.business_domain", message);
        }
        if !self.violations.is_empty() {
            return Err(self.violations);
        }
        let present = |kind| {
            let of_kind = self.items.iter().filter(move |((found, _), _)| *found == kind);
            of_kind.filter(|(_, last)| last.is_present).count()
        };
        let (metrics, domains) = (present(ItemKind::Metric), present(ItemKind::Domain));
        Ok(RecordTotals {
            changes: self.changes,
            metrics,
            domains,
            deleted: self.items.len().saturating_sub(metrics).saturating_sub(domains),
            versions_since: self.versions_since,
            changed_at: self.changed_at,
        })
    }

    fn violation(&mut self, field: &str, message: impl Into<String>) {
        if self.violations.len() < MAX_SHOWN {
            let place = format!("line {}", self.line);
            self.violations.push(Violation::new(field, message).under(&place));
        }
    }

    fn header(&mut self, text: &str) {
        let Ok(header) = serde_json::from_str::<RecordFileHeader>(text) else {
            self.violation("", "must be the header of a file of versions");
            return;
        };
        let since = header.versions_since.as_deref();
        if header != RecordFileHeader::new(header.versions_since.clone()) {
            self.violation("format_version", "must be 1; a newer version of mdl reads this file");
        } else if let Some(since) = since {
            match DateTime::parse_from_rfc3339(since) {
                Ok(since) => self.versions_since = Some(since.to_utc()),
                Err(_) => self.violation("versions_since", "must be an RFC 3339 time or null"),
            }
        }
    }

    fn record(&mut self, record: &VersionRecord) {
        self.changes = self.changes.saturating_add(1);
        let VersionRecord { kind, id, version, .. } = record;
        let is_id = id.parse::<ItemName>().is_ok_and(|name| name.version.is_none());
        let number = version_number(*kind, version);
        let (true, Some(number)) = (is_id, number) else {
            let field = if is_id { "version" } else { "id" };
            self.violation(field, "is none of an item of this kind");
            return;
        };
        let Some(changed_at) = self.time(&record.changed_at) else { return };
        self.texts(record);
        let last = LastChange::new(record, number);
        let former = self.items.get(&(*kind, id.clone()));
        if former.is_some_and(LastChange::lacks_content) {
            self.versions_since = self.versions_since.max(Some(changed_at));
        }
        for (field, message) in last.violations(record, former) {
            self.violation(field, message);
        }
        if let Some(content) = &record.content {
            let check = ContentCheck { kind: *kind, id, version, changed_at };
            match check.check(content.get()) {
                Err(violations) => {
                    for violation in violations {
                        let Violation { field, message } = violation.under("content");
                        self.violation(&field, message);
                    }
                }
                Ok(name) if record.present => self.present(*kind, name),
                Ok(_) => {}
            }
        }
        self.items.insert((*kind, id.clone()), last);
    }

    /// Returns the time of a change, which is not before that of the change before it.
    fn time(&mut self, text: &str) -> Option<DateTime<Utc>> {
        let Ok(time) = DateTime::parse_from_rfc3339(text) else {
            self.violation("changed_at", "must be an RFC 3339 time");
            return None;
        };
        let time = time.to_utc();
        if self.changed_at.is_some_and(|former| time < former) {
            self.violation("changed_at", "must not be before that of the change before it");
        }
        if self.now.checked_add_signed(CLOCK_TOLERANCE).is_some_and(|latest| time > latest) {
            self.violation("changed_at", "must not be in the future");
        }
        self.changed_at = Some(time);
        Some(time)
    }

    fn texts(&mut self, record: &VersionRecord) {
        if !is_author(&record.changed_by) {
            self.violation("changed_by", AUTHOR_RULE);
        }
        if record.changes_summary.contains('\0') {
            self.violation("changes_summary", NUL_RULE);
        }
        if record.fields_changed.iter().any(|field| field.contains('\0')) {
            self.violation("fields_changed", NUL_RULE);
        }
    }

    /// Adds a present item: `name` is that of the domain, or of the domain of the metric.
    fn present(&mut self, kind: ItemKind, name: String) {
        match kind {
            ItemKind::Metric => {
                self.named_domains.entry(name).or_insert(self.line);
            }
            ItemKind::Domain => {
                if !self.present_domains.insert(name) {
                    self.violation("content.name", "belongs to another present domain");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
