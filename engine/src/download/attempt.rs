//! One attempt at a file: from the first answer to the receipt.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::coding::Coding;
use super::existing::{Answered, Existing, settle_locally};
use super::finish::Finish;
use super::left::{Left, has_strong_digest, is_strong, refute, set_aside, stated_digests};
use super::open::{HeadStart, Opened, Opening, open};
use super::place::{Place, origin_digest, url_digest};
use super::source::Source;
use super::stage::{Stage, Staged};
use super::truth::{Discovery, promised};
use super::{DownloadError, Engine, Event, Job, Observer, Output, Proof, Receipt, blocking};
use crate::model::http::Links;
use crate::model::{Algorithm, Digest, DisplayUrl};
use crate::net::{Body, Trust, Wanted};
use crate::plan::{KnownDigest, Parts, RangeSet, Resumption, RetryBudget, Role, Vouching};
use crate::store::{
    Journal, LastJournal, Runs, ScratchFile, StoreError, Target, Writer, WriterOptions, reserve_private_file,
};

/// Most copies that are taken from the origin's `Link` fields.
const MOST_LINKED: usize = 32;

/// What an attempt works with.
pub(super) struct Attempt<'a> {
    pub engine: &'a Engine,
    pub observer: &'a dyn Observer,
    pub cancel: &'a CancellationToken,
    pub place: &'a Place,
    pub ranges: Ranges,
    /// Whether the last run combined parts.
    pub parts: Parts,
    /// The digests that the origin publishes.
    pub discovery: Discovery,
    /// Where bytes for a stream wait for those before them; none where nothing
    /// can be kept, and for a file.
    pub scratch: Option<PathBuf>,
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
pub(super) struct Begun {
    pub opened: Opened,
    pub resumed: RangeSet,
    pub budget: RetryBudget,
    pub writer: Arc<Writer>,
}

