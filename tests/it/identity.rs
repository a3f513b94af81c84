//! Client certificates: shown to the origin, and to nobody else.

use std::path::PathBuf;

use crate::rig::{Answer, Authority, Engine, File, MIB_PER_SECOND, Origin, Request, Run, file};

const URL: &str = "https://files.example/file.bin";

/// A user with a certificate of the authority that certifies the servers too.
struct Member {
    authority: Authority,
    engine: Engine,
}

impl Member {
    fn new() -> Self {
        let (authority, engine) = (Authority::new(), Engine::new());
        authority.issue(&["me.example"]).write_pem(&engine.path(""));
        Self { authority, engine }
    }

    /// Downloads from `origin` under its name, over TLS.
    fn fetch(&self, origin: &Origin, more: &[&str]) -> Run {
        let resolve = origin.resolve("files.example:443");
        self.engine
            .fetch(URL, &[&["--no-rules", "--cacert", &self.authority.pem(), "--resolve", &resolve], more].concat())
    }

    /// A file with all of `names` one after the other.
    fn join(&self, names: &[&str], into: &str) -> PathBuf {
        self.engine.write(into, names.iter().flat_map(|name| self.engine.read(name)).collect::<Vec<u8>>())
    }
}

fn paced(file: &File) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
    let served = file.clone();
    move |request| served.at(request, "/file.bin").paced(4 * MIB_PER_SECOND)
}

#[test]
fn a_server_that_asks_is_shown_the_certificate() {
    let (member, file) = (Member::new(), file(2, 1));
    let served = file.clone();
    let origin = Origin::start_members_only(&member.authority, &["files.example"], move |request| {
        served.at(request, "/file.bin")
    });
    member.join(&["cert.pem", "key.pem"], "both.pem");
    for flags in [&["--cert", "cert.pem", "--key", "key.pem"][..], &["--cert", "both.pem"]] {
        member.fetch(&origin, &[flags, &["-x", "4", "--if-exists", "overwrite"]].concat()).exits(0);
        member.engine.assert_file("out", &file.bytes);
    }
    assert!(origin.requests().iter().all(|request| request.identified), "{:?}", origin.requests());
}

#[test]
fn without_a_certificate_the_hint_names_the_flag() {
    let member = Member::new();
    let origin = Origin::start_members_only(&member.authority, &["files.example"], |_| Answer::text("secret"));
    member.fetch(&origin, &[]).fails(4).says("--cert PEM");
    member.engine.assert_absent("out");
    assert!(origin.requests().is_empty(), "{:?}", origin.requests());
}

#[test]
fn a_certificate_of_a_stranger_is_explained() {
    let (member, stranger) = (Member::new(), Member::new());
    let origin = Origin::start_members_only(&member.authority, &["files.example"], |_| Answer::text("secret"));
    for name in ["cert.pem", "key.pem"] {
        member.engine.write(name, stranger.engine.read(name));
    }
    member.fetch(&origin, &["--cert", "cert.pem", "--key", "key.pem"]).fails(4).says("another client certificate");
    member.engine.assert_absent("out");
}

/// Servers that would take a certificate of anybody, and record who showed one.
#[test]
fn no_mirror_and_no_redirect_elsewhere_is_shown_it() {
    let (member, file) = (Member::new(), file(8, 1));
    let (authority, flags) = (&member.authority, ["--cert", "cert.pem", "--key", "key.pem"]);
    let mirror = Origin::start_tls(authority, &["mirror.example"], paced(&file));
    let target = Origin::start_tls(authority, &["storage.example"], paced(&file));
    let origin = Origin::start_members_only(authority, &["files.example"], paced(&file));
    let mirrored = ["--mirror", "https://mirror.example/file.bin", "--resolve", &mirror.resolve("mirror.example:443")];
    member.fetch(&origin, &[&flags[..], &mirrored].concat()).exits(0);
    member.engine.assert_file("out", &file.bytes);

    let redirecting = Origin::start_members_only(authority, &["files.example"], |_| {
        Answer::redirect("https://storage.example/file.bin")
    });
    let followed =
        ["--allow-private-mirrors", "--if-exists", "overwrite", "--resolve", &target.resolve("storage.example:443")];
    member.fetch(&redirecting, &[&flags[..], &followed, &["-x", "4"]].concat()).exits(0);
    member.engine.assert_file("out", &file.bytes);

    for (name, server) in [("mirror", &mirror), ("target", &target)] {
        assert!(!server.requests().is_empty(), "the {name} was not asked");
        assert!(server.requests().iter().all(|request| !request.identified), "the {name} was shown the certificate");
    }
}

/// What the origin gives to a member is not for the next user of the cache.
#[test]
fn what_a_member_was_given_is_not_cached() {
    let (member, file) = (Member::new(), file(1, 1));
    let served = file.clone();
    let origin = Origin::start_members_only(&member.authority, &["files.example"], move |request| {
        served.at(request, "/file.bin").header("Cache-Control", "max-age=3600")
    });
    member.fetch(&origin, &["--cert", "cert.pem", "--key", "key.pem"]).exits(0);
    member.engine.download(["-o", "second", "--offline", URL]).fails(4);
}

#[test]
fn what_is_no_certificate_with_its_key_is_a_usage_error() {
    let (member, stranger) = (Member::new(), Member::new());
    let origin = Origin::start_tls(&member.authority, &["files.example"], |_| Answer::text("x"));
    member.engine.write("other.pem", stranger.engine.read("key.pem"));
    member.engine.write("empty.pem", "");
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    member.engine.write("locked.pem", locked);
    member.engine.write("broken.pem", locked.replace("ENCRYPTED ", "").replace("AAAA", "?"));
    for (flags, said) in [
        (&["--cert", "empty.pem"][..], "empty.pem: there is no certificate"),
        (&["--cert", "cert.pem"], "cert.pem: there is no private key"),
        (&["--cert", "cert.pem", "--key", "other.pem"], "other.pem: the private key does not fit"),
        (&["--cert", "cert.pem", "--key", "broken.pem"], "broken.pem: its private key is damaged"),
        (&["--cert", "cert.pem", "--key", "locked.pem"], "openssl pkey"),
        (&["--key", "key.pem"], "--cert PEM"),
    ] {
        member.fetch(&origin, flags).fails(2).says(said);
    }
    member.fetch(&origin, &["--cert", "absent.pem"]).fails(7).says("absent.pem");
    assert!(origin.requests().is_empty(), "{:?}", origin.requests());
}
