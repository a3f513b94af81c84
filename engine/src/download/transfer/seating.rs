//! How a transfer comes by the seats of its lanes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::{Running, Transfer};
use crate::download::lane::{LaneState, LaneTask};
use crate::download::seats::{Memory, PerHost, Seat, Seats, Ticket};
use crate::download::{Engine, SourceState};
use crate::model::ByteRange;
use crate::net::Response;
use crate::plan::{Failure, LaneId, Role, Room, Step};

/// A lane that has its seat.
pub(super) struct Lane {
    pub(super) id: LaneId,
    pub(super) source: usize,
    pub(super) range: ByteRange,
    pub(super) seat: Seat,
}

/// The room that the seats of a process leave to one transfer.
struct Share<'a> {
    seats: &'a Seats,
    memory: Memory,
    ticket: Option<&'a Ticket>,
    lanes: &'a HashMap<LaneId, Running>,
}

impl Room for Share<'_> {
    fn most(&self) -> usize {
        self.lanes.len() + self.seats.free(self.ticket)
    }

    fn most_at(&self, host: &str, max_lanes: usize) -> usize {
        let own = self.lanes.values().filter(|lane| lane.seat.host() == host).count();
        let per_host = PerHost { most: max_lanes, memory: self.memory };
        max_lanes.min(own + self.seats.free_at(host, per_host, self.ticket))
    }
}

impl Transfer<'_> {
    /// Who has no lane waits like a job that begins, or others would always
    /// take the next seat.
    pub(super) fn queue_while_idle(&mut self) {
        match self.schedule.next_source(self.now()) {
            None => self.ticket = None,
            Some(_) if self.ticket.is_some() => {}
            Some(source) => {
                let source = &self.setup.sources[source.0];
                let Engine { seats, options, .. } = self.setup.engine;
                self.ticket = Some(seats.queue(&source.host(), options.per_host(source.role)));
            }
        }
    }

    pub(super) fn plan(&mut self) -> Vec<Step> {
        let now = self.now();
        let Engine { seats, options, .. } = self.setup.engine;
        let ticket = self.ticket.as_ref();
        self.schedule.plan(now, &Share { seats, memory: options.host_memory, ticket, lanes: &self.lanes })
    }

    /// Starts a lane, if nobody took the seat since there was room for it.
    pub(super) fn seat(&mut self, id: LaneId, index: usize, range: ByteRange) {
        let Engine { seats, options, .. } = self.setup.engine;
        let source = &self.setup.sources[index];
        match seats.try_take(&source.host(), options.per_host(source.role), self.ticket.as_ref()) {
            Some(seat) => self.start(Lane { id, source: index, range, seat }, None),
            None => self.schedule.fail(id, Failure::default(), self.now()),
        }
    }

    /// Starts a lane; `answer` is one that already streams its range.
    pub(super) fn start(&mut self, lane: Lane, answer: Option<Response>) {
        let Lane { id, source: index, range, seat } = lane;
        self.ticket = None;
        let source = &mut self.setup.sources[index];
        if source.state == SourceState::Unused {
            let event = source.become_state(SourceState::Active, None);
            self.setup.observer.event(&event);
        }
        let state = LaneState::new(range);
        let task = LaneTask {
            net: self.setup.engine.net.clone(),
            route: source.route(),
            role: source.role,
            first: match source.role {
                Role::Origin => self.setup.expected.validators.clone(),
                Role::Mirror => source.first.clone(),
            },
            expected: self.setup.expected.clone(),
            tally: Arc::clone(&source.tally),
            state: Arc::clone(&state),
            writer: Arc::clone(&self.setup.writer),
        };
        let abort = self.tasks.spawn(async move { (id, task.run(answer).await) });
        let (start, opened) = (range.start(), Instant::now());
        self.lanes.insert(id, Running { source: index, start, seen: start, opened, state, seat, abort });
    }
}
