//! The filters that have wildcards, level by level.
//!
//! Owns: the nodes. A node's children stand in one hash table for all nodes, keyed by parent and level, so a
//! node costs the same with one child as with a million, and a level is hashed once for all nodes reached.
//! Never: recurses; a topic is matched by walking its levels with the set of nodes reached so far.

use crate::filters::FilterId;
use crate::levels::{LevelId, Levels};
use hashbrown::HashTable;
use postrider_proto::Topic;
use smallvec::SmallVec;

#[derive(Clone, Debug)]
pub(crate) struct Trie {
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
        Self { levels: Levels::new(seed), nodes: vec![EMPTY], free: Vec::new(), edges: HashTable::new() }
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
                level => self.child(at, level, self.levels.hash(level)),
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
        let mut at = ROOT;
        let mut names = topic.levels();
        let mut hidden = topic.is_dollar();
        while let Some(name) = names.next() {
            let node = &self.nodes[at as usize];
            let mut plus = NIL;
            if !hidden {
                node.report_below(&mut found);
                plus = node.plus;
            }
            hidden = false;
            let named = if node.has_named() { self.child(at, name, self.levels.hash(name)) } else { None };
            at = match named {
                None if plus == NIL => return,
                None => plus,
                Some(named) if plus == NIL => named,
                Some(named) => return self.matches_from([plus, named], names, found),
            };
        }
        self.nodes[at as usize].report_end(&mut found);
    }

    /// Goes on where more than one node was reached, with the levels that are left.
    fn matches_from<'a>(&self, from: [u32; 2], names: impl Iterator<Item = &'a [u8]>, mut found: impl FnMut(FilterId)) {
        let mut reached: SmallVec<[u32; 16]> = SmallVec::from_slice(&from);
        let mut next: SmallVec<[u32; 16]> = SmallVec::new();
        for name in names {
            let hash = self.levels.hash(name);
            for at in &reached {
                let node = &self.nodes[*at as usize];
                node.report_below(&mut found);
                if node.plus != NIL {
                    next.push(node.plus);
                }
                if node.has_named()
                    && let Some(child) = self.child(*at, name, hash)
                {
                    next.push(child);
                }
            }
            core::mem::swap(&mut reached, &mut next);
            next.clear();
            if reached.is_empty() {
                return;
            }
        }
        for at in reached {
            self.nodes[at as usize].report_end(&mut found);
        }
    }

    /// Nodes and distinct level names, for tests and accounting.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.nodes.len() - self.free.len(), self.levels.len())
    }

    /// The child under a named level, whose hash the caller has.
    #[inline]
    fn child(&self, parent: u32, name: &[u8], hash: u64) -> Option<u32> {
        let same = |at: &u32| {
            let node = &self.nodes[*at as usize];
            node.parent == parent && *self.levels.text(LevelId(node.level)) == *name
        };
        self.edges.find(edge(parent, hash), same).copied()
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
        let hash = self.levels.hash(name);
        if let Some(child) = self.child(parent, name, hash) {
            return child;
        }
        let level = self.levels.acquire(name, hash);
        let at = self.add(Node { parent, level: level.0, ..EMPTY });
        let (levels, nodes) = (&self.levels, &self.nodes);
        let rehash = |at: &u32| {
            let node = &nodes[*at as usize];
            edge(node.parent, levels.hash(levels.text(LevelId(node.level))))
        };
        self.edges.insert_unique(edge(parent, hash), at, rehash);
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
                let level = LevelId(node.level);
                let hash = self.levels.hash(self.levels.text(level));
                if let Ok(found) = self.edges.find_entry(edge(node.parent, hash), |other| *other == at) {
                    found.remove();
                }
                self.levels.release(level, hash);
            }
            self.free.push(at);
            at = node.parent;
        }
    }
}

impl Node {
    #[inline]
    const fn has_named(&self) -> bool {
        self.children > (self.plus != NIL) as u32
    }

    /// A filter that matches whatever is below.
    #[inline]
    fn report_below(&self, found: &mut impl FnMut(FilterId)) {
        if self.below != NIL {
            found(FilterId(self.below));
        }
    }

    /// The topic ends here; `a/#` matches `a`.
    #[inline]
    fn report_end(&self, found: &mut impl FnMut(FilterId)) {
        if self.here != NIL {
            found(FilterId(self.here));
        }
        self.report_below(found);
    }
}

/// The hash of a child: of its parent and of its level's text. The latter is seeded, so all that has to be done
/// about the parent is that children of the same name stand apart.
#[inline]
const fn edge(parent: u32, level: u64) -> u64 {
    level ^ (parent as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
