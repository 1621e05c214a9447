//! Which rows a set of written keys is about: what a rehearsal has touched.

use std::collections::BTreeSet;

use super::space::{Kind, row_key_of};
use crate::ids::RowKey;

/// The rows whose record or whose conflicts were written, by table and row id. What else a commit writes
/// follows from these.
pub fn rows_touched<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> BTreeSet<RowKey> {
    let of_rows = |key: &&[u8]| matches!(Kind::of(key), Some(Kind::Row | Kind::Conflicts));
    keys.into_iter().filter(of_rows).filter_map(row_key_of).collect()
}
