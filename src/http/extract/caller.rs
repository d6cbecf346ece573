//! Who may call, by type: the parameter of a handler is its rule.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use uuid::Uuid;

use crate::http::AppState;
use crate::http::error::ApiError;
use crate::model::users::Role;
use crate::storage::users::User;

/// What `middleware::authenticate` found out.
#[derive(Clone, Debug)]
pub struct Identity(pub Result<Option<Caller>, ApiError>);

/// Anyone who is logged in.
#[derive(Clone, Debug)]
pub struct Caller {
    /// As the database knows it now.
    pub user: User,
    /// The log-in that the request belongs to.
    pub family_id: Uuid,
}

/// Whoever may read the catalogue: a viewer, or anyone if `ANONYMOUS_READ` is set.
#[derive(Clone, Debug)]
pub struct Reader;

/// Whoever may write the catalogue.
#[derive(Clone, Debug)]
pub struct Editor(pub Caller);

/// Whoever may delete, and manage users.
#[derive(Clone, Debug)]
pub struct Admin(pub Caller);

fn identity(request: &HttpRequest) -> Result<Option<Caller>, ApiError> {
    request.extensions().get::<Identity>().map_or(Ok(None), |identity| identity.0.clone())
}

fn caller(request: &HttpRequest) -> Result<Caller, ApiError> {
    identity(request)?.ok_or(ApiError::Authentication("Log in first: the request carries no access token"))
}

fn at_least(request: &HttpRequest, role: Role) -> Result<Caller, ApiError> {
    let caller = caller(request)?;
    if caller.user.role >= role { Ok(caller) } else { Err(ApiError::Authorization("Your role does not allow this")) }
}

fn reader(request: &HttpRequest) -> Result<Reader, ApiError> {
    let anonymous = request.app_data::<web::Data<AppState>>().is_some_and(|state| state.policy.anonymous_read);
    match identity(request)? {
        None if !anonymous => caller(request).map(|_| Reader),
        _ => Ok(Reader),
    }
}

/// Answers at once: the work was done by the middleware.
macro_rules! extracted {
    ($name:ty, $judge:expr) => {
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready($judge(request))
            }
        }
    };
}

extracted!(Caller, caller);
extracted!(Reader, reader);
extracted!(Editor, |request| at_least(request, Role::Editor).map(Editor));
extracted!(Admin, |request| at_least(request, Role::Admin).map(Admin));
