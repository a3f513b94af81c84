//! One connection at work: a request, its answer, and the bytes on their way
//! to the writer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::route::Route;
use super::seats::Refusal;
use super::source::Tally;
use crate::model::ByteRange;
use crate::model::http::Validators;
use crate::net::{Body, Net, NetError, Response, Wanted};
use crate::plan::{Role, Seen, Vouching};
use crate::store::{ReadAhead, StoreError, Writer};

/// What every answer has to agree with.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Length of the representation.
    pub size: u64,
    /// The origin's validators.
    pub validators: FirstValidators,
    /// Why parts may be combined.
    pub by: Vouching,
}

/// What the first answer of a source said, though another one may have answered
/// before it. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstValidators(Arc<OnceLock<Validators>>);

impl FirstValidators {
    /// Empty ones until the source has answered.
    pub(super) fn get(&self) -> Validators {
        self.0.get().cloned().unwrap_or_default()
    }

    /// Takes those of an answer of the source, if they are the first; gives
    /// whether they are.
    pub(super) fn learn(&self, validators: &Validators) -> bool {
        *validators != Validators::default() && self.0.set(validators.clone()).is_ok()
    }
}

impl From<Validators> for FirstValidators {
    fn from(validators: Validators) -> Self {
        let known = Self::default();
        known.learn(&validators);
        known
    }
}

/// What a lane shares with the transfer that drives it.
#[derive(Debug)]
pub(super) struct LaneState {
    /// Next byte to come.
    pub position: AtomicU64,
    /// One past the last byte wanted; the transfer may lower it.
    pub end: AtomicU64,
    /// Whether bytes wait for the disk or the rate limit.
    held: AtomicBool,
}

impl LaneState {
    pub(super) fn new(range: ByteRange) -> Arc<Self> {
        Arc::new(Self {
            position: AtomicU64::new(range.start()),
            end: AtomicU64::new(range.end()),
            held: AtomicBool::new(false),
        })
    }

    /// How far it has come, as the schedule wants to know it.
    pub(super) fn seen(&self) -> Seen {
        Seen { position: self.position.load(Ordering::Acquire), held: self.held.load(Ordering::Relaxed) }
    }
}

/// How a lane ended.
#[derive(Debug)]
pub(super) enum LaneEnd {
    /// With its last byte.
    Finished,
    /// Before it.
    Failed(LaneError),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LaneError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the answer ended early")]
    Short,
    #[error("it does not serve ranges")]
    NoRanges,
    #[error("its file has {got} bytes, not {expected}")]
    OtherSize { expected: u64, got: u64 },
    #[error("its answer does not bear the validator that the file began with")]
    Unproven,
    #[error("the file at the origin has changed")]
    Changed(Validators),
}

/// What a refused range says of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RangeRefusal {
    /// It serves the file as a whole alone.
    Rangeless,
    /// It answers with something else, at least to this connection.
    NotTheFile,
}

impl LaneError {
    /// Whether the host refused the connection itself.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        if let Self::Net(error) = self { Refusal::of(error) } else { None }
    }

    /// Whether the source answered, and not with the part that was asked for:
    /// nothing of such an answer is mixed with the file.
    pub(super) fn range_refusal(&self) -> Option<RangeRefusal> {
        match self {
            Self::NoRanges | Self::Net(NetError::Protocol { .. }) => Some(RangeRefusal::Rangeless),
            Self::Net(error) if refuses_ranges(error) => Some(RangeRefusal::Rangeless),
            Self::OtherSize { .. } | Self::Unproven | Self::Changed(_) => Some(RangeRefusal::NotTheFile),
            Self::Net(error) if error.status().is_some_and(|status| status.is_client_error()) => {
                (!error.is_passing()).then_some(RangeRefusal::NotTheFile)
            }
            Self::Net(_) | Self::Store(_) | Self::Short => None,
        }
    }
}

