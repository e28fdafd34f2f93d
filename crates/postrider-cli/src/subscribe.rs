//! `postrider sub`: prints what comes.

use crate::args::{Plan, Sub};
use crate::contact;
use crate::events::shown;
use crate::output::Printer;
use anyhow::{Context, anyhow, bail};
use postrider_client::{Client, Event, Message, Publication, Qos, ReasonCode, Version};
use postrider_proto::{Filter, Topic};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) fn run(args: &Sub) -> anyhow::Result<ExitCode> {
    let mut plan = args.connection.plan(Version::V3_1_1)?;
    let filters: Vec<_> = args.topic.iter().cloned().chain(plan.topic.take()).collect();
    if filters.is_empty() && args.unsubscribe.is_empty() {
        bail!("nothing to subscribe to: give a topic filter with --topic FILTER, or with --url");
    }
    let result = crate::runtime()?.block_on(subscribe(args, &plan, filters));
    Ok(contact::end(result, plan.options.version, &args.connection))
}

async fn subscribe(args: &Sub, plan: &Plan, filters: Vec<String>) -> anyhow::Result<ExitCode> {
    let address = &plan.options.address;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut client = contact::client(plan, &args.connection);
    let printer = Printer::new(&args.output, address)?;
    let left = args.count.unwrap_or(u64::MAX);
    let mut subscriber = Subscriber { args, plan, filters, printer, left, answers: 0, has_stood: false };
    // What is wrong with a filter is told before anything is sent.
    subscriber.ask(&mut client)?;
    client.reconnect().await.with_context(|| address.clone())?;
    let end = tokio::select! {
        end = subscriber.hear(&mut client) => end.map(|()| ExitCode::SUCCESS),
        end = contact::elapsed(args.output.timeout, &args.connection) => Ok(end),
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
    };
    // What is to be cleared should be; a server that does not answer is not waited for.
    if args.remove_retained {
        let _ = tokio::time::timeout(PATIENCE, client.flush()).await;
    }
    // The messages are printed; a connection that is gone already changes nothing.
    let _ = client.disconnect_with(ReasonCode::Success, &plan.declared.disconnect).await;
    end
}

/// How long the clearing of retained messages may take at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    More,
    End,
}

struct Subscriber<'a> {
    args: &'a Sub,
    plan: &'a Plan,
    filters: Vec<String>,
    printer: Printer<'a>,
    /// Messages until the end.
    left: u64,
    /// Requests that were not answered yet.
    answers: u32,
    /// Whether the server ever answered one: it is worth to come back.
    has_stood: bool,
}

impl Subscriber<'_> {
    /// Subscriptions first, then what is to be ended.
    fn ask(&mut self, client: &mut Client) -> anyhow::Result<()> {
        let options = self.args.options();
        let filters: Vec<_> = self.filters.iter().map(|filter| (&**filter, options)).collect();
        self.answers = 0;
        if !filters.is_empty() {
            client.subscribe_with(&filters, self.plan.declared.subscribe.clone())?;
            self.answers += 1;
        }
        let filters: Vec<_> = self.args.unsubscribe.iter().map(|filter| &**filter).collect();
        if !filters.is_empty() {
            client.unsubscribe_with(&filters, self.plan.declared.unsubscribe.clone())?;
            self.answers += 1;
        }
        Ok(())
    }

    /// Prints what comes, over as many connections as it takes.
    async fn hear(&mut self, client: &mut Client) -> anyhow::Result<()> {
        loop {
            match client.next().await {
                Ok(event) => {
                    if self.on_event(event, client)? == Next::End {
                        return Ok(());
                    }
                }
                Err(error) if !self.has_stood => return Err(error).with_context(|| self.plan.options.address.clone()),
                Err(error) => {
                    contact::reconnect(client, error, &self.args.connection).await?;
                    self.ask(client)?;
                }
            }
        }
    }

    fn on_event(&mut self, event: Event, client: &mut Client) -> anyhow::Result<Next> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else was asked for")]
        match event {
            Event::Message(message) => return self.on_message(&message, client),
            Event::Subscribed { codes, .. } => self.check_granted(&codes)?,
            Event::Unsubscribed { .. } => {}
            _ => return Ok(Next::More),
        }
        self.has_stood = true;
        self.answers = self.answers.saturating_sub(1);
        let is_over = self.args.exit_after_subscribing && self.answers == 0;
        Ok(if is_over { Next::End } else { Next::More })
    }

    fn on_message(&mut self, message: &Message, client: &mut Client) -> anyhow::Result<Next> {
        let args = self.args;
        if args.retained_only && !message.retain {
            return Ok(Next::End);
        }
        let topic = Topic::trusted(message.topic.as_bytes());
        if args.filter_out.iter().any(|filter| Filter::trusted(filter.as_bytes()).matches(topic)) {
            return Ok(Next::More);
        }
        // An empty one is the answer to such a request.
        if args.remove_retained && message.retain && !message.payload.is_empty() {
            client.publish(Publication::new(&message.topic, "").qos(Qos::AtLeastOnce).retained())?;
        }
        // Whoever could not tell the server leaves it out here.
        if message.retain && args.output.no_retained {
            return Ok(Next::More);
        }
        if args.random_filter.is_none_or(is_chosen) && self.print(message)? == Next::End {
            return Ok(Next::End);
        }
        self.left -= 1;
        Ok(if self.left == 0 { Next::End } else { Next::More })
    }

    fn print(&mut self, message: &Message) -> anyhow::Result<Next> {
        match self.printer.print(message) {
            Ok(errors) => {
                errors.into_iter().for_each(|error| contact::complain(&anyhow!(error), &self.args.connection));
                Ok(Next::More)
            }
            // The reader has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Next::End),
            Err(error) => Err(error.into()),
        }
    }

    /// Some filters may be refused as long as one is not.
    fn check_granted(&self, codes: &[ReasonCode]) -> anyhow::Result<()> {
        let refused = self.filters.iter().zip(codes).filter(|(_, code)| code.is_error());
        let reasons: Vec<_> = refused.map(|(filter, code)| format!("{} ({})", shown(filter), code.text())).collect();
        if !reasons.is_empty() && reasons.len() == self.filters.len() {
            bail!("the server refused the subscription to {}", reasons.join(", "));
        }
        if !reasons.is_empty() {
            let error = anyhow!("the server refused the subscription to {}", reasons.join(", "));
            contact::complain(&error, &self.args.connection);
        }
        Ok(())
    }
}

/// True for so many percent of the calls, by chance.
fn is_chosen(percent: f64) -> bool {
    // A fresh hasher has keys that nobody can tell beforehand.
    let chance = RandomState::new().hash_one(0) % 1_000_000;
    let chance = u32::try_from(chance).unwrap_or_default();
    f64::from(chance) < percent * 10_000.0
}
