//! What the comparison with SQLite cannot show: refusals, limits, constants that become typed, the
//! differences to SQLite, and that printed SQL reads back with another parser.

use super::{Binary, Expression, ExpressionError, Fault, Unary, arbitrary};
use crate::value::{Collation, Json, Timestamp, Type, Value};
use proptest::prelude::*;
use sqlparser::ast::{self, BinaryOperator, Expr, UnaryOperator};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;
use std::borrow::Cow;

const TYPES: [Type; 9] = [
    Type::Boolean,
    Type::Integer,
    Type::Real,
    Type::Text,
    Type::Blob,
    Type::Uuid,
    Type::Timestamp,
    Type::Json,
    Type::Text,
];

fn literal(value: impl Into<Value>) -> Expression {
    Expression::Literal(value.into())
}

fn unary(operator: Unary, operand: Expression) -> Expression {
    Expression::Unary(operator, Box::new(operand))
}

fn binary(left: Expression, operator: Binary, right: Expression) -> Expression {
    Expression::Binary(operator, Box::new(left), Box::new(right))
}

/// Reads what `to_sql` writes, with columns named `c0`, `c1` and so on.
fn read(sql: &str) -> Expression {
    from_ast(&Parser::new(&SQLiteDialect {}).try_with_sql(sql).unwrap().parse_expr().unwrap())
}

fn from_ast(ast: &Expr) -> Expression {
    let boxed = |ast: &Expr| Box::new(from_ast(ast));
    match ast {
        Expr::Nested(inner) => from_ast(inner),
        Expr::Identifier(name) => Expression::Column(name.value[1..].parse().unwrap()),
        Expr::Value(value) => Expression::Literal(constant(&value.value, "")),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
            Expr::Value(number) if matches!(number.value, ast::Value::Number(..)) => {
                Expression::Literal(constant(&number.value, "-"))
            }
            other => unary(Unary::Negate, from_ast(other)),
        },
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => unary(Unary::Not, from_ast(expr)),
        Expr::IsNull(expr) => unary(Unary::IsNull, from_ast(expr)),
        Expr::IsNotNull(expr) => unary(Unary::IsNotNull, from_ast(expr)),
        Expr::BinaryOp { left, op: BinaryOperator::Regexp, right } => {
            Expression::Regexp { item: boxed(left), pattern: text(right), negated: false }
        }
        Expr::RLike { negated, expr, pattern, .. } => {
            Expression::Regexp { item: boxed(expr), pattern: text(pattern), negated: *negated }
        }
        Expr::BinaryOp { left, op, right } => binary(from_ast(left), operator(op), from_ast(right)),
        Expr::InList { expr, list, negated } => {
            Expression::In { item: boxed(expr), list: list.iter().map(from_ast).collect(), negated: *negated }
        }
        Expr::Between { expr, negated, low, high } => {
            Expression::Between { item: boxed(expr), low: boxed(low), high: boxed(high), negated: *negated }
        }
        Expr::Like { negated, expr, pattern, escape_char, .. } => Expression::Like {
            item: boxed(expr),
            pattern: boxed(pattern),
            escape: escape_char.as_ref().map(|escape| text(escape).parse().unwrap()),
            negated: *negated,
        },
        Expr::Function(call) => {
            let ast::FunctionArguments::List(list) = &call.args else { panic!("{call}") };
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(operand)) = &list.args[0] else {
                panic!("{call}")
            };
            let function = match call.name.to_string().as_str() {
                "length" => Unary::Length,
                "lower" => Unary::Lower,
                "upper" => Unary::Upper,
                other => panic!("{other}"),
            };
            unary(function, from_ast(operand))
        }
        other => panic!("{other}"),
    }
}

fn text(ast: &Expr) -> String {
    let Expression::Literal(Value::Text(text)) = from_ast(ast) else { panic!("{ast}") };
    text
}

