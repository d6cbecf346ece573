//! Reads of versions use indexes: with 20,000 revisions none of them reads a table from beginning
//! to end. The database itself counts that, so it is seen of the statements that the service sends.

use serde_json::json;

use crate::support::Server;
use crate::support::database::{sql, until};
use crate::support::samples::metric;

const M1: &str = "/api/v1/metrics/m1";

/// Ten revisions of 2,000 metrics, as the service would write them.
const FILL: &str = "
    INSERT INTO metrics (metric_id, name, short_name, description, category, tier,
        business_domain, metric_type, alignment, definition, data, governance, dimensions,
        targets_and_alerts, visualization, relationships, operational_usage, version, revision,
        created_at, created_by, updated_at, updated_by)
    SELECT 'n' || number, 'Name ' || number, short_name, description, category, tier,
        business_domain, metric_type, alignment, definition, data, governance, dimensions,
        targets_and_alerts, visualization, relationships, operational_usage, '1.0.0', 1,
        created_at, created_by, updated_at, updated_by
    FROM metrics, generate_series(1, 2000) AS number WHERE metric_id = 'm1';
    INSERT INTO metric_revisions (metric_id, revision, version, changed_at, changed_by,
        change_type, fields_changed, changes_summary)
    SELECT metric_id, 1, '1.0.0', updated_at, 'admin', 'create', '[]', 'Created'
    FROM metrics WHERE metric_id LIKE 'n%';
    DO $$ BEGIN
        FOR round IN 1..9 LOOP
            WITH changed AS (
                UPDATE metrics SET version = '1.0.' || round, revision = round + 1,
                    tags = jsonb_build_array(round)
                WHERE metric_id LIKE 'n%' RETURNING metric_id, version, revision
            )
            INSERT INTO metric_revisions (metric_id, revision, version, changed_at, changed_by,
                change_type, fields_changed, changes_summary)
            SELECT metric_id, revision, version, clock_timestamp(), 'admin', 'update', '[]', 'x'
            FROM changed;
        END LOOP;
    END $$;
    ANALYZE";

const TABLES: &str = "('metrics', 'metric_revisions', 'metric_snapshots', 'metric_periods', \
    'catalogue_changes')";

/// Starts a service without cached responses, whose catalogue has 20,000 revisions.
async fn large() -> (Server, String, String) {
    let server = Server::with(&["--cache-max-bytes", "0"]).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    server.put(M1, &admin, &json!({"tags": ["t"]})).await.expect(200);
    let instant = mdl::clock::rfc3339(server.clock.now());
    server.put(M1, &admin, &json!({"tags": []})).await.expect(200);
    sql(&server.database_url, FILL).await;
    (server, admin, instant)
}

#[actix_web::test]
async fn reads_of_versions_never_read_a_whole_table() {
    let (server, admin, instant) = Box::pin(large()).await;
    let url = &server.database_url;
    let revisions = "SELECT count(*)::text FROM metric_revisions";
    assert_eq!(sql(url, revisions).await, [["20003"]]);
    for path in [
        format!("{M1}/versions"),
        format!("{M1}/versions/1.0.0"),
        format!("{M1}/versions/1.0.2"),
        format!("{M1}/diff?from=1.0.0&to=1.0.1"),
        format!("{M1}?as_of={instant}"),
        "/api/v1/changes?limit=10".to_owned(),
    ] {
        sql(url, "SELECT pg_stat_reset()").await;
        server.get(&path, &admin).await.expect(200);
        // A backend reports what it has done with a delay.
        let used =
            format!("SELECT sum(idx_scan) > 0 FROM pg_stat_user_tables WHERE relname IN {TABLES}");
        until(url, &used).await;
        let scanned = format!(
            "SELECT relname FROM pg_stat_user_tables WHERE relname IN {TABLES} AND seq_scan > 0"
        );
        assert_eq!(sql(url, &scanned).await, Vec::<Vec<String>>::new(), "{path}");
    }
    // What the counters say when an index is missing.
    let drop = "ALTER TABLE metric_revisions DROP CONSTRAINT metric_revisions_pkey CASCADE";
    sql(url, drop).await;
    sql(url, "SELECT pg_stat_reset()").await;
    server.get(&format!("{M1}/versions"), &admin).await.expect(200);
    until(url, "SELECT seq_scan > 0 FROM pg_stat_user_tables WHERE relname = 'metric_revisions'")
        .await;
}
