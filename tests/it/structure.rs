//! Structural faults of the covariates, through the program: what must be refused, and what must not.

use crate::cli::{Ran, oci_agent};
use serde_json::Value;
use std::fmt::Write as _;
use tempfile::TempDir;

/// Uniform numbers of a linear congruential generator: the data need only be fixed and unstructured.
pub struct Noise(pub u64);

impl Noise {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal: the sum of twelve uniforms.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    pub fn happens(&mut self, p: f64) -> bool {
        self.uniform() < p
    }
}

/// One simulated unit: treatment, outcome, two confounders.
pub struct Unit {
    pub t: bool,
    pub y: f64,
    pub a: f64,
}

/// A file of `n` confounded units with an effect of 1 and a column `z` as `made` says.
pub fn file(n: usize, share: f64, mut made: impl FnMut(&Unit, &mut Noise) -> String) -> String {
    let mut noise = Noise(7);
    let mut text = String::from("t,y,a,b,z\n");
    for _ in 0..n {
        let (a, b) = (noise.normal(), noise.normal());
        let odds = share / (1.0 - share) * (0.5 * a).exp();
        let t = noise.happens(odds / (1.0 + odds));
        let y = f64::from(u8::from(t)) + a + 0.5 * b + noise.normal();
        let z = made(&Unit { t, y, a }, &mut noise);
        let _ = writeln!(text, "{},{y},{a},{b},{z}", u8::from(t));
    }
    text
}

pub const PLAN: &str = "title: T\nquestion: Q?\ndata: {source: data.csv}\ntreatment: {column: t}\noutcome: {column: y, units: kg}\n\
                    confounders: {priority: [a, b], other: [z]}\nestimands: [ate, att, ato]\nanalysis: {estimator: aipw}\n";

pub struct Done {
    pub ran: Ran,
    pub dir: TempDir,
}

impl Done {
    pub fn of(data: &str, plan: &str) -> Done {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("data.csv"), data).expect("data");
        std::fs::write(dir.path().join("plan.yaml"), plan).expect("plan");
        let ran = oci_agent(dir.path(), &["run", "plan.yaml", "--out", "out"]);
        Done { ran, dir }
    }

    pub fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.dir.path().join("out").join(path)).expect(path)).expect("JSON")
    }

    /// The finding of a code for the first estimand.
    pub fn finding(&self, code: &str) -> Value {
        let critique = self.json("critique.json");
        let findings = critique["analyses"][0]["findings"].as_array().expect("findings");
        findings.iter().find(|finding| finding["code"] == code).expect(code).clone()
    }

    /// The severity of a code for each estimand, in the order asked for.
    pub fn severities(&self, code: &str) -> Vec<String> {
        let critique = self.json("critique.json");
        let analyses = critique["analyses"].as_array().expect("analyses");
        let severity = |analysis: &Value| {
            let findings = analysis["findings"].as_array().expect("findings");
            let found = findings.iter().find(|finding| finding["code"] == code).expect(code);
            found["severity"].as_str().expect("a word").to_owned()
        };
        analyses.iter().map(severity).collect()
    }
}

#[test]
fn the_outcome_under_another_name_is_refused_by_check_init_and_run() {
    for (name, n) in [("copy", 400), ("thousands", 400), ("class", 3_000)] {
        let data = file(n, 0.4, |unit, _| match name {
            "copy" => unit.y.to_string(),
            "thousands" => format!("{:.1}", 40.0 - 7.0 * unit.y),
            _ => (if unit.y > 0.3 { "high" } else { "low" }).to_owned(),
        });
        let done = Done::of(&data, PLAN);
        assert_eq!(done.ran.code, 1, "{name}");
        assert_eq!(done.severities("structure.outcome"), ["fail", "fail", "fail"], "{name}");
        let checked = oci_agent(done.dir.path(), &["check", "plan.yaml"]);
        assert_eq!(checked.code, 1, "{name}: {}", checked.stdout);
        assert!(checked.stdout.contains("`z` says what the outcome is"), "{}", checked.stdout);
        let init = oci_agent(
            done.dir.path(),
            &["init", "data.csv", "--treatment", "t", "--outcome", "y", "--output", "n.yaml"],
        );
        assert_eq!(init.code, 0, "{}", init.stderr);
        let drafted = std::fs::read_to_string(done.dir.path().join("n.yaml")).expect("a plan");
        assert!(drafted.contains("# left out: z (`z` says what the outcome is"), "{drafted}");
        assert!(!drafted.contains("\n    - z"), "{drafted}");
    }
}

