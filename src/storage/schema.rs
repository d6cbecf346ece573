// @generated automatically by Diesel CLI.

pub mod sql_types {
    #[derive(diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "tsvector", schema = "pg_catalog"))]
    pub struct Tsvector;
}

diesel::table! {
    /// What programs authenticate with. Revoked and expired keys are kept.
    api_keys (key_id) {
        /// UUID v7, made by the service.
        key_id -> Uuid,
        /// The owner; its keys go with it. A key never allows more than its owner's role does now.
        user_id -> Uuid,
        /// What it is for, as its owner says.
        name -> Text,
        /// A little more of it; cleaned HTML.
        description -> Nullable<Text>,
        /// JSON array of names such as metrics:read.
        scopes -> Jsonb,
        /// SHA-256 of the key, hex. The key itself is nowhere.
        key_hash -> Text,
        /// The first characters of the key, for its owner to tell it from others.
        prefix -> Text,
        /// When it was made.
        created_at -> Timestamptz,
        /// When it was last used; written behind the requests, up to ten seconds late.
        last_used_at -> Nullable<Timestamptz>,
        /// From this moment on it is refused; null if it does not end by itself.
        expires_at -> Nullable<Timestamptz>,
        /// When it was ended; final.
        revoked_at -> Nullable<Timestamptz>,
        /// The key that was rotated into this one.
        replaces -> Nullable<Uuid>,
        /// Requests per window of a caller; null for the limit of all callers. Without such a limit it has no effect.
        rate_limit -> Nullable<Int4>,
        /// The client IP of the last use; null if it was used by no release that records it.
        last_used_ip -> Nullable<Text>,
    }
}

