//! `--property COMMAND IDENTIFIER VALUE`, or with a name and a value for a user property.
//!
//! Owns: which property may be declared for which packet, and what its value may be.
//! Spec: 2.2.2.2.

use anyhow::{Context, bail};
use postrider_client::{PropertiesBuf, Property, PropertyId};
use postrider_proto::{PropertySet, Topic, VARINT_MAX};

/// What was declared, by packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) connect: PropertiesBuf,
    pub(crate) will: PropertiesBuf,
    pub(crate) publish: PropertiesBuf,
    pub(crate) subscribe: PropertiesBuf,
    pub(crate) unsubscribe: PropertiesBuf,
    pub(crate) disconnect: PropertiesBuf,
}

/// What a client may say in PUBLISH. [MQTT-3.3.4-6]
const PUBLISH: PropertySet = PropertySet::of(&[
    PropertyId::PayloadFormatIndicator,
    PropertyId::MessageExpiryInterval,
    PropertyId::TopicAlias,
    PropertyId::ResponseTopic,
    PropertyId::CorrelationData,
    PropertyId::UserProperty,
    PropertyId::ContentType,
]);

/// What a client may say in DISCONNECT. [3.14.2.2]
const DISCONNECT: PropertySet =
    PropertySet::of(&[PropertyId::SessionExpiryInterval, PropertyId::ReasonString, PropertyId::UserProperty]);

impl Declared {
    /// Takes the words of all declarations in a row; each has three, a user property has four.
    pub(super) fn parse(words: &[String]) -> anyhow::Result<Self> {
        let mut declared = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(command) = words.next() {
            let (Some(name), Some(first)) = (words.next(), words.next()) else { bail!(USAGE) };
            let id = property_named(name).with_context(|| format!("--property: there is no property {name}"))?;
            let property = if id == PropertyId::UserProperty {
                Property::Pair(text(first)?, text(words.next().context(USAGE)?)?)
            } else {
                valued(id, first).with_context(|| format!("--property {command} {name}"))?
            };
            declared.declare(command, name, property)?;
        }
        Ok(declared)
    }

    fn declare(&mut self, command: &str, name: &str, property: Property<'_>) -> anyhow::Result<()> {
        let (properties, allowed) = match command.to_ascii_lowercase().as_str() {
            "connect" => (&mut self.connect, PropertySet::CONNECT),
            "will" => (&mut self.will, PropertySet::WILL),
            "publish" => (&mut self.publish, PUBLISH),
            "subscribe" => (&mut self.subscribe, PropertySet::SUBSCRIBE),
            "unsubscribe" => (&mut self.unsubscribe, PropertySet::UNSUBSCRIBE),
            "disconnect" => (&mut self.disconnect, DISCONNECT),
            _ => bail!("--property {command}: it is connect, will, publish, subscribe, unsubscribe or disconnect"),
        };
        let id = property.id();
        if !allowed.contains(id) {
            bail!("--property: {name} has no place in {command}");
        }
        // Topics go out in full; what an alias would mean stays the same.
        if id == PropertyId::TopicAlias {
            return Ok(());
        }
        if id != PropertyId::UserProperty && properties.as_properties().find(id).is_some() {
            bail!("--property: {name} may be declared once for {command}");
        }
        properties.push(property);
        Ok(())
    }
}

const USAGE: &str =
    "--property takes COMMAND IDENTIFIER VALUE, and for a user property COMMAND user-property NAME VALUE";

/// By the specification's name with hyphens between the words.
fn property_named(name: &str) -> Option<PropertyId> {
    PropertyId::ALL.iter().copied().find(|id| hyphenated(*id).eq_ignore_ascii_case(name))
}

/// `payload-format-indicator` and the like.
pub(crate) fn hyphenated(id: PropertyId) -> String {
    let mut name = String::new();
    for char in format!("{id:?}").chars() {
        if char.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(char.to_ascii_lowercase());
    }
    name
}

