//! JSON columns that are passed through: stored and returned as text, never parsed into a tree.

use std::io::Write;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::Serialize;
use serde_json::value::RawValue;

use super::StorageError;

/// The JSON text of a `jsonb` value.
#[derive(Clone, Debug, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
#[serde(transparent)]
pub struct Document(Box<RawValue>);

/// The only version of the binary format of `jsonb` so far.
const JSONB_VERSION: u8 = 1;

impl Document {
    /// Serialises a value of the model.
    ///
    /// # Errors
    /// Never in practice: the model consists of texts and finite numbers.
    pub fn new<T: Serialize>(value: &T) -> Result<Self, StorageError> {
        serde_json::value::to_raw_value(value)
            .map(Self)
            .map_err(StorageError::corrupt_by("a value that is not JSON"))
    }

    /// Returns the JSON text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Takes JSON text as it is.
    pub(super) fn from_raw(raw: Box<RawValue>) -> Self {
        Self(raw)
    }

    /// Returns the JSON text as a value of its own.
    pub(super) fn into_raw(self) -> Box<RawValue> {
        self.0
    }

    /// Returns the value as a part of another one.
    pub(super) fn raw(&self) -> &RawValue {
        &self.0
    }
}

impl FromSql<Jsonb, Pg> for Document {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes().split_first() {
            Some((&JSONB_VERSION, text)) => {
                Ok(Self(RawValue::from_string(std::str::from_utf8(text)?.to_owned())?))
            }
            _ => Err("a jsonb value of an unknown version".into()),
        }
    }
}

impl ToSql<Jsonb, Pg> for Document {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[JSONB_VERSION])?;
        out.write_all(self.0.get().as_bytes())?;
        Ok(IsNull::No)
    }
}
