//! Early adopters: who engages with a feature depends steeply on how much they used the product before, and so does what
//! they do next, along an S-curve.
//!
//! For user i, with u minutes a week before the launch, m months of tenure, device d and country tier c:
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
//! do). A linear regression extrapolates a line along the S-curve and credits the feature with its bend.

use crate::learners::logistic::expit;
use crate::simulate::Unit;
use crate::simulate::random::{flip, normal, pick, poisson, uniform};
use rand_chacha::ChaCha8Rng;

/// Days of the outcome.
pub const DAYS: usize = 60;

/// One user, with what no analyst sees.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Minutes a week before the launch.
    pub minutes: f64,
    /// Months since sign-up.
    pub tenure: f64,
    /// 0 phone, 1 tablet, 2 desktop.
    pub device: usize,
    /// Country tier minus one.
    pub tier: usize,
    /// True propensity.
    pub propensity: f64,
    /// Engaged with the feature.
    pub engaged: bool,
    /// Expected days of use without and with the feature, given everything drawn for this user.
    pub expected: [f64; 2],
    /// Days of use without and with the feature.
    pub days: [f64; 2],
    /// Support tickets before the launch.
    pub tickets: u32,
}

fn prior_minutes(rng: &mut ChaCha8Rng) -> f64 {
    loop {
        let minutes = ((3.6 + 0.75 * normal(rng)).exp() * 10.0).round() / 10.0;
        if minutes <= 300.0 {
            return minutes;
        }
    }
}

/// Draws a user.
pub fn user(rng: &mut ChaCha8Rng) -> User {
    let minutes = prior_minutes(rng);
    // Rounded up: nobody has a tenure of zero.
    let tenure = (60.0 * uniform(rng).powf(1.3)).ceil();
    let device = pick(rng, 0.50, 0.35);
    let tier = pick(rng, 0.40, 0.35);
    let propensity = expit(-5.2 + 0.05 * minutes + 0.005 * tenure + [0.0, 0.3, -0.3][device] + [0.0, -0.2, -0.4][tier]);
    let engaged = flip(rng, propensity);
    let habit = -2.2
        + 4.4 * expit((minutes - 95.0) / 22.0)
        + 0.01 * (tenure - 25.0)
        + [0.0, 0.15, -0.15][device]
        + [0.0, -0.1, -0.2][tier]
        + 0.4 * normal(rng);
    let daily = [expit(habit), expit(habit + 0.13)];
    let mut days = [0.0, 0.0];
    // One number a day for both outcomes, so a user's own effect is never negative.
    for _ in 0..DAYS {
        let u = uniform(rng);
        days[0] += f64::from(u8::from(u < daily[0]));
        days[1] += f64::from(u8::from(u < daily[1]));
    }
    let tickets = poisson(rng, 0.4 + 0.03 * tenure);
    let expected = daily.map(|p| p * DAYS as f64);
    User { minutes, tenure, device, tier, propensity, engaged, expected, days, tickets }
}

/// Names of the columns of [`unit()`].
pub(super) const NAMES: [&str; 6] = [
    "prior_minutes",
    "tenure_months",
    "device == tablet",
    "device == desktop",
    "country_tier == 2",
    "country_tier == 3",
];

/// A user as a unit of a sample.
pub(super) fn unit(rng: &mut ChaCha8Rng) -> Unit {
    let u = user(rng);
    let is = |value: usize, level: usize| f64::from(u8::from(value == level));
    Unit {
        x: vec![u.minutes, u.tenure, is(u.device, 1), is(u.device, 2), is(u.tier, 1), is(u.tier, 2)],
        e: u.propensity,
        treated: u.engaged,
        mu: u.expected,
        y: u.days,
        weight: 1.0,
        cluster: 0,
    }
}
