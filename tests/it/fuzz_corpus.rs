//! The corpora of the fuzz targets, replayed: what the fuzzer once found
//! worth keeping holds without it, and without a nightly compiler. And the list
//! of parsers, held against the targets and the sources.

#[path = "../fuzz/src/properties/mod.rs"]
mod properties;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[test]
fn every_kept_input_has_the_properties_of_its_target() {
    let mut broken = Vec::new();
    for (target, property) in properties::TARGETS {
        let paths = inputs(target);
        for path in &paths {
            let input = fs::read(path).expect("a readable file");
            // Where a property is broken, the panic does not know the input.
            if std::panic::catch_unwind(|| property(&input)).is_err() {
                broken.push(path.display().to_string());
            }
        }
        assert!((3..=120).contains(&paths.len()), "{target} has {} inputs", paths.len());
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let corpora = fs::read_dir(root().join("tests/fuzz/corpus")).expect("corpora");
    assert_eq!(corpora.count(), properties::TARGETS.len(), "a corpus without a target");
}

/// Changed inputs a target in an ordinary run; `TURBO_ENGINE_FUZZ` sets another
/// number.
const CHANGED: usize = 300;
/// Largest input that is changed: unpacking takes its time.
const CHANGED_BYTES: usize = 64 << 10;
/// Longest time for one target of a run with a number of its own.
const PATIENCE: Duration = Duration::from_mins(2);

/// No fuzzer: inputs that are kept, with bytes flipped, removed, repeated and
/// taken from others. The seed is fixed, so that a failure comes again.
#[test]
fn changed_inputs_have_the_properties_too() {
    let wanted = std::env::var("TURBO_ENGINE_FUZZ").ok().and_then(|text| text.parse().ok());
    let mut broken = Vec::new();
    for (target, property) in properties::TARGETS {
        // Archives are unpacked, and each takes milliseconds.
        let rounds = wanted.unwrap_or(if target == "artifacts" { 30 } else { CHANGED });
        let kept: Vec<Vec<u8>> = inputs(target).iter().map(|path| fs::read(path).expect("a readable file")).collect();
        let kept: Vec<&Vec<u8>> = kept.iter().filter(|input| input.len() <= CHANGED_BYTES).collect();
        let (mut chance, started) = (Chance(0x9e37_79b9_7f4a_7c15), Instant::now());
        for round in 0..rounds {
            let input = changed(&kept, &mut chance);
            if std::panic::catch_unwind(|| property(&input)).is_err() {
                broken.push(format!("{target}, round {round}: {}", input.escape_ascii()));
                break;
            }
            if wanted.is_some() && started.elapsed() > PATIENCE {
                println!("{target}: {round} of {rounds} in time");
                break;
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A small generator of numbers (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).expect("31 bits") % limit.max(1)
    }

    /// A byte, often one that a grammar cares for.
    fn byte(&mut self) -> u8 {
        const TELLING: &[u8] = b"\0\n\r\t \"'%&+,-./0159:;<=>?@AZ[\\]_az{|}~\x1b\x7f\x80\xc3\xff";
        if self.below(2) == 0 { TELLING[self.below(TELLING.len())] } else { self.below(256).to_le_bytes()[0] }
    }
}

fn changed(kept: &[&Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = kept[chance.below(kept.len())].clone();
    for _ in 0..=chance.below(6) {
        let (start, length) = (chance.below(input.len()), 1 + chance.below(12));
        let end = (start + length).min(input.len());
        match chance.below(7) {
            0 if !input.is_empty() => input[start] ^= 1 << chance.below(8),
            1 if !input.is_empty() => input[start] = chance.byte(),
            2 => input.insert(start, chance.byte()),
            3 => drop(input.drain(start..end)),
            4 => {
                let piece = input[start..end].to_vec();
                let times = 1 + chance.below(40);
                input.splice(start..start, piece.repeat(times));
            }
            5 => input.truncate(start),
            _ => {
                let other = kept[chance.below(kept.len())];
                let from = chance.below(other.len());
                let piece = other[from..].iter().copied().take(1 + chance.below(64)).collect::<Vec<_>>();
                input.splice(start..end, piece);
            }
        }
    }
    input
}

fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = root().join("tests/fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    paths.sort();
    paths
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The words in backquotes of a table of the list, a row each: those of its
/// parsers, and those of its last column.
fn rows(heading: &str) -> Vec<(BTreeSet<String>, BTreeSet<String>)> {
    let list = fs::read_to_string(root().join("tests/fuzz/README.md")).expect("the list");
    let (_, section) = list.split_once(&format!("## {heading}\n")).expect("the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let quoted = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let lines = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            (quoted(cells[cells.len() - 2]), quoted(cells[cells.len() - 1]))
        })
        .collect()
}

#[test]
fn every_target_is_listed_with_its_parsers() {
    let listed: Vec<String> = rows("Parsers and their targets").into_iter().flat_map(|(_, targets)| targets).collect();
    let targets: Vec<&str> = properties::TARGETS.iter().map(|(target, _)| *target).collect();
    assert_eq!(listed, targets, "one row a target, by its name");
    let manifest: toml::Table =
        fs::read_to_string(root().join("tests/fuzz/Cargo.toml")).expect("a manifest").parse().expect("TOML");
    let mut binaries: Vec<&str> =
        manifest["bin"].as_array().expect("binaries").iter().filter_map(|bin| bin["name"].as_str()).collect();
    binaries.sort_unstable();
    assert_eq!(binaries, targets, "a binary for the fuzzer each");
    for target in targets {
        let path = root().join(format!("tests/fuzz/targets/{target}.rs"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.contains(&format!("turbo_engine_fuzz::{target}(data)")), "{}", path.display());
    }
}

/// What reads foreign text in the engine's sources.
const READERS: [&str; 9] = [
    "serde_json::from_",
    "toml::from_str",
    "Reader::from_str",
    "Reader::from_reader",
    "Parser::new_from_str",
    "FromStr for ",
    "fn parse(",
    "fn parse_",
    "parse::<DocumentMut",
];

/// A parser that is added gets a target, or says why it needs none.
#[test]
fn every_parser_is_listed() {
    let tables = ["Parsers and their targets", "Parsers without a target of their own"];
    let named: BTreeSet<String> = tables.iter().flat_map(|table| rows(table)).flat_map(|row| row.0).collect();
    let sources = root().join("engine/src");
    for path in &named {
        let is_there = if path.ends_with('/') { sources.join(path).is_dir() } else { sources.join(path).is_file() };
        assert!(is_there, "the list names `{path}`, which is not there");
    }
    let mut files = Vec::new();
    collect(&sources, &mut files);
    assert!(files.len() > 200, "the sources are not where the test looks for them");
    for file in files {
        let path = file.strip_prefix(&sources).expect("below").to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let reads = lines.filter(|line| READERS.iter().any(|reader| line.contains(reader))).count() > 0;
        let is_named = named.iter().any(|name| *name == path || name.ends_with('/') && path.starts_with(name.as_str()));
        let is_test = path.contains("/tests/") || path.ends_with("tests.rs");
        assert!(!reads || is_named || is_test, "{path} reads foreign text, and tests/fuzz/README.md does not name it");
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
