//! CSV files, as RFC 4180 has them, in UTF-8. An empty field is none, `""` is the empty text.
//!
//! Records of texts, and nothing else: what a field is for and of which type is not known here.

mod reader;
mod writer;

pub(super) use reader::{Reader, Record};
pub(super) use writer::Writer;
