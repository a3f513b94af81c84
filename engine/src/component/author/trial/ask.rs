//! Asks a component once, and looks at the answer as the engine would.

use std::time::{Duration, Instant};

use url::Url;

use super::{Attempt, Tester, url_of};
use crate::component::Pattern;
use crate::component::author::cases::Case;
use crate::component::author::manifest::ManifestPattern;
use crate::component::author::words;
use crate::component::author::workshop::Entry;
use crate::component::bindings::v0_1::generator::manifest::{Delivery, Generated, OutputFile, PriorFile, Release};
use crate::component::bindings::v0_1::generator::{ManifestGenerator, ManifestGeneratorPre};
use crate::component::bindings::v0_1::{MirrorRulePre, rules};
use crate::component::description::Description;
use crate::component::failure::Failure;
use crate::component::instance::{Instance, Question, Settings};
use crate::component::interest::Interest;
use crate::component::output::{Standard, admit};
use crate::component::sandbox::Sandbox;
use crate::component::settings::flatten;

/// Why a component that answers twice must answer the same.
const NOT_PURE: &str =
    "it answers otherwise when asked again; an answer depends on the question and the settings alone";

/// Asks what a case asks.
pub(super) fn attempt(tester: &Tester<'_>, case: &Case) -> Attempt {
    let settings = flatten(&case.settings);
    match &tester.workshop.entry {
        Entry::Rule(pre) => rule(tester, pre, case, &settings),
        Entry::Generator(pre) => {
            generator(tester, pre, case, &settings).unwrap_or_else(|failure| Attempt::failed(&failure))
        }
    }
}

fn rule(tester: &Tester<'_>, pre: &MirrorRulePre<Sandbox>, case: &Case, settings: &Settings) -> Attempt {
    let url = match url_of(case) {
        Ok(url) => url,
        Err(reason) => return Attempt::unasked(reason),
    };
    let runtime = &tester.workshop.runtime;
    let started = Instance::start(runtime, pre, tester.told.id.as_str().into());
    let configured = started.and_then(|mut instance| {
        let accepted = configure(tester, &mut instance, settings)?;
        Ok((instance, accepted))
    });
    let (mut instance, patterns) = match configured {
        Ok((instance, Ok(patterns))) => (instance, patterns),
        Ok((instance, Err(reason))) => {
            let found = Some(words::of_refused_settings(&reason));
            return Attempt { found, ..measured(tester, &instance, Duration::ZERO) };
        }
        Err(failure) => return Attempt::failed(&failure),
    };
    let question = Question { url: url.as_str(), region: &case.region };
    let began = Instant::now();
    let reply = instance.map(runtime, question);
    let attempt = measured(tester, &instance, began.elapsed());
    match reply {
        Ok(reply) => {
            let mut complaints: Vec<String> = impure(instance.map(runtime, question), &reply).into_iter().collect();
            let found = Some(words::of_reply(&reply));
            if let Ok(candidates) = reply {
                complaints.extend(unwanted(&patterns, &url));
                complaints.extend(dropped(tester, &url, candidates));
            }
            Attempt { found, complaints, ..attempt }
        }
        Err(failure) => Attempt { complaints: Attempt::failed(&failure).complaints, ..attempt },
    }
}

/// Gives a rule its settings, if there are any, and returns the patterns of
/// what it is asked about then; the inner error is its refusal.
fn configure(
    tester: &Tester<'_>,
    instance: &mut Instance,
    settings: &Settings,
) -> Result<Result<Vec<Pattern>, String>, Failure> {
    let runtime = &tester.workshop.runtime;
    if settings.is_empty() {
        return Ok(Ok(tester.told.patterns.iter().cloned().map(Pattern::from).collect()));
    }
    if let Err(reason) = instance.configure(runtime, settings)? {
        return Ok(Err(reason));
    }
    let info = instance.describe(runtime)?;
    Ok(Ok(Description::check(&info, runtime.limits())?.patterns))
}

/// What is wrong with the answer to the same question again.
fn impure<T: PartialEq>(again: Result<T, Failure>, reply: &T) -> Option<String> {
    match again {
        Ok(again) if again == *reply => None,
        Ok(_) => Some(NOT_PURE.to_owned()),
        Err(failure) => Some(format!("asked again, it is {}: {}", failure.kind, failure.message)),
    }
}

/// The figures of an instance's last call.
fn measured<B>(tester: &Tester<'_>, instance: &Instance<B>, took: Duration) -> Attempt {
    Attempt {
        found: None,
        complaints: Vec::new(),
        fuel: instance.fuel_used(&tester.workshop.runtime),
        memory_bytes: instance.memory_bytes(),
        took,
    }
}

