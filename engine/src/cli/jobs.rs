//! Jobs out of arguments and input files.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, REFERER, USER_AGENT};
use url::Url;

use super::download::DownloadArgs;
use super::error::CliError;
use super::settings::{From, Settings};
use crate::download::{
    ChecksumFile, DigestRule, EngineOptions, FileTime, Job, Memory, Output, PlainPartial, Promised, Proof,
};
use crate::model::files::{
    CookieFile, InputEntry, InputOptions, MetalinkFile, Netrc, parse_input_file, parse_metalink,
};
use crate::model::{Digest, DisplayUrl, Explain};
use crate::net::{Scoped, Trust};
use crate::plan::{Ramp, names};
use crate::store::{IfExists, NameTable, Outlet, StreamFile, outlet, read_bounded};

/// Largest input file or Metalink.
const INPUT_BYTES: usize = 16 << 20;
/// Largest netrc file.
const NETRC_BYTES: usize = 1 << 20;
/// Most lines of a file that a warning names.
const MOST_SKIPPED: usize = 5;
/// Largest file of cookies.
const COOKIES_BYTES: usize = 4 << 20;

/// Fields that the engine sets itself.
const OWN_FIELDS: [&str; 8] = [
    "range",
    "if-range",
    "if-none-match",
    "accept-encoding",
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
];

/// A job, and the options that its own line of an input file changes.
pub(super) struct Planned {
    pub job: Job,
    pub options: EngineOptions,
    /// The URL as it may be shown.
    pub shown: String,
    /// Bytes a second of this job alone.
    pub limit_rate: Option<u64>,
    /// What its line asks for in vain.
    pub warnings: Vec<String>,
    /// The file, as far as it is known before the first answer.
    pub path: Option<PathBuf>,
    /// The pipe or device that the bytes are streamed to; none for a file and
    /// for standard output.
    pub sink: Option<PathBuf>,
    /// Whether the server may be expected to give it another name.
    name: NameBy,
    /// Where the job is named: a line of the input file, or its URL.
    place: String,
}

/// Who names the file of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameBy {
    /// The user, or the URL.
    Known,
    /// The server, in all likelihood: the URL is that of a program and its
    /// question (`get?id=5`, `download.php?file=7`).
    Server,
}

/// A place that the user typed.
struct Typed {
    output: Output,
    sink: Option<PathBuf>,
}

/// What all jobs of a command share.
struct Common<'a> {
    args: &'a DownloadArgs,
    settings: &'a Settings,
    options: EngineOptions,
    headers: HeaderMap,
    netrc: Option<Netrc>,
    cookies: Option<CookieFile>,
}

/// Makes every job that the command line and the input file ask for.
pub(super) fn plan(args: &DownloadArgs, settings: &Settings, options: EngineOptions) -> Result<Vec<Planned>, CliError> {
    let mut skipped = Vec::new();
    let netrc = if settings.switch("netrc") { Some(read_netrc(&mut skipped)?) } else { None };
    let cookies = settings.text("cookies").map(|path| read_cookies(path.as_ref(), &mut skipped)).transpose()?;
    let common = Common { args, settings, options, headers: headers(&args.header)?, netrc, cookies };
    let urls = args.urls.iter().map(|text| parse_url(text)).collect::<Result<Vec<_>, _>>()?;
    let mut jobs = urls.into_iter().map(|url| common.typed(url)).collect::<Result<Vec<_>, _>>()?;
    if let Some(path) = &args.input_file {
        jobs.extend(common.listed(path)?);
    }
    let several = jobs.len() > 1;
    match jobs.len() {
        0 => return Err(CliError::usage("nothing to download", "name a URL, or a list of URLs with -i FILE")),
        _ if several && args.output.is_some() => {
            return Err(CliError::usage(
                "-o names one file, but several are downloaded",
                "give a directory with -d DIR",
            ));
        }
        _ if several && (!args.checksum.is_empty() || !args.mirror.is_empty()) => {
            let hint = "give each file's in an input file (-i), or download one file at a time";
            return Err(CliError::usage(
                "--checksum and --mirror belong to one file, but several are downloaded",
                hint,
            ));
        }
        _ => {}
    }
    refuse_twins(&jobs)?;
    // Of files that all jobs share: said once.
    jobs[0].warnings.splice(0..0, skipped);
    Ok(jobs)
}

