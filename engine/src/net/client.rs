//! The HTTP clients, and the one way to ask for bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dashmap::{DashMap, DashSet};
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, IF_RANGE, LOCATION, RANGE, SET_COOKIE, TRANSFER_ENCODING,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

use super::build::{ClientKey, HeaderRule, ProxyIs, build};
use super::limit::RateLimits;
use super::race::{AddressBook, dispatch};
use super::resolve::Reach;
use super::response::{End, Response, content_codings};
use super::scoped::{add_newer_cookies, seconds_since_1970};
use super::{ClientIdentity, Malformed, NetError, ProxyOptions, ProxyUrl, ResolveOverride, Scoped};
use crate::model::http::{Jar, JarCookie};
use crate::model::{ByteRange, DisplayUrl, Origin, PrivateMirrors, check_public};

/// Most redirects that are followed.
const MOST_REDIRECTS: usize = 10;

/// What the user decided about the network.
#[derive(Debug, Clone)]
pub struct NetOptions {
    /// Value of `User-Agent`.
    pub user_agent: String,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the next bytes.
    pub stall_timeout: Duration,
    /// Longest pause that a server may ask for, all in a row together.
    pub max_wait: Duration,
    /// Proxies.
    pub proxy: ProxyOptions,
    /// The only authorities to trust; none for the system's.
    pub authorities: Option<Authorities>,
    /// Whether certificates are checked.
    pub certificates: CertificateCheck,
    /// Who the user is, for the origin of a download alone.
    pub identity: Option<ClientIdentity>,
    /// Addresses given for names.
    pub resolve: Vec<ResolveOverride>,
    /// Whether what others name may be at a private address.
    pub private_mirrors: PrivateMirrors,
    /// Bytes per second over all connections.
    pub limit_rate: Option<u64>,
}

/// Certificates of authorities, as PEM text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities(pub(super) Vec<u8>);

/// A text without a certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// None at all: nothing could be trusted.
    #[error("there is no certificate in it")]
    None,
    /// One that cannot be read.
    #[error("a certificate in it is damaged: {0}")]
    Damaged(rustls::pki_types::pem::Error),
}

impl Authorities {
    /// Takes PEM text with at least one certificate.
    pub fn parse(pem: Vec<u8>) -> Result<Self, AuthoritiesError> {
        let mut certificates = CertificateDer::pem_slice_iter(&pem).peekable();
        if certificates.peek().is_none() {
            return Err(AuthoritiesError::None);
        }
        certificates.find_map(Result::err).map_or(Ok(()), |error| Err(AuthoritiesError::Damaged(error)))?;
        Ok(Self(pem))
    }
}

/// Whether certificates are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateCheck {
    /// As it must be.
    Enforced,
    /// `--insecure`.
    Skipped,
}

/// Who named a URL: it decides which addresses may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The user typed it: any address.
    Typed,
    /// A component, a redirect to another host, a Metalink: public addresses only.
    Named,
}

/// Which bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The whole representation, without a `Range` field.
    Everything,
    /// From this byte on.
    From(u64),
    /// These bytes.
    Range(ByteRange),
}

/// Under which condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// None.
    None,
    /// The range only if the representation is still this one, else everything.
    IfRange(String),
    /// Only if the representation has changed, by these fields of a cache.
    Changed(HeaderMap),
}

/// What becomes of a body in a content coding, which was not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coded {
    /// It stays as it is.
    Kept,
    /// It is decoded, which takes the whole body: no range is asked for again.
    Decoded,
}

/// One GET request.
#[derive(Debug, Clone)]
pub struct Get<'a> {
    /// What to ask for.
    pub url: &'a Url,
    /// Who named it.
    pub trust: Trust,
    /// Which bytes.
    pub wanted: Wanted,
    /// Under which condition.
    pub precondition: Precondition,
    /// What the user gave for one origin alone. Their certificate is shown
    /// there, and nowhere without this.
    pub scoped: Option<&'a Scoped>,
    /// What becomes of a content coding.
    pub coded: Coded,
}

impl<'a> Get<'a> {
    /// A plain request for a URL without anybody's credentials.
    pub fn new(url: &'a Url, trust: Trust, wanted: Wanted) -> Self {
        Self { url, trust, wanted, precondition: Precondition::None, scoped: None, coded: Coded::Decoded }
    }
}

/// The clients of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Net {
    shared: Arc<Shared>,
    limits: RateLimits,
}

