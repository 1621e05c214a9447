//! Commands that change the schema, and say who may.

use super::{Answer, World};
use crate::script::failure::Failure;

impl World {
    pub(super) fn alter(&mut self, replica: usize, sql: &str) -> Answer {
        self.not_amid_a_transaction(replica)?;
        self.replica(replica)?.db.alter(sql)?;
        Ok(String::new())
    }

    /// `master a -> b`: the role is handed over; `master! b`: it is taken.
    pub(super) fn master(&mut self, from: Option<usize>, to: usize) -> Answer {
        let heir = self.replica(to)?.id;
        let writer = from.unwrap_or(to);
        self.not_amid_a_transaction(writer)?;
        let db = &self.replica(writer)?.db;
        match from {
            Some(_) => db.hand_over_design(heir)?,
            None => db.take_over_design()?,
        }
        Ok(String::new())
    }

    /// Who is design master, and what two masters did at once.
    pub(super) fn design(&mut self, replica: usize) -> Answer {
        let design = self.replica(replica)?.db.design();
        let master = design.master.map_or_else(|| "nobody".to_owned(), |master| master.to_string());
        let mut answer = format!("design master: {master}, term {}\n", design.term);
        for notice in &design.notices {
            answer.push_str(&format!("notice: {notice}\n"));
        }
        Ok(self.names.put_into(answer))
    }

    /// The schema as SQL.
    pub(super) fn schema(&mut self, replica: usize) -> Answer {
        Ok(self.replica(replica)?.db.schema().to_sql())
    }

    fn not_amid_a_transaction(&mut self, replica: usize) -> Result<(), Failure> {
        let replica = self.replica(replica)?;
        if replica.transaction.is_none() {
            return Ok(());
        }
        let message = format!("{} has an open transaction: commit it or roll it back first", replica.name);
        Err(Failure::new("locked", message))
    }
}
