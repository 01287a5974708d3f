//! The numbers of reference packages, from plan to `results.json`. Documents carry 12 digits; values pass at 1e-8.

use crate::experiment::{World, effect};
use serde_json::Value;

fn case(id: &str) -> Value {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/causal/tests/fixtures/experiments/expected.json");
    let all: Value = serde_json::from_slice(&std::fs::read(path).expect("expected.json")).expect("JSON");
    let cases = all["cases"].as_array().expect("cases");
    cases.iter().find(|case| case["id"] == id).expect(id)["values"].clone()
}

#[track_caller]
fn close(found: &Value, expected: &Value) {
    let [found, expected] = [found, expected].map(|value| value.as_f64().unwrap_or_else(|| panic!("{value}")));
    assert!((found - expected).abs() <= 1e-8 * expected.abs().max(1.0), "{found} is not {expected}");
}

const THREE_ARMS: &str = "
title: T
question: Q?
design: experiment
data: {source: units.csv}
assignment: {column: arm, control: control, unit_id: unit_id, shares: {control: 0.4, t1: 0.3, t2: 0.3}}
metrics:
  sales: {expression: sales, role: primary}
  minutes: {expression: minutes, role: secondary}
covariates: [x_pre, x_age, device, holiday, econ]
segments:
  - device == \"desktop\"
  - holiday == 1
  - device == \"desktop\" and holiday == 1
  - x_pre > 12 or not (x_age < 3)
";

#[test]
fn effects_on_everyone_and_in_segments_are_those_of_one_interacted_fit() {
    let world = World::reference();
    assert_eq!(world.run(THREE_ARMS, &[]).code, 0);
    let results = world.json("results.json");
    let expected = case("delta.segments");
    let segments = [
        (None, "all"),
        (Some("device == \"desktop\""), "device == 'desktop'"),
        (Some("holiday == 1"), "holiday == 1"),
        (Some("device == \"desktop\" and holiday == 1"), "device == 'desktop' and holiday == 1"),
        (Some("x_pre > 12 or not (x_age < 3)"), "x_pre > 12 or not (x_age < 3)"),
    ];
    for arm in ["t1", "t2"] {
        for (segment, key) in segments {
            let row = match segment {
                None => effect(&results, "effects", &[("metric", "sales"), ("arm", arm)]),
                Some(text) => effect(&results, "segments", &[("metric", "sales"), ("arm", arm), ("segment", text)]),
            };
            let values = &expected[format!("{arm} | {key}")];
            close(&row["effect"]["estimate"], &values["est"]);
            close(&row["effect"]["std_error"], &values["se_HC1"]);
            close(&row["baseline"], &values["baseline"]);
            if !row["relative"].is_null() {
                close(&row["relative"]["estimate"], &values["relative"]);
                close(&row["relative"]["std_error"], &values["relative_se_HC1"]);
            }
        }
    }
    let ratio = case("srm.chisq");
    let checks = results["health"]["checks"].as_array().expect("checks");
    close(&checks[0]["value"], &ratio["p"]);
}

#[test]
fn late_att_and_ate_are_separate_requests_with_their_own_numbers() {
    let world = World::reference();
    let plan = "
title: T
question: Q?
design: experiment
data: {source: units.csv}
assignment: {column: z_enc, control: 0, unit_id: unit_id}
treated: d_enc
metrics:
  sales: {expression: sales_enc, role: primary}
covariates: [x_pre, x_age, device, holiday, econ]
analysis: {adjust: ancova}
requests: [itt, late, att, ate]
";
    assert_eq!(world.run(plan, &[]).code, 0);
    let results = world.json("results.json");
    let of = |request: &str| effect(&results, "effects", &[("request", request)])["effect"].clone();
    let (late, stage, to_ate) = (case("iv.covariates"), case("iv.itt_first_stage"), case("iv.late_to_ate"));
    close(&of("itt")["estimate"], &stage["itt"]["est"]);
    close(&of("itt")["std_error"], &stage["itt"]["se"]);
    for request in ["late", "att"] {
        close(&of(request)["estimate"], &late["HC1"]["d_enc"]["est"]);
        close(&of(request)["std_error"], &late["HC1"]["d_enc"]["se"]);
        close(&of(request)["lower"], &late["HC1"]["d_enc"]["ci"][0]);
    }
    close(&of("ate")["estimate"], &to_ate["ate_interacted_2sls"]["HC1"]["est"]);
    close(&of("ate")["std_error"], &to_ate["ate_interacted_2sls"]["HC1"]["se"]);
    let first = &results["first_stages"][0];
    close(&first["f"], &stage["first_stage_F_HC1"]);
    close(&first["compliance"]["estimate"], &stage["first_stage"]["est"]);
    // Neither of the known wrong numbers is anywhere.
    let traps = case("traps");
    for trap in ["second_stage_residuals_se_HC1", "as_treated_ols"] {
        let wrong = traps[trap].as_f64().expect("a number");
        let all = results["effects"]
            .as_array()
            .expect("rows")
            .iter()
            .flat_map(|row| ["estimate", "std_error"].map(|key| row["effect"][key].as_f64().expect("a number")));
        assert!(all.clone().all(|found| (found - wrong).abs() > 1e-4), "{trap}");
    }
}

