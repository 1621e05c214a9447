//! From what serde knows of a struct to a row. Knows no table: what a column makes of a value that Rust
//! has no type for is decided when the row is written (`for_column`).

use serde::ser::{self, Serialize};
use serde_json::Value as Tree;

use crate::db::Row;
use crate::value::{FieldError, FieldProblem, Json, Type, Value, ValueError};

/// The row of a struct, or of a map with texts as keys.
pub(crate) fn row_of<T: Serialize + ?Sized>(of: &T) -> Result<Row, FieldError> {
    let Node::Fields(fields) = of.serialize(Serializer)? else {
        return Err(FieldProblem::NotARow.into());
    };
    let mut row = Row::serialized();
    for (name, node) in fields {
        let value = node.into_value().map_err(|error| error.at(&name))?;
        row.set(&name, value);
    }
    Ok(row)
}

/// A serialized value in the type of its column, as far as Rust has no type of its own for that: texts
/// are read as UUIDs and timestamps, everything is JSON in a JSON column.
pub(crate) fn for_column(kind: Type, value: Value) -> Result<Value, ValueError> {
    match (kind, value) {
        (Type::Uuid | Type::Timestamp, Value::Text(text)) => kind.parse(&text),
        (Type::Json, value @ (Value::Null | Value::Json(_))) => Ok(value),
        (Type::Json, Value::Blob(bytes)) => Json::from_tree(&Tree::from(bytes)).map(Value::Json),
        (Type::Json, value) => Json::from_tree(&value.to_json()).map(Value::Json),
        (_, value) => Ok(value),
    }
}

/// Something serialized.
pub(super) enum Node {
    Value(Value),
    /// A `u8`: several in a row are bytes.
    Byte(u8),
    Tree(Tree),
    /// A struct or a map: a row, or a JSON object in a column.
    Fields(Vec<(String, Node)>),
}

impl Node {
    fn into_value(self) -> Result<Value, FieldError> {
        match self {
            Node::Value(value) => Ok(value),
            Node::Byte(byte) => Ok(Value::Integer(byte.into())),
            other => Ok(Value::Json(Json::from_tree(&other.into_tree()?)?)),
        }
    }

    fn into_tree(self) -> Result<Tree, FieldError> {
        Ok(match self {
            Node::Tree(tree) => tree,
            Node::Byte(byte) => Tree::from(byte),
            Node::Value(Value::Blob(bytes)) => Tree::from(bytes),
            Node::Value(Value::Real(real)) => {
                let infinite = || FieldProblem::Message("JSON has no infinite numbers".to_string());
                Tree::Number(serde_json::Number::from_f64(real.get()).ok_or_else(infinite)?)
            }
            Node::Value(value) => value.to_json(),
            Node::Fields(fields) => {
                let member = |(name, node): (String, Node)| match node.into_tree() {
                    Ok(tree) => Ok((name, tree)),
                    Err(error) => Err(error.at(&name)),
                };
                Tree::Object(fields.into_iter().map(member).collect::<Result<_, FieldError>>()?)
            }
        })
    }

    /// As the name of a member.
    fn into_name(self) -> Result<String, FieldError> {
        match self {
            Node::Value(Value::Text(text)) => Ok(text),
            Node::Value(Value::Integer(integer)) => Ok(integer.to_string()),
            Node::Value(Value::Boolean(boolean)) => Ok(boolean.to_string()),
            Node::Byte(byte) => Ok(byte.to_string()),
            _ => Err(FieldProblem::Message("the key of a map must be a text".to_string()).into()),
        }
    }

    /// The member of an object with one member, as serde tags the variants of an enum.
    fn tagged(self, variant: &str) -> Result<Node, FieldError> {
        let tree = self.into_tree().map_err(|error| error.at(variant))?;
        Ok(Node::Tree(Tree::Object([(variant.to_string(), tree)].into_iter().collect())))
    }
}

pub(super) struct Serializer;

type Done = Result<Node, FieldError>;

fn integer<I: TryInto<i64> + ToString + Copy>(integer: I) -> Done {
    match integer.try_into() {
        Ok(integer) => Ok(Node::Value(Value::Integer(integer))),
        Err(_) => Err(ValueError::OutOfRange { number: integer.to_string(), target: "INTEGER" }.into()),
    }
}

