//! The file MANIFEST: that this is a database directory, of which format, with which engine.
//!
//! It is written once, when the directory is made. docs/FORMAT.md has the bytes.

use super::directory::EngineKind;
use crate::error::Error;

/// The newest directory format that this program reads and the one it writes.
pub(super) const VERSION: u32 = 1;
/// No manifest of any version is larger.
const LIMIT: usize = 4096;

const MAGIC: &[u8; 8] = b"REUNITE\0";

/// The bytes of a manifest: magic, version, length of the engine's name, the name, checksum of all.
pub(super) fn encode(kind: EngineKind) -> Vec<u8> {
    let name = kind.name().as_bytes();
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(u32::try_from(name.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(name);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The engine that a manifest names. The checksum comes first, so that a later format is told from
/// a damaged file: the last four bytes are it in every version.
pub(super) fn decode(bytes: &[u8]) -> Result<EngineKind, Error> {
    let damaged = || Error::corrupt("the file MANIFEST");
    if bytes.len() > LIMIT {
        return Err(damaged());
    }
    let (covered, sum) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
    if u32::from_le_bytes(*sum) != crc32fast::hash(covered) {
        return Err(damaged());
    }
    let rest = covered.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        let what = "the database".to_owned();
        return Err(Error::Format { what, found: version, supported: VERSION });
    }
    let (length, name) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    if usize::try_from(u32::from_le_bytes(*length)) != Ok(name.len()) {
        return Err(damaged());
    }
    let name = std::str::from_utf8(name).map_err(|_| damaged())?;
    EngineKind::from_name(name).ok_or_else(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_bit_is_seen() {
        for kind in [EngineKind::Redb, EngineKind::Sled] {
            let bytes = encode(kind);
            assert_eq!(decode(&bytes).unwrap(), kind);
            for bit in 0..bytes.len() * 8 {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(decode(&bytes), Err(Error::Corrupt { .. })), "bit {bit}");
            }
            assert!((0..bytes.len()).all(|end| decode(&bytes[..end]).is_err()));
        }
    }

    #[test]
    fn a_later_version_is_named() {
        let mut bytes = encode(EngineKind::Redb);
        bytes.truncate(bytes.len() - 4);
        bytes[8] = 9;
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        assert!(matches!(decode(&bytes), Err(Error::Format { found: 9, supported: 1, .. })));
    }
}
