//! The journal's file: where frames are, and where the next one goes.
//!
//! Frames stand one behind the other after the header, numbered without a gap. After a checkpoint
//! the next frame is written over the first: nothing is renamed or truncated, and the file keeps its
//! blocks, so that a sync has no metadata to write. Old frames behind the newest have lower numbers
//! and end the journal. What a crash leaves behind the last good frame is cut off, durably, before
//! anything new is written: else a frame of a lost commit might continue the new ones.

use std::sync::Arc;

use super::disk::DiskFile;
use super::frame::{self, FRAME, FrameHeader, HEADER};
use super::{Engine, Op};
use crate::error::Error;

const START: u64 = HEADER as u64;

/// The writer's side of the journal.
#[derive(Debug)]
pub(super) struct Journal {
    file: Arc<dyn DiskFile>,
    /// Where the next frame goes.
    end: u64,
    /// The number of the next frame.
    next: u64,
    /// The frame being made; kept for its memory.
    buffer: Vec<u8>,
}

impl Journal {
    /// Makes a durable journal in an empty file, for an empty engine: with this batch, if it has any
    /// change.
    pub(super) fn create(file: &dyn DiskFile, first: &[Op]) -> Result<(), Error> {
        let mut bytes = frame::header().to_vec();
        if !first.is_empty() {
            let mut buffer = Vec::new();
            frame::encode(1, first, &mut buffer)?;
            bytes.append(&mut buffer);
        }
        file.write_at(0, &bytes).and_then(|()| file.sync()).map_err(wrote)
    }

    /// Brings the engine up to date, and cuts the journal where it stops making sense.
    pub(super) fn open(file: Arc<dyn DiskFile>, engine: &dyn Engine) -> Result<Journal, Error> {
        // What is read must be durable before an engine sees it: see `Engine::applies_whole`.
        file.sync().map_err(wrote)?;
        let tail = replay(&*file, engine)?;
        let applied = engine.applied()?;
        let mut journal = Journal { file, end: tail.end, next: applied + 1, buffer: Vec::new() };
        if tail.last != Some(applied) {
            // The engine is ahead of the journal, by a checkpoint; the next frame would leave a gap.
            engine.checkpoint()?;
            journal.restart();
        }
        if journal.file.len().map_err(read)? > journal.end {
            journal.cut()?;
        }
        Ok(journal)
    }

    /// Makes the next frame, without writing it, and returns its number.
    pub(super) fn prepare(&mut self, batch: &[Op]) -> Result<u64, Error> {
        frame::encode(self.next, batch, &mut self.buffer)?;
        Ok(self.next)
    }

    /// Writes the frame that was prepared. A killed process does not lose it.
    pub(super) fn write(&mut self) -> Result<(), Error> {
        self.file.write_at(self.end, &self.buffer).map_err(wrote)?;
        self.end += self.buffer.len() as u64;
        self.next += 1;
        Ok(())
    }

    /// Begins anew. Every frame so far must be durable in the engine.
    pub(super) fn restart(&mut self) {
        self.end = START;
    }

    /// Removes what stands behind the last frame.
    pub(super) fn cut(&mut self) -> Result<(), Error> {
        self.file.set_len(self.end).and_then(|()| self.file.sync()).map_err(wrote)
    }

    /// The bytes that a restart would release.
    pub(super) fn used(&self) -> u64 {
        self.end - START
    }

    /// The number of the last frame; 0 if there was none ever.
    pub(super) fn last(&self) -> u64 {
        self.next - 1
    }
}

/// Refuses a file that is no journal, or one of a later version.
pub(super) fn check(file: &dyn DiskFile) -> Result<(), Error> {
    if file.len().map_err(read)? < START {
        return Err(Error::corrupt("the file journal is shorter than its header"));
    }
    let mut header = [0; HEADER];
    file.read_at(0, &mut header).map_err(read)?;
    frame::check_header(&header)
}

/// Where the journal ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    end: u64,
    last: Option<u64>,
}

/// Applies the frames that the engine has not seen, and returns where they end.
pub(super) fn replay(file: &dyn DiskFile, engine: &dyn Engine) -> Result<Tail, Error> {
    check(file)?;
    let length = file.len().map_err(read)?;
    let applied = engine.applied()?;
    let mut tail = Tail { end: START, last: None };
    while let Some((header, payload)) = frame_at(file, length, tail.end)? {
        if tail.last.is_some_and(|last| last.checked_add(1) != Some(header.sequence)) {
            break; // A frame from before the last checkpoint.
        }
        if tail.last.is_none() && header.sequence > applied.saturating_add(1) {
            return Err(Error::corrupt(format!(
                "the file journal begins with frame {}, the engine ends with {applied}",
                header.sequence
            )));
        }
        if header.sequence > applied {
            engine.apply(header.sequence, &frame::decode(header.sequence, &payload)?)?;
        }
        tail = Tail { end: tail.end + (FRAME + payload.len()) as u64, last: Some(header.sequence) };
    }
    Ok(tail)
}

/// The frame at this place, if one was written there completely.
fn frame_at(file: &dyn DiskFile, length: u64, at: u64) -> Result<Option<(FrameHeader, Vec<u8>)>, Error> {
    let start = at + FRAME as u64;
    if start > length {
        return Ok(None);
    }
    let mut head = [0; FRAME];
    file.read_at(at, &mut head).map_err(read)?;
    let Some(header) = FrameHeader::decode(&head) else { return Ok(None) };
    let (Ok(size), true) = (usize::try_from(header.length), u64::from(header.length) <= length - start)
    else {
        return Ok(None);
    };
    let mut payload = vec![0; size];
    file.read_at(start, &mut payload).map_err(read)?;
    Ok(header.covers(&payload).then_some((header, payload)))
}

fn wrote(source: std::io::Error) -> Error {
    Error::io("write the file journal", source)
}

fn read(source: std::io::Error) -> Error {
    Error::io("read the file journal", source)
}
