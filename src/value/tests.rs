//! Properties of values: texts and JSON read back exactly, folding is canonical, nothing is guessed.

use super::{Collation, Json, Real, Timestamp, Type, Value, ValueError, arbitrary};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

proptest! {
    #[test]
    fn a_value_reads_back_from_its_text_and_its_json(value in arbitrary::values()) {
        if let Some(kind) = value.kind() {
            prop_assert!(kind.admits(&value));
            prop_assert_eq!(kind.parse(&value.to_string()), Ok(value.clone()));
            prop_assert_eq!(kind.coerce(value.clone()), Ok(value.clone()));
            let line = value.to_json().to_string();
            let read = kind.from_json(&serde_json::from_str(&line).unwrap()).unwrap();
            // The one exception: JSON null and NULL look the same.
            let lost = line == "null";
            prop_assert_eq!(read, if lost { Value::Null } else { value });
        }
    }

    #[test]
    fn no_text_and_no_json_panics(text in any::<String>(), tree in arbitrary::json_trees()) {
        for kind in Type::ALL {
            let _ = kind.parse(&text);
            let _ = kind.from_json(&tree);
        }
    }

    #[test]
    fn canonical_json_is_canonical(tree in arbitrary::json_trees()) {
        let json = Json::from_tree(&tree).unwrap();
        prop_assert_eq!(&Json::parse(&tree.to_string()).unwrap(), &json);
        prop_assert_eq!(Json::from_tree(&json.to_tree()).unwrap(), json.clone());
        prop_assert_eq!(Json::from_canonical(json.as_str().to_owned()), Ok(json));
    }

    #[test]
    fn an_integer_is_real_only_if_exact(integer in arbitrary::integers()) {
        let exact = Real::exactly(integer);
        prop_assert_eq!(exact.is_some(), (integer as f64) as i128 == i128::from(integer));
        prop_assert_eq!(Type::Real.coerce(Value::Integer(integer)).ok(), exact.map(Value::Real));
    }

    #[test]
    fn folding_is_idempotent_and_knows_canonical_equivalence(text in arbitrary::texts()) {
        for collation in Collation::ALL {
            let folded = collation.fold(&text).into_owned();
            let again = collation.fold(&folded);
            prop_assert_eq!(&again, &folded);
        }
        let fold = |text: &str| Collation::UnicodeNoCase.fold(text).into_owned();
        let folded = fold(&text);
        prop_assert_eq!(folded.nfc().collect::<String>(), folded.clone());
        prop_assert_eq!(fold(&text.nfd().collect::<String>()), folded.clone());
        prop_assert_eq!(fold(&text.nfc().collect::<String>()), folded.clone());
        // Unicode D145, by the crate's own matcher.
        let matches = caseless::canonical_caseless_match_str(&text, &folded);
        prop_assert!(matches, "{:?} folds to {:?}", text, folded);
    }

    #[test]
    fn texts_are_equal_under_folding_exactly_if_unicode_says_so(
        left in arbitrary::texts(),
        right in arbitrary::texts(),
    ) {
        let equal = Collation::UnicodeNoCase.fold(&left) == Collation::UnicodeNoCase.fold(&right);
        prop_assert_eq!(equal, caseless::canonical_caseless_match_str(&left, &right));
    }
}

/// Every character: alone, and among marks that must be reordered or composed.
#[test]
fn the_tables_of_the_unicode_collation_never_change() {
    let mut hash = blake3::Hasher::new();
    for letter in '\0'..=char::MAX {
        for text in [letter.to_string(), format!("a{letter}\u{345}\u{301}\u{327}")] {
            let folded = Collation::UnicodeNoCase.fold(&text);
            assert_eq!(
                Collation::UnicodeNoCase.fold(&folded),
                folded,
                "{letter:?} does not fold once and for all"
            );
            hash.update(folded.as_bytes());
            hash.update(&[0xff]);
        }
    }
    // If this fails, a replica built now disagrees with one built before about which keys are equal.
    assert_eq!(
        hash.finalize().to_hex().as_str(),
        "b7625bfbc672d388c731cbe6f2a30fdfe5a7ebd2664d4ad2b11bca382fba36dd"
    );
}

