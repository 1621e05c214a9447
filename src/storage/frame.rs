//! The bytes of the journal: its header, and one frame for each batch.
//!
//! Everything is little-endian. docs/FORMAT.md has the table. A frame that is cut short or damaged
//! is the end of the journal; a frame whose checksum is right but whose content makes no sense was
//! not written by this program and is corruption.

use super::{Batch, Op};
use crate::error::Error;

/// The newest journal format that this program reads and the one it writes.
pub(super) const VERSION: u32 = 1;
/// Bytes of the journal's header: magic 8, version 4, checksum of both 4. Later versions keep this.
pub(super) const HEADER: usize = 16;
/// Bytes before a frame's payload: magic 4, payload length 4, sequence 8, checksum 4.
pub(super) const FRAME: usize = 20;
/// The greatest payload; one commit takes no more.
pub(super) const PAYLOAD_LIMIT: u32 = 1 << 30;

const JOURNAL_MAGIC: &[u8; 8] = b"REUNJRNL";
const FRAME_MAGIC: [u8; 4] = *b"RFRM";
const DELETE: u8 = 0;
const PUT: u8 = 1;

/// The header of a new journal.
pub(super) fn header() -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    let (magic, rest) = bytes.split_at_mut(8);
    magic.copy_from_slice(JOURNAL_MAGIC);
    let (version, _) = rest.split_at_mut(4);
    version.copy_from_slice(&VERSION.to_le_bytes());
    let (covered, sum) = bytes.split_at_mut(12);
    sum.copy_from_slice(&crc32fast::hash(covered).to_le_bytes());
    bytes
}

/// Refuses a header that is damaged or of a later version.
pub(super) fn check_header(bytes: &[u8; HEADER]) -> Result<(), Error> {
    let (covered, sum) = bytes.split_at(12);
    let (magic, version) = covered.split_at(8);
    if magic != JOURNAL_MAGIC || u32_of(sum) != Some(crc32fast::hash(covered)) {
        return Err(Error::corrupt("the header of the file journal"));
    }
    match u32_of(version) {
        Some(VERSION) => Ok(()),
        found => Err(Error::Format {
            what: "the file journal".to_owned(),
            found: found.unwrap_or(0),
            supported: VERSION,
        }),
    }
}

/// What stands before a frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) length: u32,
    pub(super) sequence: u64,
    checksum: u32,
}

impl FrameHeader {
    /// `None` if these bytes do not begin a frame.
    pub(super) fn decode(bytes: &[u8; FRAME]) -> Option<FrameHeader> {
        let rest = bytes.strip_prefix(&FRAME_MAGIC)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (sequence, checksum) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        let header = FrameHeader {
            length,
            sequence: u64::from_le_bytes(*sequence),
            checksum: u32::from_le_bytes(*checksum.first_chunk()?),
        };
        (length <= PAYLOAD_LIMIT).then_some(header)
    }

    /// Whether these are the bytes that were written.
    pub(super) fn covers(&self, payload: &[u8]) -> bool {
        self.checksum == checksum(self.length, self.sequence, payload)
    }
}

