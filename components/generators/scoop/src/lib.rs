//! A manifest for a Scoop bucket: one JSON file, updated in place.
//!
//! Version, URLs and hashes are the release's. What people add by hand (notes,
//! scripts, what persists, how new versions are found) stays as it stands in
//! the bucket.

mod app;
mod blocks;
mod keep;
mod renew;
mod validate;

use generator_common::{Findings, Settings, Value, json, outcome};
use turbo_component::manifest::{
    Delivery, Diagnostic, Generated, GeneratorInfo, GitChange, GitRoute, ManifestGenerator, Outcome, OutputFile,
    PriorFile, Release,
};

use crate::app::App;

/// The generator.
#[derive(Debug, Default)]
pub struct Scoop;

impl ManifestGenerator for Scoop {
    fn describe(&self) -> GeneratorInfo {
        turbo_component::generator_info!()
    }

    fn wants(&self, release: &Release, settings: &[(String, String)]) -> Vec<String> {
        let app = App::open(release, Settings::new(settings), &mut Findings::default());
        app.map(|app| app.path()).into_iter().collect()
    }

    fn generate(
        &self,
        release: &Release,
        settings: &[(String, String)],
        prior: &[PriorFile],
    ) -> Result<Generated, Vec<Diagnostic>> {
        let mut findings = Findings::default();
        let Some(app) = App::open(release, Settings::new(settings), &mut findings) else {
            return Err(findings.into_list());
        };
        app.settings.expect(&app::SETTINGS, &mut findings);
        let path = app.path();
        let content = prior.iter().find(|file| file.path == path).and_then(|file| file.content.as_deref());
        let old = content.and_then(|content| keep::read(&path, content, &mut findings));
        let fields = app.manifest(old.as_ref(), &mut findings);
        let file = OutputFile::text(&path, &json::write(&Value::Map(fields)));
        let delivery = delivery(&app, content.is_some(), file, &mut findings);
        findings.answer(vec![delivery])
    }

    fn validate(&self, delivery: &Delivery, _prior: &[PriorFile]) -> Vec<Diagnostic> {
        validate::delivery(delivery)
    }

    fn poll(&self, _delivery: &Delivery, submission: &str) -> Vec<String> {
        outcome::api_urls(submission)
    }

    fn interpret(&self, _delivery: &Delivery, answers: &[(u16, Vec<u8>)]) -> Outcome {
        outcome::of_answers(answers, judge)
    }
}

turbo_component::export_manifest_generator!(Scoop);

/// A commit to the bucket; without a bucket, the file alone.
fn delivery(app: &App<'_>, is_there: bool, file: OutputFile, findings: &mut Findings) -> Delivery {
    let settings = app.settings;
    let route = settings.choice("route", &["push", "pull-request"], findings);
    let Some(repository) = settings.text("repository") else {
        let message = "no bucket is named: the manifest is written as a file";
        findings.warn("scoop-no-bucket", message, "set `repository` to OWNER/NAME or a URL");
        return Delivery::Files(vec![file]);
    };
    let verb = if is_there { "Update to" } else { "Add" };
    let is_pull_request = route == "pull-request";
    Delivery::GitChange(GitChange {
        repository: repository.to_owned(),
        base: settings.text("base").unwrap_or("main").to_owned(),
        branch: is_pull_request.then(|| format!("{}-{}", app.name, app.version)),
        title: format!("{}: {verb} version {}", app.name, app.version),
        body: String::new(),
        writes: vec![file],
        deletes: Vec::new(),
        route: if is_pull_request { GitRoute::PullRequest } else { GitRoute::Push },
    })
}

/// What the labels of Scoop's own buckets ask for.
fn judge(labels: &[&str]) -> Option<Outcome> {
    let is_told = |words: &[&str]| labels.iter().any(|label| words.contains(label));
    if is_told(&["manifest-fix-needed", "changes-requested", "package-change-needed", "needs-author-feedback"]) {
        return Some(Outcome::NeedsAction(outcome::said("the manifest needs a change", labels)));
    }
    None
}

#[cfg(test)]
mod tests;
