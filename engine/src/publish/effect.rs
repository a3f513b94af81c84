//! What a delivery would change, as a person reads it: every file, line by line.

use std::fmt::Write as _;

use super::diff::unified;
use crate::model::delivery::{Delivery, GitRoute, PriorFile};

/// The whole effect of a delivery, against the files as they are.
pub fn described(delivery: &Delivery, before: &[PriorFile]) -> String {
    let mut text = head(delivery);
    if let Delivery::Nupkg(package) = delivery {
        text.push_str(&unified("nuspec", None, Some(package.nuspec.as_bytes())));
    }
    for file in delivery.files() {
        text.push_str(&unified(&file.path, content(before, &file.path), Some(&file.content)));
    }
    if let Delivery::GitChange(change) = delivery {
        for path in &change.deletes {
            text.push_str(&unified(path, content(before, path), None));
        }
    }
    text
}

fn content<'a>(files: &'a [PriorFile], path: &str) -> Option<&'a [u8]> {
    files.iter().find(|file| file.path == path)?.content.as_deref()
}

fn head(delivery: &Delivery) -> String {
    match delivery {
        Delivery::GitChange(change) => {
            let mut text = match (change.route, &change.branch) {
                (GitRoute::PullRequest, Some(branch)) => {
                    format!("pull request to {} {} from branch {branch}\n", change.repository, change.base)
                }
                (GitRoute::PullRequest, None) => format!("pull request to {} {}\n", change.repository, change.base),
                (GitRoute::Push, _) => format!("push to {} {}\n", change.repository, change.base),
            };
            writeln!(text, "title: {}", change.title).expect("a string takes all");
            change.body.lines().for_each(|line| writeln!(text, "  {line}").expect("a string takes all"));
            text
        }
        Delivery::Nupkg(package) => format!("package for {}\n", package.endpoint),
        Delivery::Files { files } => format!("files: {}\n", files.len()),
        Delivery::Oci(artifact) => format!("push to {} as {}\n", artifact.reference, artifact.artifact_type),
    }
}
