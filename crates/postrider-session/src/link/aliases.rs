//! Topic aliases that the far end uses towards us.
//!
//! Owns: which name an alias stands for; it dies with the link. [MQTT-3.3.2-7]

use crate::Violation;
use postrider_proto::{PropertyId, Publish, Topic};

/// Names by alias, 1 to the maximum we announced.
#[derive(Clone, Debug)]
pub(super) struct Aliases {
    names: Vec<Box<[u8]>>,
    maximum: u16,
}

impl Aliases {
    pub(super) const fn new(maximum: u16) -> Self {
        Self { names: Vec::new(), maximum }
    }

    /// Learns the alias of a PUBLISH that brings name and alias, puts the name where only the alias is.
    ///
    /// [MQTT-3.3.2-8], [MQTT-3.3.2-9], [MQTT-3.3.2-12]
    pub(super) fn resolve<'a>(&'a mut self, mut publish: Publish<'a>) -> Result<Publish<'a>, Violation> {
        let Some(alias) = publish.properties.two_bytes(PropertyId::TopicAlias) else {
            return Ok(publish);
        };
        if alias == 0 || alias > self.maximum {
            return Err(Violation::AliasOutOfRange);
        }
        let at = usize::from(alias) - 1;
        if publish.topic.is_aliased() {
            let name = self.names.get(at).filter(|name| !name.is_empty()).ok_or(Violation::AliasUnknown)?;
            publish.topic = Topic::trusted(name);
        } else {
            if self.names.len() <= at {
                self.names.resize(at + 1, Box::default());
            }
            self.names[at] = publish.topic.as_bytes().into();
        }
        Ok(publish)
    }
}
