//! What all records are made of: bincode's integers, lengths and raw bytes, read with every limit.
//!
//! bincode bounds what a length may claim by a constant, not by the bytes that are there; so lists
//! and texts are read here, where a length is checked against the rest of the input first.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::de::DecoderImpl;
use bincode::de::read::{BorrowReader, Reader};
use bincode::enc::EncoderImpl;
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use super::MAX_RECORD_BYTES;
use crate::error::Error;

/// Bytes that are not what they should be. From disk they make the database corrupt, from a peer they
/// are the peer's fault; either way nothing was changed.
///
/// See [`FrameReader`](super::frame::FrameReader) for an example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Malformed {
    /// What was being read, and what is wrong with it.
    pub what: String,
}

impl Malformed {
    pub(super) fn new(what: impl Into<String>) -> Malformed {
        Malformed { what: what.into() }
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Error {
        Error::corrupt(malformed.what)
    }
}

impl From<DecodeError> for Malformed {
    fn from(error: DecodeError) -> Malformed {
        Malformed::new(match error {
            DecodeError::UnexpectedEnd { .. } => "the bytes end too early".to_owned(),
            other => other.to_string(),
        })
    }
}

type Config = Configuration<LittleEndian, Varint, Limit<MAX_RECORD_BYTES>>;
const CONFIG: Config = bincode::config::standard().with_limit::<MAX_RECORD_BYTES>();

/// Where a record is written.
pub(super) struct Output(Buffer);

struct Buffer(Vec<u8>);

impl Writer for Buffer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Output {
    pub(super) fn with_capacity(bytes: usize) -> Output {
        Output::onto(Vec::with_capacity(bytes))
    }

    /// Writes after these bytes.
    pub(super) const fn onto(bytes: Vec<u8>) -> Output {
        Output(Buffer(bytes))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.0
    }

    /// An integer in bincode's form: one byte up to 250.
    pub(super) fn integer<T: Encode>(&mut self, integer: T) {
        // Neither the buffer nor an integer can refuse.
        let written = integer.encode(&mut EncoderImpl::new(&mut self.0, CONFIG));
        debug_assert!(written.is_ok(), "an integer always has a form");
    }

    pub(super) fn length(&mut self, length: usize) {
        self.integer(u64::try_from(length).unwrap_or(u64::MAX));
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.0.extend_from_slice(bytes);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.0.push(byte);
    }

    /// Bytes behind their length.
    pub(super) fn sized(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.raw(bytes);
    }

    /// The `width` low bytes of a number, see [`width`].
    pub(super) fn trimmed(&mut self, number: u64, width: u8) {
        let bytes = number.to_le_bytes();
        self.raw(bytes.get(..usize::from(width)).unwrap_or(&bytes));
    }

    pub(super) const fn size(&self) -> usize {
        self.0.0.len()
    }
}

/// How many bytes a number needs: 0 to 8.
pub(super) const fn width(number: u64) -> u8 {
    #[allow(clippy::cast_possible_truncation)] // At most 8.
    let width = (64 - number.leading_zeros()).div_ceil(8) as u8;
    width
}

/// Small numbers for integers close to zero of either sign.
pub(super) const fn zigzag(integer: i64) -> u64 {
    (integer.cast_unsigned() << 1) ^ (integer >> 63).cast_unsigned()
}

/// The reverse of [`zigzag`].
pub(super) const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Whose bytes are read. A database trusts what it wrote itself (its engine has checksums), as far as
/// that is safe; a peer's every byte is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This database's disk.
    Disk,
    /// Another replica.
    Peer,
}

/// A record being read.
pub(super) struct Input<'a> {
    decoder: DecoderImpl<Rest<'a>, Config, ()>,
    pub(super) origin: Origin,
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or(DecodeError::UnexpectedEnd { additional: length })?;
        self.0 = rest;
        Ok(taken)
    }
}

impl Reader for Rest<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        bytes.copy_from_slice(self.take(bytes.len())?);
        Ok(())
    }
}

impl<'a> BorrowReader<'a> for Rest<'a> {
    fn take_bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        self.take(length)
    }
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8], origin: Origin) -> Result<Input<'a>, Malformed> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(Malformed::new(format!(
                "{} bytes, at most {MAX_RECORD_BYTES} are allowed",
                bytes.len()
            )));
        }
        Ok(Input { decoder: DecoderImpl::new(Rest(bytes), CONFIG, ()), origin })
    }

    /// How many bytes are left.
    pub(super) fn left(&mut self) -> usize {
        self.rest().0.len()
    }

    /// Refuses bytes after the end.
    pub(super) fn end(mut self) -> Result<(), Malformed> {
        match self.left() {
            0 => Ok(()),
            left => Err(Malformed::new(format!("{left} bytes follow the end"))),
        }
    }

    /// An integer in bincode's form. A longer form than needed is refused: equal values, equal bytes.
    pub(super) fn integer<T: Decode<()> + From<u8> + Into<u64> + Copy>(&mut self) -> Result<T, Malformed> {
        if let Some((short @ ..=250, rest)) = self.rest().0.split_first() {
            self.rest().0 = rest;
            return Ok(T::from(*short));
        }
        let before = self.left();
        let integer = T::decode(&mut self.decoder)?;
        let needed = match integer.into() {
            ..=250 => 1,
            251..=0xffff => 3,
            0x1_0000..=0xffff_ffff => 5,
            _ => 9,
        };
        if before - self.left() == needed {
            Ok(integer)
        } else {
            Err(Malformed::new("an integer has more bytes than it needs"))
        }
    }

    /// The length of a list of things that take at least `least` bytes each.
    pub(super) fn length(&mut self, least: usize) -> Result<usize, Malformed> {
        let length = usize::try_from(self.integer::<u64>()?).unwrap_or(usize::MAX);
        if length.saturating_mul(least) > self.left() {
            return Err(Malformed::new(format!("a length of {length} is more than there is")));
        }
        Ok(length)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        self.rest().read(&mut array)?;
        Ok(array)
    }

    pub(super) fn raw(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        Ok(self.rest().take(length)?)
    }

    /// Bytes behind their length.
    pub(super) fn sized(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.length(1)?;
        self.raw(length)
    }

    /// The number of [`Output::trimmed`].
    pub(super) fn trimmed(&mut self, width: u8) -> Result<u64, Malformed> {
        let mut bytes = [0; 8];
        let Some(low) = bytes.get_mut(..usize::from(width)) else {
            return Err(Malformed::new("a number of more than 8 bytes"));
        };
        self.rest().read(low)?;
        let number = u64::from_le_bytes(bytes);
        if self::width(number) == width {
            Ok(number)
        } else {
            Err(Malformed::new("a number has more bytes than it needs"))
        }
    }

    fn rest(&mut self) -> &mut Rest<'a> {
        use bincode::de::BorrowDecoder;
        self.decoder.borrow_reader()
    }
}