diesel::table! {
    /// Who did what, or was refused what, from where and when. An action's row is written in its own transaction; refusals are counted by the minute. No foreign keys: it outlives what it refers to.
    audit_events (event_id) {
        /// In the order of writing.
        event_id -> Int8,
        /// When; of several refusals, the first.
        occurred_at -> Timestamptz,
        /// The user who did it; null if the caller is unknown or no user.
        actor_id -> Nullable<Uuid>,
        /// Its user name then, or the command; null if the caller is unknown.
        actor -> Nullable<Text>,
        /// noun.verb, such as api_key.revoked.
        action -> Text,
        /// The user, session or API key that it was done to; null for what has no UUID.
        target_id -> Nullable<Uuid>,
        /// The target's name or id then; of an unknown account, the start of the SHA-256 of its name.
        target -> Nullable<Text>,
        /// The client's address (of refusals: IPv6 by /64); null for a command on the database itself.
        address -> Nullable<Text>,
        /// X-Request-ID, which may be the client's own.
        request_id -> Nullable<Text>,
        /// What else there is to say. Never a secret.
        details -> Jsonb,
        /// success or refused.
        outcome -> Text,
        /// Why it was refused: an error code or the name of a rate limit.
        reason -> Nullable<Text>,
        /// How many refusals this row stands for.
        occurrences -> Int8,
        /// api, command, mail (the token of a mail) or system (the service itself).
        channel -> Text,
        /// What the caller came with: session or api_key.
        credential -> Nullable<Text>,
        /// The session's family or the key_id.
        credential_id -> Nullable<Uuid>,
        /// The request, by the name that the server gave it.
        server_request_id -> Nullable<Uuid>,
        /// Changed fields: {"field": {"from": …, "to": …}}. Never a secret.
        changes -> Jsonb,
        /// The trace-id of the request's traceparent, in its 128 bits; null if it had none.
        trace_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    /// One row: the number of changes that ended or narrowed what a caller may do. Caches compare it.
    authority_epochs (singleton) {
        /// Always true: there is one row.
        singleton -> Bool,
        /// Raised once for each user, session or API key that is affected; consecutive rows of one user count once.
        epoch -> Int8,
    }
}

diesel::table! {
    /// When each kept version of a business domain was the present one, as in metric_periods.
    business_domain_periods (domain_id, version) {
        /// As in business_domain_snapshots.
        domain_id -> Text,
        /// As in business_domain_snapshots.
        version -> Int4,
        /// The time of the revision that led to it.
        valid_from -> Timestamptz,
        /// The time of the revision that replaced or deleted it.
        valid_until -> Timestamptz,
        /// The name of the domain in this version.
        name -> Text,
    }
}

diesel::table! {
    /// Every change of every business domain. No foreign key on purpose: the history outlives its domain.
    business_domain_revisions (domain_id, revision) {
        /// Which domain.
        domain_id -> Text,
        /// 1, 2, 3 … without gaps; goes on when a deleted domain is created again.
        revision -> Int4,
        /// The version that the change led to; of a deletion the one that it ended.
        version -> Int4,
        /// When.
        changed_at -> Timestamptz,
        /// User name of the author; empty where it is not known.
        changed_by -> Text,
        /// create, update or delete.
        change_type -> Text,
        /// JSON array of the names of the fields that changed.
        fields_changed -> Jsonb,
        /// One sentence for people.
        changes_summary -> Text,
        /// How the change was made: api, import, restore or command; null where it is not known.
        channel -> Nullable<Text>,
    }
}

diesel::table! {
    /// The content of each version of a business domain that was replaced or deleted; the present version is the row in business_domains.
    business_domain_snapshots (domain_id, version) {
        /// As in business_domain_revisions.
        domain_id -> Text,
        /// As in business_domain_revisions; no version is used twice.
        version -> Int4,
        /// The domain as the API showed it.
        content -> Jsonb,
    }
}

diesel::table! {
    /// Parts of the business that own metrics.
    business_domains (domain_id) {
        /// Chosen by the client; never changes.
        domain_id -> Text,
        /// Unique; metrics name their domain by it, and a rename carries them along.
        name -> Text,
        /// Cleaned HTML.
        description -> Nullable<Text>,
        /// The team that answers for the domain.
        owner_team -> Nullable<Text>,
        /// Where to ask.
        contact_email -> Nullable<Text>,
        /// Free JSON object: what each tier means here.
        tier_focus -> Jsonb,
        /// JSON array of texts.
        key_areas -> Jsonb,
        /// For charts, as the client writes it.
        color -> Nullable<Text>,
        /// Raised by each change; the ETag.
        version -> Int4,
        /// When it was made.
        created_at -> Timestamptz,
        /// When it was last changed.
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// Requests of callers with their own rate limit, counted by each process and exchanged once a second.
    caller_hits (subject, slot_at, process_id) {
        /// The caller: key or user, and its id.
        subject -> Text,
        /// Begin of the slot of time, a sixtieth of the window; milliseconds since 1970.
        slot_at -> Int8,
        /// The process that has counted; another one after each start.
        process_id -> Uuid,
        /// Its requests in this slot so far.
        hits -> Int4,
        /// When the row counts no more; milliseconds since 1970.
        expires_at -> Int8,
    }
}

diesel::table! {
    /// The order of all changes of metrics and business domains. A position is given under the writers' lock, so that none becomes visible after a later one.
    catalogue_changes (position) {
        /// 1, 2, 3 …
        position -> Int8,
        /// When; never earlier than at a smaller position.
        changed_at -> Timestamptz,
        /// metric or domain.
        kind -> Text,
        /// Which metric or domain.
        item_id -> Text,
        /// The row of metric_revisions or business_domain_revisions.
        revision -> Int4,
    }
}

diesel::table! {
    /// One row: the number of changes of the catalogue. Caches compare it.
    catalogue_epochs (singleton) {
        /// Always true: there is one row.
        singleton -> Bool,
        /// Raised by each statement that changes metrics or business domains.
        epoch -> Int8,
        /// The last position in catalogue_changes.
        position -> Int8,
        /// The time of the last change; the next one has no earlier time.
        changed_at -> Timestamptz,
        /// Lists as of an earlier instant are refused: not all contents were kept then. Null if there was nothing before.
        versions_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row of counters that triggers keep.
    catalogue_totals (singleton) {
        /// Always true: there is one row.
        singleton -> Bool,
        /// Number of rows in metrics.
        metrics -> Int8,
    }
}

diesel::table! {
    /// The last version of each business domain that does not exist any more, so that no ETag is used twice.
    deleted_business_domains (domain_id) {
        /// As in business_domains. The row is deleted when the domain is created again.
        domain_id -> Text,
        /// The version that it had; a new domain of this id begins with the next one.
        version -> Int4,
        /// When it was deleted.
        deleted_at -> Timestamptz,
    }
}

diesel::table! {
    /// Responses to creations with an Idempotency-Key, stored in the transaction of the creation.
    idempotency_keys (user_id, key) {
        /// Keys of different users are independent; they are deleted with their user.
        user_id -> Uuid,
        /// As the client sent it.
        key -> Text,
        /// SHA-256 of the request body, hex: the same key with another body is an error.
        request_hash -> Text,
        /// ETag of the response.
        etag -> Text,
        /// Body of the response.
        body -> Text,
        /// 24 hours after its first use; from then on it may be used anew.
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    /// Addresses from which an account was lately used: there, failed log-ins of others do not lock its owner out. At most 20 per user.
    known_addresses (user_id, address) {
        /// The account; its addresses go with it.
        user_id -> Uuid,
        /// An IPv4 address, or an IPv6 prefix such as 2001:db8::/64.
        address -> Text,
        /// Last successful log-in or refresh; up to one hour late.
        last_used_at -> Timestamptz,
    }
}

diesel::table! {
    /// Which metrics derive from which, by their relationships; kept by a trigger. Ids may be unknown: no foreign keys.
    metric_edges (metric_id, upstream_id, declared_by) {
        /// The metric that derives from the other one.
        metric_id -> Text,
        /// The metric that it derives from.
        upstream_id -> Text,
        /// The metric whose relationships say so: either of the two.
        declared_by -> Text,
    }
}

diesel::table! {
    /// When each kept version of a metric was the present one. The period of the present version has no end, and no row.
    metric_periods (metric_id, version) {
        /// As in metric_snapshots.
        metric_id -> Text,
        /// As in metric_snapshots.
        version -> Text,
        /// The time of the revision that led to it.
        valid_from -> Timestamptz,
        /// The time of the revision that replaced or deleted it; it was not the present one any more then.
        valid_until -> Timestamptz,
        /// The name of the metric in this version, which lists are sorted by.
        name -> Text,
    }
}

diesel::table! {
    /// Every change of every metric. No foreign key on purpose: the history outlives its metric.
    metric_revisions (metric_id, revision) {
        /// Which metric.
        metric_id -> Text,
        /// 1, 2, 3 … without gaps; goes on when a deleted metric is created again.
        revision -> Int4,
        /// The version that the change led to.
        version -> Text,
        /// When.
        changed_at -> Timestamptz,
        /// User name of the author.
        changed_by -> Text,
        /// create, update or delete.
        change_type -> Text,
        /// JSON array of the paths of the fields that changed, e.g. definition.formula.
        fields_changed -> Jsonb,
        /// One sentence for people.
        changes_summary -> Text,
        /// How the change was made: api, import, restore, domain_rename or command; null in older revisions.
        channel -> Nullable<Text>,
    }
}

diesel::table! {
    /// The content of each version of a metric that was replaced or deleted; the present version is the row in metrics. A version without either was replaced before contents were kept.
    metric_snapshots (metric_id, version) {
        /// As in metric_revisions.
        metric_id -> Text,
        /// As in metric_revisions; no version is used twice.
        version -> Text,
        /// The metric as the API showed it, without metadata.change_history.
        content -> Jsonb,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    /// Metric definitions: columns for what the API filters and sorts by, JSON for the sections.
    metrics (metric_id) {
        /// Chosen by the client; never changes.
        metric_id -> Text,
        /// What people call it.
        name -> Text,
        /// For charts and tables; empty in drafts without one.
        short_name -> Text,
        /// Cleaned HTML; empty in drafts without one.
        description -> Text,
        /// Free grouping inside or across domains; empty in drafts without one.
        category -> Text,
        /// Tier-1 (company), Tier-2 (area) or Tier-3 (team); empty in drafts without one.
        tier -> Text,
        /// The name of its business domain.
        business_domain -> Text,
        /// leading, lagging or operational; empty in drafts without one.
        metric_type -> Text,
        /// JSON array of labels; a list filter asks for all of those it names.
        tags -> Jsonb,
        /// Which strategy and objectives it serves.
        alignment -> Jsonb,
        /// Formula, numerator, denominator, unit; kept byte for byte.
        definition -> Jsonb,
        /// Where its data comes from and how fresh it is.
        data -> Jsonb,
        /// Owners, classification, status.
        governance -> Jsonb,
        /// JSON array: what it can be cut by.
        dimensions -> Jsonb,
        /// Target, thresholds and alert rules.
        targets_and_alerts -> Jsonb,
        /// How and where it is shown.
        visualization -> Jsonb,
        /// Upstream and downstream metrics, trade-offs.
        relationships -> Jsonb,
        /// Which decisions it serves.
        operational_usage -> Jsonb,
        /// metadata.notes: cleaned HTML.
        notes -> Nullable<Text>,
        /// metadata.example_queries: JSON array of {language, query}.
        example_queries -> Jsonb,
        /// major.minor.patch, raised by each change; the ETag.
        version -> Text,
        /// Number of its last row in metric_revisions.
        revision -> Int4,
        /// When it was first stored (governance.created_at is the client's own).
        created_at -> Timestamptz,
        /// User name of its first author.
        created_by -> Text,
        /// When it was last changed.
        updated_at -> Timestamptz,
        /// User name of the author of the last change.
        updated_by -> Text,
        /// The newest twenty revisions, newest first; all of them are in metric_revisions.
        change_history -> Jsonb,
        /// governance.status, for filters.
        status -> Text,
        /// governance.owner_team, for filters; null in drafts without one.
        owner_team -> Nullable<Text>,
        /// The words of name, description and formula.
        search -> Tsvector,
        /// About how long it is as JSON, in bytes; bounds the pages of lists.
        size_bytes -> Int4,
    }
}

diesel::table! {
    /// Password resets that were requested. Only the last one of a user is valid.
    password_resets (token_hash) {
        /// SHA-256 of the token, hex. The token itself is in the mail only.
        token_hash -> Text,
        /// Whose password; the request goes with its user.
        user_id -> Uuid,
        /// When it was asked for.
        created_at -> Timestamptz,
        /// From this moment on it is refused.
        expires_at -> Timestamptz,
        /// When it was used, or made void by a later one or another change of the password.
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// What the small limits have counted: failed log-ins, new API keys, requests for password resets. Shared by all processes, and kept over restarts.
    rate_limit_hits (subject, hit_at, hit_id) {
        /// Of the request; given back with it.
        hit_id -> Uuid,
        /// Policy, kind and client: an address or the start of an account's SHA-256.
        subject -> Text,
        /// Milliseconds since 1970.
        hit_at -> Int8,
        /// When it counts no more, milliseconds since 1970.
        expires_at -> Int8,
    }
}

diesel::table! {
    /// Refresh tokens, at most two of a log-in: the head of its family, and its parent, which may be replayed for a moment.
    sessions (session_id) {
        /// The jti of the refresh token.
        session_id -> Uuid,
        /// The log-in that this token descends from; the sid of access tokens.
        family_id -> Uuid,
        /// Whose session it is; it goes with its user.
        user_id -> Uuid,
        /// SHA-256 of the refresh token, hex.
        token_hash -> Text,
        /// When the token was issued.
        created_at -> Timestamptz,
        /// When the token ends by itself.
        expires_at -> Timestamptz,
        /// When it was exchanged for its successor; null for the head of the family.
        rotated_at -> Nullable<Timestamptz>,
        /// The session_id it was exchanged for. No foreign key: rotation deletes the grandparent.
        successor_id -> Nullable<Uuid>,
        /// When the family was ended early (log-out, password change, reuse, suspension); set on its head only.
        revoked_at -> Nullable<Timestamptz>,
        /// When the user logged in; the same in each member of the family.
        family_started_at -> Timestamptz,
        /// The client IP that the token was issued to.
        address -> Nullable<Text>,
        /// The User-Agent that the token was issued to: the first 200 characters, without control characters.
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    /// People who log in. Deleting one ends its sessions; authorship in the catalogue is kept by name.
    users (user_id) {
        /// UUID v7, made by the service.
        user_id -> Uuid,
        /// Unique without regard to case; shown as the author of changes.
        username -> Text,
        /// Unique without regard to case.
        email -> Text,
        /// As the person writes it.
        full_name -> Text,
        /// argon2id in PHC string format. Leaves the database only to be verified.
        password_hash -> Text,
        /// viewer < editor < admin. Read at every request, so that a demotion acts at once.
        role -> Text,
        /// Only active users may log in or use a token.
        status -> Text,
        /// Free JSON object for administrators.
        metadata -> Jsonb,
        /// When the account was made.
        created_at -> Timestamptz,
        /// When the account was last changed.
        updated_at -> Timestamptz,
        /// Last successful log-in.
        last_login_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(api_keys -> users (user_id));
diesel::joinable!(idempotency_keys -> users (user_id));
diesel::joinable!(known_addresses -> users (user_id));
diesel::joinable!(password_resets -> users (user_id));
diesel::joinable!(sessions -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    api_keys,
    audit_events,
    authority_epochs,
    business_domain_periods,
    business_domain_revisions,
    business_domain_snapshots,
    business_domains,
    caller_hits,
    catalogue_changes,
    catalogue_epochs,
    catalogue_totals,
    deleted_business_domains,
    idempotency_keys,
    known_addresses,
    metric_edges,
    metric_periods,
    metric_revisions,
    metric_snapshots,
    metrics,
    password_resets,
    rate_limit_hits,
    sessions,
    users,
);
