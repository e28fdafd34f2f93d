//! Topics and filters level by level.
//!
//! Spec: 4.7.1.1.

use crate::text::slashes;

/// What stands between slashes; an empty level counts.
#[derive(Clone, Debug)]
pub(crate) struct Levels<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Levels<'a> {
    #[inline]
    pub(crate) const fn of(text: &'a [u8]) -> Self {
        Self { rest: Some(text) }
    }
}

impl<'a> Iterator for Levels<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let Some((level, below)) = slash(rest).and_then(|at| rest.split_at_checked(at)) else {
            self.rest = None;
            return Some(rest);
        };
        self.rest = below.get(1..);
        Some(level)
    }
}

/// Where the first slash is; looks at eight bytes at a time.
#[inline]
fn slash(text: &[u8]) -> Option<usize> {
    let (mut rest, mut skipped) = (text, 0);
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let found = slashes(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(skipped + found.trailing_zeros() as usize / 8);
        }
        (rest, skipped) = (tail, skipped + 8);
    }
    rest.iter().position(|byte| *byte == b'/').map(|at| skipped + at)
}
