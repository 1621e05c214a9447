//! Changes to the map: a key, and the value that it has afterwards, if any; and how those of a commit are gathered.
//!
//! What is changed and when is for the engines.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// One change to the map.
///
/// The changes of a commit are one piece of memory, which they share: so it takes one request however many they are,
/// and who copies many changes of few commits touches few places. Whoever keeps a change for long keeps the bytes of
/// all, unless it is [detached](Op::detached).
///
/// See [`Engine`](super::Engine) for an example.
#[derive(Clone)]
pub struct Op {
    bytes: Arc<[u8]>,
    place: Place,
    /// Of the key: mostly it tells two keys apart, and then their bytes need not be fetched.
    head: Head,
}

/// The first bytes of a key as a number, filled up with zeros. Where those of two keys differ, the keys order as they do.
type Head = u128;

/// A key that is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sought<'k> {
    head: Head,
    key: &'k [u8],
}

impl<'k> Sought<'k> {
    pub(super) fn new(key: &'k [u8]) -> Sought<'k> {
        let mut head = [0; size_of::<Head>()];
        for (byte, of_key) in head.iter_mut().zip(key) {
            *byte = *of_key;
        }
        Sought { head: Head::from_be_bytes(head), key }
    }
}

/// Where a change stands among the bytes of its commit: the value follows the key.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    key_end: usize,
    value_end: Option<usize>,
}

impl Op {
    fn new(bytes: Arc<[u8]>, place: Place) -> Op {
        let head = Sought::new(bytes.get(place.start..place.key_end).unwrap_or_default()).head;
        Op { bytes, place, head }
    }

    /// Sets the value of a key.
    #[must_use]
    pub fn put(key: &[u8], value: &[u8]) -> Op {
        let bytes = [key, value].concat();
        let place = Place { start: 0, key_end: key.len(), value_end: Some(bytes.len()) };
        Op::new(bytes.into(), place)
    }

    /// Removes a key; nothing happens if it is absent.
    #[must_use]
    pub fn delete(key: &[u8]) -> Op {
        Op::new(key.into(), Place { start: 0, key_end: key.len(), value_end: None })
    }

    /// The key that changes.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.bytes.get(self.place.start..self.place.key_end).unwrap_or_default()
    }

    /// The value that the key has afterwards.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        let end = self.place.value_end?;
        Some(self.bytes.get(self.place.key_end..end).unwrap_or_default())
    }

    /// How its key orders beside another.
    pub(super) fn order(&self, sought: Sought<'_>) -> Ordering {
        self.head.cmp(&sought.head).then_with(|| self.key().cmp(sought.key))
    }

    /// Its key, to look for.
    pub(super) fn sought(&self) -> Sought<'_> {
        Sought { head: self.head, key: self.key() }
    }

    /// The same change with memory of its own.
    #[must_use]
    pub fn detached(&self) -> Op {
        match self.value() {
            Some(value) => Op::put(self.key(), value),
            None => Op::delete(self.key()),
        }
    }
}

impl PartialEq for Op {
    fn eq(&self, other: &Op) -> bool {
        (self.key(), self.value()) == (other.key(), other.value())
    }
}

impl Eq for Op {}

impl fmt::Debug for Op {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) => formatter.debug_tuple("Put").field(&self.key()).field(&value).finish(),
            None => formatter.debug_tuple("Delete").field(&self.key()).finish(),
        }
    }
}

/// Gathers the changes of a commit.
///
/// ```
/// use reunite::storage::{BatchBuilder, Op};
/// let mut builder = BatchBuilder::default();
/// builder.put(|key| key.extend(b"key"), b"value");
/// builder.delete(|key| key.extend(b"other"));
/// assert_eq!(builder.finish(), [Op::put(b"key", b"value"), Op::delete(b"other")]);
/// ```
#[derive(Debug, Default)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

impl BatchBuilder {
    /// Sets the value of a key, which is written behind what is there; that is to stay.
    pub fn put(&mut self, key: impl FnOnce(&mut Vec<u8>), value: &[u8]) {
        let (start, key_end) = self.key(key);
        self.bytes.extend_from_slice(value);
        self.places.push(Place { start, key_end, value_end: Some(self.bytes.len()) });
    }

    /// Removes a key, likewise.
    pub fn delete(&mut self, key: impl FnOnce(&mut Vec<u8>)) {
        let (start, key_end) = self.key(key);
        self.places.push(Place { start, key_end, value_end: None });
    }

    fn key(&mut self, key: impl FnOnce(&mut Vec<u8>)) -> (usize, usize) {
        let start = self.bytes.len();
        key(&mut self.bytes);
        (start, self.bytes.len())
    }

    /// The changes, in the order in which they were made.
    #[must_use]
    pub fn finish(self) -> Vec<Op> {
        let bytes: Arc<[u8]> = self.bytes.into();
        self.places.into_iter().map(|place| Op::new(Arc::clone(&bytes), place)).collect()
    }
}
