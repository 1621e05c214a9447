//! Structs in and out of tables: every type, and every way in which a field does not fit.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Debug;

use reunite::value::{FieldError, FieldProblem, Json, Timestamp, Type, Value, ValueError};
use reunite::{Database, Row, WriteError, row};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const EVERYTHING: &str = "CREATE TABLE thing (
  id INTEGER PRIMARY KEY, b BOOLEAN, i INTEGER, r REAL, t TEXT, x BLOB, u UUID, at TIMESTAMP, j JSON)";

fn database(schema: &str) -> Database {
    Database::builder().sql(schema).unwrap().in_memory().unwrap()
}

/// Writes the struct to the table and reads it back.
fn round_trip<T: Serialize + DeserializeOwned>(thing: &T) -> Result<T, WriteError> {
    let db = database(EVERYTHING);
    let id = db.write(|tx| tx.table("thing")?.of::<T>().insert(thing))?;
    let snapshot = db.read()?;
    let table = snapshot.table("thing")?;
    Ok(table.of::<T>().get(id)?.unwrap())
}

fn stays<T: Serialize + DeserializeOwned + PartialEq + Debug>(thing: T) {
    assert_eq!(round_trip(&thing).unwrap(), thing);
}

/// A struct of the key and one more column.
macro_rules! with {
    ($column:ident: $kind:ty = $value:expr) => {{
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Thing {
            id: i64,
            $column: $kind,
        }
        Thing { id: 1, $column: $value }
    }};
}

/// As the `uuid` crate does it with its `serde` feature.
#[derive(PartialEq, Debug)]
struct Uuid(uuid::Uuid);

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(serializer.is_human_readable());
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Uuid).map_err(serde::de::Error::custom)
    }
}

