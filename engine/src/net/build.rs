//! How a client of the HTTP library is built, and what tells one from another.
//!
//! The key invariant: requests that differ in what they may reach, in who is
//! introduced, or in the proxy between share no connection.

use super::client::{CertificateCheck, NetOptions};
use super::race::{AddressBook, RaceLayer};
use super::resolve::{PolicyResolver, ProxyHost, Reach};
use super::{NetError, ProxyOptions, ProxySetting};

/// Most header fields of an answer.
const MOST_HEADERS: usize = 256;
/// Connections that wait for another request, for each host.
const IDLE_CONNECTIONS: usize = 16;

/// What tells one client from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ClientKey {
    pub(super) reach: Reach,
    pub(super) secure: bool,
    /// Whether the user's certificate is shown. Its connections are nobody else's.
    pub(super) identified: bool,
    /// Which of the user's addresses are connected to.
    pub(super) pinned: Option<usize>,
    /// Port of the URLs, which the resolver is not given.
    pub(super) port: u16,
    /// Whether a proxy is between, and whether its host is another one than the URL's.
    pub(super) proxied: Option<ProxyIs>,
    pub(super) header: HeaderRule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ProxyIs {
    AnotherHost,
    TheSameHost,
}

/// Which heads of answers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum HeaderRule {
    /// Those of RFC 9112, and what curl, wget and aria2 all understand alike.
    Usual,
    /// Lines that are no fields are passed over.
    Lenient,
}

/// Builds a client. One for `https` that can be built only without the system's
/// authorities fails for want of them.
pub(super) fn build(options: &NetOptions, book: &AddressBook, key: ClientKey) -> Result<reqwest::Client, NetError> {
    let error = match build_with((options, book), key, SystemAuthorities::Used) {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    let is_their_fault =
        options.authorities.is_none() && build_with((options, book), key, SystemAuthorities::LeftOut).is_ok();
    Err(if is_their_fault { NetError::NoAuthorities(error) } else { NetError::Setup(error) })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SystemAuthorities {
    Used,
    LeftOut,
}

fn build_with(
    (options, book): (&NetOptions, &AddressBook),
    key: ClientKey,
    system: SystemAuthorities,
) -> Result<reqwest::Client, reqwest::Error> {
    let setting = if key.secure { &options.proxy.https } else { &options.proxy.http };
    let proxy = match (setting, key.proxied) {
        (Some(ProxySetting::Readable(proxy)), Some(is)) => {
            let (host, port) = proxy.host_and_port();
            Some(ProxyHost { host, port, exempt: is == ProxyIs::AnotherHost })
        }
        _ => None,
    };
    let pinned = key.pinned.map(|index| options.resolve[index].clone());
    let mut builder = reqwest::Client::builder()
        .user_agent(&options.user_agent)
        .connect_timeout(options.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .http1_only()
        .http1_max_headers(MOST_HEADERS)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(key.header == HeaderRule::Lenient)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .no_proxy()
        .connector_layer(RaceLayer { book: book.clone() })
        .dns_resolver(PolicyResolver { reach: key.reach, pinned, port: key.port, proxy, book: book.clone() });
    if key.proxied.is_some() {
        for proxy in proxies(&options.proxy)? {
            builder = builder.proxy(proxy);
        }
    }
    let has_http_proxy = matches!(options.proxy.http, Some(ProxySetting::Readable(_)));
    builder = match &options.authorities {
        Some(pem) => builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem.0)?),
        // A plain connection needs no certificates, unless it is to a proxy.
        None if !key.secure && !has_http_proxy => builder.tls_certs_only([]),
        None if system == SystemAuthorities::LeftOut => builder.tls_certs_only([]),
        None => builder,
    };
    if options.certificates == CertificateCheck::Skipped {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if let Some(identity) = options.identity.as_ref().filter(|_| key.identified) {
        builder = builder.identity(identity.expose());
    }
    builder.build()
}

fn proxies(options: &ProxyOptions) -> Result<Vec<reqwest::Proxy>, reqwest::Error> {
    if options.bypasses_all() {
        return Ok(Vec::new());
    }
    let bypass = || options.bypass.as_deref().and_then(reqwest::NoProxy::from_string);
    let readable = |setting: &Option<ProxySetting>| match setting {
        Some(ProxySetting::Readable(proxy)) => Some(proxy.clone()),
        // Where it would be used, no client is built.
        Some(ProxySetting::Unreadable(_)) | None => None,
    };
    let http = readable(&options.http).map(|proxy| reqwest::Proxy::http(proxy.expose()));
    let https = readable(&options.https).map(|proxy| reqwest::Proxy::https(proxy.expose()));
    [http, https].into_iter().flatten().map(|proxy| Ok(proxy?.no_proxy(bypass()))).collect()
}
