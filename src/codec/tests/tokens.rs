//! Versions of rows as tokens: there and back, and nothing else is one.

use std::collections::BTreeMap;

use proptest::collection::btree_map;
use proptest::prelude::*;

use crate::codec::generate::{replicas, row_ids};
use crate::row::Version;
use crate::version::VersionVector;

fn versions() -> impl Strategy<Value = Version> {
    let vectors = btree_map(replicas(), 1_u64..1000, 0..4);
    let seen = btree_map(row_ids(), vectors, 0..3);
    (row_ids(), seen, any::<[u8; 8]>()).prop_map(|(row, seen, followed)| {
        let vector = |entries: BTreeMap<_, _>| entries.into_iter().collect::<VersionVector>();
        Version { row, seen: seen.into_iter().map(|(row, seen)| (row, vector(seen))).collect(), followed }
    })
}

proptest! {
    #[test]
    fn tokens_read_back(version in versions()) {
        let token = version.to_string();
        prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        prop_assert_eq!(token.parse::<Version>(), Ok(version));
    }

    #[test]
    fn equal_versions_have_equal_tokens_only(a in versions(), b in versions()) {
        prop_assert_eq!(a == b, a.to_string() == b.to_string());
    }

    /// Whatever reads as a version is written as that text: no two tokens mean one version.
    #[test]
    fn a_changed_token_is_another_version_or_none(version in versions(), at: prop::sample::Index, to in "[A-Za-z0-9_-]") {
        let mut token = version.to_string();
        let at = at.index(token.len());
        token.replace_range(at..=at, &to);
        if let Ok(read) = token.parse::<Version>() {
            prop_assert_eq!(read.to_string(), token);
        }
    }
}
