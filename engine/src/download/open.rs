//! The first answer: it says what there is to fetch, and is the first segment.
//!
//! The origin is asked at once. Mirrors follow when it keeps silent for the
//! head start, or as soon as it fails: a blocked origin must not cost its
//! whole timeout.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use url::Url;

use super::chance;
use super::lane::refuses_ranges;
use super::place::Naming;
use super::route::Route;
use super::seats::{PerHost, Refusal, Seat};
use super::source::{Source, Tally};
use super::truth::{Discovery, vouches};
use super::{DownloadError, Engine, Observer, SourceState};
use crate::model::http::Validators;
use crate::net::{Body, NetError, Precondition, Response, Wanted};
use crate::plan::{Backoff, RetryBudget, Role};

/// Most mirrors that are asked for the first answer.
const MOST_MIRRORS: usize = 6;

/// The source that is the origin.
const ORIGIN: usize = 0;

/// What the first answer says of the file.
#[derive(Debug, Clone)]
pub(super) struct Representation {
    /// Length in bytes; none where the server does not know it.
    pub size: Option<u64>,
    /// First byte of the body that is coming; none when ranges are not served.
    pub part_from: Option<u64>,
    /// The origin's validators; none where a mirror answered.
    pub validators: Validators,
    /// Those of whoever answered.
    pub own: Validators,
}

/// A source that answered, and its answer.
#[derive(Debug)]
pub(super) struct Opened {
    pub source: usize,
    pub seat: Seat,
    pub response: Response,
    pub representation: Representation,
}

impl Opened {
    /// What names the file. A mirror's answer does not: whichever source
    /// answers first, the name is the same.
    pub(super) fn naming<'a>(&'a self, asked: &'a Url) -> Naming<'a> {
        match self.source {
            ORIGIN => Naming { headers: Some(self.response.headers()), answered: self.response.url() },
            _ => Naming { headers: None, answered: asked },
        }
    }
}

/// What opening needs besides the sources.
pub(super) struct Opening<'a> {
    pub engine: &'a Engine,
    pub observer: &'a dyn Observer,
    pub wanted: Wanted,
    pub if_range: Option<String>,
    /// How far mirrors may be believed in the origin's place.
    pub vouched: Vouched,
    /// How long the origin is asked alone.
    pub head_start: HeadStart,
    /// What finds a digest that vouches for mirrors which the user did not
    /// name; none where they may be asked as they are.
    pub discovery: Option<&'a Discovery>,
}

/// How long the origin is asked alone: until it has kept silent for so long, or
/// has failed so often.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadStart {
    silence: Duration,
    failures: u32,
}

impl HeadStart {
    /// For bytes that anybody may give.
    pub(super) const SHORT: Self = Self { silence: Duration::from_millis(800), failures: 1 };
    /// For a resume that only the origin can allow: a mirror's word does not
    /// prove the file unchanged, and to listen to it is to begin anew.
    pub(super) const LONG: Self = Self { silence: Duration::from_secs(10), failures: 3 };
}

/// What the user vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vouched {
    /// The bytes, by a digest.
    Bytes,
    /// The places, by naming them.
    Places,
    /// Nothing.
    Nothing,
}

