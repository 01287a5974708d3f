//! Files as people have them, rebuilt from public reports: `init` writes a plan that `check` accepts, and the plan gives the
//! right value. tests/fixtures/field-cases/README.md says where each file and each value comes from.

use crate::cli::oci_agent;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/field-cases")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// A case with the plan that `init` writes for it.
struct Case {
    dir: TempDir,
    plan: String,
    told: String,
}

impl Case {
    fn init(number: &str, data: &str, treatment: &str, outcome: &str) -> Case {
        let found = std::fs::read_dir(fixtures()).expect("the cases");
        let mut folders = found.map(|entry| entry.expect("an entry").path());
        let starts = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(number));
        let folder = folders.find(starts).expect(number);
        let dir = tempfile::tempdir().expect("temporary directory");
        copy(&folder, dir.path());
        let ran = oci_agent(dir.path(), &["init", data, "--treatment", treatment, "--outcome", outcome]);
        assert_eq!(ran.code, 0, "{number}: {}", ran.stderr);
        let plan = std::fs::read_to_string(dir.path().join("plan.yaml")).expect("a plan");
        assert!(!plan.contains(dir.path().to_str().expect("UTF-8")), "{number}: a path of this machine");
        Case { dir, plan, told: ran.stderr }
    }

    fn checked(self) -> Case {
        let ran = oci_agent(self.dir.path(), &["check", "plan.yaml"]);
        assert_eq!(ran.code, 0, "{}{}\n{}", ran.stdout, ran.stderr, self.plan);
        self
    }

    fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.plan.contains(word), "the plan does not say {word:?}:\n{}", self.plan);
        }
    }

    /// The names under `confounders.priority`.
    fn confounders(&self) -> Vec<String> {
        oci_agent::plan::parse(&self.plan).expect("a plan").confounders.priority
    }

    /// Estimate and standard error of the plan as it stands, by AIPW.
    fn effect(&self, estimand: &str) -> (f64, f64) {
        self.effect_by(estimand, "aipw")
    }

    fn effect_by(&self, estimand: &str, estimator: &str) -> (f64, f64) {
        let args = ["estimate", "plan.yaml", "--estimand", estimand, "--estimator", estimator];
        let ran = oci_agent(self.dir.path(), &args);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let number = |key: &str| document["effect"][key].as_f64().expect(key);
        (number("estimate"), number("std_error"))
    }

    /// The value of the reference to the digits that it gives. Standard errors, which the reference takes from the influence
    /// function and AIPW here from the stacked scores, may differ by a quarter.
    fn gives(&self, estimand: &str, estimate: f64, error: f64) {
        let digits = estimate.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let (found, std_error) = self.effect(estimand);
        let last = 10_f64.powi(-i32::try_from(digits).expect("few digits"));
        assert!((found - estimate).abs() <= 0.51 * last, "{estimand}: {found}, and not {estimate}");
        assert!((std_error / error - 1.0).abs() < 0.25, "{estimand}: a standard error of {std_error}, and not {error}");
    }
}

#[test]
fn row_numbers_are_no_confounders_in_whatever_order_the_file_is() {
    let sorted_by_outcome = Case::init("01", "data.csv", "treat", "y").checked();
    sorted_by_outcome.says(&["# left out: rownames (a row number"]);
    assert_eq!(sorted_by_outcome.confounders(), ["age", "income", "sex"]);
    sorted_by_outcome.gives("ate", 1.735, 0.148);
    sorted_by_outcome.gives("att", 1.676, 0.146);
    let sorted_by_treatment = Case::init("03", "data.csv", "treat", "y").checked();
    sorted_by_treatment.says(&["# left out: Unnamed: 0 (a row number"]);
    sorted_by_treatment.gives("ate", 1.959, 0.183);
    sorted_by_treatment.gives("att", 1.896, 0.175);
}

