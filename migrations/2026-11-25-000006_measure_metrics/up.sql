-- How much a page of metrics would be must be known before its rows are fetched. The length of a JSON column as text costs
-- its decompression, and what TOAST stores says little (a kilobyte may be a megabyte); so it is measured when it is written.
ALTER TABLE metrics ADD COLUMN size_bytes integer GENERATED ALWAYS AS (
    1000 + octet_length(description) + coalesce(octet_length(notes), 0)
    + octet_length(tags::text) + octet_length(alignment::text) + octet_length(definition::text)
    + octet_length(data::text) + octet_length(governance::text) + octet_length(dimensions::text)
    + octet_length(targets_and_alerts::text) + octet_length(visualization::text)
    + octet_length(relationships::text) + octet_length(operational_usage::text)
    + octet_length(example_queries::text) + octet_length(change_history::text)
) STORED NOT NULL;

COMMENT ON COLUMN metrics.size_bytes IS 'About how long it is as JSON, in bytes; bounds the pages of lists.';
