//! The decision: what rule allows or denies what somebody wants.
//!
//! Owns: the meaning of rules. A rule that denies comes first; what no rule allows is denied.
//! Never: allows a subscription of which one topic is not allowed.

use super::pattern::{Names, Wanted};
use super::rule::{Effect, Powers, Rule};
use super::rules::{Rules, Section};
use super::tree::{Question, Tree};
use postrider_proto::Qos;
use std::net::IpAddr;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The user name; nothing for anonymous clients.
    pub user: Option<&'a str>,
    /// The client identifier.
    pub client: &'a str,
    /// Where it comes from, if that is known.
    pub address: Option<IpAddr>,
    /// The listener it came through, if that is known.
    pub listener: Option<u16>,
}

/// What it wants.
#[derive(Clone, Copy, Debug)]
pub enum Wish<'a> {
    /// To publish to a topic.
    Publish {
        /// The topic.
        topic: &'a str,
        /// The message's QoS.
        qos: Qos,
        /// Whether it is retained.
        retain: bool,
    },
    /// To subscribe to a filter, which may begin with `$share/NAME/`.
    Subscribe {
        /// The filter.
        filter: &'a str,
        /// The QoS asked for.
        qos: Qos,
    },
    /// To get what is published to a topic.
    Receive {
        /// The topic.
        topic: &'a str,
    },
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not.
    Denied,
}

/// A verdict and what it rests on.
#[derive(Clone, Debug)]
pub struct Decision<'r> {
    /// Yes or no.
    pub verdict: Verdict,
    /// The rule that decided; nothing where no rule allows it.
    pub rule: Option<&'r Rule>,
    /// What of an allowed subscription is not delivered: the filters, and the rules that deny them.
    pub except: Vec<(Box<str>, &'r Rule)>,
}

/// What does not change while one wish is judged.
#[derive(Clone, Copy)]
struct Case<'a> {
    asker: &'a Asker<'a>,
    qos: Option<Qos>,
    retain: Option<bool>,
}