fn constant(value: &ast::Value, sign: &str) -> Value {
    match value {
        ast::Value::Null => Value::Null,
        ast::Value::Boolean(boolean) => (*boolean).into(),
        ast::Value::SingleQuotedString(text) => text.as_str().into(),
        ast::Value::HexStringLiteral(digits) => {
            let byte = |index| u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).unwrap();
            (0..digits.len() / 2).map(byte).collect::<Vec<u8>>().into()
        }
        ast::Value::Number(digits, _) => {
            let number = format!("{sign}{digits}");
            Type::Integer.parse(&number).or_else(|_| Type::Real.parse(&number)).unwrap()
        }
        other => panic!("{other}"),
    }
}

fn operator(op: &BinaryOperator) -> Binary {
    let all = [
        (BinaryOperator::And, Binary::And),
        (BinaryOperator::Or, Binary::Or),
        (BinaryOperator::Eq, Binary::Equal),
        (BinaryOperator::NotEq, Binary::NotEqual),
        (BinaryOperator::Lt, Binary::Less),
        (BinaryOperator::LtEq, Binary::LessOrEqual),
        (BinaryOperator::Gt, Binary::Greater),
        (BinaryOperator::GtEq, Binary::GreaterOrEqual),
        (BinaryOperator::Plus, Binary::Add),
        (BinaryOperator::Minus, Binary::Subtract),
        (BinaryOperator::Multiply, Binary::Multiply),
        (BinaryOperator::Divide, Binary::Divide),
        (BinaryOperator::Modulo, Binary::Remainder),
        (BinaryOperator::StringConcat, Binary::Concat),
    ];
    all.into_iter().find(|(known, _)| known == op).unwrap().1
}