#[test]
fn a_level_that_only_the_treated_have_is_refused_at_every_size_and_trimming_does_not_hide_it() {
    for (n, kind) in [(500, "flag"), (3_000, "minutes"), (3_000, "category")] {
        let data = file(n, 0.4, |unit, noise| {
            let has = unit.t && noise.happens(0.5);
            match kind {
                "flag" => u8::from(has).to_string(),
                "minutes" => {
                    if has {
                        (1.0 + 30.0 * noise.uniform()).to_string()
                    } else {
                        "0".to_owned()
                    }
                }
                _ => ["none", if noise.happens(0.5) { "gold" } else { "silver" }][usize::from(has)].to_owned(),
            }
        });
        // By regression a single term that separates has no propensity at all; the reason is the same.
        let separated = Done::of(&data, PLAN);
        assert!([1, 2].contains(&separated.ran.code), "{kind}: {}", separated.ran.stderr);
        if separated.ran.code == 2 {
            assert!(separated.ran.stderr.contains("% of the treated have"), "{kind}: {}", separated.ran.stderr);
        }
        let done = Done::of(&data, &PLAN.replace("aipw", "aipw_crossfit, propensity: boosting, also: []"));
        assert_eq!(done.ran.code, 1, "{kind}: {}", done.ran.stderr);
        assert_eq!(done.severities("structure.one_arm"), ["fail", "fail", "fail"], "{kind}");
        let checked = oci_agent(done.dir.path(), &["check", "plan.yaml"]);
        assert_eq!(checked.code, 1, "{kind}");
        assert!(checked.stdout.contains("of the treated have") && checked.stdout.contains("`z`"), "{}", checked.stdout);
    }
}

/// Survey men who earn more than any participant: no matter to the effect on the participants.
#[test]
fn controls_whom_nobody_treated_resembles_hurt_the_ate_only() {
    let data = file(3_000, 0.2, |unit, noise| {
        let rich = !unit.t && noise.happens(0.3);
        (if rich { 50.0 + 10.0 * noise.uniform() } else { 10.0 * noise.uniform() }).to_string()
    });
    let done = Done::of(&data, PLAN);
    assert_eq!(done.severities("structure.one_arm"), ["fail", "pass", "pass"]);
}

#[test]
fn chance_and_strong_confounders_are_not_faults() {
    let rare = |unit: &Unit, rows: &mut usize| {
        *rows += usize::from(unit.t);
        u8::from(unit.t && *rows <= 3).to_string()
    };
    let mut rows = 0;
    for (name, data) in [
        ("three of three", file(600, 0.5, |unit, _| rare(unit, &mut rows))),
        (
            "a roll-out to 3 %",
            file(3_000, 0.03, |_, noise| ["n", "s", "e"][(3.0 * noise.uniform()) as usize].to_owned()),
        ),
        // R² of 0.96, treatment apart.
        (
            "a lagged outcome",
            file(600, 0.5, |unit, noise| (unit.y - f64::from(u8::from(unit.t)) + 0.3 * noise.normal()).to_string()),
        ),
        ("a strong confounder", file(3_000, 0.5, |unit, noise| (unit.a + 0.2 * noise.normal()).to_string())),
    ] {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("data.csv"), data).expect("data");
        std::fs::write(dir.path().join("plan.yaml"), PLAN).expect("plan");
        let checked = oci_agent(dir.path(), &["check", "plan.yaml"]);
        assert_eq!(checked.code, 0, "{name}: {}", checked.stdout);
    }
}

#[test]
fn an_effect_without_an_error_is_no_result() {
    let mut noise = Noise(3);
    let mut data = String::from("t,y,a,b\n");
    for _ in 0..300 {
        let (a, b, t) = (noise.normal(), noise.normal(), u8::from(noise.happens(0.5)));
        let _ = writeln!(data, "{t},{},{a},{b}", f64::from(t) + 0.1 * a);
    }
    let plan = PLAN.replace(", other: [z]", "");
    let done = Done::of(&data, &plan);
    assert_eq!(done.ran.code, 1);
    assert!(done.json("results.json")["answers"][0]["effect"].is_null());
    assert_eq!(done.severities("estimate.failed"), ["fail", "fail", "fail"]);
}

