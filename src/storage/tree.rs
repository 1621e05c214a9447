//! A persistent ordered map: a B-tree whose nodes are shared between versions.
//!
//! Cloning a tree is one reference count. Changing a clone copies the nodes on the path to the
//! changed entry, and only those that another version still shares. It never rebalances upwards
//! beyond joining a small node with its neighbour: depth follows the greatest size it ever had.
//! What an entry without a value means is for the user of the tree to say.

use std::sync::Arc;

use super::Op;
use super::op::Sought;

/// Entries of a leaf, children of a branch; a node splits in two above this.
const CAPACITY: usize = 32;

/// A child, and an entry with a key that none of its keys is below. The first child's key is not looked at.
type Child = (Op, Arc<Node>);

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Op>),
    Branch(Vec<Child>),
}

/// One version of the map.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Arc<Node>,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { root: Arc::new(Node::Leaf(Vec::new())) }
    }
}

impl Tree {
    pub(super) fn get(&self, key: &[u8]) -> Option<&Op> {
        let (mut node, sought) = (&*self.root, Sought::new(key));
        loop {
            match node {
                Node::Leaf(entries) => {
                    let place = entries.binary_search_by(|entry| entry.order(sought)).ok()?;
                    return entries.get(place);
                }
                Node::Branch(children) => node = &children.get(child_of(children, sought))?.1,
            }
        }
    }

    /// Keeps an entry, in place of that which has its key.
    pub(super) fn insert(&mut self, entry: Op) {
        if let Some(right) = insert(Arc::make_mut(&mut self.root), entry) {
            let left = Arc::clone(&self.root);
            self.root = Arc::new(Node::Branch(vec![(Op::delete(&[]), left), right]));
        }
    }

    /// Removes the entry of a key.
    pub(super) fn remove(&mut self, key: &[u8]) {
        if self.get(key).is_none() {
            return; // Nothing is copied for a key that is absent.
        }
        remove(Arc::make_mut(&mut self.root), key);
        while let Node::Branch(children) = &*self.root
            && let [(_, only)] = children.as_slice()
        {
            self.root = Arc::clone(only);
        }
    }

    /// The entries with `start <= key < end`, ascending; `end` none: to the last.
    pub(super) fn range<'t>(
        &'t self,
        start: &[u8],
        end: Option<&[u8]>,
    ) -> impl Iterator<Item = &'t Op> + use<'t> {
        let end = end.map(<[u8]>::to_vec);
        self.from(start).take_while(move |entry| end.as_deref().is_none_or(|end| entry.key() < end))
    }

    /// The same entries, descending.
    pub(super) fn range_back<'t>(
        &'t self,
        start: &[u8],
        end: Option<&[u8]>,
    ) -> impl Iterator<Item = &'t Op> + use<'t> {
        let start = start.to_vec();
        self.back_from(end).take_while(move |entry| entry.key() >= start.as_slice())
    }

    /// The entries with `start <= key`, ascending.
    fn from(&self, start: &[u8]) -> Entries<'_> {
        let (mut entries, start) =
            (Entries { branches: Vec::new(), leaf: &[], back: false }, Sought::new(start));
        entries.descend(&self.root, |children| child_of(children, start));
        let before = entries.leaf.partition_point(|entry| entry.order(start).is_lt());
        entries.leaf = entries.leaf.get(before..).unwrap_or_default();
        entries
    }

    /// The entries with `key < end`, descending; `end` none: all.
    fn back_from(&self, end: Option<&[u8]>) -> Entries<'_> {
        let (mut entries, end) =
            (Entries { branches: Vec::new(), leaf: &[], back: true }, end.map(Sought::new));
        entries.descend(&self.root, |children| {
            end.map_or(children.len().saturating_sub(1), |end| child_of(children, end))
        });
        let below = end
            .map_or(entries.leaf.len(), |end| entries.leaf.partition_point(|entry| entry.order(end).is_lt()));
        entries.leaf = entries.leaf.get(..below).unwrap_or_default();
        entries
    }
}

/// The entries of a tree in one direction. See [`Tree::from`] and [`Tree::back_from`].
#[derive(Debug)]
struct Entries<'a> {
    /// On the way down, those children that come later.
    branches: Vec<&'a [Child]>,
    leaf: &'a [Op],
    back: bool,
}

