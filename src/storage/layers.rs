//! A reader of two layers: what was written shows over what is below.
//!
//! The upper layer is a tree in which a key without a value is one that was removed. Neither layer
//! changes as long as the reader lives. How they come about is for the engines that use it.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::sync::Arc;

use super::tree::Tree;
use super::{Entries, Op, Reader};
use crate::error::Error;

pub(super) struct Layers {
    pub(super) below: Arc<dyn Reader>,
    pub(super) above: Tree,
}

impl Reader for Layers {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.above.get(key) {
            Some(found) => Ok(found.value().map(<[u8]>::to_vec)),
            None => self.below.get(key),
        }
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(merged(self.below.range(start, end)?, self.above.range(start, end), Ord::cmp))
    }

    fn range_back(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(merged(self.below.range_back(start, end)?, self.above.range_back(start, end), |a, b| b.cmp(a)))
    }
}

/// Writes a batch into the upper layer; returns the bytes that it takes.
pub(super) fn write(above: &mut Tree, batch: &[Op]) -> u64 {
    let mut bytes = 0;
    for op in batch {
        above.insert(op.clone());
        bytes += op.key().len() + op.value().map_or(0, <[u8]>::len);
    }
    bytes as u64
}

/// Both layers in one order; where both have a key, the upper one counts.
fn merged<'a>(
    below: Entries<'a>,
    above: impl Iterator<Item = &'a Op> + 'a,
    order: fn(&[u8], &[u8]) -> Ordering,
) -> Entries<'a> {
    let mut above = above.peekable();
    if above.peek().is_none() {
        return below; // As it mostly is: what is written lately is a small part of all.
    }
    Box::new(Merged { below: below.peekable(), above, order })
}

struct Merged<'a, A: Iterator<Item = &'a Op>> {
    below: Peekable<Entries<'a>>,
    above: Peekable<A>,
    order: fn(&[u8], &[u8]) -> Ordering,
}

impl<'a, A: Iterator<Item = &'a Op>> Iterator for Merged<'a, A> {
    type Item = Result<(Vec<u8>, Vec<u8>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first = match (self.below.peek(), self.above.peek()) {
                (Some(Ok((below, _))), Some(above)) => (self.order)(below, above.key()),
                (_, None) | (Some(Err(_)), _) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            };
            if first == Ordering::Less {
                return self.below.next();
            }
            if first == Ordering::Equal {
                self.below.next();
            }
            let entry = self.above.next()?;
            if let Some(value) = entry.value() {
                return Some(Ok((entry.key().to_vec(), value.to_vec())));
            }
        }
    }
}
