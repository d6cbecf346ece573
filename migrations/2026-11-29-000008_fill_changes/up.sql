-- Gives the changes from before catalogue_changes their positions, which the migration before has left free. It blocks no
-- writer. They are ordered by time; a revision whose time is earlier than that of the one before it (the time was taken before
-- the lock) gets the time of that one, here and in its history.
INSERT INTO catalogue_changes (position, changed_at, kind, item_id, revision)
SELECT row_number() OVER (ORDER BY moment, kind, item_id, revision), moment, kind, item_id, revision
FROM (
    SELECT max(changed_at) OVER (PARTITION BY domain_id ORDER BY revision) AS moment, 'domain' AS kind, domain_id AS item_id,
        revision
    FROM business_domain_revisions
    UNION ALL
    SELECT max(changed_at) OVER (PARTITION BY metric_id ORDER BY revision), 'metric', metric_id, revision
    FROM metric_revisions
) AS former
WHERE NOT EXISTS (
    SELECT FROM catalogue_changes AS present
    WHERE present.kind = former.kind AND present.item_id = former.item_id AND present.revision = former.revision
);

UPDATE metric_revisions AS late SET changed_at = former.changed_at
FROM catalogue_changes AS former
WHERE former.kind = 'metric' AND former.item_id = late.metric_id AND former.revision = late.revision
    AND late.changed_at < former.changed_at;
UPDATE business_domain_revisions AS late SET changed_at = former.changed_at
FROM catalogue_changes AS former
WHERE former.kind = 'domain' AND former.item_id = late.domain_id AND former.revision = late.revision
    AND late.changed_at < former.changed_at;
