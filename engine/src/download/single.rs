//! One connection from the first byte to the last: for servers that serve no
//! ranges or do not say how long the file is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::open::Opened;
use super::seats::{Refusal, Seat};
use super::source::{Source, Tally};
use super::{DownloadError, Engine, Event, Observer, chance};
use crate::model::ByteRange;
use crate::model::http::{Agreement, Validators};
use crate::net::{Body, NetError, Precondition, Response, Wanted};
use crate::plan::{Backoff, RangeSet, RetryBudget};
use crate::store::Writer;

/// How often the observer hears of progress.
const REPORT: Duration = Duration::from_millis(100);

/// A transfer over one connection.
pub(super) struct Single<'a> {
    pub engine: &'a Engine,
    pub observer: &'a dyn Observer,
    pub writer: Arc<Writer>,
    /// Length that the server declares.
    pub size: Option<u64>,
    /// Length that the user was promised: the one bound of a body that
    /// declares none.
    pub promised: Option<u64>,
    /// Of the first answer; they go with the file into cache and history.
    pub validators: Validators,
    /// Whether a content coding of the first answer is undone.
    pub is_decoded: bool,
}

impl Single<'_> {
    /// Receives the whole file and gives its length. An answer that breaks off
    /// is asked for again from the start: there is nothing to go on from.
    pub(super) async fn run(
        &self,
        source: &mut Source,
        opened: Opened,
        budget: &mut RetryBudget,
        cancel: &CancellationToken,
    ) -> Result<u64, DownloadError> {
        let Opened { response, mut seat, .. } = opened;
        let mut answer: Result<Response, DownloadError> = Ok(response);
        loop {
            let mut received = 0;
            let ended = match answer {
                Ok(response) => {
                    seat.served();
                    tokio::select! {
                        ended = self.copy(source, response, &mut received) => ended,
                        () = cancel.cancelled() => return Err(DownloadError::Interrupted),
                    }
                }
                Err(error) => Err(error),
            };
            source.given = RangeSet::of(ByteRange::new(0, received));
            let error = match ended {
                Ok(()) if self.size.is_none_or(|size| size == received) => return self.whole(received),
                // Chunks end where they like, whatever was declared beside them.
                Ok(()) if budget.spend() => self.short(source, received),
                Ok(()) => return Err(self.short(source, received).into()),
                Err(DownloadError::Net(error))
                    if error.is_passing() && self.waits(&error, budget) && budget.spend() =>
                {
                    error
                }
                Err(error) => return Err(error),
            };
            self.writer.forget(std::mem::take(&mut source.given))?;
            (seat, answer) = tokio::select! {
                asked = self.ask_again(source, seat, &error) => asked,
                () = cancel.cancelled() => return Err(DownloadError::Interrupted),
            };
        }
    }

    async fn copy(&self, source: &Source, mut answer: Response, received: &mut u64) -> Result<(), DownloadError> {
        let (begun, mut reported) = (Instant::now(), Instant::now());
        while let Some(chunk) = answer.chunk().await? {
            let length = chunk.len() as u64;
            Tally::count(&source.tally.bytes, length);
            self.writer.write(*received, chunk).await?;
            *received += length;
            if let Some(expected) = self.promised.filter(|promised| *received > *promised) {
                return Err(DownloadError::Size { expected, got: *received });
            }
            if reported.elapsed() >= REPORT {
                reported = Instant::now();
                #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
                let rate = *received as f64 / begun.elapsed().as_secs_f64();
                let size = self.size;
                self.observer.event(&Event::Progress { bytes: *received, size, rate, connections: 1, sources: 1 });
            }
        }
        Ok(())
    }

    fn short(&self, source: &Source, received: u64) -> NetError {
        let what = format!("it ended after {received} of {} bytes", self.size.unwrap_or(received));
        NetError::Protocol { host: source.name(), what }
    }

    fn whole(&self, received: u64) -> Result<u64, DownloadError> {
        match self.promised {
            Some(expected) if expected != received => Err(DownloadError::Size { expected, got: received }),
            _ => Ok(received),
        }
    }

    fn waits(&self, error: &NetError, budget: &mut RetryBudget) -> bool {
        budget.wait(error.retry_after(), self.engine.net.options().max_wait)
    }

    /// Gives the seat back for a pause, and asks once there is one again.
    async fn ask_again(
        &self,
        source: &mut Source,
        seat: Seat,
        error: &NetError,
    ) -> (Seat, Result<Response, DownloadError>) {
        Tally::count(&source.tally.failures, 1);
        source.failures += 1;
        let max_wait = self.engine.net.options().max_wait;
        let pause = Backoff::up_to(max_wait).pause(source.failures, error.retry_after(), chance());
        let Engine { seats, options, .. } = self.engine;
        let host = source.host();
        if let Some(refusal) = Refusal::of(error).filter(|refusal| *refusal == Refusal::Rejected) {
            seat.refused(refusal);
            seats.rest(&host, pause);
        } else {
            drop(seat);
        }
        self.observer.event(&source.retrying(error, pause));
        tokio::time::sleep(pause).await;
        let seat = seats.first(&host, options.per_host(source.role)).await;
        (seat, self.ask(source).await)
    }

    async fn ask(&self, source: &Source) -> Result<Response, DownloadError> {
        Tally::count(&source.tally.requests, 1);
        let answer = source.route().ask_anew(&self.engine.net, Wanted::Everything, Precondition::None).await?;
        let is_same = answer.is_decoded() == self.is_decoded
            && self.validators.agrees(&Validators::of(answer.headers())) != Agreement::Different;
        match answer.body() {
            Body::Whole(size) if is_same && (size == self.size || size.is_none()) => Ok(answer),
            _ => Err(DownloadError::Changing),
        }
    }
}
