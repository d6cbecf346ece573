//! A row of `metrics` with the columns that the service reads, and JSON columns as their bytes.

use std::io::Write;

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;

use crate::schema::metrics;

/// The bytes of a `jsonb` value, with those of its format in front.
#[derive(Clone, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
pub struct RawJson(Vec<u8>);

impl RawJson {
    /// Prefixes a JSON text with the version of the binary format.
    pub fn new(text: &str) -> Self {
        Self([&[1], text.as_bytes()].concat())
    }
}

impl FromSql<Jsonb, Pg> for RawJson {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(value.as_bytes().to_vec()))
    }
}

impl ToSql<Jsonb, Pg> for RawJson {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

/// The columns that the service reads, of which a change writes all but a few.
#[derive(Clone, Queryable, Selectable, AsChangeset, Identifiable)]
#[diesel(table_name = metrics, primary_key(metric_id), check_for_backend(Pg))]
pub struct Row {
    pub metric_id: String,
    pub name: String,
    pub short_name: String,
    pub description: String,
    pub category: String,
    pub tier: String,
    pub business_domain: String,
    pub metric_type: String,
    pub tags: RawJson,
    pub alignment: RawJson,
    pub definition: RawJson,
    pub data: RawJson,
    pub governance: RawJson,
    pub dimensions: RawJson,
    pub targets_and_alerts: RawJson,
    pub visualization: RawJson,
    pub relationships: RawJson,
    pub operational_usage: RawJson,
    pub notes: Option<String>,
    pub example_queries: RawJson,
    pub version: String,
    pub revision: i32,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
    pub change_history: RawJson,
}
