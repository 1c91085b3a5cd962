//! Who asks, and what they may do.
//!
//! A token is `ez_<id>_<secret>`. The secret has 256 bits of chance, so that its SHA-256 needs no slow hash; it is shown once, and compared in constant time.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::api::ApiError;
use crate::attempt_token;
use crate::clock::now_ms;
use crate::job::JobId;
use crate::secrets::SecretKey;
use crate::store::{Store, StoreError, tokens};
use crate::token_watch::TokenWatch;
use crate::wire::Attempt;

/// The name of who asks an open server.
const LOCAL: &str = "local";

/// The name of who has the token of the settings.
const SETTINGS_TOKEN: &str = "EZ_SERVER_TOKEN";

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Look at everything.
    Read,
    /// Start and end jobs.
    Run,
    /// Change tasks, plans and records.
    Edit,
    /// Be a node.
    Node,
    /// Everything, tokens too.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Run, Self::Edit, Self::Node, Self::Admin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Run => "run",
            Self::Edit => "edit",
            Self::Node => "node",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.name() == name);
        known.ok_or_else(|| format!("`{name}` is no scope: use read, run, edit, node or admin"))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of the token, or `local`.
    pub name: String,
    /// What they may do.
    pub scopes: Vec<Scope>,
    /// The attempt whose token they have.
    pub attempt: Option<Attempt>,
    /// From where.
    pub remote: IpAddr,
}

impl Caller {
    /// Whether they may do something. Who may do more than look may look too.
    pub fn may(&self, scope: Scope) -> bool {
        let has = |wanted| self.scopes.contains(&wanted);
        has(Scope::Admin) || has(scope) || scope == Scope::Read && (has(Scope::Run) || has(Scope::Edit))
    }
}

/// A scope as a type, so that a route says by its signature who may call it.
pub trait Needs {
    /// Which.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($name:ident)*) => {$(
        /// Needs the scope of its name.
        #[derive(Debug)]
        pub struct $name;
        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}
needs!(Read Run Edit Node Admin);

/// The caller of a route, who has the scope that it needs.
#[derive(Debug)]
pub struct Allowed<N> {
    /// Who.
    pub caller: Caller,
    needs: PhantomData<N>,
}

impl<N: Needs, S: Sync> FromRequestParts<S> for Allowed<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(ApiError::no_token)?;
        if !caller.may(N::SCOPE) {
            return Err(ApiError::small_scope(N::SCOPE));
        }
        Ok(Self { caller, needs: PhantomData })
    }
}

/// A new token and what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Its public part.
    pub id: String,
    /// The whole, to be shown once.
    pub text: String,
    /// The hash of its secret.
    pub hash: Vec<u8>,
}

impl NewToken {
    /// One made of chance.
    ///
    /// # Errors
    /// The system has none.
    pub fn make() -> Result<Self, getrandom::Error> {
        let mut chance = [0; 37];
        getrandom::fill(&mut chance)?;
        let text = hex(&chance);
        let (id, secret) = text.split_at(10);
        Ok(Self { id: id.to_owned(), text: format!("ez_{id}_{secret}"), hash: hash(secret) })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Who has which token.
pub struct Authority {
    store: Store,
    /// The hash of the token of the settings.
    own: Option<Vec<u8>>,
    /// Whether nobody needs a token.
    is_open: AtomicBool,
    /// Whether that stays so when there are tokens.
    stays_open: bool,
    /// The key of the tokens of attempts.
    key: Option<Arc<SecretKey>>,
    is_reached_from_elsewhere: bool,
    failures: Failures,
    watch: TokenWatch,
    /// When the use of each token was written down last.
    uses: Mutex<HashMap<String, Instant>>,
}

/// From where somebody may ask without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Openness {
    /// From nowhere.
    Closed,
    /// From this machine.
    Here,
    /// From wherever the server is reached, as somebody said in so many words.
    Everywhere,
}

/// Why a token is refused.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It is none, or counts no more.
    #[error("the token is not known: make one with `ez server token create`")]
    Unknown,
    /// It is of an attempt that runs no more.
    #[error("the token was one of job {0}, which does not run any more")]
    Over(JobId),
    /// Too many wrong ones came from there.
    #[error("too many wrong tokens came from this address: wait a minute")]
    TooMany,
    /// It cannot be looked up.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authority {
    /// Over the tokens of a store, and the one of the settings.
    pub fn new(store: Store, own: Option<&str>, is_open: bool) -> Self {
        Self {
            store,
            own: own.map(hash),
            is_open: AtomicBool::new(is_open),
            stays_open: false,
            key: None,
            is_reached_from_elsewhere: false,
            failures: Failures::default(),
            watch: TokenWatch::default(),
            uses: Mutex::default(),
        }
    }

