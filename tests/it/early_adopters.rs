//! The generator of `examples/early_adopters`: synthetic data whose truth is known.
//!
//! A product launches a feature. Who engages with it (T) depends steeply on how much they used the product before, and so
//! does how many of the next 60 days they come back (Y), along an S-curve. For user i, with u minutes a week before the
//! launch, m months of tenure, device d and country tier c:
//!
//! ```text
//! u        = exp(3.6 + 0.75 z),  z standard normal, drawn again above 300, rounded to 0.1 minute  (right-skewed)
//! m        = ceil(60 v^1.3),     v uniform on (0, 1)
//! d        = phone, tablet, desktop with probability 0.50, 0.35, 0.15
//! c        = 1, 2, 3 with probability 0.40, 0.35, 0.25
//! e(x)     = P(T = 1 | x) = expit(-5.2 + 0.05 u + 0.005 m + a_d + a_c)              (linear in the listed terms)
//! a_d      = 0, 0.3, -0.3;   a_c = 0, -0.2, -0.4
//! g(x)     = -2.2 + 4.4 expit((u - 95) / 22) + 0.01 (m - 25) + b_d + b_c + 0.4 f    (f standard normal, unobserved,
//! b_d      = 0, 0.15, -0.15; b_c = 0, -0.1, -0.2                                    independent of T given x)
//! Y(t)     = #{ days 1..60 : U_day < expit(g + 0.13 t) },  U_day uniform, shared by Y(0) and Y(1)
//! tickets  ~ Poisson(0.4 + 0.03 m), before the launch                               (the placebo outcome)
//! ```
//!
//! No hidden confounding, and no overlap among light users (who hardly ever engage) and the heaviest (who nearly always
//! do). A linear regression extrapolates a line along the S-curve and credits the feature with its bend. The file has what
//! an analyst would see; e, f, Y(0) and Y(1) are in no file, their means are in `truth.json`.
//!
//! `OCI_BLESS=1 cargo test --test it early_adopters` rewrites both files. Values pass through exp, ln and cos, so a
//! platform whose mathematical library differs in the last bit could in principle round one of them differently.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::fmt::Write as _;
use std::path::Path;

const SEED: u64 = 20_261_139;
const USERS: usize = 8_000;
const DAYS: usize = 60;

struct User {
    minutes: f64,
    tenure: f64,
    device: usize,
    tier: usize,
    propensity: f64,
    engaged: bool,
    days: [f64; 2],
    tickets: u32,
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    // 53 random bits, moved off zero.
    ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Box & Muller (1958), doi:10.1214/aoms/1177706645.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (a, b) = (uniform(rng), uniform(rng));
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// Counts unit-rate arrivals before `rate`.
fn poisson(rng: &mut ChaCha8Rng, rate: f64) -> u32 {
    let mut product = uniform(rng);
    let mut count = 0;
    while product > (-rate).exp() {
        product *= uniform(rng);
        count += 1;
    }
    count
}

fn pick(rng: &mut ChaCha8Rng, first: f64, second: f64) -> usize {
    let u = uniform(rng);
    usize::from(u >= first) + usize::from(u >= first + second)
}

fn expit(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn prior_minutes(rng: &mut ChaCha8Rng) -> f64 {
    loop {
        let minutes = ((3.6 + 0.75 * normal(rng)).exp() * 10.0).round() / 10.0;
        if minutes <= 300.0 {
            return minutes;
        }
    }
}

fn user(rng: &mut ChaCha8Rng) -> User {
    let minutes = prior_minutes(rng);
    let tenure = (60.0 * uniform(rng).powf(1.3)).ceil();
    let device = pick(rng, 0.50, 0.35);
    let tier = pick(rng, 0.40, 0.35);
    let propensity = expit(-5.2 + 0.05 * minutes + 0.005 * tenure + [0.0, 0.3, -0.3][device] + [0.0, -0.2, -0.4][tier]);
    let engaged = uniform(rng) < propensity;
    let habit = -2.2
        + 4.4 * expit((minutes - 95.0) / 22.0)
        + 0.01 * (tenure - 25.0)
        + [0.0, 0.15, -0.15][device]
        + [0.0, -0.1, -0.2][tier]
        + 0.4 * normal(rng);
    let mut days = [0.0, 0.0];
    for _ in 0..DAYS {
        let u = uniform(rng);
        days[0] += f64::from(u < expit(habit));
        days[1] += f64::from(u < expit(habit + 0.13));
    }
    let tickets = poisson(rng, 0.4 + 0.03 * tenure);
    User { minutes, tenure, device, tier, propensity, engaged, days, tickets }
}

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
