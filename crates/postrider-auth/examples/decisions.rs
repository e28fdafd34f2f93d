//! How long one decision takes among many rules: `cargo run --release -p postrider-auth --example decisions [RULES]`.

use postrider_auth::acl::{AclError, Asker, Rules, Wish};
use postrider_proto::Qos;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

const DECISIONS: u32 = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rules: usize = std::env::args().nth(1).map_or(Ok(10_000), |count| count.parse())?;
    let mut out = std::io::stdout().lock();
    for (name, rules) in
        [("rules of users", of_users(rules)?), ("patterns", patterns(rules)?), ("rules of one user", of_one(rules)?)]
    {
        let users: Vec<String> = (0..1000).map(|number| format!("user{}", number * rules.len() / 4 / 1000)).collect();
        let topics: Vec<String> =
            (0..1000).map(|number| format!("site{number}/line/user{number}/temperature")).collect();
        for (what, wish) in [("publish", 0), ("subscribe to a topic", 1), ("subscribe to +", 2), ("subscribe to #", 3)]
        {
            let filters: Vec<String> = (0..1000).map(|number| filter_of(number, wish)).collect();
            let begin = Instant::now();
            for at in (0..1000).cycle().take(DECISIONS as usize) {
                let user = if name == "rules of one user" { "ann" } else { &users[at] };
                let asker = Asker { user: Some(user), client: "client", address: None, listener: None };
                let wish = match wish {
                    0 => Wish::Publish { topic: &topics[at], qos: Qos::AtLeastOnce, retain: false },
                    _ => Wish::Subscribe { filter: &filters[at], qos: Qos::AtLeastOnce },
                };
                black_box(rules.judge(black_box(&asker), black_box(&wish)));
            }
            let each = begin.elapsed().as_nanos() / u128::from(DECISIONS);
            writeln!(out, "{each:>6} ns  {what}, {} {name}", rules.len())?;
        }
    }
    Ok(())
}

fn filter_of(number: usize, wish: u32) -> String {
    match wish {
        1 => format!("site{number}/line/user{number}/temperature"),
        2 => format!("site{number}/line/user{number}/+"),
        _ => format!("site{number}/line/#"),
    }
}

/// Four rules for each user.
fn of_users(count: usize) -> Result<Rules, AclError> {
    let four = |number| {
        format!(
            "user user{number}\ntopic read site{number}/line/#\ntopic write site{number}/line/user{number}/+\ntopic deny site{number}/line/secret\ntopic read common/+\n"
        )
    };
    Rules::from_lines(&(0..count / 4).map(four).collect::<String>(), "users")
}

fn patterns(count: usize) -> Result<Rules, AclError> {
    let two = |number| format!("pattern readwrite site{number}/line/%u/+\npattern deny site{number}/line/%u/secret\n");
    Rules::from_lines(&(0..count / 2).map(two).collect::<String>(), "patterns")
}

fn of_one(count: usize) -> Result<Rules, AclError> {
    let one = |number| format!("topic readwrite site{number}/line/#\n");
    Rules::from_lines(&format!("user ann\n{}", (0..count).map(one).collect::<String>()), "one")
}
