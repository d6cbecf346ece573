CREATE TABLE known_addresses (
    user_id      uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    address      text        NOT NULL CHECK (char_length(address) BETWEEN 1 AND 64),
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, address)
);

COMMENT ON TABLE known_addresses IS 'Addresses from which an account was lately used: there, failed log-ins of others do not lock its owner out. At most 20 per user.';
COMMENT ON COLUMN known_addresses.user_id IS 'The account; its addresses go with it.';
COMMENT ON COLUMN known_addresses.address IS 'An IPv4 address, or an IPv6 prefix such as 2001:db8::/64.';
COMMENT ON COLUMN known_addresses.last_used_at IS 'Last successful log-in or refresh; up to one hour late.';
