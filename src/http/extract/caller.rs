//! Who may call a handler, by the type of its parameter.
//!
//! | parameter | who |
//! | --- | --- |
//! | [`Reader<A>`] | who may read that part of the catalogue; anyone if `ANONYMOUS_READ` is set |
//! | [`Editor<A>`] | an editor, whose key has the part's write scope |
//! | [`Remover<A>`] | an administrator, whose key has the part's write scope |
//! | [`Admin`] | an administrator, whose key has the scope `admin` |
//! | `circuit_admin::CircuitAdmin` | the same; during an outage also by the claims of a token |
//! | [`SessionCaller`] | a user with an access token; no API key |
//! | [`Caller`] | any authenticated caller |
//!
//! Callers are checked before the body arrives. Handlers that write or grant rights pass
//! `authority()` to their transaction, where `storage::authority` checks it again.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use uuid::Uuid;

use crate::http::app_data::AccessPolicy;
use crate::http::error::{ApiError, ROLE};
use crate::http::request::caller::{Caller, Credential, Identity};
use crate::model::scopes::{Scope, Scopes};
use crate::model::users::Role;
use crate::storage::authority::{Authority, Proof};
use crate::storage::users::Account;

impl<A: Area> Editor<A> {
    /// The authority that the handler's transaction checks again.
    pub fn authority(&self) -> Authority {
        self.caller.authority(Role::Viewer, A::WRITE)
    }
}

impl<A: Area> Remover<A> {
    /// The authority that the handler's transaction checks again.
    pub fn authority(&self) -> Authority {
        self.caller.authority(Role::Admin, A::WRITE)
    }
}

impl Admin {
    /// The authority that the handler's transaction checks again.
    pub fn authority(&self) -> Authority {
        self.0.authority(Role::Admin, &[Scope::Admin])
    }
}

impl SessionCaller {
    /// The authority that the handler's transaction checks again.
    pub fn authority(&self) -> Authority {
        let proof = Proof::Session(self.family_id);
        Authority {
            user_id: self.user.user_id,
            proof,
            role: Role::Viewer,
            scopes: Scopes::default(),
        }
    }
}

/// A part of the catalogue, with the scopes to read and to change it.
pub trait Area {
    const READ: &'static [Scope];
    const WRITE: &'static [Scope];
}

/// The metrics and their history.
#[derive(Clone, Copy, Debug)]
pub struct Metrics;

impl Area for Metrics {
    const READ: &'static [Scope] = &[Scope::MetricsRead];
    const WRITE: &'static [Scope] = &[Scope::MetricsWrite];
}

/// The business domains.
#[derive(Clone, Copy, Debug)]
pub struct Domains;

impl Area for Domains {
    const READ: &'static [Scope] = &[Scope::DomainsRead];
    const WRITE: &'static [Scope] = &[Scope::DomainsWrite];
}

/// The catalogue as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

impl Area for Everything {
    const READ: &'static [Scope] = &[Scope::MetricsRead, Scope::DomainsRead];
    const WRITE: &'static [Scope] = &[Scope::MetricsWrite, Scope::DomainsWrite];
}

/// A caller that may read this part of the catalogue, perhaps an anonymous one.
#[derive(Clone, Debug)]
pub struct Reader<A>(PhantomData<A>);

/// A caller that may change this part of the catalogue.
#[derive(Clone, Debug)]
pub struct Editor<A> {
    pub caller: Caller,
    area: PhantomData<A>,
}

/// A caller that may delete from this part of the catalogue.
#[derive(Clone, Debug)]
pub struct Remover<A> {
    pub caller: Caller,
    area: PhantomData<A>,
}

/// A caller that may administer the service and its users.
#[derive(Clone, Debug)]
pub struct Admin(pub Caller);

/// A user with an access token: API keys may not change what belongs to a person.
#[derive(Clone, Debug)]
pub struct SessionCaller {
    pub user: Arc<Account>,
    /// The token family of the access token.
    pub family_id: Uuid,
}

fn identity(request: &HttpRequest) -> Result<Option<Caller>, ApiError> {
    request.extensions().get::<Identity>().map_or(Ok(None), |identity| identity.0.clone())
}

fn caller(request: &HttpRequest) -> Result<Caller, ApiError> {
    identity(request)?
        .ok_or(ApiError::Authentication("Log in first: the request carries no credentials"))
}

pub(super) fn allowed(request: &HttpRequest, needed: &[Scope]) -> Result<Caller, ApiError> {
    let caller = caller(request)?;
    caller.require(needed).map(|()| caller)
}

fn session_caller(request: &HttpRequest) -> Result<SessionCaller, ApiError> {
    let Caller { user, credential } = caller(request)?;
    match credential {
        Credential::Session(family_id) => Ok(SessionCaller { user, family_id }),
        Credential::Key { .. } => Err(ApiError::Authorization("An API key cannot do this; log in")),
    }
}

fn reader<A: Area>(request: &HttpRequest) -> Result<Reader<A>, ApiError> {
    let anonymous =
        request.app_data::<web::Data<AccessPolicy>>().is_some_and(|policy| policy.anonymous_read);
    // A bad credential is refused even so: its sender expects it to be used.
    identity(request)?;
    if anonymous {
        Ok(Reader(PhantomData))
    } else {
        allowed(request, A::READ).map(|_| Reader(PhantomData))
    }
}

fn editor<A: Area>(request: &HttpRequest) -> Result<Editor<A>, ApiError> {
    allowed(request, A::WRITE).map(|caller| Editor { caller, area: PhantomData })
}

fn remover<A: Area>(request: &HttpRequest) -> Result<Remover<A>, ApiError> {
    let caller = allowed(request, A::WRITE)?;
    if caller.user.role == Role::Admin {
        Ok(Remover { caller, area: PhantomData })
    } else {
        Err(ROLE)
    }
}

/// Implements an extractor that only reads what the middleware has found.
macro_rules! extracted {
    ([$($area:ident)?] $name:ty, $judge:expr) => {
        impl$(<$area: Area>)? FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready($judge(request))
            }
        }
    };
}

extracted!([] Caller, caller);
extracted!([] SessionCaller, session_caller);
extracted!([] Admin, |request| allowed(request, &[Scope::Admin]).map(Admin));
extracted!([A] Reader<A>, reader);
extracted!([A] Editor<A>, editor);
extracted!([A] Remover<A>, remover);
