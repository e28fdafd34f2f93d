//! Large files that say nothing good take no more memory and time than their size.

use postrider_config::native::{Beside, read};
use postrider_config::{moat, sol};

const LINES: usize = 100_000;

fn many(line: impl Fn(usize) -> String) -> String {
    (0..LINES).map(line).collect()
}

#[test]
fn a_file_of_nothing_but_faults_tells_a_thousand() {
    let toml = many(|line| format!("unknown{line} = 1\n"));
    assert_eq!(read("a.toml", &toml, Beside::default()).expect_err("none is known").len(), 1_000);
    let broken = many(|_| "= [\n".to_owned());
    let told = read("a.toml", &broken, Beside::default()).expect_err("it is no TOML").len();
    assert!((1..=1_000).contains(&told), "{told}");
    let lines = many(|_| "ip_port none\n".to_owned());
    assert_eq!(sol::read("sol.conf", &lines).expect_err("no port").len(), 1_000);
    let unknown = many(|line| format!("unknown{line} 1\n"));
    assert_eq!(sol::read("sol.conf", &unknown).expect("Sol passes over them").notices.len(), 1_000);
}

#[test]
fn there_are_a_thousand_listeners_at_most() {
    let toml = many(|line| format!("[[listener]]\nbind = '127.0.0.1:{}'\n", line % 65_536));
    let told = read("a.toml", &toml, Beside::default()).expect_err("too many");
    assert_eq!(told.len(), 1, "{}", told[0]);
    assert!(told[0].to_string().contains("1000 are allowed"), "{}", told[0]);
}

#[test]
fn yaml_cannot_grow_by_aliases_or_by_depth() {
    let bomb = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\n";
    assert!(moat::read("a.yaml", bomb).expect_err("aliases")[0].to_string().contains("aliases"));
    let deep = "[".repeat(LINES);
    assert_eq!(moat::read("a.yaml", &deep).expect_err("too deep").len(), 1);
    let wide = many(|line| format!("key{line}: 1\n"));
    assert!(moat::read("a.yaml", &wide).expect_err("too many")[0].to_string().contains("1000 keys"));
    let deep = format!("a = {}", "[".repeat(LINES));
    assert!(!read("a.toml", &deep, Beside::default()).expect_err("too deep").is_empty());
}
