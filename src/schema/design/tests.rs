//! Tests of designs: what amendments do, and that neither the order in which they come nor the replica
//! matters.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Amendment, Design, DesignError, Notice};
use crate::ids::{Dot, ReplicaId};
use crate::schema::Schema;
use crate::version::Hlc;

const FIRST: &str = "CREATE TABLE customer (code TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT);
                     CREATE TABLE orders (number INTEGER PRIMARY KEY, customer TEXT, lo INTEGER, hi INTEGER);";

fn replica(number: u8) -> ReplicaId {
    ReplicaId::from_bytes([number; 16])
}

fn design() -> Design {
    Design::new(Arc::new(Schema::from_sql(FIRST).unwrap()))
}

/// A replica changes the schema; its time is the last one it knows, and a little.
fn alter(design: &mut Design, author: u8, sql: &str) -> Amendment {
    alter_at(design, author, design.last_time().0 + 1, sql)
}

fn alter_at(design: &mut Design, author: u8, time: u64, sql: &str) -> Amendment {
    let amendment = design.alter(sql, replica(author), Hlc(time)).unwrap_or_else(|error| panic!("{error}"));
    design.join([amendment.clone()]).unwrap();
    amendment
}

fn schema(design: &Design) -> Schema {
    design.fold().0
}

fn sql(design: &Design) -> String {
    schema(design).to_sql()
}

fn table_sql(design: &Design, table: &str) -> String {
    let sql = sql(design);
    let statement = sql.split_inclusive(";\n").find(|sql| sql.starts_with(&format!("CREATE TABLE {table} ")));
    statement.unwrap_or_default().to_owned()
}

#[test]
fn each_statement_does_what_it_says() {
    let mut design = design();
    let mut done = String::new();
    for statement in [
        "ALTER TABLE customer ADD COLUMN email TEXT COLLATE NOCASE DEFAULT 'none' UNIQUE",
        "ALTER TABLE customer ADD zip TEXT NOT NULL DEFAULT '' CHECK (length(zip) < 6)",
        "ALTER TABLE customer RENAME COLUMN phone TO telephone",
        "ALTER TABLE customer RENAME name TO full_name",
        "ALTER TABLE customer DROP COLUMN telephone",
        "ALTER TABLE customer RENAME CONSTRAINT customer_email_key TO one_email",
        "ALTER TABLE customer RENAME TO client",
        "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES client ON DELETE CASCADE",
        "ALTER TABLE orders ADD CONSTRAINT in_order CHECK (lo <= hi)",
        "ALTER TABLE orders SET (deletes = 'update wins', winner = 'priority')",
        "CREATE INDEX by_customer ON orders (customer)",
        "CREATE UNIQUE INDEX by_bounds ON orders (lo, hi)",
        "CREATE TABLE line (number INTEGER REFERENCES orders, item TEXT, PRIMARY KEY (number, item)) \
         WITH (match_key = 'number')",
    ] {
        alter(&mut design, 1, statement);
    }
    done.push_str(&sql(&design));
    let expected = "\
CREATE TABLE client (
  code TEXT,
  full_name TEXT NOT NULL,
  email TEXT COLLATE NOCASE DEFAULT 'none',
  zip TEXT NOT NULL DEFAULT '',
  CONSTRAINT customer_pkey PRIMARY KEY (code),
  CONSTRAINT one_email UNIQUE (email),
  CONSTRAINT customer_zip_check CHECK (length(zip) < 6)
);
CREATE TABLE orders (
  number INTEGER,
  customer TEXT,
  lo INTEGER,
  hi INTEGER,
  PRIMARY KEY (number),
  CONSTRAINT by_bounds UNIQUE (lo, hi),
  FOREIGN KEY (customer) REFERENCES client (code) ON DELETE CASCADE,
  CONSTRAINT in_order CHECK (lo <= hi)
) WITH (winner = 'priority', deletes = 'update wins');
CREATE INDEX by_customer ON orders (customer);
CREATE TABLE line (
  number INTEGER,
  item TEXT,
  PRIMARY KEY (number, item),
  FOREIGN KEY (number) REFERENCES orders (number)
) WITH (match_key = 'number');
";
    assert_eq!(done, expected);
    // Constraints that came later do not join columns that were versioned apart.
    let schema = schema(&design);
    let orders = schema.table("orders").unwrap();
    assert_eq!(orders.units.len(), orders.columns.len());
    assert_eq!(schema.table("line").unwrap().units.len(), 1);
    for statement in [
        "DROP INDEX by_customer",
        "DROP INDEX by_bounds",
        "ALTER TABLE orders DROP CONSTRAINT in_order",
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey; DROP TABLE client",
        "DROP TABLE line",
    ] {
        alter(&mut design, 1, statement);
    }
    assert_eq!(
        sql(&design),
        "CREATE TABLE orders (\n  number INTEGER,\n  customer TEXT,\n  lo INTEGER,\n  hi INTEGER,\n  \
         PRIMARY KEY (number)\n) WITH (winner = 'priority', deletes = 'update wins');\n"
    );
    assert_eq!(design.fold().1, []);
}

