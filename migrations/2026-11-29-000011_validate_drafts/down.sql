SET LOCAL lock_timeout = '5s';

ALTER TABLE metrics
    DROP CONSTRAINT metrics_short_name_check,
    ADD CONSTRAINT metrics_short_name_check
        CHECK (char_length(short_name) BETWEEN 1 AND 100 OR (short_name = '' AND status = 'draft')) NOT VALID,
    DROP CONSTRAINT metrics_description_check,
    ADD CONSTRAINT metrics_description_check
        CHECK (char_length(description) BETWEEN 1 AND 2000 OR (description = '' AND status = 'draft')) NOT VALID,
    DROP CONSTRAINT metrics_category_check,
    ADD CONSTRAINT metrics_category_check
        CHECK (char_length(category) BETWEEN 1 AND 100 OR (category = '' AND status = 'draft')) NOT VALID,
    DROP CONSTRAINT metrics_tier_check,
    ADD CONSTRAINT metrics_tier_check
        CHECK (tier IN ('Tier-1', 'Tier-2', 'Tier-3') OR (tier = '' AND status = 'draft')) NOT VALID,
    DROP CONSTRAINT metrics_metric_type_check,
    ADD CONSTRAINT metrics_metric_type_check
        CHECK (metric_type IN ('leading', 'lagging', 'operational') OR (metric_type = '' AND status = 'draft')) NOT VALID;
