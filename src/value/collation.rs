//! Collations: how texts compare, by folding them to a form that compares byte by byte.
//!
//! Each collation is pinned: the same text folds to the same bytes in every build, for ever. There
//! is no locale collation, because two replicas could disagree about it.

use super::ValueError;
use caseless::Caseless;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use unicode_normalization::{UnicodeNormalization, is_nfc_quick};

/// A named, pinned way to compare texts.
///
/// ```
/// use reunite::{Database, row};
/// let sql = "CREATE TABLE customer (code TEXT COLLATE NOCASE PRIMARY KEY)";
/// let db = Database::builder().sql(sql)?.in_memory()?;
/// db.write(|tx| tx.table("customer")?.insert(row! { code: "Ann" }))?;
/// assert!(db.read()?.table("customer")?.get("ANN")?.is_some());
/// assert!(db.write(|tx| tx.table("customer")?.insert(row! { code: "ann" })).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collation {
    /// `BINARY`: by the bytes of the UTF-8 form.
    #[default]
    Binary,
    /// `NOCASE`: ASCII letters without regard to case.
    NoCase,
    /// `UNICODE_NOCASE`: NFC and full case folding of the Unicode version named by
    /// [`Collation::UNICODE_VERSION`].
    UnicodeNoCase,
}

// A dependency with other tables would let two replicas disagree about which keys are equal.
const _: () = {
    let folding = caseless::UNICODE_VERSION;
    assert!(folding.0 == 16 && folding.1 == 0 && folding.2 == 0, "caseless: not the pinned Unicode version");
    let normal = unicode_normalization::UNICODE_VERSION;
    assert!(
        normal.0 == 16 && normal.1 == 0 && normal.2 == 0,
        "normalization: not the pinned Unicode version"
    );
};

impl Collation {
    /// Every collation, in their order.
    pub const ALL: [Collation; 3] = [Collation::Binary, Collation::NoCase, Collation::UnicodeNoCase];

    /// The Unicode version whose tables `UNICODE_NOCASE` uses, for case folding and for NFC. The
    /// crate does not compile with other tables. It is part of the digest of a schema that uses the
    /// collation: replicas with different tables have different schemas, and refuse each other.
    pub const UNICODE_VERSION: &'static str = "16.0.0";

    /// The form of `text` that compares byte by byte: equal texts of this collation fold to equal bytes.
    /// Folding what is folded changes nothing.
    ///
    /// ```
    /// use reunite::value::Collation;
    /// assert_eq!(Collation::NoCase.fold("Ann"), Collation::NoCase.fold("ANN"));
    /// assert_ne!(Collation::Binary.fold("Ann"), Collation::Binary.fold("ANN"));
    /// assert_eq!(Collation::UnicodeNoCase.fold("STRASSE"), Collation::UnicodeNoCase.fold("Straße"));
    /// ```
    #[must_use]
    pub fn fold(self, text: &str) -> Cow<'_, str> {
        match self {
            Collation::Binary => Cow::Borrowed(text),
            Collation::UnicodeNoCase if !text.is_ascii() => Cow::Owned(fold_unicode(text)),
            _ if text.bytes().any(|byte| byte.is_ascii_uppercase()) => Cow::Owned(text.to_ascii_lowercase()),
            _ => Cow::Borrowed(text),
        }
    }

    /// How two texts compare.
    ///
    /// ```
    /// use reunite::value::Collation;
    /// assert!(Collation::Binary.compare("b", "A").is_gt());
    /// assert!(Collation::NoCase.compare("b", "A").is_gt() && Collation::NoCase.compare("a", "A").is_eq());
    /// ```
    #[must_use]
    pub fn compare(self, left: &str, right: &str) -> Ordering {
        self.fold(left).as_bytes().cmp(self.fold(right).as_bytes())
    }
}

/// Canonical caseless matching (Unicode, section 3.13, D145): decompose, fold, then compose. Decomposing
/// first matters where a mark changes its class when folded, as U+0345 does.
fn fold_unicode(text: &str) -> String {
    let folded: String = text.nfd().default_case_fold().collect();
    match is_nfc_quick(folded.chars()) {
        unicode_normalization::IsNormalized::Yes => folded,
        _ => folded.nfc().collect(),
    }
}

impl fmt::Display for Collation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Collation::Binary => "BINARY",
            Collation::NoCase => "NOCASE",
            Collation::UnicodeNoCase => "UNICODE_NOCASE",
        })
    }
}

impl FromStr for Collation {
    type Err = ValueError;

    /// Reads the name, in any case.
    fn from_str(name: &str) -> Result<Collation, ValueError> {
        Collation::ALL
            .into_iter()
            .find(|collation| collation.to_string().eq_ignore_ascii_case(name))
            .ok_or_else(|| ValueError::UnknownCollation { name: name.to_owned() })
    }
}
