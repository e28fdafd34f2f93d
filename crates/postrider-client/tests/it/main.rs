//! A client's conversation against the broker's engine on a fake wire, and against servers that misbehave.

mod against_a_script;
mod against_the_engine;
mod on_a_socket;
mod readme;
mod said;
mod unsaid;
mod wire;
