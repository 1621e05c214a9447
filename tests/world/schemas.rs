//! The schemas of the histories: five shapes, each with random rules.
//!
//! Together they have every kind of constraint and of reference: following and by value, to the same
//! table, around a cycle of tables, composite, shared with a key, with texts of other case, with defaults; and columns whose
//! concurrent values are combined.

use std::sync::Arc;

use reunite::schema::Expression::{self, Column, Literal};
use reunite::schema::{
    Binary, ColumnRule, DeleteRule, Identity, OnDelete, OnUpdate, Schema, SchemaBuilder, TableBuilder,
    Tracking, WinnerRule, last,
};
use reunite::value::{Collation, Type, Value};

use super::random::Random;

/// How many shapes there are.
pub const SHAPES: usize = 5;

/// A schema, and the same with one more rule: what a later change of the schema would make of it.
pub fn schemas(random: &mut Random) -> [Arc<Schema>; 2] {
    let shape = random.below(SHAPES);
    let both = [false, true].map(|rule| build(shape, random, Extra { rule, merging: 0 }));
    random.next();
    both
}

/// A schema in which duplicates of some keys merge.
pub fn merging_schema(random: &mut Random) -> Arc<Schema> {
    let (shape, merging) = (random.below(SHAPES), random.below(32) as u8 | 1 << random.below(3));
    let schema = build(shape, random, Extra { rule: false, merging });
    random.next();
    schema
}

fn build(shape: usize, random: &Random, extra: Extra) -> Arc<Schema> {
    let builder = [shop, ring, places, defaults, combined][shape](&mut random.clone(), extra);
    Arc::new(builder.build().expect("the shapes are valid schemas"))
}

/// What a schema has beside its shape.
#[derive(Clone, Copy)]
struct Extra {
    /// Whether the last table has one rule more than usual. It comes last, so all ids stay as they are.
    rule: bool,
    /// A bit for each key whose duplicates merge.
    merging: u8,
}

impl Extra {
    fn apply<Last>(self, table: TableBuilder<Last>, column: usize) -> TableBuilder {
        let rule = compare(Binary::NotEqual, Column(column), Literal(Value::Integer(1)));
        if self.rule { table.check(rule).named("later").done() } else { table.done() }
    }

    const fn merges(self, key: u8) -> bool {
        self.merging >> key & 1 == 1
    }

    /// Where a key names the rows it has no duplicates.
    fn merges_unless_named(self, key: u8, identity: Identity) -> bool {
        self.merges(key) && identity == Identity::Random
    }
}

/// A unique key whose duplicates may merge.
trait Key {
    fn merging(self, merging: bool) -> Self;
}

impl Key for TableBuilder<last::PrimaryKey> {
    fn merging(self, merging: bool) -> Self {
        if merging { self.merge_duplicates() } else { self }
    }
}

impl Key for TableBuilder<last::Key> {
    fn merging(self, merging: bool) -> Self {
        if merging { self.merge_duplicates() } else { self }
    }
}

/// Customers, their orders, and employees who have bosses: following and by value, with a composite unit.
fn shop(random: &mut Random, extra: Extra) -> SchemaBuilder {
    let (identity, rules, actions) = (identity(random), Rules::some(random), Actions::some(random));
    let (by_value, boss) = (Actions::some(random), Actions::some(random));
    let customer = |t: TableBuilder| {
        let t = t.column("code", Type::Text).collate(Collation::NoCase);
        let t = t.column("email", Type::Text).column("low", Type::Integer).column("high", Type::Integer);
        let t = t
            .column("note", Type::Integer)
            .default(3)
            .primary_key(["code"])
            .merging(extra.merges_unless_named(0, identity))
            .unique(["email"])
            .merging(extra.merges(1));
        let t = t.check(compare(Binary::LessOrEqual, Column(2), Column(3)));
        rules[0].apply(t.done().identity(identity))
    };
    let orders = |t: TableBuilder| {
        let t = t.column("number", Type::Integer);
        let t = t.column("customer", Type::Text).column("agent", Type::Text).column("note", Type::Integer);
        let t = t.primary_key(["number"]).merging(extra.merges(2)).index("orders_note", ["note"]);
        let t = t.foreign_key(["customer"], "customer", ["code"]).on_delete(actions.delete);
        let t = t.on_update(actions.update).foreign_key(["agent"], "customer", ["code"]).match_key();
        rules[1].apply(t.on_delete(by_value.delete).on_update(by_value.update))
    };
    let employee = |t: TableBuilder| {
        let t = t.column("name", Type::Integer).column("boss", Type::Integer);
        let t = t.column("badge", Type::Integer).column("mentor", Type::Integer);
        let t = t
            .primary_key(["name"])
            .merging(extra.merges(3))
            .unique(["badge"])
            .merging(extra.merges(4))
            .foreign_key(["boss"], "employee", ["name"]);
        let t = t.on_delete(boss.delete).on_update(boss.update);
        let t = t.foreign_key(["mentor"], "employee", ["badge"]).match_key().on_delete(actions.delete);
        extra.apply(rules[2].apply(t), 2)
    };
    Schema::builder().table("customer", customer).table("orders", orders).table("employee", employee)
}

