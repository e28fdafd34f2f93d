//! A fuzz target: an ordinary test that replays its corpus and then tries random input.

use postrider_auth::PasswordFile;

/// Whatever is in a file: an answer, no panic; who is in it is found, and an error names a line that is there.
#[test]
fn password_file() {
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(
        |input: &[u8]| match PasswordFile::with_contents("f", input) {
            Ok(file) => assert!(file.len() <= input.len() / 40, "a user takes some forty bytes"),
            Err(error) => {
                let lines = input.split(|byte| *byte == b'\n').count();
                assert!(error.line.is_none_or(|line| (1..=lines).contains(&line)), "{error}");
                assert!(error.to_string().len() < 400, "{error}");
            }
        },
    );
}
