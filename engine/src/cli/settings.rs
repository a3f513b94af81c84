//! Settings: flag over environment over file over default, and where each
//! value came from.

mod known;
mod region;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub(super) use self::known::{KNOWN, parse_if_exists};
use self::known::{Known, parse_connections, parse_count, parse_preallocate, parse_recheck, parse_region};
use self::region::detect_region;
use super::error::CliError;
use super::units::{parse_bytes, parse_seconds, parse_switch, parse_wait};
use crate::component::{Grant, Limits};
use crate::download::Recheck;
use crate::model::files::toml_fault;
use crate::model::{Algorithm, Digest, Region};
use crate::store::{IfExists, Preallocate, read_bounded};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
pub(super) enum From {
    Default,
    File(PathBuf),
    Environment(String),
    Flag(String),
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "{name}"),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// A value given on the command line.
#[derive(Debug, Clone)]
pub(super) struct Flag {
    pub key: &'static str,
    pub value: String,
    /// The flag's name, which need not be the key.
    pub name: &'static str,
}

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub text: String,
    pub origin: From,
}

/// All settings of one run.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    values: BTreeMap<&'static str, Value>,
    /// Settings of mirror rules, by rule: `[rules.ID]` of the file.
    pub rules: BTreeMap<String, toml::Table>,
    /// Limits of components: `[limits]` of the file.
    pub limits: Limits,
    /// What single components are granted beyond those, by their SHA-256 in
    /// hexadecimal: `[grants.NAME]` of the file.
    pub grants: BTreeMap<String, Grant>,
}

/// Largest configuration file.
const FILE_BYTES: usize = 1 << 20;
/// Separates the values of a list.
const LIST_SEPARATOR: char = '\n';

impl Settings {
    /// Every setting as it is when nobody says otherwise.
    pub(super) fn defaults() -> Self {
        let default = |known: &Known| (known.key, Value { text: known.default.into(), origin: From::Default });
        Self {
            values: KNOWN.iter().map(default).collect(),
            rules: BTreeMap::new(),
            limits: Limits::default(),
            grants: BTreeMap::new(),
        }
    }

    /// Collects the settings. `named` is the file that the user named; without
    /// one the user's own is read, if there is one.
    pub(super) fn load(named: Option<&Path>, flags: &[Flag]) -> Result<Self, CliError> {
        let mut settings = Self::defaults();
        let own = config_path().filter(|path| path.exists());
        if let Some(path) = named.map(Path::to_owned).or(own) {
            settings.read_file(&path)?;
        }
        settings.read_environment();
        for Flag { key, value, name } in flags {
            settings.set(key, value.clone(), From::Flag((*name).to_owned()));
        }
        settings.check()?;
        Ok(settings)
    }

    fn set(&mut self, key: &str, text: String, origin: From) {
        let value = self.values.get_mut(key).expect("flags and variables are named after settings");
        *value = Value { text, origin };
    }

    fn read_file(&mut self, path: &Path) -> Result<(), CliError> {
        let wrong = |source| CliError::Config { path: path.to_owned(), source };
        let text = String::from_utf8(read_bounded(path, FILE_BYTES)?).map_err(|error| wrong(error.into()))?;
        let table: toml::Table = text.parse().map_err(|error| wrong(toml_fault(&text, &error).into()))?;
        for (key, value) in table {
            match (key.as_str(), value) {
                ("rules", toml::Value::Table(rules)) => {
                    for (rule, settings) in rules {
                        let toml::Value::Table(settings) = settings else {
                            return Err(wrong(format!("[rules.{rule}] is not a table").into()));
                        };
                        self.rules.insert(rule, settings);
                    }
                }
                ("grants", toml::Value::Table(grants)) => {
                    for (name, table) in grants {
                        let (sha256, grant) =
                            grant(&table).map_err(|why| wrong(format!("[grants.{name}]: {why}").into()))?;
                        let together = self.grants.remove(&sha256).unwrap_or_default().with(&grant);
                        self.grants.insert(sha256, together);
                    }
                }
                ("limits", limits) => {
                    self.limits = limits.try_into().map_err(|error| wrong(Box::new(error)))?;
                    self.limits.check().map_err(|why| wrong(format!("[limits] {why}").into()))?;
                }
                (key, value) => {
                    let known = KNOWN.iter().any(|known| known.key == key);
                    let text = plain(&value).filter(|_| known);
                    let text = text.ok_or_else(|| wrong(format!("`{key}` is not a setting of this shape").into()))?;
                    self.set(key, text, From::File(path.to_owned()));
                }
            }
        }
        Ok(())
    }