#[test]
fn a_confounder_measured_after_treatment_is_refused_at_its_line() {
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::write(dir.path().join("data.csv"), file(200, 0.5, |_, noise| noise.normal().to_string())).expect("data");
    let plan = |moment: &str| {
        PLAN.replace("{source: data.csv}", &format!("{{source: data.csv, columns: {{z: {{measured: {moment}}}}}}}"))
    };
    std::fs::write(dir.path().join("plan.yaml"), plan("after")).expect("plan");
    let refused = oci_agent(dir.path(), &["check", "plan.yaml"]);
    assert_eq!(refused.code, 2);
    for wanted in ["`z` was measured after treatment", "a confounder", "plan.yaml:6"] {
        assert!(refused.stderr.contains(wanted), "{}", refused.stderr);
    }
    std::fs::write(dir.path().join("plan.yaml"), plan("before")).expect("plan");
    assert_eq!(oci_agent(dir.path(), &["check", "plan.yaml"]).code, 0);
    std::fs::write(dir.path().join("plan.yaml"), plan("later")).expect("plan");
    let unknown = oci_agent(dir.path(), &["check", "plan.yaml"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("`before` and `after`"), "{}", unknown.stderr);
}

/// A file of `n` units of whom those with `a` and `b` above 0.6, eight in a hundred, are all but always treated and gain more. No
/// column alone shows it.
fn with_a_pocket(n: usize) -> String {
    let mut noise = Noise(11);
    let mut text = String::from("t,y,a,b,z\n");
    for _ in 0..n {
        let (a, b, z) = (noise.normal(), noise.normal(), noise.uniform());
        let inside = a > 0.6 && b > 0.6;
        let t = noise.happens(if inside { 0.995 } else { 0.5 });
        let effect = if inside { 4.0 } else { 1.0 };
        let y = effect * f64::from(u8::from(t)) + a + b + noise.normal();
        let _ = writeln!(text, "{},{y},{a},{b},{z}", u8::from(t));
    }
    text
}

/// Those who were all treated have no counterpart in the ATE and the ATT, and no weight in the ATO; nobody without treatment is
/// among them, so that the ATC does not miss them. What may not be counted is not told.
#[test]
fn a_pocket_without_controls_is_told_where_it_matters() {
    let plan = PLAN.replace("[ate, att, ato]", "[ate, att, atc, ato]");
    let done = Done::of(&with_a_pocket(2_000), &plan);
    assert_eq!(done.severities("structure.one_arm"), ["pass"; 4]);
    assert_eq!(done.severities("structure.pocket"), ["warn", "warn", "pass", "pass"]);
    let found = done.finding("structure.pocket");
    let message = found["message"].as_str().expect("a message");
    assert!(message.contains("control has a `a` of 0.") && message.contains(" and a `b` of 0."), "{message}");
    let share = found["value"].as_f64().expect("a share");
    assert!((0.05..0.11).contains(&share), "{share}");
    // The plan may refuse an answer with a pocket.
    let strict = Done::of(&with_a_pocket(2_000), &format!("{plan}thresholds: {{structure.pocket: {{fail: 0.05}}}}\n"));
    assert_eq!(strict.severities("structure.pocket"), ["fail", "fail", "pass", "pass"]);
    // Checking a plan does not refuse it for a pocket.
    assert_eq!(oci_agent(done.dir.path(), &["check", "plan.yaml"]).code, 0);
    let without = Done::of(&file(2_000, 0.4, |_, noise| noise.uniform().to_string()), &plan);
    assert_eq!(without.severities("structure.pocket"), ["pass", "pass", "pass", "pass"]);
}

/// The mean of one unit has no standard error, whatever an estimator makes of it.
#[test]
fn one_treated_unit_is_never_an_answer() {
    let mut rows = 0;
    let data = file(200, 0.5, |_, noise| noise.uniform().to_string());
    let treated = |line: &str| {
        let (t, rest) = line.split_once(',').expect("cells");
        rows += usize::from(t == "1");
        format!("{},{rest}\n", u8::from(t == "1" && rows == 1))
    };
    let (header, body) = data.split_once('\n').expect("rows");
    let one: String = body.lines().map(treated).collect();
    for estimator in ["ipw_hajek", "outcome_regression", "aipw", "tmle", "aipw_crossfit", "dr_average"] {
        let plan = PLAN.replace("[ate, att, ato]", "[att]").replace("aipw", estimator);
        let done = Done::of(&format!("{header}\n{one}"), &plan);
        assert_ne!(done.ran.code, 0, "{estimator}: {}", done.ran.stdout);
        if done.ran.code == 1 {
            assert_eq!(done.severities("overlap.effective_size"), ["fail"], "{estimator}");
        }
    }
}

/// One outcome at 10⁹ among outcomes near 0: an interval that holds the truth and says nothing, refused by name.
#[test]
fn an_outcome_that_one_row_decides_is_refused() {
    let mut rows = 0;
    let data = file(400, 0.5, |_, noise| noise.uniform().to_string());
    let corrupted = |line: &str| {
        rows += 1;
        let cells: Vec<&str> = line.split(',').collect();
        if rows == 9 {
            format!("{},1e9,{},{},{}\n", cells[0], cells[2], cells[3], cells[4])
        } else {
            format!("{line}\n")
        }
    };
    let one: String = data.lines().map(corrupted).collect();
    for (data, code, severity) in [(data.as_str(), 0, "pass"), (one.as_str(), 1, "fail")] {
        let done = Done::of(data, PLAN);
        assert_eq!(done.ran.code, code, "{}", done.ran.stdout);
        assert_eq!(done.severities("estimate.one_row"), [severity; 3]);
    }
}
