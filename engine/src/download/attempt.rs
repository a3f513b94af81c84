//! One attempt at a file: from the first answer to the receipt.

use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::cached::storable;
use super::coding::Coding;
use super::finish::{Delivered, Finish};
use super::lane::Expected;
use super::open::{HeadStart, Opened, Opening, Vouched, open};
use super::place::{Place, settle_with_origin, url_digest};
use super::single::Single;
use super::source::Source;
use super::stage::{Stage, Staged};
use super::transfer::{Outcome, Purpose, Setup, Transfer};
use super::truth::{discover, promised};
use super::{DigestRule, DownloadError, Engine, Event, Job, Observer, Output, Promised, Proof, Receipt, blocking};
use crate::model::http::{Agreement, Links, file_digests};
use crate::model::{ByteRange, DisplayUrl};
use crate::net::{Scoped, Trust, Wanted};
use crate::plan::{RangeSet, RetryBudget, Role};
use crate::store::{Journal, LastJournal, Runs, StoreError, Target, Writer, WriterOptions, reserve_private_file};

/// Most copies that are taken from the origin's `Link` fields.
const MOST_LINKED: usize = 32;

/// What an attempt works with.
pub(super) struct Attempt<'a> {
    pub engine: &'a Engine,
    pub observer: &'a dyn Observer,
    pub cancel: &'a CancellationToken,
    pub place: &'a Place,
    pub ranges: Ranges,
}

/// Whether parts of the file may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ranges {
    /// As it should be.
    Asked,
    /// The origin answers them with the whole file.
    Avoided,
}

/// A download that has its first answer and a place to write to.
struct Begun {
    opened: Opened,
    resumed: RangeSet,
    budget: RetryBudget,
    writer: Arc<Writer>,
}