fn checksum(length: u32, sequence: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(&sequence.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// Writes a batch as one frame into the buffer, which it clears first.
pub(super) fn encode(sequence: u64, batch: &[Op], buffer: &mut Vec<u8>) -> Result<(), Error> {
    let size = batch
        .iter()
        .fold(4_u64, |sum, op| sum + 9 + op.key().len() as u64 + op.value().map_or(0, <[u8]>::len) as u64);
    let limit = u64::from(PAYLOAD_LIMIT);
    let too_large = || Error::Limit { what: "one commit".to_owned(), size, limit };
    if size > limit {
        return Err(too_large());
    }
    buffer.clear();
    buffer.resize(FRAME, 0);
    put_length(batch.len(), buffer).ok_or_else(too_large)?;
    for op in batch {
        buffer.push(if op.value().is_some() { PUT } else { DELETE });
        put_bytes(op.key(), buffer).ok_or_else(too_large)?;
        if let Some(value) = op.value() {
            put_bytes(value, buffer).ok_or_else(too_large)?;
        }
    }
    let (head, payload) = buffer.split_at_mut(FRAME);
    let length = u32::try_from(payload.len()).map_err(|_| too_large())?;
    let fields = FRAME_MAGIC
        .into_iter()
        .chain(length.to_le_bytes())
        .chain(sequence.to_le_bytes())
        .chain(checksum(length, sequence, payload).to_le_bytes());
    for (place, byte) in head.iter_mut().zip(fields) {
        *place = byte;
    }
    Ok(())
}

fn put_length(length: usize, buffer: &mut Vec<u8>) -> Option<()> {
    buffer.extend(u32::try_from(length).ok()?.to_le_bytes());
    Some(())
}

fn put_bytes(bytes: &[u8], buffer: &mut Vec<u8>) -> Option<()> {
    put_length(bytes.len(), buffer)?;
    buffer.extend_from_slice(bytes);
    Some(())
}

/// The batch in a payload whose checksum was right.
pub(super) fn decode(sequence: u64, payload: &[u8]) -> Result<Batch, Error> {
    let mut rest = payload;
    let batch = take_batch(&mut rest).filter(|_| rest.is_empty());
    batch.ok_or_else(|| Error::corrupt(format!("frame {sequence} of the file journal makes no sense")))
}

fn take_batch(rest: &mut &[u8]) -> Option<Batch> {
    let count = take_length(rest)?;
    // An op takes five bytes at least: a wrong count cannot make this allocate more than it read.
    let mut batch = Vec::with_capacity(count.min(rest.len() / 5));
    for _ in 0..count {
        let (tag, after) = rest.split_first()?;
        *rest = after;
        let key = take_bytes(rest)?;
        batch.push(match *tag {
            PUT => Op::put(key, take_bytes(rest)?),
            DELETE => Op::delete(key),
            _ => return None,
        });
    }
    Some(batch)
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let (length, after) = rest.split_first_chunk()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

fn take_bytes<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = take_length(rest)?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

fn u32_of(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn op() -> impl Strategy<Value = Op> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..9);
        prop_oneof![
            (bytes(), bytes()).prop_map(|(key, value)| Op::put(&key, &value)),
            bytes().prop_map(|key| Op::delete(&key)),
        ]
    }

    #[test]
    fn the_bytes_of_a_frame_stay_as_they_are() {
        let mut buffer = Vec::new();
        let batch = [Op::put(b"k", b"vw"), Op::delete(b"d")];
        encode(7, &batch, &mut buffer).unwrap();
        let hex: String = buffer.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "5246524d160000000700000000000000068f027d0200000001010000006b020000007677000100000064"
        );
    }

    #[test]
    fn a_later_version_is_named() {
        let mut bytes = header();
        bytes[8] = 2;
        let sum = crc32fast::hash(&bytes[..12]).to_le_bytes();
        bytes[12..].copy_from_slice(&sum);
        assert!(matches!(check_header(&bytes), Err(Error::Format { found: 2, supported: 1, .. })));
        bytes[0] ^= 1;
        assert!(matches!(check_header(&bytes), Err(Error::Corrupt { .. })));
        check_header(&header()).unwrap();
    }

    proptest! {
        #[test]
        fn frames_round_trip(sequence: u64, batch in prop::collection::vec(op(), 0..9)) {
            let mut buffer = Vec::new();
            encode(sequence, &batch, &mut buffer).unwrap();
            let (head, payload) = buffer.split_first_chunk().unwrap();
            let header = FrameHeader::decode(head).unwrap();
            prop_assert_eq!((header.sequence, header.length as usize), (sequence, payload.len()));
            prop_assert!(header.covers(payload));
            prop_assert_eq!(decode(sequence, payload).unwrap(), batch);
        }

        #[test]
        fn a_changed_bit_is_seen(batch in prop::collection::vec(op(), 0..9), place: prop::sample::Index, bit in 0..8_u8) {
            let mut buffer = Vec::new();
            encode(1, &batch, &mut buffer).unwrap();
            let place = place.index(buffer.len());
            buffer[place] ^= 1 << bit;
            let (head, payload) = buffer.split_first_chunk().unwrap();
            let seen = FrameHeader::decode(head).is_none_or(|header| {
                header.length as usize != payload.len() || !header.covers(payload)
            });
            prop_assert!(seen);
        }

        #[test]
        fn any_payload_decodes_or_is_refused(payload in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(1, &payload);
        }
    }
}
