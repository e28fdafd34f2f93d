//! CONNECT, up to the question who the client is.
//!
//! Owns: what is checked before anything in the broker changes.
//! Spec: 3.1.

use crate::accept::{Candidate, Refusal};
use crate::judge::Pending;
use crate::links::LinkState;
use crate::will::Will;
use crate::{Effect, Engine, Judge, LinkId, Tray, Who};
use postrider_ports::{AuthenticateRequest, ClientId, ListenerId, Peer};
use postrider_proto::{Connect, Property, PropertyId, ReasonCode, Start, Version};
use postrider_session::Now;

impl Engine {
    /// A link has sent CONNECT.
    pub(crate) fn on_linked(&mut self, now: Now, link: LinkId, connect: &Connect<'_>, peer: &Peer, tray: &mut Tray) {
        self.links.open(link, peer.listener());
        let candidate = match self.admit_candidate(now, connect, peer) {
            Ok(candidate) => candidate,
            Err(refusal) => {
                let client_id = ClientId::from(connect.client_id.as_str());
                self.refuse(link, connect.version, &client_id, peer, &refusal, tray);
                return;
            }
        };
        if self.limits.authenticate == Who::Plugin {
            self.ask_who(link, Box::new(candidate), tray);
            return;
        }
        if candidate.method.is_some() {
            // [MQTT-4.12.0-1]
            let refusal = Refusal::of(ReasonCode::BadAuthenticationMethod);
            self.refuse(link, candidate.version, &candidate.client_id, peer, &refusal, tray);
            return;
        }
        self.accept_or_ask_about_will(now, link, Box::new(candidate), tray);
    }

    /// Rates and bans first: what they refuse shall cost little.
    fn admit_candidate(&mut self, now: Now, connect: &Connect<'_>, peer: &Peer) -> Result<Candidate, Refusal> {
        if !self.may_connect_now(now, peer.listener()) {
            return Err(Refusal::of(ReasonCode::ConnectionRateExceeded));
        }
        let own = self.limits.at(peer.listener());
        if own.is_some_and(|own| own.refused_versions.contains(&connect.version)) {
            return Err(Refusal::of(ReasonCode::UnsupportedProtocolVersion));
        }
        let candidate = self.candidate(connect, peer)?;
        if self.is_banned(now, &candidate.client_id) {
            return Err(Refusal::of(ReasonCode::Banned));
        }
        Ok(candidate)
    }

    /// Everything that a CONNECT says, checked against our limits. Changes nothing.
    fn candidate(&mut self, connect: &Connect<'_>, peer: &Peer) -> Result<Candidate, Refusal> {
        let properties = connect.properties;
        let number = |id| properties.number(id);
        let will = match &connect.will {
            Some(will) if !self.is_well_formed(will.properties, will.payload) => {
                return Err(Refusal::of(ReasonCode::PayloadFormatInvalid));
            }
            Some(will) => Some(Box::new(Will::of(will, peer.listener(), &self.limits)?)),
            None => None,
        };
        let keep_alive_s = self.keep_alive_s(connect, peer.listener())?;
        let (client_id, is_assigned) = self.client_id(connect, peer.listener())?;
        let expiry_s = match (connect.version, connect.start) {
            (Version::V5, _) => number(PropertyId::SessionExpiryInterval).unwrap_or(0),
            (Version::V3_1 | Version::V3_1_1, Start::Clean) => 0,
            (Version::V3_1 | Version::V3_1_1, Start::Resume) => self.limits.session_expiry_v3_s.max(1),
        };
        let text = |id| properties.text(id).map(|text| Box::from(text.as_str()));
        Ok(Candidate {
            version: connect.version,
            is_bridge: connect.is_bridge,
            start: connect.start,
            keep_alive_s,
            is_keep_alive_ours: keep_alive_s != connect.keep_alive_s,
            client_id,
            is_assigned,
            will,
            expiry_s: expiry_s.min(self.limits.session_expiry_s_max),
            is_expiry_ours: expiry_s > self.limits.session_expiry_s_max && connect.version.is_v5(),
            receive_maximum: properties.two_bytes(PropertyId::ReceiveMaximum).unwrap_or(u16::MAX),
            topic_alias_max: properties.two_bytes(PropertyId::TopicAliasMaximum).unwrap_or(0),
            packet_bytes_max: number(PropertyId::MaximumPacketSize).unwrap_or(u32::MAX),
            wants_problems: number(PropertyId::RequestProblemInformation) != Some(0),
            wants_response_information: number(PropertyId::RequestResponseInformation) == Some(1),
            user_name: connect.user_name.map(|name| name.as_str().into()),
            password: connect.password.map(Box::from),
            method: text(PropertyId::AuthenticationMethod),
            data: properties.binary(PropertyId::AuthenticationData).map(Box::from),
            user_properties: user_properties(connect),
            peer: peer.clone(),
            steps: 0,
            principal: None,
            answer_data: None,
            answer_properties: Vec::new(),
        })
    }

