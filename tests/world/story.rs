//! Running many histories: on all processors, kept seeds first; a failure is made small and can be replayed.
//! What a history is, its suite says. `tests/schemas` uses this file too.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::thread;

use super::random::Random;

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Failure {
        Failure(what)
    }
}

pub type Checked<T = ()> = Result<T, Failure>;

/// Fails with the name of the property and what was seen.
pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Failure(what())) }
}

/// One history: what it is made of follows from `seed`, and each step from a seed of its own, so steps
/// can be left out.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub steps: Vec<Step>,
}

/// One step, with a seed of its own.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub phase: Phase,
    pub seed: u64,
}

/// Concurrent changes need something in common to be about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// One replica fills its tables.
    Grow,
    /// The others take it over.
    Spread,
    /// Anybody does anything.
    Live,
}

impl Plan {
    /// The history of a seed.
    pub fn new(seed: u64, steps: std::ops::Range<usize>) -> Plan {
        let mut random = Random::new(seed ^ 0x5EED);
        let length = steps.start + random.below(steps.end - steps.start);
        let shared = if random.chance(75) { 2 + random.below(6) } else { 0 };
        let phase = |i: usize| match i {
            _ if i < shared => Phase::Grow,
            _ if i < shared + usize::from(shared > 0) * 3 => Phase::Spread,
            _ => Phase::Live,
        };
        Plan { seed, steps: (0..length).map(|i| Step { phase: phase(i), seed: random.next() }).collect() }
    }
}

/// How often something happened.
type Counts = BTreeMap<Cow<'static, str>, u64>;

/// What is remembered of histories: counts, and the steps of one that is shown.
#[derive(Default)]
pub struct Story {
    pub counts: Counts,
    /// What happened, if somebody wants to know.
    pub trace: Option<Vec<String>>,
}

impl Story {
    pub fn count(&mut self, what: impl Into<Cow<'static, str>>, n: usize) {
        *self.counts.entry(what.into()).or_insert(0) += n as u64;
    }

    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(what());
        }
    }
}

/// A kind of history, and how many of them to run.
pub struct Suite<'a> {
    /// The file of the test.
    pub file: &'static str,
    pub name: &'static str,
    /// Steps of one history.
    pub steps: std::ops::Range<usize>,
    pub plan: fn(u64, std::ops::Range<usize>) -> Plan,
    pub run: &'a (dyn Fn(&Plan, &mut Story) -> Checked + Sync),
}

impl Suite<'_> {
    /// Runs kept seeds, then histories `0..count`; prints what was counted. Panics at the first failure,
    /// with the smallest history found that fails.
    pub fn run(&self, kept: &str, count: u64) {
        quiet_panics();
        if let Some(seed) = number_from_environment("HISTORY_SEED") {
            return self.replay(seed);
        }
        let kept: Vec<u64> = seeds_of(kept, self.name);
        let first = number_from_environment("HISTORIES_FROM").unwrap_or(0);
        let all = |i: u64| kept.get(i as usize).copied().unwrap_or_else(|| first + i - kept.len() as u64);
        let (failed, counts) = self.run_some(count + kept.len() as u64, &all);
        if let Some(seed) = failed {
            self.replay(seed);
        }
        let mut line = format!("{}: {count} histories and {} kept ones hold:", self.name, kept.len());
        counts.iter().for_each(|(what, n)| write!(line, " {n} {what},").unwrap());
        // Straight to the stream: the counts are shown even when the test passes.
        writeln!(io::stderr(), "{}", line.trim_end_matches(',')).expect("stderr is open");
    }

    /// The first seed that fails, if any of these does.
    fn run_some(&self, count: u64, seed: &(dyn Fn(u64) -> u64 + Sync)) -> (Option<u64>, Counts) {
        let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        let counts: Mutex<Counts> = Mutex::default();
        let work = || {
            let mut story = Story::default();
            loop {
                let i = next.fetch_add(1, Ordering::SeqCst);
                if i >= count || failed.load(Ordering::SeqCst) < i {
                    break;
                }
                if self.once(&self.plan(seed(i)), &mut story).is_err() {
                    failed.fetch_min(i, Ordering::SeqCst);
                }
            }
            let mut all = counts.lock().unwrap();
            story.counts.into_iter().for_each(|(what, n)| *all.entry(what).or_insert(0) += n);
        };
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(work);
            }
        });
        let failed = Some(failed.into_inner()).filter(|i| *i != u64::MAX).map(seed);
        (failed, counts.into_inner().unwrap())
    }

    #[cfg(feature = "testing")]
    /// How many histories it takes until one fails on this thread, and how; none if none of them does.
    pub fn first_failure(&self, count: u64) -> Option<(u64, Failure)> {
        quiet_panics();
        (0..count).find_map(|i| {
            let failure = self.once(&self.plan(i), &mut Story::default()).err()?;
            Some((i + 1, failure))
        })
    }

    fn plan(&self, seed: u64) -> Plan {
        (self.plan)(seed, self.steps.clone())
    }

    fn once(&self, plan: &Plan, story: &mut Story) -> Checked {
        QUIET.set(true);
        let result = catch_unwind(AssertUnwindSafe(|| (self.run)(plan, story)));
        QUIET.set(false);
        result.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Failure(format!("panic: {}", text.unwrap_or_default())))
        })
    }

    /// Shows a history step by step; if it fails, the smallest part of it that does, and panics.
    fn replay(&self, seed: u64) {
        let mut plan = self.plan(seed);
        let fails = |plan: &Plan| self.once(plan, &mut Story::default()).is_err();
        if fails(&plan) {
            minimise(&mut plan.steps, |steps| fails(&Plan { seed, steps: steps.to_vec() }));
        }
        let mut story = Story { trace: Some(Vec::new()), ..Story::default() };
        let result = self.once(&plan, &mut story);
        for line in story.trace.unwrap_or_default() {
            writeln!(io::stderr(), "{line}").expect("stderr is open");
        }
        if let Err(failure) = result {
            panic!(
                "{name}: {failure}\n{} steps are needed. Replay with: \
                 HISTORY_SEED={seed} cargo test --test {} {name}",
                plan.steps.len(),
                self.file,
                name = self.name
            );
        }
    }
}

/// Leaves out steps while the history still fails: halves first, single steps at last.
fn minimise(steps: &mut Vec<Step>, fails: impl Fn(&[Step]) -> bool) {
    let mut size = steps.len();
    while size > 0 {
        let (mut at, mut progress) = (0, false);
        while at < steps.len() {
            let mut rest = steps.clone();
            rest.drain(at..(at + size).min(steps.len()));
            if fails(&rest) {
                *steps = rest;
                progress = true;
            } else {
                at += size;
            }
        }
        size = if progress && size == 1 { 1 } else { size / 2 };
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// A panic inside a history is a result like any other: it is reported once, when it has been made small.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
}

/// Lines of `name seed`, with `#` before remarks.
fn seeds_of(kept: &str, name: &str) -> Vec<u64> {
    let lines = kept.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let own = lines.filter_map(|line| line.strip_prefix(name));
    own.map(|seed| seed.trim().parse().expect("a seed is a number")).collect()
}

/// A number that whoever runs the tests gave.
#[expect(clippy::disallowed_methods, reason = "a test, not the library")]
pub fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}
