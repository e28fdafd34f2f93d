//! The format of `-F`: `%` for what belongs to the message, `@` for the time, `\` for characters hard to type.
//!
//! Owns: reading a format once, filling it in for each message.

use super::field::{Align, Field, Letter};
use super::json::Layout;
use jiff::Zoned;
use postrider_client::Message;

/// A format that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Field(Field),
    /// A letter of strftime.
    Time(char),
    Nanoseconds,
}

impl Format {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut format = Self { pieces: Vec::new() };
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '%' => format.field(chars.as_str()).map(|rest| chars = rest.chars())?,
                '@' => format.time(chars.next().ok_or("@ is followed by a letter of strftime, by N, or by @")?),
                '\\' => format.text(escaped(chars.next())?),
                char => format.text(char),
            }
        }
        Ok(format)
    }

    /// Reads a field behind its `%` and gives what is left.
    fn field<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        if let Some(rest) = text.strip_prefix('%') {
            self.text('%');
            return Ok(rest);
        }
        let (align, text) = text.strip_prefix('-').map_or((Align::Right, text), |rest| (Align::Left, rest));
        let (pad, text) = text.strip_prefix('0').map_or((b' ', text), |rest| (b'0', rest));
        let (width, text) = number(text)?;
        let (precision, text) = match text.strip_prefix('.') {
            Some(rest) => number(rest).map(|(precision, rest)| (Some(precision.unwrap_or(0)), rest))?,
            None => (None, text),
        };
        let mut chars = text.chars();
        let mut letter = chars.next().ok_or("% is followed by a letter, such as p for the payload")?;
        // Between groups of hexadecimal digits.
        let is_separator = letter.is_ascii_punctuation() && letter != '%' || letter == ' ';
        let separator = if is_separator && chars.as_str().starts_with(['x', 'X']) {
            let separator = u8::try_from(letter).unwrap_or(b' ');
            letter = chars.next().unwrap_or(letter);
            separator
        } else {
            b' '
        };
        match Letter::from_char(letter) {
            Some(what) => {
                let width = width.unwrap_or(0);
                self.pieces.push(Piece::Field(Field { what, align, pad, width, precision, separator }));
            }
            // Its flags and width change nothing.
            None if letter == '%' => self.text('%'),
            None => return Err(format!("there is no %{letter}; docs/commands.md lists all sequences, and %% is a %")),
        }
        Ok(chars.as_str())
    }

    fn time(&mut self, letter: char) {
        match letter {
            '@' => self.text('@'),
            'N' => self.pieces.push(Piece::Nanoseconds),
            letter if STRFTIME.contains(letter) => self.pieces.push(Piece::Time(letter)),
            // As the C library does it.
            letter => {
                self.text('%');
                self.text(letter);
            }
        }
    }

    fn text(&mut self, char: char) {
        let mut bytes = [0; 4];
        let bytes = char.encode_utf8(&mut bytes).as_bytes();
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.extend_from_slice(bytes),
            _ => self.pieces.push(Piece::Text(bytes.to_vec())),
        }
    }

    /// Appends the message in this format. What could not be printed is in the errors.
    pub(super) fn write(&self, message: &Message, now: &Zoned, layout: Layout, out: &mut Vec<u8>) -> Vec<String> {
        let mut errors = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Nanoseconds => out.extend_from_slice(format!("{:09}", now.subsec_nanosecond()).as_bytes()),
                Piece::Time(letter) => out.extend_from_slice(super::clock::text(now, &format!("%{letter}")).as_bytes()),
                Piece::Field(field) => errors.extend(field.write(message, now, layout, out).err()),
            }
        }
        errors
    }
}

/// The letters that the C library knows.
const STRFTIME: &str = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ";

fn escaped(char: Option<char>) -> Result<char, String> {
    Ok(match char {
        Some('\\') => '\\',
        Some('0') => '\0',
        Some('a') => '\x07',
        Some('e') => '\x1b',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('v') => '\x0b',
        _ => return Err("\\ is followed by one of \\ 0 a e n r t v".to_owned()),
    })
}

/// The widest field.
const WIDTH_MAX: usize = 65_535;

/// The number at the head of `text`, if there is one, and what is left.
fn number(text: &str) -> Result<(Option<usize>, &str), String> {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    match digits.parse() {
        Ok(number) if number <= WIDTH_MAX => Ok((Some(number), rest)),
        _ => Err(format!("a field is at most {WIDTH_MAX} wide")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_that_means_nothing_is_refused() {
        for text in ["%", "%0", "%-", "%1", "%.", "%.5", "%Z", "%0-5l", "%--5l", "%.2.4x", "%99999t", "@", "\\", "\\q"]
        {
            assert!(Format::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn neighbouring_characters_are_one_piece() {
        let format = Format::parse("a%%b@@c\\n").unwrap();
        assert_eq!(format.pieces, [Piece::Text(b"a%b@c\n".to_vec())]);
    }
}
