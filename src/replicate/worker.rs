//! Calls of programs that are not ours: they may fail, panic, or never return. They run on a thread of their own,
//! because nothing else can end a call that takes too long: the session goes on without it, and whatever it says
//! later is dropped.

use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Why a program could not answer.
pub type HandlerError = Box<dyn StdError + Send + Sync>;

/// What became of a call.
pub(super) enum Answer<A> {
    Given(A),
    /// It failed or panicked.
    Failed,
    /// It took too long. The worker is of no more use: its next answer may be one to this call.
    TookTooLong,
}

/// A thread on which a program is called, one call at a time.
pub(super) struct Worker<Q, A> {
    questions: Sender<Q>,
    /// None if it failed or panicked.
    answers: Receiver<Option<A>>,
    budget: Duration,
}

impl<Q: Send + 'static, A: Send + 'static> Worker<Q, A> {
    /// Starts one, whose calls may take so long each; none if there can be no thread. It ends when it is dropped
    /// and the last call has returned.
    pub(super) fn start(
        name: &str,
        budget: Duration,
        program: impl Fn(&Q) -> Result<A, HandlerError> + Send + 'static,
    ) -> Option<Worker<Q, A>> {
        let (questions, asked) = mpsc::channel::<Q>();
        let (answer, answers) = mpsc::channel();
        let run = move || {
            for question in asked {
                let given = catch_unwind(AssertUnwindSafe(|| program(&question)));
                if answer.send(given.ok().and_then(Result::ok)).is_err() {
                    return; // Nobody listens any more.
                }
            }
        };
        thread::Builder::new().name(name.to_string()).spawn(run).ok()?;
        Some(Worker { questions, answers, budget })
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&self, question: Q) -> Answer<A> {
        if self.questions.send(question).is_err() {
            return Answer::Failed;
        }
        match self.answers.recv_timeout(self.budget) {
            Ok(Some(answer)) => Answer::Given(answer),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => Answer::Failed,
            Err(RecvTimeoutError::Timeout) => Answer::TookTooLong,
        }
    }
}
