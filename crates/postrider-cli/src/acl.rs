//! `postrider acl`: rules as people ask about them.
//!
//! Owns: the words of the answer. The exit code says it too: 0 is yes, 1 is no.

use crate::args::{Acl, Action, Explain, What};
use crate::events::shown;
use crate::serve::say;
use anyhow::{anyhow, bail};
use postrider_auth::acl::{Asker, Decision, Rule, Rules, Verdict, Wish};
use postrider_proto::{Filter, Topic};
use serde_json::json;
use std::process::ExitCode;

pub(crate) fn run(args: &Acl) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Explain(args) => explain(args),
        What::Check { file } => {
            let rules = Rules::read(file)?;
            say(&format!("{}: {}", file.display(), count(&rules)));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// How many rules there are, and what it means if there are none.
pub(crate) fn count(rules: &Rules) -> String {
    match rules.len() {
        0 => "no rules: everything is denied".to_owned(),
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    }
}

fn explain(args: &Explain) -> anyhow::Result<ExitCode> {
    let rules = Rules::read(&args.acl)?;
    let decision = rules.judge(&asker(args), &wish(args)?);
    if args.json {
        say(&json(args, &rules, &decision).to_string());
    } else {
        sentences(args, &rules, &decision).iter().for_each(|line| say(line));
    }
    Ok(match decision.verdict {
        Verdict::Allowed => ExitCode::SUCCESS,
        Verdict::Denied => ExitCode::FAILURE,
    })
}

fn asker(args: &Explain) -> Asker<'_> {
    Asker { user: args.user.as_deref(), client: &args.client, address: args.address, listener: args.listener }
}

fn wish(args: &Explain) -> anyhow::Result<Wish<'_>> {
    let topic = args.topic.as_str();
    let what = shown(topic);
    if args.action == Action::Subscribe {
        Filter::parse(topic.as_bytes()).map_err(|error| anyhow!("{what} is no topic filter: {error}"))?;
        return Ok(Wish::Subscribe { filter: topic, qos: args.qos });
    }
    if let Err(error) = Topic::parse(topic.as_bytes()) {
        bail!("{what} is no topic: {error}");
    }
    Ok(match args.action {
        Action::Publish => Wish::Publish { topic, qos: args.qos, retain: args.retain },
        Action::Receive | Action::Subscribe => Wish::Receive { topic },
    })
}

fn sentences(args: &Explain, rules: &Rules, decision: &Decision<'_>) -> Vec<String> {
    let who =
        args.user.as_ref().map_or_else(|| "an anonymous client".to_owned(), |user| format!("user {}", shown(user)));
    let verdict = verdict(decision);
    let mut lines = vec![format!("{verdict}: {who} wants to {} {}", args.action.name(), shown(&args.topic))];
    lines.push(match decision.rule {
        Some(rule) => place(rules, rule),
        None => format!("no rule of {} allows it; what no rule allows is denied", rules.file()),
    });
    for (filter, rule) in &decision.except {
        lines.push(format!("but not delivered: {} ({})", shown(filter), place(rules, rule)));
    }
    lines
}

const fn verdict(decision: &Decision<'_>) -> &'static str {
    match decision.verdict {
        Verdict::Allowed => "allowed",
        Verdict::Denied => "denied",
    }
}

fn place(rules: &Rules, rule: &Rule) -> String {
    format!("{}:{}: {}", rules.file(), rule.line(), shown(rule.text()))
}

fn json(args: &Explain, rules: &Rules, decision: &Decision<'_>) -> serde_json::Value {
    let of = |rule: &Rule| json!({ "file": rules.file(), "line": rule.line(), "text": rule.text() });
    let except = |(filter, rule): &(Box<str>, &Rule)| json!({ "filter": **filter, "rule": of(rule) });
    json!({
        "verdict": verdict(decision),
        "action": args.action.name(),
        "topic": args.topic,
        "user": args.user,
        "client": args.client,
        "rule": decision.rule.map(of),
        "except": decision.except.iter().map(except).collect::<Vec<_>>(),
    })
}
