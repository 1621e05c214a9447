//! Random values for property tests, of every type and with the edges that break things.

use super::{Json, Real, Timestamp, Type, Value};
use proptest::prelude::*;
use uuid::Uuid;

/// A value of this type, never `Null`.
pub fn of(kind: Type) -> BoxedStrategy<Value> {
    match kind {
        Type::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Type::Integer => integers().prop_map(Value::from).boxed(),
        Type::Real => reals().prop_map(Value::from).boxed(),
        Type::Text => texts().prop_map(Value::from).boxed(),
        Type::Blob => prop::collection::vec(any::<u8>(), 0..6).prop_map(Value::from).boxed(),
        Type::Uuid => any::<u128>().prop_map(|bits| Value::from(Uuid::from_u128(bits))).boxed(),
        Type::Timestamp => timestamps().prop_map(Value::from).boxed(),
        Type::Json => json_trees().prop_map(|tree| Value::from(Json::from_tree(&tree).unwrap())).boxed(),
    }
}

/// A value of any type, or `Null`.
pub fn values() -> BoxedStrategy<Value> {
    prop_oneof![
        1 => Just(Value::Null),
        9 => prop::sample::select(Type::ALL.to_vec()).prop_flat_map(of),
    ]
    .boxed()
}

/// Small integers, the ends of the range, and where doubles stop to be exact.
pub fn integers() -> impl Strategy<Value = i64> {
    let edges = vec![i64::MIN, i64::MIN + 1, -(1 << 53) - 1, (1 << 53) + 1, 1 << 53, i64::MAX - 1, i64::MAX];
    prop_oneof![4 => -5i64..10, 1 => prop::sample::select(edges), 1 => any::<i64>()]
}

/// Reals with the infinities and the edges, without NaN.
pub fn reals() -> impl Strategy<Value = Real> {
    let edges = vec![
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        0.1,
        9_007_199_254_740_992.0,
        9_223_372_036_854_775_808.0,
        -9_223_372_036_854_775_808.0,
    ];
    prop_oneof![
        4 => (-20i32..20).prop_map(|half| f64::from(half) / 2.0),
        1 => prop::sample::select(edges),
        1 => any::<f64>(),
    ]
    .prop_filter_map("NaN", Real::new)
}

/// Short texts in which equal folds are likely, with marks, cases and signs that fold oddly.
pub fn texts() -> impl Strategy<Value = String> {
    let odd = "aAbBzZ%_\\'\"0 éÉe\u{301}\u{327}\u{345}ßẞİıΣςσﬁǅᾳᾼΑἀ\u{1f80}한\u{1100}\u{1161}𐐀😀";
    let odd: Vec<char> = odd.chars().collect();
    let letters = prop_oneof![8 => prop::sample::select(odd), 1 => any::<char>()];
    prop::collection::vec(letters, 0..6).prop_map(|letters| letters.into_iter().collect())
}

/// Timestamps that a column may hold.
pub fn timestamps() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        (Timestamp::MIN.0..=Timestamp::MAX.0).prop_map(Timestamp),
        (-3i64..3).prop_map(Timestamp),
    ]
}

/// JSON that has a canonical form.
pub fn json_trees() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-(1i64 << 53)..(1i64 << 53)).prop_map(Into::into),
        any::<f64>().prop_filter("finite", |double| double.is_finite()).prop_map(Into::into),
        texts().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(texts(), inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}