/// Largest chunk of a connection that reads nothing worth counting ahead: the
/// HTTP client's buffer grows, from 8 KiB, only with reads that fill it.
const SMALL_CHUNK_BYTES: usize = 16 * 1024;
/// After so many small chunks in a row its buffer has shrunk.
const SMALL_CHUNKS: u32 = 16;

/// Whether what a connection reads ahead is taken from the queue's bytes: the
/// many slow ones of a throttled source need none of them.
#[derive(Debug)]
struct Reading {
    counted: Option<ReadAhead>,
    /// How many small chunks came since the last other one.
    small: u32,
}

impl Default for Reading {
    fn default() -> Self {
        Self { counted: None, small: SMALL_CHUNKS }
    }
}

impl Reading {
    /// Learns from a chunk.
    fn saw(&mut self, chunk_bytes: usize) {
        self.small = if chunk_bytes > SMALL_CHUNK_BYTES { 0 } else { self.small + 1 };
        if self.small >= SMALL_CHUNKS {
            self.counted = None;
        }
    }

    /// Has what it reads ahead counted once that has come to matter. Waits where
    /// as many fast connections as there is memory for are reading.
    async fn make_room(&mut self, writer: &Writer, lane: &LaneState) -> Result<(), StoreError> {
        if self.counted.is_none() && self.small == 0 {
            lane.held.store(true, Ordering::Relaxed);
            self.counted = Some(writer.read_ahead().await?);
            lane.held.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// What a lane needs to do its work.
pub(super) struct LaneTask {
    pub net: Net,
    pub route: Route,
    pub role: Role,
    pub expected: Expected,
    /// What the source's own first answer said.
    pub first: FirstValidators,
    pub tally: Arc<Tally>,
    pub state: Arc<LaneState>,
    pub writer: Arc<Writer>,
}

impl LaneTask {
    /// Runs the lane to its end. `answer` is a response that already streams
    /// its range; without one the lane asks itself.
    pub(super) async fn run(self, answer: Option<Response>) -> LaneEnd {
        let answer = match answer {
            Some(answer) => Ok(answer),
            None => self.ask().await,
        };
        let ended = match answer {
            Ok(answer) => self.receive(answer).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => LaneEnd::Finished,
            Err(error) => {
                Tally::count(&self.tally.failures, 1);
                LaneEnd::Failed(error)
            }
        }
    }

    async fn ask(&self) -> Result<Response, LaneError> {
        Tally::count(&self.tally.requests, 1);
        let start = self.state.position.load(Ordering::Relaxed);
        let wanted = ByteRange::new(start, self.state.end.load(Ordering::Relaxed));
        let answer = self.route.ask(&self.net, Wanted::Range(wanted)).await?;
        self.check(&answer).inspect_err(|_| self.route.start_over())?;
        Ok(answer)
    }

    /// Whether an answer is a part of what everybody else brings.
    fn check(&self, answer: &Response) -> Result<(), LaneError> {
        let expected = self.expected.size;
        let validators = Validators::of(answer.headers());
        match answer.body() {
            Body::Part { size, .. } if size == expected => self.compare(validators),
            Body::Part { size, .. } | Body::Whole(Some(size)) if size != expected => {
                Err(self.replaced(validators).unwrap_or(LaneError::OtherSize { expected, got: size }))
            }
            Body::Part { .. } | Body::Whole(_) => Err(self.replaced(validators).unwrap_or(LaneError::NoRanges)),
            Body::NotModified => Err(LaneError::NoRanges),
            Body::BeyondEnd(size) => Err(LaneError::OtherSize { expected, got: size.unwrap_or(0) }),
        }
    }

    /// Some networks answer 200 or ignore If-Range: what counts is that the 206
    /// itself bears the validator of the representation that we began with.
    fn compare(&self, validators: Validators) -> Result<(), LaneError> {
        let by = match self.role {
            Role::Origin => self.expected.by,
            // Across hosts validators mean nothing; a mirror has to agree with itself.
            Role::Mirror => Vouching::User,
        };
        // Bytes that came before a validator are not proven by it.
        if self.first.learn(&validators) && by == Vouching::Validator && validators.is_strong() {
            self.writer.belongs_to(validators.clone())?;
        }
        if by.admits(&self.first.get(), &validators) {
            return Ok(());
        }
        Err(self.replaced(validators).unwrap_or(LaneError::Unproven))
    }

    /// The error for an answer that bears another strong validator than the
    /// first one: that of another version, or of another node's copy.
    fn replaced(&self, validators: Validators) -> Option<LaneError> {
        let first = self.first.get();
        let is_other = validators.is_strong() && !first.is_empty() && !first.proves(&validators);
        (is_other && self.role == Role::Origin).then_some(LaneError::Changed(validators))
    }

    async fn receive(&self, mut answer: Response) -> Result<(), LaneError> {
        let mut reading = Reading::default();
        let mut position = self.state.position.load(Ordering::Relaxed);
        loop {
            if position >= self.state.end.load(Ordering::Acquire) {
                return Ok(());
            }
            reading.make_room(&self.writer, &self.state).await?;
            if !answer.arrived().await? {
                return Err(LaneError::Short);
            }
            self.state.held.store(true, Ordering::Relaxed);
            let Some(mut chunk) = answer.chunk().await? else { return Err(LaneError::Short) };
            let wanted = self.state.end.load(Ordering::Acquire).saturating_sub(position);
            let taken = usize::try_from(wanted).unwrap_or(usize::MAX).min(chunk.len());
            Tally::count(&self.tally.bytes, taken as u64);
            let chunk_bytes = chunk.len();
            chunk.truncate(taken);
            self.writer.write(position, chunk).await?;
            position += taken as u64;
            self.state.position.store(position, Ordering::Release);
            reading.saw(chunk_bytes);
            self.state.held.store(false, Ordering::Relaxed);
        }
    }
}

/// Whether a server takes offence at the `Range` field itself: a request without
/// one may do.
pub(super) fn refuses_ranges(error: &NetError) -> bool {
    // 403 and 406 are what firewalls in front of a server say.
    let statuses = [400, 403, 405, 406, 412, 416, 417, 501];
    error.status().is_some_and(|status| statuses.contains(&status.as_u16()))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::store::{Keep, Part, WriterOptions};

    /// A writer with room for what one connection reads ahead.
    fn writer(folder: &std::path::Path) -> Writer {
        let part = Part::open(&folder.join("part"), Keep::Nothing).expect("writable");
        Writer::start(WriterOptions {
            part,
            algorithms: Vec::new(),
            buffer_bytes: 3 << 20,
            journal: None,
            stream: None,
        })
    }

    /// Waiting for another connection's room is no silence of the source's.
    #[test]
    fn a_fast_lane_waits_for_room_and_says_so() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let writer = writer(folder.path());
        let lane = LaneState::new(ByteRange::new(0, 1 << 20));
        let [mut first, mut second] = [Reading::default(), Reading::default()];
        assert!(first.make_room(&writer, &lane).now_or_never().is_some() && first.counted.is_none());
        for reading in [&mut first, &mut second] {
            reading.saw(SMALL_CHUNK_BYTES + 1);
        }
        assert!(first.make_room(&writer, &lane).now_or_never().is_some() && first.counted.is_some());
        assert!(!lane.seen().held);
        let mut waiting = Box::pin(second.make_room(&writer, &lane));
        assert!(waiting.as_mut().now_or_never().is_none() && lane.seen().held);
        // The first has slowed down: its buffer has shrunk.
        for _ in 0..SMALL_CHUNKS {
            first.saw(SMALL_CHUNK_BYTES);
        }
        assert!(waiting.now_or_never().is_some() && second.counted.is_some());
        assert!(!lane.seen().held);
    }
}