/// Refuses jobs that would write to one name. (aria2 renames the second, curl
/// writes the one over the other.) Names that only the servers decide are
/// compared when they are known.
fn refuse_twins(jobs: &[Planned]) -> Result<(), CliError> {
    let (mut names, mut asked) = (NameTable::default(), HashMap::new());
    for (nth, job) in jobs.iter().enumerate() {
        let Some(path) = job.path.as_ref().filter(|_| jobs.len() > 1) else { continue };
        let same_url = *asked.entry((&job.job.url, path)).or_insert(nth);
        let claimed = match job.name {
            NameBy::Known => names.claim(path, nth),
            NameBy::Server if same_url == nth => Ok(()),
            NameBy::Server => Err(same_url),
        };
        if let Err(other) = claimed {
            let (first, name) = (&jobs[other].place, path.display());
            return Err(CliError::usage(
                format!("{first} and {} would both be written to {name}", job.place),
                "give each file a name of its own with out=NAME in a list (-i), or a directory of its own with dir=DIR",
            ));
        }
    }
    Ok(())
}

/// The file of a job, as far as it is known before the first answer.
fn expected_path(output: &Output, url: &Url) -> (Option<PathBuf>, NameBy) {
    match output {
        Output::File(path) => (Some(path.clone()), NameBy::Known),
        Output::Stream(_) => (None, NameBy::Known),
        Output::Directory(directory) => {
            let name = names::from_url(url);
            let by = if url.query().is_some() && !names_a_file(&name) { NameBy::Server } else { NameBy::Known };
            (Some(directory.join(name)), by)
        }
    }
}

/// Whether a name is that of a file rather than of a program on the server.
fn names_a_file(name: &str) -> bool {
    const PROGRAMS: [&str; 8] = ["php", "asp", "aspx", "ashx", "cgi", "jsp", "pl", "do"];
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| !PROGRAMS.iter().any(|program| program.eq_ignore_ascii_case(extension)))
}

