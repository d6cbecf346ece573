//! The SQL of the two halves of a list as of an instant, which is the parameter `$1`.

use super::{PastCondition, PastKey, PastList};
use crate::storage::versions::VersionedTable;

/// One half of a list.
pub(super) struct Half {
    /// FROM and WHERE.
    pub(super) source: String,
    id: String,
    version: &'static str,
    key: &'static str,
}

impl PastKey {
    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::CreatedAt | Self::UpdatedAt)
    }

    fn present(self) -> &'static str {
        match self {
            Self::Name => "item.name",
            Self::Tier => "item.tier",
            Self::CreatedAt => "item.created_at",
            Self::UpdatedAt => "coalesce(latest.changed_at, item.updated_at)",
        }
    }

    fn former(self) -> &'static str {
        match self {
            Self::Name => "past.name",
            Self::Tier => "kept.content ->> 'tier'",
            Self::CreatedAt => "(kept.content #>> '{metadata,created_at}')::timestamptz",
            Self::UpdatedAt => "past.valid_from",
        }
    }
}

impl VersionedTable {
    /// Returns both halves: what is present since before the instant, and what had its period then.
    /// The values of the conditions are the parameters from this number on.
    ///
    /// The time of a present version is that of its revision, which `updated_at`, with its index,
    /// is never later than. A process of a former release has changed domains without one.
    pub(super) fn halves(self, list: &PastList, first: usize) -> [Half; 2] {
        let Self { items, id, revisions, snapshots, periods, present_revision, .. } = self;
        let conditions = |text: fn(&PastCondition) -> &'static str| -> String {
            let numbered = list.conditions.iter().zip(first..);
            let numbered = numbered.map(|(condition, number)| {
                format!(" AND {}", text(condition).replace("{}", &format!("${number}")))
            });
            numbered.collect()
        };
        let present = Half {
            source: format!(
                "FROM {items} AS item LEFT JOIN {revisions} AS latest \
                     ON latest.{id} = item.{id} AND {present_revision} \
                 WHERE item.updated_at <= $1 \
                     AND coalesce(latest.changed_at, item.updated_at) <= $1{}",
                conditions(|condition| condition.present),
            ),
            id: format!("item.{id}"),
            version: "item.version::text",
            key: list.key.present(),
        };
        let former = Half {
            source: format!(
                "FROM {periods} AS past LEFT JOIN {snapshots} AS kept \
                     ON kept.{id} = past.{id} AND kept.version = past.version \
                 WHERE past.valid_from <= $1 AND past.valid_until > $1{}",
                conditions(|condition| condition.former),
            ),
            id: format!("past.{id}"),
            version: "past.version::text",
            key: list.key.former(),
        };
        [present, former]
    }

    /// Returns a query of the contents of the versions `$2` of the items `$1`, with their places.
    pub(super) fn contents(self) -> String {
        let Self { items, id, snapshots, document, .. } = self;
        format!(
            "SELECT wanted.place, \
                 CASE WHEN item.{id} IS NULL THEN kept.content ELSE {document}(item) END \
                 AS content \
             FROM unnest($1, $2) WITH ORDINALITY AS wanted (id, version, place) \
             LEFT JOIN {items} AS item \
                 ON item.{id} = wanted.id AND item.version::text = wanted.version \
             LEFT JOIN {snapshots} AS kept \
                 ON kept.{id} = wanted.id AND kept.version::text = wanted.version"
        )
    }
}

impl Half {
    /// Returns a query of the first `$2` items, after the one with the key `$5` and the id `$6` if
    /// there is a cursor.
    pub(super) fn part(&self, descending: bool, after_cursor: bool) -> String {
        let Self { source, id, version, key } = self;
        // Both forms are ranges of an index by key and id.
        let (direction, after) = match (descending, after_cursor) {
            (false, false) => ("ASC", String::new()),
            (true, false) => ("DESC", String::new()),
            (false, true) => ("ASC", format!("AND ({key}, {id}) > ($5, $6)")),
            (true, true) => ("DESC", format!("AND {key} <= $5 AND ({key} < $5 OR {id} > $6)")),
        };
        format!(
            "(SELECT {id} AS id, {version} AS version, {key} AS key {source} {after} \
              ORDER BY {key} {direction}, {id} LIMIT $2)"
        )
    }
}
