//! The filters that have wildcards, level by level.
//!
//! Owns: the nodes. A node's children stand in one hash table for all nodes, keyed by parent and level, so a
//! node costs the same with one child as with a million.
//! Never: recurses; a topic is matched by walking its levels with the set of nodes reached so far.

use crate::filters::FilterId;
use crate::levels::{LevelId, Levels};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use postrider_proto::Topic;
use smallvec::SmallVec;
use std::hash::BuildHasher;

#[derive(Clone, Debug)]
pub(crate) struct Trie {
    hasher: FixedState,
    levels: Levels,
    nodes: Vec<Node>,
    free: Vec<u32>,
    /// Children under a named level; those under `+` stand in their parent.
    edges: HashTable<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    /// The level that leads here; `NIL` for `+`.
    level: u32,
    /// The child under `+`.
    plus: u32,
    /// The filter that ends here.
    here: u32,
    /// The filter that ends in `#` below here.
    below: u32,
    /// Children of either kind.
    children: u32,
}

const NIL: u32 = u32::MAX;
const ROOT: u32 = 0;
const EMPTY: Node = Node { parent: NIL, level: NIL, plus: NIL, here: NIL, below: NIL, children: 0 };

impl Trie {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            hasher: FixedState::with_seed(seed),
            levels: Levels::new(seed),
            nodes: vec![EMPTY],
            free: Vec::new(),
            edges: HashTable::new(),
        }
    }

    /// True when no filter with wildcards exists.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        let root = &self.nodes[ROOT as usize];
        root.children == 0 && root.below == NIL
    }

    /// Adds a filter that is not in the trie.
    pub(crate) fn insert(&mut self, text: &[u8], id: FilterId) {
        let mut at = ROOT;
        for level in text.split(|byte| *byte == b'/') {
            at = match level {
                b"#" => {
                    self.nodes[at as usize].below = id.0;
                    return;
                }
                b"+" => self.plus_child(at),
                level => self.named_child(at, level),
            };
        }
        self.nodes[at as usize].here = id.0;
    }

    /// Takes a filter out, and every node that served it alone.
    pub(crate) fn remove(&mut self, text: &[u8]) {
        let mut at = ROOT;
        let mut ends_below = false;
        for level in text.split(|byte| *byte == b'/') {
            let next = match level {
                b"#" => {
                    ends_below = true;
                    break;
                }
                b"+" => Some(self.nodes[at as usize].plus).filter(|next| *next != NIL),
                level => self.levels.find(level).and_then(|level| self.child(at, level)),
            };
            let Some(next) = next else { return };
            at = next;
        }
        let node = &mut self.nodes[at as usize];
        if ends_below {
            node.below = NIL
        } else {
            node.here = NIL
        }
        self.prune(at);
    }

    /// Calls `found` with every filter that matches. [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.2-1]
    #[inline]
    pub(crate) fn matches(&self, topic: Topic<'_>, mut found: impl FnMut(FilterId)) {
        let mut reached: SmallVec<[u32; 16]> = SmallVec::new();
        let mut next: SmallVec<[u32; 16]> = SmallVec::new();
        reached.push(ROOT);
        let mut is_first = true;
        for name in topic.levels() {
            let hidden = is_first && topic.is_dollar();
            is_first = false;
            let level = self.levels.find(name);
            for at in reached.drain(..) {
                let node = &self.nodes[at as usize];
                if !hidden && node.below != NIL {
                    found(FilterId(node.below));
                }
                if !hidden && node.plus != NIL {
                    next.push(node.plus);
                }
                if node.children > u32::from(node.plus != NIL)
                    && let Some(child) = level.and_then(|level| self.child(at, level))
                {
                    next.push(child);
                }
            }
            core::mem::swap(&mut reached, &mut next);
            if reached.is_empty() {
                return;
            }
        }
        for at in reached {
            let node = &self.nodes[at as usize];
            if node.here != NIL {
                found(FilterId(node.here));
            }
            // `a/#` matches `a`.
            if node.below != NIL {
                found(FilterId(node.below));
            }
        }
    }

    /// Nodes and distinct level names, for tests and accounting.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.nodes.len() - self.free.len(), self.levels.len())
    }

    #[inline]
    fn child(&self, parent: u32, level: LevelId) -> Option<u32> {
        let nodes = &self.nodes;
        let same = |at: &u32| {
            let node = &nodes[*at as usize];
            node.parent == parent && node.level == level.0
        };
        self.edges.find(self.hasher.hash_one((parent, level.0)), same).copied()
    }

    fn plus_child(&mut self, parent: u32) -> u32 {
        let plus = self.nodes[parent as usize].plus;
        if plus != NIL {
            return plus;
        }
        let at = self.add(Node { parent, ..EMPTY });
        self.nodes[parent as usize].plus = at;
        at
    }

    fn named_child(&mut self, parent: u32, name: &[u8]) -> u32 {
        if let Some(child) = self.levels.find(name).and_then(|level| self.child(parent, level)) {
            return child;
        }
        let level = self.levels.acquire(name);
        let at = self.add(Node { parent, level: level.0, ..EMPTY });
        let (hasher, nodes) = (self.hasher.clone(), &self.nodes);
        let rehash = |at: &u32| {
            let node = &nodes[*at as usize];
            hasher.hash_one((node.parent, node.level))
        };
        self.edges.insert_unique(hasher.hash_one((parent, level.0)), at, rehash);
        at
    }

    fn add(&mut self, node: Node) -> u32 {
        self.nodes[node.parent as usize].children += 1;
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = node;
            return at;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).unwrap_or(NIL)
    }

    /// Removes nodes that lead nowhere, from `at` upward.
    fn prune(&mut self, mut at: u32) {
        while at != ROOT {
            let node = self.nodes[at as usize];
            if node.children > 0 || node.here != NIL || node.below != NIL {
                return;
            }
            let parent = &mut self.nodes[node.parent as usize];
            parent.children -= 1;
            if node.level == NIL {
                parent.plus = NIL;
            } else {
                let hash = self.hasher.hash_one((node.parent, node.level));
                if let Ok(found) = self.edges.find_entry(hash, |other| *other == at) {
                    found.remove();
                }
                self.levels.release(LevelId(node.level));
            }
            self.free.push(at);
            at = node.parent;
        }
    }
}