/// Reads a URL that can be downloaded.
pub(super) fn parse_url(text: &str) -> Result<Url, CliError> {
    let shown: String = text.chars().take(200).collect();
    if text.split_whitespace().skip(1).any(|word| word.starts_with("http://") || word.starts_with("https://")) {
        let hint = "give each URL as an argument of its own, and write a blank within a URL as %20";
        return Err(CliError::usage("an argument holds two URLs with a blank between them", hint));
    }
    let url = Url::parse(text).map_err(|error| {
        let hint = match error {
            url::ParseError::RelativeUrlWithoutBase if !shown.contains(char::is_whitespace) => {
                format!("write the whole URL: https://{shown}")
            }
            _ => "write a whole URL, for instance https://example.com/file.zip".into(),
        };
        CliError::usage(format!("`{shown}` is not a URL: {error}"), hint)
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let what = format!("the scheme `{}` of {} is not one that can be downloaded", url.scheme(), DisplayUrl(&url));
        return Err(CliError::usage(what, "use an http or https URL"));
    }
    Ok(url)
}

impl Common<'_> {
    fn typed(&self, url: Url) -> Result<Planned, CliError> {
        let mirrors = self.args.mirror.iter().map(|text| parse_url(text)).collect::<Result<Vec<_>, _>>()?;
        let directory = self.args.directory.clone().unwrap_or_default();
        let output = match &self.args.output {
            Some(path) if path.as_os_str() == "-" => Typed::stream(std::io::stdout()),
            Some(path) => Typed::file(&directory.join(path))?,
            None => Typed::folder(&directory)?,
        };
        let digests = self.args.checksum.iter().map(|digest| given(digest.clone(), Proof::Checksum)).collect();
        let mirrors = mirrors.into_iter().map(|url| (url, Trust::Typed)).collect();
        Ok(self.job(url, mirrors, output, digests))
    }

    fn job(&self, mut url: Url, mirrors: Vec<(Url, Trust)>, typed: Typed, digests: Vec<Promised>) -> Planned {
        let Typed { output, sink } = typed;
        let mut headers = self.headers.clone();
        if let Some(login) = login(&mut url, self.netrc.as_ref()).filter(|_| !headers.contains_key(AUTHORIZATION)) {
            headers.insert(AUTHORIZATION, login);
        }
        url.set_fragment(None);
        let checksum_file = self.args.checksum_file.as_ref().map(|place| match Url::parse(place) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => ChecksumFile::Url(url),
            _ => ChecksumFile::Path(PathBuf::from(place)),
        });
        let required = self.settings.switch("require-checksum");
        let job = Job {
            trust: Trust::Typed,
            mirrors,
            output,
            digests,
            checksum_file,
            digest_rule: if required { DigestRule::Required } else { DigestRule::Optional },
            size: None,
            headers,
            cookies: self.cookies.as_ref().and_then(|cookies| cookies.of_host(&url)).map(Arc::new),
            if_exists: self.settings.if_exists(),
            partial: match self.settings.value("if-exists").origin {
                From::Default => PlainPartial::Foreign,
                _ => PlainPartial::Continued,
            },
            url,
        };
        let shown = DisplayUrl(&job.url).to_string();
        let (path, name) = expected_path(&job.output, &job.url);
        let (place, warnings) = (shown.clone(), Vec::new());
        Planned { shown, job, options: self.options, limit_rate: None, warnings, path, sink, name, place }
    }

    fn listed(&self, path: &Path) -> Result<Vec<Planned>, CliError> {
        let text = if path.as_os_str() == "-" { read_stdin()? } else { read_bounded(path, INPUT_BYTES)? };
        if text.trim_ascii_start().starts_with(b"<") || text.starts_with(b"\xef\xbb\xbf<") {
            let files = parse_metalink(&text).map_err(|source| CliError::Metalink { path: path.to_owned(), source })?;
            return files.iter().map(|file| self.metalink(file)).collect();
        }
        let entries = parse_input_file(&text).map_err(|source| CliError::Input { path: path.to_owned(), source })?;
        entries.into_iter().map(|entry| self.entry(entry)).collect()
    }

    fn entry(&self, entry: InputEntry) -> Result<Planned, CliError> {
        let InputEntry { line, urls, options } = entry;
        let directory = options.dir.clone().or_else(|| self.args.directory.clone()).unwrap_or_default();
        let output = match &options.out {
            Some(name) => Typed::file(&directory.join(name))?,
            None => Typed::folder(&directory)?,
        };
        let mut urls = urls.into_iter();
        let url = urls.next().expect("an entry has a URL");
        let digests = options.checksum.clone().map(|digest| given(digest, Proof::Checksum)).into_iter().collect();
        let mirrors = urls.map(|url| (url, Trust::Typed)).collect();
        let mut planned = self.job(url, mirrors, output, digests);
        planned.place = format!("line {line} of the input file");
        apply(&mut planned, options);
        Ok(planned)
    }

    fn metalink(&self, file: &MetalinkFile) -> Result<Planned, CliError> {
        let wrong = |what: &str| {
            let what = format!("the Metalink's file `{}` {what}", file.name.chars().take(100).collect::<String>());
            CliError::usage(what, "ask whoever made the Metalink")
        };
        let name = names::foreign(&file.name).ok_or_else(|| wrong("has no usable name"))?;
        let directory = self.args.directory.clone().unwrap_or_default();
        let output = match &self.args.output {
            Some(path) => Typed::file(&directory.join(path))?,
            // A name that somebody else chose is that of a file.
            None => Typed { output: Output::File(plain(&directory.join(name))), sink: None },
        };
        let mut urls = file.urls.clone();
        urls.sort_by_key(|url| url.priority);
        let mut urls = urls.into_iter().map(|url| url.url).filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = urls.next().ok_or_else(|| wrong("has no http or https URL"))?;
        let mirrors = urls.map(|url| (url, Trust::Named)).collect();
        let digests = file.digests.iter().map(|digest| given(digest.clone(), Proof::Metalink)).collect();
        let mut planned = self.job(url, mirrors, output, digests);
        planned.job.size = file.size;
        planned.job.trust = Trust::Named;
        Ok(planned)
    }
}

