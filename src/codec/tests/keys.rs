//! Keys order as their values do, and no key begins another.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::codec::generate::values;
use crate::codec::key::{MAX_KEY_BYTES, check_key_size, encode_values, put_ordered_u32, take_ordered_u32};
use crate::error::Error;
use crate::value::Value;

fn bytes(values: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_values(values, &mut bytes);
    bytes
}

/// Values close to each other, so that equal beginnings are likely.
fn near() -> impl Strategy<Value = Value> {
    let content = || vec(prop::sample::select(vec![0_u8, 1, 2, 0x61, 0x7f]), 0..4);
    prop_oneof![
        values(),
        content().prop_map(|bytes| Value::Text(String::from_utf8(bytes).unwrap())),
        content().prop_map(Value::Blob),
        (any::<i64>(), 0_u32..64).prop_map(|(integer, shift)| Value::Integer(integer >> shift)),
    ]
}

proptest! {
    #[test]
    fn bytes_order_as_the_values(a in vec(near(), 0..4), b in vec(near(), 0..4)) {
        prop_assert_eq!(bytes(&a).cmp(&bytes(&b)), a.cmp(&b));
    }

    #[test]
    fn no_value_begins_another(a in near(), b in near()) {
        prop_assume!(a != b);
        let (a, b) = (bytes(&[a]), bytes(&[b]));
        prop_assert!(!b.starts_with(&a) && !a.starts_with(&b));
    }

    #[test]
    fn the_size_is_known_before(value in near()) {
        let size = bytes(std::slice::from_ref(&value)).len();
        let many = vec![value; MAX_KEY_BYTES / size];
        prop_assert!(check_key_size("k", &many).is_ok());
        let more = [many, vec![Value::from("x".repeat(size.max(2)))]].concat();
        let refused = matches!(check_key_size("k", &more), Err(Error::Limit { .. }));
        prop_assert_eq!(refused, bytes(&more).len() > MAX_KEY_BYTES);
    }

    #[test]
    fn numbers_order_and_read_back(a in any::<u32>(), b in any::<u32>(), shifts in (0_u32..32, 0_u32..32)) {
        let (a, b) = (a >> shifts.0, b >> shifts.1);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        put_ordered_u32(a, &mut x);
        put_ordered_u32(b, &mut y);
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        x.push(9);
        prop_assert_eq!(take_ordered_u32(&x), Some((a, &[9_u8][..])));
    }

    #[test]
    fn any_bytes_as_a_number(bytes in vec(any::<u8>(), 0..7)) {
        if let Some((number, rest)) = take_ordered_u32(&bytes) {
            let mut again = Vec::new();
            put_ordered_u32(number, &mut again);
            again.extend(rest);
            prop_assert_eq!(again, bytes);
        }
    }
}

#[test]
fn a_long_value_is_refused_by_its_name() {
    use crate::codec::{MAX_VALUE_BYTES, check_value_size};
    assert!(check_value_size("c", &Value::from("x".repeat(MAX_VALUE_BYTES))).is_ok());
    let refused = check_value_size("c", &Value::Blob(vec![0; MAX_VALUE_BYTES + 1])).unwrap_err();
    assert_eq!(refused.to_string(), "c takes 8388609 bytes, at most 8388608 are allowed");
}

#[test]
fn golden_keys() {
    let golden = |value: Value, expected: &[u8]| {
        assert_eq!(bytes(std::slice::from_ref(&value)), expected, "{value:?}");
    };
    golden(Value::Null, &[1]);
    golden(Value::Boolean(true), &[3]);
    golden(Value::Integer(0), &[0x18]);
    golden(Value::Integer(258), &[0x1a, 1, 2]);
    golden(Value::Integer(-1), &[0x17, 0xfe]);
    golden(Value::try_from(1.5).unwrap(), &[0x30, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0]);
    golden(Value::from("a\0b"), &[0x40, 0x61, 1, 1, 0x62, 0]);
    golden(Value::Blob(vec![1, 255]), &[0x48, 1, 2, 255, 0]);
    golden(Value::Uuid(uuid::Uuid::from_bytes([7; 16])), &[[0x50].as_slice(), &[7; 16]].concat());
    golden(Value::Timestamp(crate::value::Timestamp(1)), &[0x69, 1]);
}
