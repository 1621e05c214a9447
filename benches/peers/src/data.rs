//! The rows that everyone works on: the same on every run, about 220 bytes each.

use uuid::{Builder, Uuid};

/// A row of `contacts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub id: Uuid,
    pub name: String,
    pub email: String,
    pub phone: String,
    pub zip: String,
    pub note: String,
}

/// A row of `orders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub number: i64,
    pub contact: Uuid,
}

/// A column that workloads change. None of them is in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Name,
    Phone,
    Zip,
    Note,
}

impl Column {
    pub const ALL: [Column; 4] = [Column::Name, Column::Phone, Column::Zip, Column::Note];

    pub const fn name(self) -> &'static str {
        match self {
            Column::Name => "name",
            Column::Phone => "phone",
            Column::Zip => "zip",
            Column::Note => "note",
        }
    }
}

/// A change of one column of one contact.
#[derive(Clone, Debug)]
pub struct Change {
    pub id: Uuid,
    pub column: Column,
    pub value: String,
}

/// A pseudorandom sequence (`SplitMix64`): the same everywhere.
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or(0)
    }

    fn text(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz ,.-'e";
        let mut bits = 0;
        let letter = |i: usize| {
            if i.is_multiple_of(12) {
                bits = self.next();
            }
            let letter = LETTERS[usize::try_from(bits & 31).unwrap_or(0)];
            bits >>= 5;
            char::from(letter)
        };
        (0..length).map(letter).collect()
    }
}

/// The contact with this number. Ids ascend, as those of UUIDs of version 7 do; e-mail addresses do not.
pub fn contact(number: usize) -> Contact {
    let mut random = Random::new(number as u64 ^ 0x5EED_0000_0000);
    let mut entropy = [0; 10];
    entropy[..8].copy_from_slice(&random.next().to_le_bytes());
    let millis = 1_700_000_000_000 + number as u64;
    let email = format!("{:016x}.{}@example.org", random.next(), number % 7);
    Contact {
        id: Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid(),
        name: random.text(15),
        email,
        phone: format!("+49 {:011}", random.next() % 100_000_000_000),
        zip: format!("{:05}", random.next() % 100_000),
        note: random.text(120),
    }
}

/// The order with this number, of one of the first contacts.
pub fn order(number: usize, contacts: usize) -> Order {
    let contact = contact(Random::new(number as u64 ^ 0x0DE5).below(contacts)).id;
    Order { number: i64::try_from(number).unwrap_or(i64::MAX), contact }
}

/// Changes of random columns of random contacts.
pub fn changes(seed: u64, count: usize, rows: usize) -> Vec<Change> {
    let mut random = Random::new(seed);
    let mut change = || {
        let id = contact(random.below(rows)).id;
        let column = Column::ALL[random.below(Column::ALL.len())];
        Change { id, column, value: value(&mut random, column) }
    };
    (0..count).map(|_| change()).collect()
}

/// A value that fits a column.
pub fn value(random: &mut Random, column: Column) -> String {
    random.text(match column {
        Column::Name | Column::Phone => 15,
        Column::Zip => 5,
        Column::Note => 120,
    })
}
