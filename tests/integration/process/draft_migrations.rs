//! The migrations of drafts and of edges, up and down, on tables that have rows: the catalogue
//! stays as it is, and what the former schema cannot hold is deleted with its last version kept.

use std::process::Command;

use crate::process::binary::{command, run, success};
use crate::support::database::{self, sql};

/// The first of the migrations.
const FIRST: &str = "20261129000010";

/// Metrics as the release before stored them, with an unknown id and a cycle.
const ROWS: &str = "
    INSERT INTO business_domains (domain_id, name, version, created_at, updated_at)
        VALUES ('d1', 'Finance', 1, now(), now());
    INSERT INTO metrics (metric_id, name, short_name, description, category, tier,
            business_domain, metric_type, alignment, definition, data, governance, dimensions,
            targets_and_alerts, visualization, relationships, operational_usage, version,
            revision, created_at, created_by, updated_at, updated_by)
        SELECT 'm' || number, 'Metric ' || number, 'M', 'd', 'c', 'Tier-1', 'Finance', 'leading',
            '{}', '{\"formula\": \"x\"}', '{}', '{\"status\": \"draft\", \"owner_team\": \"t\"}',
            '[]', '{}', '{}', CASE number
                WHEN 1 THEN '{\"upstream_metric_ids\": [\"m2\", \"gone\"]}'::jsonb
                WHEN 2 THEN '{\"upstream_metric_ids\": [\"m1\"], \"downstream_metric_ids\": \
                    [\"m3\"]}'
                WHEN 3 THEN '{\"upstream_metric_ids\": null}' ELSE '{}' END,
            '{}', '1.0.1', 2, now(), 'ada', now(), 'ada'
        FROM generate_series(1, 2000) AS number;";

/// Columns that both schemas have.
const STATE: &str = "SELECT count(*), md5(string_agg(metric_id || name || tier || version \
    || governance::text || relationships::text || search::text || metric_document(m)::text, '' \
    ORDER BY metric_id)) FROM metrics m";

const EDGES: &str = "SELECT metric_id, upstream_id, declared_by FROM metric_edges ORDER BY 1, 2, 3";

#[tokio::test]
async fn filled_tables_are_migrated_and_reverted() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::empty().await;
    let mdl = |arguments: &[&str]| -> String {
        let mut command: Command = command(folder.path(), arguments);
        command.env("DATABASE_URL", &url);
        success(&run(command, ""))
    };
    mdl(&["migrate"]);
    let revert = || while !mdl(&["migrate", "--revert"]).contains(FIRST) {};
    revert();
    sql(&url, ROWS).await;
    let before = sql(&url, STATE).await;
    for round in 0..2 {
        mdl(&["migrate"]);
        assert_eq!(sql(&url, STATE).await, before);
        let expected =
            [["m1", "gone", "m1"], ["m1", "m2", "m1"], ["m2", "m1", "m2"], ["m3", "m2", "m2"]];
        assert_eq!(sql(&url, EDGES).await, expected);
        // What is written from now on is kept, whoever writes it.
        sql(&url, "UPDATE metrics SET relationships = '{}' WHERE metric_id = 'm2'").await;
        assert_eq!(sql(&url, EDGES).await, expected[..2]);
        let back = "UPDATE metrics SET relationships = '{\"upstream_metric_ids\": [\"m1\"], \
            \"downstream_metric_ids\": [\"m3\"]}' WHERE metric_id = 'm2'";
        sql(&url, back).await;
        assert_eq!(sql(&url, EDGES).await, expected);
        let incomplete = "UPDATE metrics SET tier = '' WHERE metric_id = 'm4'; \
            UPDATE metrics SET tier = 'Tier-1' WHERE metric_id = 'm4'";
        sql(&url, incomplete).await;
        let id = format!("draft-{round}");
        sql(&url, &draft(&id)).await;
        let found = "SELECT metric_id, coalesce(owner_team, '-') FROM metrics \
            WHERE search @@ to_tsquery('simple', 'metric') AND tier = ''";
        assert_eq!(sql(&url, found).await, [[id.as_str(), "-"]]);
        revert();
        // The former schema has no place for it.
        assert_eq!(sql(&url, STATE).await, before);
        let kept = format!(
            "SELECT content ->> 'name', content ? 'tier', change_type FROM metric_snapshots \
             JOIN metric_revisions USING (metric_id, version) WHERE metric_id = '{id}'"
        );
        assert_eq!(sql(&url, &kept).await, [["Draft", "f", "delete"]]);
    }
}

/// Only drafts may lack something.
#[tokio::test]
async fn incomplete_metrics_that_are_no_drafts_break_a_constraint() {
    let url = database::fresh().await;
    sql(&url, ROWS).await;
    for column in ["short_name", "description", "category", "tier", "metric_type"] {
        let status = "jsonb_set(governance, '{status}', '\"active\"')";
        let statement = format!(
            "DO $$ BEGIN UPDATE metrics SET {column} = '', governance = {status} \
             WHERE metric_id = 'm1'; RAISE 'accepted'; EXCEPTION WHEN check_violation THEN NULL; \
             END $$"
        );
        sql(&url, &statement).await;
    }
}

/// Stores a draft without anything else but a description, as the service does.
fn draft(id: &str) -> String {
    format!(
        "INSERT INTO metrics (metric_id, name, short_name, description, category, tier, \
             business_domain, metric_type, alignment, definition, data, governance, dimensions, \
             targets_and_alerts, visualization, relationships, operational_usage, version, \
             revision, created_at, created_by, updated_at, updated_by) \
         VALUES ('{id}', 'Draft', '', 'a metric', '', '', 'Finance', '', '{{}}', '{{}}', '{{}}', \
             '{{\"status\": \"draft\"}}', '[]', '{{}}', '{{}}', '{{}}', '{{}}', '1.0.0', 1, now(), \
             'ada', now(), 'ada')"
    )
}
