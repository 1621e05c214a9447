//! What the builder makes of a definition, and what it refuses.

use crate::ids::{ColumnId, ConstraintId, TableId, UnitId};
use crate::schema::{
    Binary, Constraint, Expression, OnDelete, OnUpdate, Schema, SchemaBuilder, SchemaError, TableBuilder,
    Tracking,
};
use crate::value::{Collation, Type, Value};

/// No columns, meaning the primary key.
const KEY: [&str; 0] = [];

fn at_most(low: usize, high: usize) -> Expression {
    Expression::Binary(
        Binary::LessOrEqual,
        Box::new(Expression::Column(low)),
        Box::new(Expression::Column(high)),
    )
}

/// The example of the design, in Rust.
fn example() -> SchemaBuilder {
    Schema::builder()
        .table("customer", |t| {
            t.column("code", Type::Text)
                .collate(Collation::NoCase)
                .column("email", Type::Text)
                .collate(Collation::NoCase)
                .column("name", Type::Text)
                .not_null()
                .primary_key(["code"])
                .unique(["email"])
        })
        .table("orders", |t| {
            t.column("number", Type::Integer)
                .column("customer", Type::Text)
                .not_null()
                .column("starts", Type::Timestamp)
                .column("ends", Type::Timestamp)
                .primary_key(["number"])
                .foreign_key(["customer"], "customer", ["code"])
                .check(at_most(2, 3))
                .index("orders_customer", ["customer"])
        })
}

#[test]
fn ids_follow_the_order_of_definition() {
    let schema = example().build().unwrap();
    let [customer, orders] = schema.tables() else { panic!("two tables") };
    assert_eq!((customer.id, orders.id), (TableId(1), TableId(7)));
    assert_eq!(customer.columns[0].id, ColumnId(2));
    assert_eq!(customer.keys.iter().map(|key| key.id.0).collect::<Vec<_>>(), [5, 6]);
    assert_eq!(orders.foreign_keys[0].id, ConstraintId(13));
    assert_eq!(orders.checks[0].id, ConstraintId(14));
    assert_eq!(orders.indexes[0].id, ConstraintId(15));
    assert_eq!(example().build().unwrap(), schema);
}

