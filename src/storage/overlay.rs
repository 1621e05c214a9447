//! A file that is read from disk and written in memory.
//!
//! With it a database is opened for reading only: engine repair and journal replay run as always,
//! and nothing of it reaches the disk. Memory grows with what is written, in pages of 4 KiB.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::RwLock;

use super::disk::DiskFile;

const PAGE: usize = 4096;

/// A file that shows another one, and keeps what is written to it in memory.
#[derive(Debug)]
pub(super) struct OverlayFile {
    below: Arc<dyn DiskFile>,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    length: u64,
    /// Up to where the file below shows through; a cut lowers it for good.
    below_length: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl OverlayFile {
    /// A file that shows what the file below holds, which must not change meanwhile.
    pub fn new(below: Arc<dyn DiskFile>) -> io::Result<OverlayFile> {
        let length = below.len()?;
        Ok(OverlayFile {
            below,
            state: RwLock::new(State { length, below_length: length, pages: BTreeMap::new() }),
        })
    }

    /// A page as written, or as it is below.
    fn page(&self, state: &State, number: u64) -> io::Result<Vec<u8>> {
        if let Some(page) = state.pages.get(&number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; PAGE];
        let start = number * PAGE as u64;
        let there = usize::try_from(state.below_length.saturating_sub(start)).unwrap_or(PAGE).min(PAGE);
        if let Some(part) = page.get_mut(..there)
            && there > 0
        {
            self.below.read_at(start, part)?;
        }
        Ok(page)
    }
}

/// The pages that a range touches: number, start within the page, bytes of it.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut at = offset;
    let mut left = length;
    std::iter::from_fn(move || {
        let within = usize::try_from(at % PAGE as u64).ok()?;
        let count = left.min(PAGE - within);
        let piece = (at / PAGE as u64, within, count);
        at += count as u64;
        left -= count;
        (count > 0).then_some(piece)
    })
}

impl DiskFile for OverlayFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state.read().length)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let state = self.state.read();
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > state.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = buffer;
        for (number, within, count) in pieces(offset, rest.len()) {
            let page = self.page(&state, number)?;
            let (part, after) = rest.split_at_mut(count);
            part.copy_from_slice(page.get(within..within + count).unwrap_or_default());
            rest = after;
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.write();
        let mut rest = bytes;
        for (number, within, count) in pieces(offset, bytes.len()) {
            let mut page = self.page(&state, number)?;
            let (part, after) = rest.split_at(count);
            if let Some(place) = page.get_mut(within..within + count) {
                place.copy_from_slice(part);
            }
            state.pages.insert(number, page);
            rest = after;
        }
        state.length = state.length.max(offset + bytes.len() as u64);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state.write();
        let kept = usize::try_from(length % PAGE as u64).unwrap_or(0);
        let last = length / PAGE as u64;
        if length < state.length {
            // What is cut reads as zeros if the file grows again.
            let mut page = self.page(&state, last)?;
            page.get_mut(kept..).unwrap_or_default().fill(0);
            state.pages.split_off(&last);
            state.pages.insert(last, page);
            state.below_length = state.below_length.min(length);
        }
        state.length = length;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
