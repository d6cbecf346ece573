-- A search reads the words of each metric that it passes. MAIN keeps them in the row, where the long columns would
-- otherwise displace them to the TOAST table: to read them there takes five times as long. It applies to rows that are
-- written from now on; VACUUM FULL metrics moves the words of the others.
SET LOCAL lock_timeout = '5s';
ALTER TABLE metrics ALTER COLUMN search SET STORAGE MAIN;
