//! What a script calls its replicas and rows.

use std::collections::BTreeMap;

use crate::ids::{ReplicaId, RowId};
use crate::inspect::Names;
use crate::row::Version;

/// The names that a script gave so far.
#[derive(Clone, Debug, Default)]
pub(super) struct ScriptNames {
    replicas: BTreeMap<ReplicaId, String>,
    /// By table and name: the same name may be given in several tables.
    rows: BTreeMap<(String, String), RowId>,
    names: BTreeMap<RowId, String>,
    versions: BTreeMap<String, Version>,
}

impl ScriptNames {
    pub(super) fn name_replica(&mut self, replica: ReplicaId, name: &str) {
        self.replicas.insert(replica, name.to_owned());
    }

    /// Gives a row its name; the row that had it has none from then on.
    pub(super) fn name_row(&mut self, table: &str, name: &str, row: RowId) {
        let old = self.rows.insert((table.to_ascii_lowercase(), name.to_owned()), row);
        if let Some(old) = old {
            self.names.remove(&old);
        }
        self.names.insert(row, name.to_owned());
    }

    /// Takes back the names of rows that do not exist.
    pub(super) fn forget(&mut self, rows: &[RowId]) {
        self.rows.retain(|_, row| !rows.contains(row));
        self.names.retain(|row, _| !rows.contains(row));
    }

    pub(super) fn name_version(&mut self, name: &str, version: Version) {
        self.versions.insert(name.to_owned(), version);
    }

    pub(super) fn version_called(&self, name: &str) -> Option<&Version> {
        self.versions.get(name)
    }

    pub(super) fn row_called(&self, table: &str, name: &str) -> Option<RowId> {
        self.rows.get(&(table.to_ascii_lowercase(), name.to_owned())).copied()
    }

    /// The text with names in the place of ids.
    pub(super) fn put_into(&self, mut text: String) -> String {
        for (row, name) in &self.names {
            let id = row.to_string();
            if text.contains(&id) {
                text = text.replace(&id, name);
            }
        }
        for (replica, name) in &self.replicas {
            text = text.replace(&replica.to_string(), name);
        }
        text
    }
}

impl Names for ScriptNames {
    fn replica(&self, replica: ReplicaId) -> String {
        self.replicas.get(&replica).cloned().unwrap_or_else(|| replica.to_string())
    }

    fn row(&self, row: RowId) -> String {
        self.names.get(&row).cloned().unwrap_or_else(|| row.to_string())
    }
}