/// Asks until a source has answered. The first source is the origin. Each
/// request waits for a seat: that the process is busy is nobody's silence.
pub(super) async fn open(
    opening: &Opening<'_>,
    sources: &mut [Source],
    budget: &mut RetryBudget,
) -> Result<Opened, DownloadError> {
    let mut attempts = FuturesUnordered::new();
    let seat = seat_at(opening, &sources[ORIGIN]).await;
    attempts.push(attempt(opening, request_of(opening, sources, ORIGIN), When::Now(seat)));
    let at_once = |request| attempt(opening, request, When::After(Duration::ZERO));
    let (mut waiting, mut barred) = mirrors_to_ask(opening, sources);
    let mut vouched = opening.vouched;
    // The origin has had its head start.
    let mut late = false;
    let head_start = tokio::time::sleep(opening.head_start.silence);
    tokio::pin!(head_start);
    let mut blame: Option<NetError> = None;
    let mut spare = None;
    let mut origin_failures = 0;
    loop {
        let Answered { index, mut seat, answer } = tokio::select! {
            Some(ended) = attempts.next() => ended,
            () = &mut head_start, if !late => {
                late = true;
                attempts.extend(requests_of(opening, sources, &mut waiting).map(at_once));
                continue;
            }
            vouching = vouching(opening.discovery), if late && !barred.is_empty() => {
                let admitted = requests_of(opening, sources, &mut barred);
                if vouching {
                    vouched = Vouched::Bytes;
                    attempts.extend(admitted.map(at_once));
                }
                continue;
            }
            else => {
                return begin_with(opening, sources, spare.ok_or(blame)).await;
            }
        };
        let is_origin = index == ORIGIN;
        let error = match answer.and_then(|response| usable_answer(opening, index, response)) {
            Ok((response, representation)) => {
                seat.served();
                if is_origin || is_comparable(&representation, vouched) {
                    return Ok(Opened { source: index, seat, response, representation });
                }
                // Without its seat, which the origin may be waiting for.
                spare.get_or_insert((index, response, representation));
                continue;
            }
            Err(error) => error,
        };
        let refusal = Refusal::of(&error);
        let serves_others = refusal.is_some_and(|refusal| seat.refused(refusal));
        let rejected = refusal == Some(Refusal::Rejected);
        Tally::count(&sources[index].tally.failures, 1);
        if is_origin && vouched == Vouched::Nothing && is_final(&error) {
            return Err(error.into());
        }
        let again = is_origin && may_repeat(opening, budget, &error, rejected && serves_others);
        origin_failures += u32::from(is_origin);
        if is_origin && (!again || origin_failures >= opening.head_start.failures) {
            late = true;
            attempts.extend(requests_of(opening, sources, &mut waiting).map(at_once));
        }
        if again {
            let pause = pause_of(opening, &sources[0], &error, origin_failures);
            attempts.push(attempt(opening, request_of(opening, sources, 0), When::After(pause)));
        } else if !is_origin {
            let why = Some(super::reason(&error));
            opening.observer.event(&sources[index].become_state(SourceState::Dropped, why));
        }
        if is_origin || blame.is_none() {
            blame = Some(error);
        }
    }
}

/// An answer that has waited until the origin was given up.
type Spare = (usize, Response, Representation);

/// Begins with the answer that was kept in reserve, or ends with the error.
async fn begin_with(
    opening: &Opening<'_>,
    sources: &[Source],
    spare: Result<Spare, Option<NetError>>,
) -> Result<Opened, DownloadError> {
    let (source, response, representation) =
        spare.map_err(|blame| blame.expect("every other attempt failed with an error"))?;
    Ok(Opened { source, seat: seat_at(opening, &sources[source]).await, response, representation })
}

/// Whether the origin is asked again. A host that is busy with other jobs of
/// ours is healthy: that costs no attempt.
fn may_repeat(opening: &Opening<'_>, budget: &mut RetryBudget, error: &NetError, busy_with_ours: bool) -> bool {
    let is_bearable = budget.wait(error.retry_after(), opening.engine.net.options().max_wait);
    is_bearable && error.is_passing() && (busy_with_ours || budget.spend())
}

/// The pause before the origin is asked again, which is told.
fn pause_of(opening: &Opening<'_>, origin: &Source, error: &NetError, failures: u32) -> Duration {
    let longest = opening.engine.net.options().max_wait;
    let pause = Backoff::up_to(longest).pause(failures, error.retry_after(), chance());
    if Refusal::of(error) == Some(Refusal::Rejected) {
        opening.engine.seats.rest(&origin.host(), pause);
    }
    opening.observer.event(&origin.retrying(error, pause));
    pause
}

/// The mirrors that may be asked after the head start, and those that have to
/// wait for a digest.
fn mirrors_to_ask(opening: &Opening<'_>, sources: &[Source]) -> (Vec<usize>, Vec<usize>) {
    let usable = (1..sources.len()).filter(|index| !sources[*index].is_dropped());
    let (mut barred, mut free): (Vec<usize>, Vec<usize>) =
        usable.partition(|index| opening.discovery.is_some() && sources[*index].is_stranger());
    free.truncate(MOST_MIRRORS);
    barred.truncate(MOST_MIRRORS);
    (free, barred)
}

/// Requests to these mirrors, which are taken out of the list.
fn requests_of(opening: &Opening<'_>, sources: &[Source], mirrors: &mut Vec<usize>) -> std::vec::IntoIter<Request> {
    let requests: Vec<_> = mirrors.drain(..).map(|index| request_of(opening, sources, index)).collect();
    requests.into_iter()
}

