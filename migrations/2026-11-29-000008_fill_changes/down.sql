-- The revert of the migration before drops the table.
SELECT 1;
