CREATE TABLE users (
    user_id       uuid        PRIMARY KEY,
    username      text        NOT NULL CHECK (username ~ '^[A-Za-z0-9_-]{3,50}$'),
    email         text        NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
    full_name     text        NOT NULL CHECK (char_length(full_name) BETWEEN 1 AND 100),
    password_hash text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    status        text        NOT NULL CHECK (status IN ('active', 'inactive', 'suspended')),
    metadata      jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    last_login_at timestamptz
);

-- Names and addresses are unique without regard to case; log-in looks them up the same way.
CREATE UNIQUE INDEX users_username_key ON users (lower(username));
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
-- Guards the last administrator: only admins are in it, so it stays tiny.
CREATE INDEX users_admins_idx ON users (user_id) WHERE role = 'admin';

COMMENT ON TABLE users IS 'People who log in. Deleting one ends its sessions; authorship in the catalogue is kept by name.';
COMMENT ON COLUMN users.user_id IS 'UUID v7, made by the service.';
COMMENT ON COLUMN users.username IS 'Unique without regard to case; shown as the author of changes.';
COMMENT ON COLUMN users.email IS 'Unique without regard to case.';
COMMENT ON COLUMN users.full_name IS 'As the person writes it.';
COMMENT ON COLUMN users.password_hash IS 'argon2id in PHC string format. Leaves the database only to be verified.';
COMMENT ON COLUMN users.role IS 'viewer < editor < admin. Read at every request, so that a demotion acts at once.';
COMMENT ON COLUMN users.status IS 'Only active users may log in or use a token.';
COMMENT ON COLUMN users.metadata IS 'Free JSON object for administrators.';
COMMENT ON COLUMN users.created_at IS 'When the account was made.';
COMMENT ON COLUMN users.updated_at IS 'When the account was last changed.';
COMMENT ON COLUMN users.last_login_at IS 'Last successful log-in.';
