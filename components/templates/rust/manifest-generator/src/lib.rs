//! Writes one file for each release of a package.
//!
//! The release comes in with everything computed: sizes, digests, dates. What
//! goes out is checked and delivered by the engine.

use turbo_component::manifest::{
    Artifact, Delivery, Diagnostic, Generated, GeneratorInfo, ManifestGenerator, OutputFile,
    PriorFile, Release, setting,
};

/// The generator.
#[derive(Debug, Default)]
pub struct Generator;

impl ManifestGenerator for Generator {
    fn describe(&self) -> GeneratorInfo {
        turbo_component::generator_info!()
    }

    fn wants(&self, release: &Release, _settings: &[(String, String)]) -> Vec<String> {
        vec![path(release)]
    }

    fn generate(
        &self,
        release: &Release,
        settings: &[(String, String)],
        prior: &[PriorFile],
    ) -> Result<Generated, Vec<Diagnostic>> {
        let title = setting(settings, "title").unwrap_or(&release.name);
        let lines: Vec<String> = release
            .artifacts
            .iter()
            .map(line)
            .collect::<Result<_, _>>()?;
        if lines.is_empty() {
            return Err(vec![Diagnostic::error(
                "no-artifact",
                "the release has no file",
            )]);
        }
        let page = format!("# {title} {}\n\n{}\n", release.version, lines.join("\n"));
        let generated = Generated::of(Delivery::Files(vec![OutputFile::text(
            &path(release),
            &page,
        )]));
        let is_there = prior
            .iter()
            .any(|file| file.as_text().is_some_and(|text| text != page));
        Ok(if is_there {
            generated.noting(
                Diagnostic::warning("rewritten", "the page of this version changes")
                    .in_file(&path(release)),
            )
        } else {
            generated
        })
    }
}

turbo_component::export_manifest_generator!(Generator);

fn path(release: &Release) -> String {
    format!("{}/{}.md", release.name, release.version)
}

fn line(artifact: &Artifact) -> Result<String, Vec<Diagnostic>> {
    let sha256 = artifact.sha256().ok_or_else(|| {
        vec![Diagnostic::error(
            "no-digest",
            &format!("{} has no SHA-256", artifact.file_name),
        )]
    })?;
    Ok(format!(
        "- [{}]({}) {} bytes, sha256 {sha256}",
        artifact.file_name, artifact.url, artifact.size
    ))
}

#[cfg(test)]
mod tests {
    use turbo_component::testing;

    use super::*;

    #[test]
    fn a_release_becomes_one_page() {
        let release = testing::release("tool", "1.2.3");
        let generated = testing::generate(&Generator, &release, &[], &[]).expect("a good release");
        let Delivery::Files(files) = &generated.deliveries[0] else {
            panic!("{generated:?}")
        };
        assert_eq!(files[0].path, "tool/1.2.3.md");
    }

    #[test]
    fn a_release_without_files_is_refused() {
        let release = Release {
            artifacts: Vec::new(),
            ..testing::release("tool", "1.2.3")
        };
        let diagnostics =
            testing::generate(&Generator, &release, &[], &[]).expect_err("nothing to list");
        assert_eq!(diagnostics[0].code, "no-artifact");
    }
}
