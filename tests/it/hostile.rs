//! Components that loop, hoard, lie and crash: each is stopped at its limit,
//! named, and the download comes from the origin.

use crate::rig::{Authority, Engine, File, MIB, MIB_PER_SECOND, Nginx, Origin, Run, Site, data, file, fixture, secret};

const HOST: &str = "hostile.example";

/// A host that the fixture names; nothing may be asked of it in these tests.
const MIRROR: &str = "mirror.hostile.example";

/// One download of `path` under the hostile rule, from an honest origin.
struct Trial {
    engine: Engine,
    file: File,
    host: Origin,
    mirror: Origin,
    authority: Authority,
}

impl Trial {
    fn new() -> Self {
        let file = file(1, 1);
        let authority = Authority::new();
        let served = file.clone();
        // Slow enough that mirrors are worth asking.
        let host =
            Origin::start_tls(&authority, &[HOST], move |request| served.answer(request).paced(2 * MIB_PER_SECOND));
        let served = file.clone();
        let mirror = Origin::start_tls(&authority, &[MIRROR], move |request| served.answer(request));
        Self { engine: Engine::new(), file, host, mirror, authority }
    }

    fn download(&self, path: &str, more: &[&str]) -> Run {
        let rule = fixture("hostile");
        let (host, mirror) = (self.host.resolve("hostile.example:443"), self.mirror.resolve(&format!("{MIRROR}:443")));
        let url = format!("https://{HOST}{path}");
        let authority = self.authority.pem();
        let fixed = ["-o", "out", "--if-exists", "overwrite", "--no-cache", "--rule", &rule, "--cacert", &authority];
        self.engine.download([&fixed[..], &["--resolve", &host, "--resolve", &mirror, &url], more].concat())
    }

    /// The download succeeds from the origin alone, and the user is told `why`.
    #[track_caller]
    fn survives(&self, path: &str, why: &str) {
        let run = self.download(path, &["--allow-private-mirrors"]).exits(0);
        self.engine.assert_file("out", &self.file.bytes);
        let warning = run.stderr.lines().find(|line| line.starts_with("warning: ") && line.contains("hostile"));
        let warning = warning.unwrap_or_else(|| panic!("{path}: no warning names the component: {}", run.stderr));
        assert!(warning.contains(why), "{path}: no `{why}` in {warning}");
        assert!(self.mirror.requests().is_empty(), "{path}: {:?}", self.mirror.requests());
    }
}

/// The rule is no scarecrow: asked a plain question it names a mirror that is used.
#[test]
fn the_hostile_rule_works_when_it_behaves() {
    let trial = Trial::new();
    trial.download("/plain", &["--allow-private-mirrors", "--accept-unverified"]).exits(0);
    trial.engine.assert_file("out", &trial.file.bytes);
    assert!(!trial.mirror.requests().is_empty(), "the mirror was not asked");
}

#[test]
fn exhaustion_is_stopped_at_its_limit() {
    let trial = Trial::new();
    trial.survives("/loop", "out of fuel");
    trial.survives("/recurse", "over its stack limit");
    trial.survives("/huge", "over its result size limit");
    // What fills 16 MiB byte by byte runs out of fuel first, unless it has plenty.
    trial.engine.write("plenty.toml", "[limits]\nfuel = 2000000000\ndeadline_ms = 20000\n");
    let trial = Trial { engine: trial.engine.variable("TURBO_ENGINE_CONFIG", "plenty.toml"), ..trial };
    trial.survives("/grow", "over its memory limit");
}

#[test]
fn a_trap_is_reported_with_its_text() {
    Trial::new().survives("/trap", "the rule gave up");
}

#[test]
fn answers_over_the_caps_are_refused_or_cut() {
    let trial = Trial::new();
    trial.survives("/long", "a URL is too long");
    trial.download("/many", &["--allow-private-mirrors"]).exits(0).says("too many candidates");
    trial.engine.assert_file("out", &trial.file.bytes);
}

#[test]
fn places_that_must_not_be_named_are_refused() {
    let trial = Trial::new();
    trial.survives("/file", "neither https");
    trial.survives("/downgrade", "nor as safe as the request");
    trial.survives("/control", "control character");
    trial.survives("/userinfo", "credentials");
    trial.survives("/not-a-url", "a control character or a space");
}

