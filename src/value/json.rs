//! Canonical JSON (RFC 8785), and values as JSON: what scripts, the command line and logs show.
//!
//! A value as JSON needs its column's type to be read back: a BLOB, a UUID and a TEXT are all strings.

use super::{Real, Type, Value, ValueError};
use serde_json::Number;

/// A JSON value as canonical text (RFC 8785): equal values are equal text.
///
/// Members are sorted, and numbers are doubles, as RFC 8785 has it. A decimal is read as the nearest
/// double, like everywhere; an integer of 64 bits that a double cannot hold is refused, because it was
/// meant exactly. Of members with the same name the last one counts. A JSON `null` is not `NULL`, but
/// in JSON output both are `null`.
///
/// ```
/// use reunite::value::Json;
/// let [one, other] = [Json::parse(r#"{"a": 1, "b": 2}"#)?, Json::parse(r#"{"b":2.0,"a":1}"#)?];
/// assert_eq!(one, other);
/// assert_eq!(one.as_str(), r#"{"a":1,"b":2}"#);
/// # Ok::<(), reunite::value::ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json(String);

impl Json {
    /// The greatest depth of arrays and objects in each other.
    pub const MAX_DEPTH: usize = 100;

    /// Reads any JSON text into its canonical form.
    ///
    /// ```
    /// use reunite::value::Json;
    /// let json = Json::parse(r#"{ "b": 1e2, "a": [true, null] }"#)?;
    /// assert_eq!(json.as_str(), r#"{"a":[true,null],"b":100}"#);
    /// assert!(Json::parse("9007199254740993").is_err());
    /// # Ok::<(), reunite::value::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// The text is not JSON, nests deeper than [`Json::MAX_DEPTH`], or holds an integer that would be
    /// rounded.
    pub fn parse(text: &str) -> Result<Json, ValueError> {
        let tree: serde_json::Value =
            serde_json::from_str(text).map_err(|error| ValueError::syntax(Type::Json, text, error))?;
        Json::from_tree(&tree)
    }

    /// The canonical form of a JSON tree.
    ///
    /// # Errors
    /// As [`Json::parse`].
    pub fn from_tree(tree: &serde_json::Value) -> Result<Json, ValueError> {
        check_tree(tree, 0)?;
        serde_json_canonicalizer::to_string(tree)
            .map(Json)
            .map_err(|error| ValueError::syntax(Type::Json, &tree.to_string(), error))
    }

    /// Takes a text that must be in canonical form already, as one from disk or from a peer must.
    ///
    /// # Errors
    /// As [`Json::parse`], or the canonical form is another text.
    pub fn from_canonical(text: String) -> Result<Json, ValueError> {
        let json = Json::parse(&text)?;
        if json.0 == text { Ok(json) } else { Err(ValueError::JsonForm) }
    }