impl Rules {
    /// Whether `asker` may have its `wish`, and why.
    #[must_use]
    pub fn judge(&self, asker: &Asker<'_>, wish: &Wish<'_>) -> Decision<'_> {
        match *wish {
            Wish::Publish { topic, qos, retain } => {
                let case = Case { asker, qos: Some(qos), retain: Some(retain) };
                self.judge_topic(&case, topic, Powers::PUBLISH, Powers::PUBLISH)
            }
            // Who may not subscribe to it does not get it through a larger filter either.
            Wish::Receive { topic } => {
                let case = Case { asker, qos: None, retain: None };
                self.judge_topic(&case, topic, Powers::READ, Powers::RECEIVE)
            }
            Wish::Subscribe { filter, qos } => {
                let case = Case { asker, qos: Some(qos), retain: None };
                self.judge_filter(&case, filter)
            }
        }
    }

    fn judge_topic(&self, case: &Case<'_>, topic: &str, denied: Powers, allowed: Powers) -> Decision<'_> {
        let wanted = Wanted::of(topic);
        if let Some(rule) = self.find(case, &wanted, Effect::Deny, denied) {
            return Decision::denied(Some(rule));
        }
        match self.find(case, &wanted, Effect::Allow, allowed) {
            Some(rule) => Decision { verdict: Verdict::Allowed, rule: Some(rule), except: Vec::new() },
            None => Decision::denied(None),
        }
    }

    fn judge_filter(&self, case: &Case<'_>, filter: &str) -> Decision<'_> {
        let (inner, is_shared) = inner_of(filter);
        let wanted = Wanted::of(inner);
        if let Some(rule) = self.find(case, &wanted, Effect::Deny, Powers::READ) {
            return Decision::denied(Some(rule));
        }
        let Some(rule) = self.find_all(case, &wanted, Powers::SUBSCRIBE) else { return Decision::denied(None) };
        if !rule.powers.meets(Powers::RECEIVE) && self.find_all(case, &wanted, Powers::RECEIVE).is_none() {
            return Decision::denied(None);
        }
        let except = self.exceptions(case, &wanted);
        match except.first() {
            // A member that may not have everything would lose messages of its group.
            Some((_, rule)) if is_shared => Decision::denied(Some(rule)),
            _ => Decision { verdict: Verdict::Allowed, rule: Some(rule), except },
        }
    }

    /// A rule of this effect whose filter contains all that is wanted.
    fn find(&self, case: &Case<'_>, wanted: &Wanted<'_>, effect: Effect, powers: Powers) -> Option<&Rule> {
        let question = Question::new(case.names(), wanted);
        let mut accept = |number| self.rule(number).is_some_and(|rule| case.is_about(rule, powers));
        let sections = self.sections(case.asker.user, case.asker.client);
        let found = sections.map(|section| section.tree(effect));
        let found = found.filter_map(|tree| tree.find_containing(&question, &mut accept)).next();
        found.and_then(|number| self.rule(number))
    }

    /// The same for rules that allow; several of them may contain it together, such as `a` and `a/+/#` contain `a/#`.
    fn find_all(&self, case: &Case<'_>, wanted: &Wanted<'_>, powers: Powers) -> Option<&Rule> {
        let found = self.find(case, wanted, Effect::Allow, powers);
        if found.is_some() || !wanted.is_open {
            return found;
        }
        let sections = self.sections(case.asker.user, case.asker.client);
        let depth = sections.map(|section| section.allow.depth()).max().unwrap_or(0);
        let mut part = Wanted { is_open: false, ..wanted.clone() };
        let first = self.find(case, &part, Effect::Allow, powers)?;
        // Beyond the deepest rule one level is as good as another.
        while part.levels.len() < depth {
            part.levels.push("+");
            let rest = Wanted { is_open: true, ..part.clone() };
            if self.find(case, &rest, Effect::Allow, powers).is_some() {
                return Some(first);
            }
            self.find(case, &part, Effect::Allow, powers)?;
        }
        None
    }

    /// What is denied within what is wanted.
    fn exceptions(&self, case: &Case<'_>, wanted: &Wanted<'_>) -> Vec<(Box<str>, &Rule)> {
        let question = Question::new(case.names(), wanted);
        let mut numbers = Vec::new();
        for section in self.sections(case.asker.user, case.asker.client) {
            section.deny.meeting(&question, &mut |number| numbers.push(number));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let rules = numbers.into_iter().filter_map(|number| self.rule(number));
        let about = rules.filter(|rule| case.is_about(rule, Powers::READ));
        about.filter_map(|rule| Some((rule.pattern.resolve(case.names())?, rule))).collect()
    }
}

impl Section {
    const fn tree(&self, effect: Effect) -> &Tree {
        match effect {
            Effect::Allow => &self.allow,
            Effect::Deny => &self.deny,
        }
    }
}

impl<'a> Case<'a> {
    const fn names(&self) -> Names<'a> {
        Names { user: self.asker.user, client: self.asker.client }
    }

    /// Whether everything but the filter of a rule fits. What is not known of a client does not open anything to it:
    /// a rule that denies holds then, and one that allows does not.
    fn is_about(&self, rule: &Rule, powers: Powers) -> bool {
        let unknown = rule.effect == Effect::Deny;
        rule.powers.meets(powers)
            && rule.client.as_deref().is_none_or(|client| client == self.asker.client)
            && (rule.qos.is_empty() || self.qos.is_none_or(|qos| rule.qos.contains(&qos)))
            && rule.retain.is_none_or(|retain| self.retain.is_none_or(|asked| asked == retain))
            && rule.listener.is_none_or(|listener| self.asker.listener.map_or(unknown, |asked| asked == listener))
            && (rule.addresses.is_empty()
                || self.asker.address.map_or(unknown, |own| rule.addresses.iter().any(|network| network.contains(own))))
    }
}

impl Decision<'_> {
    const fn denied(rule: Option<&Rule>) -> Decision<'_> {
        Decision { verdict: Verdict::Denied, rule, except: Vec::new() }
    }

    /// What a client and a log are told of a denial: the place of the rule without the directories before it.
    #[must_use]
    pub fn sentence(&self, file: &str) -> String {
        let name = std::path::Path::new(file).file_name().map_or_else(|| file.into(), |name| name.to_string_lossy());
        match self.rule {
            Some(rule) => format!("denied by {name}:{}", rule.line),
            None => format!("no rule of {name} allows it"),
        }
    }
}

/// What a subscription is to, without `$share/NAME/`.
fn inner_of(filter: &str) -> (&str, bool) {
    let shared = filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
    shared.map_or((filter, false), |(_, inner)| (inner, true))
}
