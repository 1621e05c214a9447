//! Sessions over the pipe: as bytes in frames, broken at every byte, and between two threads.

use std::collections::VecDeque;
use std::thread;

use proptest::prelude::*;
use reunite::sync::{Message, Session, SyncError, Wire};
use reunite::transport::{Arrival, Pipe, PipeEnd, Transport};

use crate::link::{Outcome, drive};
use crate::toy::{Store, Write};

/// One end of a session: what a driver holds.
struct Side<'a> {
    store: &'a mut Store,
    session: Session,
    wire: Wire,
    end: PipeEnd,
    outcome: Option<Outcome>,
}

impl Side<'_> {
    /// Carries out effects. Whether there was something to say, or to end.
    fn work(&mut self) -> bool {
        let mut out = VecDeque::new();
        self.outcome = drive(self.store, &mut self.session, &mut out, &mut |_| {});
        let moved = self.outcome.is_some() || !out.is_empty();
        for message in out {
            let bytes = self.wire.encode(&message).unwrap();
            if self.end.send(&bytes).is_err() {
                self.session.interrupted("cannot send");
                break;
            }
        }
        moved
    }

    /// Takes in one message if there is one. Whether there was.
    fn poll(&mut self) -> bool {
        let arrived = self.end.poll();
        let quiet = matches!(arrived, Ok(Arrival::Nothing));
        match arrived.and_then(|arrival| match arrival {
            Arrival::Message(bytes) => self.wire.decode(&bytes).map(Some),
            Arrival::Nothing | Arrival::Closed => Ok(None),
        }) {
            Ok(Some(message)) => self.session.receive(message),
            Ok(None) if quiet => return false,
            Ok(None) => self.session.interrupted("closed"),
            Err(error) => self.session.failed(error),
        }
        true
    }
}

/// A session over a pipe in one thread. Returns the bytes that it carried.
fn session(a: &mut Store, b: &mut Store, cut: Option<u64>) -> (u64, [Outcome; 2]) {
    let (pipe, left, right) = Pipe::with_cut(cut);
    let sessions = [Session::open(&a.config()), Session::accept(&b.config())];
    let mut sides: Vec<Side> = [a, b]
        .into_iter()
        .zip(sessions)
        .zip([left, right])
        .map(|((store, session), end)| Side { store, session, wire: Wire::default(), end, outcome: None })
        .collect();
    while sides.iter().any(|side| side.outcome.is_none()) {
        let mut moved = false;
        for side in sides.iter_mut().filter(|side| side.outcome.is_none()) {
            moved |= side.work();
            moved |= side.outcome.is_none() && side.poll();
        }
        assert!(moved, "both sides wait for each other");
    }
    let outcomes: Vec<_> = sides.into_iter().map(|side| side.outcome.unwrap()).collect();
    (pipe.carried(), outcomes.try_into().unwrap())
}

fn pair() -> [Store; 2] {
    let mut pair = [Store::new(1, 120), Store::new(2, 120)];
    for n in 0..6 {
        pair[0].commit(&[Write { row: n, unit: 3, value: 10 }, Write { row: n + 1, unit: n, value: 3 }]);
        pair[1].commit(&[Write { row: n + 2, unit: 4, value: 10 }]);
    }
    pair
}

#[test]
fn a_session_may_break_at_every_byte() {
    let [mut a, mut b] = pair();
    let (bytes, outcomes) = session(&mut a, &mut b, None);
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(a.facts, b.facts);
    for cut in 0..bytes {
        let [mut x, mut y] = pair();
        let (carried, outcomes) = session(&mut x, &mut y, Some(cut));
        assert_eq!(carried, cut);
        let is_cut = |outcome: &Outcome| matches!(outcome, Err(SyncError::Interrupted { .. }));
        assert!(outcomes.iter().any(is_cut), "cut {cut}: {outcomes:?}");
        assert_eq!((x.check(), y.check()), (Ok(()), Ok(())), "cut {cut}");
        let (_, outcomes) = session(&mut x, &mut y, None);
        assert!(outcomes.iter().all(Result::is_ok), "cut {cut}: {outcomes:?}");
        assert_eq!((&x.facts, &y.facts), (&a.facts, &a.facts), "cut {cut}");
    }
}