fn sql(expression: &Expression) -> String {
    expression.to_sql(&|position| format!("c{position}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_valid_rule_reads_back_from_its_sql(rule in arbitrary::conditions(&TYPES, true)) {
        prop_assert_eq!(rule.validate(&TYPES), Ok(()));
        let sql = sql(&rule);
        prop_assert_eq!(read(&sql).fit(&TYPES), Ok(rule), "{}", sql);
    }

    #[test]
    fn a_valid_rule_faults_only_by_overflow(
        rule in arbitrary::conditions(&TYPES, true),
        row in arbitrary::rows(&TYPES),
    ) {
        let result = rule.evaluate(&row, &[]);
        prop_assert!(matches!(
            result.as_deref(),
            Ok(Value::Boolean(_) | Value::Null) | Err(Fault::Overflow)
        ));
    }

    #[test]
    fn no_tree_panics(
        rule in arbitrary::conditions(&TYPES, true),
        row in arbitrary::rows(&TYPES),
        turn in 0usize..9,
    ) {
        // Columns of other types than the rule was made for, and missing ones.
        let mut turned = row.clone();
        turned.rotate_left(turn);
        let _ = rule.evaluate(&turned, &[]);
        let _ = rule.evaluate(&row[turn..], &[]);
        let mut types = TYPES;
        types.rotate_left(turn);
        let _ = rule.validate(&types);
        let _ = rule.fit(&types);
    }
}

#[test]
fn sql_has_parentheses_where_they_are_needed() {
    let column = Expression::Column;
    let sum = |left, right| binary(left, Binary::Add, right);
    assert_eq!(sql(&sum(sum(column(0), column(1)), column(2))), "c0 + c1 + c2");
    assert_eq!(sql(&sum(column(0), sum(column(1), column(2)))), "c0 + (c1 + c2)");
    assert_eq!(sql(&binary(sum(column(0), column(1)), Binary::Multiply, column(2))), "(c0 + c1) * c2");
    assert_eq!(sql(&unary(Unary::Negate, literal(5))), "-(5)");
    assert_eq!(sql(&unary(Unary::Negate, literal(-5))), "-(-5)");
    assert_eq!(sql(&binary(column(0), Binary::Subtract, literal(-5))), "c0 - -5");
    let either = binary(column(0), Binary::Or, column(1));
    assert_eq!(sql(&unary(Unary::Not, either.clone())), "NOT (c0 OR c1)");
    assert_eq!(sql(&binary(either.clone(), Binary::And, either)), "(c0 OR c1) AND (c0 OR c1)");
    assert_eq!(sql(&literal("it's")), "'it''s'");
    assert_eq!(sql(&literal(vec![0u8, 255])), "X'00ff'");
    assert_eq!(read(&sql(&literal(i64::MIN))), literal(i64::MIN));
}

#[test]
fn operands_of_wrong_types_are_refused() {
    let column = |kind: Type| Expression::Column(TYPES.iter().position(|each| *each == kind).unwrap());
    let kinds =
        [Type::Boolean, Type::Integer, Type::Text, Type::Blob, Type::Uuid, Type::Timestamp, Type::Json];
    for left in kinds {
        for right in kinds {
            let comparison = binary(column(left), Binary::Equal, column(right)).validate(&TYPES);
            assert_eq!(comparison.is_ok(), left == right, "{left} = {right}: {comparison:?}");
        }
    }
    let refused = [
        unary(Unary::Length, column(Type::Integer)),
        unary(Unary::Lower, column(Type::Blob)),
        unary(Unary::Negate, column(Type::Text)),
        unary(Unary::Not, column(Type::Integer)),
        binary(column(Type::Boolean), Binary::Add, literal(1)),
        binary(column(Type::Real), Binary::Remainder, literal(2)),
        binary(column(Type::Text), Binary::Concat, literal(1)),
        binary(column(Type::Boolean), Binary::And, literal(1)),
        Expression::In {
            item: column(Type::Integer).into(),
            list: vec![literal(1), literal("1")],
            negated: false,
        },
        Expression::Like {
            item: column(Type::Integer).into(),
            pattern: literal("1%").into(),
            escape: None,
            negated: false,
        },
        Expression::Column(TYPES.len()),
        literal(Timestamp(0)),
        binary(literal(Timestamp(0)), Binary::Equal, literal(Timestamp(0))),
        literal(Value::try_from(f64::INFINITY).unwrap()),
    ];
    for expression in refused {
        assert!(expression.check_types(&TYPES).is_err(), "{} is taken", sql(&expression));
    }
    let not_a_condition = column(Type::Integer).validate(&TYPES);
    assert_eq!(
        not_a_condition,
        Err(ExpressionError::NotACondition { place: "a check", found: Type::Integer })
    );
    assert_eq!(column(Type::Boolean).validate(&TYPES), Ok(()));
    assert_eq!(literal(Value::Null).validate(&TYPES), Ok(()));
}

#[test]
fn the_number_of_operators_is_limited_on_any_stack() {
    let nots = |count| (0..count).fold(literal(true), |inner, _| unary(Unary::Not, inner));
    assert_eq!(nots(Expression::MAX_OPERATORS).validate(&[]), Ok(()));
    let limit = Expression::MAX_OPERATORS;
    assert_eq!(nots(limit + 1).validate(&[]), Err(ExpressionError::TooLarge { operators: limit + 1, limit }));
    let deep = nots(50_000);
    assert!(matches!(deep.validate(&[]), Err(ExpressionError::TooLarge { .. })));
    assert!(deep.columns().is_empty());
    std::mem::forget(deep); // Dropping a tree that deep needs a stack of its own.
}

#[test]
fn patterns_are_compiled_and_limited() {
    let rule = |pattern: &str| Expression::Regexp {
        item: Box::new(Expression::Column(0)),
        pattern: pattern.to_owned(),
        negated: false,
    };
    let passes = |pattern: &str, text: &str| {
        let (rule, value) = (rule(pattern), Value::from(text));
        rule.passes(&[value], &[])
    };
    assert!(passes("^[a-z]+@", "ann@example.com") && !passes("^[a-z]+@", "Ann@example.com"));
    assert!(!passes("^\\d$", "٣"), "classes are ASCII");
    assert!(rule("(?i)^x").validate(&[Type::Text]).is_ok());
    for pattern in ["(", "a{1000}{1000}", "\\p{L}"] {
        let refused = rule(pattern).validate(&[Type::Text]);
        assert!(matches!(refused, Err(ExpressionError::Regexp { .. })), "{pattern}: {refused:?}");
        assert!(!passes(pattern, "a"), "a pattern that does not compile fails the check");
    }
}

#[test]
fn texts_next_to_typed_columns_become_typed() {
    let timestamp = Expression::Column(6);
    let between = |low: Value| Expression::Between {
        item: Box::new(timestamp.clone()),
        low: Box::new(Expression::Literal(low)),
        high: Box::new(Expression::Column(6)),
        negated: false,
    };
    let moment = Value::from(Timestamp(1_000_000));
    assert_eq!(between("1970-01-01T00:00:01Z".into()).fit(&TYPES), Ok(between(moment.clone())));
    assert_eq!(between(moment.clone()).validate(&TYPES), Ok(()));
    assert_eq!(sql(&between(moment)), "c6 BETWEEN '1970-01-01T00:00:01.000000Z' AND c6");
    assert!(matches!(
        between("yesterday".into()).fit(&TYPES),
        Err(ExpressionError::Literal { kind: Type::Timestamp, .. })
    ));

    let json = |value: Value| binary(Expression::Literal(value), Binary::NotEqual, Expression::Column(7));
    let canonical = Json::parse("[1]").unwrap();
    let nested = unary(Unary::Not, json("[ 1.0 ]".into()));
    assert_eq!(nested.fit(&TYPES), Ok(unary(Unary::Not, json(canonical.into()))));
}

#[test]
fn the_differences_to_sqlite_are_as_stated() {
    let evaluate = |expression: &Expression| expression.evaluate(&[], &[]).map(Cow::into_owned);
    let overflow = binary(literal(i64::MAX), Binary::Add, literal(1));
    assert_eq!(evaluate(&overflow), Err(Fault::Overflow));
    assert_eq!(evaluate(&binary(literal(i64::MIN), Binary::Divide, literal(-1))), Err(Fault::Overflow));
    assert_eq!(evaluate(&binary(literal(i64::MIN), Binary::Remainder, literal(-1))), Ok(Value::Integer(0)));
    assert_eq!(evaluate(&unary(Unary::Negate, literal(i64::MIN))), Err(Fault::Overflow));
    let large = binary(overflow, Binary::Greater, literal(0));
    assert!(!large.passes(&[], &[]) && !unary(Unary::Not, large.clone()).passes(&[], &[]));
    let guarded = binary(literal(true), Binary::Or, large);
    assert!(guarded.holds(&[], &[]), "what is not evaluated does not overflow");

    assert_eq!(evaluate(&unary(Unary::Length, literal("a\0b"))), Ok(Value::Integer(3)));
}

#[test]
fn the_collation_is_that_of_the_column() {
    let row = [Value::from("STRASSE"), Value::from("straße")];
    let equal = binary(Expression::Column(0), Binary::Equal, Expression::Column(1));
    assert!(equal.holds(&row, &[Collation::UnicodeNoCase, Collation::Binary]));
    assert!(!equal.holds(&row, &[Collation::Binary, Collation::UnicodeNoCase]));
    let constant = binary(literal("strasse"), Binary::Equal, Expression::Column(0));
    assert!(constant.holds(&row, &[Collation::NoCase]));
    assert!(!constant.holds(&row, &[]), "a column without a collation compares bytes");
}

#[test]
fn null_passes_but_does_not_hold() {
    let rule = binary(Expression::Column(0), Binary::Greater, literal(0));
    assert!(rule.passes(&[Value::Null], &[]));
    assert!(!rule.holds(&[Value::Null], &[]));
}

#[test]
fn columns_are_listed_once_and_ascending() {
    let pair = binary(Expression::Column(3), Binary::Less, Expression::Column(1));
    let rule = binary(pair.clone(), Binary::And, pair);
    assert_eq!((rule.columns(), rule.operators()), (vec![1, 3], 3));
}