    fn read_environment(&mut self) {
        for known in KNOWN {
            let name = variable(known.key);
            if let Ok(text) = std::env::var(&name) {
                self.set(known.key, text, From::Environment(name));
            }
        }
    }

    fn check(&self) -> Result<(), CliError> {
        for known in KNOWN {
            let value = &self.values[known.key];
            (known.check)(&value.text).map_err(|why| self.wrong(known.key, why))?;
        }
        Ok(())
    }

    fn wrong(&self, key: &str, why: String) -> CliError {
        CliError::Setting { key: key.to_owned(), origin: self.values[key].origin.to_string(), why }
    }

    /// The value of a key, and where it came from.
    pub(super) fn value(&self, key: &str) -> &Value {
        &self.values[key]
    }

    fn read<T>(&self, key: &str, parse: fn(&str) -> Result<T, String>) -> T {
        parse(&self.values[key].text).unwrap_or_else(|_| unreachable!("`{key}` was checked when it was loaded"))
    }

    /// A text; none when it is empty.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        Some(self.values[key].text.as_str()).filter(|text| !text.is_empty())
    }

    /// A path; none when it is empty. In a file it is meant as seen from there.
    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(key)?);
        match &self.values[key].origin {
            From::File(file) => Some(file.parent().map_or(path.clone(), |folder| folder.join(&path))),
            _ => Some(path),
        }
    }

    /// A list of texts.
    pub(super) fn list(&self, key: &str) -> Vec<&str> {
        self.text(key).map_or_else(Vec::new, |text| text.split(LIST_SEPARATOR).collect())
    }

    /// A switch.
    pub(super) fn switch(&self, key: &str) -> bool {
        self.read(key, parse_switch)
    }

    /// A number of bytes.
    pub(super) fn bytes(&self, key: &str) -> u64 {
        self.read(key, parse_bytes)
    }

    /// A time.
    pub(super) fn seconds(&self, key: &str) -> std::time::Duration {
        self.read(key, parse_seconds)
    }

    /// A time to wait, which may be none.
    pub(super) fn wait(&self, key: &str) -> std::time::Duration {
        self.read(key, parse_wait)
    }

    /// A number.
    pub(super) fn count(&self, key: &str) -> u32 {
        self.read(key, parse_count)
    }

    /// A number of connections; none for `auto`.
    pub(super) fn connections(&self, key: &str) -> Option<usize> {
        self.read(key, parse_connections)
    }

    /// What to do when a file exists.
    pub(super) fn if_exists(&self) -> IfExists {
        self.read("if-exists", parse_if_exists)
    }

    /// Whether a file takes its room from the disk first.
    pub(super) fn preallocate(&self) -> Preallocate {
        self.read("preallocate", parse_preallocate)
    }

    /// What to do about a finished file that may be out of date.
    pub(super) fn recheck(&self) -> Recheck {
        self.read("recheck", parse_recheck)
    }

    /// The region; `auto` reads the locale and the time zone, nothing else.
    pub(super) fn region(&self) -> Region {
        self.region_and_how().0
    }

    /// The region, and what names it.
    pub(super) fn region_and_how(&self) -> (Region, String) {
        match self.read("region", parse_region) {
            Some(region) => (region, self.values["region"].origin.to_string()),
            None => detect_region(),
        }
    }
}

/// The environment variable of a setting.
pub(super) fn variable(key: &str) -> String {
    format!("TURBO_ENGINE_{}", key.to_ascii_uppercase().replace('-', "_"))
}

/// Variables of this engine that no setting stands behind.
const OTHERS: [&str; 4] = ["config", "sign-password", "oci-user", "oci-password"];

/// Variables that look like a setting's and are none: misspelt ones.
pub(super) fn unknown_variables() -> Vec<String> {
    let known: Vec<String> = KNOWN.iter().map(|known| variable(known.key)).chain(OTHERS.map(variable)).collect();
    let ours = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    ours.filter(|name| name.starts_with(&variable("")) && !known.contains(name)).collect()
}

/// Joins the values of a list setting.
pub(super) fn joined(values: impl IntoIterator<Item = String>) -> String {
    values.into_iter().collect::<Vec<_>>().join(&LIST_SEPARATOR.to_string())
}