/// Two tables that refer to each other, and one that hangs below them.
fn ring(random: &mut Random, extra: Extra) -> SchemaBuilder {
    let (rules, actions) = (Rules::some(random), Actions::some(random));
    let match_key = random.chance(50);
    let team = |t: TableBuilder| {
        let t = t.column("name", Type::Integer).column("lead", Type::Integer).column("note", Type::Integer);
        let t = t.primary_key(["name"]).merging(extra.merges(0)).foreign_key(["lead"], "person", ["number"]);
        rules[0].apply(t.on_delete(actions.delete).on_update(actions.update))
    };
    let person = |t: TableBuilder| {
        let t =
            t.column("number", Type::Integer).column("nick", Type::Text).collate(Collation::UnicodeNoCase);
        let t = t
            .column("team", Type::Integer)
            .primary_key(["number"])
            .merging(extra.merges(1))
            .unique(["nick"])
            .merging(extra.merges(2));
        let t = t.foreign_key(["team"], "team", ["name"]).on_delete(actions.delete);
        rules[1].apply(if match_key { t.match_key() } else { t })
    };
    let badge = |t: TableBuilder| {
        let t = t.column("serial", Type::Integer).column("owner", Type::Text).not_null();
        let t = t
            .column("color", Type::Integer)
            .primary_key(["serial"])
            .merging(extra.merges(3))
            .check(color_rule());
        let t = t.foreign_key(["owner"], "person", ["nick"]).on_delete(OnDelete::Cascade);
        extra.apply(rules[2].apply(t), 2)
    };
    Schema::builder().table("team", team).table("person", person).table("badge", badge)
}

/// Composite keys, and references that are part of keys: a key follows a key that follows a key.
fn places(random: &mut Random, extra: Extra) -> SchemaBuilder {
    let (identity, rules, actions) = (identity(random), Rules::some(random), Actions::some(random));
    let match_key = random.chance(30);
    let place = |t: TableBuilder| {
        let t = t.column("zone", Type::Text).collate(Collation::NoCase).column("slot", Type::Integer);
        let t = t
            .column("label", Type::Text)
            .primary_key(["zone", "slot"])
            .merging(extra.merges_unless_named(0, identity))
            .unique(["label"])
            .merging(extra.merges(1));
        rules[0].apply(t.done().identity(identity))
    };
    let booking = |t: TableBuilder| {
        let t = t.column("id", Type::Integer).column("zone", Type::Text).collate(Collation::NoCase);
        let t = t
            .column("slot", Type::Integer)
            .column("guest", Type::Text)
            .unique(["zone", "slot", "guest"])
            .merging(extra.merges(2));
        let t = t.primary_key(["id"]).merging(extra.merges(3)).foreign_key(
            ["zone", "slot"],
            "place",
            ["zone", "slot"],
        );
        let t = t.on_delete(actions.delete).on_update(actions.update);
        rules[1].apply(if match_key { t.match_key() } else { t })
    };
    let visit = |t: TableBuilder| {
        let t = t.column("day", Type::Integer).column("zone", Type::Text).collate(Collation::NoCase);
        let t = t
            .column("slot", Type::Integer)
            .column("guest", Type::Text)
            .primary_key(["day"])
            .merging(extra.merges(4));
        let t = t.foreign_key(["zone", "slot", "guest"], "booking", ["zone", "slot", "guest"]);
        extra.apply(rules[2].apply(t.on_delete(actions.delete)), 0)
    };
    Schema::builder().table("place", place).table("booking", booking).table("visit", visit)
}

/// No primary key, keys that have defaults, not-null columns, declared units, a check over a reference.
fn defaults(random: &mut Random, extra: Extra) -> SchemaBuilder {
    let (rules, actions) = (Rules::some(random), Actions::some(random));
    let kind = |t: TableBuilder| {
        let t = t.column("name", Type::Text).not_null().default("A").column("rank", Type::Integer).default(1);
        let t = t
            .column("size", Type::Integer)
            .not_null()
            .default(2)
            .unique(["name"])
            .merging(extra.merges(0))
            .unique(["rank"])
            .merging(extra.merges(1));
        let t = t.check(compare(Binary::LessOrEqual, Column(2), Literal(Value::Integer(4)))).done();
        let by_column = rules[0].tracking == Tracking::Column;
        rules[0].apply(if by_column { t.unit(["rank", "size"]) } else { t })
    };
    let item = |t: TableBuilder| {
        let t = t.column("kind", Type::Text).default("A").column("rank", Type::Integer);
        let t = t
            .column("note", Type::Text)
            .check(compare(Binary::NotEqual, Column(0), Column(2)))
            .unique(["rank", "kind"])
            .merging(extra.merges(2));
        let t = t.foreign_key(["kind"], "kind", ["name"]).on_delete(actions.delete).on_update(actions.update);
        rules[1].apply(t)
    };
    let below = |t: TableBuilder| {
        let t = t.column("rank", Type::Integer).column("kind", Type::Text).column("note", Type::Integer);
        let t = t.foreign_key(["rank", "kind"], "item", ["rank", "kind"]).on_delete(actions.delete);
        extra.apply(rules[2].apply(t), 2)
    };
    Schema::builder().table("kind", kind).table("item", item).table("below", below)
}

