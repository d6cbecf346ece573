ALTER TABLE metrics DROP COLUMN size_bytes;
