//! Passwords that people type.
//!
//! Owns: the terminal's echo, which comes back whatever happens.

use anyhow::{Context, bail};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io::{IsTerminal, Stdin, Write, stderr, stdin};
use zeroize::Zeroizing;

/// One line of standard input.
pub(crate) fn ask(question: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let input = stdin();
    let _silence = Silence::begin(&input, question)?;
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    loop {
        let mut byte = Zeroizing::new([0]);
        match rustix::io::retry_on_intr(|| rustix::io::read(&input, &mut *byte)).context("reading the password")? {
            0 if line.is_empty() => bail!("there is no password on standard input"),
            0 => return Ok(line),
            _ => match byte[0] {
                b'\n' => return Ok(line),
                INTERRUPT => bail!("interrupted; nothing was changed"),
                _ if line.len() == LINE_BYTES_MAX => bail!("the password is too long"),
                byte => line.push(byte),
            },
        }
    }
}

/// The same, and once more to be sure.
pub(crate) fn ask_twice() -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let first = ask("Password: ")?;
    if ask("Reenter password: ")? != first {
        bail!("the passwords do not match; nothing was changed");
    }
    Ok(first)
}

/// A terminal that does not show what is typed.
struct Silence<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl<'a> Silence<'a> {
    /// None if somebody else than a person gives the password. Ctrl-C ends the line instead of the process, which would
    /// leave the terminal silent.
    fn begin(terminal: &'a Stdin, question: &str) -> anyhow::Result<Option<Self>> {
        if !terminal.is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(terminal).context("asking the terminal")?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(terminal, OptionalActions::Now, &silent).context("silencing the terminal")?;
        let _ = write!(stderr(), "{question}");
        Ok(Some(Self { terminal, before }))
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
        let _ = writeln!(stderr());
    }
}

const INTERRUPT: u8 = 3;
const LINE_BYTES_MAX: usize = 4096;
