//! The filters of rules, level by level.
//!
//! Owns: which rules contain what somebody asks for, and which meet it.
//! Never: goes deeper than its own rules do, whatever is asked for.

use super::pattern::{Fit, Level, Names, Pattern, Template, Wanted};
use super::rule::Effect;
use std::collections::BTreeMap;

/// Rules by their filters.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// What becomes of a name that cannot stand in a topic depends on it.
    effect: Effect,
    nodes: Vec<Node>,
    depth: usize,
}

#[derive(Clone, Debug, Default)]
struct Node {
    names: BTreeMap<Box<str>, usize>,
    templates: Vec<(Template, usize)>,
    plus: Option<usize>,
    /// Rules whose filter ends here.
    here: Vec<u32>,
    /// Rules whose filter ends in `#` below here.
    below: Vec<u32>,
}

/// Everything about one question that does not change on the way down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) names: Names<'a>,
    pub(super) levels: &'a [&'a str],
    pub(super) is_open: bool,
}

impl<'a> Question<'a> {
    pub(super) fn new<'w: 'a>(names: Names<'a>, wanted: &'a Wanted<'w>) -> Self {
        Self { names, levels: &wanted.levels, is_open: wanted.is_open }
    }
}

const ROOT: usize = 0;

impl Tree {
    pub(super) fn new(effect: Effect) -> Self {
        Self { effect, nodes: vec![Node::default()], depth: 0 }
    }

    /// Levels of the deepest filter.
    pub(super) const fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn insert(&mut self, pattern: &Pattern, rule: u32) {
        let mut at = ROOT;
        for level in &pattern.levels {
            at = self.child_for(at, level);
        }
        let node = &mut self.nodes[at];
        if pattern.is_open { &mut node.below } else { &mut node.here }.push(rule);
        self.depth = self.depth.max(pattern.levels.len());
    }

    fn child_for(&mut self, at: usize, level: &Level) -> usize {
        let new = self.nodes.len();
        let node = &mut self.nodes[at];
        let child = match level {
            Level::Plus => *node.plus.get_or_insert(new),
            Level::Name(name) => *node.names.entry(name.clone()).or_insert(new),
            Level::Template(template) => match node.templates.iter().find(|(other, _)| other == template) {
                Some((_, child)) => *child,
                None => {
                    node.templates.push((template.clone(), new));
                    new
                }
            },
        };
        if child == new {
            self.nodes.push(Node::default());
        }
        child
    }

    /// The first rule that `accept` takes of those whose filter contains all that is asked for.
    pub(super) fn find_containing(&self, question: &Question<'_>, accept: &mut impl FnMut(u32) -> bool) -> Option<u32> {
        self.containing(ROOT, question, 0, accept)
    }

    fn containing(
        &self,
        at: usize,
        question: &Question<'_>,
        depth: usize,
        accept: &mut impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let node = &self.nodes[at];
        let Some(level) = question.levels.get(depth) else {
            let here: &[u32] = if question.is_open { &[] } else { &node.here };
            let found = first(here, accept).or_else(|| first(&node.below, accept));
            // What a name that cannot stand there may have meant is all that is left of it.
            return match (found, question.is_open) {
                (None, true) => self.in_unusable(node, question, accept),
                (found, _) => found,
            };
        };
        // At the root `#` stands as `+/#`.
        if let Some(found) = first(&node.below, accept) {
            return Some(found);
        }
        if *level != "+"
            && let Some(child) = node.names.get(*level)
            && let Some(found) = self.containing(*child, question, depth + 1, accept)
        {
            return Some(found);
        }
        if let Some(child) = node.plus
            && !is_hidden(depth, level)
            && let Some(found) = self.containing(child, question, depth + 1, accept)
        {
            return Some(found);
        }
        self.through_templates(node, question, depth, accept)
    }

