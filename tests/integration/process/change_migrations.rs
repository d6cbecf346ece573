//! The migrations that order the changes, on tables that have rows: changes from before have
//! positions in the order of their times, and later ones go on from there.

use std::process::Command;

use crate::process::binary::{command, run, success};
use crate::support::database::{self, sql};

/// The first migration of the order.
const FIRST: &str = "20261129000007";

/// Fills the tables as the release before did. The third revision of each metric has an earlier
/// time than the second: it was taken before the lock.
const ROWS: &str = "
    INSERT INTO business_domains (domain_id, name, version, created_at, updated_at)
        VALUES ('d1', 'Finance', 1, '2026-01-01Z', '2026-01-01Z');
    INSERT INTO business_domain_revisions (domain_id, revision, version, changed_at, changed_by,
            change_type, fields_changed, changes_summary)
        VALUES ('d1', 1, 1, '2026-01-01Z', 'ada', 'create', '[]', 's');
    INSERT INTO metrics (metric_id, name, short_name, description, category, tier,
            business_domain, metric_type, alignment, definition, data, governance, dimensions,
            targets_and_alerts, visualization, relationships, operational_usage, version,
            revision, created_at, created_by, updated_at, updated_by)
        SELECT 'm' || number, 'Metric ' || number, 'M', 'd', 'c', 'Tier-1', 'Finance', 'leading',
            '{}', '{\"formula\": \"x\"}', '{}', '{\"status\": \"active\", \"owner_team\": \"t\"}',
            '[]', '{}', '{}', '{}', '{}', '1.0.2', 3, '2026-01-01Z', 'ada', '2026-02-01Z', 'ada'
        FROM generate_series(1, 300) AS number;
    INSERT INTO metric_revisions (metric_id, revision, version, changed_at, changed_by,
            change_type, fields_changed, changes_summary)
        SELECT 'm' || number, revision, '1.0.' || revision - 1,
            timestamptz '2026-01-01Z' + number * interval '1 hour'
                + (ARRAY[0, 50, 40])[revision] * interval '1 minute',
            'ada', CASE revision WHEN 1 THEN 'create' ELSE 'update' END, '[]', 's'
        FROM generate_series(1, 300) AS number, generate_series(1, 3) AS revision";

/// Nothing, if positions have no gaps and run as times and revisions do.
const DISORDER: &str = "SELECT * FROM (
    SELECT position, lag(position, 1, 0::bigint) OVER (ORDER BY position) AS before,
        changed_at, lag(changed_at) OVER (ORDER BY position) AS earlier, revision,
        lag(revision, 1, 0) OVER (PARTITION BY kind, item_id ORDER BY position) AS former
    FROM catalogue_changes) AS changes
    WHERE position <> before + 1 OR changed_at < earlier OR revision <> former + 1";

#[tokio::test]
async fn changes_from_before_the_migration_have_the_order_of_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::empty().await;
    let mdl = |arguments: &[&str]| -> String {
        let mut command: Command = command(folder.path(), arguments);
        command.env("DATABASE_URL", &url);
        success(&run(command, ""))
    };
    mdl(&["migrate"]);
    let since = "SELECT versions_since IS NULL FROM catalogue_epochs";
    assert_eq!(sql(&url, since).await, [["t"]], "an empty catalogue has no past");
    let revert = || while !mdl(&["migrate", "--revert"]).contains(FIRST) {};
    revert();
    sql(&url, ROWS).await;
    for _ in 0..2 {
        mdl(&["migrate"]);
        assert_eq!(sql(&url, DISORDER).await, Vec::<Vec<String>>::new());
        let ends = "SELECT count(*), min(kind) FILTER (WHERE position = 1), \
                (SELECT position FROM catalogue_epochs) FROM catalogue_changes";
        assert_eq!(sql(&url, ends).await, [["901", "domain", "901"]]);
        let same = "SELECT count(*) FROM catalogue_changes AS c JOIN metric_revisions AS r \
                ON (r.metric_id, r.revision, r.changed_at) = (c.item_id, c.revision, c.changed_at)";
        assert_eq!(sql(&url, same).await, [["900"]], "the history has the corrected times");
        // Lists of the past begin now: what was replaced before was not kept.
        let since = "SELECT versions_since BETWEEN now() - interval '1 minute' AND now() \
                FROM catalogue_epochs";
        assert_eq!(sql(&url, since).await, [["t"]]);
        revert();
    }
    mdl(&["migrate"]);
    let change = "UPDATE metrics SET name = 'New', version = '1.1.0', revision = 4 \
            WHERE metric_id = 'm7'; \
        INSERT INTO metric_revisions VALUES ('m7', 4, '1.1.0', '2020-01-01Z', 'eve', 'update', \
            '[]', 's', NULL)";
    sql(&url, change).await;
    assert_eq!(sql(&url, DISORDER).await, Vec::<Vec<String>>::new());
    let last = "SELECT c.position, c.item_id, c.changed_at = r.changed_at \
        FROM catalogue_changes AS c JOIN metric_revisions AS r \
            ON r.metric_id = c.item_id AND r.revision = c.revision ORDER BY position DESC LIMIT 1";
    assert_eq!(sql(&url, last).await, [["902", "m7", "t"]]);
    let period = "SELECT metric_id, version, name, valid_from < valid_until FROM metric_periods";
    assert_eq!(sql(&url, period).await, [["m7", "1.0.2", "Metric 7", "t"]]);
}