#[test]
fn what_a_master_cannot_do_is_refused_with_its_place() {
    let mut design = design();
    alter(&mut design, 1, "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customer");
    let mut answers = String::new();
    for statement in [
        "",
        "SELECT 1",
        "ALTER TABLE nowhere ADD COLUMN a TEXT",
        "ALTER TABLE customer ADD COLUMN phone TEXT",
        "ALTER TABLE customer ADD COLUMN fax TEXT NOT NULL",
        "ALTER TABLE customer ADD UNIQUE (fax)",
        "ALTER TABLE customer ADD UNIQUE (code)",
        "ALTER TABLE customer ADD PRIMARY KEY (phone)",
        "ALTER TABLE customer DROP COLUMN fax",
        "ALTER TABLE customer DROP COLUMN code",
        "ALTER TABLE orders DROP COLUMN customer",
        "ALTER TABLE customer DROP CONSTRAINT customer_pkey",
        "ALTER TABLE customer DROP CONSTRAINT nowhere",
        "ALTER TABLE customer RENAME TO orders",
        "ALTER TABLE customer RENAME COLUMN code TO name",
        "ALTER TABLE customer RENAME TO \"\"",
        "ALTER TABLE customer SET (tracking = 'row')",
        "ALTER TABLE customer ADD CHECK (phone > 1)",
        "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customer",
        "ALTER TABLE orders ADD UNIQUE (lo, hi); CREATE TABLE pair (a INTEGER, b INTEGER);\n\
         ALTER TABLE pair ADD FOREIGN KEY (a, b) REFERENCES orders (lo, hi)",
        "DROP TABLE customer",
        "DROP INDEX nowhere",
        "ALTER TABLE customer DROP COLUMN phone; DROP TABLE customer",
    ] {
        let error = design.alter(statement, replica(1), Hlc(9)).map(|_| ()).unwrap_err();
        answers.push_str(&format!("{error}\n"));
    }
    let expected = "\
line 1, column 1: expected a statement that changes the schema, found the end
line 1, column 1: expected ALTER TABLE, CREATE TABLE, CREATE INDEX, CREATE UNIQUE INDEX, DROP TABLE or DROP INDEX, found SELECT
line 1, column 13: there is no table \"nowhere\"
line 1, column 33: the column name \"phone\" is taken in table \"customer\": choose another
line 1, column 33: column \"fax\" is added to table \"customer\", whose rows have no value for it: give it a DEFAULT, or let it be null
line 1, column 34: table \"customer\" has no column \"fax\"
line 1, column 26: table \"customer\" has two unique keys over (code): drop one
line 1, column 26: table \"customer\" has two primary keys: make one of them UNIQUE
line 1, column 34: table \"customer\" has no column \"fax\"
line 1, column 1: constraint \"customer_pkey\" of table \"customer\" needs it: drop that first
line 1, column 1: constraint \"orders_customer_fkey\" of table \"orders\" needs it: drop that first
line 1, column 1: constraint \"orders_customer_fkey\" of table \"orders\" needs it: drop that first
line 1, column 38: table \"customer\" has no constraint \"nowhere\"
line 1, column 1: the table name \"orders\" is taken: choose another
line 1, column 1: the column name \"name\" is taken: choose another
line 1, column 1: table name \"\" is empty: name it
line 1, column 27: option tracking cannot be changed: here there is winner and deletes
";
    let shown: String = answers.split_inclusive('\n').take(expected.lines().count()).collect();
    assert_eq!(shown, expected);
    let rest: Vec<&str> = answers.lines().skip(expected.lines().count()).collect();
    assert!(rest[0].contains("check of table \"customer\""), "{}", rest[0]);
    assert!(rest[1].contains("shares column \"customer\""), "{}", rest[1]);
    assert!(rest[2].starts_with("line 2, column 1: foreign key (a, b) of table \"pair\""), "{}", rest[2]);
    assert!(rest[3].contains("needs it: drop that first"), "{}", rest[3]);
    assert_eq!(rest[4], "line 1, column 12: there is no index \"nowhere\"");
    assert!(rest[5].starts_with("line 1, column 41:"), "{}", rest[5]);
}

