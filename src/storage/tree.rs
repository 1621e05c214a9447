//! A persistent ordered map: a B-tree whose nodes are shared between versions.
//!
//! Cloning a tree is one reference count. Changing a clone copies the nodes on the path to the
//! changed entry, and only those that another version still shares. It never rebalances upwards
//! beyond joining a small node with its neighbour: depth follows the greatest size it ever had.

use std::sync::Arc;

/// Entries of a leaf, children of a branch; a node splits in two above this.
const CAPACITY: usize = 32;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Arc<Entry>>),
    /// Each child with a key that none of its keys is below. The first child's is not looked at.
    Branch(Vec<(Arc<[u8]>, Arc<Node>)>),
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
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(entries) => {
                    let place = entries.binary_search_by(|entry| entry.key.as_slice().cmp(key)).ok()?;
                    return entries.get(place).map(|entry| entry.value.as_slice());
                }
                Node::Branch(children) => node = &children.get(child_of(children, key))?.1,
            }
        }
    }

    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) {
        let entry = Arc::new(Entry { key: key.to_vec(), value: value.to_vec() });
        if let Some(right) = insert(Arc::make_mut(&mut self.root), entry) {
            let left = Arc::clone(&self.root);
            self.root = Arc::new(Node::Branch(vec![(Arc::from([].as_slice()), left), right]));
        }
    }

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

    /// The first entry with a key at or above `key`; strictly above if `after`.
    pub(super) fn seek(&self, key: &[u8], after: bool) -> Option<&Arc<Entry>> {
        seek(&self.root, &|entry| if after { entry <= key } else { entry < key }, key)
    }

    /// The last entry with a key below `key`; `None`: of all.
    pub(super) fn seek_back(&self, key: Option<&[u8]>) -> Option<&Arc<Entry>> {
        seek_back(&self.root, key)
    }
}

/// The child that holds `key` if any does.
fn child_of(children: &[(Arc<[u8]>, Arc<Node>)], key: &[u8]) -> usize {
    children.iter().skip(1).take_while(|(least, _)| **least <= *key).count()
}

/// Returns the new right neighbour if the node had to split.
fn insert(node: &mut Node, entry: Arc<Entry>) -> Option<(Arc<[u8]>, Arc<Node>)> {
    match node {
        Node::Leaf(entries) => {
            match entries.binary_search_by(|other| other.key.cmp(&entry.key)) {
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
            let least = Arc::from(right.first()?.key.as_slice());
            Some((least, Arc::new(Node::Leaf(right))))
        }
        Node::Branch(children) => {
            let place = child_of(children, &entry.key);
            let (_, child) = children.get_mut(place)?;
            let right = insert(Arc::make_mut(child), entry)?;
            children.insert(place + 1, right);
            if children.len() <= CAPACITY {
                return None;
            }
            let right = children.split_off(children.len() * 3 / 4);
            let least = Arc::clone(&right.first()?.0);
            Some((least, Arc::new(Node::Branch(right))))
        }
    }
}

fn remove(node: &mut Node, key: &[u8]) {
    match node {
        Node::Leaf(entries) => entries.retain(|entry| entry.key != key),
        Node::Branch(children) => {
            let place = child_of(children, key);
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
fn join_with_next(children: &mut Vec<(Arc<[u8]>, Arc<Node>)>, place: usize) {
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

fn seek<'a>(node: &'a Node, is_before: &dyn Fn(&[u8]) -> bool, key: &[u8]) -> Option<&'a Arc<Entry>> {
    match node {
        Node::Leaf(entries) => entries.get(entries.partition_point(|entry| is_before(&entry.key))),
        // The child may end before the key, then the next child begins after it.
        Node::Branch(children) => {
            children.iter().skip(child_of(children, key)).find_map(|(_, child)| seek(child, is_before, key))
        }
    }
}

fn seek_back<'a>(node: &'a Node, key: Option<&[u8]>) -> Option<&'a Arc<Entry>> {
    match node {
        Node::Leaf(entries) => {
            let below =
                key.map_or(entries.len(), |key| entries.partition_point(|entry| entry.key.as_slice() < key));
            entries.get(below.checked_sub(1)?)
        }
        Node::Branch(children) => {
            let last = key.map_or(children.len().saturating_sub(1), |key| child_of(children, key));
            children.iter().take(last + 1).rev().find_map(|(_, child)| seek_back(child, key))
        }
    }
}