#[test]
fn case_variants_fold_to_equal_bytes() {
    let equal = |left, right| Collation::UnicodeNoCase.compare(left, right).is_eq();
    assert!(equal("Straße", "STRASSE"));
    assert!(equal("É", "e\u{301}"));
    assert!(equal("ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς"));
    assert!(equal("\u{1fb3}", "\u{3b1}\u{345}"));
    assert!(!equal("I", "ı"), "no Turkish folding");
    assert!(!Collation::NoCase.compare("É", "é").is_eq(), "NOCASE is ASCII");
    assert!(!Collation::Binary.compare("a", "A").is_eq());
}

#[test]
fn names_are_read_in_any_case() {
    assert_eq!("unicode_nocase".parse(), Ok(Collation::UnicodeNoCase));
    assert!(
        matches!("de_DE".parse::<Collation>(), Err(ValueError::UnknownCollation { name }) if name == "de_DE")
    );
    assert_eq!("Timestamp".parse(), Ok(Type::Timestamp));
    assert!("DATE".parse::<Type>().is_err());
}

#[test]
fn a_value_is_small() {
    assert!(size_of::<Value>() <= 32, "{} bytes", size_of::<Value>());
}

#[test]
fn texts_of_the_wrong_form_are_refused() {
    let refused = [
        (Type::Boolean, "yes"),
        (Type::Integer, "1.0"),
        (Type::Integer, " 1"),
        (Type::Integer, "9223372036854775808"),
        (Type::Integer, ""),
        (Type::Real, "NaN"),
        (Type::Real, "1e999"),
        (Type::Real, "1,5"),
        (Type::Blob, "AAE"),
        (Type::Blob, "AA-_"),
        (Type::Uuid, "0190"),
        (Type::Timestamp, "2024-01-01"),
        (Type::Timestamp, "2024-01-01T00:00:00"),
        (Type::Timestamp, "2024-13-01T00:00:00Z"),
        (Type::Timestamp, "2024-01-01T00:00:00.1234567Z"),
        (Type::Timestamp, "2024-01-01T00:00:00+01:00[Europe/Paris]"),
        (Type::Timestamp, "0000-01-01T00:00:00+00:01"),
        (Type::Json, "{'a':1}"),
        (Type::Json, "1e400"),
    ];
    for (kind, text) in refused {
        assert!(kind.parse(text).is_err(), "{kind} takes {text:?}");
    }
}

#[test]
fn texts_print_as_stated() {
    let printed = |kind: Type, text: &str| kind.parse(text).unwrap().to_string();
    assert_eq!(printed(Type::Boolean, "1"), "true");
    assert_eq!(printed(Type::Real, "1"), "1.0");
    assert_eq!(printed(Type::Real, "1e300"), "1e300");
    assert_eq!(printed(Type::Real, "-0.0"), "0.0");
    assert_eq!(printed(Type::Real, "-inf"), "-Infinity");
    assert_eq!(
        printed(Type::Uuid, "0190A0B0-0000-7000-8000-000000000001"),
        "0190a0b0-0000-7000-8000-000000000001"
    );
    assert_eq!(printed(Type::Timestamp, "2024-01-01T01:30:00+01:30"), "2024-01-01T00:00:00.000000Z");
    assert_eq!(printed(Type::Timestamp, "1969-12-31T23:59:59.999999Z"), "1969-12-31T23:59:59.999999Z");
    assert_eq!(Timestamp::MIN.to_string(), "0000-01-01T00:00:00.000000Z");
    assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
}

#[test]
fn a_timestamp_out_of_range_is_in_no_column_and_still_prints() {
    let late = Timestamp(i64::MAX);
    assert_eq!(late.to_string(), "9223372036854775807 microseconds");
    assert!(!Type::Timestamp.admits(&late.into()));
    assert!(matches!(Type::Timestamp.coerce(late.into()), Err(ValueError::OutOfRange { .. })));
}

