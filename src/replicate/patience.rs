//! How long a session waits for a locked table, and by whose clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Lets time pass. Injected, so that tests and scenarios need not wait.
///
/// ```
/// use std::time::Duration;
/// use reunite::replicate::Timer;
/// /// In a simulation nothing happens meanwhile, so no time need pass.
/// #[derive(Debug)]
/// struct Impatient;
/// impl Timer for Impatient {
///     fn sleep(&self, _: Duration) {}
/// }
/// ```
pub trait Timer: Send + Sync + fmt::Debug {
    /// Returns when so much time has passed.
    fn sleep(&self, time: Duration);
}

/// The operating system's timer.
///
/// See [`Patience`] for an example.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// How a session waits for a lock: after each try twice as long as before.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// use reunite::replicate::{Options, Patience, sync_with};
/// use reunite::sync::SyncError;
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// let lock = b.lock("customer", "monthly closing")?;
/// let patience = Patience { total: std::time::Duration::from_millis(30), ..Patience::default() };
/// let outcome = sync_with(&a, &b, Options { patience, ..Options::default() });
/// assert!(matches!(outcome, Err(SyncError::Locked { reason, .. }) if reason == "monthly closing"));
/// drop(lock);
/// replicate::sync(&a, &b)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Patience {
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How long it waits in all; after that it gives up.
    pub total: Duration,
    /// What it waits by.
    pub timer: Arc<dyn Timer>,
}

impl Default for Patience {
    /// 20 ms, up to a second, five seconds in all, by the system's timer.
    fn default() -> Patience {
        Patience {
            first: Duration::from_millis(20),
            longest: Duration::from_secs(1),
            total: Duration::from_secs(5),
            timer: Arc::new(SystemTimer),
        }
    }
}

impl Patience {
    /// Tries until it succeeds, or until the patience is at its end.
    pub(super) fn retry<T, E>(&self, mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
        let (mut wait, mut left) = (self.first, self.total);
        loop {
            match attempt() {
                Err(_) if !left.is_zero() => {
                    let time = wait.min(self.longest).min(left).max(Duration::from_millis(1));
                    self.timer.sleep(time);
                    left = left.saturating_sub(time);
                    wait = wait.saturating_mul(2);
                }
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Debug, Default)]
    struct Recorder(Mutex<Vec<u128>>);

    impl Timer for Recorder {
        fn sleep(&self, time: Duration) {
            self.0.lock().push(time.as_millis());
        }
    }

    fn waits(total: u64, succeeds_at: usize) -> (Result<usize, usize>, Vec<u128>) {
        let timer = Arc::new(Recorder::default());
        let total = Duration::from_millis(total);
        let patience = Patience { total, timer: Arc::<Recorder>::clone(&timer), ..Patience::default() };
        let mut attempts = 0;
        let result = patience.retry(|| {
            attempts += 1;
            if attempts == succeeds_at { Ok(attempts) } else { Err(attempts) }
        });
        (result, std::mem::take(&mut timer.0.lock()))
    }

    #[test]
    fn it_waits_longer_each_time_and_gives_up_in_the_end() {
        assert_eq!(waits(5000, 3), (Ok(3), vec![20, 40]));
        let all = vec![20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 740];
        assert_eq!(waits(5000, 0), (Err(11), all));
        assert_eq!(waits(0, 0), (Err(1), vec![]));
    }
}
