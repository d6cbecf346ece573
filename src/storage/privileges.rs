//! The table privileges that the service needs. They are checked at startup, so that a missing
//! grant is named then and not found by the first request that needs it. `scripts/roles.sql` grants
//! them to a role that may not change the schema.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::StorageError;

const READ: &[&str] = &["SELECT"];
/// Rows that are only added to.
const APPEND: &[&str] = &["SELECT", "INSERT"];
/// Rows that are added to, and that triggers correct.
const KEEP: &[&str] = &["SELECT", "INSERT", "UPDATE"];
/// Tables of one row, which their migration inserts.
const COUNT: &[&str] = &["SELECT", "UPDATE"];
const CHANGE: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE"];

/// The tables, and what the service does with their rows.
const NEEDED: [(&str, &[&str]); 24] = [
    ("__diesel_schema_migrations", READ),
    ("api_keys", CHANGE),
    ("audit_events", APPEND),
    ("authority_epochs", COUNT),
    ("business_domain_periods", APPEND),
    ("business_domain_revisions", KEEP),
    ("business_domain_snapshots", APPEND),
    ("business_domains", CHANGE),
    ("caller_hits", CHANGE),
    ("catalogue_changes", APPEND),
    ("catalogue_epochs", COUNT),
    ("catalogue_totals", COUNT),
    ("deleted_business_domains", CHANGE),
    ("idempotency_keys", CHANGE),
    ("known_addresses", CHANGE),
    ("metric_edges", CHANGE),
    ("metric_periods", APPEND),
    ("metric_revisions", KEEP),
    ("metric_snapshots", APPEND),
    ("metrics", CHANGE),
    ("password_resets", CHANGE),
    ("rate_limit_hits", CHANGE),
    ("sessions", CHANGE),
    ("users", CHANGE),
];

#[derive(QueryableByName)]
struct MissingRow {
    #[diesel(sql_type = Text)]
    missing: String,
}

/// Returns the privileges that the connection's role lacks, such as `INSERT on metrics`.
///
/// # Errors
/// When a table does not exist.
pub async fn missing(conn: &mut AsyncPgConnection) -> Result<Vec<String>, StorageError> {
    let pairs = NEEDED.iter().flat_map(|(table, privileges)| {
        privileges.iter().map(|privilege| (table.to_owned(), privilege.to_owned()))
    });
    let (tables, privileges): (Vec<&str>, Vec<&str>) = pairs.unzip();
    let rows: Vec<MissingRow> = diesel::sql_query(
        "SELECT needed.privilege || ' on ' || needed.name AS missing \
         FROM unnest($1, $2) AS needed(name, privilege) \
         WHERE NOT has_table_privilege(needed.name, needed.privilege)",
    )
    .bind::<Array<Text>, _>(tables)
    .bind::<Array<Text>, _>(privileges)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.missing).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_schema_is_checked() {
        let schema = include_str!("schema.rs");
        let tables: Vec<&str> = schema
            .lines()
            .filter_map(|line| line.strip_prefix("    ")?.split_once(" ("))
            .map(|(table, _)| table)
            .filter(|table| !table.contains(char::is_whitespace) && !table.contains('!'))
            .collect();
        assert!(tables.len() >= 15, "{tables:?}");
        for table in tables {
            assert!(NEEDED.iter().any(|(needed, _)| *needed == table), "{table}");
        }
    }
}
