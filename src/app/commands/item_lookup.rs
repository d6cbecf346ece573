//! Finds what `mdl log`, `mdl show` and `mdl diff` are about: the item that an id names, and its
//! contents.

use serde_json::Value;

use crate::actors::db_breaker::{Circuit, DbBreakerHandle};
use crate::app::command_error::CommandError;
use crate::model::changes::ItemKind;
use crate::model::versions::name::ItemName;
use crate::storage::StorageError;
use crate::storage::versions::{self, KeptVersion, VersionedTable, item};

/// Returns the kind of the item with this id, which exists or existed; that of the option, if there
/// is one.
pub(super) async fn find_kind(
    db: &DbBreakerHandle,
    id: &str,
    option: Option<ItemKind>,
) -> Result<ItemKind, CommandError> {
    let mut found = Vec::new();
    for kind in [ItemKind::Metric, ItemKind::Domain] {
        if option.is_some_and(|option| option != kind) {
            continue;
        }
        let table = VersionedTable::from_kind(kind);
        let is_known = async |conn: &mut _| item::is_known(conn, table, id).await;
        if db.run(Circuit::Metrics, "metric_revisions.find", is_known).await? {
            found.push(kind);
        }
    }
    match (found.as_slice(), option) {
        ([kind], _) => Ok(*kind),
        ([], None) => Err(CommandError::failed(format!("no metric or domain has the id {id}"))),
        ([], Some(kind)) => {
            Err(CommandError::failed(format!("no {} has the id {id}", kind.as_ref())))
        }
        _ => Err(CommandError::usage(format!(
            "a metric and a domain have the id {id}: add --kind metric or --kind domain"
        ))),
    }
}

/// Reads the content of a version, or the present one if the name has no version.
pub(super) async fn read_content(
    db: &DbBreakerHandle,
    name: &ItemName,
    kind: ItemKind,
) -> Result<Value, CommandError> {
    let (table, id) = (VersionedTable::from_kind(kind), name.id.as_str());
    let missing = |why: String| CommandError::failed(format!("{} {id} {why}", kind.as_ref()));
    let content = match &name.version {
        None => {
            let read = async |conn: &mut _| item::get_present(conn, table, id).await;
            let found = db.run(Circuit::Metrics, "metrics.get", read).await?;
            found.ok_or_else(|| {
                missing(format!("was deleted; `mdl log {id}` lists its versions for `mdl show`"))
            })?
        }
        Some(version) => {
            let read = async |conn: &mut _| match versions::get(conn, table, id, version).await {
                Err(StorageError::NotFound | StorageError::UnknownVersion) => Ok(None),
                found => found.map(Some),
            };
            let found = db.run(Circuit::Metrics, "metric_snapshots.get", read).await?;
            let KeptVersion { content, .. } = found.ok_or_else(|| {
                missing(format!("never had version {version}; `mdl log {id}` lists its versions"))
            })?;
            content.ok_or_else(|| {
                missing(format!("had version {version} before contents were kept"))
            })?
        }
    };
    serde_json::from_str(content.text()).map_err(CommandError::failed)
}