    fn through_templates(
        &self,
        node: &Node,
        question: &Question<'_>,
        depth: usize,
        accept: &mut impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let level = question.levels.get(depth)?;
        for (template, child) in &node.templates {
            let found = match self.fit(template, question.names, depth, level) {
                Fit::Yes => self.containing(*child, question, depth + 1, accept),
                Fit::Unusable => self.in_subtree(*child, accept),
                Fit::No => None,
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// A rule that allows does nothing for a name that cannot stand there, and never leads into `$` topics.
    fn fit(&self, template: &Template, names: Names<'_>, depth: usize, level: &str) -> Fit {
        match (template.fits(names, level), self.effect) {
            (Fit::Unusable, Effect::Allow) => Fit::No,
            (Fit::Yes, Effect::Allow) if is_hidden(depth, level) && !template.as_str().starts_with('$') => Fit::No,
            // What is asked for is a set, and the template stands for one name of it.
            (Fit::Yes, _) if level == "+" => Fit::No,
            (fit, _) => fit,
        }
    }

    fn in_unusable(&self, node: &Node, question: &Question<'_>, accept: &mut impl FnMut(u32) -> bool) -> Option<u32> {
        let is_unusable =
            |template: &Template| self.effect == Effect::Deny && template.fits(question.names, "") == Fit::Unusable;
        let unusable = node.templates.iter().filter(|(template, _)| is_unusable(template));
        unusable.map(|(_, child)| *child).find_map(|child| self.in_subtree(child, accept))
    }

    /// The first rule at a node or below that `accept` takes.
    fn in_subtree(&self, at: usize, accept: &mut impl FnMut(u32) -> bool) -> Option<u32> {
        let mut left = vec![at];
        while let Some(at) = left.pop() {
            let node = &self.nodes[at];
            if let Some(found) = first(&node.here, accept).or_else(|| first(&node.below, accept)) {
                return Some(found);
            }
            left.extend(node.children());
        }
        None
    }

    /// Calls `found` with every rule whose filter has a topic in common with what is asked for; now and then with one
    /// more.
    pub(super) fn meeting(&self, question: &Question<'_>, found: &mut impl FnMut(u32)) {
        self.meeting_from(ROOT, question, 0, found);
    }

    fn meeting_from(&self, at: usize, question: &Question<'_>, depth: usize, found: &mut impl FnMut(u32)) {
        let node = &self.nodes[at];
        node.below.iter().for_each(|rule| found(*rule));
        let mut take_all = |rule| {
            found(rule);
            false
        };
        let Some(level) = question.levels.get(depth) else {
            if question.is_open {
                self.in_subtree(at, &mut take_all);
            } else {
                node.here.iter().for_each(|rule| found(*rule));
            }
            return;
        };
        if *level == "+" {
            node.children().for_each(|child| self.meeting_from(child, question, depth + 1, found));
            return;
        }
        if let Some(child) = node.names.get(*level) {
            self.meeting_from(*child, question, depth + 1, found);
        }
        if let Some(child) = node.plus.filter(|_| !is_hidden(depth, level)) {
            self.meeting_from(child, question, depth + 1, found);
        }
        for (template, child) in &node.templates {
            match template.fits(question.names, level) {
                Fit::Yes => self.meeting_from(*child, question, depth + 1, found),
                Fit::Unusable => {
                    _ = self.in_subtree(*child, &mut |rule| {
                        found(rule);
                        false
                    })
                }
                Fit::No => {}
            }
        }
    }
}

impl Node {
    fn children(&self) -> impl Iterator<Item = usize> {
        let templates = self.templates.iter().map(|(_, child)| *child);
        self.names.values().copied().chain(templates).chain(self.plus)
    }
}

/// Whether a wildcard does not match this level. [MQTT-4.7.2-1]
fn is_hidden(depth: usize, level: &str) -> bool {
    depth == 0 && level.starts_with('$')
}

fn first(rules: &[u32], accept: &mut impl FnMut(u32) -> bool) -> Option<u32> {
    rules.iter().copied().find(|rule| accept(*rule))
}