#[test]
fn identifiers_are_found_by_what_they_hold() {
    let case = Case::init("32", "data.csv", "treat", "y").checked();
    case.says(&["# left out: customerNumber (an identifier", "# left out: account (it has whole numbers beyond 2^53"]);
    assert_eq!(case.confounders(), ["age", "income", "sex"]);
    // The name alone is not what says so.
    let text = std::fs::read_to_string(case.dir.path().join("data.csv")).expect("data");
    std::fs::write(case.dir.path().join("data.csv"), text.replacen("customerNumber", "zzz", 1)).expect("data");
    let args = ["init", "data.csv", "--treatment", "treat", "--outcome", "y", "--force"];
    assert_eq!(oci_agent(case.dir.path(), &args).code, 0);
    let plan = std::fs::read_to_string(case.dir.path().join("plan.yaml")).expect("a plan");
    assert!(plan.contains("# left out: zzz (an identifier, it seems"), "{plan}");
}

#[test]
fn the_outcome_and_the_treatment_in_other_words_are_left_out() {
    let case = Case::init("05", "data.csv", "smoked", "bwght").checked();
    case.says(&[
        "# left out: lbwght (`lbwght` says what the outcome is",
        "# left out: bwghtlbs (`bwghtlbs` says what the outcome is",
        "# left out: cigs (",
        "# left out: packs (",
        "missing: drop",
    ]);
    case.gives("ate", -7.742, 1.59);
    case.gives("att", -8.286, 1.69);
    let amount = Case::init("22", "data.csv", "any", "got").checked();
    amount.says(&["# left out: tinc (", "kind: binary"]);
    let participation = Case::init("23", "data.csv", "e401k", "nettfa").checked();
    participation.says(&["# left out: p401k (70.4 % of the treated have `p401k` = 1"]);
    // The reference leaves the participation in another plan out as well.
    let plan = participation.plan.replace("    - pira\n", "");
    std::fs::write(participation.dir.path().join("plan.yaml"), plan).expect("a plan");
    participation.gives("ate", 8.68, 1.37);
    participation.gives("att", 10.9, 1.83);
}

