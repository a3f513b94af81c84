//! A Chocolatey package: a nuspec, and the scripts that install.
//!
//! Without `embed` the scripts download the release's files and check their
//! digests. With it the files lie in the package: a generator never sees
//! bytes, so it names under `extra` which artifact the engine has to put where
//! (`embed:tools/FILE` is the artifact's id), and writes VERIFICATION.txt and
//! LICENSE.txt, which such a package must have.

mod chosen;
mod nuspec;
mod package;
mod scripts;
mod track;
mod validate;
mod version;

use generator_common::{Findings, Settings};
use turbo_component::manifest::{
    Delivery, Diagnostic, Generated, GeneratorInfo, ManifestGenerator, Nupkg, Outcome, PriorFile, Release,
};

use crate::chosen::Chosen;
use crate::package::Package;

/// The generator.
#[derive(Debug, Default)]
pub struct Chocolatey;

impl ManifestGenerator for Chocolatey {
    fn describe(&self) -> GeneratorInfo {
        turbo_component::generator_info!()
    }

    fn generate(
        &self,
        release: &Release,
        settings: &[(String, String)],
        _prior: &[PriorFile],
    ) -> Result<Generated, Vec<Diagnostic>> {
        let mut findings = Findings::default();
        let settings = Settings::new(settings);
        let Some(package) = Package::open(release, settings, &mut findings) else {
            return Err(findings.into_list());
        };
        settings.expect(&package::SETTINGS, &mut findings);
        let Some(chosen) = Chosen::of(&package, &mut findings) else {
            return Err(findings.into_list());
        };
        let nuspec = nuspec::write(&package, &mut findings);
        let files = scripts::files(&package, &chosen, &mut findings);
        let endpoint = settings.text("endpoint").unwrap_or("https://push.chocolatey.org/").to_owned();
        let extra = if package.is_embedded { chosen.embedded() } else { Vec::new() };
        let answer = findings.answer(vec![Delivery::Nupkg(Nupkg { nuspec, files, endpoint })])?;
        Ok(Generated { extra, ..answer })
    }

    fn validate(&self, delivery: &Delivery, _prior: &[PriorFile]) -> Vec<Diagnostic> {
        validate::delivery(delivery)
    }

    fn poll(&self, delivery: &Delivery, submission: &str) -> Vec<String> {
        track::poll(delivery, submission)
    }

    fn interpret(&self, _delivery: &Delivery, answers: &[(u16, Vec<u8>)]) -> Outcome {
        track::interpret(answers)
    }
}

turbo_component::export_manifest_generator!(Chocolatey);

#[cfg(test)]
mod tests;