/// Counters, sets, maxima and minima: in a table that others refer to, and in one that refers.
fn combined(random: &mut Random, extra: Extra) -> SchemaBuilder {
    let (identity, rules, actions) = (identity(random), Rules::some(random), Actions::some(random));
    let by_column = |rules: Rules| Rules { tracking: Tracking::Column, ..rules };
    let page = |t: TableBuilder| {
        let t = t.column("name", Type::Text).collate(Collation::NoCase).column("hits", Type::Integer);
        let t = t.column("high", Type::Integer).column("low", Type::Integer).default(4);
        let t = t
            .column("tags", Type::Json)
            .column("note", Type::Integer)
            .primary_key(["name"])
            .merging(extra.merges_unless_named(0, identity));
        let t = t.combine("hits", ColumnRule::Sum).combine("high", ColumnRule::Max).identity(identity);
        by_column(rules[0]).apply(t.combine("low", ColumnRule::Min).combine("tags", ColumnRule::Union))
    };
    let stock = |t: TableBuilder| {
        let t =
            t.column("page", Type::Text).column("left", Type::Integer).default(2).column("seen", Type::Json);
        let t = t
            .unique(["page"])
            .merging(extra.merges(1))
            .foreign_key(["page"], "page", ["name"])
            .on_delete(actions.delete);
        let t = t.check(compare(Binary::GreaterOrEqual, Column(1), Literal(Value::Integer(0)))).done();
        let t = t.combine("left", ColumnRule::Sum).combine("seen", ColumnRule::Union);
        by_column(rules[1]).apply(t)
    };
    let plain = |t: TableBuilder| {
        let t = t
            .column("number", Type::Integer)
            .column("note", Type::Integer)
            .primary_key(["number"])
            .merging(extra.merges(2));
        extra.apply(rules[2].apply(t), 1)
    };
    Schema::builder().table("page", page).table("stock", stock).table("plain", plain)
}

/// What names the rows of a table. It takes no number of the others' series.
fn identity(random: &Random) -> Identity {
    if random.clone().next() % 10 < 4 { Identity::Natural } else { Identity::Random }
}

/// How a table settles conflicts.
#[derive(Clone, Copy)]
struct Rules {
    tracking: Tracking,
    winner: WinnerRule,
    deletes: DeleteRule,
}

impl Rules {
    fn some(random: &mut Random) -> [Rules; 3] {
        [(); 3].map(|()| Rules {
            tracking: if random.chance(30) { Tracking::Row } else { Tracking::Column },
            winner: if random.chance(40) { WinnerRule::Priority } else { WinnerRule::Latest },
            deletes: [DeleteRule::DeleteWins, DeleteRule::UpdateWins, DeleteRule::LatestWins]
                [random.below(3)],
        })
    }

    fn apply<Last>(self, table: TableBuilder<Last>) -> TableBuilder {
        table.tracking(self.tracking).winner(self.winner).deletes(self.deletes)
    }
}

/// What a reference does when its parent goes or changes.
#[derive(Clone, Copy)]
struct Actions {
    delete: OnDelete,
    update: OnUpdate,
}

impl Actions {
    fn some(random: &mut Random) -> Actions {
        let updates =
            [OnUpdate::Default, OnUpdate::Default, OnUpdate::Cascade, OnUpdate::SetNull, OnUpdate::Restrict];
        Actions {
            delete: [OnDelete::Restrict, OnDelete::Cascade, OnDelete::SetNull][random.below(3)],
            update: updates[random.below(updates.len())],
        }
    }
}

fn compare(operator: Binary, left: Expression, right: Expression) -> Expression {
    Expression::Binary(operator, Box::new(left), Box::new(right))
}

/// `color <> 5 OR serial > 2`
fn color_rule() -> Expression {
    let five = compare(Binary::NotEqual, Column(2), Literal(Value::Integer(5)));
    compare(Binary::Or, five, compare(Binary::Greater, Column(0), Literal(Value::Integer(2))))
}