impl Typed {
    fn stream(stream: impl std::io::Write + Send + 'static) -> Self {
        Self { output: Output::Stream(Box::new(stream)), sink: None }
    }

    /// A file; a pipe, a device or a descriptor by its name is written to as a
    /// stream.
    fn file(path: &Path) -> Result<Self, CliError> {
        check_name(path)?;
        let stream = match outlet(path)? {
            None => return Ok(Self { output: Output::File(plain(path)), sink: None }),
            Some(Outlet::Descriptor(1)) => return Ok(Self::stream(std::io::stdout())),
            Some(Outlet::Descriptor(2)) => Self::stream(std::io::stderr()),
            Some(Outlet::Descriptor(number)) => Self::stream(StreamFile::descriptor(number)?),
            Some(Outlet::Stream(stream)) => Self::stream(stream),
        };
        Ok(Self { sink: Some(path.to_owned()), ..stream })
    }

    fn folder(path: &Path) -> Result<Self, CliError> {
        check_name(path)?;
        Ok(Self { output: Output::Directory(plain(path)), sink: None })
    }
}

/// The same path, written so that no command takes it for an option.
fn plain(path: &Path) -> PathBuf {
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") { Path::new(".").join(path) } else { path.to_owned() }
}

/// Checks that a path that the user typed means a file on Windows.
fn check_name(path: &Path) -> Result<(), CliError> {
    let text = path.to_string_lossy();
    if !cfg!(windows) {
        return Ok(());
    }
    names::check_on_windows(&text).map_err(|(part, fault)| {
        CliError::usage(format!("`{part}` {fault}"), "choose another name with -o PATH or -d DIR; `-o -` streams")
    })
}

/// What goes to the origin of a URL and nowhere else: fields given with -H, the
/// login in the URL, which is left without one, or netrc's, and cookies.
pub(super) fn scoped(url: &mut Url, lines: &[String], settings: &Settings) -> Result<Scoped, CliError> {
    let mut skipped = Vec::new();
    let netrc = if settings.switch("netrc") { Some(read_netrc(&mut skipped)?) } else { None };
    let cookies = settings.text("cookies").map(|path| read_cookies(path.as_ref(), &mut skipped)).transpose()?;
    skipped.iter().for_each(|line| tracing::warn!("{line}"));
    let mut headers = headers(lines)?;
    if let Some(login) = login(url, netrc.as_ref()).filter(|_| !headers.contains_key(AUTHORIZATION)) {
        headers.insert(AUTHORIZATION, login);
    }
    url.set_fragment(None);
    Ok(Scoped::new(url, headers, cookies.and_then(|cookies| cookies.of_host(url)).map(Arc::new)))
}

/// The login in the URL, else the one that netrc has for its host. The URL is
/// left without one.
fn login(url: &mut Url, netrc: Option<&Netrc>) -> Option<HeaderValue> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (decode(url.username()), url.password().map(decode));
    // An http or https URL has a host, and so can lose its login.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    if let Some(password) = &password {
        return Some(basic(&user, password));
    }
    let host = url.host_str()?;
    let known = netrc?.login(host, Some(user.as_str()).filter(|user| !user.is_empty()))?;
    let password = known.password.as_ref().map_or("", |secret| secret.expose());
    Some(basic(known.login.as_deref().unwrap_or(&user), password))
}

fn given(digest: Digest, by: Proof) -> Promised {
    Promised { digest, by }
}