#[test]
fn coercion_is_strict() {
    assert_eq!(Type::Real.coerce(Value::from(2)), Value::try_from(2.0));
    assert_eq!(Type::Real.coerce(Value::Integer(i64::MAX)), Err(ValueError::NotExact { number: i64::MAX }));
    assert!(Type::Real.coerce(Value::from("2")).is_err());
    assert!(Type::Integer.coerce(Value::try_from(2.0).unwrap()).is_err());
    assert!(Type::Boolean.coerce(Value::from(1)).is_err());
    assert!(Type::Uuid.coerce(Value::from("0190a0b0-0000-7000-8000-000000000001")).is_err());
    assert!(Type::ALL.iter().all(|kind| kind.coerce(Value::Null) == Ok(Value::Null)));
}

#[test]
fn json_is_strict() {
    let read = |kind: Type, text: &str| kind.from_json(&serde_json::from_str(text).unwrap());
    for (kind, text) in [
        (Type::Integer, "1.5"),
        (Type::Integer, "1.0"),
        (Type::Integer, "\"1\""),
        (Type::Integer, "18446744073709551615"),
        (Type::Real, "\"1.5\""),
        (Type::Real, "\"NaN\""),
        (Type::Real, "9007199254740993"),
        (Type::Boolean, "1"),
        (Type::Text, "1"),
        (Type::Blob, "[1]"),
        (Type::Json, "9007199254740993"),
    ] {
        assert!(read(kind, text).is_err(), "{kind} takes {text}");
    }
    assert_eq!(read(Type::Real, "2"), Value::try_from(2.0));
    assert_eq!(read(Type::Real, "\"-Infinity\""), Value::try_from(f64::NEG_INFINITY));
    assert_eq!(read(Type::Json, "\"1\""), Json::parse("\"1\"").map(Value::Json));
    assert_eq!(read(Type::Integer, "{}").unwrap_err().to_string(), "expected INTEGER, found a JSON object");
}

#[test]
fn json_keeps_its_limits() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Json::parse(&nested(Json::MAX_DEPTH)).is_ok());
    assert_eq!(
        Json::parse(&nested(Json::MAX_DEPTH + 2)),
        Err(ValueError::JsonDepth { limit: Json::MAX_DEPTH })
    );
    assert!(Json::parse(&nested(100_000)).is_err());
    // 2^60 is a double; RFC 8785 writes it with the shortest digits, and that text is accepted again.
    assert_eq!(Json::parse("1152921504606846976").unwrap().as_str(), "1152921504606847000");
    assert_eq!(Json::parse("1152921504606847000").unwrap().as_str(), "1152921504606847000");
    assert!(Json::parse("1152921504606846977").is_err());
    assert_eq!(Json::from_canonical("[1, 2]".to_owned()), Err(ValueError::JsonForm));
}

/// The example of RFC 8785, section 3.2.2 and 3.2.3.
#[test]
fn the_example_of_the_rfc_has_its_canonical_form() {
    let text = r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#;
    let canonical = concat!(
        r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
        r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#
    );
    assert_eq!(Json::parse(text).unwrap().as_str(), canonical);
}

#[test]
fn rust_values_convert_both_ways() {
    assert_eq!(Value::from(Some(3u32)), Value::Integer(3));
    assert_eq!(Value::from(None::<&str>), Value::Null);
    assert_eq!(i32::try_from(Value::from(-4)), Ok(-4));
    assert!(u32::try_from(Value::from(-4)).is_err());
    assert_eq!(Value::try_from(f64::NAN), Err(ValueError::NotANumber));
    assert!(Value::try_from(u64::MAX).is_err());
    assert_eq!(String::try_from(Value::Null).unwrap_err().to_string(), "expected TEXT, found NULL");
    assert_eq!(Value::from("x").optional::<String>(), Ok(Some("x".to_owned())));
}