    /// The same with another number of wrong tokens that an address is allowed within a minute.
    #[must_use]
    pub fn allowing_failures(mut self, most: u32) -> Self {
        self.failures.most = most;
        self
    }

    /// The same for a server that gives tokens to attempts.
    #[must_use]
    pub fn knowing_attempts(mut self, key: Arc<SecretKey>) -> Self {
        self.key = Some(key);
        self
    }

    /// The same for a server that listens on an address.
    #[must_use]
    pub fn listening_on(mut self, address: IpAddr) -> Self {
        self.is_reached_from_elsewhere = !address.is_loopback();
        self
    }

    /// The same for a server that asks nobody for a token, whatever tokens there are.
    #[must_use]
    pub fn staying_open(mut self, stays_open: bool) -> Self {
        self.stays_open = stays_open;
        self
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// An open server is closed by the first token, by whatever process that was made. It is not opened again before it is started anew.
    async fn close_with_the_first_token(&self) -> Result<(), StoreError> {
        if self.is_open() && !self.stays_open && self.store.read(tokens::was_any_made).await? {
            self.is_open.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// How far nobody needs a token now.
    ///
    /// # Errors
    /// It cannot be looked up whether there are tokens.
    pub async fn openness(&self) -> Result<Openness, StoreError> {
        self.close_with_the_first_token().await?;
        Ok(match (self.is_open(), self.is_reached_from_elsewhere) {
            (false, _) => Openness::Closed,
            (true, false) => Openness::Here,
            (true, true) => Openness::Everywhere,
        })
    }

    /// Who comes with a token, or without one. `None` where one is needed.
    ///
    /// # Errors
    /// The token is wrong.
    pub async fn caller(&self, token: Option<&str>, remote: IpAddr) -> Result<Option<Caller>, AuthError> {
        let all = || vec![Scope::Admin];
        let Some(token) = token else {
            let local = Caller { name: LOCAL.into(), scopes: all(), attempt: None, remote };
            return Ok(self.is_open().then_some(local));
        };
        if self.failures.are_too_many(remote) {
            return Err(AuthError::TooMany);
        }
        if self.own.as_ref().is_some_and(|own| is_same(own, &hash(token))) {
            return Ok(Some(Caller { name: SETTINGS_TOKEN.into(), scopes: all(), attempt: None, remote }));
        }
        if let Some(attempt) = self.key.as_ref().and_then(|key| attempt_token::open(key, token)) {
            return self.of_attempt(attempt, remote).await.map(Some);
        }
        let Some((name, scopes)) = self.of_store(token).await? else {
            self.failures.add(remote);
            return Err(AuthError::Unknown);
        };
        Ok(Some(Caller { name, scopes, attempt: None, remote }))
    }

    /// Who has the token of an attempt. One that is over is no guess.
    async fn of_attempt(&self, attempt: Attempt, remote: IpAddr) -> Result<Caller, AuthError> {
        if !attempt_token::is_running(&self.store, attempt).await? {
            return Err(AuthError::Over(attempt.job));
        }
        let scopes = vec![Scope::Read, Scope::Run];
        Ok(Caller { name: format!("job {}", attempt.job), scopes, attempt: Some(attempt), remote })
    }

    /// Whether somebody who was let in still may: a token can be revoked meanwhile.
    ///
    /// # Errors
    /// It cannot be looked up.
    pub async fn still_counts(&self, caller: &Caller) -> Result<bool, StoreError> {
        match caller.name.as_str() {
            SETTINGS_TOKEN => return Ok(true),
            LOCAL => return Ok(self.openness().await? != Openness::Closed),
            _ => {}
        }
        if let Some(attempt) = caller.attempt {
            return attempt_token::is_running(&self.store, attempt).await;
        }
        let id = caller.name.clone();
        Ok(self.store.read(move |connection| tokens::find(connection, &id, now_ms())).await?.is_some())
    }

    /// Ends when somebody who was let in may be here no more: their token is revoked or over, or an open server was closed.
    pub async fn until_revoked(&self, caller: &Caller) {
        let mut counting = self.watch.subscribe();
        // What cannot be looked up now is looked up after the next change.
        while self.still_counts(caller).await.unwrap_or(true) {
            if counting.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Notices, as long as the server lives, which tokens count no more.
    pub async fn watch_tokens(&self) {
        self.watch.work(&self.store).await;
    }

    /// Whether the use of a token is to be written down: not every one costs a write.
    fn is_first_use_for_long(&self, id: &str) -> bool {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let is_long_ago = uses.get(id).is_none_or(|last| last.elapsed() >= USES_COUNT_FOR);
        if is_long_ago {
            uses.insert(id.to_owned(), Instant::now());
        }
        is_long_ago
    }

    async fn of_store(&self, token: &str) -> Result<Option<(String, Vec<Scope>)>, StoreError> {
        let parts = token.strip_prefix("ez_").and_then(|rest| rest.split_once('_'));
        let Some((id, secret)) = parts.map(|(id, secret)| (id.to_owned(), hash(secret))) else {
            return Ok(None);
        };
        let looked_up = id.clone();
        let found = self.store.read(move |connection| tokens::find(connection, &looked_up, now_ms())).await?;
        let Some((_, scopes)) = found.filter(|(known, _)| is_same(known, &secret)) else { return Ok(None) };
        if self.is_first_use_for_long(&id) {
            let used = id.clone();
            let written = self.store.write(move |connection| tokens::touch(connection, &used, now_ms()));
            // When it was used is worth no waiting.
            tokio::spawn(written);
        }
        Ok(Some((id, scopes.split(',').filter_map(|scope| scope.parse().ok()).collect())))
    }
}

/// Wrong tokens, by where they came from.
struct Failures {
    most: u32,
    known: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Default for Failures {
    fn default() -> Self {
        Self { most: MAX_FAILURES, known: Mutex::default() }
    }
}

/// How exactly is known when a token was used last.
const USES_COUNT_FOR: Duration = Duration::from_mins(1);

const MAX_FAILURES: u32 = 20;
const FAILURES_COUNT_FOR: Duration = Duration::from_mins(1);
const MAX_REMOTES: usize = 10_000;

impl Failures {
    fn are_too_many(&self, remote: IpAddr) -> bool {
        let remote = site_of(remote);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&remote)
            .is_some_and(|(count, since)| *count >= self.most && since.elapsed() < FAILURES_COUNT_FOR)
    }

    fn add(&self, remote: IpAddr) {
        let remote = site_of(remote);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMOTES {
            known.retain(|_, (_, since)| since.elapsed() < FAILURES_COUNT_FOR);
        }
        let entry = known.entry(remote).or_insert((0, Instant::now()));
        if entry.1.elapsed() >= FAILURES_COUNT_FOR {
            *entry = (0, Instant::now());
        }
        entry.0 += 1;
    }
}

/// The address of a site: who has a network of version 6 has 2⁶⁴ addresses of his own.
fn site_of(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use std::time::Duration;

    use super::{AuthError, Authority, Caller, MAX_FAILURES, NewToken, Openness, Scope};
    use crate::attempt_token;
    use crate::secrets::SecretKey;
    use crate::store::{Store, tokens};
    use crate::wire::Attempt;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn store() -> (tempfile::TempDir, Store) {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("ez.db")).unwrap();
        (place, store)
    }

    #[tokio::test]
    async fn tokens_count_until_they_are_revoked() {
        let (_place, store) = store();
        let token = NewToken::make().unwrap();
        let (id, hash) = (token.id.clone(), token.hash.clone());
        store
            .write(move |connection| tokens::insert(connection, &id, "ci", &hash, "read,run", 1, None))
            .await
            .unwrap();
        let authority = Authority::new(store.clone(), Some("own"), false);
        let caller = authority.caller(Some(&token.text), HERE).await.unwrap().unwrap();
        assert!(caller.may(Scope::Run) && caller.may(Scope::Read) && !caller.may(Scope::Edit));
        assert_eq!(authority.caller(None, HERE).await.unwrap(), None);
        assert!(authority.caller(Some("own"), HERE).await.unwrap().unwrap().may(Scope::Admin));

        let id = token.id.clone();
        store.write(move |connection| tokens::revoke(connection, &id, 2)).await.unwrap();
        assert!(matches!(authority.caller(Some(&token.text), HERE).await, Err(AuthError::Unknown)));
    }

    #[tokio::test]
    async fn guessing_is_slowed_down() {
        let (_place, store) = store();
        let authority = Authority::new(store, Some("own"), false);
        for _ in 0..MAX_FAILURES {
            assert!(matches!(authority.caller(Some("ez_a_b"), HERE).await, Err(AuthError::Unknown)));
        }
        assert!(matches!(authority.caller(Some("own"), HERE).await, Err(AuthError::TooMany)));
        let elsewhere = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        assert!(authority.caller(Some("own"), elsewhere).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn guessing_from_many_addresses_of_one_network_is_slowed_down_too() {
        let (_place, store) = store();
        let authority = Authority::new(store, Some("own"), false).allowing_failures(2);
        for remote in ["2001:db8::1", "2001:db8::2:1"] {
            assert!(authority.caller(Some("x"), remote.parse().unwrap()).await.is_err());
        }
        for (remote, is_slowed) in
            [("2001:db8::ffff:3", true), ("2001:db8:0:1::1", false), ("::ffff:10.0.0.1", false)]
        {
            let answer = authority.caller(Some("own"), remote.parse().unwrap()).await;
            assert_eq!(matches!(answer, Err(AuthError::TooMany)), is_slowed, "{remote}");
        }
        for remote in ["::ffff:10.0.0.1", "10.0.0.1"] {
            assert!(authority.caller(Some("x"), remote.parse().unwrap()).await.is_err());
        }
        let answer = authority.caller(Some("own"), "10.0.0.1".parse().unwrap()).await;
        assert!(matches!(answer, Err(AuthError::TooMany)));
    }

    #[tokio::test]
    async fn a_token_of_an_attempt_that_does_not_run_is_refused_and_is_no_guess() {
        let (_place, store) = store();
        let key = Arc::new(SecretKey::of_text(&"k".repeat(32)).unwrap());
        let token = attempt_token::make(&key, Attempt { job: 7, fence: 1 });
        let authority =
            Authority::new(store, Some("own"), false).allowing_failures(1).knowing_attempts(Arc::clone(&key));
        for _ in 0..2 {
            assert!(matches!(authority.caller(Some(&token), HERE).await, Err(AuthError::Over(7))));
        }
        let other = token.replace("_7-1-", "_7-2-");
        assert!(matches!(authority.caller(Some(&other), HERE).await, Err(AuthError::Unknown)));
        assert!(matches!(authority.caller(Some("own"), HERE).await, Err(AuthError::TooMany)));
    }

    #[tokio::test]
    async fn tokens_end_by_themselves() {
        let (_place, store) = store();
        let token = NewToken::make().unwrap();
        let (id, hash) = (token.id.clone(), token.hash.clone());
        let over = crate::clock::now_ms() - 1;
        store
            .write(move |connection| tokens::insert(connection, &id, "ci", &hash, "read", 1, Some(over)))
            .await
            .unwrap();
        let authority = Authority::new(store, None, false);
        assert!(matches!(authority.caller(Some(&token.text), HERE).await, Err(AuthError::Unknown)));
    }

    #[tokio::test]
    async fn an_open_server_knows_its_own_user() {
        let (_place, store) = store();
        let caller = Authority::new(store, None, true).caller(None, HERE).await.unwrap();
        let local = Caller { name: "local".into(), scopes: vec![Scope::Admin], attempt: None, remote: HERE };
        assert_eq!(caller, Some(local));
    }

    #[tokio::test]
    async fn who_is_there_learns_that_a_token_counts_no_more() {
        let (_place, store) = store();
        let authority = Arc::new(Authority::new(store.clone(), None, false));
        let watching = Arc::clone(&authority);
        tokio::spawn(async move { watching.watch_tokens().await });
        store.write(|connection| tokens::insert(connection, "a", "ci", b"", "read", 1, None)).await.unwrap();
        let caller = Caller { name: "a".into(), scopes: vec![Scope::Read], attempt: None, remote: HERE };
        let mut revoked = std::pin::pin!(authority.until_revoked(&caller));
        let while_it_counts = tokio::time::timeout(Duration::from_millis(1), revoked.as_mut());
        assert!(while_it_counts.await.is_err());
        store.write(|connection| tokens::revoke(connection, "a", 2)).await.unwrap();
        revoked.await;
    }

    #[tokio::test]
    async fn a_token_that_ends_before_the_first_look_is_noticed_too() {
        let (_place, store) = store();
        let authority = Arc::new(Authority::new(store.clone(), None, false));
        store.write(|connection| tokens::insert(connection, "a", "ci", b"", "read", 1, None)).await.unwrap();
        let caller = Caller { name: "a".into(), scopes: vec![Scope::Read], attempt: None, remote: HERE };
        let mut revoked = std::pin::pin!(authority.until_revoked(&caller));
        let while_it_counts = tokio::time::timeout(Duration::from_millis(50), revoked.as_mut());
        assert!(while_it_counts.await.is_err());
        store.write(|connection| tokens::revoke(connection, "a", 2)).await.unwrap();
        let watching = Arc::clone(&authority);
        tokio::spawn(async move { watching.watch_tokens().await });
        revoked.await;
    }

    #[tokio::test]
    async fn the_first_token_closes_an_open_server_unless_that_is_to_stay_open() {
        let (_place, store) = store();
        let closing = Authority::new(store.clone(), None, true);
        let staying = Authority::new(store.clone(), None, true).staying_open(true);
        let local = closing.caller(None, HERE).await.unwrap().unwrap();
        assert!(closing.still_counts(&local).await.unwrap());
        store.write(|connection| tokens::insert(connection, "a", "ci", b"", "read", 1, None)).await.unwrap();
        assert_eq!(closing.openness().await.unwrap(), Openness::Closed);
        assert_eq!(closing.caller(None, HERE).await.unwrap(), None);
        assert!(!closing.still_counts(&local).await.unwrap());
        assert_eq!(staying.openness().await.unwrap(), Openness::Here);
        assert!(staying.still_counts(&local).await.unwrap());

        // Nothing is opened by itself.
        store.write(|connection| tokens::revoke(connection, "a", 2)).await.unwrap();
        assert_eq!(closing.openness().await.unwrap(), Openness::Closed);
    }
}
