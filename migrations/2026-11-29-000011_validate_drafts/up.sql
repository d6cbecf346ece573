-- Reads all metrics once, and blocks no writer.
SET LOCAL lock_timeout = '5s';

ALTER TABLE metrics
    VALIDATE CONSTRAINT metrics_short_name_check,
    VALIDATE CONSTRAINT metrics_description_check,
    VALIDATE CONSTRAINT metrics_category_check,
    VALIDATE CONSTRAINT metrics_tier_check,
    VALIDATE CONSTRAINT metrics_metric_type_check;