/// Applies the options of one entry of an input file.
fn apply(planned: &mut Planned, options: InputOptions) {
    let headers = &mut planned.job.headers;
    for (name, value) in options.headers {
        headers.append(name, value);
    }
    for (name, value) in [(USER_AGENT, options.user_agent), (REFERER, options.referer)] {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    if let Some(split) = options.split {
        planned.options.connections = usize::from(split.get());
        if planned.options.host_memory == Memory::Heeded {
            planned.options.max_per_origin = planned.options.max_per_origin.max(planned.options.connections);
        }
        planned.options.ramp = Ramp::AtOnce;
    }
    if let Some(most) = options.max_connection_per_server {
        planned.options.max_per_origin = usize::from(most.get());
        planned.options.max_per_mirror = usize::from(most.get());
    }
    if let Some(tries) = options.max_tries {
        planned.options.retry = if tries == 0 { u32::MAX } else { u32::from(tries) - 1 };
    }
    if options.allow_overwrite == Some(true) {
        planned.job.if_exists = IfExists::Overwrite;
    }
    if options.continue_partial {
        planned.job.partial = PlainPartial::Continued;
    }
    if let Some(remote) = options.remote_time {
        planned.options.file_time = if remote { FileTime::Remote } else { FileTime::Local };
    }
    planned.limit_rate = options.max_download_limit.filter(|rate| *rate > 0);
    let warning = |(line, name)| format!("`{name}` in line {line} of the input file has no effect here");
    planned.warnings = options.without_effect.into_iter().map(warning).collect();
}

fn basic(user: &str, password: &str) -> HeaderValue {
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {login}")).expect("base64 is a header value");
    value.set_sensitive(true);
    value
}

/// Reads `-H 'Name: value'`.
fn headers(lines: &[String]) -> Result<HeaderMap, CliError> {
    let mut headers = HeaderMap::new();
    for line in lines {
        // The value may be a secret and is not repeated.
        let wrong = |why: &str| CliError::usage(format!("a header given with -H {why}"), "write -H 'Name: value'");
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("has no colon"))?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong("has a name that HTTP does not allow"))?;
        if OWN_FIELDS.contains(&name.as_str()) {
            return Err(wrong(&format!("is `{name}`, which the engine sets itself")));
        }
        let mut value: HeaderValue = value.trim().parse().map_err(|_| wrong("has a value that HTTP does not allow"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// The file that curl reads: `$NETRC`, else `.netrc` (`_netrc` on Windows) in
/// the home directory.
fn read_netrc(skipped: &mut Vec<String>) -> Result<Netrc, CliError> {
    let name = if cfg!(windows) { "_netrc" } else { ".netrc" };
    let home = || directories::BaseDirs::new().map(|folders| folders.home_dir().join(name));
    let path = std::env::var_os("NETRC").map(PathBuf::from).or_else(home);
    let path =
        path.ok_or_else(|| CliError::usage("no home directory to read .netrc from", "name the file in NETRC"))?;
    let text = read_bounded(&path, NETRC_BYTES)?;
    let (netrc, lines) = Netrc::parse(&text).map_err(|source| CliError::Netrc { path: path.clone(), source })?;
    skipped.extend(skipped_lines(&path, &lines));
    Ok(netrc)
}

fn read_cookies(path: &Path, skipped: &mut Vec<String>) -> Result<CookieFile, CliError> {
    let text = read_bounded(path, COOKIES_BYTES)?;
    let (cookies, lines) =
        CookieFile::parse(&text).map_err(|source| CliError::Cookies { path: path.to_owned(), source })?;
    skipped.extend(skipped_lines(path, &lines));
    Ok(cookies)
}

/// Warnings of lines that were left out, as curl and wget do without a word.
fn skipped_lines(path: &Path, lines: &[impl Explain]) -> Vec<String> {
    let said = lines.iter().take(MOST_SKIPPED).map(|line| format!("{}: {line}; the line is skipped", path.display()));
    let mut said: Vec<String> = said.collect();
    if lines.len() > MOST_SKIPPED {
        said.push(format!("{}: {} more lines are skipped", path.display(), lines.len() - MOST_SKIPPED));
    }
    said
}

fn read_stdin() -> Result<Vec<u8>, CliError> {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(INPUT_BYTES as u64).read_to_end(&mut text);
    read.map_err(|error| CliError::usage(format!("standard input cannot be read: {error}"), "name a file with -i"))?;
    Ok(text)
}
