DROP TABLE metrics;
DROP TABLE catalogue_totals;
DROP FUNCTION count_metrics();
DROP FUNCTION metric_search_words(text, text, text);
