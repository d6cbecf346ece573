DROP TABLE metric_revisions;