/// One table of `[grants]`. It has to say which bytes it is for: a name says
/// nothing of who may use it next.
fn grant(table: &toml::Value) -> Result<(String, Grant), String> {
    let table = table.as_table().ok_or("it is not a table")?;
    let sha256 = table.get("sha256").and_then(toml::Value::as_str).ok_or("`sha256` of the component is missing")?;
    let digest = Digest::from_hex(Algorithm::Sha256, sha256).map_err(|error| format!("`sha256`: {error}"))?;
    let texts = table.iter().filter(|(key, _)| *key != "sha256");
    let texts = texts.map(|(key, value)| Some((key.as_str(), plain(value)?))).collect::<Option<Vec<_>>>();
    let texts = texts.ok_or("a value is neither a text nor a number")?;
    let grant = Grant::of(texts.iter().map(|(key, text)| (*key, text.as_str()))).map_err(|error| error.to_string())?;
    Ok((digest.hex(), grant))
}

/// The text of a scalar, or of a list of texts.
fn plain(value: &toml::Value) -> Option<String> {
    Some(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(switch) => switch.to_string(),
        toml::Value::Array(values) => joined(values.iter().map(plain).collect::<Option<Vec<_>>>()?),
        toml::Value::Datetime(_) | toml::Value::Table(_) => return None,
    })
}

fn folders() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "turbo-engine")
}

/// The user's configuration file.
pub(super) fn config_path() -> Option<PathBuf> {
    Some(folders()?.config_dir().join("config.toml"))
}

/// The list of trusted keys.
pub(super) fn trust_path(settings: &Settings) -> PathBuf {
    let own = settings.path("trust").or_else(|| Some(folders()?.config_dir().join("trusted-keys.txt")));
    own.unwrap_or_else(|| data_dir(settings).join("trusted-keys.txt"))
}

/// The folder for what cannot be made again.
pub(super) fn data_dir(settings: &Settings) -> PathBuf {
    let own = settings.path("components-dir").or_else(|| Some(folders()?.data_dir().to_owned()));
    own.unwrap_or_else(|| std::env::temp_dir().join("turbo-engine"))
}

/// The folder for what can be made again.
pub(super) fn cache_dir(settings: &Settings) -> PathBuf {
    let own = settings.text("cache-dir").map(PathBuf::from);
    own.or_else(|| Some(folders()?.cache_dir().to_owned())).unwrap_or_else(|| std::env::temp_dir().join("turbo-engine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_valid() {
        let settings = Settings::load(Some(Path::new("/dev/null")), &[]);
        assert!(settings.is_ok() || cfg!(windows), "{settings:?}");
    }

    #[test]
    fn a_flag_beats_a_file() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("config.toml");
        std::fs::write(
            &path,
            "retry = 9\njobs = 2\nrule = [\"a.wasm\", \"b.wasm\"]\n[rules.mine]\nfrom = \"x\"\n[limits]\nfuel = 7\n",
        )
        .expect("writable");
        let flag = Flag { key: "retry", value: "3".into(), name: "retry" };
        let settings = Settings::load(Some(&path), &[flag]).expect("a good file");
        assert_eq!((settings.count("retry"), settings.count("jobs")), (3, 2));
        assert_eq!(settings.value("jobs").origin, From::File(path));
        assert_eq!(settings.list("rule"), ["a.wasm", "b.wasm"]);
        assert_eq!(settings.limits.fuel, 7);
        assert!(settings.rules.contains_key("mine"));
    }

    #[test]
    fn grants_are_for_certain_bytes() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("config.toml");
        let digest = "AB".repeat(32);
        let text =
            format!("[grants.a]\nsha256 = '{digest}'\nmemory = '64MiB'\n[grants.b]\nsha256 = '{digest}'\nfuel = 9");
        std::fs::write(&path, text).expect("writable");
        let settings = Settings::load(Some(&path), &[]).expect("a good file");
        let grant = settings.grants.get(&digest.to_lowercase()).expect("a grant");
        assert_eq!(grant.to_string(), "fuel=9 memory=64MiB");
    }

    #[test]
    fn a_wrong_file_is_named() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("config.toml");
        let digest = "ab".repeat(32);
        let unknown = format!("[grants.x]\nsha256 = '{digest}'\nfule = 1");
        let too_much = format!("[grants.x]\nsha256 = '{digest}'\nmemory = '1TiB'");
        for text in [
            "retry = 'many'",
            "no-such-key = 1",
            "rules = 'x y'",
            "[limits]\nfule = 1",
            "[limits]\nstack_bytes = 0",
            "[limits]\nstack_bytes = 1_048_577",
            "= =",
            "[grants.x]\nmemory = '64MiB'",
            "[grants.x]\nsha256 = 'ab'",
            &unknown,
            &too_much,
        ] {
            std::fs::write(&path, text).expect("writable");
            let error = Settings::load(Some(&path), &[]).expect_err(text);
            assert!(error.to_string().contains("config.toml"), "{error}");
        }
    }
}