#[test]
fn an_idle_session_takes_a_few_dozen_bytes() {
    let [mut a, mut b] = pair();
    let _ = session(&mut a, &mut b, None);
    let before = (a.facts.clone(), b.facts.clone(), a.commits, b.commits);
    let (bytes, outcomes) = session(&mut a, &mut b, None);
    assert!(bytes <= 150, "{bytes}");
    assert!(outcomes.iter().flatten().all(|report| !report.moved()));
    assert_eq!((a.facts, b.facts, a.commits, b.commits), before);
}

#[test]
fn two_threads_sync_over_a_blocking_transport() {
    let [mut a, mut b] = pair();
    let (_, left, right) = Pipe::new();
    let run = |store: &mut Store, mut session: Session, mut end: PipeEnd| {
        let (mut wire, mut out) = (Wire::default(), VecDeque::new());
        loop {
            let outcome = drive(store, &mut session, &mut out, &mut |_| {});
            out.drain(..).for_each(|message| end.send(&wire.encode(&message).unwrap()).unwrap());
            if let Some(outcome) = outcome {
                return outcome.unwrap();
            }
            let bytes = end.receive().unwrap().expect("a message");
            session.receive(wire.decode(&bytes).unwrap());
        }
    };
    let (at_a, at_b) = (Session::open(&a.config()), Session::accept(&b.config()));
    let [one, other] = thread::scope(|scope| {
        let other = scope.spawn(|| run(&mut b, at_b, right));
        [run(&mut a, at_a, left), other.join().unwrap()]
    });
    assert_eq!((one.sent, one.received), (other.received, other.sent));
    assert_eq!(a.facts, b.facts);
}

#[test]
fn a_closed_pipe_says_so() {
    let (_, mut left, mut right) = Pipe::new();
    left.send(b"last words").unwrap();
    left.close();
    assert!(left.send(b"more").is_err());
    assert_eq!(right.receive().unwrap(), Some(b"last words".to_vec()));
    assert_eq!(right.receive().unwrap(), None);
    let (_, mut left, mut right) = Pipe::with_cut(Some(12));
    left.send(b"cut").unwrap();
    left.send(b"lost").unwrap_or_default();
    assert_eq!(right.poll().unwrap(), Arrival::Message(b"cut".to_vec()));
    assert!(right.receive().unwrap_err().is_retryable());
}

/// The messages that go to the second of two replicas in a session.
fn messages() -> Vec<Vec<u8>> {
    let [mut a, mut b] = pair();
    let (mut at_a, mut at_b) = (Session::open(&a.config()), Session::accept(&b.config()));
    let (mut to_a, mut to_b, mut wire) = (VecDeque::new(), VecDeque::new(), Wire::default());
    let mut sent = Vec::new();
    loop {
        drive(&mut a, &mut at_a, &mut to_b, &mut |_| {});
        if to_b.is_empty() {
            return sent;
        }
        for message in to_b.drain(..) {
            sent.push(wire.encode(&message).unwrap());
            at_b.receive(message);
        }
        drive(&mut b, &mut at_b, &mut to_a, &mut |_| {});
        to_a.drain(..).for_each(|message: Message| at_a.receive(message));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// Damaged bytes that a checksum would not show: a peer may have sealed them itself.
    #[test]
    fn damaged_messages_teach_nothing(
        which in 0..40usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let [_, mut b] = pair();
        let (mut session, mut wire, mut out) = (Session::accept(&b.config()), Wire::default(), VecDeque::new());
        for (n, mut bytes) in messages().into_iter().enumerate() {
            if n == which {
                damage.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
                bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
            }
            let before = b.facts.clone();
            match wire.decode(&bytes) {
                Ok(message) => session.receive(message),
                Err(error) => session.failed(error),
            }
            let end = drive(&mut b, &mut session, &mut out, &mut |_| {});
            prop_assert_eq!(b.check(), Ok(()));
            if matches!(end, Some(Err(_))) {
                prop_assert_eq!(&b.facts, &before);
            }
        }
    }

    #[test]
    fn random_bytes_are_no_message(bytes in proptest::collection::vec(any::<u8>(), 0..200), tag in 0..8u8) {
        let mut wire = Wire::default();
        let _ = wire.decode(&bytes);
        let _ = wire.decode(&[&[0, tag], bytes.as_slice()].concat());
        let _ = wire.decode(&[&[1], [7; 16].as_slice(), &[tag], bytes.as_slice()].concat());
    }
}