#[derive(Debug)]
struct Shared {
    options: NetOptions,
    // Built when first needed: reading the system's certificates costs more
    // than a whole plain-HTTP download of a small file.
    clients: DashMap<ClientKey, reqwest::Client>,
    book: AddressBook,
    /// Cookies that servers have set in this run.
    jar: Mutex<Jar>,
    /// Origins whose answers have lines that are no fields.
    careless: DashSet<Origin>,
}

impl Net {
    /// Prepares the clients.
    pub fn new(options: NetOptions) -> Self {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let none = RateLimits::default();
        let limits = options.limit_rate.map_or_else(|| none.clone(), |rate| none.with(rate));
        let shared = Shared {
            options,
            clients: DashMap::new(),
            book: AddressBook::default(),
            jar: Mutex::default(),
            careless: DashSet::new(),
        };
        Self { shared: Arc::new(shared), limits }
    }

    /// The same clients for one download that has a limit of its own.
    #[must_use]
    pub fn limited(&self, bytes_per_s: u64) -> Self {
        Self { shared: Arc::clone(&self.shared), limits: self.limits.with(bytes_per_s) }
    }

    /// What the user decided.
    pub fn options(&self) -> &NetOptions {
        &self.shared.options
    }

    /// Builds the client for `https` URLs without using it, which shows what is
    /// wrong with certificates and proxies.
    pub fn prepare(&self) -> Result<(), NetError> {
        let key = ClientKey {
            reach: Reach::Anywhere,
            secure: true,
            identified: false,
            pinned: None,
            port: 443,
            proxied: None,
            header: HeaderRule::Usual,
        };
        build(&self.shared.options, &self.shared.book, key).map(drop)
    }

    /// Whether the origin of a URL is shown the user's certificate.
    pub fn shows_identity(&self, url: &Url) -> bool {
        self.shared.options.identity.is_some() && url.scheme() == "https"
    }

