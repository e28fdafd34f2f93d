//! What a key's value is on its way between a text and the tree.
//!
//! Owns: the few shapes there are, and how plain fields take and give them.

mod forms;
mod words;

use crate::model::Secret;
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) use words::{EDITIONS, Words};

/// A key's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The section it belongs to is not there.
    Absent,
    /// Nobody says; the program finds out.
    Auto,
    /// Yes or no.
    Flag(bool),
    /// In the key's own unit.
    Number(u64),
    /// Any text, a word of a list, a path.
    Text(String),
    /// Several of these.
    List(Vec<String>),
    /// Lists by name.
    Map(BTreeMap<String, Vec<String>>),
    /// What nobody may read.
    Hidden(Secret),
}

/// A field that a key stands for.
pub(crate) trait Plain {
    fn value(&self) -> Value;

    /// What is wrong with it, said to the writer, or `Ok`.
    fn take(&mut self, value: Value) -> Result<(), String>;
}

fn misfit(wanted: &str) -> String {
    format!("it is {wanted}")
}

impl Plain for bool {
    fn value(&self) -> Value {
        Value::Flag(*self)
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        let Value::Flag(flag) = value else { return Err(misfit("true or false")) };
        *self = flag;
        Ok(())
    }
}

macro_rules! number {
    ($($type:ty),*) => {
        $(impl Plain for $type {
            fn value(&self) -> Value {
                Value::Number(u64::from(*self))
            }

            fn take(&mut self, value: Value) -> Result<(), String> {
                let Value::Number(number) = value else { return Err(misfit("a number")) };
                *self = number.try_into().map_err(|_| format!("it is at most {}", Self::MAX))?;
                Ok(())
            }
        })*
    };
}

number!(u8, u16, u32, u64);

impl Plain for String {
    fn value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        let Value::Text(text) = value else { return Err(misfit("a text")) };
        *self = text;
        Ok(())
    }
}

impl Plain for PathBuf {
    fn value(&self) -> Value {
        Value::Text(self.to_string_lossy().into_owned())
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        let Value::Text(text) = value else { return Err(misfit("a path")) };
        *self = Self::from(text);
        Ok(())
    }
}

impl Plain for Secret {
    fn value(&self) -> Value {
        Value::Hidden(self.clone())
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        let Value::Hidden(secret) = value else { return Err(misfit("a text")) };
        *self = secret;
        Ok(())
    }
}

impl Plain for Vec<String> {
    fn value(&self) -> Value {
        Value::List(self.clone())
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        let Value::List(list) = value else { return Err(misfit("a list of texts")) };
        *self = list;
        Ok(())
    }
}

/// The empty text is nothing, and so is the word for what the program finds out.
impl<T: Plain + Blank> Plain for Option<T> {
    fn value(&self) -> Value {
        self.as_ref().map_or(T::NOTHING, T::value)
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        if value == T::NOTHING {
            *self = None;
            return Ok(());
        }
        let mut inner = T::blank();
        inner.take(value)?;
        *self = Some(inner);
        Ok(())
    }
}

/// Something to take a value into, and what stands for none of it.
pub(crate) trait Blank {
    const NOTHING: Value;

    fn blank() -> Self;
}

macro_rules! blank {
    ($($type:ty => $blank:expr, $nothing:expr;)*) => {
        $(impl Blank for $type {
            const NOTHING: Value = $nothing;

            fn blank() -> Self {
                $blank
            }
        })*
    };
}

blank! {
    bool => false, Value::Auto;
    u16 => 0, Value::Auto;
    u32 => 0, Value::Auto;
    u64 => 0, Value::Auto;
    String => String::new(), Value::Text(String::new());
    PathBuf => PathBuf::new(), Value::Text(String::new());
    Secret => Secret::new(String::new()), Value::Text(String::new());
    crate::model::Durability => crate::model::Durability::Memory, Value::Auto;
}

impl Plain for Option<BTreeMap<String, Vec<String>>> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Auto, |map| Value::Map(map.clone()))
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        *self = match value {
            Value::Auto => None,
            Value::Map(map) => Some(map),
            Value::Absent | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Hidden(_) => {
                return Err(misfit("a table of lists"));
            }
        };
        Ok(())
    }
}