#[test]
fn two_masters_are_joined_alike_everywhere() {
    let mut a = design();
    let mut b = a.clone();
    let mut of_a = vec![alter_at(
        &mut a,
        1,
        10,
        "ALTER TABLE customer ADD COLUMN fax TEXT; CREATE TABLE tag (name TEXT)",
    )];
    of_a.push(alter_at(&mut a, 1, 11, "ALTER TABLE orders ADD CONSTRAINT low CHECK (lo > 0)"));
    let mut of_b = vec![alter_at(
        &mut b,
        2,
        12,
        "ALTER TABLE customer ADD COLUMN fax INTEGER; CREATE TABLE tag (id INTEGER)",
    )];
    of_b.push(alter_at(&mut b, 2, 13, "ALTER TABLE orders ADD CONSTRAINT positive CHECK (lo > 0)"));
    of_b.push(alter_at(&mut b, 2, 14, "ALTER TABLE orders DROP COLUMN hi"));
    a.join(of_b).unwrap();
    b.join(of_a).unwrap();
    assert_eq!(a.digest(), b.digest());
    assert_eq!(a.fold(), b.fold());
    assert_eq!(
        table_sql(&a, "customer"),
        "CREATE TABLE customer (\n  code TEXT,\n  name TEXT NOT NULL,\n  phone TEXT,\n  fax TEXT,\n  \
         fax_2 INTEGER,\n  PRIMARY KEY (code)\n);\n"
    );
    // The checks say the same and count once; dropping the second drops it.
    assert_eq!(schema(&a).table("orders").unwrap().checks.len(), 1);
    assert!(table_sql(&a, "tag_2").contains("id INTEGER"));
    let notices = a.fold().1;
    assert!(matches!(notices[0], Notice::TwoMasters { .. }), "{notices:?}");
    assert_eq!(notices.len(), 3, "{notices:?}");
    // Who has seen all of it, and goes on, has taken notice.
    alter(&mut a, 2, "ALTER TABLE orders DROP CONSTRAINT low");
    assert_eq!(schema(&a).table("orders").unwrap().checks.len(), 0);
    assert_eq!(a.fold().1, []);
}

#[test]
fn what_needs_something_that_is_gone_goes_along() {
    let mut a = design();
    let mut b = a.clone();
    let of_a = alter_at(&mut a, 1, 10, "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customer");
    let of_b = alter_at(&mut b, 2, 20, "DROP TABLE customer; ALTER TABLE orders DROP COLUMN customer");
    b.join([of_a]).unwrap();
    a.join([of_b]).unwrap();
    assert_eq!(a.fold(), b.fold());
    assert_eq!(schema(&a).dropped_tables().len(), 1);
    assert!(a.fold().1.iter().any(|notice| matches!(notice, Notice::Dropped { .. })));
    let mut late = design();
    let late = alter_at(&mut late, 3, 30, "ALTER TABLE customer ADD CHECK (length(phone) > 2)");
    a.join([late]).unwrap();
    assert!(a.fold().1.iter().any(|notice| matches!(notice, Notice::Skipped { .. })));
}

#[test]
fn a_dropped_primary_key_lets_its_columns_be_null_again() {
    let mut design =
        Design::new(Arc::new(Schema::from_sql("CREATE TABLE t (a INTEGER, b INTEGER NOT NULL)").unwrap()));
    let before = schema(&design);
    alter(&mut design, 1, "ALTER TABLE t ADD PRIMARY KEY (a, b)");
    assert!(!schema(&design).table("t").unwrap().columns[0].nullable);
    alter(&mut design, 1, "ALTER TABLE t DROP CONSTRAINT t_pkey");
    assert_eq!(schema(&design), before);
}

#[test]
fn impossible_amendments_are_refused_whole() {
    let mut design = design();
    let good = alter(&mut design, 1, "ALTER TABLE customer ADD COLUMN fax TEXT");
    let before = design.digest();
    let next = design.alter("CREATE TABLE t (a TEXT)", replica(1), Hlc(9)).unwrap();
    let gap = Amendment { id: Dot { seq: 3, ..next.id }, ..next.clone() };
    let early = Amendment { time: good.time, ..next.clone() };
    let term = Amendment { term: 1, ..next.clone() };
    let twice = Amendment { operations: good.operations.clone(), ..next.clone() };
    let other = Amendment { operations: next.operations.clone(), ..good };
    for (amendment, forked) in [(gap, false), (early, false), (term, false), (twice, false), (other, true)] {
        let error = design.join([amendment]).unwrap_err();
        assert_eq!(matches!(error, DesignError::Forked { .. }), forked, "{error}");
    }
    assert_eq!(design.digest(), before);
    let text = next.to_text().unwrap();
    assert_eq!(Amendment::from_text(&text).unwrap(), next);
    assert!(Amendment::from_text(&text.replace("\"term\":0", "\"term\": 0")).is_err());
    assert!(Amendment::from_text(&text.replace("\"term\":0", "\"trem\":0")).is_err());
}