#[test]
fn units_with_several_rows_become_clusters() {
    let case = Case::init("07", "data.csv", "treat", "y").checked();
    case.says(&["  clusters: patient_id", "20 rows each", "# left out: patient_id ("]);
    assert!(case.told.contains("`patient_id` has 20 rows"), "{}", case.told);
    let (estimate, error) = case.effect("ate");
    assert!((estimate - 0.068).abs() < 0.0005 && (error - 0.511).abs() < 0.005, "{estimate} {error}");
    // Named as a unit's id, the column leads to the same line.
    let plan =
        case.plan.replace("  # unit_id: id ", "  unit_id: patient_id ").replace("  clusters: patient_id", "  folds: 5");
    std::fs::write(case.dir.path().join("plan.yaml"), plan).expect("a plan");
    let refused = oci_agent(case.dir.path(), &["check", "plan.yaml"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("clusters: patient_id"), "{}", refused.stderr);
}

#[test]
fn a_rare_treatment_by_chance() {
    let case = Case::init("09", "data.csv", "treat", "y").checked();
    case.gives("ate", 0.547, 0.0727);
    case.gives("att", 0.5504, 0.0729);
}

#[test]
fn numbers_with_separators_of_thousands() {
    let case = Case::init("11", "data.csv", "treat", "y").checked();
    case.says(&["`salary`: 400 values with separators of thousands read as numbers", "    - salary\n"]);
    case.gives("ate", 1.622, 0.204);
    case.gives("att", 1.692, 0.214);
}

#[test]
fn words_for_missing_values() {
    let case = Case::init("13", "data.csv", "treat", "y").checked();
    case.says(&["`income`: 40 values taken as missing (`N/A`)", "`region`: 30 values taken as missing (`N/A`)"]);
    assert_eq!(case.confounders(), ["age", "income", "sex", "region"]);
    let checked = oci_agent(case.dir.path(), &["check", "plan.yaml"]);
    assert!(
        checked.stdout.contains("dropped for missing values") && !checked.stdout.contains(" 0 dropped"),
        "{}",
        checked.stdout
    );
    // With `error` all columns are named in one problem, and each of its hints helps.
    for policy in ["drop", "indicator"] {
        let error = with(&case, "missing: drop  #", "missing: error  #");
        assert!(error.contains("2 columns have missing values: `income` (40), `region` (30)"), "{error}");
        assert!(error.contains(&format!("missing: {policy}")), "{error}");
        assert_eq!(with(&case, "missing: drop  #", &format!("missing: {policy}  #")), "");
    }
}

/// What `check` says of the plan with one text replaced; nothing if it is content.
fn with(case: &Case, from: &str, to: &str) -> String {
    assert!(case.plan.contains(from), "{from:?} is not in:\n{}", case.plan);
    std::fs::write(case.dir.path().join("other.yaml"), case.plan.replacen(from, to, 1)).expect("a plan");
    let ran = oci_agent(case.dir.path(), &["check", "other.yaml"]);
    if ran.code == 0 {
        return String::new();
    }
    // Lines are broken at the width of the terminal.
    ran.stderr.lines().map(|line| line.trim_matches([' ', '│', '×'])).collect::<Vec<_>>().join(" ")
}

#[test]
fn codes_for_missing_outcomes() {
    let case = Case::init("15", "data.csv", "treat", "y").checked();
    case.says(&["\"y\": {missing_values: [-99]}", "income: {missing_values: [999]}", "missing: drop"]);
    let (ate, error) = case.effect("ate");
    assert!((ate - 1.84).abs() < 0.05 && (error - 0.13).abs() < 0.01, "{ate} {error}");
    // Without a word about it the outcome is refused, and the hint helps.
    let silent = with(&case, "    \"y\": {missing_values: [-99]}\n", "");
    assert!(silent.contains("72 of the 1,") && silent.contains("missing_values: [-99]"), "{silent}");
}

#[test]
fn a_treatment_coded_1_and_2() {
    let case = Case::init("16", "data.csv", "gcsf", "died").checked();
    case.says(&["  treated: 2\n  control: 1\n  # A guess"]);
    case.gives("ate", -0.1319, 0.109);
    case.gives("att", -0.1348, 0.11);
    let refused = with(&case, "  treated: 2\n  control: 1\n", "");
    assert!(refused.contains("`treated: 2` and `control: 1`"), "{refused}");
}

#[test]
fn sparse_levels_and_rare_events_can_be_checked() {
    let clinics = Case::init("18", "data.csv", "treat", "death").checked();
    clinics.says(&["kind: binary", "    - clinic  # category, 25 levels"]);
    let events = Case::init("20", "data.csv", "treat", "event").checked();
    events.says(&["kind: binary"]);
    let levels = Case::init("21", "data.csv", "treat", "y").checked();
    levels.says(&["    - region  # category, 7 levels"]);
    let states = Case::init("29", "data.csv", "treat", "y").checked();
    states.says(&["    - state  # category, 51 levels"]);
    // By numpy: logistic propensity and least squares within arms, on dummies of the 51 states.
    states.gives("ate", 2.13984, 0.06094);
    states.gives("att", 2.12430, 0.06094);
}

#[test]
fn a_text_of_two_values_as_outcome() {
    let case = Case::init("24", "data.csv", "airbag", "dead").checked();
    case.says(&["  treated: airbag\n  control: none\n", "  kind: binary\n  event: dead\n"]);
    // The share of the dead, the other way round.
    let (dead, _) = case.effect("ate");
    std::fs::write(case.dir.path().join("plan.yaml"), case.plan.replace("event: dead", "event: alive"))
        .expect("a plan");
    let (alive, _) = case.effect("ate");
    assert!(dead < 0.0 && (dead + alive).abs() < 1e-9, "{dead} {alive}");
    let refused = with(&case, "  event: dead\n", "");
    assert!(refused.contains("event: dead"), "{refused}");
}

#[test]
fn codes_that_mix_numbers_and_text() {
    let case = Case::init("25", "data.csv", "treat", "y").checked();
    case.says(&[
        "    children: {type: category}",
        "row 1 has `3+`",
        "    grade: {type: category}",
        "    stage: {type: category}",
        "# left out: crp (it mixes numbers and text: row 2 has `<0.5`",
    ]);
    assert_eq!(case.confounders(), ["age", "income", "sex", "children", "grade", "stage"]);
}

#[test]
fn a_column_of_a_type_that_is_not_read() {
    let case = Case::init("26", "data.parquet", "treat", "y").checked();
    case.says(&["# left out: f16 (it is stored as float16, which is not read"]);
}

#[test]
fn columns_in_the_names_of_folders() {
    let case = Case::init("27", "d/*/part-0.parquet", "treat", "y").checked();
    case.says(&[
        "source: d/*/part-0.parquet\n",
        "    - region  # category, 2 levels",
        "read from the names of folders",
    ]);
    let by_folder =
        oci_agent(case.dir.path(), &["init", "d/*/*.parquet", "--treatment", "region", "--outcome", "y", "-o", "-"]);
    assert_eq!(by_folder.code, 0, "{}", by_folder.stderr);
    let folder = oci_agent(case.dir.path(), &["init", "d", "--treatment", "treat", "--outcome", "y", "-o", "-"]);
    assert_eq!(folder.code, 2);
    assert!(folder.stderr.contains("d/*/*.parquet"), "{}", folder.stderr);
}

#[test]
fn outcomes_that_are_missing() {
    let case = Case::init("28", "data.csv", "treat", "y").checked();
    case.says(&["Missing values in this file: y (161)", "missing: drop"]);
    let ran = oci_agent(case.dir.path(), &["run", "plan.yaml", "--out", "out"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("treated (38.2 %) and") && ran.stdout.contains("controls (18.9 %)"), "{}", ran.stdout);
    let critique = std::fs::read_to_string(case.dir.path().join("out/critique.json")).expect("a critique");
    let critique: Value = serde_json::from_str(&critique).expect("JSON");
    let findings = critique["analyses"][0]["findings"].as_array().expect("findings");
    let attrition = findings.iter().find(|finding| finding["code"] == "population.attrition").expect("graded");
    assert_eq!(attrition["severity"], "fail", "{attrition}");
}

#[test]
fn blanks_after_values() {
    let case = Case::init("30", "data.csv", "treat", "y").checked();
    case.says(&["    treat: {merge: blanks}", "  treated: \"Yes\"\n  control: \"No\"\n"]);
    let refused = with(&case, "    treat: {merge: blanks}\n", "");
    assert!(refused.contains("columns: {treat: {merge: blanks}}"), "{refused}");
}

#[test]
fn empty_columns_of_a_spreadsheet() {
    let case = Case::init("31", "data.csv", "treat", "y").checked();
    case.says(&["# left out: column_6 (it has no value at all)", "# left out: column_7 (it has no value at all)"]);
    assert_eq!(case.confounders(), ["age", "income", "sex"]);
}

/// Units with several rows are seen in what their rows share, under any name and in any order of rows.
#[test]
fn units_under_any_name_and_what_only_looks_like_them() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut noise = crate::structure::Noise(5);
    let mut rows: Vec<String> = Vec::new();
    for man in 0..60 {
        let (sex, wave) = (u8::from(noise.happens(0.5)), 2 + usize::from(noise.happens(0.5)));
        for year in 0..wave {
            let age = 20 + man / 2;
            let t = u8::from(noise.happens(0.5));
            rows.push(format!("{},{sex},{year},{age},{},{t},{:.3}", 700 + man * 13, age / 10, noise.normal()));
        }
    }
    for i in (1..rows.len()).rev() {
        rows.swap(i, (noise.uniform() * (i + 1) as f64) as usize);
    }
    let text = format!("nr,sex,year,age,band,t,y\n{}\n", rows.join("\n"));
    std::fs::write(dir.path().join("data.csv"), &text).expect("data");
    let init = ["init", "data.csv", "--treatment", "t", "--outcome", "y", "--force"];
    assert_eq!(oci_agent(dir.path(), &init).code, 0);
    let plan = std::fs::read_to_string(dir.path().join("plan.yaml")).expect("a plan");
    assert!(plan.contains("\n  clusters: nr\n"), "{plan}");
    // Of an age, all rows share the band; but the band rises with age, and nobody is an age.
    std::fs::write(dir.path().join("data.csv"), text.replacen("nr,", "z,", 1)).expect("data");
    let args = ["init", "data.csv", "--treatment", "t", "--outcome", "y", "--force"];
    assert_eq!(oci_agent(dir.path(), &args).code, 0);
    let plan = std::fs::read_to_string(dir.path().join("plan.yaml")).expect("a plan");
    assert!(plan.contains("\n  clusters: z\n") && plan.contains("\n    - age"), "{plan}");
}

#[test]
fn the_path_in_a_plan_leads_from_it_to_the_data_wherever_both_are() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let at = |place: &str| dir.path().join(place);
    std::fs::create_dir_all(at("my data/raw")).expect("folders");
    std::fs::create_dir_all(at("plans/first try")).expect("folders");
    std::fs::copy(fixtures().join("31-excel-empty-columns/data.csv"), at("my data/raw/d.csv")).expect("data");
    let whole = at("my data/raw/d.csv");
    let whole = whole.to_str().expect("UTF-8");
    for (data, plan, source) in [
        ("my data/raw/d.csv", "plan.yaml", "my data/raw/d.csv"),
        (whole, "plan.yaml", "my data/raw/d.csv"),
        (whole, "plans/first try/plan.yaml", "../../my data/raw/d.csv"),
        ("my data/*/d.csv", "plans/plan.yaml", "../my data/*/d.csv"),
        ("my data/raw/d.csv", "my data/raw/plan.yaml", "d.csv"),
    ] {
        let args = ["init", data, "--treatment", "treat", "--outcome", "y", "--output", plan, "--force"];
        let ran = oci_agent(dir.path(), &args);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let text = std::fs::read_to_string(at(plan)).expect("a plan");
        assert_eq!(oci_agent::plan::parse(&text).expect("a plan").data.source, source, "{plan}");
        assert_eq!(oci_agent(dir.path(), &["check", plan]).code, 0, "{plan}");
        // The command that is printed can be pasted.
        let quoted = if plan.contains(' ') { format!("check '{plan}'") } else { format!("check {plan}") };
        assert!(ran.stderr.contains(&quoted), "{}", ran.stderr);
    }
}

#[test]
fn an_estimate_from_a_data_file_is_told_of_no_line_of_a_plan() {
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::copy(fixtures().join("28-attrition-by-arm/data.csv"), dir.path().join("my data.csv")).expect("data");
    let args = ["estimate", "my data.csv", "--treatment", "treat", "--outcome", "y"];
    let ran = oci_agent(dir.path(), &args);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`y` has 161 missing values"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("missing: drop") && !ran.stderr.contains("under `data`"), "{}", ran.stderr);
    let command = "oci-agent init 'my data.csv' --treatment treat --outcome y";
    assert!(ran.stderr.contains(command), "{}", ran.stderr);
    let typed = ["init", "my data.csv", "--treatment", "treat", "--outcome", "y"];
    assert_eq!(oci_agent(dir.path(), &typed).code, 0);
    assert_eq!(oci_agent(dir.path(), &["estimate", "plan.yaml", "--estimator", "aipw"]).code, 0);
}
