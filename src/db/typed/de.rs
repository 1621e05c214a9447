//! From a row to what serde makes a struct of. A column gives what its field asks for, or an error that
//! names it: no number is rounded, no text becomes a number.

use serde::de::value::{SeqDeserializer, StringDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::db::Row;
use crate::value::{FieldError, FieldProblem, Json, Real, Type, Value, ValueError};

/// The struct of a row.
pub(crate) fn of_row<T: DeserializeOwned>(row: Row) -> Result<T, FieldError> {
    T::deserialize(RowDeserializer { row })
}

struct RowDeserializer {
    row: Row,
}

impl RowDeserializer {
    fn visit<'de, V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Done<'de, V> {
        let columns = self.row.into_columns().into_iter();
        visitor.visit_map(Columns { columns, fields, next: None })
    }
}

type Done<'de, V> = Result<<V as Visitor<'de>>::Value, FieldError>;

impl<'de> de::Deserializer<'de> for RowDeserializer {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Done<'de, V> {
        self.visit(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Done<'de, V> {
        self.visit(fields, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Done<'de, V> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The columns of a row as the members of a map.
struct Columns {
    columns: std::vec::IntoIter<(String, Value)>,
    /// The fields of the struct, if it is one.
    fields: &'static [&'static str],
    next: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Columns {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let Some((column, value)) = self.columns.next() else { return Ok(None) };
        // Columns are called the same in any case of ASCII letters; serde compares exactly.
        let field = self.fields.iter().find(|field| field.eq_ignore_ascii_case(&column));
        let name = field.map_or(column, |field| (*field).to_string());
        let key: StringDeserializer<FieldError> = name.clone().into_deserializer();
        self.next = Some((name, value));
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let (name, value) = self.next.take().unwrap_or_default();
        seed.deserialize(Column(value)).map_err(|error| error.at(&name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.columns.len())
    }
}

/// The value of one column.
struct Column(Value);

impl Column {
    /// The error for a field that asks for another type.
    fn is_not(&self, expected: Type) -> FieldError {
        if self.0.is_null() { FieldProblem::Null.into() } else { self.0.is_not(expected).into() }
    }

    fn integer<I: TryFrom<i64>>(&self, target: &'static str) -> Result<I, FieldError> {
        let Value::Integer(number) = self.0 else { return Err(self.is_not(Type::Integer)) };
        let out_of_range = |_| ValueError::OutOfRange { number: number.to_string(), target };
        Ok(I::try_from(number).map_err(out_of_range)?)
    }

    /// A REAL, or the INTEGER that exactly is one.
    fn real(&self) -> Result<f64, FieldError> {
        match self.0 {
            Value::Real(real) => Ok(real.get()),
            Value::Integer(number) => Ok(Real::exactly(number).ok_or(ValueError::NotExact { number })?.get()),
            _ => Err(self.is_not(Type::Real)),
        }
    }
}

/// What serde_json says of a JSON column.
fn in_json<T>(result: Result<T, serde_json::Error>) -> Result<T, FieldError> {
    result.map_err(|error| FieldProblem::Message(error.to_string()).into())
}

fn tree(json: &Json) -> serde_json::Value {
    json.to_tree()
}

macro_rules! integers {
    ($($method:ident $visit:ident $kind:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Done<'de, V> {
            match &self.0 {
                Value::Json(json) => in_json(tree(json).$method(visitor)),
                _ => visitor.$visit(self.integer(stringify!($kind))?),
            }
        }
    )*};
}

/// Methods that want a value of one type, or what JSON has for it.
macro_rules! scalars {
    ($($method:ident |$column:ident, $visitor:ident| $give:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $visitor: V) -> Done<'de, V> {
            let $column = self;
            match &$column.0 {
                Value::Null => Err(FieldProblem::Null.into()),
                Value::Json(json) => in_json(tree(json).$method($visitor)),
                _ => $give,
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Column {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Done<'de, V> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(boolean) => visitor.visit_bool(boolean),
            Value::Integer(integer) => visitor.visit_i64(integer),
            Value::Real(real) => visitor.visit_f64(real.get()),
            Value::Text(text) => visitor.visit_string(text),
            Value::Blob(bytes) => visitor.visit_byte_buf(bytes),
            Value::Uuid(uuid) => visitor.visit_string(uuid.to_string()),
            Value::Timestamp(timestamp) => visitor.visit_string(timestamp.to_string()),
            Value::Json(json) => in_json(tree(&json).deserialize_any(visitor)),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8 deserialize_i16 visit_i16 i16 deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64 deserialize_i128 visit_i128 i128 deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16 deserialize_u32 visit_u32 u32 deserialize_u64 visit_u64 u64
        deserialize_u128 visit_u128 u128
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Done<'de, V> {
        match &self.0 {
            Value::Null => visitor.visit_none(),
            Value::Json(json) => in_json(tree(json).deserialize_option(visitor)),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Done<'de, V> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Done<'de, V> {
        match self.0 {
            Value::Text(variant) => visitor.visit_enum(variant.into_deserializer()),
            Value::Json(json) => in_json(tree(&json).deserialize_enum(name, variants, visitor)),
            _ => Err(self.is_not(Type::Text)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Done<'de, V> {
        visitor.visit_unit()
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Done<'de, V> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Done<'de, V> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Done<'de, V> {
        self.deserialize_map(visitor)
    }

    scalars! {
        deserialize_bool |column, visitor| match column.0 {
            Value::Boolean(boolean) => visitor.visit_bool(boolean),
            _ => Err(column.is_not(Type::Boolean)),
        };
        deserialize_f64 |column, visitor| visitor.visit_f64(column.real()?);
        deserialize_f32 |column, visitor| visitor.visit_f32(narrow(column.real()?)?);
        deserialize_string |column, visitor| match column.0 {
            Value::Text(_) | Value::Uuid(_) | Value::Timestamp(_) => column.deserialize_any(visitor),
            _ => Err(column.is_not(Type::Text)),
        };
        deserialize_str |column, visitor| column.deserialize_string(visitor);
        deserialize_char |column, visitor| column.deserialize_string(visitor);
        deserialize_identifier |column, visitor| column.deserialize_string(visitor);
        deserialize_byte_buf |column, visitor| match column.0 {
            Value::Blob(bytes) => visitor.visit_byte_buf(bytes),
            _ => Err(column.is_not(Type::Blob)),
        };
        deserialize_bytes |column, visitor| column.deserialize_byte_buf(visitor);
        deserialize_seq |column, visitor| match column.0 {
            Value::Blob(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
            _ => Err(column.is_not(Type::Json)),
        };
        deserialize_map |column, visitor| { drop(visitor); Err(column.is_not(Type::Json)) };
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Done<'de, V> {
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Done<'de, V> {
        self.deserialize_any(visitor)
    }
}

/// The nearest `f32`. A number beyond its range is refused, as infinite is not near.
#[allow(clippy::cast_possible_truncation)] // The rounding is what was asked for.
fn narrow(number: f64) -> Result<f32, ValueError> {
    let narrow = number as f32;
    if narrow.is_infinite() && number.is_finite() {
        return Err(ValueError::OutOfRange { number: number.to_string(), target: "f32" });
    }
    Ok(narrow)
}
