//! A message as a JSON object.
//!
//! Owns: the members and their order, which are those of mosquitto's command.
//! Never: changes a number or a string of a payload that is JSON already.

use super::clock;
use crate::args::hyphenated;
use crate::events::shown;
use jiff::Zoned;
use postrider_client::{Message, Properties, Property, PropertyId};
use serde_json::Value;

/// How the payload stands in the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// As a string.
    Quoted,
    /// As the JSON that it is.
    Embedded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    OneLine,
    Tabs,
}

/// The whole object; an error when the payload is to be embedded and is not JSON.
pub(super) fn document(message: &Message, now: &Zoned, payload: Payload, layout: Layout) -> Result<String, String> {
    let time = clock::text(now, "%FT%T.%6f%z");
    let mut members = vec![
        member("tst", &quoted(&time)),
        member("topic", &quoted(&message.topic)),
        member("qos", &(message.qos as u8).to_string()),
        member("retain", &u8::from(message.retain).to_string()),
        member("payloadlen", &message.payload.len().to_string()),
    ];
    members.extend(message.packet_id.map(|id| member("mid", &id.to_string())));
    if !message.properties.is_empty() {
        members.push(member("properties", &properties(message.properties.as_properties())));
    }
    members.push(member("payload", &payload_text(message, payload)?));
    Ok(laid_out(&format!("{{{}}}", members.join(",")), layout))
}

fn payload_text(message: &Message, payload: Payload) -> Result<String, String> {
    if message.payload.is_empty() {
        return Ok("null".to_owned());
    }
    if payload == Payload::Quoted {
        return Ok(quoted(&String::from_utf8_lossy(&message.payload)));
    }
    let text = std::str::from_utf8(&message.payload).ok().filter(|text| serde_json::from_str::<Value>(text).is_ok());
    let text = text.ok_or_else(|| format!("the payload on {} is not JSON", shown(&message.topic)))?;
    Ok(text.to_owned())
}

fn properties(properties: Properties<'_>) -> String {
    let mut members = Vec::new();
    let users: Vec<_> = properties.iter().filter_map(user_member).collect();
    let mut users = Some(users);
    for property in properties.iter() {
        let id = property.id();
        let value = match property {
            // All of them, where the first one stands.
            Property::Pair(..) => match users.take() {
                Some(users) => {
                    members.push(member("user-properties", &format!("{{{}}}", users.join(","))));
                    continue;
                }
                None => continue,
            },
            Property::Text(_, text) => quoted(text.as_str()),
            Property::Binary(_, bytes) => quoted(&String::from_utf8_lossy(bytes)),
            Property::Byte(_, number) => number.to_string(),
            Property::TwoBytes(_, number) => number.to_string(),
            Property::FourBytes(_, number) | Property::Varint(_, number) => number.to_string(),
            _ => continue,
        };
        members.push(member(&hyphenated(id), &value));
    }
    format!("{{{}}}", members.join(","))
}

fn user_member(property: Property<'_>) -> Option<String> {
    let Property::Pair(name, value) = property else { return None };
    debug_assert_eq!(property.id(), PropertyId::UserProperty);
    Some(member(name.as_str(), &quoted(value.as_str())))
}

fn member(name: &str, value: &str) -> String {
    format!("{}:{value}", quoted(name))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Valid JSON with its white space anew; strings and numbers stay as they are.
fn laid_out(json: &str, layout: Layout) -> String {
    let mut out = String::with_capacity(json.len());
    let mut open = Vec::new();
    let mut chars = json.chars();
    while let Some(char) = chars.next() {
        match char {
            char if char.is_ascii_whitespace() => {}
            '"' => string(&mut chars, &mut out),
            char if layout == Layout::OneLine => out.push(char),
            '{' | '[' => {
                open.push(char);
                out.push(char);
                if char == '{' {
                    line(open.len(), &mut out);
                }
            }
            '}' | ']' => {
                open.pop();
                if char == '}' {
                    out.truncate(out.trim_end_matches(['\n', '\t']).len());
                    line(open.len(), &mut out);
                }
                out.push(char);
            }
            ',' if open.last() == Some(&'{') => {
                out.push(char);
                line(open.len(), &mut out);
            }
            ',' => out.push_str(", "),
            ':' => out.push_str(":\t"),
            char => out.push(char),
        }
    }
    out
}

fn line(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n('\t', depth));
}

/// Copies a string whose opening quotation mark was taken.
fn string(chars: &mut std::str::Chars<'_>, out: &mut String) {
    out.push('"');
    while let Some(char) = chars.next() {
        out.push(char);
        match char {
            '"' => return,
            '\\' => out.extend(chars.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_and_everything_else_stays() {
        let json = " { \"a b\\\" \" : [ 1.50 , 12345678901234567890, \"\\u00e9\\\\\" ] , \"c\":{ } }\n";
        assert_eq!(
            laid_out(json, Layout::OneLine),
            "{\"a b\\\" \":[1.50,12345678901234567890,\"\\u00e9\\\\\"],\"c\":{}}"
        );
    }

    #[test]
    fn tabs_stand_where_mosquittos_command_puts_them() {
        let json = r#"{"a":1,"b":[1.5,{"q":[]},{}],"s":"{,:}"}"#;
        let expected = "{\n\t\"a\":\t1,\n\t\"b\":\t[1.5, {\n\t\t\t\"q\":\t[]\n\t\t}, {\n\t\t}],\n\t\"s\":\t\"{,:}\"\n}";
        assert_eq!(laid_out(json, Layout::Tabs), expected);
    }
}
