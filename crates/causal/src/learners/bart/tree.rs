//! One tree: nodes in an arena, children in pairs, leaves labelled by their index.

/// A splitting rule: rows whose code in `column` is at most `cut` go left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Position among the columns that can be split.
    pub column: u32,
    /// Last code that goes left.
    pub cut: u8,
}

/// A node; a leaf if `left` is 0.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// The rule of an inner node.
    pub rule: Rule,
    /// Index of the left child, the right one being the next; 0 for a leaf, since the root is nobody's child.
    pub left: u8,
    /// Index of the parent; the root's is itself.
    pub parent: u8,
    /// Distance from the root.
    pub depth: u8,
    live: bool,
    /// Training rows.
    pub count: usize,
    /// Their total weight W.
    pub weight: f64,
    /// Value μ of a leaf.
    pub mu: f64,
}

/// Labels at and above this one are no nodes, and free for the cells of a proposed change.
pub const SPARE_LABELS: u8 = 252;

/// A binary tree of at most 125 splits.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: Vec<Node>,
    free: Vec<u8>,
}

impl Tree {
    /// A root of `count` rows and weight `weight`, with value 0.
    #[must_use]
    pub fn stump(count: usize, weight: f64) -> Self {
        let rule = Rule { column: 0, cut: 0 };
        Self {
            nodes: vec![Node { rule, left: 0, parent: 0, depth: 0, live: true, count, weight, mu: 0.0 }],
            free: vec![],
        }
    }

    /// The node at `index`.
    #[must_use]
    pub fn node(&self, index: u8) -> &Node {
        &self.nodes[usize::from(index)]
    }

    /// The node at `index`, to be changed.
    pub fn node_mut(&mut self, index: u8) -> &mut Node {
        &mut self.nodes[usize::from(index)]
    }

    /// True if the tree is a single leaf.
    #[must_use]
    pub fn is_stump(&self) -> bool {
        self.nodes[0].left == 0
    }

    fn live(&self) -> impl Iterator<Item = (u8, &Node)> {
        (0_u8..).zip(&self.nodes).filter(|(_, node)| node.live)
    }

    /// Leaves, by index.
    pub fn leaves(&self) -> impl Iterator<Item = u8> {
        self.live().filter(|(_, node)| node.left == 0).map(|(index, _)| index)
    }

    /// Inner nodes, by index.
    pub fn inner(&self) -> impl Iterator<Item = u8> {
        self.live().filter(|(_, node)| node.left > 0).map(|(index, _)| index)
    }

    /// Inner nodes whose children are both leaves: those that a prune or a change can touch.
    pub fn last_splits(&self) -> impl Iterator<Item = u8> {
        self.live().filter(|(_, node)| self.is_last_split(node)).map(|(index, _)| index)
    }

    fn is_last_split(&self, node: &Node) -> bool {
        node.left > 0 && self.node(node.left).left == 0 && self.node(node.left + 1).left == 0
    }

    /// True if the parent of this leaf is a last split; false for a stump.
    #[must_use]
    pub fn parent_is_last_split(&self, leaf: u8) -> bool {
        self.is_last_split(self.node(self.node(leaf).parent))
    }

    /// Label that the left child of the next split will get; `None` if the arena is full.
    #[must_use]
    pub fn next_pair(&self) -> Option<u8> {
        match self.free.last() {
            Some(pair) => Some(*pair),
            // Both children must stay below the spare labels.
            None => u8::try_from(self.nodes.len()).ok().filter(|left| *left < SPARE_LABELS - 1),
        }
    }

    /// Splits a leaf; its children get the labels of [`Self::next_pair`], with no rows yet. No effect on a full arena.
    pub fn grow(&mut self, leaf: u8, rule: Rule) {
        let Some(left) = self.next_pair() else { return };
        let depth = self.node(leaf).depth + 1;
        let child = Node { rule, left: 0, parent: leaf, depth, live: true, count: 0, weight: 0.0, mu: 0.0 };
        // The pair that `next_pair` has just named is on top of the free list.
        if self.free.pop().is_none() {
            self.nodes.extend([child, child]);
        }
        *self.node_mut(left) = child;
        *self.node_mut(left + 1) = child;
        let node = self.node_mut(leaf);
        (node.left, node.rule) = (left, rule);
    }

    /// Takes the two leaves below `index` away.
    pub fn prune(&mut self, index: u8) {
        let left = std::mem::take(&mut self.node_mut(index).left);
        if left > 0 {
            self.node_mut(left).live = false;
            self.node_mut(left + 1).live = false;
            // Children are born and freed in pairs, so a freed pair fits any later split.
            self.free.push(left);
        }
    }

    /// Lowest and highest code that `column`, with `cuts` cuts, can have in this node: cuts `low..high` split it.
    #[must_use]
    pub fn interval(&self, index: u8, column: u32, cuts: u8) -> (u8, u8) {
        let (mut low, mut high) = (0, cuts);
        let mut child = index;
        // The root is its own parent, so the walk ends there.
        while child != 0 {
            let parent = self.node(child).parent;
            let node = self.node(parent);
            if node.rule.column == column {
                if child == node.left { high = high.min(node.rule.cut) } else { low = low.max(node.rule.cut + 1) }
            }
            child = parent;
        }
        (low, high)
    }

    /// The columns that no cut is left of in this node; a column has to be a rule above to be among them.
    #[must_use]
    pub fn exhausted(&self, index: u8, cuts: &[u8]) -> Vec<u32> {
        let mut found = Vec::new();
        let mut child = index;
        while child != 0 {
            child = self.node(child).parent;
            let column = self.node(child).rule.column;
            let (low, high) = self.interval(index, column, cuts[column as usize]);
            if low >= high && !found.contains(&column) {
                found.push(column);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::learners::bart::tree::*;

    #[test]
    fn growing_and_pruning_keep_the_arena_compact_and_the_intervals_right() {
        let mut tree = Tree::stump(10, 10.0);
        tree.grow(0, Rule { column: 1, cut: 4 });
        tree.grow(1, Rule { column: 1, cut: 2 });
        tree.grow(2, Rule { column: 0, cut: 0 });
        assert_eq!(tree.leaves().collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert_eq!(tree.last_splits().collect::<Vec<_>>(), [1, 2]);
        assert_eq!((tree.interval(3, 1, 9), tree.interval(4, 1, 9), tree.interval(5, 1, 9)), ((0, 2), (3, 4), (5, 9)));
        // Column 0 has one cut: used up on the way to 5, free on the way to 3.
        assert_eq!((tree.exhausted(5, &[1, 9]), tree.exhausted(3, &[1, 9])), (vec![0], vec![]));
        assert_eq!((tree.exhausted(4, &[1, 3]), tree.exhausted(4, &[1, 4])), (vec![1], vec![]));
        tree.prune(1);
        assert_eq!(tree.leaves().collect::<Vec<_>>(), [1, 5, 6]);
        assert!(!tree.parent_is_last_split(1) && tree.parent_is_last_split(5));
        assert_eq!(tree.next_pair(), Some(3));
        tree.grow(5, Rule { column: 1, cut: 7 });
        assert_eq!((tree.next_pair(), tree.node(3).depth), (Some(7), 3));
    }

    #[test]
    fn a_full_arena_says_so() {
        let mut tree = Tree::stump(1, 1.0);
        for _ in 0..200 {
            let leaf = tree.leaves().next().unwrap();
            tree.grow(leaf, Rule { column: 0, cut: 0 });
        }
        assert_eq!((tree.inner().count(), tree.leaves().count(), tree.next_pair()), (125, 126, None));
    }
}