macro_rules! integers {
    ($($method:ident $kind:ty)*) => {$(
        fn $method(self, value: $kind) -> Done {
            integer(value)
        }
    )*};
}

impl ser::Serializer for Serializer {
    type Ok = Node;
    type Error = FieldError;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    integers! {
        serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64 serialize_i128 i128
        serialize_u16 u16 serialize_u32 u32 serialize_u64 u64 serialize_u128 u128
    }

    fn serialize_u8(self, byte: u8) -> Done {
        Ok(Node::Byte(byte))
    }

    fn serialize_bool(self, boolean: bool) -> Done {
        Ok(Node::Value(Value::Boolean(boolean)))
    }

    fn serialize_f32(self, number: f32) -> Done {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Done {
        Ok(Node::Value(Value::try_from(number)?))
    }

    fn serialize_char(self, character: char) -> Done {
        Ok(Node::Value(Value::Text(character.to_string())))
    }

    fn serialize_str(self, text: &str) -> Done {
        Ok(Node::Value(Value::from(text)))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Done {
        Ok(Node::Value(Value::from(bytes)))
    }

    fn serialize_none(self) -> Done {
        Ok(Node::Value(Value::Null))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        value.serialize(self)?.tagged(variant)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, FieldError> {
        Ok(List::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<List, FieldError> {
        Ok(List::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List, FieldError> {
        Ok(List::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List, FieldError> {
        Ok(List { variant: Some(variant), ..List::default() })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members, FieldError> {
        Ok(Members::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members, FieldError> {
        Ok(Members::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members, FieldError> {
        Ok(Members { variant: Some(variant), ..Members::default() })
    }
}

/// A sequence: bytes for as long as it has nothing else.
#[derive(Default)]
pub(super) struct List {
    variant: Option<&'static str>,
    bytes: Vec<u8>,
    /// Everything, as soon as there is something that is not a byte.
    items: Vec<Tree>,
}

impl List {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), FieldError> {
        match value.serialize(Serializer)? {
            Node::Byte(byte) if self.items.is_empty() => self.bytes.push(byte),
            other => {
                self.items.extend(std::mem::take(&mut self.bytes).into_iter().map(Tree::from));
                self.items.push(other.into_tree()?);
            }
        }
        Ok(())
    }

    fn done(self) -> Done {
        let node = if self.items.is_empty() {
            Node::Value(Value::Blob(self.bytes))
        } else {
            Node::Tree(Tree::Array(self.items))
        };
        match self.variant {
            Some(variant) => node.tagged(variant),
            None => Ok(node),
        }
    }
}

macro_rules! lists {
    ($($form:ident $method:ident)*) => {$(
        impl ser::$form for List {
            type Ok = Node;
            type Error = FieldError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), FieldError> {
                self.push(value)
            }

            fn end(self) -> Done {
                self.done()
            }
        }
    )*};
}

lists! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

/// A struct or a map.
#[derive(Default)]
pub(super) struct Members {
    variant: Option<&'static str>,
    fields: Vec<(String, Node)>,
    /// The key of a map whose value comes next.
    key: Option<String>,
}

impl Members {
    fn push<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), FieldError> {
        let node = value.serialize(Serializer).map_err(|error| error.at(name))?;
        self.fields.push((name.to_string(), node));
        Ok(())
    }

    fn done(self) -> Done {
        match self.variant {
            Some(variant) => Node::Fields(self.fields).tagged(variant),
            None => Ok(Node::Fields(self.fields)),
        }
    }
}

impl ser::SerializeMap for Members {
    type Ok = Node;
    type Error = FieldError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), FieldError> {
        self.key = Some(key.serialize(Serializer)?.into_name()?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), FieldError> {
        let key = self.key.take().unwrap_or_default();
        self.push(&key, value)
    }

    fn end(self) -> Done {
        self.done()
    }
}

macro_rules! structs {
    ($($form:ident)*) => {$(
        impl ser::$form for Members {
            type Ok = Node;
            type Error = FieldError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), FieldError> {
                self.push(name, value)
            }

            fn end(self) -> Done {
                self.done()
            }
        }
    )*};
}

structs! { SerializeStruct SerializeStructVariant }