#[test]
fn private_addresses_need_permission() {
    let trial = Trial::new();
    let run = trial.download("/private", &[]).exits(0);
    trial.engine.assert_file("out", &trial.file.bytes);
    run.says("not a public host");
}

#[test]
fn the_origin_named_as_its_own_mirror_is_no_second_source() {
    let trial = Trial::new();
    let run = trial.download("/itself", &["--json"]).exits(0);
    let hosts = crate::rig::bytes_by_host(&run.receipt());
    assert_eq!(hosts.len(), 1, "{hosts:?}");
}

/// A flood of log lines is cut; the user's terminal is not the component's.
#[test]
fn a_log_flood_does_not_reach_the_terminal() {
    let trial = Trial::new();
    for more in [&["--allow-private-mirrors"][..], &["--allow-private-mirrors", "-v"]] {
        let run = trial.download("/log-flood", more).exits(0);
        trial.engine.assert_file("out", &trial.file.bytes);
        assert!(run.stderr.len() < 300_000, "{} bytes on stderr", run.stderr.len());
    }
}

#[test]
fn what_a_component_says_is_made_harmless() {
    let trial = Trial::new();
    for path in ["/refuse-control", "/refuse-long", "/control", "/odd"] {
        let run = trial.download(path, &[]);
        let text = &run.stderr;
        let loud = text.chars().find(|letter| (letter.is_control() && *letter != '\n') || *letter == '\u{202e}');
        assert_eq!(loud, None, "{path}: {text:?}");
        assert!(text.len() < 20_000, "{path}: {} bytes on stderr", text.len());
    }
}

#[test]
fn a_refusal_reaches_the_user() {
    let trial = Trial::new();
    trial.download("/refuse", &[]).says("ask for /plain instead");
}

/// A rule that cannot even say what it is costs its own answers, not the file.
#[test]
fn a_component_that_fails_its_admission_is_left_out() {
    let origin = Origin::file(&file(1, 1));
    for (name, why) in
        [("describe-loops", "out of fuel"), ("describe-panics", "the table is empty"), ("self-test-fails", "mirror-a")]
    {
        let engine = Engine::new();
        let rule = fixture(name);
        let run = engine.download(["-o", "out", "--rule", &rule, &origin.file_url()]).exits(0);
        assert!(run.stderr.contains(name) && run.stderr.contains(why), "{name}: {}", run.stderr);
        engine.assert_file("out", &data::bytes(MIB, 1));
    }
}

#[test]
fn a_wasi_guest_sees_nothing_of_the_machine() {
    let engine = Engine::new().variable("TURBO_ENGINE_TEST_SECRET", secret!("visible"));
    let rule = fixture("std-wasi");
    let run = engine.run(["resolve", "--json", "--rule", &rule, "https://wasi.example/escaped"]).exits(0);
    assert!(run.text().contains("https://mirror-a.example/nothing"), "{}", run.text());
}

/// Everything that the fixture can do, one after the other, against a real server.
#[test]
#[ignore = "needs nginx"]
fn no_behaviour_of_a_component_harms_a_download_over_nginx() {
    let content = data::bytes(2 * MIB, 1);
    let authority = Authority::new();
    let site = |name| Site { name, content: content.to_vec(), directives: "limit_rate 4m;" };
    let nginx = Nginx::start(&authority, &[site(HOST), site(MIRROR)]);
    let (rule, pem) = (fixture("hostile"), authority.pem());
    let (host, mirror) = (nginx.resolve(HOST), nginx.resolve(MIRROR));
    for behaviour in [
        "loop",
        "grow",
        "recurse",
        "trap",
        "log-flood",
        "huge",
        "many",
        "long",
        "none",
        "file",
        "private",
        "downgrade",
        "control",
        "userinfo",
        "not-a-url",
        "itself",
        "odd",
        "stateful",
        "refuse",
        "refuse-control",
        "refuse-long",
        "invalid",
        "error",
        "not-mine",
        "plain",
    ] {
        let engine = Engine::new();
        let url = format!("https://{HOST}/{behaviour}");
        let more =
            ["--allow-private-mirrors", "--cacert", &pem, "--rule", &rule, "--resolve", &host, "--resolve", &mirror];
        let run = engine.fetch(&url, &more).exits(0);
        engine.assert_file("out", &content);
        assert!(run.took.as_secs() < 20, "{behaviour} took {:?}", run.took);
    }
}
