//! Frames: pieces of a stream or a file, each with its length and a checksum.
//!
//! A frame is `version (1 byte), length (4, little endian), crc32 (4, of the 5 bytes before and the
//! payload), payload`. What is in it is not known here.

use super::{MAX_RECORD_BYTES, Malformed};

/// The version of the frames written here, the only one that is read.
pub const FRAME_VERSION: u8 = 1;

/// The greatest payload of a frame, in bytes.
pub const MAX_FRAME_BYTES: usize = MAX_RECORD_BYTES;

/// What a frame has before its payload, in bytes.
pub const FRAME_HEADER_BYTES: usize = 9;

/// A frame with this payload, of at most [`MAX_FRAME_BYTES`]; a longer one would not be read.
///
/// ```
/// use reunite::codec::frame::{FrameReader, encode_frame};
/// let mut reader = FrameReader::default();
/// reader.push(&encode_frame(b"ab"));
/// assert_eq!(reader.pop()?, Some(b"ab".to_vec()));
/// assert_eq!(reader.pop()?, None);
/// # Ok::<(), reunite::codec::Malformed>(())
/// ```
#[must_use]
pub fn encode_frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + payload.len());
    frame.push(FRAME_VERSION);
    frame.extend(length);
    frame.extend(checksum(FRAME_VERSION, length, payload));
    frame.extend(payload);
    frame
}

fn checksum(version: u8, length: [u8; 4], payload: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[version]);
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize().to_le_bytes()
}

/// Takes frames out of bytes that come in pieces of any size.
///
/// It holds what was pushed and not yet popped. After an error it stays broken: what follows a bad
/// frame in a stream means nothing.
///
/// ```
/// use reunite::codec::frame::{FrameReader, encode_frame};
/// let mut frame = encode_frame(b"ab");
/// frame[9] ^= 1; // one bit of the payload
/// let mut reader = FrameReader::default();
/// reader.push(&frame);
/// assert!(reader.pop().is_err());
/// ```
#[derive(Debug)]
pub struct FrameReader {
    /// What was pushed, from `start` on.
    bytes: Vec<u8>,
    start: usize,
    limit: usize,
    broken: Option<Malformed>,
}

impl Default for FrameReader {
    fn default() -> FrameReader {
        FrameReader::new(MAX_FRAME_BYTES)
    }
}

impl FrameReader {
    /// A reader that refuses payloads of more than `limit` bytes, and of more than [`MAX_FRAME_BYTES`].
    #[must_use]
    pub fn new(limit: usize) -> FrameReader {
        FrameReader { bytes: Vec::new(), start: 0, limit: limit.min(MAX_FRAME_BYTES), broken: None }
    }

    /// Takes in the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_some() {
            return;
        }
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The payload of the next frame; none until all of it was pushed.
    ///
    /// # Errors
    /// The frame has another version, is longer than the limit, or was damaged.
    pub fn pop(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let waiting = self.bytes.get(self.start..).unwrap_or_default();
        match first_frame(waiting, self.limit) {
            Ok(None) => Ok(None),
            Ok(Some(payload)) => {
                let payload = payload.to_vec();
                self.start += FRAME_HEADER_BYTES + payload.len();
                Ok(Some(payload))
            }
            Err(error) => {
                (self.bytes, self.start) = (Vec::new(), 0);
                self.broken = Some(error.clone());
                Err(error)
            }
        }
    }

    /// How many bytes wait for the rest of their frame: more than 0 at the end of a stream means that it
    /// was cut.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.start
    }
}

/// The payload of the frame that the bytes begin with; none if it is not all there.
fn first_frame(bytes: &[u8], limit: usize) -> Result<Option<&[u8]>, Malformed> {
    let Some((version, rest)) = bytes.split_first() else { return Ok(None) };
    if *version != FRAME_VERSION {
        return Err(Malformed::new(format!(
            "a frame has version {version}, this program reads {FRAME_VERSION}"
        )));
    }
    let Some((length_bytes, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(u32::from_le_bytes(*length_bytes)).unwrap_or(usize::MAX);
    if length > limit {
        return Err(Malformed::new(format!("a frame has {length} bytes, at most {limit} are allowed")));
    }
    let Some((sum, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let Some(payload) = rest.get(..length) else { return Ok(None) };
    if checksum(*version, *length_bytes, payload) != *sum {
        return Err(Malformed::new("a frame is damaged: its checksum is wrong"));
    }
    Ok(Some(payload))
}
