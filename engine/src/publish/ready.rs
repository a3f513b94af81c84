//! From a proposal to what is delivered: held against the rules of its package
//! manager, packed, and written down.

use std::path::Path;

use super::artifact::Studied;
use super::check::{check, worst};
use super::embed::{EmbedError, files};
use super::order::{ORDER_VERSION, Order, OrderError, PackedFile};
use super::pack::{MOST_BYTES, PackError, PackedNupkg, nuspec_name, pack};
use super::package_manager::Manager;
use super::run::Proposal;
use super::sign::{SignError, Signer};
use crate::model::delivery::{Delivery, Nupkg, OutputFile};
use crate::model::diagnostic::{Diagnostic, Severity, advice};
use crate::model::release::Release;
use crate::model::{ExitCode, Explain};
use crate::store::{StoreError, read_plain, sha256, write_atomic};

/// A proposal that may be delivered.
#[derive(Debug, Clone)]
pub struct Ready {
    /// What was proposed, and all findings.
    pub proposal: Proposal,
    /// The package of each delivery that is one.
    pub packages: Vec<Option<PackedNupkg>>,
}

/// Why a proposal is not delivered.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// It breaks rules of its package manager.
    #[error("what the generator made must not be published: {}", listed(.0))]
    Findings(Vec<Diagnostic>),
    /// An artifact cannot be put into the package.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// It cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// It cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The order cannot be written down.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A package that was kept cannot be read, or none be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A package that was kept is not what it was.
    #[error("the package {0} is not the one that was packed")]
    Changed(String),
}

fn listed(findings: &[Diagnostic]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let told: Vec<String> = errors.map(Diagnostic::line).collect();
    let more = told.len().saturating_sub(5);
    let first: Vec<&str> = told.iter().take(5).map(String::as_str).collect();
    first.join("; ") + &if more > 0 { format!("; and {more} more") } else { String::new() }
}

impl Explain for ReadyError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Findings(_) | Self::Changed(_) => ExitCode::Verification,
            Self::Embed(error) => error.exit_code(),
            Self::Pack(error) => error.exit_code(),
            Self::Sign(error) => error.exit_code(),
            Self::Order(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Findings(findings) => {
                advice(findings).unwrap_or_else(|| "correct the release or the channel's settings".into())
            }
            Self::Embed(error) => return error.hint(),
            Self::Pack(error) => return error.hint(),
            Self::Sign(error) => return error.hint(),
            Self::Order(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Changed(_) => "keep it for whoever looks into it, and move the folder of the channel away".into(),
        })
    }
}

impl Ready {
    /// Checks, signs and packs. Blocks.
    pub fn make(mut proposal: Proposal, studied: &[Studied], signer: Option<&Signer>) -> Result<Self, ReadyError> {
        // One package alone may have artifacts inside; nothing else takes them.
        let mut embedded = files(&proposal.embedded, studied, MOST_BYTES)?;
        let mut packages = Vec::with_capacity(proposal.deliveries.len());
        let manager: Option<Manager> = proposal.generator.manager.parse().ok();
        for delivery in &proposal.deliveries {
            let mut files = delivery.files().to_vec();
            files.append(&mut embedded);
            let found = manager.map(|manager| checked(manager, delivery, &mut files)).unwrap_or_default();
            if worst(&found) == Some(Severity::Error) {
                return Err(ReadyError::Findings(found));
            }
            proposal.diagnostics.extend(found.into_iter().filter(|finding| finding.severity == Severity::Warning));
            packages.push(match delivery {
                Delivery::Nupkg(Nupkg { nuspec, endpoint, .. }) => {
                    signer.map(|signer| signer.scripts(&mut files)).transpose()?;
                    Some(pack(&Nupkg { nuspec: nuspec.clone(), files, endpoint: endpoint.clone() })?)
                }
                _ => None,
            });
        }
        Ok(Self { proposal, packages })
    }

    /// Writes down what is going to be delivered: packages and their signatures
    /// first, the order at last, so that an order is never without its packages.
    /// Blocks.
    pub fn keep(&self, release: &Release, folder: &Path, signer: Option<&Signer>) -> Result<Order, ReadyError> {
        let Proposal { channel, component, generator, question, target, deliveries, embedded, .. } = &self.proposal;
        let mut packages = Vec::new();
        for (package, delivery) in self.packages.iter().zip(0..) {
            let Some(PackedNupkg { file_name, bytes }) = package else { continue };
            crate::store::create_folder(folder)?;
            write_atomic(&folder.join(file_name), bytes)?;
            packages.push(PackedFile { delivery, file: file_name.clone(), sha256: sha256(bytes).hex() });
        }
        if let Some(signer) = signer {
            let made = self.packages.iter().flatten();
            signer.packages(folder, made.map(|package| (package.file_name.as_str(), package.bytes.as_slice())))?;
        }
        let order = Order {
            v: ORDER_VERSION,
            release: format!("{} {}", release.name, release.version),
            date: release.date.clone(),
            channel: channel.clone(),
            question: question.clone(),
            component: component.clone(),
            generator: generator.clone(),
            target: target.clone(),
            deliveries: deliveries.clone(),
            embedded: embedded.clone(),
            packages,
        };
        order.write(folder)?;
        Ok(order)
    }
}

/// The packages of an order that was written down earlier. Blocks.
pub fn kept(order: &Order, folder: &Path) -> Result<Vec<Option<PackedNupkg>>, ReadyError> {
    let mut packages = vec![None; order.deliveries.len()];
    for PackedFile { delivery, file, sha256: digest } in &order.packages {
        let bytes = read_plain(&folder.join(file), MOST_BYTES)?;
        let slot = packages.get_mut(*delivery).ok_or_else(|| ReadyError::Changed(file.clone()))?;
        if sha256(&bytes).hex() != *digest {
            return Err(ReadyError::Changed(file.clone()));
        }
        *slot = Some(PackedNupkg { file_name: file.clone(), bytes });
    }
    Ok(packages)
}

/// What is wrong with the files of a delivery, as they would lie in a folder:
/// a package's beside its nuspec.
fn checked(manager: Manager, delivery: &Delivery, files: &mut Vec<OutputFile>) -> Vec<Diagnostic> {
    let Delivery::Nupkg(package) = delivery else { return check(manager, files) };
    files.push(OutputFile { path: nuspec_name(package), content: package.nuspec.clone().into_bytes() });
    let found = check(manager, files);
    files.pop();
    found
}
