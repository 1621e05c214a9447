//! Two sessions driven against each other, over a link that can break.

use std::collections::VecDeque;

use reunite::codec::frame::FRAME_HEADER_BYTES;
use reunite::sync::{Effect, Message, Report, Session, SyncError, Wire};

use crate::toy::{Facts, Store};

/// What goes wrong on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fault {
    /// The link breaks after so many bytes, both directions counted.
    pub cut: Option<usize>,
    /// The n-th message arrives twice.
    pub duplicate: Option<usize>,
    /// The n-th message does not arrive, the later ones do.
    pub lose: Option<usize>,
}

pub type Outcome = Result<Report, SyncError>;

/// How a session went.
pub struct Run {
    /// How it ended at the side that opened it, and at the other one.
    pub outcomes: [Outcome; 2],
    /// How many bytes went over the link, frames included.
    pub carried: usize,
    pub messages: usize,
}

/// Called after each commit with what the store holds.
pub type Observer<'a> = &'a mut dyn FnMut(&Facts);

/// Carries out effects until the session waits for its peer or is over.
pub fn drive(
    store: &mut Store,
    session: &mut Session,
    out: &mut VecDeque<Message>,
    seen: Observer,
) -> Option<Outcome> {
    while let Some(effect) = session.next_effect() {
        let reads =
            matches!(effect, Effect::ReadSchema | Effect::ReadSchemaChanges { .. } | Effect::ReadChanges);
        assert!(session.may_read() || !reads, "a driver lets go of what it reads from when it may not read");
        match effect {
            Effect::Send(message) => out.push_back(message),
            // Nobody locks anything here: see `tests/databases/locks.rs`.
            Effect::Prepare => {}
            Effect::ReadSchema => session.supply_schema("CREATE TABLE t (a TEXT)".to_owned()),
            Effect::AdoptSchema { database, .. } => {
                let base = reunite::sync::Base { database, ..crate::toy::base() };
                store.base = Some(base);
                session.adopted(base.schema);
            }
            Effect::ReadSchemaChanges { known } => {
                session.supply_schema_changes(store.facts.schema_missing(&known));
            }
            Effect::ChangeSchema(changes) => {
                store.join_schema(changes);
                seen(&store.facts);
                session.schema_changed();
            }
            Effect::ReadChanges => session.supply(&store.facts),
            Effect::Apply(batch) => match store.apply(batch) {
                Ok(knowledge) => {
                    seen(&store.facts);
                    session.applied(knowledge);
                }
                Err(error) => session.failed(error),
            },
            Effect::Finished(outcome) => return Some(outcome),
            other => panic!("unknown effect {other:?}"),
        }
    }
    None
}

/// One session to its end.
pub fn sync(a: &mut Store, b: &mut Store, fault: Fault, seen: Observer) -> Run {
    let sessions = [Session::open(&a.config()), Session::accept(&b.config())];
    run([a, b], sessions, fault, seen)
}

pub fn run(stores: [&mut Store; 2], mut sessions: [Session; 2], fault: Fault, seen: Observer) -> Run {
    let mut outcomes = [None, None];
    let (mut carried, mut messages) = (0, 0);
    let mut out = VecDeque::new();
    let mut wires = [Wire::default(), Wire::default()];
    loop {
        let mut quiet = true;
        for side in 0..2 {
            if outcomes[side].is_none() {
                outcomes[side] = drive(stores[side], &mut sessions[side], &mut out, seen);
            }
            for message in out.drain(..) {
                quiet = false;
                messages += 1;
                let bytes = wires[side].encode(&message).unwrap();
                carried += bytes.len() + FRAME_HEADER_BYTES;
                if fault.lose == Some(messages) || fault.cut.is_some_and(|cut| carried > cut) {
                    continue;
                }
                assert_eq!(wires[1 - side].decode(&bytes).unwrap(), message, "bytes say what was meant");
                let peer = &mut sessions[1 - side];
                peer.receive(message.clone());
                if fault.duplicate == Some(messages) {
                    peer.receive(message);
                }
            }
        }
        if let [Some(_), Some(_)] = outcomes {
            return Run { outcomes: outcomes.map(Option::unwrap), carried, messages };
        }
        if quiet {
            sessions.iter_mut().for_each(|session| session.interrupted("the link broke"));
        }
    }
}
