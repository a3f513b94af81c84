//! Who downloads, and with which arguments: turbo-engine as a user has it, the
//! peers told to use as many connections as they may.

use std::path::Path;
use std::process::{Command, Stdio};

use super::stage::{Served, Stage};

/// Name of our own rows.
pub const OURS: &str = "turbo-engine";
/// What the peers are told, and turbo-engine finds out.
pub const CONNECTIONS: usize = 16;

type Arguments = Box<dyn Fn(&Path) -> Vec<String>>;

/// One row of a scenario.
pub struct Contestant {
    pub name: String,
    program: &'static str,
    arguments: Arguments,
    /// What the output folder has to hold afterwards.
    pub leaves: Vec<Served>,
    /// Why it cannot take part.
    pub absent: Option<String>,
}

impl Contestant {
    /// turbo-engine, downloading `urls` with more arguments.
    pub fn ours(name: impl Into<String>, arguments: &[&str], leaves: Vec<Served>) -> Self {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let build = move |output: &Path| {
            let fixed = ["download", "--quiet", "--no-cache", "-d", &text(output)].map(str::to_owned);
            fixed.into_iter().chain(arguments.clone()).collect()
        };
        let program = env!("CARGO_BIN_EXE_turbo-engine");
        Self { name: name.into(), program, arguments: Box::new(build), leaves, absent: None }
    }

    fn peer(program: &'static str, build: impl Fn(&Path) -> Vec<String> + 'static, leaves: Vec<Served>) -> Self {
        let absent = (!is_installed(program)).then(|| "not installed".to_owned());
        Self { name: program.to_owned(), program, arguments: Box::new(build), leaves, absent }
    }

    /// The same contestant, kept from taking part.
    pub fn absent(self, why: impl Into<String>) -> Self {
        Self { absent: Some(why.into()), ..self }
    }

    /// The command of one run, which writes into `output`.
    pub fn command(&self, stage: &Stage, output: &Path) -> Command {
        let mut command = Command::new(self.program);
        command
            .args((self.arguments)(output))
            .current_dir(output)
            .env("TURBO_ENGINE_CACHE_DIR", stage.path("engine"))
            .env("TURBO_ENGINE_CONFIG", stage.path("engine/config.toml"))
            .env("TURBO_ENGINE_JOBS", CONNECTIONS.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

/// turbo-engine and every peer, downloading one file.
pub fn all(base: &str, file: &Served) -> Vec<Contestant> {
    vec![ours(base, file), curl(base, file, None), aria2c(base, file, None), axel(base, file)]
}

/// turbo-engine with its defaults, downloading one file.
pub fn ours(base: &str, file: &Served) -> Contestant {
    Contestant::ours(OURS, &[&url(base, file)], vec![file.clone()])
}

/// curl, downloading one file; `authority` is the only one it trusts.
pub fn curl(base: &str, file: &Served, authority: Option<&str>) -> Contestant {
    let (url, trust) = (url(base, file), authority.map(|pem| ["--cacert".to_owned(), pem.to_owned()]));
    let build = move |_: &Path| {
        let fixed = ["--silent", "--fail", "--remote-name", &url].map(str::to_owned);
        fixed.into_iter().chain(trust.clone().into_iter().flatten()).collect()
    };
    Contestant::peer("curl", build, vec![file.clone()])
}

/// aria2, downloading one file over many connections.
pub fn aria2c(base: &str, file: &Served, authority: Option<&str>) -> Contestant {
    let (url, trust) = (url(base, file), authority.map(|pem| format!("--ca-certificate={pem}")));
    let build = move |output: &Path| {
        let many = [format!("-x{CONNECTIONS}"), format!("-s{CONNECTIONS}"), "-k1M".into(), url.clone()];
        aria2c_fixed(output).into_iter().chain(many).chain(trust.clone()).collect()
    };
    Contestant::peer("aria2c", build, vec![file.clone()])
}

fn axel(base: &str, file: &Served) -> Contestant {
    let url = url(base, file);
    let build = move |_: &Path| ["-q", "-n", &CONNECTIONS.to_string(), &url].map(str::to_owned).to_vec();
    Contestant::peer("axel", build, vec![file.clone()])
}

/// turbo-engine, aria2 and curl, downloading a list of files, so many at once.
pub fn lists(stage: &Stage, base: &str, files: &[Served]) -> Vec<Contestant> {
    let urls: Vec<String> = files.iter().map(|file| url(base, file)).collect();
    let plain = write(stage, "list", &urls.join("\n"));
    let config = urls.iter().map(|url| format!("url = \"{url}\"\n")).collect::<Vec<_>>().concat();
    let config = write(stage, "curl", &config);
    let list = plain.clone();
    let aria2c = move |output: &Path| {
        aria2c_fixed(output).into_iter().chain([format!("-j{CONNECTIONS}"), format!("-i{list}")]).collect()
    };
    let curl = move |_: &Path| {
        let most = CONNECTIONS.to_string();
        ["--silent", "--fail", "--parallel", "--parallel-max", &most, "--remote-name-all", "--config", &config]
            .map(str::to_owned)
            .to_vec()
    };
    vec![
        Contestant::ours(OURS, &["-i", &plain], files.to_vec()),
        Contestant::peer("aria2c", aria2c, files.to_vec()),
        Contestant::peer("curl", curl, files.to_vec()),
    ]
}

fn aria2c_fixed(output: &Path) -> Vec<String> {
    let folder = format!("--dir={}", text(output));
    ["--quiet", "--no-conf", "--file-allocation=none", "--allow-overwrite=true", &folder].map(str::to_owned).to_vec()
}

/// The URL of a file at a server.
pub fn url(base: &str, file: &Served) -> String {
    format!("{base}/{}", file.name)
}

fn text(path: &Path) -> String {
    path.to_str().expect("a scratch path is text").to_owned()
}

fn write(stage: &Stage, name: &str, content: &str) -> String {
    let path = stage.path(name);
    std::fs::write(&path, content).expect("scratch is writable");
    text(&path)
}

fn is_installed(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok()
}
