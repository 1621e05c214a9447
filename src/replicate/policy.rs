//! Which policy a session follows, by table and by class of conflict. What a policy does is in `decide`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::handler::ConflictHandler;
use super::reviewer::Reviewer;
use crate::db::{ConflictRow, Reason};

/// What a session does about the conflicts that it brings. The *source* is the replica that gives, the
/// *destination* the one that takes and decides: in a session both ways, the second one.
///
/// Every outcome is a write that settles the conflict on top of what all replicas derive alike. It replicates,
/// so policies of different replicas may differ and everything still comes to rest: each replica decides a
/// conflict at most once, and none decides between two decisions.
#[derive(Clone, Debug, Default)]
pub enum Policy {
    /// Nothing: the rules of the table hold, and conflicts stay listed.
    #[default]
    Automatic,
    /// What the source has, holds.
    SourceWins,
    /// What the destination has, holds.
    DestinationWins,
    /// Rows that clash become one. Other conflicts stay listed.
    Merge,
    /// Of rows that clash, that of the source gets another key. Other conflicts stay listed.
    RenameSource,
    /// Of rows that clash, that of the destination gets another key. Other conflicts stay listed.
    RenameDestination,
    /// Conflicts stay listed for people; no policy of this replica will decide them later.
    Skip,
    /// Conflicts stay listed, and the next session that has a policy decides.
    Defer,
    /// A program decides, one conflict at a time.
    Handler(Arc<dyn ConflictHandler>),
}

impl fmt::Debug for dyn Reviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reviewer")
    }
}

impl fmt::Debug for dyn ConflictHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a handler")
    }
}

impl Policy {
    /// The policy with this name, of those that need no program.
    ///
    /// ```
    /// use reunite::replicate::Policy;
    /// assert!(matches!(Policy::called("source-wins"), Some(Policy::SourceWins)));
    /// assert!(Policy::called("coin").is_none());
    /// ```
    #[must_use]
    pub fn called(name: &str) -> Option<Policy> {
        Some(match name {
            "automatic" => Policy::Automatic,
            "source-wins" => Policy::SourceWins,
            "destination-wins" => Policy::DestinationWins,
            "merge" => Policy::Merge,
            "rename-source" => Policy::RenameSource,
            "rename-destination" => Policy::RenameDestination,
            "skip" => Policy::Skip,
            "defer" => Policy::Defer,
            _ => return None,
        })
    }

    /// The names that [`Policy::called`] knows.
    pub const NAMES: [&str; 8] = [
        "automatic",
        "source-wins",
        "destination-wins",
        "merge",
        "rename-source",
        "rename-destination",
        "skip",
        "defer",
    ];
}

/// The policies of one session. They are not part of the schema and do not replicate: each replica, and each of
/// its sessions, has its own.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// use reunite::replicate::{Options, Policies, Policy, sync_with};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// let policies = Policies::new(Policy::SourceWins).table("customer", Policy::RenameSource);
/// let summary = sync_with(&a, &b, Options { policies, ..Options::default() })?;
/// assert_eq!(summary.decisions.made, 1);
/// assert_eq!(a.read()?.table("customer")?.len()?, 2); // both are there, on both
/// assert!(b.read()?.conflicts()?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policies {
    default: Policy,
    collisions: Option<Policy>,
    tables: BTreeMap<String, Policy>,
    reviewer: Option<Arc<dyn Reviewer>>,
}

impl Policies {
    /// The policies that these words say: one for everything, and others as `collisions=merge` or
    /// `customer=source-wins`.
    ///
    /// ```
    /// use reunite::replicate::Policies;
    /// assert!(Policies::spelled(["source-wins", "collisions=merge", "note=skip"]).is_ok());
    /// assert!(Policies::spelled(["coin"]).is_err());
    /// ```
    ///
    /// # Errors
    /// Which word names no policy.
    pub fn spelled<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Policies, String> {
        let mut policies = Policies::default();
        for word in words {
            let (what, name) = word.split_once('=').unwrap_or(("", word));
            let none = || format!("there is no policy `{name}`; they are {}", Policy::NAMES.join(", "));
            let policy = Policy::called(name).ok_or_else(none)?;
            policies = match what {
                "" => Policies { default: policy, ..policies },
                "collisions" => policies.collisions(policy),
                table => policies.table(table, policy),
            };
        }
        Ok(policies)
    }

    /// One policy for everything.
    #[must_use]
    pub fn new(policy: Policy) -> Policies {
        Policies { default: policy, ..Policies::default() }
    }

    /// Another one for clashes of keys, in all tables that have none of their own.
    #[must_use]
    pub fn collisions(mut self, policy: Policy) -> Policies {
        self.collisions = Some(policy);
        self
    }

    /// Another one for a table.
    #[must_use]
    pub fn table(mut self, table: impl Into<String>, policy: Policy) -> Policies {
        self.tables.insert(table.into().to_ascii_lowercase(), policy);
        self
    }

    /// Who says which of the rows that sessions bring are accepted. Unless given, all are, and nothing is noted.
    ///
    /// See [`OpenReview`](crate::db::OpenReview) for an example.
    #[must_use]
    pub fn reviewed_by(mut self, reviewer: Arc<dyn Reviewer>) -> Policies {
        self.reviewer = Some(reviewer);
        self
    }

    pub(super) const fn reviewer(&self) -> Option<&Arc<dyn Reviewer>> {
        self.reviewer.as_ref()
    }

    /// Whether no conflict is to be decided.
    pub(super) fn is_automatic(&self) -> bool {
        let all = self.tables.values().chain(&self.collisions).chain([&self.default]);
        all.into_iter().all(|policy| matches!(policy, Policy::Automatic))
    }

    /// Whether a session has nothing to note or to ask: no policy decides, and all rows are accepted.
    pub(super) fn asks_nobody(&self) -> bool {
        self.is_automatic() && self.reviewer.is_none()
    }

    /// The policy for a conflict: that of its table, else that of its class, else the one for everything.
    pub(super) fn of(&self, conflict: &ConflictRow) -> &Policy {
        let own = self.tables.get(&conflict.table.to_ascii_lowercase());
        let class = self.collisions.as_ref().filter(|_| conflict.reason == Reason::Collision);
        own.or(class).unwrap_or(&self.default)
    }
}
