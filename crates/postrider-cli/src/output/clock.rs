//! The local time as people and programs write it.
//!
//! Never: asks for a locale; names are English.

use jiff::Zoned;
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};

/// What the C library's strftime would make of it.
pub(super) fn text(now: &Zoned, format: &str) -> String {
    let config = Config::new().custom(PosixCustom::new()).lenient(true);
    let time = BrokenDownTime::from(now);
    time.to_string_with_config(&config, format).unwrap_or_else(|_| format.to_owned())
}

/// Seconds since 1970 with nanoseconds.
pub(super) fn unix(now: &Zoned) -> String {
    let now = now.timestamp();
    format!("{}.{:09}", now.as_second(), now.subsec_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_as_the_c_library_does_without_a_locale() {
        let time: Zoned = "2026-11-21T16:36:05.000000042+01:00[+01:00]".parse().unwrap();
        let written = |format| text(&time, format);
        assert_eq!(written("%FT%T%z"), "2026-11-21T16:36:05+0100");
        assert_eq!(written("%c"), "Sat Nov 21 16:36:05 2026");
        assert_eq!(written("%x %X %r"), "11/21/26 16:36:05 04:36:05 PM");
        assert_eq!(written("%p%P %e %k %l %h %C %G %g %u %V %U %w"), "PMpm 21 16  4 Nov 20 2026 26 6 47 46 6");
        assert_eq!(unix(&time), "1795275365.000000042");
    }
}