async fn seat_at(opening: &Opening<'_>, source: &Source) -> Seat {
    let per_host = opening.engine.options.per_host(source.role);
    opening.engine.seats.first(&source.host(), per_host).await
}

/// Whether a digest is found that vouches for bytes of anyone.
async fn vouching(discovery: Option<&Discovery>) -> bool {
    match discovery {
        Some(discovery) => vouches(&discovery.found().await),
        None => false,
    }
}

/// One request to be sent, free of borrows of the sources.
struct Request {
    index: usize,
    per_host: PerHost,
    route: Route,
    tally: Arc<Tally>,
    precondition: Precondition,
}

fn request_of(opening: &Opening<'_>, sources: &[Source], index: usize) -> Request {
    let source = &sources[index];
    // A validator means something to the server that gave it alone.
    let precondition = match (&opening.if_range, source.role) {
        (Some(value), Role::Origin) => Precondition::IfRange(value.clone()),
        _ => Precondition::None,
    };
    Request {
        index,
        per_host: opening.engine.options.per_host(source.role),
        route: source.route(),
        tally: Arc::clone(&source.tally),
        precondition,
    }
}

/// When a request is sent.
enum When {
    /// With a seat that is already taken.
    Now(Seat),
    /// After a pause, once there is a seat.
    After(Duration),
}

/// What came of a request.
struct Answered {
    index: usize,
    seat: Seat,
    answer: Result<Response, NetError>,
}

async fn attempt(opening: &Opening<'_>, request: Request, when: When) -> Answered {
    let seat = match when {
        When::Now(seat) => seat,
        When::After(pause) => {
            tokio::time::sleep(pause).await;
            opening.engine.seats.first(&request.route.host(), request.per_host).await
        }
    };
    let answer = send(opening, &request).await;
    Answered { index: request.index, seat, answer }
}

async fn send(opening: &Opening<'_>, request: &Request) -> Result<Response, NetError> {
    let net = &opening.engine.net;
    Tally::count(&request.tally.requests, 1);
    let answer = request.route.ask_anew(net, opening.wanted, request.precondition.clone()).await;
    // A server may call any range of an empty file unsatisfiable, and some call
    // every range so, refuse the field as such, or get their answer to it wrong;
    // only the plain request can tell them apart. curl and wget never send one
    // for a new file, and so never meet this; aria2 gives up.
    let beyond = match &answer {
        Ok(response) => matches!(response.body(), Body::BeyondEnd(_)),
        Err(NetError::Protocol { .. }) => true,
        Err(error) => refuses_ranges(error),
    };
    if beyond && opening.wanted != Wanted::Everything {
        Tally::count(&request.tally.requests, 1);
        return request.route.ask_anew(net, Wanted::Everything, Precondition::None).await;
    }
    answer
}

fn usable_answer(
    opening: &Opening<'_>,
    source: usize,
    response: Response,
) -> Result<(Response, Representation), NetError> {
    let (size, part_from) = match response.body() {
        Body::Part { range, size } => (Some(size), Some(range.start())),
        Body::Whole(size) => (size, None),
        Body::NotModified | Body::BeyondEnd(_) => {
            let host = response.url().host_str().unwrap_or("").to_owned();
            let what = format!("{} to a plain request ({:?})", response.status(), opening.wanted);
            return Err(NetError::Protocol { host, what });
        }
    };
    let own = Validators::of(response.headers());
    let validators = match source {
        // Of the coded body, they say nothing of what it decodes to.
        ORIGIN if response.is_decoded() => Validators::default(),
        ORIGIN => own.clone(),
        // Across hosts they mean nothing, and must not be remembered as the origin's.
        _ => Validators::default(),
    };
    Ok((response, Representation { size, part_from, validators, own }))
}

/// Whether a mirror's answer can be found wrong later. One without ranges
/// cannot, and every login page is one: it waits until the origin is given up.
fn is_comparable(representation: &Representation, vouched: Vouched) -> bool {
    representation.part_from.is_some() || vouched == Vouched::Bytes
}

/// Whether the origin's answer settles that there is no such file.
fn is_final(error: &NetError) -> bool {
    error.status().is_some_and(|status| matches!(status.as_u16(), 404 | 410))
}
