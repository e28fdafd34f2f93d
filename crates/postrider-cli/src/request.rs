//! `postrider rr`: publishes a request, prints the first response and ends.
//!
//! Spec: 4.10.

use crate::args::{Plan, Rr};
use crate::contact;
use crate::output::Printer;
use anyhow::{Context, anyhow, bail};
use postrider_client::{
    Client, Event, Message, Property, PropertyId, Publication, ReasonCode, RetainHandling, SubscribeOptions, Version,
};
use postrider_proto::Topic;
use std::io::ErrorKind;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) fn run(args: &Rr) -> anyhow::Result<ExitCode> {
    let plan = args.connection.plan(Version::V5)?;
    let Some(topic) = plan.topic.as_ref().or(args.topic.as_ref()) else {
        bail!("nowhere to publish the request to: give a topic with --topic TOPIC, or with --url");
    };
    let Some(response_topic) = &args.response_topic else {
        bail!("nowhere to wait for the response: give a topic with --response-topic TOPIC");
    };
    if !args.source.is_given() {
        bail!("no request: give --message, --file, --null-message or --stdin-file");
    }
    let mut request = Publication::new(topic, Vec::new()).qos(args.qos);
    request.properties = plan.declared.publish.clone();
    if plan.options.version.is_v5() {
        let checked = Topic::parse(response_topic.as_bytes());
        checked.map_err(|error| anyhow!("the response topic is not valid: {error}"))?;
    }
    if request.properties.as_properties().find(PropertyId::ResponseTopic).is_none() {
        request = request.property(Property::Text(PropertyId::ResponseTopic, response_topic.as_str().into()));
    }
    let result = crate::runtime()?.block_on(ask(args, &plan, request, response_topic));
    Ok(contact::end(result, plan.options.version, &args.connection))
}

async fn ask(args: &Rr, plan: &Plan, mut request: Publication, response_topic: &str) -> anyhow::Result<ExitCode> {
    request.payload = args.source.read()?.into();
    let address = || plan.options.address.clone();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut client = contact::client(plan, &args.connection);
    let mut printer = Printer::new(&args.output, &plan.options.address)?;
    let options = SubscribeOptions {
        retain_handling: if args.output.no_retained { RetainHandling::Never } else { RetainHandling::Always },
        ..SubscribeOptions::of(args.qos)
    };
    client.subscribe_with(&[(response_topic, options)], plan.declared.subscribe.clone())?;
    client.reconnect().await.with_context(address)?;
    let end = tokio::select! {
        response = response(&mut client, args, request) => {
            let printed = response.with_context(address).and_then(|response| print(&mut printer, &response, args));
            printed.map(|()| ExitCode::SUCCESS)
        }
        end = contact::elapsed(args.output.timeout, &args.connection) => Ok(end),
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
    };
    // The response is printed; a connection that is gone already changes nothing.
    let _ = client.disconnect_with(ReasonCode::Success, &plan.declared.disconnect).await;
    end
}

/// Publishes the request once the subscription stands, and waits for the first message.
async fn response(client: &mut Client, args: &Rr, request: Publication) -> anyhow::Result<Message> {
    let mut request = Some(request);
    loop {
        #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else tells of the request or the response")]
        match client.next().await? {
            Event::Message(message) if !(message.retain && args.output.no_retained) => return Ok(message),
            Event::Subscribed { codes, .. } => {
                if let Some(code) = codes.iter().find(|code| code.is_error()) {
                    bail!("the server refused the subscription to the response topic: {}", code.text());
                }
                if let Some(request) = request.take() {
                    client.publish(request)?;
                }
            }
            Event::Acknowledged { reason, .. } if reason.is_error() => {
                bail!("the server refused the request: {}", reason.text());
            }
            _ => {}
        }
    }
}

fn print(printer: &mut Printer<'_>, response: &Message, args: &Rr) -> anyhow::Result<()> {
    match printer.print(response) {
        Ok(errors) => errors.into_iter().for_each(|error| contact::complain(&anyhow!(error), &args.connection)),
        // The reader has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
