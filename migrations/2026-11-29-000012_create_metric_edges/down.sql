SET LOCAL lock_timeout = '5s';

DROP TRIGGER metrics_edges_insert ON metrics;
DROP TRIGGER metrics_edges_update ON metrics;
DROP TRIGGER metrics_edges_delete ON metrics;
DROP TRIGGER metrics_edges_truncate ON metrics;
DROP FUNCTION keep_metric_edges();
DROP FUNCTION metric_edges_of(text, jsonb);
DROP TABLE metric_edges;
