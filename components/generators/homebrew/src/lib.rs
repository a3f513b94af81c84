//! A Homebrew formula for programs, or a cask for applications, in a tap.
//!
//! Blocks that people write by hand (tests, services, caveats, how new versions
//! are found) stay as they stand in the tap.

mod cask;
mod formula;
mod keep;
mod package;
mod platform;
mod ruby;
mod validate;

use generator_common::{Findings, Settings, outcome};
use turbo_component::manifest::{
    Delivery, Diagnostic, Generated, GeneratorInfo, GitChange, GitRoute, ManifestGenerator, Outcome, OutputFile,
    PriorFile, Release,
};

use crate::package::{Kind, Package};

/// The generator.
#[derive(Debug, Default)]
pub struct Homebrew;

impl ManifestGenerator for Homebrew {
    fn describe(&self) -> GeneratorInfo {
        turbo_component::generator_info!()
    }

    fn wants(&self, release: &Release, settings: &[(String, String)]) -> Vec<String> {
        let package = Package::open(release, Settings::new(settings), &mut Findings::default());
        package.map(|package| package.path()).into_iter().collect()
    }

    fn generate(
        &self,
        release: &Release,
        settings: &[(String, String)],
        prior: &[PriorFile],
    ) -> Result<Generated, Vec<Diagnostic>> {
        let mut findings = Findings::default();
        let Some(package) = Package::open(release, Settings::new(settings), &mut findings) else {
            return Err(findings.into_list());
        };
        package.settings.expect(&package::SETTINGS, &mut findings);
        let path = package.path();
        let old = prior.iter().find(|file| file.path == path).and_then(PriorFile::as_text);
        let text = match package.kind {
            Kind::Formula => formula::write(&package, old, &mut findings),
            Kind::Cask => cask::write(&package, old, &mut findings),
        };
        let file = OutputFile::text(&path, &text);
        let delivery = delivery(&package, old.is_some(), file, &mut findings);
        findings.answer(vec![delivery])
    }

    fn validate(&self, delivery: &Delivery, _prior: &[PriorFile]) -> Vec<Diagnostic> {
        validate::delivery(delivery)
    }

    fn poll(&self, _delivery: &Delivery, submission: &str) -> Vec<String> {
        outcome::api_urls(submission)
    }

    fn interpret(&self, _delivery: &Delivery, answers: &[(u16, Vec<u8>)]) -> Outcome {
        outcome::of_answers(answers, |labels| {
            let is_told =
                labels.iter().any(|label| matches!(*label, "needs response" | "changes requested" | "CI-syntax-only"));
            is_told.then(|| Outcome::NeedsAction(outcome::said("the reviewers wait for an answer", labels)))
        })
    }
}

turbo_component::export_manifest_generator!(Homebrew);

/// A commit to the tap; without a tap, the file alone.
fn delivery(package: &Package<'_>, is_there: bool, file: OutputFile, findings: &mut Findings) -> Delivery {
    let settings = package.settings;
    let route = settings.choice("route", &["push", "pull-request"], findings);
    let Some(repository) = settings.text("repository") else {
        let message = "no tap is named: it is written as a file";
        findings.warn("brew-no-tap", message, "set `repository` to OWNER/homebrew-NAME");
        return Delivery::Files(vec![file]);
    };
    let is_pull_request = route == "pull-request";
    let new = match package.kind {
        _ if is_there => "",
        Kind::Formula => " (new formula)",
        Kind::Cask => " (new cask)",
    };
    Delivery::GitChange(GitChange {
        repository: repository.to_owned(),
        base: settings.text("base").unwrap_or("main").to_owned(),
        branch: is_pull_request.then(|| format!("{}-{}", package.name, package.version)),
        title: format!("{} {}{new}", package.name, package.version),
        body: String::new(),
        writes: vec![file],
        deletes: Vec::new(),
        route: if is_pull_request { GitRoute::PullRequest } else { GitRoute::Push },
    })
}

#[cfg(test)]
mod tests;
