//! The version of a row as a token of letters, digits, `-` and `_`, and back.
//!
//! Layout, in base64 for URLs without padding: the row (16 bytes); length, and per row that was seen its
//! id and its vector (length, entries of 16 bytes and an integer); the digest of followed values (8
//! bytes). Never stored, and no part of any format: a token of one version of Reunite need not be
//! readable by another.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::bytes::{Input, Malformed, Origin, Output};
use crate::ids::{Dot, ReplicaId, RowId};
use crate::row::Version;
use crate::version::VersionVector;

/// A text that is no version of a row.
///
/// ```
/// use reunite::row::Version;
/// let Err(error) = "not a version".parse::<Version>() else { unreachable!("it has spaces") };
/// assert!(error.to_string().ends_with("use one as it was printed"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no version of a row ({what}): use one as it was printed")]
pub struct VersionTokenError {
    what: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Output::with_capacity(64);
        out.raw(self.row.as_bytes());
        out.length(self.seen.len());
        for (row, vector) in &self.seen {
            out.raw(row.as_bytes());
            out.length(vector.iter().len());
            for (replica, seq) in vector.iter() {
                out.raw(replica.as_bytes());
                out.integer(seq);
            }
        }
        out.raw(&self.followed);
        f.write_str(&URL_SAFE_NO_PAD.encode(out.into_bytes()))
    }
}

impl FromStr for Version {
    type Err = VersionTokenError;

    fn from_str(token: &str) -> Result<Version, VersionTokenError> {
        let bytes =
            URL_SAFE_NO_PAD.decode(token).map_err(|error| VersionTokenError { what: error.to_string() })?;
        take_version(&bytes).map_err(|malformed| VersionTokenError { what: malformed.what })
    }
}

fn take_version(bytes: &[u8]) -> Result<Version, Malformed> {
    let mut input = Input::new(bytes, Origin::Peer)?;
    let row = RowId::from_bytes(input.array()?);
    let length = input.length(17)?;
    let mut seen: Vec<(RowId, VersionVector)> = Vec::with_capacity(length);
    for _ in 0..length {
        let next = (RowId::from_bytes(input.array()?), take_vector(&mut input)?);
        if seen.last().is_some_and(|last| last.0 >= next.0) {
            return Err(Malformed::new("the rows are not ascending"));
        }
        seen.push(next);
    }
    let followed = input.array()?;
    input.end()?;
    Ok(Version { row, seen, followed })
}

fn take_vector(input: &mut Input<'_>) -> Result<VersionVector, Malformed> {
    let mut vector = VersionVector::default();
    let mut last = None;
    for _ in 0..input.length(17)? {
        let dot = Dot { replica: ReplicaId::from_bytes(input.array()?), seq: input.integer()? };
        if last >= Some(dot.replica) || dot.seq == 0 {
            return Err(Malformed::new("a vector is not in its canonical form"));
        }
        last = Some(dot.replica);
        vector.cover(dot);
    }
    Ok(vector)
}