#[test]
fn clusters_are_bias_reduced_by_default_and_with_everything_at_once_as_stata_corrects_them() {
    let world = World::reference();
    let plan = "
title: T
question: Q?
design: experiment
data: {source: units.csv}
assignment: {column: z_cl, control: 0, unit_id: unit_id, cluster_by: [cluster_id]}
metrics:
  sales: {expression: sales_cl, role: primary}
covariates: [x_pre, holiday]
analysis: {adjust: ancova}
";
    assert_eq!(world.run(plan, &[]).code, 0);
    let row = world.json("results.json")["effects"][0].clone();
    let expected = case("cluster.ols")["CR2"]["z_cl"].clone();
    close(&row["effect"]["estimate"], &expected["est"]);
    close(&row["effect"]["std_error"], &expected["se"]);
    close(&row["df"], &expected["df"]);
    close(&row["p_value"], &expected["p"]);

    // The chance of the arm that a unit got, from the chance of arm 1.
    let units = World::reference();
    let plan = "
title: T
question: Q?
design: experiment
data:
  source: units.csv
  derive: {chance: 'if(z_all == 1, p_all, 1 - p_all)'}
assignment: {column: z_all, control: 0, unit_id: unit_id, cluster_by: [cluster_id], propensity: chance}
treated: d_all
metrics:
  sales: {expression: sales_all, role: primary}
covariates: [x_pre, holiday, econ]
analysis: {adjust: ancova}
requests: [itt, late]
";
    assert_eq!(units.run(plan, &[]).code, 0);
    let results = units.json("results.json");
    let late = effect(&results, "effects", &[("request", "late")]);
    let expected = case("allinone.2sls")["CR1S"]["d_all"].clone();
    close(&late["effect"]["estimate"], &expected["est"]);
    close(&late["effect"]["std_error"], &expected["se"]);
    close(&late["p_value"], &expected["p"]);
}

#[test]
fn repeated_rows_are_clustered_by_unit_and_without_it_refused() {
    let world = World::reference();
    let plan = |cluster: &str| {
        format!(
            "title: T\nquestion: Q?\ndesign: experiment\ndata: {{source: panel.csv}}\n\
             assignment: {{column: treat, control: 0, unit_id: unit_id, period: week{cluster}}}\n\
             metrics: {{sales: {{expression: sales, role: primary}}}}\ncovariates: [x_pre, device]\n\
             analysis: {{adjust: ancova}}\n"
        )
    };
    let refused = world.run(&plan(""), &[]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("cluster_by: [unit_id]"), "{}", refused.stderr);
    assert_eq!(world.run(&plan(", cluster_by: [unit_id]"), &[]).code, 0);
    let results = world.json("results.json");
    let row = &results["effects"][0];
    // The average over weeks of the fit with an effect for each is this effect, with the same clusters.
    close(&row["effect"]["estimate"], &case("delta.time")["average"]["est"]);
    let forgotten = 0.100_059_189_787_155_78;
    assert!(row["effect"]["std_error"].as_f64().expect("a number") > 2.0 * forgotten);
    assert_eq!(results["days"].as_array().expect("weeks").len(), 8);
}

#[test]
fn the_same_tree_on_any_number_of_threads() {
    let tree = |threads: &str| {
        let world = World::reference();
        assert_eq!(world.run(THREE_ARMS, &["--threads", threads]).code, 0);
        world.git(&["rev-parse", "HEAD^{tree}"])
    };
    assert_eq!(tree("1"), tree("3"));
}
