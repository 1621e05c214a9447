//! Random valid expressions and rows for property tests: typed, so that nothing is refused, and over few
//! values, so that comparisons hit.

use super::{Binary, Expression, Unary};
use crate::value::{Type, Value, arbitrary};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// How deep operators nest.
const DEPTH: usize = 3;

/// Conditions over columns of these types: each passes `Expression::validate`.
pub fn conditions(types: &[Type], regexp: bool) -> BoxedStrategy<Expression> {
    expressions(types, regexp).remove(&Type::Boolean).unwrap()
}

/// Expressions of every type that operators give, by type. Without `REGEXP` SQLite understands them.
pub fn expressions(types: &[Type], regexp: bool) -> BTreeMap<Type, BoxedStrategy<Expression>> {
    let kinds = [Type::Boolean, Type::Integer, Type::Real, Type::Text, Type::Blob];
    let mut level: BTreeMap<_, _> = kinds.into_iter().map(|kind| (kind, leaves(kind, types))).collect();
    for _ in 0..DEPTH {
        level = kinds.into_iter().map(|kind| (kind, deeper(kind, &level, types, regexp))).collect();
    }
    let small = |part: &Expression| part.operators() <= Expression::MAX_OPERATORS;
    level.into_iter().map(|(kind, parts)| (kind, parts.prop_filter("too large", small).boxed())).collect()
}

/// The values of a row with columns of these types, `Null` among them.
pub fn rows(types: &[Type]) -> BoxedStrategy<Vec<Value>> {
    types
        .iter()
        .map(|kind| prop_oneof![1 => Just(Value::Null), 5 => constants(*kind)].boxed())
        .collect::<Vec<_>>()
        .boxed()
}

/// Values of this type, few and close to each other. No infinity and no NUL: SQL cannot write them.
fn constants(kind: Type) -> BoxedStrategy<Value> {
    let few = prop::collection::vec(
        prop::sample::select(vec!['a', 'A', 'b', 'Z', '%', '_', '\\', '\'', 'é', 'É']),
        0..4,
    );
    match kind {
        Type::Text => few.prop_map(|letters| letters.into_iter().collect::<String>().into()).boxed(),
        Type::Real => prop_oneof![
            6 => (-6i32..7).prop_map(|half| f64::from(half) / 2.0),
            1 => prop::sample::select(vec![0.1, 1e300, -1e300, 9_007_199_254_740_992.0, 2f64.powi(63)]),
        ]
        .prop_map(|number| Value::try_from(number).unwrap())
        .boxed(),
        Type::Integer => prop_oneof![4 => -3i64..4, 1 => arbitrary::integers()].prop_map(Value::from).boxed(),
        Type::Blob => prop::collection::vec(0u8..3, 0..3).prop_map(Value::from).boxed(),
        other => arbitrary::of(other),
    }
}

fn literals(kind: Type) -> BoxedStrategy<Expression> {
    prop_oneof![1 => Just(Value::Null), 9 => constants(kind)].prop_map(Expression::Literal).boxed()
}

fn columns(kind: Type, types: &[Type]) -> Option<BoxedStrategy<Expression>> {
    let positions: Vec<usize> = (0..types.len()).filter(|position| types[*position] == kind).collect();
    (!positions.is_empty()).then(|| prop::sample::select(positions).prop_map(Expression::Column).boxed())
}

fn leaves(kind: Type, types: &[Type]) -> BoxedStrategy<Expression> {
    match columns(kind, types) {
        Some(columns) => prop_oneof![1 => literals(kind), 2 => columns].boxed(),
        None => literals(kind),
    }
}

fn deeper(
    kind: Type,
    level: &BTreeMap<Type, BoxedStrategy<Expression>>,
    types: &[Type],
    regexp: bool,
) -> BoxedStrategy<Expression> {
    let part = |kind: Type| level[&kind].clone();
    let number = prop_oneof![part(Type::Integer), part(Type::Real)].boxed();
    let sum = || prop::sample::select(vec![Binary::Add, Binary::Subtract, Binary::Multiply, Binary::Divide]);
    let made = match kind {
        Type::Boolean => conditions_of(level, types, regexp),
        Type::Integer => prop_oneof![
            3 => binary(sum(), part(Type::Integer), part(Type::Integer)),
            1 => binary(Just(Binary::Remainder), part(Type::Integer), part(Type::Integer)),
            1 => unary(vec![Unary::Negate], part(Type::Integer)),
            1 => unary(vec![Unary::Length], prop_oneof![part(Type::Text), part(Type::Blob)].boxed()),
        ]
        .boxed(),
        Type::Real => prop_oneof![
            2 => binary(sum(), part(Type::Real), number.clone()),
            2 => binary(sum(), number, part(Type::Real)),
            1 => unary(vec![Unary::Negate], part(Type::Real)),
        ]
        .boxed(),
        Type::Text => prop_oneof![
            unary(vec![Unary::Lower, Unary::Upper], part(Type::Text)),
            binary(Just(Binary::Concat), part(Type::Text), part(Type::Text)),
        ]
        .boxed(),
        _ => part(kind),
    };
    prop_oneof![1 => part(kind), 2 => made].boxed()
}