fn valued(id: PropertyId, value: &str) -> anyhow::Result<Property<'_>> {
    Ok(match id {
        PropertyId::PayloadFormatIndicator
        | PropertyId::RequestProblemInformation
        | PropertyId::RequestResponseInformation
        | PropertyId::MaximumQos
        | PropertyId::RetainAvailable
        | PropertyId::WildcardSubscriptionAvailable
        | PropertyId::SubscriptionIdentifierAvailable
        | PropertyId::SharedSubscriptionAvailable => Property::Byte(id, u8::try_from(number(value, 0, 1)?)?),
        PropertyId::ReceiveMaximum | PropertyId::TopicAlias => {
            Property::TwoBytes(id, u16::try_from(number(value, 1, u16::MAX.into())?)?)
        }
        PropertyId::ServerKeepAlive | PropertyId::TopicAliasMaximum => {
            Property::TwoBytes(id, u16::try_from(number(value, 0, u16::MAX.into())?)?)
        }
        PropertyId::MaximumPacketSize => Property::FourBytes(id, number(value, 1, u32::MAX)?),
        PropertyId::MessageExpiryInterval | PropertyId::SessionExpiryInterval | PropertyId::WillDelayInterval => {
            Property::FourBytes(id, number(value, 0, u32::MAX)?)
        }
        PropertyId::SubscriptionIdentifier => Property::Varint(id, number(value, 1, VARINT_MAX)?),
        PropertyId::ResponseTopic => {
            Topic::parse(value.as_bytes()).map_err(|error| anyhow::anyhow!("the topic is not valid: {error}"))?;
            Property::Text(id, text(value)?)
        }
        PropertyId::ContentType
        | PropertyId::AssignedClientIdentifier
        | PropertyId::AuthenticationMethod
        | PropertyId::ResponseInformation
        | PropertyId::ServerReference
        | PropertyId::ReasonString => Property::Text(id, text(value)?),
        PropertyId::CorrelationData | PropertyId::AuthenticationData => {
            text(value)?;
            Property::Binary(id, value.as_bytes())
        }
        PropertyId::UserProperty => bail!(USAGE),
    })
}

fn number(value: &str, from: u32, to: u32) -> anyhow::Result<u32> {
    let number = value.parse().ok().filter(|number| (from..=to).contains(number));
    number.with_context(|| format!("{value} is not a number from {from} to {to}"))
}

fn text(value: &str) -> anyhow::Result<postrider_client::Text<'_>> {
    if value.len() > usize::from(u16::MAX) {
        bail!("--property: a text has at most 65,535 bytes");
    }
    Ok(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Declared> {
        Declared::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn properties_go_to_the_packets_they_are_declared_for() {
        let line = "publish user-property a b PUBLISH Topic-Alias 3 connect user-property c d will will-delay-interval 9 \
                    publish user-property a b subscribe subscription-identifier 268435455";
        let declared = parse(line).unwrap();
        let pair = Property::Pair("a".into(), "b".into());
        assert_eq!(declared.publish.as_properties().iter().collect::<Vec<_>>(), [pair, pair]);
        assert_eq!(declared.connect.as_properties().iter().count(), 1);
        assert_eq!(declared.will.as_properties().number(PropertyId::WillDelayInterval), Some(9));
        assert_eq!(declared.subscribe.as_properties().number(PropertyId::SubscriptionIdentifier), Some(VARINT_MAX));
    }

    #[test]
    fn what_cannot_be_declared_is_named() {
        for (line, why) in [
            ("publish", "takes COMMAND IDENTIFIER VALUE"),
            ("publish content-type", "takes COMMAND IDENTIFIER VALUE"),
            ("publish user-property a", "takes COMMAND IDENTIFIER VALUE"),
            ("publish colour blue", "no property colour"),
            ("post content-type a", "it is connect, will"),
            ("puback user-property a b", "it is connect, will"),
            ("publish receive-maximum 3", "has no place in publish"),
            ("publish subscription-identifier 3", "has no place in publish"),
            ("publish topic-alias 0", "0 is not a number from 1 to 65535"),
            ("publish topic-alias 65536", "65536 is not a number"),
            ("publish topic-alias x", "x is not a number"),
            ("publish payload-format-indicator 2", "a number from 0 to 1"),
            ("publish response-topic a/#", "topic is not valid"),
            ("publish content-type a publish content-type b", "may be declared once"),
            ("subscribe subscription-identifier 268435456", "is not a number"),
        ] {
            let error = format!("{:#}", parse(line).expect_err(line));
            assert!(error.contains(why), "{line}: {error}");
        }
        let long = ["publish", "content-type", &"x".repeat(65_536)].map(str::to_owned);
        assert!(Declared::parse(&long).is_err());
    }
}
