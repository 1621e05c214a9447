//! Running many histories: on all processors, kept seeds first; a failure is made small and can be
//! replayed by its seed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::thread;

use crate::random::Random;

/// What did not hold.
pub type Checked<T = ()> = Result<T, String>;

/// Fails with the name of the property and what was seen.
pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

/// One history. What it is made of follows from `seed`, and each step from a seed of its own, so that
/// steps can be left out. Odd steps come first: they make what replicas then have in common.
pub struct Plan {
    pub seed: u64,
    pub steps: Vec<u64>,
}

/// What is remembered of histories: counts, and the steps of one that is shown.
#[derive(Default)]
pub struct Story {
    pub counts: BTreeMap<String, u64>,
    pub trace: Option<Vec<String>>,
}

impl Story {
    pub fn count(&mut self, what: &str, n: usize) {
        *self.counts.entry(what.to_owned()).or_insert(0) += n as u64;
    }

    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(what());
        }
    }
}

/// A kind of history.
pub struct Suite {
    pub name: &'static str,
    /// Steps of one history.
    pub steps: Range<usize>,
    pub run: fn(&Plan, &mut Story) -> Checked,
}

impl Suite {
    /// Runs kept seeds, then histories `0..count`; prints what was counted. Panics at the first failure,
    /// with the smallest history found that fails.
    pub fn run(&self, kept: &str, count: u64) {
        quiet_panics();
        if let Some(seed) = number_from_environment("HISTORY_SEED") {
            self.replay(seed);
            return;
        }
        let mut seeds = seeds_of(kept, self.name);
        let kept = seeds.len();
        let first = number_from_environment("HISTORIES_FROM").unwrap_or(0);
        seeds.extend(first..first + count);
        let (failed, counts) = self.run_all(&seeds);
        if let Some(seed) = failed {
            self.replay(seed);
            panic!("{}: seed {seed} failed, and not again", self.name);
        }
        let mut line = format!("{}: {count} histories and {kept} kept ones hold:", self.name);
        counts.iter().for_each(|(what, n)| write!(line, " {n} {what},").unwrap());
        // Straight to the stream: the counts are shown even when the test passes.
        let mut stream = io::stderr();
        writeln!(stream, "{}", line.trim_end_matches(',')).unwrap();
    }

    /// The first seed that fails, if any of these does, and what was counted.
    fn run_all(&self, seeds: &[u64]) -> (Option<u64>, BTreeMap<String, u64>) {
        let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        let counts: Mutex<BTreeMap<String, u64>> = Mutex::default();
        let work = || {
            let mut story = Story::default();
            loop {
                let at = next.fetch_add(1, Ordering::SeqCst);
                let Some(seed) = seeds.get(at as usize) else { break };
                if failed.load(Ordering::SeqCst) < at {
                    break;
                }
                if self.once(&self.plan(*seed), &mut story).is_err() {
                    failed.fetch_min(at, Ordering::SeqCst);
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
        (seeds.get(failed.into_inner() as usize).copied(), counts.into_inner().unwrap())
    }

    fn plan(&self, seed: u64) -> Plan {
        let mut random = Random::new(seed ^ 0x5EED);
        let length = self.steps.start + random.below(self.steps.len());
        let shared = if random.chance(75) { 2 + random.below(6) } else { 0 };
        let steps = (0..length).map(|at| random.next() & !1 | u64::from(at < shared));
        Plan { seed, steps: steps.collect() }
    }

    fn once(&self, plan: &Plan, story: &mut Story) -> Checked {
        QUIET.set(true);
        let result = catch_unwind(AssertUnwindSafe(|| (self.run)(plan, story)));
        QUIET.set(false);
        result.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(format!("panic: {}", text.unwrap_or_default()))
        })
    }

    /// Shows a history step by step; if it fails, the smallest part of it that does, and panics.
    fn replay(&self, seed: u64) {
        let mut plan = self.plan(seed);
        let fails =
            |steps: &[u64]| self.once(&Plan { seed, steps: steps.to_vec() }, &mut Story::default()).is_err();
        if fails(&plan.steps) {
            minimise(&mut plan.steps, fails);
        }
        let mut story = Story { trace: Some(Vec::new()), ..Story::default() };
        let result = self.once(&plan, &mut story);
        let mut stream = io::stderr();
        for line in story.trace.unwrap_or_default() {
            writeln!(stream, "{line}").unwrap();
        }
        if let Err(failure) = result {
            panic!(
                "{name}: {failure}\n{} steps are needed. Replay with: \
                 HISTORY_SEED={seed} cargo test --test schemas {name}",
                plan.steps.len(),
                name = self.name
            );
        }
    }
}

/// Leaves out steps while the history still fails: halves first, single steps at last.
fn minimise(steps: &mut Vec<u64>, fails: impl Fn(&[u64]) -> bool) {
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

/// A panic inside a history is a result like any other: it is reported once, when it has been made
/// small.
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