impl<'a> Entries<'a> {
    /// Goes down to a leaf, by the child that `chosen` names in each branch.
    fn descend(&mut self, mut node: &'a Node, chosen: impl Fn(&[Child]) -> usize) {
        while let Node::Branch(children) = node {
            let place = chosen(children);
            let Some((_, child)) = children.get(place) else { return };
            let later = if self.back { children.get(..place) } else { children.get(place + 1..) };
            self.branches.push(later.unwrap_or_default());
            node = child;
        }
        if let Node::Leaf(entries) = node {
            self.leaf = entries;
        }
    }

    /// Splits the next thing off.
    fn split<T>(things: &'a [T], back: bool) -> Option<(&'a T, &'a [T])> {
        if back { things.split_last() } else { things.split_first() }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a Op;

    fn next(&mut self) -> Option<&'a Op> {
        let back = self.back;
        loop {
            if let Some((entry, rest)) = Entries::split(self.leaf, back) {
                self.leaf = rest;
                return Some(entry);
            }
            let later = self.branches.last_mut()?;
            match Entries::split(later, back) {
                None => drop(self.branches.pop()),
                Some(((_, child), rest)) => {
                    *later = rest;
                    self.descend(child, |children| if back { children.len().saturating_sub(1) } else { 0 });
                }
            }
        }
    }
}

/// The child that holds a key if any does.
fn child_of(children: &[Child], sought: Sought<'_>) -> usize {
    children.get(1..).unwrap_or_default().partition_point(|(least, _)| least.order(sought).is_le())
}

/// Returns the new right neighbour if the node had to split.
fn insert(node: &mut Node, entry: Op) -> Option<Child> {
    match node {
        Node::Leaf(entries) => {
            match entries.binary_search_by(|other| other.order(entry.sought())) {
                Ok(place) => {
                    if let Some(old) = entries.get_mut(place) {
                        *old = entry;
                    }
                    return None;
                }
                Err(place) => entries.insert(place, entry),
            }
            if entries.len() <= CAPACITY {
                return None;
            }
            // Ascending inserts, which are the rule, leave full nodes behind them.
            let right = entries.split_off(entries.len() * 3 / 4);
            let least = right.first()?.clone();
            Some((least, Arc::new(Node::Leaf(right))))
        }
        Node::Branch(children) => {
            let place = child_of(children, entry.sought());
            let (_, child) = children.get_mut(place)?;
            let right = insert(Arc::make_mut(child), entry)?;
            children.insert(place + 1, right);
            if children.len() <= CAPACITY {
                return None;
            }
            let right = children.split_off(children.len() * 3 / 4);
            let least = right.first()?.0.clone();
            Some((least, Arc::new(Node::Branch(right))))
        }
    }
}

fn remove(node: &mut Node, key: &[u8]) {
    match node {
        Node::Leaf(entries) => entries.retain(|entry| entry.key() != key),
        Node::Branch(children) => {
            let place = child_of(children, Sought::new(key));
            if let Some((_, child)) = children.get_mut(place) {
                remove(Arc::make_mut(child), key);
            }
            join_with_next(children, place);
            if let Some(before) = place.checked_sub(1) {
                join_with_next(children, before);
            }
        }
    }
}

/// Joins a child with the next if both are small or one is empty.
fn join_with_next(children: &mut Vec<Child>, place: usize) {
    let Some([(_, left), (_, right)]) = children.get_mut(place..place + 2) else { return };
    let (left_size, right_size) = (size(left), size(right));
    if left_size + right_size > CAPACITY / 2 && left_size.min(right_size) > 0 {
        return;
    }
    match (Arc::make_mut(left), &**right) {
        (Node::Leaf(into), Node::Leaf(from)) => into.extend(from.iter().cloned()),
        (Node::Branch(into), Node::Branch(from)) => into.extend(from.iter().cloned()),
        _ => return, // All leaves are at one depth.
    }
    children.remove(place + 1);
}

fn size(node: &Node) -> usize {
    match node {
        Node::Leaf(entries) => entries.len(),
        Node::Branch(children) => children.len(),
    }
}