/// As the `serde_bytes` crate does it.
#[derive(PartialEq, Debug)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Low,
    VeryHigh,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Shape {
    Empty,
    Circle(f64),
    Box(i32, i32),
    Named { sides: Vec<u16> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Address {
    street: String,
    numbers: Vec<i64>,
    bytes: Vec<u8>,
    more: BTreeMap<String, Option<bool>>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Meters(f64);

#[test]
fn every_type_comes_back() {
    stays(with!(b: bool = true));
    stays(with!(i: i8 = i8::MIN));
    stays(with!(i: i16 = i16::MIN));
    stays(with!(i: i32 = i32::MIN));
    stays(with!(i: i64 = i64::MIN));
    stays(with!(i: i128 = i128::from(i64::MAX)));
    stays(with!(i: u8 = u8::MAX));
    stays(with!(i: u16 = u16::MAX));
    stays(with!(i: u32 = u32::MAX));
    stays(with!(i: u64 = 1 << 62));
    stays(with!(i: u128 = 1 << 62));
    stays(with!(i: usize = 7));
    stays(with!(r: f32 = 0.1));
    stays(with!(r: f64 = f64::INFINITY));
    stays(with!(r: Meters = Meters(2.5)));
    stays(with!(t: String = "ü\0".to_string()));
    stays(with!(t: char = 'é'));
    stays(with!(t: Level = Level::VeryHigh));
    stays(with!(x: Vec<u8> = vec![0, 255]));
    stays(with!(x: Vec<u8> = vec![]));
    stays(with!(x: [u8; 3] = [1, 2, 3]));
    stays(with!(x: Bytes = Bytes(vec![1, 0])));
    stays(with!(u: Uuid = Uuid(uuid::Uuid::from_bytes([0xab; 16]))));
    stays(with!(at: Timestamp = Timestamp(1_709_251_199_500_001)));
    stays(with!(at: String = "2024-02-29T23:59:59.000000Z".to_string()));
}

#[test]
fn an_option_is_a_column_that_may_be_null() {
    stays(with!(b: Option<bool> = None));
    stays(with!(i: Option<u8> = None));
    stays(with!(i: Option<u8> = Some(9)));
    stays(with!(r: Option<f64> = None));
    stays(with!(t: Option<Level> = Some(Level::Low)));
    stays(with!(x: Option<Vec<u8>> = Some(vec![1])));
    stays(with!(u: Option<Uuid> = None));
    stays(with!(at: Option<Timestamp> = Some(Timestamp(0))));
    stays(with!(j: Option<Address> = None));
    stays(with!(t: () = ()));
}

#[test]
fn everything_fits_into_json() {
    let address = || Address {
        street: "Main".to_string(),
        numbers: vec![1, 2],
        bytes: vec![1, 2],
        more: BTreeMap::from([("a".to_string(), None), ("b".to_string(), Some(true))]),
    };
    stays(with!(j: Address = address()));
    stays(with!(j: Option<Address> = Some(address())));
    stays(with!(j: Vec<Address> = vec![address(), address()]));
    stays(with!(j: Vec<i32> = vec![1, 300, -5]));
    stays(with!(j: Vec<u8> = vec![1, 2]));
    stays(with!(j: Vec<String> = vec![]));
    stays(with!(j: (u8, String, bool) = (1, "x".to_string(), true)));
    stays(with!(j: BTreeMap<u32, f64> = BTreeMap::from([(1, 0.5)])));
    stays(with!(j: Shape = Shape::Empty));
    stays(with!(j: Shape = Shape::Circle(1.5)));
    stays(with!(j: Shape = Shape::Box(-1, 2)));
    stays(with!(j: Shape = Shape::Named { sides: vec![1, 2] }));
    stays(with!(j: String = "{\"not\": \"parsed\"}".to_string()));
    stays(with!(j: bool = false));
    stays(with!(j: i32 = -7));
    stays(with!(j: f64 = 1.25));
    stays(with!(j: Json = Json::parse("[1,{\"a\":null}]").unwrap()));
    stays(with!(j: serde_json::Value = serde_json::json!({"a": [1, null, "x"]})));
}

#[test]
fn fields_are_columns_by_name() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Thing {
        #[serde(rename = "id")]
        number: i64,
        #[serde(rename = "T")]
        text: String,
        #[serde(skip)]
        cache: u8,
        #[serde(flatten)]
        rest: Rest,
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Rest {
        i: Option<u16>,
        u: Uuid,
    }
    let rest = Rest { i: Some(3), u: Uuid(uuid::Uuid::nil()) };
    let thing = Thing { number: 1, text: "x".to_string(), cache: 9, rest };
    // A flattened struct is read by exact names: the table's.
    let db = database("CREATE TABLE thing (id INTEGER PRIMARY KEY, T TEXT, i INTEGER, u UUID)");
    let id = db.write(|tx| tx.table("thing")?.of().insert(&thing)).unwrap();
    let back: Thing = db.read().unwrap().table("thing").unwrap().of().get(id).unwrap().unwrap();
    assert_eq!(back, Thing { cache: 0, ..thing });
}

#[test]
fn names_compare_without_regard_to_case() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[allow(non_snake_case)]
    struct Thing {
        ID: i64,
        T: String,
    }
    stays(Thing { ID: 1, T: "x".to_string() });
}

#[test]
fn a_map_is_a_row() {
    let thing: BTreeMap<String, i64> = [("id".to_string(), 1), ("i".to_string(), 2)].into();
    assert_eq!(Row::from_typed(&thing).unwrap(), row! { i: 2, id: 1 });
    assert_eq!(row! { i: 2, id: 1 }.to_typed::<BTreeMap<String, i64>>().unwrap(), thing);
}

#[test]
fn defaults_fill_what_is_left_out() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Thing {
        id: i64,
        #[serde(default = "seven", skip_serializing)]
        other: i64,
    }
    fn seven() -> i64 {
        7
    }
    assert_eq!(round_trip(&Thing { id: 1, other: 1 }).unwrap(), Thing { id: 1, other: 7 });
}

// --------------------------------------------------------------------------------------------
// Errors
// --------------------------------------------------------------------------------------------

/// The field and the problem of a write or read that is refused.
fn refused<T>(result: Result<T, WriteError>) -> (String, FieldProblem) {
    match result.err().unwrap() {
        WriteError::Field { table, source } => {
            assert_eq!(table, "thing");
            (source.field.unwrap(), source.problem)
        }
        other => panic!("{other}"),
    }
}

fn out_of_range(number: &str, target: &'static str) -> FieldProblem {
    FieldProblem::Value(ValueError::OutOfRange { number: number.to_string(), target })
}

#[test]
fn what_no_column_holds_is_refused_by_its_field() {
    let nan = (String::from("r"), FieldProblem::Value(ValueError::NotANumber));
    assert_eq!(refused(round_trip(&with!(r: f64 = f64::NAN))), nan);
    assert_eq!(refused(round_trip(&with!(r: f32 = f32::NAN))), nan);
    let large = u64::MAX.to_string();
    let (field, problem) = refused(round_trip(&with!(i: u64 = u64::MAX)));
    assert_eq!((field.as_str(), problem), ("i", out_of_range(&large, "INTEGER")));
    let (field, problem) = refused(round_trip(&with!(i: i128 = i128::MIN)));
    assert_eq!((field.as_str(), problem), ("i", out_of_range(&i128::MIN.to_string(), "INTEGER")));
    let (_, problem) = refused(round_trip(&with!(j: Vec<f64> = vec![f64::NAN])));
    assert_eq!(problem, FieldProblem::Value(ValueError::NotANumber));
    let (_, problem) = refused(round_trip(&with!(j: Vec<f64> = vec![f64::INFINITY])));
    assert!(matches!(problem, FieldProblem::Message(_)));
    let (_, problem) = refused(round_trip(&with!(j: Vec<i64> = vec![(1 << 53) + 1])));
    assert!(matches!(problem, FieldProblem::Value(ValueError::JsonNumber { .. })));
    let bad_key = with!(j: BTreeMap<Option<u8>, u8> = BTreeMap::from([(None, 1)]));
    assert!(matches!(refused(round_trip(&bad_key)).1, FieldProblem::Message(_)));
}

#[test]
fn what_is_no_row_is_refused() {
    for error in [
        Row::from_typed(&5).unwrap_err(),
        Row::from_typed("text").unwrap_err(),
        Row::from_typed(&[1_u8, 2]).unwrap_err(),
        Row::from_typed(&vec!["a"]).unwrap_err(),
        Row::from_typed(&Shape::Circle(1.0)).unwrap_err(),
        Row::from_typed(&None::<Address>).unwrap_err(),
    ] {
        assert_eq!(error, FieldError { field: None, problem: FieldProblem::NotARow });
    }
    assert!(row! { id: 1 }.to_typed::<i64>().is_err());
    assert!(row! { id: 1 }.to_typed::<Vec<i64>>().is_err());
}

/// The column and its type of a write that does not fit.
fn mismatched<T: Serialize + DeserializeOwned>(thing: &T) -> (String, Type) {
    match round_trip(thing).err().unwrap() {
        WriteError::TypeMismatch { column, expected, .. } => (column, expected),
        other => panic!("{other}"),
    }
}

#[test]
fn what_does_not_fit_the_column_is_refused_when_written() {
    let column = |name: &str, kind| (name.to_string(), kind);
    assert_eq!(mismatched(&with!(i: String = "7".to_string())), column("i", Type::Integer));
    assert_eq!(mismatched(&with!(b: u8 = 1)), column("b", Type::Boolean));
    assert_eq!(mismatched(&with!(t: i64 = 1)), column("t", Type::Text));
    assert_eq!(mismatched(&with!(u: String = "no uuid".to_string())), column("u", Type::Uuid));
    assert_eq!(mismatched(&with!(at: String = "yesterday".to_string())), column("at", Type::Timestamp));
    assert_eq!(mismatched(&with!(at: i64 = 5)), column("at", Type::Timestamp));
    assert_eq!(mismatched(&with!(x: Vec<u16> = vec![1])), column("x", Type::Blob));
    assert_eq!(mismatched(&with!(x: String = "text".to_string())), column("x", Type::Blob));
    assert_eq!(mismatched(&with!(t: Shape = Shape::Circle(1.0))), column("t", Type::Text));
    assert!(matches!(
        round_trip(&with!(unknown: u8 = 1)).err().unwrap(),
        WriteError::UnknownColumn { column, .. } if column == "unknown"
    ));
}

#[test]
fn texts_of_dynamic_rows_stay_texts() {
    let db = database(EVERYTHING);
    let text = uuid::Uuid::nil().to_string();
    let error = db.write(|tx| tx.table("thing")?.insert(row! { id: 1, u: text.as_str() })).unwrap_err();
    assert_eq!(error.code(), "type-mismatch");
}

/// Reads one column of a dynamic row as a type.
fn read<T: DeserializeOwned>(value: impl Into<Value>) -> Result<T, FieldProblem> {
    #[derive(Deserialize)]
    struct Thing<T> {
        field: T,
    }
    let row = row! { field: value.into() };
    row.to_typed::<Thing<T>>().map(|thing| thing.field).map_err(|error| {
        assert_eq!(error.field.as_deref(), Some("field"));
        error.problem
    })
}

#[test]
fn integers_are_read_within_their_range() {
    assert_eq!(read::<i8>(128), Err(out_of_range("128", "i8")));
    assert_eq!(read::<i16>(40_000), Err(out_of_range("40000", "i16")));
    assert_eq!(read::<i32>(1_i64 << 31), Err(out_of_range("2147483648", "i32")));
    assert_eq!(read::<u8>(-1), Err(out_of_range("-1", "u8")));
    assert_eq!(read::<u16>(65_536), Err(out_of_range("65536", "u16")));
    assert_eq!(read::<u32>(-1), Err(out_of_range("-1", "u32")));
    assert_eq!(read::<u64>(-1), Err(out_of_range("-1", "u64")));
    assert_eq!(read::<u128>(-1), Err(out_of_range("-1", "u128")));
    assert_eq!(read::<i128>(-1), Ok(-1));
}

#[test]
fn numbers_are_never_rounded_but_to_f32() {
    assert_eq!(read::<f64>(3), Ok(3.0));
    let number = (1_i64 << 53) + 1;
    assert_eq!(read::<f64>(number), Err(FieldProblem::Value(ValueError::NotExact { number })));
    assert_eq!(read::<f32>(Value::try_from(0.1).unwrap()), Ok(0.1));
    assert!(matches!(
        read::<f32>(Value::try_from(1e300).unwrap()),
        Err(FieldProblem::Value(ValueError::OutOfRange { target: "f32", .. }))
    ));
    let real = Value::try_from(2.0).unwrap();
    let wrong = ValueError::WrongType { expected: Type::Integer, found: "REAL".to_string() };
    assert_eq!(read::<i64>(real), Err(FieldProblem::Value(wrong)));
}

#[test]
fn null_is_no_value_of_anything_but_an_option() {
    assert_eq!(read::<i64>(Value::Null), Err(FieldProblem::Null));
    assert_eq!(read::<f64>(Value::Null), Err(FieldProblem::Null));
    assert_eq!(read::<bool>(Value::Null), Err(FieldProblem::Null));
    assert_eq!(read::<String>(Value::Null), Err(FieldProblem::Null));
    assert_eq!(read::<Vec<u8>>(Value::Null), Err(FieldProblem::Null));
    assert_eq!(read::<Level>(Value::Null), Err(FieldProblem::Null));
    assert_eq!(read::<Address>(Value::Null).map(drop), Err(FieldProblem::Null));
    assert_eq!(read::<Option<Level>>(Value::Null), Ok(None));
}

#[test]
fn a_column_of_another_type_is_refused_when_read() {
    fn wrong<T>(expected: Type, found: &str) -> Result<T, FieldProblem> {
        Err(FieldProblem::Value(ValueError::WrongType { expected, found: found.to_string() }))
    }
    assert_eq!(read::<bool>(1), wrong(Type::Boolean, "INTEGER"));
    assert_eq!(read::<i64>("7"), wrong(Type::Integer, "TEXT"));
    assert_eq!(read::<f64>("7"), wrong(Type::Real, "TEXT"));
    assert_eq!(read::<String>(7), wrong(Type::Text, "INTEGER"));
    assert_eq!(read::<Level>(7), wrong(Type::Text, "INTEGER"));
    assert_eq!(read::<Bytes>("text").map(drop), wrong(Type::Blob, "TEXT"));
    assert_eq!(read::<Vec<u8>>("text"), wrong(Type::Json, "TEXT"));
    assert_eq!(read::<Address>("text").map(drop), wrong(Type::Json, "TEXT"));
    assert!(matches!(read::<Level>("middling"), Err(FieldProblem::Message(_))));
    assert!(matches!(read::<char>("two"), Err(FieldProblem::Message(_))));
    assert!(matches!(read::<Address>(Json::parse("[]").unwrap()), Err(FieldProblem::Message(_))));
}

#[test]
fn a_missing_column_is_an_error_or_none() {
    #[derive(Deserialize, Debug)]
    struct Thing {
        here: i64,
        gone: Option<String>,
    }
    let thing: Thing = row! { here: 1 }.to_typed().unwrap();
    assert_eq!((thing.here, thing.gone), (1, None));
    let error = row! { gone: "x" }.to_typed::<Thing>().unwrap_err();
    assert_eq!(error, FieldError { field: Some("here".to_string()), problem: FieldProblem::Missing });
}

// --------------------------------------------------------------------------------------------
// Tables
// --------------------------------------------------------------------------------------------

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Customer {
    code: String,
    name: Option<String>,
    level: u8,
}

const CUSTOMER: &str = "CREATE TABLE customer (code TEXT PRIMARY KEY, name TEXT UNIQUE, level INTEGER);
    CREATE INDEX by_level ON customer (level)";

fn customer(code: &str, level: u8) -> Customer {
    Customer { code: code.to_string(), name: Some(format!("{code}!")), level }
}

#[test]
fn a_table_of_structs_does_what_a_table_does() {
    let db = database(CUSTOMER);
    db.write(|tx| {
        let mut customers = tx.table("customer")?.of::<Customer>();
        customers.insert(&customer("ANN", 1))?;
        customers.insert(&customer("BOB", 2))?;
        customers.upsert(&customer("BOB", 3))?;
        customers.upsert(&customer("CAT", 4))?;
        customers.update("ANN", &customer("ANA", 1))?;
        assert_eq!(customers.get("ANN")?, None);
        assert_eq!(customers.read()?.scan()?.count(), 3);
        customers.untyped().delete("CAT")
    })
    .unwrap();
    let snapshot = db.read().unwrap();
    let customers = snapshot.table("customer").unwrap().of::<Customer>();
    assert_eq!(customers.get("ANA").unwrap(), Some(customer("ANA", 1)));
    let (_, bob) = customers.get_by_key("name", "BOB!").unwrap().unwrap();
    assert_eq!(bob, customer("BOB", 3));
    let by_level = customers.range::<i64>("by_level", ..).unwrap();
    let levels: Vec<u8> = by_level.map(|entry| entry.unwrap().1.level).collect();
    assert_eq!(levels, [1, 3]);
    let back = customers.range_back("by_level", ..=2).unwrap();
    assert_eq!(back.map(|entry| entry.unwrap().1.code).collect::<Vec<_>>(), ["ANA"]);
}

#[test]
fn an_update_changes_only_what_differs() {
    let (a, b) = (database(CUSTOMER), database(CUSTOMER));
    a.write(|tx| tx.table("customer")?.of().insert(&customer("ANN", 1))).unwrap();
    reunite::replicate::sync(&a, &b).unwrap();
    let level = Customer { level: 9, ..customer("ANN", 1) };
    a.write(|tx| tx.table("customer")?.of().update("ANN", &level)).unwrap();
    let name = Customer { name: None, ..customer("ANN", 1) };
    b.write(|tx| tx.table("customer")?.of().update("ANN", &name)).unwrap();
    reunite::replicate::sync(&a, &b).unwrap();
    let snapshot = a.read().unwrap();
    assert_eq!(snapshot.conflicts().unwrap(), []);
    let both = Customer { level: 9, ..name };
    assert_eq!(snapshot.table("customer").unwrap().of().get("ANN").unwrap(), Some(both));
}

#[test]
fn a_row_that_is_no_struct_is_an_error_of_its_item() {
    let db = database(CUSTOMER);
    db.write(|tx| {
        let mut customers = tx.table("customer")?;
        customers.insert(row! { code: "ANN", level: 1 })?;
        customers.insert(row! { code: "BOB", level: 1000 })
    })
    .unwrap();
    let snapshot = db.read().unwrap();
    let all = snapshot.table("customer").unwrap().of::<Customer>().range::<&str>("code", ..).unwrap();
    let codes: Vec<_> = all.map(|entry| entry.map(|(_, customer)| customer.code)).collect();
    assert!(matches!(&codes[..], [Ok(ann), Err(WriteError::Field { .. })] if ann == "ANN"));
    let error = codes.into_iter().next_back().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "table customer, field level: 1000 is out of the range of u8");
}