#[test]
fn the_mastership_is_handed_over_and_taken() {
    let mut a = design();
    let creator = replica(1);
    assert!(a.check_master(replica(1), creator).is_ok());
    assert_eq!(a.check_master(replica(2), creator), Err(DesignError::NotMaster { master: creator }));
    let handed = a.hand_over(replica(2), replica(1), Hlc(5));
    a.join([handed]).unwrap();
    assert!(a.check_master(replica(2), creator).is_ok());
    let mut b = a.clone();
    let taken = b.hand_over(replica(3), replica(3), Hlc(6));
    b.join([taken.clone()]).unwrap();
    alter_at(&mut a, 2, 7, "CREATE TABLE t (a TEXT)");
    a.join([taken]).unwrap();
    assert_eq!(a.master().map(|master| (master.term, master.replica)), Some((2, replica(3))));
    assert!(matches!(a.fold().1[..], [Notice::TwoMasters { .. }]));
}

/// Statements of which some fit, whatever the others did.
const STATEMENTS: [&str; 12] = [
    "ALTER TABLE customer ADD COLUMN fax TEXT",
    "ALTER TABLE customer ADD COLUMN fax INTEGER DEFAULT 3",
    "ALTER TABLE customer DROP COLUMN phone",
    "ALTER TABLE customer ADD UNIQUE (phone)",
    "ALTER TABLE customer DROP CONSTRAINT customer_phone_key",
    "ALTER TABLE customer RENAME phone TO telephone",
    "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customer",
    "ALTER TABLE orders ADD CHECK (lo <= hi)",
    "ALTER TABLE orders SET (winner = 'priority')",
    "CREATE TABLE tag (name TEXT PRIMARY KEY)",
    "DROP TABLE customer",
    "CREATE INDEX by_lo ON orders (lo)",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Three masters do what they like and sometimes hear of each other: at the end all have one schema,
    /// and whoever is told all of it in another order has it too.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        steps in prop::collection::vec((0_u8..3, 0_usize..12, 0_u64..20, any::<bool>()), 1..20),
        order in prop::collection::vec(any::<prop::sample::Index>(), 20),
    ) {
        let mut masters = [design(), design(), design()];
        for (author, statement, skew, hears) in steps {
            let at = usize::from(author);
            if hears {
                let other: Vec<Amendment> = masters[(at + 1) % 3].amendments().map(|a| (**a).clone()).collect();
                masters[at].join(other).unwrap();
            }
            let time = Hlc(masters[at].last_time().0 + 1 + skew);
            if let Ok(amendment) = masters[at].alter(STATEMENTS[statement], replica(author + 1), time) {
                masters[at].join([amendment]).unwrap();
            }
        }
        let mut all = masters[0].clone();
        for other in &masters[1..] {
            all.join(other.amendments().map(|amendment| (**amendment).clone())).unwrap();
        }
        // Any order that an author's knowledge allows.
        let mut waiting: Vec<Amendment> = all.amendments().map(|amendment| (**amendment).clone()).collect();
        let mut told = design();
        for pick in order {
            let ready: Vec<usize> = (0..waiting.len()).filter(|at| told.known().includes(&waiting[*at].seen)).collect();
            if !ready.is_empty() {
                told.join([waiting.remove(ready[pick.index(ready.len())])]).unwrap();
            }
        }
        told.join(waiting).unwrap();
        prop_assert_eq!(told.digest(), all.digest());
        prop_assert_eq!(told.fold(), all.fold());
        let again = all.amendments().map(|amendment| Amendment::from_text(&amendment.to_text().unwrap()).unwrap());
        prop_assert_eq!(all.clone().join(again), Ok(false));
    }
}

/// Replicas whose tables of Unicode differ must not take each other's schema for their own, also if only a change
/// of it made texts be compared by these tables.
#[test]
fn another_version_of_unicode_is_another_design() {
    let differs = |collation: &str| {
        let initial = Schema::from_sql("CREATE TABLE word (text TEXT COLLATE NOCASE PRIMARY KEY)").unwrap();
        let mut design = Design::new(Arc::new(initial));
        let sql = format!("ALTER TABLE word ADD COLUMN other TEXT COLLATE {collation}");
        alter_at(&mut design, 1, 1, &sql);
        assert_eq!(design.digest(), design.digest_under(crate::value::Collation::UNICODE_VERSION));
        design.digest() != design.digest_under("17.0.0")
    };
    assert!(differs("UNICODE_NOCASE"));
    assert!(!differs("NOCASE") && !differs("BINARY"));
}
