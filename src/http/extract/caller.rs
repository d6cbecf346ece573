//! Who may call, by type: the parameter of a handler is its rule.
//!
//! | parameter | who |
//! | --- | --- |
//! | [`Reader<A>`] | whoever may read that part of the catalogue; anyone, if `ANONYMOUS_READ` is set |
//! | [`Editor<A>`] | an editor, whose key has the part's write scope |
//! | [`Remover<A>`] | an administrator, whose key has the part's write scope |
//! | [`Admin`] | an administrator, whose key has the scope `admin` |
//! | [`Person`] | anyone who is logged in; no API key |
//! | [`Caller`] | anyone who is known |
//!
//! They are judged before the body arrives. What writes or grants passes `authority()` on to its
//! transaction, where `storage::authority` judges the same once more.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use uuid::Uuid;

use crate::http::AppState;
use crate::http::error::{ApiError, ROLE};
use crate::http::request::caller::{Caller, Credential, Identity};
use crate::model::scopes::{Scope, Scopes};
use crate::model::users::Role;
use crate::storage::authority::{Authority, Proof};
use crate::storage::users::Account;

impl<A: Area> Editor<A> {
    /// What its transaction confirms.
    pub fn authority(&self) -> Authority {
        self.caller.authority(Role::Viewer, A::WRITE)
    }
}

impl<A: Area> Remover<A> {
    /// What its transaction confirms.
    pub fn authority(&self) -> Authority {
        self.caller.authority(Role::Admin, A::WRITE)
    }
}

impl Admin {
    /// What its transaction confirms.
    pub fn authority(&self) -> Authority {
        self.0.authority(Role::Admin, &[Scope::Admin])
    }
}

impl Person {
    /// What its transaction confirms.
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

/// A part of the catalogue, and the scopes that open it.
pub trait Area {
    /// To read it.
    const READ: &'static [Scope];
    /// To change it.
    const WRITE: &'static [Scope];
}

macro_rules! area {
    ($(#[$doc:meta])* $name:ident, [$($read:ident),*], [$($write:ident),*]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Area for $name {
            const READ: &'static [Scope] = &[$(Scope::$read),*];
            const WRITE: &'static [Scope] = &[$(Scope::$write),*];
        }
    };
}

area!(
    /// Metrics and their history.
    Metrics, [MetricsRead], [MetricsWrite]);
area!(
    Domains, [DomainsRead], [DomainsWrite]);
area!(
    Everything, [MetricsRead, DomainsRead], [MetricsWrite, DomainsWrite]);

/// Whoever may read this part of the catalogue.
#[derive(Clone, Debug)]
pub struct Reader<A>(PhantomData<A>);

/// Whoever may change this part of the catalogue.
#[derive(Clone, Debug)]
pub struct Editor<A> {
    pub caller: Caller,
    area: PhantomData<A>,
}

/// Whoever may delete from this part of the catalogue.
#[derive(Clone, Debug)]
pub struct Remover<A> {
    pub caller: Caller,
    area: PhantomData<A>,
}

/// Whoever may look after the service and its users.
#[derive(Clone, Debug)]
pub struct Admin(pub Caller);

/// Anyone who is logged in: what belongs to a person, no program does with a key.
#[derive(Clone, Debug)]
pub struct Person {
    /// As the database knows it now.
    pub user: Account,
    /// The log-in that the request belongs to.
    pub family_id: Uuid,
}

fn identity(request: &HttpRequest) -> Result<Option<Caller>, ApiError> {
    request.extensions().get::<Identity>().map_or(Ok(None), |identity| identity.0.clone())
}

fn caller(request: &HttpRequest) -> Result<Caller, ApiError> {
    identity(request)?
        .ok_or(ApiError::Authentication("Log in first: the request carries no credentials"))
}

fn allowed(request: &HttpRequest, needed: &[Scope]) -> Result<Caller, ApiError> {
    let caller = caller(request)?;
    caller.may(needed).map(|()| caller)
}

fn person(request: &HttpRequest) -> Result<Person, ApiError> {
    let Caller { user, credential } = caller(request)?;
    match credential {
        Credential::LogIn(family_id) => Ok(Person { user, family_id }),
        Credential::Key { .. } => Err(ApiError::Authorization("An API key cannot do this; log in")),
    }
}

fn reader<A: Area>(request: &HttpRequest) -> Result<Reader<A>, ApiError> {
    let anonymous =
        request.app_data::<web::Data<AppState>>().is_some_and(|state| state.policy.anonymous_read);
    // A bad credential is refused all the same: whoever sends one expects it to count.
    identity(request)?;
    if anonymous {
        Ok(Reader(PhantomData))
    } else {
        allowed(request, A::READ).map(|_| Reader(PhantomData))
    }
}

fn remover<A: Area>(request: &HttpRequest) -> Result<Remover<A>, ApiError> {
    let caller = allowed(request, A::WRITE)?;
    if caller.user.role == Role::Admin {
        Ok(Remover { caller, area: PhantomData })
    } else {
        Err(ROLE)
    }
}

/// Answers at once: the work was done by the middleware.
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
extracted!([] Person, person);
extracted!([] Admin, |request| allowed(request, &[Scope::Admin]).map(Admin));
extracted!([A] Reader<A>, reader);
extracted!([A] Editor<A>, |request| allowed(request, A::WRITE).map(|caller| Editor { caller, area: PhantomData }));
extracted!([A] Remover<A>, remover);