    /// Sends a request, follows redirects, and reads the answer's head.
    pub async fn get(&self, get: Get<'_>) -> Result<Response, NetError> {
        let asked = Instant::now();
        let mut get = get;
        let (mut url, mut trust) = (get.url.clone(), get.trust);
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.send(&url, trust, &get).await?;
            let coded = coded(&get, &url, &answer);
            if coded == Coded::Decoded && is_coded_part(&answer) {
                // A part of a coded body is nothing that could be decoded.
                get = Get { wanted: Wanted::Everything, precondition: Precondition::None, ..get };
                continue;
            }
            if !is_redirect(answer.status()) {
                let stall_timeout = self.shared.options.stall_timeout;
                let end = End { url, trust, stall_timeout, waited: asked.elapsed(), coded };
                return Response::new(answer, get.wanted, end, self.limits.clone());
            }
            let next = redirect_target(&url, answer.headers())?;
            if next.host_str() != url.host_str() {
                trust = Trust::Named;
            }
            url = next;
        }
        Err(NetError::Redirect { host: host_of(&url), what: format!("more than {MOST_REDIRECTS} times") })
    }

    /// Sends one request. An answer with lines that are no header fields is
    /// asked for again with those passed over: curl and wget take it too.
    async fn send(&self, url: &Url, trust: Trust, get: &Get<'_>) -> Result<reqwest::Response, NetError> {
        let origin = Origin::of(url);
        let known = self.shared.careless.contains(&origin);
        let rule = if known { HeaderRule::Lenient } else { HeaderRule::Usual };
        match self.send_by(url, trust, get, rule).await {
            Err(NetError::Malformed { fault: Malformed::Other(why), host }) if !known => {
                let answer = self.send_by(url, trust, get, HeaderRule::Lenient).await;
                match &answer {
                    Ok(_) => {
                        self.shared.careless.insert(origin);
                    }
                    Err(NetError::Malformed { fault: Malformed::Unbounded, .. }) => {}
                    // It is no better without those lines.
                    Err(_) => return Err(NetError::Malformed { host, fault: Malformed::Other(why) }),
                }
                answer
            }
            answer => answer,
        }
    }

    async fn send_by(
        &self,
        url: &Url,
        trust: Trust,
        get: &Get<'_>,
        header: HeaderRule,
    ) -> Result<reqwest::Response, NetError> {
        let host = host_of(url);
        let identified = self.shows_identity(url) && get.scoped.is_some_and(|scoped| scoped.is_for(url));
        let (client, clean) = self.client_of(url, trust, (identified, header))?;
        let cookies = self.jar().of(url, seconds_since_1970());
        let fields = headers(url, get, &cookies);
        let options = &self.shared.options;
        let limit = options.connect_timeout + options.stall_timeout;
        let sent = dispatch(|| client.get(clean.clone()).headers(fields.clone()));
        let answer = match tokio::time::timeout(limit, sent).await {
            Ok(answer) => answer.map_err(|error| self.sort(url, error))?,
            Err(_) => return Err(NetError::Stalled { host, after: limit }),
        };
        self.check_login(url, answer.status())?;
        if header == HeaderRule::Lenient && !tells_its_end(&answer) {
            // The line passed over may have been the one that tells it.
            return Err(NetError::Malformed { host, fault: Malformed::Unbounded });
        }
        let set = answer.headers().get_all(SET_COOKIE).iter().map(HeaderValue::as_bytes);
        self.jar().learn(url, set, seconds_since_1970());
        Ok(answer)
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, Jar> {
        self.shared.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sorts an error of the client for a URL, which a proxy may have caused.
    pub(super) fn sort(&self, url: &Url, error: reqwest::Error) -> NetError {
        NetError::sort(&host_of(url), self.proxy(url), error)
    }

    /// Whether it was the proxy that answered, to ask for a login.
    pub(super) fn check_login(&self, url: &Url, status: StatusCode) -> Result<(), NetError> {
        match self.proxy(url) {
            Some(proxy) if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(NetError::ProxyLogin { proxy: proxy.to_string() })
            }
            _ => Ok(()),
        }
    }

    fn proxy(&self, url: &Url) -> Option<&ProxyUrl> {
        self.shared.options.proxy.of_url(url).ok().flatten()
    }

    /// The client for a URL, and the URL as it is sent. The address policy is
    /// the client's, and this is the one way to get one.
    pub(super) fn client_for(
        &self,
        url: &Url,
        trust: Trust,
        identified: bool,
    ) -> Result<(reqwest::Client, Url), NetError> {
        self.client_of(url, trust, (identified, HeaderRule::Usual))
    }

    fn client_of(
        &self,
        url: &Url,
        trust: Trust,
        (identified, header): (bool, HeaderRule),
    ) -> Result<(reqwest::Client, Url), NetError> {
        let options = &self.shared.options;
        let reach = match (trust, options.private_mirrors) {
            (Trust::Typed, _) | (_, PrivateMirrors::Allow) => Reach::Anywhere,
            (Trust::Named, PrivateMirrors::Refuse) => Reach::Public,
        };
        // Through a proxy as well: what can be known of a URL is known here.
        if reach == Reach::Public {
            check_public(url).map_err(|why| NetError::not_public(&host_of(url), why))?;
        }
        let proxy = options.proxy.of_url(url).map_err(NetError::ProxySetting)?;
        let (host, pinned) = (host_of(url), self.pinned(url));
        let proxied = proxy.map(|proxy| {
            let is_same = proxy.host_and_port().0.eq_ignore_ascii_case(&host);
            if is_same { ProxyIs::TheSameHost } else { ProxyIs::AnotherHost }
        });
        let secure = url.scheme() == "https";
        let port = url.port_or_known_default().unwrap_or(if secure { 443 } else { 80 });
        let client = self.client(ClientKey { reach, secure, identified, pinned, port, proxied, header })?;
        let mut clean = url.clone();
        // Credentials in the URL were turned into a scoped header by the caller.
        let _ = clean.set_username("").and_then(|()| clean.set_password(None));
        Ok((client, clean))
    }

    fn client(&self, key: ClientKey) -> Result<reqwest::Client, NetError> {
        if let Some(client) = self.shared.clients.get(&key) {
            return Ok(client.clone());
        }
        let client = build(&self.shared.options, &self.shared.book, key)?;
        Ok(self.shared.clients.entry(key).or_insert(client).clone())
    }

    fn pinned(&self, url: &Url) -> Option<usize> {
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        self.shared.options.resolve.iter().rposition(|pinned| pinned.is_of(host) && pinned.port == port)
    }
}

