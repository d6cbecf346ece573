//! What a server says about itself at startup, and whether its locale suits the service.

use diesel::sql_types::{Bool, Integer, Text};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// The first version that records the version of a database's collation.
const WITH_COLLATION_VERSIONS: i32 = 150_000;

/// A server and its database.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    pub server_version: String,
    pub database: String,
    pub user: String,
    /// The rules by which the database sorts texts.
    pub collation: String,
    /// What does not suit the service.
    pub locale_problems: Vec<LocaleProblem>,
}

#[derive(QueryableByName)]
struct FactsRow {
    #[diesel(sql_type = Text)]
    server_version: String,
    #[diesel(sql_type = Integer)]
    version_number: i32,
    #[diesel(sql_type = Text)]
    database: String,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Text)]
    collation: String,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Bool)]
    folds_case: bool,
}

/// A property of the database that does not suit the service, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocaleProblem {
    pub problem: &'static str,
    pub remedy: &'static str,
}

const WRONG_ENCODING: LocaleProblem = LocaleProblem {
    problem: "the encoding of the database is not UTF8, so that some texts cannot be stored",
    remedy: "create a database with ENCODING 'UTF8' and move the data there \
             (docs/database-operations.md)",
};
const NO_CASE_FOLDING: LocaleProblem = LocaleProblem {
    problem: "the database folds the case of ASCII letters only, so that the search and the \
              uniqueness of e-mail addresses distinguish 'Ä' from 'ä'",
    remedy: "create a database with LOCALE 'C.UTF-8' or an ICU locale and move the data there \
             (docs/database-operations.md)",
};
const CHANGED_COLLATION: LocaleProblem = LocaleProblem {
    problem: "the rules by which the operating system sorts texts have changed since the indexes \
              were built, so that these may be damaged",
    remedy: "run REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION",
};

impl ServerFacts {
    /// Reads them.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn read(connection: &mut AsyncPgConnection) -> QueryResult<Self> {
        let statement = "SELECT current_setting('server_version') AS server_version, \
             current_setting('server_version_num')::integer AS version_number, \
             current_database()::text AS database, current_user::text AS role, \
             datcollate::text AS collation, current_setting('server_encoding') AS encoding, \
             lower('ÄÉЖ') = 'äéж' AS folds_case \
             FROM pg_database WHERE datname = current_database()";
        let row: FactsRow = diesel::sql_query(statement).get_result(connection).await?;
        let sorts_as_before = row.version_number < WITH_COLLATION_VERSIONS
            || has_current_collation(connection).await?;
        let checks = [
            (row.encoding == "UTF8", WRONG_ENCODING),
            (row.folds_case, NO_CASE_FOLDING),
            (sorts_as_before, CHANGED_COLLATION),
        ];
        let failed = checks.into_iter().filter(|(passed, _)| !passed);
        Ok(Self {
            server_version: row.server_version,
            database: row.database,
            user: row.role,
            collation: row.collation,
            locale_problems: failed.map(|(_, problem)| problem).collect(),
        })
    }
}

async fn has_current_collation(connection: &mut AsyncPgConnection) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Current {
        #[diesel(sql_type = Bool)]
        is_current: bool,
    }
    let statement = "SELECT coalesce(datcollversion = pg_database_collation_actual_version(oid), \
                     true) AS is_current FROM pg_database WHERE datname = current_database()";
    let row: Current = diesel::sql_query(statement).get_result(connection).await?;
    Ok(row.is_current)
}