#[test]
fn constraints_have_the_names_of_postgres() {
    let schema = example().build().unwrap();
    let names = |ids: std::ops::RangeInclusive<u32>| {
        ids.filter_map(|id| schema.constraint(ConstraintId(id)))
            .map(|(table, constraint)| format!("{}.{}", table.name, constraint.name()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(1..=20),
        [
            "customer.customer_pkey",
            "customer.customer_email_key",
            "orders.orders_pkey",
            "orders.orders_customer_fkey",
            "orders.orders_starts_ends_check",
            "orders.orders_customer",
        ]
    );
}

#[test]
fn a_taken_default_name_gets_a_number() {
    let schema = Schema::builder()
        .table("t", |t| {
            t.column("a", Type::Integer)
                .column("b", Type::Integer)
                .primary_key(["b"])
                .named("T_A_KEY")
                .unique(["a"])
                .check(at_most(0, 0))
                .check(at_most(0, 0))
        })
        .build()
        .unwrap();
    let table = schema.table("t").unwrap();
    assert_eq!(table.keys[1].name, "t_a_key1");
    assert_eq!(table.checks[1].name, "t_a_check1");
}

#[test]
fn names_are_found_without_regard_to_case() {
    let schema = example().build().unwrap();
    assert_eq!(schema.table("CUSTOMER").unwrap().column("Email").unwrap().0, 1);
    assert!(schema.table("custömer").is_none());
}

#[test]
fn a_reference_inherits_the_collation_of_its_parent() {
    let schema = example().build().unwrap();
    let orders = schema.table("orders").unwrap();
    assert_eq!(orders.columns[1].collation, Collation::NoCase);
    let foreign_key = &orders.foreign_keys[0];
    assert!(foreign_key.follow && schema.is_referenced(foreign_key.key));
    let referring: Vec<_> = schema.referring(foreign_key.parent).collect();
    assert_eq!(referring, [(orders, foreign_key)]);
    assert!(matches!(schema.constraint(foreign_key.key), Some((_, Constraint::Key(_)))));
}

#[test]
fn constraints_over_several_columns_make_units() {
    let schema = example().build().unwrap();
    let orders = schema.table("orders").unwrap();
    let units: Vec<&[usize]> = orders.units.iter().map(|unit| &unit.columns[..]).collect();
    assert_eq!(units, [&[0][..], &[1], &[2, 3]]);
    assert_eq!(orders.unit_of(3), Some(UnitId(orders.columns[2].id.0)));
    assert_eq!(orders.units_of_check(&orders.checks[0]).len(), 1);
    assert_eq!(orders.foreign_keys_of_unit(orders.unit_of(1).unwrap()).count(), 1);
}

#[test]
fn groups_that_share_a_column_join() {
    let columns =
        |t: TableBuilder| ["a", "b", "c", "d", "e"].iter().fold(t, |t, c| t.column(*c, Type::Real).done());
    let schema = Schema::builder()
        .table("t", |t| columns(t).unique(["d", "b"]).check(at_most(3, 4)).unit(["e", "a"]))
        .table("r", |t| columns(t).tracking(Tracking::Row))
        .build()
        .unwrap();
    let units =
        |name| schema.table(name).unwrap().units.iter().map(|u| u.columns.clone()).collect::<Vec<_>>();
    assert_eq!(units("t"), [vec![0, 1, 3, 4], vec![2]]);
    assert_eq!(units("r"), [vec![0, 1, 2, 3, 4]]);
}

#[test]
fn strata_put_parents_first_and_find_cycles() {
    let node = |t: TableBuilder, parent: &str| {
        t.column("id", Type::Integer).column("up", Type::Integer).primary_key(["id"]).foreign_key(
            ["up"],
            parent,
            KEY,
        )
    };
    let schema = Schema::builder()
        .table("leaf", |t| node(t, "a"))
        .table("a", |t| node(t, "b"))
        .table("b", |t| node(t, "a"))
        .table("tree", |t| node(t, "tree"))
        .build()
        .unwrap();
    let strata: Vec<(Vec<&str>, bool)> = schema
        .strata()
        .iter()
        .map(|stratum| {
            let name = |id: &TableId| schema.table_by_id(*id).unwrap().name.as_str();
            (stratum.tables.iter().map(name).collect(), stratum.cyclic)
        })
        .collect();
    assert_eq!(strata, [(vec!["a", "b"], true), (vec!["leaf"], false), (vec!["tree"], true)]);
}

#[test]
fn a_composite_reference_is_stored_in_the_order_of_its_key() {
    let schema = Schema::builder()
        .table("p", |t| t.column("a", Type::Integer).column("b", Type::Text).unique(["a", "b"]))
        .table("c", |t| {
            t.column("x", Type::Text).column("y", Type::Integer).foreign_key(["x", "y"], "p", ["b", "a"])
        })
        .build()
        .unwrap();
    assert_eq!(schema.table("c").unwrap().foreign_keys[0].columns, [1, 0]);
}

#[test]
fn on_update_that_spells_the_default_out_is_the_default() {
    let schema = Schema::builder()
        .table("p", |t| t.column("a", Type::Integer).primary_key(["a"]))
        .table("c", |t| {
            let t = t.column("x", Type::Integer).column("y", Type::Integer);
            let t = t.foreign_key(["x"], "p", KEY).on_update(OnUpdate::Cascade);
            t.foreign_key(["y"], "p", KEY)
                .match_key()
                .on_update(OnUpdate::Restrict)
                .on_delete(OnDelete::SetNull)
        })
        .build()
        .unwrap();
    let keys = &schema.table("c").unwrap().foreign_keys;
    assert_eq!((keys[0].on_update, keys[1].on_update), (OnUpdate::Default, OnUpdate::Default));
}

fn refused(schema: SchemaBuilder) -> String {
    schema.build().unwrap_err().to_string()
}

fn two(
    parent: impl FnOnce(TableBuilder) -> TableBuilder,
    child: impl FnOnce(TableBuilder) -> TableBuilder,
) -> SchemaBuilder {
    Schema::builder()
        .table("p", |t| {
            parent(t.column("a", Type::Integer).column("b", Type::Text).primary_key(["a"]).done())
        })
        .table("c", |t| child(t.column("x", Type::Integer).column("y", Type::Text).done()))
}

fn same(t: TableBuilder) -> TableBuilder {
    t
}

#[test]
fn following_references_must_have_a_defined_value() {
    let shared =
        two(same, |t| t.foreign_key(["x"], "p", KEY).foreign_key(["x"], "p", KEY).match_key().done());
    assert_eq!(
        refused(shared),
        "foreign key (x) of table \"c\" shares column \"x\" with another foreign key: add it to the table's \
         match_key"
    );
    let both = two(same, |t| {
        t.foreign_key(["x"], "p", KEY).match_key().foreign_key(["x"], "p", KEY).match_key().done()
    });
    assert!(both.build().is_ok());
    let own_key = |t: TableBuilder| {
        let t = t.column("a", Type::Integer).column("b", Type::Integer).primary_key(["a"]).unique(["a", "b"]);
        t.foreign_key(["b", "a"], "t", ["a", "b"])
    };
    assert_eq!(
        refused(Schema::builder().table("t", own_key)),
        "foreign key (b, a) of table \"t\" has columns that are part of the key it refers to: add it to the \
         table's match_key"
    );
    assert!(Schema::builder().table("t", |t| own_key(t).match_key()).build().is_ok());
}

#[test]
fn keys_may_not_follow_each_other_around_a_cycle() {
    let ring = |t: TableBuilder, parent: &str| {
        t.column("id", Type::Integer).primary_key(["id"]).foreign_key(["id"], parent, ["id"])
    };
    let cycle = Schema::builder().table("a", |t| ring(t, "b")).table("b", |t| ring(t, "a"));
    assert!(matches!(cycle.build(), Err(SchemaError::MustMatchKey { table, .. }) if table == "a"));
    let broken = Schema::builder().table("a", |t| ring(t, "b").match_key()).table("b", |t| ring(t, "a"));
    assert!(broken.build().is_ok());
}

#[test]
fn a_primary_key_is_never_null() {
    let schema = two(same, same).build().unwrap();
    assert!(!schema.table("p").unwrap().columns[0].nullable);
    assert_eq!(schema.table("c").unwrap().primary_key(), None);
}

#[test]
fn defaults_have_the_type_of_their_column() {
    let build = |kind, value| Schema::builder().table("t", |t| t.column("a", kind).default(value)).build();
    let schema = build(Type::Real, Value::Integer(2)).unwrap();
    assert_eq!(schema.table("t").unwrap().columns[0].default.kind(), Some(Type::Real));
    assert!(matches!(build(Type::Integer, Value::Text("2".into())), Err(SchemaError::DefaultType { .. })));
}

#[test]
fn rules_are_checked_when_the_schema_is_built() {
    let build = |rule: &str| {
        Schema::builder().table("t", |t| t.column("a", Type::Integer).check(rule).named("c")).build()
    };
    let rule = |schema: Schema| schema.table("t").unwrap().checks[0].rule.clone();
    assert_eq!(rule(build("A <= a").unwrap()), at_most(0, 0));
    for (sql, problem) in [
        ("a >", "at line 1, column 4: expected a column, a constant or a function, found the end"),
        ("b > 1", "at line 1, column 1: table \"t\" has no column \"b\""),
        ("a > 1; a", "at line 1, column 6: expected an operator, or the end, found ;"),
        ("a + 1", "a check takes a BOOLEAN, found INTEGER: compare it with something"),
    ] {
        assert_eq!(build(sql).unwrap_err().to_string(), format!("check \"c\" of table \"t\": {problem}"));
    }
    let tree = Schema::builder().table("t", |t| t.column("a", Type::Integer).check(at_most(0, 1)));
    assert_eq!(refused(tree), "check of table \"t\": the table has no column at position 1");
}

#[test]
fn many_taken_names_are_found_quickly() {
    let checks = |t: TableBuilder| (0..900).fold(t, |t, _| t.check("1 = 1").done());
    let tables = (0..20).fold(Schema::builder(), |schema, at| {
        schema.table(format!("t{at}"), |t| checks(t.column("a", Type::Integer).done()))
    });
    let schema = tables.build().unwrap();
    assert_eq!(schema.table("t19").unwrap().checks[899].name, "t19_check899");
}

#[test]
fn tables_have_a_bounded_size() {
    let columns = |count: u32| {
        let add = |t: TableBuilder, at| t.column(format!("c{at}"), Type::Integer).done();
        Schema::builder().table("t", |t| (0..count).fold(t, add))
    };
    assert!(columns(2000).build().is_ok());
    assert_eq!(refused(columns(2001)), "table \"t\" has 2001 columns, at most 2000 are allowed");
    let long = |count: usize| {
        let add = |t: TableBuilder, at| t.column(format!("{}{at:04}", "c".repeat(120)), Type::Integer).done();
        Schema::builder().table("t", |t| (0..count).fold(t, add))
    };
    assert!(long(400).build().is_ok());
    assert!(refused(long(600)).starts_with("the statement CREATE TABLE t has "));
}
