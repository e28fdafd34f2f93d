//! What the README shows of the client.

const README: &str = include_str!("../../../../README.md");
const DOCUMENTATION: &str = include_str!("../../src/lib.rs");

#[test]
fn the_example_of_the_readme_is_the_one_that_is_compiled_with_the_documentation() {
    let (_, rest) = README.split_once("```rust,ignore\n").expect("an example that is not compiled there");
    let (example, _) = rest.split_once("```").expect("its end");
    let example: String = example.lines().map(|line| format!("//! {line}\n")).collect();
    assert!(DOCUMENTATION.contains(&example), "{example}");
}