impl Attempt<'_> {
    /// Has the bytes of a stream wait in this folder. Without one they have to
    /// come in order, over one connection.
    pub(super) fn stage_in(&mut self, scratch: Option<PathBuf>) {
        if scratch.is_none() {
            self.ranges = Ranges::Avoided;
        }
        self.scratch = scratch;
    }

    /// Runs the attempt. `Changing` asks for another one.
    pub(super) async fn run(&mut self, job: &mut Job, sources: &mut Vec<Source>) -> Result<Receipt, DownloadError> {
        let mut budget = RetryBudget::new(self.engine.options.retry);
        let cancel = self.cancel;
        let (opened, journal) = tokio::select! {
            opened = self.begin(job, sources, &mut budget) => opened?,
            () = cancel.cancelled() => return Err(DownloadError::Interrupted),
        };
        let target = self.place.settled(&opened.naming(&job.url), &job.url)?;
        let compared = match &target {
            Some(target) => match self.settle(job, sources, target, &opened).await? {
                Existing::Settled(receipt) => return Ok(*receipt),
                Existing::Fetch => None,
                Existing::Compare(finished) => Some(finished),
            },
            None => None,
        };
        check_size(job, &opened)?;
        let coding = Coding::of(&opened.response, &job.url);
        self.warn_of(&coding);
        if sources[opened.source].role == Role::Origin {
            add_linked(sources, &opened);
        }
        if let Some(target) = target.as_ref().filter(|_| journal.is_none() && has_strong_digest(job)) {
            set_aside(target);
        }
        let staged = self.stage(target.as_ref(), &opened, journal).await?;
        // Removed whatever happens, the end of this future included.
        let _scratch = target.is_none().then(|| ScratchFile::new(staged.part.path()));
        let resumed = staged.resumed();
        let was_resumed = !resumed.is_empty();
        self.announce(job, target.as_ref(), &opened, &resumed);
        let writer = Arc::new(self.start_writer(job, target.as_ref(), &opened, staged));
        let begun = Begun { opened, resumed, budget, writer: Arc::clone(&writer) };
        let received = self.receive(job, sources, begun).await;
        let received = match received {
            Ok(delivered) => self.compare_plain(job, target.as_ref(), &writer).await.map(|()| delivered),
            Err(error) => Err(error),
        };
        let receipt = match received {
            Ok(delivered) => {
                let finish = Finish {
                    engine: self.engine,
                    observer: self.observer,
                    cancel: self.cancel,
                    job,
                    target: target.as_ref(),
                    writer: Arc::clone(&writer),
                    compared,
                };
                finish.run(delivered, sources).await
            }
            Err(error) => Err(error),
        };
        let receipt = self.close(writer, target.as_ref().zip(Some(was_resumed)), receipt).await?;
        Ok(coding.noted(receipt))
    }

    fn warn_of(&self, coding: &Coding) {
        coding.warning().into_iter().for_each(|message| self.observer.event(&Event::warning(message)));
    }

    /// Decides about the file that has the final name.
    async fn settle(
        &self,
        job: &Job,
        sources: &[Source],
        target: &Target,
        opened: &Opened,
    ) -> Result<Existing, DownloadError> {
        if let Some(receipt) = settle_locally((self.engine, self.observer), job, target).await? {
            return Ok(Existing::Settled(Box::new(receipt)));
        }
        let by = sources[opened.source].role;
        let stated = if by == Role::Origin { stated_digests(opened) } else { Vec::new() };
        let stated = promised(stated, Proof::ReprDigest);
        let (engine, observer, discovery) = (self.engine, self.observer, &self.discovery);
        Answered { engine, observer, opened, by, stated: &stated, discovery }.settle(job, target).await
    }

    /// Gets the first answer, with the journal when it can be continued, and
    /// decides whether parts may follow.
    async fn begin(
        &mut self,
        job: &Job,
        sources: &mut [Source],
        budget: &mut RetryBudget,
    ) -> Result<(Opened, Option<Journal>), DownloadError> {
        let (opened, journal) = self.open(job, sources, budget).await?;
        Ok((self.decide_parts(job, opened, sources, budget).await?, journal))
    }

    /// Gets the first answer, with the journal when it can be continued.
    async fn open(
        &self,
        job: &Job,
        sources: &mut [Source],
        budget: &mut RetryBudget,
    ) -> Result<(Opened, Option<Journal>), DownloadError> {
        let vouched = self.vouched(job);
        let discovery = self.bars_strangers(job, &[]).then_some(&self.discovery);
        let left = self.journal(job);
        let start = left.as_ref().map_or(0, Left::start);
        let proves_itself = has_strong_digest(job);
        let head_start = |resumes: bool| if resumes && !proves_itself { HeadStart::LONG } else { HeadStart::SHORT };
        let opening = |start, if_range, resumes| Opening {
            engine: self.engine,
            observer: self.observer,
            wanted: if self.ranges == Ranges::Asked { Wanted::From(start) } else { Wanted::Everything },
            if_range,
            vouched,
            head_start: head_start(resumes),
            discovery,
        };
        let if_range = left.as_ref().and_then(Left::if_range);
        let opened = open(&opening(start, if_range, left.is_some()), sources, budget).await?;
        let Some(left) = left else { return Ok((opened, None)) };
        // The journal is of the name that the URL gives; the server may know better.
        let same_name = self.place.settled(&opened.naming(&job.url), &job.url)?.as_ref() == self.place.expected();
        if !same_name {
            return Ok((self.open_at_the_start(opened, &opening(0, None, false), sources, budget).await?, None));
        }
        match left.resumption(&opened, sources, job) {
            Resumption::Continue => {
                let journal = left.taken_over(&opened).await?;
                return Ok((opened, Some(journal)));
            }
            Resumption::Keep => return Err(left.not_the_file(&opened)),
            Resumption::Restart => self.observer.event(&Event::warning(left.why_restarted())),
        }
        let opened = self.open_at_the_start(opened, &opening(0, None, false), sources, budget).await?;
        match left.resumption(&opened, sources, job) {
            Resumption::Keep => Err(left.not_the_file(&opened)),
            Resumption::Continue | Resumption::Restart => Ok((opened, None)),
        }
    }

    /// An answer that begins with the first byte: this one, or a new one.
    async fn open_at_the_start(
        &self,
        opened: Opened,
        opening: &Opening<'_>,
        sources: &mut [Source],
        budget: &mut RetryBudget,
    ) -> Result<Opened, DownloadError> {
        if opened.representation.part_from.is_none_or(|from| from == 0) {
            return Ok(opened);
        }
        drop(opened);
        open(opening, sources, budget).await
    }

    /// Decides whether the file may come in parts. Where it may not, the answer
    /// brings all of it.
    async fn decide_parts(
        &mut self,
        job: &Job,
        mut opened: Opened,
        sources: &mut [Source],
        budget: &mut RetryBudget,
    ) -> Result<Opened, DownloadError> {
        let Some(from) = opened.representation.part_from else {
            self.parts = Parts::Single;
            return Ok(opened);
        };
        let stated = if sources[opened.source].role == Role::Origin { stated_digests(&opened) } else { Vec::new() };
        let is_known = !job.digests.is_empty() || stated.iter().any(is_strong);
        let digest = if is_known { KnownDigest::Some } else { KnownDigest::None };
        self.parts = match Parts::of(&opened.representation.own, digest, self.engine.options.decided()) {
            // What a mirror gives is compared with the origin, which has yet to
            // answer, and called unverified in any case.
            Parts::Single if sources[opened.source].role == Role::Mirror => Parts::Allowed(Vouching::User),
            decided => decided,
        };
        sources[opened.source].first.learn(&opened.representation.own);
        if self.parts != Parts::Single {
            return Ok(opened);
        }
        let brings_all =
            matches!(opened.response.body(), Body::Part { range, size } if from == 0 && range.end() == size);
        if !brings_all {
            drop(opened);
            let wanted = Wanted::Everything;
            let (engine, observer, vouched) = (self.engine, self.observer, self.vouched(job));
            let (if_range, head_start) = (None, HeadStart::SHORT);
            let discovery = self.bars_strangers(job, &[]).then_some(&self.discovery);
            let opening = Opening { engine, observer, wanted, if_range, vouched, head_start, discovery };
            opened = open(&opening, sources, budget).await?;
        }
        opened.representation.part_from = None;
        Ok(opened)
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
            path: match (target, &self.scratch) {
                (Some(target), _) => Some(target.part()),
                (None, Some(scratch)) => Some(reserve_private_file(scratch)?),
                (None, None) => None,
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
            let mut fresh = Journal::new(url_digest(&job.url), size, representation.validators.clone());
            fresh.origin_digest = Some(origin_digest(&job.url));
            (target.state(), Journal { runs: staged.runs.unwrap_or_else(|| Runs::of_size(size)), ..fresh })
        });
        let stated = job.digests.iter().map(|promised| promised.digest.algorithm());
        Writer::start(WriterOptions {
            // What is not kept cannot be hashed again, whatever the origin promises later.
            algorithms: if staged.part.is_staged() { stated.collect() } else { Algorithm::ALL.to_vec() },
            part: staged.part,
            buffer_bytes: self.engine.options.buffer_bytes,
            journal,
            stream,
        })
    }

    /// Ends the writing thread. Its own error explains a failure best; after a
    /// verification failure nothing is kept but what an earlier run began: the
    /// journal proves whose bytes those are, and the checksum may be the wrong one.
    async fn close(
        &self,
        writer: Arc<Writer>,
        target: Option<(&Target, bool)>,
        result: Result<Receipt, DownloadError>,
    ) -> Result<Receipt, DownloadError> {
        // Keeps the lock until nothing under the part's name is touched any more.
        let part = writer.part();
        let writer = Arc::into_inner(writer).expect("every lane and audit has ended");
        let was_resumed = target.is_some_and(|(_, was_resumed)| was_resumed);
        let end = match &result {
            Ok(_) => End::Done,
            Err(DownloadError::Mismatch { expected, .. }) if was_resumed => End::Refuted(expected.clone()),
            // The last one was fetched to be compared, and differs.
            Err(
                DownloadError::Mismatch { .. }
                | DownloadError::Size { .. }
                | DownloadError::Store(StoreError::Outdated(_)),
            ) => End::Wrong,
            Err(_) => End::Unfinished,
        };
        let last = if matches!(end, End::Done | End::Wrong) { LastJournal::Omitted } else { LastJournal::Written };
        let closed = blocking(move || writer.close(last)).await;
        match (target, end) {
            (Some((target, _)), End::Done) => {
                target.discard_journal();
                target.discard_aside();
            }
            (Some((target, _)), End::Wrong) => {
                target.discard_unfinished();
                target.restore_aside();
            }
            (Some((target, _)), End::Refuted(digest)) => refute(target, digest),
            (None, _) | (Some(_), End::Unfinished) => {}
        }
        drop(part);
        match (result, closed) {
            (Err(DownloadError::Store(StoreError::WriterGone)), Err(cause)) => Err(cause.into()),
            (result, _) => result,
        }
    }
}

/// What an attempt leaves behind.
enum End {
    Done,
    /// Bytes that are of no use.
    Wrong,
    /// All bytes of a file that does not have this digest.
    Refuted(Digest),
    /// Some bytes, to be continued.
    Unfinished,
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

fn check_size(job: &Job, opened: &Opened) -> Result<(), DownloadError> {
    match (job.size, opened.representation.size) {
        (Some(expected), Some(got)) if expected != got => Err(DownloadError::Size { expected, got }),
        _ => Ok(()),
    }
}
