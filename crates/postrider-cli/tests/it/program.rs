//! Programs that are started, given input, and listened to.
//!
//! Owns: their processes, which end with the test at the latest, and the threads that read what they print.

use crate::patience::{PATIENCE, until};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{JoinHandle, spawn};

/// A program that runs.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<JoinHandle<Vec<u8>>>,
    errors: Option<JoinHandle<Vec<u8>>>,
}

/// A program that ran.
#[derive(Debug)]
pub(crate) struct Finished {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) output: Vec<u8>,
    pub(crate) errors: String,
}

/// What a program prints, as it comes.
pub(crate) struct Lines(Receiver<String>);

impl Program {
    /// Starts it; everything it prints is kept.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut program = Self::open(command);
        program.output = program.child.stdout.take().map(read_all);
        program
    }

    /// Starts it, to be heard while it runs.
    pub(crate) fn start_and_hear(command: &mut Command) -> (Self, Lines) {
        let mut program = Self::open(command);
        let lines = read_lines(program.child.stdout.take().expect("piped"));
        (program, lines)
    }

    fn open(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => crate::tools::missing(&command.get_program().to_string_lossy()),
            _ => panic!("{command:?}: {error}"),
        });
        let (input, errors) = (child.stdin.take(), child.stderr.take().map(read_all));
        Self { child, input, output: None, errors }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says something to it.
    pub(crate) fn tell(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("it is listening");
        input.write_all(bytes).and_then(|()| input.flush()).expect("it is listening");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Ends its input and waits until it has ended.
    pub(crate) fn finish(mut self) -> Finished {
        self.input = None;
        let mut status = None;
        until("a program ends", || {
            status = self.child.try_wait().expect("our own child");
            status.is_some()
        });
        let take = |thread: Option<JoinHandle<Vec<u8>>>| match thread {
            Some(thread) => thread.join().expect("it only reads"),
            None => Vec::new(),
        };
        let (output, errors) = (take(self.output.take()), take(self.errors.take()));
        let errors = String::from_utf8_lossy(&errors).into_owned();
        Finished { code: status.and_then(|status| status.code()), output, errors }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking()
            && let Some(errors) = self.errors.take().and_then(|errors| errors.join().ok())
        {
            eprintln!("a program said: {}", String::from_utf8_lossy(&errors));
        }
    }
}

impl Finished {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// What it printed, if it ended well.
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.errors);
        self
    }
}

impl Lines {
    /// The next line; none when the program has ended.
    pub(crate) fn next(&self) -> Option<String> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing was said within all patience"),
        }
    }

    /// The next line that contains `text`; those before it are forgotten.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let mut others = Vec::new();
        loop {
            match self.0.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => others.push(line),
                Err(error) => panic!("{text:?} was not said, but {others:#?}; {error}"),
            }
        }
    }

    /// What is left of a program that has ended.
    pub(crate) fn rest(&self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Finished {
    run_with_input(command, b"")
}

/// Runs a program to its end with this on its standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &[u8]) -> Finished {
    let mut program = Program::start(command);
    if !input.is_empty() {
        program.tell(input);
    }
    program.finish()
}

pub(crate) fn read_lines(stream: impl Read + Send + 'static) -> Lines {
    let (sender, receiver) = channel();
    spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                // Nobody asks any more, but whoever prints must not be held up.
                continue;
            }
        }
    });
    Lines(receiver)
}

fn read_all(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}
