//! A server that says what it is told to, whatever it hears.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// A server on a free port; each connection gets the next answers, one for each time it says something.
pub(crate) struct Listening {
    port: u16,
    thread: JoinHandle<Vec<Vec<u8>>>,
}

impl Listening {
    /// The answers of each connection, which is closed after the last of them.
    pub(crate) fn start(connections: &[&[&[u8]]]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let connections: Vec<Vec<Vec<u8>>> =
            connections.iter().map(|answers| answers.iter().map(|answer| answer.to_vec()).collect()).collect();
        let thread = spawn(move || connections.into_iter().map(|answers| converse(&listener, &answers)).collect());
        Self { port, thread }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What each connection has said.
    pub(crate) fn heard(self) -> Vec<Vec<u8>> {
        self.thread.join().expect("all connections came")
    }
}

fn converse(listener: &TcpListener, answers: &[Vec<u8>]) -> Vec<u8> {
    let (mut stream, _) = listener.accept().expect("somebody connects");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let mut heard = Vec::new();
    for answer in answers {
        hear(&mut stream, &mut heard);
        stream.write_all(answer).expect("it listens");
    }
    heard
}

fn hear(stream: &mut TcpStream, heard: &mut Vec<u8>) {
    let mut buffer = [0; 4096];
    let len = stream.read(&mut buffer).expect("it speaks");
    heard.extend_from_slice(&buffer[..len]);
}