impl Attempt<'_> {
    /// Runs the attempt. `Changing` asks for another one.
    pub(super) async fn run(&self, job: &mut Job, sources: &mut Vec<Source>) -> Result<Receipt, DownloadError> {
        let mut budget = RetryBudget::new(self.engine.options.retry);
        let (opened, journal) = tokio::select! {
            opened = self.open(job, sources, &mut budget) => opened?,
            () = self.cancel.cancelled() => return Err(DownloadError::Interrupted),
        };
        let target = self.place.settled(opened.response.headers(), &job.url)?;
        if let Some(target) = &target {
            if let Some(receipt) = super::place::settle_locally(job, target).await? {
                return Ok(receipt);
            }
            if let Some(receipt) = settle_with_origin(self.engine, job, target, &opened.representation)? {
                return Ok(receipt);
            }
        }
        check_size(job, &opened)?;
        let coding = Coding::of(&opened.response, &job.url);
        self.warn_of(&coding);
        if sources[opened.source].role == Role::Origin {
            add_linked(sources, &opened);
        }
        let staged = self.stage(target.as_ref(), &opened, journal).await?;
        let resumed = staged.resumed();
        self.announce(job, target.as_ref(), &opened, &resumed);
        let writer = Arc::new(self.start_writer(job, target.as_ref(), &opened, staged));
        let begun = Begun { opened, resumed, budget, writer: Arc::clone(&writer) };
        let received = self.receive(job, sources, begun).await;
        let receipt = match received {
            Ok(delivered) => {
                let finish = Finish {
                    engine: self.engine,
                    observer: self.observer,
                    cancel: self.cancel,
                    job,
                    target: target.as_ref(),
                    writer: Arc::clone(&writer),
                };
                finish.run(delivered, sources).await
            }
            Err(error) => Err(error),
        };
        let receipt = self.close(writer, target.as_ref(), receipt).await?;
        Ok(coding.noted(receipt))
    }

    fn warn_of(&self, coding: &Coding) {
        coding.warning().into_iter().for_each(|message| self.observer.event(&Event::warning(message)));
    }

    /// Gets the first answer, with the journal when it can be continued.
    async fn open(
        &self,
        job: &Job,
        sources: &mut [Source],
        budget: &mut RetryBudget,
    ) -> Result<(Opened, Option<Journal>), DownloadError> {
        let vouched = match (job.digests.is_empty(), job.mirrors.is_empty()) {
            (false, _) => Vouched::Bytes,
            (true, false) => Vouched::Places,
            (true, true) => Vouched::Nothing,
        };
        let journal = self.journal(job).filter(|_| self.ranges == Ranges::Asked);
        let start = journal.as_ref().map_or(0, first_missing);
        let proves_itself = has_strong_digest(job);
        let head_start = |resumes: bool| if resumes && !proves_itself { HeadStart::LONG } else { HeadStart::SHORT };
        let opening = |start, if_range, resumes| Opening {
            engine: self.engine,
            observer: self.observer,
            wanted: if self.ranges == Ranges::Asked { Wanted::From(start) } else { Wanted::Everything },
            if_range,
            vouched,
            head_start: head_start(resumes),
        };
        let if_range = journal.as_ref().and_then(|journal| journal.validators.if_range());
        let opened = open(&opening(start, if_range, journal.is_some()), sources, budget).await?;
        let Some(journal) = journal else { return Ok((opened, None)) };
        // The journal is of the name that the URL gives; the server may know better.
        let same_name = self.place.settled(opened.response.headers(), &job.url)? == self.place.expected(&job.url)?;
        if same_name && continues(&journal, &opened, sources, job, start) {
            return Ok((opened, Some(journal)));
        }
        self.observer.event(&Event::warning(
            "the file has changed, or cannot be proven unchanged, since the earlier run; starting from the beginning",
        ));
        if opened.representation.part_from.is_none() {
            return Ok((opened, None));
        }
        drop(opened);
        Ok((open(&opening(0, None, false), sources, budget).await?, None))
    }

    fn journal(&self, job: &Job) -> Option<Journal> {
        let target = self.place.expected(&job.url).ok()??;
        match target.journal() {
            Ok(journal) => journal.filter(|journal| journal.url_digest == url_digest(&job.url)),
            Err(error) => {
                self.observer.event(&Event::warning(format!("{error}; starting from the beginning")));
                None
            }
        }
    }

    fn announce(&self, job: &Job, target: Option<&Target>, opened: &Opened, resumed: &RangeSet) {
        self.observer.event(&Event::Start {
            url: DisplayUrl(&job.url).to_string(),
            file: target.map(|target| target.name().display().to_string()),
            size: opened.representation.size,
            resumed_bytes: resumed.len(),
        });
    }

    /// Makes the part ready, and tells of what it has lost.
    async fn stage(
        &self,
        target: Option<&Target>,
        opened: &Opened,
        journal: Option<Journal>,
    ) -> Result<Staged, DownloadError> {
        let stage = Stage {
            path: match target {
                Some(target) => target.part(),
                None => reserve_private_file(&self.engine.scratch)?,
            },
            target: target.cloned(),
            left: journal.map(|journal| journal.runs),
            size: opened.representation.size,
            preallocate: self.engine.options.preallocate,
            cancel: self.cancel.clone(),
        };
        let staged = blocking(move || stage.prepare()).await?;
        let rotted = staged.rotted.len();
        if rotted > 0 {
            let message = format!("{rotted} bytes of the earlier run have rotted and are fetched again");
            self.observer.event(&Event::warning(message));
        }
        Ok(staged)
    }

    fn start_writer(&self, job: &mut Job, target: Option<&Target>, opened: &Opened, staged: Staged) -> Writer {
        let representation = &opened.representation;
        let stream = match &mut job.output {
            Output::Stream(stream) => Some(std::mem::replace(stream, Box::new(std::io::sink()))),
            _ => None,
        };
        let resumable = representation.part_from.and(representation.size);
        let journal = target.zip(resumable).map(|(target, size)| {
            let fresh = Journal::new(url_digest(&job.url), size, representation.validators.clone());
            (target.state(), Journal { runs: staged.runs.unwrap_or_else(|| Runs::of_size(size)), ..fresh })
        });
        Writer::start(WriterOptions {
            part: staged.part,
            algorithms: job.digests.iter().map(|promised| promised.digest.algorithm()).collect(),
            buffer_bytes: self.engine.options.buffer_bytes,
            journal,
            stream,
        })
    }

    /// Receives all bytes, and the origin's own digests meanwhile.
    async fn receive(&self, job: &Job, sources: &mut Vec<Source>, begun: Begun) -> Result<Delivered, DownloadError> {
        let Begun { opened, resumed, mut budget, writer } = begun;
        let from_origin = sources[opened.source].role == Role::Origin;
        let is_plain = opened.response.codings().is_identity();
        let is_public = from_origin && is_plain && !self.engine.introduces_user(job);
        let scoped = sources[0].scoped.as_ref().map(Scoped::headers);
        let storable = scoped.filter(|_| is_public).and_then(|sent| storable(sent, opened.response.headers()));
        let stated = file_digests(opened.response.headers(), opened.response.status());
        // They are of the coded body.
        let is_decoded = opened.response.is_decoded();
        let mut truths = if from_origin && !is_decoded { promised(stated, Proof::ReprDigest) } else { Vec::new() };
        let (engine, observer) = (self.engine, self.observer);
        let validators = opened.representation.validators.clone();
        let sized = opened.representation.part_from.zip(opened.representation.size);
        let Some((start, size)) = sized else {
            let single = Single {
                engine,
                observer,
                writer,
                size: opened.representation.size,
                promised: job.size,
                validators: validators.clone(),
                is_decoded,
            };
            let source = &mut sources[opened.source];
            let _ = source.become_state(super::SourceState::Active, None);
            let size = single.run(source, opened, &mut budget, self.cancel).await?;
            let received_at = Instant::now();
            if job.digest_rule == DigestRule::Required {
                truths.extend(discover(&engine.net, &sources[0]).await);
            }
            let expected = Expected { size, validators: validators.into() };
            return Ok(Delivered {
                expected,
                resumed: RangeSet::default(),
                truths,
                sampled_bytes: 0,
                received_at,
                budget,
                storable,
            });
        };
        let expected = Expected { size, validators: validators.into() };
        let setup = Setup {
            engine,
            observer,
            sources: std::mem::take(sources),
            writer,
            expected: expected.clone(),
            have: resumed.clone(),
            resumed: resumed.clone(),
            budget,
            purpose: Purpose::Fetch,
        };
        let (outcome, found) = self.transfer(job, setup, opened, start).await;
        truths.extend(found);
        let Outcome { sources: used, budget, sampled_bytes, received_at, result } = outcome;
        *sources = used;
        result.inspect_err(|error| {
            // Whoever answered first with another file than the origin's must
            // not lead the next attempt astray.
            if matches!(error, DownloadError::Changing) {
                for mirror in sources.iter_mut().filter(|source| source.role == Role::Mirror) {
                    let _ =
                        mirror.become_state(super::SourceState::Refused, Some("it disagrees with the origin".into()));
                }
            }
        })?;
        Ok(Delivered { expected, resumed, truths, sampled_bytes, received_at, budget, storable })
    }

    async fn transfer(&self, job: &Job, setup: Setup<'_>, opened: Opened, start: u64) -> (Outcome, Vec<Promised>) {
        let needs_truth = setup.sources.len() > 1 || job.digest_rule == DigestRule::Required;
        let origin = origin_alone(&setup.sources[0]);
        let net = self.engine.net.clone();
        let discovery = async move { if needs_truth { discover(&net, &origin).await } else { Vec::new() } };
        let discovery = discovery.shared();
        let mut transfer = Transfer::new(setup);
        transfer.adopt(opened, start);
        let running = transfer.run(self.cancel);
        tokio::pin!(running);
        let outcome = tokio::select! {
            outcome = &mut running => outcome,
            _ = discovery.clone() => running.await,
        };
        // Without a mirror's byte nothing needs to be proven.
        let mirrored = outcome.sources.iter().skip(1).any(|source| !source.given.is_empty());
        let wanted = outcome.result.is_ok() && (mirrored || job.digest_rule == DigestRule::Required);
        let found = if wanted && job.digests.is_empty() { discovery.await } else { Vec::new() };
        (outcome, found)
    }

    /// Ends the writing thread. Its own error explains a failure best; after a
    /// verification failure nothing is kept.
    async fn close(
        &self,
        writer: Arc<Writer>,
        target: Option<&Target>,
        result: Result<Receipt, DownloadError>,
    ) -> Result<Receipt, DownloadError> {
        // Keeps the lock until nothing under the part's name is touched any more.
        let part = writer.part();
        let writer = Arc::into_inner(writer).expect("every lane and audit has ended");
        let last = match &result {
            Ok(_) | Err(DownloadError::Mismatch { .. } | DownloadError::Size { .. }) => LastJournal::Omitted,
            Err(_) => LastJournal::Written,
        };
        let closed = blocking(move || writer.close(last)).await;
        match target {
            None => crate::store::remove(part.path()),
            Some(target) => match &result {
                Ok(_) => target.discard_journal(),
                Err(DownloadError::Mismatch { .. } | DownloadError::Size { .. }) => target.discard_unfinished(),
                Err(_) => {}
            },
        }
        match (result, closed) {
            (Err(DownloadError::Store(StoreError::WriterGone)), Err(cause)) => Err(cause.into()),
            (result, _) => result,
        }
    }
}

