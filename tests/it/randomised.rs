//! Randomised treatments through the program: answered as asked, without warnings that belong to observational data; and
//! refused where the allocation does not look like the one that was declared.

use crate::structure::{Done, Noise};
use std::fmt::Write as _;

fn data(seed: u64, n: usize, chance: impl Fn(f64) -> f64) -> String {
    let mut noise = Noise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..100 {
        noise.uniform();
    }
    let mut text = String::from("t,y,a,b,c,e\n");
    for _ in 0..n {
        let (a, b, c) = (noise.normal(), noise.normal().exp(), ["x", "y", "z"][(3.0 * noise.uniform()) as usize]);
        let e = chance(a);
        let t = f64::from(u8::from(noise.happens(e)));
        let y = 0.3 * t + a + 0.2 * b + noise.normal();
        let _ = writeln!(text, "{t},{y},{a},{b},{c},{e}");
    }
    text
}

fn plan(design: &str, analysis: &str) -> String {
    format!(
        "title: T\nquestion: Q?\n{design}\ndata: {{source: data.csv}}\ntreatment: {{column: t}}\noutcome: {{column: y, units: kg}}\n\
         confounders: {{priority: [a, b], other: [c]}}\nestimands: [ate]\nanalysis: {{{analysis}}}\n"
    )
}

/// The codes of findings that warn, fail or could not be made, of the first estimand.
fn doubts(done: &Done) -> Vec<String> {
    let critique = done.json("critique.json");
    let findings = critique["analyses"][0]["findings"].as_array().expect("findings");
    let doubted = |severity: &str| ["warn", "fail", "not_applicable"].contains(&severity);
    let doubted = findings.iter().filter(|f| doubted(f["severity"].as_str().expect("a word")));
    doubted.map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect()
}

/// 20 sets by AIPW and 4 by the default: at most one in ten has any doubt, and nobody is trimmed away.
#[test]
fn a_coin_of_any_share_is_answered_as_asked() {
    let mut doubted = Vec::new();
    let mut sets = 0;
    let settings = [(2_000, 0.5, 7), (3_000, 0.03, 7), (12_000, 0.005, 3), (2_000, 0.95, 7)];
    for (n, share, times) in settings {
        for seed in 0..times {
            let analysis = if n == 2_000 && seed < 2 { "" } else { "estimator: aipw" };
            let done = Done::of(
                &data(seed + 100 * n as u64, n, |_| share),
                &plan(&format!("design: randomised\nshare: {share}"), analysis),
            );
            assert_eq!(done.ran.code, 0, "n {n}, share {share}: {}", done.ran.stdout);
            let results = done.json("results.json");
            assert_eq!(results["answers"][0]["name"], "ATE");
            assert_eq!(results["answers"][0]["population_numbers"]["share_kept"], 1.0);
            let found = doubts(&done);
            let tier = results["answers"][0]["tier"].as_str().expect("a tier");
            assert_eq!(found.is_empty(), tier == "fully_satisfactory", "{found:?} {tier}");
            sets += 1;
            doubted.extend((!found.is_empty()).then(|| format!("n {n}, share {share}: {found:?}")));
        }
    }
    assert!(doubted.len() * 10 <= sets, "{} of {sets}: {doubted:#?}", doubted.len());
}

#[test]
fn an_allocation_that_does_not_look_randomised_is_refused() {
    let logit = |a: f64| 1.0 / (1.0 + (-0.5 * a).exp());
    let chosen = Done::of(&data(1, 2_000, logit), &plan("design: randomised\nshare: 0.5", "estimator: aipw"));
    assert_eq!(chosen.ran.code, 1);
    assert_eq!(chosen.severities("identification"), ["fail"]);
    let other_share = Done::of(&data(2, 2_000, |_| 0.5), &plan("design: randomised\nshare: 0.6", "estimator: aipw"));
    assert_eq!((other_share.ran.code, other_share.severities("identification")), (1, vec!["fail".to_owned()]));
    // Those chances are no fault if they are known.
    let known = plan("design: randomised", "estimator: aipw, known_propensity: e");
    let known = Done::of(&data(1, 2_000, logit), &known);
    assert_eq!(
        (known.ran.code, known.severities("identification")),
        (0, vec!["pass".to_owned()]),
        "{}",
        known.ran.stdout
    );
    // And nothing of the kind is claimed for data that were not randomised.
    let observed = Done::of(&data(2, 2_000, |_| 0.5), &plan("", "estimator: aipw"));
    assert_eq!((observed.ran.code, observed.severities("identification")), (0, vec!["warn".to_owned()]));
}

#[test]
fn a_design_is_said_in_full() {
    for (design, analysis, wanted) in [
        ("design: randomised", "", "the chance of treatment is not given"),
        ("share: 0.5", "", "the design is observational"),
        ("design: randomised\nshare: 1.5", "", "it must lie between 0 and 1"),
        ("design: randomised\nshare: -0.5", "", "`share` is a number, zero or larger"),
        ("design: randomised\nshare: 0.5", "known_propensity: e", "given twice"),
        ("design: randomized", "", "Did you mean `randomised`?"),
    ] {
        let refused = Done::of(&data(1, 200, |_| 0.5), &plan(design, analysis));
        assert!(refused.ran.code == 2 && refused.ran.stderr.contains(wanted), "{design}: {}", refused.ran.stderr);
    }
}
