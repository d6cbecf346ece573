//! The statements that write present items, from the contents of their versions.

use diesel::sql_query;
use diesel::sql_types::{Array, Integer, Jsonb};
use diesel_async::RunQueryDsl;

use crate::model::metrics::revision::HISTORY_SHOWN;
use crate::model::version_records::VersionRecord;
use crate::storage::document::Document;
use crate::storage::{StorageError, Transaction};

/// Inserts domains: the counterpart of `business_domain_document`.
pub(super) async fn insert_domains<'a>(
    conn: &mut Transaction<'_>,
    records: impl Iterator<Item = &'a VersionRecord>,
) -> Result<(), StorageError> {
    let statement = "INSERT INTO business_domains (domain_id, name, description, owner_team, \
             contact_email, tier_focus, key_areas, color, version, created_at, updated_at) \
         SELECT content ->> 'domain_id', content ->> 'name', content ->> 'description', \
             content ->> 'owner_team', content ->> 'contact_email', \
             coalesce(content -> 'tier_focus', '{}'), coalesce(content -> 'key_areas', '[]'), \
             content ->> 'color', (content ->> 'version')::integer, \
             (content ->> 'created_at')::timestamptz, (content ->> 'updated_at')::timestamptz \
         FROM unnest($1) AS new (content)";
    let (contents, _) = present(records);
    if !contents.is_empty() {
        sql_query(statement).bind::<Array<Jsonb>, _>(contents).execute(conn).await?;
    }
    Ok(())
}

/// Inserts metrics: the counterpart of `metric_document`. Their `change_history` begins with their
/// last creation.
pub(super) async fn insert_metrics<'a>(
    conn: &mut Transaction<'_>,
    records: impl Iterator<Item = &'a VersionRecord>,
) -> Result<(), StorageError> {
    let text = |name: &str| format!("coalesce(content ->> '{name}', '')");
    let texts = ["short_name", "description", "category", "tier", "metric_type"];
    let documents = [
        "tags",
        "alignment",
        "definition",
        "data",
        "governance",
        "dimensions",
        "targets_and_alerts",
        "visualization",
        "relationships",
        "operational_usage",
    ];
    let statement = format!(
        "INSERT INTO metrics (metric_id, name, business_domain, {text_columns}, \
             {document_columns}, notes, example_queries, version, revision, created_at, \
             created_by, updated_at, updated_by, change_history) \
         SELECT content ->> 'metric_id', content ->> 'name', content ->> 'business_domain', \
             {texts}, {documents}, metadata ->> 'notes', \
             coalesce(metadata -> 'example_queries', '[]'), metadata ->> 'version', revision, \
             (metadata ->> 'created_at')::timestamptz, metadata ->> 'created_by', \
             (metadata ->> 'last_updated')::timestamptz, metadata ->> 'last_updated_by', \
             history.entries \
         FROM unnest($1, $2) AS new (content, revision) \
         CROSS JOIN LATERAL (SELECT content -> 'metadata' AS metadata OFFSET 0) AS server \
         CROSS JOIN LATERAL ( \
             SELECT jsonb_agg(jsonb_build_object( \
                 'revision', shown.revision, 'version', shown.version, \
                 'changed_at', to_char(shown.changed_at AT TIME ZONE 'UTC', \
                     'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
                 'changed_by', shown.changed_by, 'change_type', shown.change_type, \
                 'fields_changed', shown.fields_changed, \
                 'changes_summary', shown.changes_summary \
             ) ORDER BY shown.revision DESC) AS entries \
             FROM (SELECT * FROM metric_revisions AS this \
                 WHERE this.metric_id = content ->> 'metric_id' AND this.revision >= coalesce( \
                     (SELECT max(created.revision) FROM metric_revisions AS created \
                      WHERE created.metric_id = content ->> 'metric_id' \
                          AND created.change_type = 'create'), 0) \
                 ORDER BY this.revision DESC LIMIT {HISTORY_SHOWN}) AS shown \
         ) AS history",
        text_columns = texts.join(", "),
        document_columns = documents.join(", "),
        texts = texts.map(text).join(", "),
        documents = documents.map(|name| format!("content -> '{name}'")).join(", "),
    );
    let (contents, revisions) = present(records);
    if !contents.is_empty() {
        sql_query(statement)
            .bind::<Array<Jsonb>, _>(contents)
            .bind::<Array<Integer>, _>(revisions)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Returns the contents of present versions, and the numbers of their changes.
fn present<'a>(records: impl Iterator<Item = &'a VersionRecord>) -> (Vec<Document>, Vec<i32>) {
    let contents = records.filter_map(|record| {
        record.content.clone().map(|content| (Document::from_raw(content), record.revision))
    });
    contents.unzip()
}
