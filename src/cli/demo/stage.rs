//! How the demo speaks: numbered acts, plain sentences, small tables; as JSON one object for each.

use serde_json::json;

use super::world::{Called, World};
use crate::cli::grid::{Grid, cell};
use crate::cli::listing;
use crate::cli::output::{Output, count};
use crate::db::ConflictRow;
use crate::ids::ConflictId;

/// The widest cell of a row.
const WIDTH: usize = 26;

/// Where the demo is played.
pub(super) struct Stage<'a, 'o> {
    output: &'a mut Output<'o>,
    world: &'a World,
    acts: u64,
}

impl<'a, 'o> Stage<'a, 'o> {
    pub(super) fn new(output: &'a mut Output<'o>, world: &'a World) -> Stage<'a, 'o> {
        Stage { output, world, acts: 0 }
    }

    /// The next act begins.
    pub(super) fn act(&mut self, title: &str) -> anyhow::Result<()> {
        self.acts += 1;
        let space = if self.acts == 1 { "" } else { "\n" };
        let text = format!("{space}{}. {title}\n", self.acts);
        Ok(self.output.either(json!({ "act": self.acts, "title": title }), text)?)
    }

    /// A sentence.
    pub(super) fn say(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.output.either(json!({ "text": text.trim() }), text)?)
    }

    /// What a replica did.
    pub(super) fn did(&mut self, replica: &str, what: &str) -> anyhow::Result<()> {
        Ok(self
            .output
            .either(json!({ "replica": replica, "did": what }), format!("  {replica:<8}  {what}"))?)
    }

    /// Two replicas sync.
    pub(super) fn sync(&mut self, first: &str, second: &str) -> anyhow::Result<()> {
        let summary = self.world.sync(first, second)?;
        let (to_first, to_second) = (summary.first.received.rows, summary.second.received.rows);
        let report = json!({
            "sync": [first, second], "to_first": to_first, "to_second": to_second, "bytes": summary.bytes,
        });
        let ways = [(to_second, second), (to_first, first)].into_iter().filter(|(rows, _)| *rows > 0);
        let moved: Vec<String> =
            ways.map(|(rows, to)| format!("{} to the {to}", count(rows, "row"))).collect();
        let moved = if moved.is_empty() { "nothing new".to_string() } else { moved.join(", ") };
        Ok(self.output.either(report, format!("  sync      {first} and {second}: {moved}"))?)
    }

    /// Some rows of a table, which are the same everywhere.
    pub(super) fn rows(&mut self, table: &str, keys: &[&str], columns: &[&str]) -> anyhow::Result<()> {
        let mut grid = Grid::new([table].iter().chain(columns).copied());
        for key in keys {
            let row = self.world.row("van", table, key)?;
            if self.output.is_json() {
                let row = row.map(|row| row.to_json());
                self.output.object(&json!({ "table": table, "key": key, "row": row }))?;
                continue;
            }
            let mut cells = vec![(*key).to_string()];
            match &row {
                Some(row) => {
                    let values = columns.iter().filter_map(|column| row.get(column));
                    cells.extend(values.map(|value| cell(value, WIDTH)));
                }
                None => cells.push("(not in the table)".to_string()),
            }
            grid.row(cells);
        }
        if !self.output.is_json() {
            self.output.line("")?;
            self.output.grid(&grid)?;
        }
        Ok(())
    }

    /// The conflict table of a replica.
    pub(super) fn conflicts(&mut self, replica: &str) -> anyhow::Result<()> {
        let conflicts = self.world.conflicts(replica)?;
        if self.output.is_json() {
            for conflict in &conflicts {
                let conflict = listing::json_of(conflict, &Called);
                self.output.object(&json!({ "replica": replica, "conflict": conflict }))?;
            }
            return Ok(());
        }
        let snapshot = self.world.replica(replica)?.read()?;
        self.output.line(format!("\n  conflicts at the {replica}"))?;
        self.output.grid(&listing::grid(&snapshot, &conflicts, &Called, false)?)?;
        Ok(())
    }

    /// What the kinds of these conflicts mean.
    pub(super) fn kinds(&mut self, conflicts: &[ConflictRow]) -> anyhow::Result<()> {
        for conflict in conflicts {
            let (kind, meaning) = (conflict.kind.name(), listing::explanation(conflict.kind));
            self.output
                .either(json!({ "kind": kind, "meaning": meaning }), format!("  {kind:<13}  {meaning}"))?;
        }
        Ok(())
    }
}

/// The beginning of a conflict's id, as `resolve` takes it.
pub(super) fn short(id: ConflictId) -> String {
    id.to_string().chars().take(8).collect()
}
