//! Collations: how texts compare, by folding them to a form that compares byte by byte.
//!
//! Each collation is pinned: the same text folds to the same bytes in every build, for ever. There
//! is no locale collation, because two replicas could disagree about it.

use std::borrow::Cow;
use std::fmt;

/// A named, pinned way to compare texts.
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

impl Collation {
    /// The form of `text` that compares byte by byte: equal texts of this collation fold to equal bytes.
    ///
    /// ```
    /// use reunite::value::Collation;
    /// assert_eq!(Collation::NoCase.fold("Ann"), Collation::NoCase.fold("ANN"));
    /// assert_ne!(Collation::Binary.fold("Ann"), Collation::Binary.fold("ANN"));
    /// ```
    #[must_use]
    pub fn fold(self, text: &str) -> Cow<'_, str> {
        match self {
            Collation::NoCase if text.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Cow::Owned(text.to_ascii_lowercase())
            }
            _ => Cow::Borrowed(text),
        }
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