    /// Takes a text that this database wrote from a `Json`: reading a row does not parse it again.
    pub(crate) const fn from_stored(text: String) -> Json {
        Json(text)
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON as a tree.
    #[must_use]
    pub fn to_tree(&self) -> serde_json::Value {
        // Every Json has been read from a tree, so its text reads back.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// Refuses what canonical form would change, and what nests too deep to be walked on any stack.
fn check_tree(tree: &serde_json::Value, depth: usize) -> Result<(), ValueError> {
    if depth > Json::MAX_DEPTH {
        return Err(ValueError::JsonDepth { limit: Json::MAX_DEPTH });
    }
    match tree {
        serde_json::Value::Array(items) => items.iter().try_for_each(|item| check_tree(item, depth + 1)),
        serde_json::Value::Object(members) => {
            members.values().try_for_each(|member| check_tree(member, depth + 1))
        }
        serde_json::Value::Number(number) if is_rounded(number) => {
            Err(ValueError::JsonNumber { number: number.to_string() })
        }
        _ => Ok(()),
    }
}

/// Whether the number is an integer that no double holds. The canonical text of a double is none:
/// 2^60 has the canonical text 1152921504606847000, which stands for exactly that double.
#[allow(clippy::cast_possible_truncation)] // Any finite double of an integer of 64 bits fits in i128.
fn is_rounded(number: &Number) -> bool {
    let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    let (Some(integer), Some(double)) = (integer, number.as_f64()) else { return false };
    double as i128 != integer
        && serde_json_canonicalizer::to_string(&double).ok() != Some(integer.to_string())
}

impl Value {
    /// The value as JSON, to be read back by [`Type::from_json`].
    ///
    /// BLOB is a string of base64, UUID and TIMESTAMP their texts, JSON stands as it is. A REAL is a
    /// number that has a point or an exponent; the infinities, which JSON lacks, are the strings
    /// `"Infinity"` and `"-Infinity"`.
    ///
    /// ```
    /// use reunite::value::{Type, Value};
    /// assert_eq!(Value::try_from(2.0)?.to_json().to_string(), "2.0");
    /// assert_eq!(Type::Blob.parse("AAEC")?.to_json().to_string(), r#""AAEC""#);
    /// # Ok::<(), reunite::value::ValueError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Boolean(boolean) => (*boolean).into(),
            Value::Integer(integer) => (*integer).into(),
            Value::Real(real) => match Number::from_f64(real.get()) {
                Some(number) => serde_json::Value::Number(number),
                None => real.to_string().into(),
            },
            Value::Text(text) => text.as_str().into(),
            Value::Json(json) => json.to_tree(),
            Value::Blob(_) | Value::Uuid(_) | Value::Timestamp(_) => self.to_string().into(),
        }
    }
}

impl Type {
    /// Reads a value of this type from JSON, as [`Value::to_json`] writes it. `null` is `Null`.
    ///
    /// Strict: an INTEGER is a JSON integer, neither `1.0` nor `"1"`. A REAL column also takes integers
    /// that are exact as REAL.
    ///
    /// ```
    /// use reunite::value::{Type, Value};
    /// assert_eq!(Type::Integer.from_json(&7.into()), Ok(Value::Integer(7)));
    /// assert!(Type::Integer.from_json(&"7".into()).is_err());
    /// ```
    ///
    /// # Errors
    /// The JSON is not a value of this type.
    #[allow(clippy::wrong_self_convention)] // A type reads JSON: nothing is converted from the type.
    pub fn from_json(self, json: &serde_json::Value) -> Result<Value, ValueError> {
        use serde_json::Value as Tree;
        match (self, json) {
            (_, Tree::Null) => Ok(Value::Null),
            (Type::Json, tree) => Json::from_tree(tree).map(Value::Json),
            (Type::Boolean, Tree::Bool(boolean)) => Ok(Value::Boolean(*boolean)),
            (Type::Integer, Tree::Number(number)) => integer_from(number),
            (Type::Real, Tree::Number(number)) => real_from(number),
            (Type::Real, Tree::String(text)) if text == "Infinity" || text == "-Infinity" => self.parse(text),
            (Type::Text | Type::Blob | Type::Uuid | Type::Timestamp, Tree::String(text)) => self.parse(text),
            (_, other) => Err(ValueError::WrongType { expected: self, found: name_of(other).to_owned() }),
        }
    }
}

fn integer_from(number: &Number) -> Result<Value, ValueError> {
    match number.as_i64() {
        Some(integer) => Ok(Value::Integer(integer)),
        None if number.is_u64() => {
            Err(ValueError::OutOfRange { number: number.to_string(), target: "INTEGER" })
        }
        None => Err(ValueError::syntax(Type::Integer, &number.to_string(), "it is not an integer")),
    }
}

fn real_from(number: &Number) -> Result<Value, ValueError> {
    match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => Type::Real.coerce(Value::Integer(integer)),
        (None, Some(double)) if !is_rounded(number) => Real::try_from(double).map(Value::Real),
        _ => Err(ValueError::OutOfRange { number: number.to_string(), target: "REAL" }),
    }
}

/// What a message calls a JSON value.
fn name_of(json: &serde_json::Value) -> &'static str {
    match json {
        serde_json::Value::Null => "NULL",
        serde_json::Value::Bool(_) => "a JSON boolean",
        serde_json::Value::Number(_) => "a JSON number",
        serde_json::Value::String(_) => "a JSON string",
        serde_json::Value::Array(_) => "a JSON array",
        serde_json::Value::Object(_) => "a JSON object",
    }
}