    /// The keep alive that will hold: the client's, or ours where it asks for a longer one. 3.1 and 3.1.1
    /// clients cannot be told, so they are refused instead. [MQTT-3.2.2-21]
    fn keep_alive_s(&self, connect: &Connect<'_>, listener: ListenerId) -> Result<u16, Refusal> {
        let (asked, limit) = (connect.keep_alive_s, self.limits.keep_alive_s_max_at(listener));
        if limit == 0 || (asked != 0 && asked <= limit) {
            return Ok(asked);
        }
        if connect.version.is_v5() { Ok(limit) } else { Err(Refusal::of(ReasonCode::ClientIdentifierNotValid)) }
    }

    /// The client's identifier, or one of ours for an empty one. [MQTT-3.1.3-6], [MQTT-3.1.3-8]
    fn client_id(&mut self, connect: &Connect<'_>, listener: ListenerId) -> Result<(ClientId, bool), Refusal> {
        let own = self.limits.at(listener);
        let name = match own.filter(|own| own.client_id_is_user_name) {
            None => connect.client_id,
            Some(_) => match connect.user_name {
                Some(name) if !name.is_empty() => name,
                Some(_) | None => return Err(Refusal::of(ReasonCode::BadUserNameOrPassword)),
            },
        };
        if !name.is_empty() {
            let prefixes = &self.limits.client_id_prefixes;
            if !prefixes.is_empty() && !prefixes.iter().any(|prefix| name.as_str().starts_with(&**prefix)) {
                return Err(Refusal::of(ReasonCode::NotAuthorized));
            }
            return Ok((ClientId::from(name.as_str()), false));
        }
        let may_be_empty = match connect.version {
            Version::V3_1 => false,
            Version::V3_1_1 => connect.start == Start::Clean,
            Version::V5 => true,
        };
        let assigns = own.and_then(|own| own.assigns_client_ids).unwrap_or(self.limits.assigns_client_ids);
        if !may_be_empty || !assigns {
            return Err(Refusal::of(ReasonCode::ClientIdentifierNotValid));
        }
        let prefix = own.and_then(|own| own.client_id_prefix.as_deref()).unwrap_or(&self.limits.client_id_prefix);
        loop {
            let name = format!("{prefix}{:016x}", self.entropy.next_u64());
            if self.sessions.find(&name).is_none() {
                return Ok((ClientId::from(name.as_str()), true));
            }
        }
    }

    /// Asks the plugin who this is; nothing changes before it answers. A12
    pub(crate) fn ask_who(&mut self, link: LinkId, mut candidate: Box<Candidate>, tray: &mut Tray) {
        let ticket = self.next_ticket();
        let request = AuthenticateRequest {
            client_id: candidate.client_id.clone(),
            user_name: candidate.user_name.clone(),
            password: candidate.password.take(),
            method: candidate.method.clone(),
            data: candidate.data.take(),
            step: candidate.steps,
            is_again: false,
            user_properties: candidate.user_properties.clone(),
            version: candidate.version,
            peer: candidate.peer.clone(),
        };
        self.links.insert(link, LinkState::Asking(candidate, ticket));
        self.pending.insert(ticket, Pending::Authenticate(link));
        tray.push(Effect::Judge { ticket, question: Box::new(Judge::Authenticate(request)) });
    }
}

fn user_properties(connect: &Connect<'_>) -> Vec<(Box<str>, Box<str>)> {
    let pair = |property| {
        let Property::Pair(name, value) = property else { return None };
        Some((Box::from(name.as_str()), Box::from(value.as_str())))
    };
    connect.properties.iter().filter_map(pair).collect()
}