/// What becomes of an answer's coding. A name that promises the coded file is
/// taken at its word, as wget and browsers do: `a.tar.gz` stays one.
fn coded(get: &Get<'_>, url: &Url, answer: &reqwest::Response) -> Coded {
    let codings = content_codings(answer.headers());
    let is_stored = codings.are_stored_as(get.url.path()) || codings.are_stored_as(url.path());
    if is_stored { Coded::Kept } else { get.coded }
}

fn is_coded_part(answer: &reqwest::Response) -> bool {
    answer.status() == StatusCode::PARTIAL_CONTENT && !content_codings(answer.headers()).is_identity()
}

fn tells_its_end(answer: &reqwest::Response) -> bool {
    let fields = answer.headers();
    let is_empty = is_redirect(answer.status()) || matches!(answer.status().as_u16(), 204 | 304);
    fields.contains_key(CONTENT_LENGTH) || fields.contains_key(TRANSFER_ENCODING) || is_empty
}

/// The fields of one request. Those of the user go to their origin alone, as do
/// the cookies that it has set.
fn headers(url: &Url, get: &Get<'_>, cookies: &[JarCookie]) -> HeaderMap {
    let mut headers = get.scoped.map(|scoped| scoped.fields(url, cookies)).unwrap_or_default();
    add_newer_cookies(&mut headers, cookies);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let range = match get.wanted {
        Wanted::Everything => None,
        Wanted::From(start) => Some(format!("bytes={start}-")),
        Wanted::Range(range) => Some(range.header()),
    };
    if let Some(range) = range {
        headers.insert(RANGE, HeaderValue::try_from(range).expect("digits and a hyphen"));
    }
    match &get.precondition {
        Precondition::None => {}
        Precondition::IfRange(validator) => {
            // A validator that is no header value cannot have come from a header.
            if let Ok(value) = HeaderValue::try_from(validator) {
                headers.insert(IF_RANGE, value);
            }
        }
        Precondition::Changed(fields) => headers.extend(fields.clone()),
    }
    headers
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads, when it may be followed.
fn redirect_target(from: &Url, headers: &HeaderMap) -> Result<Url, NetError> {
    let refuse = |what: String| NetError::Redirect { host: host_of(from), what };
    let location = headers.get(LOCATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let location = location.ok_or_else(|| refuse("without saying where to".into()))?;
    let mut next = from.join(location).map_err(|_| refuse("to something that is no URL".into()))?;
    if !matches!(next.scheme(), "http" | "https") || next.host_str().is_none() {
        return Err(refuse(format!("to a {} URL", next.scheme())));
    }
    // Whoever listens on a plain connection could answer in the server's place.
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(refuse(format!("from https to http, {}", DisplayUrl(&next))));
    }
    let _ = next.set_username("").and_then(|()| next.set_password(None));
    next.set_fragment(None);
    Ok(next)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    fn target(from: &str, location: &str) -> Result<String, NetError> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, location.parse().expect("a header value"));
        redirect_target(&url(from), &headers).map(String::from)
    }

    #[test]
    fn follows_redirects_that_keep_the_promise_of_the_scheme() {
        assert_eq!(target("http://a/x", "/y").expect("followed"), "http://a/y");
        assert_eq!(target("http://a/x", "https://u:p@b/y#z").expect("followed"), "https://b/y");
        for (from, to) in [("https://a/x", "http://a/x"), ("http://a/", "file:///etc/passwd"), ("http://a/", "http://")]
        {
            assert!(target(from, to).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn authorities_are_certificates() {
        let certificate = |base64: &str| format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        let parse = |text: String| Authorities::parse(text.into_bytes());
        assert!(parse(certificate("AAAA")).is_ok());
        assert!(matches!(parse("no certificate".into()), Err(AuthoritiesError::None)));
        assert!(matches!(parse(certificate("AAAA") + &certificate("?")), Err(AuthoritiesError::Damaged(_))));
    }

    #[test]
    fn a_range_overrides_the_users_own() {
        let to = url("https://a.example/");
        let mut fields = HeaderMap::new();
        fields.insert("x-token", HeaderValue::from_static("secret"));
        fields.insert(RANGE, HeaderValue::from_static("bytes=0-1"));
        let scoped = Scoped::new(&to, fields, None);
        let sent = headers(&to, &Get { scoped: Some(&scoped), ..Get::new(&to, Trust::Typed, Wanted::From(5)) }, &[]);
        assert_eq!((&sent["x-token"], &sent[RANGE]), (&"secret".parse().unwrap(), &"bytes=5-".parse().unwrap()));
    }
}
