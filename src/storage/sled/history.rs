//! What later batches replaced, for readers that are older than they.
//!
//! Versions are numbered; a batch makes one. For each the values it replaced are kept, from before
//! the batch touches sled until no reader is older than it.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Range;
use super::values::Found;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The version that a new reader sees.
    current: u64,
    /// How many readers see a version.
    readers: BTreeMap<u64, usize>,
    /// By key and version: what that version replaced.
    replaced: BTreeMap<Vec<u8>, BTreeMap<u64, Option<Vec<u8>>>>,
    /// The keys that a version replaced.
    keys: BTreeMap<u64, Vec<Vec<u8>>>,
}

impl History {
    /// A new reader's version.
    pub(super) fn begin_reading(&mut self) -> u64 {
        *self.readers.entry(self.current).or_insert(0) += 1;
        self.current
    }

    pub(super) fn end_reading(&mut self, version: u64) {
        if let Some(readers) = self.readers.get_mut(&version) {
            *readers -= 1;
            if *readers == 0 {
                self.readers.remove(&version);
            }
        }
        self.forget();
    }

    /// The next version is about to replace these values. Readers that begin from now on still see
    /// the version before.
    pub(super) fn begin_writing(&mut self, replaced: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        let version = self.current + 1;
        self.keys.insert(version, replaced.iter().map(|(key, _)| key.clone()).collect());
        for (key, value) in replaced {
            self.replaced.entry(key).or_default().insert(version, value);
        }
    }

    /// The next version is whole.
    pub(super) fn end_writing(&mut self) {
        self.current += 1;
        self.forget();
    }

    /// Drops what no reader can ask for: every reader sees what these versions made.
    fn forget(&mut self) {
        let oldest = self.readers.keys().next().map_or(self.current, |oldest| self.current.min(*oldest));
        let needed = self.keys.split_off(&(oldest + 1));
        for (version, keys) in std::mem::replace(&mut self.keys, needed) {
            for key in keys {
                if let Some(versions) = self.replaced.get_mut(&key) {
                    versions.remove(&version);
                    if versions.is_empty() {
                        self.replaced.remove(&key);
                    }
                }
            }
        }
    }

    /// What a reader of this version sees in a key, if a later version replaced it.
    pub(super) fn replaced(&self, version: u64, key: &[u8]) -> Option<Option<&[u8]>> {
        first_after(self.replaced.get(key)?, version)
    }

    /// Puts into entries of a range what later versions replaced there.
    pub(super) fn correct(&self, version: u64, range: &Range, entries: &mut BTreeMap<Vec<u8>, Found>) {
        let bounds: (Bound<&[u8]>, Bound<&[u8]>) =
            (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
        for (key, versions) in self.replaced.range::<[u8], _>(bounds) {
            if let Some(value) = first_after(versions, version) {
                entries
                    .insert(key.clone(), value.map_or(Found::Absent, |value| Found::Value(value.to_vec())));
            }
        }
    }
}

/// What the first version after this one replaced is what this one holds.
fn first_after(versions: &BTreeMap<u64, Option<Vec<u8>>>, version: u64) -> Option<Option<&[u8]>> {
    versions.range(version + 1..).next().map(|(_, value)| value.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_that_no_reader_needs() {
        let mut history = History::default();
        let old = history.begin_reading();
        for version in 0..3_u8 {
            history.begin_writing(vec![(b"k".to_vec(), Some(vec![version]))]);
            let meanwhile = history.begin_reading();
            assert_eq!(history.replaced(meanwhile, b"k"), Some(Some([version].as_slice())));
            history.end_reading(meanwhile);
            history.end_writing();
        }
        assert_eq!(history.replaced(old, b"k"), Some(Some([0].as_slice())));
        history.end_reading(old);
        assert!(history.replaced.is_empty() && history.keys.is_empty() && history.readers.is_empty());
    }
}