/// An answer that nobody will ever ask for.
fn unwanted(patterns: &[Pattern], url: &Url) -> Option<String> {
    let is_wanted = Interest::new([patterns].into_iter()).is_any(url);
    (!is_wanted).then(|| "it has an answer, but its patterns do not match: the engine never asks".to_owned())
}

impl From<ManifestPattern> for Pattern {
    fn from(pattern: ManifestPattern) -> Self {
        let ManifestPattern { schemes, host_suffixes, path_prefixes } = pattern;
        Self { schemes, host_suffixes, path_prefixes }
    }
}

/// What the engine drops of an answer.
fn dropped(tester: &Tester<'_>, request: &Url, candidates: Vec<rules::Candidate>) -> Vec<String> {
    if candidates.is_empty() {
        return vec!["it answers with no candidate; that is what an error is for".to_owned()];
    }
    let limits = tester.workshop.runtime.limits();
    let standard = Standard { request, limits, private_mirrors: tester.trial.private_mirrors };
    let failures = admit(standard, &tester.told.id.as_str().into(), candidates, &mut Vec::new());
    failures.iter().map(|failure| format!("{}: {}", failure.kind, failure.message)).collect()
}

fn generator(
    tester: &Tester<'_>,
    pre: &ManifestGeneratorPre<Sandbox>,
    case: &Case,
    settings: &Settings,
) -> Result<Attempt, Failure> {
    let runtime = &tester.workshop.runtime;
    let Some(release) = &case.release else {
        return Ok(Attempt::unasked("the case has no release".to_owned()));
    };
    let release = Release::from(&release.clone().completed());
    let mut instance = Instance::start_generator(runtime, pre, tester.told.id.as_str().into())?;
    let wants = instance.wants(runtime, &release, settings)?;
    let prior = wants.iter().map(|path| PriorFile {
        path: path.clone(),
        content: case.prior.get(path).map(|text| text.clone().into_bytes()),
    });
    let prior: Vec<PriorFile> = prior.collect();
    let began = Instant::now();
    let generated = instance.generate(runtime, &release, settings, &prior);
    let attempt = measured(tester, &instance, began.elapsed());
    let generated = match generated {
        Ok(generated) => generated,
        Err(failure) => return Ok(Attempt { complaints: Attempt::failed(&failure).complaints, ..attempt }),
    };
    let mut complaints: Vec<String> = case.prior.keys().filter(|path| !wants.contains(path)).map(not_wanted).collect();
    complaints.extend(impure(instance.generate(runtime, &release, settings, &prior), &generated));
    let mut found = words::of_generated(&wants, &generated);
    if let Ok(generated) = &generated {
        complaints.extend(generated.deliveries.iter().flat_map(misplaced));
        let findings = validated(&mut instance, tester, generated, &prior)?;
        words::put_list(&mut found, "findings", findings);
    }
    Ok(Attempt { found: Some(found), complaints, ..attempt })
}

/// What the generator itself finds wrong with its deliveries.
fn validated(
    instance: &mut Instance<ManifestGenerator>,
    tester: &Tester<'_>,
    generated: &Generated,
    prior: &[PriorFile],
) -> Result<Vec<toml::Value>, Failure> {
    let mut findings = Vec::new();
    for delivery in &generated.deliveries {
        let found = instance.validate(&tester.workshop.runtime, delivery, prior)?;
        findings.extend(words::diagnostics(&found));
    }
    Ok(findings)
}

fn not_wanted(path: &String) -> String {
    format!("the case has a prior file `{path}`, which the generator does not ask for")
}

/// Paths that leave their folder, and those written twice.
fn misplaced(delivery: &Delivery) -> Vec<String> {
    let files: &[OutputFile] = match delivery {
        Delivery::GitChange(change) => &change.writes,
        Delivery::Nupkg(package) => &package.files,
        Delivery::Files(files) => files,
        Delivery::Oci(image) => &image.layers,
    };
    let mut complaints = Vec::new();
    for (at, file) in files.iter().enumerate() {
        if !is_relative(&file.path) {
            complaints.push(format!("`{}` is no relative path separated by /", file.path));
        }
        if files[..at].iter().any(|other| other.path == file.path) {
            complaints.push(format!("`{}` is written twice", file.path));
        }
    }
    complaints
}

fn is_relative(path: &str) -> bool {
    let part_is_plain = |part: &str| !matches!(part, "" | "." | "..");
    !path.contains(|letter: char| letter.is_control() || matches!(letter, '\\' | ':'))
        && path.split('/').all(part_is_plain)
}
