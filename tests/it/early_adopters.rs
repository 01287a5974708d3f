//! The generator of `examples/early_adopters`: synthetic data whose truth is known.
//!
//! The generator itself, with its equations, is `causal::simulate::early_adopters`. The file has what an analyst would
//! see; propensities and potential outcomes are in no file, their means are in `truth.json`.
//!
//! `OCI_BLESS=1 cargo test --test it early_adopters` rewrites both files. Values pass through exp, ln and cos, so a
//! platform whose mathematical library differs in the last bit could in principle round one of them differently.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use causal::simulate::early_adopters::{User, user};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::fmt::Write as _;
use std::path::Path;

const SEED: u64 = 20_261_139;
const USERS: usize = 8_000;

fn generate(seed: u64) -> Vec<User> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..USERS).map(|_| user(&mut rng)).collect()
}

fn csv(users: &[User]) -> String {
    let mut text = String::from(
        "user_id,engaged,retention_days,prior_minutes,tenure_months,device,country_tier,support_tickets_before\n",
    );
    for (i, user) in users.iter().enumerate() {
        let User { minutes, tenure, tier, tickets, .. } = user;
        let device = ["phone", "tablet", "desktop"][user.device];
        let engaged = u8::from(user.engaged);
        let days = user.days[usize::from(user.engaged)];
        let (id, tier) = (i + 1, tier + 1);
        writeln!(text, "{id},{engaged},{days},{minutes},{tenure},{device},{tier},{tickets}").expect("a string");
    }
    text
}

/// Mean individual effect, weighted, to four decimals.
fn effect(users: &[User], weight: impl Fn(&User) -> f64) -> f64 {
    let total: f64 = users.iter().map(&weight).sum();
    let sum: f64 = users.iter().map(|u| weight(u) * (u.days[1] - u.days[0])).sum();
    (sum / total * 1e4).round() / 1e4
}

/// Averages over everyone who is kept, over the treated among them, and weighted by e(1 - e).
fn effects(users: &[User], keep: impl Fn(&User) -> bool) -> serde_json::Value {
    serde_json::json!({
        "ate": effect(users, |u| f64::from(keep(u))),
        "att": effect(users, |u| f64::from(keep(u) && u.engaged)),
        "ato": effect(users, |u| f64::from(keep(u)) * u.propensity * (1.0 - u.propensity)),
    })
}

fn in_overlap(user: &User) -> bool {
    (0.1..=0.9).contains(&user.propensity)
}

fn truth(users: &[User]) -> String {
    let n = |keep: &dyn Fn(&User) -> bool| users.iter().filter(|u| keep(u)).count();
    let truth = serde_json::json!({
        "about": "Means of the individual effects Y(1) - Y(0), in days of the next 60, of the users in data/early_adopters.csv. \
                  Written by the generator, tests/it/early_adopters.rs.",
        "seed": SEED,
        "users": users.len(),
        "engaged": n(&|u| u.engaged),
        "effect": {
            "everyone": effects(users, |_| true),
            "overlap_population": effects(users, in_overlap),
        },
        "overlap_population": {
            "definition": "true propensity in [0.1, 0.9]",
            "users": n(&in_overlap),
            "users_below": n(&|u| u.propensity < 0.1),
            "users_above": n(&|u| u.propensity > 0.9),
        },
    });
    serde_json::to_string_pretty(&truth).expect("JSON") + "\n"
}

/// The committed file has the bytes that the generator gives; `OCI_BLESS=1` rewrites it.
#[allow(clippy::disallowed_methods, reason = "the one switch of the tests that rewrites committed files")]
fn committed(path: &str, fresh: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/early_adopters").join(path);
    if std::env::var("OCI_BLESS").is_ok_and(|v| v == "1") {
        std::fs::write(&path, fresh).expect("writable example");
    }
    let stored = std::fs::read_to_string(&path).expect("committed file");
    assert!(stored == fresh, "{} is not what the generator gives; OCI_BLESS=1 rewrites it", path.display());
}

#[test]
fn committed_files_are_what_the_generator_gives() {
    let users = generate(SEED);
    committed("data/early_adopters.csv", &csv(&users));
    committed("truth.json", &truth(&users));
}

#[test]
fn the_story_holds_in_the_data() {
    let users = generate(SEED);
    let share = |keep: &dyn Fn(&User) -> bool| users.iter().filter(|u| keep(u)).count() as f64 / users.len() as f64;
    assert!(share(&|u| u.propensity < 0.1) > 0.6, "most users hardly ever engage");
    assert!(share(&|u| !in_overlap(u)) > 0.5);
    assert!(share(&|u| u.propensity > 0.9) > 0.02, "some nearly always do");
    let mean_minutes = |engaged: bool| {
        let group: Vec<f64> = users.iter().filter(|u| u.engaged == engaged).map(|u| u.minutes).collect();
        group.iter().sum::<f64>() / group.len() as f64
    };
    assert!(mean_minutes(true) > 2.0 * mean_minutes(false), "early adopters are heavy users");
    assert!(users.iter().all(|u| u.days[1] >= u.days[0]), "the feature harms nobody");
}
