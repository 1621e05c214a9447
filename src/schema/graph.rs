//! Strongly connected components: which tables, or which references, form a cycle. Knows neither.

/// The components of the graph of `edges` (node → its targets), each in ascending order; a component
/// comes after all those that it has edges to.
///
/// This is Tarjan's algorithm (1972) with a stack of its own, so that a long chain cannot exhaust
/// the thread's. Targets that are no nodes are ignored.
pub(super) fn components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search { edges, nodes: vec![Node::default(); edges.len()], ..Search::default() };
    for root in 0..edges.len() {
        if search.nodes.get(root).is_some_and(|node| node.order.is_none()) {
            search.visit_from(root);
        }
    }
    search.found
}

/// The components that are cycles: more than one node, or one with an edge to itself.
pub(super) fn is_cyclic(edges: &[Vec<usize>], component: &[usize]) -> bool {
    match component {
        [single] => edges.get(*single).is_some_and(|targets| targets.contains(single)),
        _ => true,
    }
}

#[derive(Default)]
struct Search<'a> {
    edges: &'a [Vec<usize>],
    nodes: Vec<Node>,
    visited: usize,
    /// Visited nodes whose component is not complete.
    open: Vec<usize>,
    found: Vec<Vec<usize>>,
}

#[derive(Clone, Default)]
struct Node {
    /// When it was visited.
    order: Option<usize>,
    /// The earliest open node known to be reachable.
    low: usize,
    is_open: bool,
}

impl Search<'_> {
    fn visit_from(&mut self, root: usize) {
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((node, next)) = path.last_mut() {
            let (node, edge) = (*node, *next);
            *next += 1;
            match self.edges.get(node).and_then(|targets| targets.get(edge)) {
                Some(&target) => match self.nodes.get(target).map(|state| (state.order, state.is_open)) {
                    Some((None, _)) => {
                        self.enter(target);
                        path.push((target, 0));
                    }
                    Some((Some(order), true)) => self.lower(node, order),
                    _ => {}
                },
                None => {
                    path.pop();
                    let low = self.leave(node);
                    if let Some((before, _)) = path.last() {
                        self.lower(*before, low);
                    }
                }
            }
        }
    }

    fn enter(&mut self, node: usize) {
        if let Some(state) = self.nodes.get_mut(node) {
            *state = Node { order: Some(self.visited), low: self.visited, is_open: true };
        }
        self.visited += 1;
        self.open.push(node);
    }

    fn lower(&mut self, node: usize, low: usize) {
        if let Some(state) = self.nodes.get_mut(node) {
            state.low = state.low.min(low);
        }
    }

    /// Completes the component that `node` begins, if it begins one. Its `low`, for the node before.
    fn leave(&mut self, node: usize) -> usize {
        let Some(Node { order, low, .. }) = self.nodes.get(node).cloned() else { return usize::MAX };
        if order == Some(low) {
            let start = self.open.iter().rposition(|&open| open == node).unwrap_or(0);
            let mut component = self.open.split_off(start);
            for &member in &component {
                if let Some(state) = self.nodes.get_mut(member) {
                    state.is_open = false;
                }
            }
            component.sort_unstable();
            self.found.push(component);
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_come_first() {
        let edges = vec![vec![1], vec![2], vec![1, 3], vec![], vec![4]];
        assert_eq!(components(&edges), [vec![3], vec![1, 2], vec![0], vec![4]]);
        assert!(is_cyclic(&edges, &[1, 2]) && is_cyclic(&edges, &[4]) && !is_cyclic(&edges, &[3]));
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let edges: Vec<Vec<usize>> = (0..200_000).map(|node| vec![node + 1]).collect();
        assert_eq!(components(&edges).len(), 200_000);
    }

    proptest::proptest! {
        #[test]
        fn components_are_mutual_reachability(
            edges in proptest::collection::vec(proptest::collection::vec(0_usize..8, 0..4), 8)
        ) {
            let mut reach = [[false; 8]; 8];
            for (node, targets) in edges.iter().enumerate() {
                targets.iter().for_each(|&target| reach[node][target] = true);
            }
            for k in 0..8 {
                for i in 0..8 {
                    for j in 0..8 {
                        reach[i][j] |= reach[i][k] && reach[k][j];
                    }
                }
            }
            let found = components(&edges);
            let place = |node| found.iter().position(|component| component.contains(&node)).unwrap();
            for (i, reached) in reach.iter().enumerate() {
                for (j, back) in reach.iter().enumerate() {
                    let together = i == j || (reached[j] && back[i]);
                    proptest::prop_assert_eq!(together, place(i) == place(j));
                    proptest::prop_assert!(!reached[j] || place(j) <= place(i));
                }
            }
        }
    }
}
