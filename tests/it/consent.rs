//! What a plan says beforehand: which other answer it would accept, and thresholds of its own.

use crate::cli::oci_agent;
use crate::structure::{Done, PLAN, file};

fn plan(estimands: &str, more: &str) -> String {
    PLAN.replace("estimands: [ate, att, ato]", &format!("estimands: {estimands}")) + more
}

fn refused(plan: &str) -> String {
    let dir = tempfile::tempdir().expect("temporary directory");
    let data = file(300, 0.5, |_, noise| noise.normal().to_string());
    std::fs::write(dir.path().join("data.csv"), data).expect("data");
    std::fs::write(dir.path().join("plan.yaml"), plan).expect("plan");
    let checked = oci_agent(dir.path(), &["check", "plan.yaml"]);
    assert_eq!(checked.code, 2, "{plan}\n{}", checked.stdout);
    checked.stderr
}

#[test]
fn what_cannot_stand_in_for_an_estimand_is_refused_with_what_can() {
    for (estimands, wanted) in [
        ("[{ask: ate, accept: [trimmed_att]}]", "`trimmed_att` cannot stand in for the ATE"),
        ("[{ask: ato, accept: [ato]}]", "nothing stands in for the ATO"),
        ("[{ask: ate, accept: [trimmed]}]", "does not know `trimmed`"),
        ("[{ask: ate, accept: []}]", "is an empty list"),
        ("[{accept: [ato]}]", "does not say what it asks for"),
        ("[{ask: ate, except: [ato]}]", "Did you mean `accept`?"),
        ("[ate, {ask: ate}]", "names this one twice"),
    ] {
        let said = refused(&plan(estimands, ""));
        assert!(said.contains(wanted) && said.contains("plan.yaml:7"), "{estimands}: {said}");
    }
}

#[test]
fn thresholds_that_mean_nothing_are_refused_at_their_line() {
    for (thresholds, wanted) in [
        ("{balance.priority: {fail: -0.1}}", "`thresholds.balance.priority.fail` is a number from 0 to 1"),
        ("{balance.priority: {fail: 1.5}}", "is a number from 0 to 1"),
        ("{balance.priority: {fail: .nan}}", "is a number from 0 to 1"),
        ("{balance.priorty: {fail: 0.2}}", "Did you mean `balance.priority`?"),
        ("{identification: {fail: 0.2}}", "is no check whose threshold can be set"),
        ("{sensitivity.robustness: {warn: 0.2}}", "is no check whose threshold can be set"),
        ("{balance.priority: {fails: 0.2}}", "Did you mean `fail`?"),
        ("{balance.priority: 0.2}", "needs `warn` or `fail`"),
    ] {
        let said = refused(&plan("[ate]", &format!("thresholds: {thresholds}\n")));
        assert!(said.contains(wanted) && said.contains("plan.yaml:9"), "{thresholds}: {said}");
    }
}

#[test]
fn a_hidden_confounder_that_cannot_be_is_refused_with_what_can() {
    for (declared, wanted) in [
        ("{treatment: 0.1}", "needs both `treatment` and `outcome`, and `outcome` is missing"),
        ("{treatment: 1, outcome: 0.1}", "`hidden_confounding.treatment` is a share from 0 to 0.99"),
        ("{treatment: -0.1, outcome: 0.1}", "is a share from 0 to 0.99"),
        ("{treatment: .nan, outcome: 0.1}", "is a share from 0 to 0.99"),
        ("{treatments: 0.1, outcome: 0.1}", "Did you mean `treatment`?"),
        ("0.1", "`hidden_confounding` has keys of its own"),
    ] {
        let said = refused(&plan("[ate]", &format!("hidden_confounding: {declared}\n")));
        assert!(said.contains(wanted), "{declared}: {said}");
    }
}

#[test]
fn a_stricter_threshold_decides_and_a_looser_one_is_a_caveat() {
    let data = || file(300, 0.5, |_, noise| noise.normal().to_string());
    let run = |thresholds: &str| Done::of(&data(), &plan("[ate]", &format!("thresholds: {thresholds}\n")));
    let severity = |done: &Done, code: &str| done.severities(code)[0].clone();
    let default = Done::of(&data(), &plan("[ate]", ""));
    assert_eq!((default.ran.code, severity(&default, "overlap.effective_size")), (0, "pass".to_owned()));
    // Some 140 units in each arm: below 10,000 now fails, and with it the run.
    let strict = run("{overlap.effective_size: {warn: 20000, fail: 10000}}");
    assert_eq!((strict.ran.code, severity(&strict, "overlap.effective_size")), (1, "fail".to_owned()));
    let loose = run("{overlap.effective_size: {warn: 5}}");
    assert_eq!((loose.ran.code, severity(&loose, "overlap.effective_size")), (0, "warn".to_owned()));
    let spec = std::fs::read_to_string(loose.dir.path().join("out/spec.yaml")).expect("a spec");
    assert!(spec.contains("thresholds: {overlap.effective_size: {warn: 5}}"), "{spec}");
    let report = std::fs::read_to_string(loose.dir.path().join("out/report.md")).expect("a report");
    assert!(report.contains("looser than the default"), "the report says so");
}
