//! The migrations that keep versions, on tables that have rows: the present state becomes readable,
//! what was replaced before is marked, and a revert keeps the catalogue.

use std::process::Command;

use crate::process::binary::{command, run, success};
use crate::support::database::{self, sql};

/// The first migration of the versions.
const FIRST: &str = "20261129000004";

/// Fills the tables as the release before the versions did: each metric was changed once.
const ROWS: &str = "
    INSERT INTO business_domains (domain_id, name, version, created_at, updated_at)
        VALUES ('d1', 'Finance', 3, now(), now()), ('d2', 'Growth', 1, now(), now());
    INSERT INTO metrics (metric_id, name, short_name, description, category, tier,
            business_domain, metric_type, alignment, definition, data, governance, dimensions,
            targets_and_alerts, visualization, relationships, operational_usage, version,
            revision, created_at, created_by, updated_at, updated_by)
        SELECT 'm' || number, 'Metric ' || number, 'M', 'd', 'c', 'Tier-1', 'Finance', 'leading',
            '{}', '{\"formula\": \"x\"}', '{}', '{\"status\": \"active\", \"owner_team\": \"t\"}',
            '[]', '{}', '{}', '{}', '{}', '1.0.1', 2, now(), 'ada', now(), 'ada'
        FROM generate_series(1, 2000) AS number;
    INSERT INTO metric_revisions
        SELECT 'm' || number, revision, '1.0.' || revision - 1, now(), 'ada',
            CASE revision WHEN 1 THEN 'create' ELSE 'update' END, '[]', 's'
        FROM generate_series(1, 2000) AS number, generate_series(1, 2) AS revision";

/// What the catalogue contains.
const STATE: &str = "SELECT count(*), md5(string_agg(m::text, '' ORDER BY metric_id)) \
    FROM metrics m UNION ALL SELECT count(*), md5(string_agg(d::text, '' ORDER BY domain_id)) \
    FROM business_domains d UNION ALL SELECT count(*), md5(string_agg(metric_id || revision || \
    version || change_type, '' ORDER BY metric_id, revision)) FROM metric_revisions";

#[tokio::test]
async fn versions_of_filled_tables_are_kept_from_the_migration_on() {
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
    for _ in 0..2 {
        mdl(&["migrate"]);
        assert_eq!(sql(&url, STATE).await, before);
        // Nothing is copied, so that the migration takes the same time for any number of metrics.
        let copied = "SELECT count(*) FROM metric_snapshots";
        assert_eq!(sql(&url, copied).await, [["0"]]);
        let marked =
            "SELECT count(*) FILTER (WHERE channel IS NULL), count(*) FROM metric_revisions";
        assert_eq!(sql(&url, marked).await, [["4000", "4000"]]);
        let domains = "SELECT domain_id, version::text, change_type, channel IS NULL \
                       FROM business_domain_revisions ORDER BY domain_id";
        let expected = [["d1", "3", "update", "t"], ["d2", "1", "create", "t"]];
        assert_eq!(sql(&url, domains).await, expected);
        revert();
        assert_eq!(sql(&url, STATE).await, before);
    }
    mdl(&["migrate"]);
    let change = "UPDATE metrics SET name = 'New', version = '1.1.0', revision = 3 \
                  WHERE metric_id IN ('m1', 'm2'); DELETE FROM metrics WHERE metric_id = 'm2'; \
                  DELETE FROM business_domains WHERE domain_id = 'd2'";
    sql(&url, change).await;
    let kept = "SELECT metric_id, version, content ->> 'name' FROM metric_snapshots \
                ORDER BY metric_id, version";
    let expected =
        [["m1", "1.0.1", "Metric 1"], ["m2", "1.0.1", "Metric 2"], ["m2", "1.1.0", "New"]];
    assert_eq!(sql(&url, kept).await, expected);
    let kept = "SELECT content ->> 'name' FROM business_domain_snapshots";
    assert_eq!(sql(&url, kept).await, [["Growth"]]);
    // A revert gives up the versions, not the catalogue.
    let changed = sql(&url, STATE).await;
    revert();
    assert_eq!(sql(&url, STATE).await, changed);
}
