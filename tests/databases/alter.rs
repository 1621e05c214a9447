//! Changes of the schema: on the database by its public face, on the model by deriving under the new one.

use reunite::db::AlterError;

use super::World;
use crate::model::{self, forget_closed};
use crate::world::explain;
use crate::world::story::{Failure, ensure};

impl World<'_> {
    /// Changes the schema of a replica, which takes the design master's role for that; whether it could be done.
    /// No fact changes by it.
    pub fn alter(&mut self, i: usize, sql: &str) -> Result<bool, Failure> {
        let pair = &mut self.pairs[i];
        let failed = |error: AlterError| Failure(format!("the schema cannot be changed: {error}"));
        pair.db.take_over_design().map_err(failed)?;
        let done = pair.db.alter(sql);
        self.story.note(|| format!("{i}: {sql} -> {done:?}"));
        match done {
            Ok(()) => {}
            Err(AlterError::Sql(_)) => return Ok(false),
            Err(error) => return Err(failed(error)),
        }
        ensure(pair.schema != pair.db.schema(), || format!("{sql} did nothing"))?;
        pair.schema = pair.db.schema();
        let after = model::derive(&pair.schema, &pair.model.facts, |_| {});
        forget_closed(&mut pair.model, &pair.view, &after);
        pair.view = after;
        self.story.note(|| explain::view(&pair.schema, &pair.view));
        self.check(i)?;
        Ok(true)
    }
}