fn conditions_of(
    level: &BTreeMap<Type, BoxedStrategy<Expression>>,
    types: &[Type],
    regexp: bool,
) -> BoxedStrategy<Expression> {
    let part = |kind: Type| level[&kind].clone();
    let number = prop_oneof![part(Type::Integer), part(Type::Real)].boxed();
    let mut compared = vec![part(Type::Boolean), number, part(Type::Text), part(Type::Blob)]
        .into_iter()
        .map(|operands| comparisons(operands.clone(), operands))
        .collect::<Vec<_>>();
    for kind in [Type::Uuid, Type::Timestamp, Type::Json] {
        // Their constants are texts in SQL: they stand next to a column only.
        compared.extend(columns(kind, types).map(|columns| comparisons(columns, leaves(kind, types))));
    }
    let logic = prop::sample::select(vec![Binary::And, Binary::Or]);
    let item = prop::sample::select(level.values().cloned().collect::<Vec<_>>()).prop_flat_map(|part| part);
    prop_oneof![
        3 => binary(logic, part(Type::Boolean), part(Type::Boolean)),
        1 => unary(vec![Unary::Not], part(Type::Boolean)),
        1 => unary(vec![Unary::IsNull, Unary::IsNotNull], item.boxed()),
        6 => prop::sample::select(compared).prop_flat_map(|comparison| comparison),
        2 => likes(part(Type::Text)),
        u32::from(regexp) => regexps(part(Type::Text)),
    ]
    .boxed()
}

fn comparisons(
    item: BoxedStrategy<Expression>,
    other: BoxedStrategy<Expression>,
) -> BoxedStrategy<Expression> {
    let operators = prop::sample::select(vec![
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::LessOrEqual,
        Binary::Greater,
        Binary::GreaterOrEqual,
    ]);
    let list = (item.clone(), prop::collection::vec(other.clone(), 0..4), any::<bool>());
    let range = (item.clone(), other.clone(), other.clone(), any::<bool>());
    prop_oneof![
        3 => binary(operators, item, other),
        1 => list.prop_map(|(item, list, negated)| Expression::In { item: Box::new(item), list, negated }),
        1 => range.prop_map(|(item, low, high, negated)| Expression::Between {
            item: Box::new(item),
            low: Box::new(low),
            high: Box::new(high),
            negated,
        }),
    ]
    .boxed()
}

fn likes(text: BoxedStrategy<Expression>) -> BoxedStrategy<Expression> {
    let escape = prop::option::of(prop::sample::select(vec!['\\', 'a', '%', '_', 'é', '\'']));
    (text.clone(), text, escape, any::<bool>())
        .prop_map(|(item, pattern, escape, negated)| Expression::Like {
            item: Box::new(item),
            pattern: Box::new(pattern),
            escape,
            negated,
        })
        .boxed()
}

fn regexps(text: BoxedStrategy<Expression>) -> BoxedStrategy<Expression> {
    let patterns = ["", "^a", "(?i)b+$", "[^'%]{2}", "^(a|é)*$"].map(str::to_owned).to_vec();
    (text, prop::sample::select(patterns), any::<bool>())
        .prop_map(|(item, pattern, negated)| Expression::Regexp { item: Box::new(item), pattern, negated })
        .boxed()
}

fn unary(operators: Vec<Unary>, operand: BoxedStrategy<Expression>) -> BoxedStrategy<Expression> {
    (prop::sample::select(operators), operand)
        .prop_map(|(operator, operand)| Expression::Unary(operator, Box::new(operand)))
        .boxed()
}

fn binary(
    operators: impl Strategy<Value = Binary> + 'static,
    left: BoxedStrategy<Expression>,
    right: BoxedStrategy<Expression>,
) -> BoxedStrategy<Expression> {
    (operators, left, right)
        .prop_map(|(operator, left, right)| Expression::Binary(operator, Box::new(left), Box::new(right)))
        .boxed()
}
