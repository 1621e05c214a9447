//! What the peers that are documents share: rows as maps of text, and a file of updates.
//!
//! The file is what the makers of these libraries advise: each transaction's update is appended, and one
//! snapshot takes the place of all of them at the end. It has no checksums of its own, and is not compacted
//! in between. The whole document is in memory.

use std::fs::{File, OpenOptions, rename};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use uuid::Uuid;

use crate::data::Contact;
use crate::peer::Durability;

/// What none of these libraries has.
macro_rules! lacks {
    ($more:literal) => {
        concat!("unique keys, foreign keys, indexes, data larger than memory", $more)
    };
}
pub(super) use lacks;

/// The columns of a contact but its id, which is its key.
pub fn columns(contact: &Contact) -> [(&'static str, &str); 5] {
    let Contact { id: _, name, email, phone, zip, note } = contact;
    [("name", name), ("email", email), ("phone", phone), ("zip", zip), ("note", note)]
}

/// The contact with these columns, in any order.
pub fn contact<K: AsRef<str>>(
    id: Uuid,
    columns: impl Iterator<Item = Result<(K, String)>>,
) -> Result<Contact> {
    let [mut name, mut email, mut phone, mut zip, mut note] = [const { None }; 5];
    for column in columns {
        let (column, value) = column?;
        match column.as_ref() {
            "name" => name = Some(value),
            "email" => email = Some(value),
            "phone" => phone = Some(value),
            "zip" => zip = Some(value),
            "note" => note = Some(value),
            other => bail!("contact {id} has a column {other}"),
        }
    }
    let (Some(name), Some(email), Some(phone), Some(zip), Some(note)) = (name, email, phone, zip, note)
    else {
        bail!("contact {id} lacks a column");
    };
    Ok(Contact { id, name, email, phone, zip, note })
}

const FILE: &str = "updates";

/// A file of updates, each behind its length.
pub struct Updates {
    file: File,
    path: PathBuf,
    durability: Durability,
}

impl Updates {
    pub fn create(directory: &Path, durability: Durability) -> Result<Updates> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(FILE);
        Ok(Updates { file: File::create_new(&path)?, path, durability })
    }

    /// Opens the file, cuts a torn tail off, and reads all updates.
    pub fn open(directory: &Path, durability: Durability) -> Result<(Updates, Vec<Vec<u8>>)> {
        let path = directory.join(FILE);
        let bytes = std::fs::read(&path)?;
        let (mut updates, mut rest) = (Vec::new(), bytes.as_slice());
        while let Some((update, next)) = unframed(rest) {
            updates.push(update.to_vec());
            rest = next;
        }
        let file = OpenOptions::new().append(true).open(&path)?;
        file.set_len((bytes.len() - rest.len()) as u64)?;
        Ok((Updates { file, path, durability }, updates))
    }

    pub fn append(&mut self, update: &[u8]) -> Result<()> {
        self.file.write_all(&framed(update)?)?;
        if self.durability == Durability::Durable {
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Puts a snapshot in the place of everything, and closes the file.
    pub fn replace(self, snapshot: &[u8]) -> Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create_new(&new)?;
        file.write_all(&framed(snapshot)?)?;
        file.sync_all()?;
        Ok(rename(new, self.path)?)
    }
}

/// One buffer, for one write: a crash leaves a whole update or a torn tail.
fn framed(update: &[u8]) -> Result<Vec<u8>> {
    let length = u32::try_from(update.len())?;
    Ok([length.to_le_bytes().as_slice(), update].concat())
}

/// The first update and what is behind it; none if it is not all there.
fn unframed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}
