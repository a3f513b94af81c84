//! Manifests for the Windows Package Manager.
//!
//! One version is one folder of files: the version, its installers, and its
//! texts in each language. What the release does not say is taken from the
//! previous version's files, because people wrote it there with care.

mod carry;
mod change;
mod installer;
mod installers;
mod locale;
mod package;
mod validate;

use generator_common::{Fields, Findings, Settings, Value, outcome, yaml};
use turbo_component::manifest::{
    Delivery, Diagnostic, Generated, GeneratorInfo, ManifestGenerator, Outcome, OutputFile, PriorFile, Release,
};

use crate::carry::Previous;
use crate::package::Package;

/// The generator.
#[derive(Debug, Default)]
pub struct Winget;

impl ManifestGenerator for Winget {
    fn describe(&self) -> GeneratorInfo {
        turbo_component::generator_info!()
    }

    fn wants(&self, release: &Release, settings: &[(String, String)]) -> Vec<String> {
        match Package::open(release, Settings::new(settings), &mut Findings::default()) {
            Some(package) => carry::wants(&package),
            None => Vec::new(),
        }
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
        let previous = Previous::read(&package, prior, &mut findings);
        let installers = installers::manifest(&package, &previous, &mut findings);
        let locales = locale::manifests(&package, &previous, &mut findings);
        let mut writes = vec![file(&package, "", "version", version(&package))];
        writes.push(file(&package, ".installer", "installer", installers));
        for locale in locales {
            let kind = if locale.is_default { "defaultLocale" } else { "locale" };
            writes.push(file(&package, &format!(".locale.{}", locale.tag), kind, locale.fields));
        }
        let change = change::of(&package, &previous, prior, writes);
        findings.answer(vec![Delivery::GitChange(change)])
    }

    fn validate(&self, delivery: &Delivery, _prior: &[PriorFile]) -> Vec<Diagnostic> {
        validate::delivery(delivery)
    }

    fn poll(&self, _delivery: &Delivery, submission: &str) -> Vec<String> {
        outcome::api_urls(submission)
    }

    fn interpret(&self, _delivery: &Delivery, answers: &[(u16, Vec<u8>)]) -> Outcome {
        outcome::of_answers(answers, change::judge)
    }
}

turbo_component::export_manifest_generator!(Winget);

fn version(package: &Package<'_>) -> Fields {
    let mut fields = package.identity();
    fields.put("DefaultLocale", Value::text(&package.default_locale));
    fields
}

/// A file with its head, in the line ends of Windows.
fn file(package: &Package<'_>, part: &str, kind: &str, mut fields: Fields) -> OutputFile {
    let version = package.manifest_version;
    fields.put("ManifestType", Value::text(kind));
    fields.put("ManifestVersion", Value::text(version));
    let head = format!(
        "# Created with turbo-engine\n# yaml-language-server: $schema=https://aka.ms/winget-manifest.{kind}.{version}.schema.json\n\n"
    );
    let text = (head + &yaml::write(&fields)).replace('\n', "\r\n");
    OutputFile::text(&package.file(&package.version, part), &text)
}

#[cfg(test)]
mod tests;