/// A copy of the origin that discovery may keep while the transfer owns the sources.
fn origin_alone(origin: &Source) -> Source {
    let mut alone = Source::new(origin.url.clone(), origin.trust, origin.role, None);
    alone.scoped.clone_from(&origin.scoped);
    alone
}

fn first_missing(journal: &Journal) -> u64 {
    let missing = journal.runs.ranges().complement(journal.size).first();
    // A complete part that was never renamed: any answer tells whether it is current.
    missing.map_or(journal.size.saturating_sub(1), ByteRange::start)
}

/// Adds the copies that the origin itself names (RFC 6249). Like a rule's
/// candidates they must not be plainer than the origin, and are compared with it.
fn add_linked(sources: &mut Vec<Source>, opened: &Opened) {
    let origin = opened.response.url().clone();
    let links = Links::of(opened.response.headers(), &origin).duplicates;
    let safe = links.into_iter().filter(|link| origin.scheme() == "http" || link.url.scheme() == "https");
    for link in safe.take(MOST_LINKED) {
        super::add(sources, Source::new(link.url, Trust::Named, Role::Mirror, None));
    }
}

/// Whether an answer belongs to the representation that a journal began.
fn continues(journal: &Journal, opened: &Opened, sources: &[Source], job: &Job, start: u64) -> bool {
    let answer = &opened.representation;
    if answer.part_from != Some(start) || answer.size != Some(journal.size) {
        return false;
    }
    let from_origin = sources[opened.source].role == Role::Origin;
    match journal.validators.agrees(&answer.validators) {
        Agreement::Same if from_origin => true,
        Agreement::Different if from_origin => false,
        // The digest will tell.
        _ => has_strong_digest(job),
    }
}

fn has_strong_digest(job: &Job) -> bool {
    job.digests.iter().any(|promised| promised.digest.algorithm().is_collision_resistant())
}

fn check_size(job: &Job, opened: &Opened) -> Result<(), DownloadError> {
    match (job.size, opened.representation.size) {
        (Some(expected), Some(got)) if expected != got => Err(DownloadError::Size { expected, got }),
        _ => Ok(()),
    }
}
