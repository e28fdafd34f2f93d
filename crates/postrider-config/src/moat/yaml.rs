//! YAML as a tree that knows where it stands.
//!
//! Owns: the bounds: no aliases, so that a small file is never a large tree; no deep nesting.

use crate::translation::Said;
use saphyr_parser::{Event, Parser, Span};

/// A node and where it begins.
pub(super) struct Spot {
    pub(super) node: Node,
    line: u32,
    column: u32,
}

pub(super) enum Node {
    Nothing,
    Text(String),
    List(Vec<Spot>),
    Map(Map),
}

#[derive(Default)]
pub(super) struct Map(Vec<(String, Spot)>);

impl Map {
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Spot)> {
        self.0.iter().map(|(name, spot)| (name.as_str(), spot))
    }

    pub(super) fn find(&self, name: &str) -> Option<&Spot> {
        self.entries().find(|(known, _)| *known == name).map(|(_, spot)| spot)
    }
}

impl Spot {
    pub(super) const fn said<'a>(&self, name: &'a str) -> Said<'a> {
        Said { line: self.line, column: self.column, name }
    }
}

/// What is wrong and where.
type Wrong = (Said<'static>, String);

/// The one document. What stands behind it would have no effect, so nothing does.
pub(super) fn parse(text: &str) -> Result<Spot, Wrong> {
    let mut events = Events { parser: Parser::new_from_str(text) };
    let mut only = None;
    loop {
        let (event, span) = events.next()?;
        match event {
            Event::DocumentStart(_) if only.is_some() => {
                let what = "a second document begins; one is read, so put all of it into the first";
                return Err((place(span.start.line(), span.start.col()), what.to_owned()));
            }
            Event::DocumentStart(_) => {
                let (event, span) = events.next()?;
                only = Some(events.node(event, span, 0)?);
            }
            Event::StreamEnd => return Ok(only.unwrap_or_else(|| spot(Node::Nothing, span))),
            Event::Nothing
            | Event::StreamStart
            | Event::DocumentEnd
            | Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd => {}
        }
    }
}

struct Events<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Wrong> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err((place(error.marker().line(), error.marker().col()), error.info().to_owned())),
            None => Err((place(1, 0), "it ends in the middle".to_owned())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Spot, Wrong> {
        let wrong = |what: &str| Err((place(span.start.line(), span.start.col()), what.to_owned()));
        if depth > DEPTH_MAX {
            return wrong("no configuration is nested so deeply");
        }
        let node = match event {
            Event::Scalar(text, style, ..) => {
                let is_nothing = style == saphyr_parser::ScalarStyle::Plain && matches!(&*text, "" | "~" | "null");
                if is_nothing { Node::Nothing } else { Node::Text(text.into_owned()) }
            }
            Event::SequenceStart(..) => Node::List(self.list(depth)?),
            Event::MappingStart(..) => Node::Map(self.map(depth)?),
            Event::Alias(_) => return wrong("write it again; aliases are not read here"),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => Node::Nothing,
        };
        Ok(spot(node, span))
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Spot>, Wrong> {
        let mut list = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(list);
            }
            list.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Map, Wrong> {
        let mut map = Map::default();
        loop {
            let (event, span) = self.next()?;
            let name = match event {
                Event::MappingEnd => return Ok(map),
                Event::Scalar(name, ..) => name.into_owned(),
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Alias(_)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..) => {
                    return Err((place(span.start.line(), span.start.col()), "a key is a text".to_owned()));
                }
            };
            if map.0.len() >= ENTRIES_MAX {
                return Err((place(span.start.line(), span.start.col()), format!("{ENTRIES_MAX} keys are allowed")));
            }
            if map.find(&name).is_some() {
                return Err((place(span.start.line(), span.start.col()), format!("{name} is there twice")));
            }
            let (event, value_span) = self.next()?;
            let mut value = self.node(event, value_span, depth + 1)?;
            // Nothing stands nowhere; its key does.
            if matches!(value.node, Node::Nothing) {
                (value.line, value.column) = (small(span.start.line()), small(span.start.col() + 1));
            }
            map.0.push((name, value));
        }
    }
}

fn spot(node: Node, span: Span) -> Spot {
    Spot { node, line: small(span.start.line()), column: small(span.start.col() + 1) }
}

fn place(line: usize, column: usize) -> Said<'static> {
    Said { line: small(line), column: small(column + 1), name: "yaml" }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

const DEPTH_MAX: usize = 16;

/// Each key is compared with all others.
const ENTRIES_MAX: usize = 1_000;
