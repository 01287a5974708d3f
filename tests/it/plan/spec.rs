//! The spec that a plan becomes, and its file.

use super::{column, full_plan, line, with};
use causal::estimand::Inference;
use causal::estimand::{Population, Target, TrimRule};
use causal::estimator::EstimatorKind;
use causal::estimator::NuisanceModels;
use causal::learner_kind::{Effort, LearnerKind};
use oci_agent::plan::{MissingPolicy, Problem, parse};
use oci_agent::schema::{ColumnKind, DatasetDocument};
use oci_agent::spec::{Analysis, AnalysisSpec, ArmSizes, Placebo, PlaceboRole, Revision, SpecError, TermGroup, draft};
use oci_agent::term::{Factor, Term};
use proptest::prelude::*;

/// The schema that fits `full_plan`.
pub fn full_schema() -> DatasetDocument {
    let columns = vec![
        column("seqn", ColumnKind::Number, &[]),
        column("survey_weight", ColumnKind::Number, &[]),
        column("qsmk", ColumnKind::Number, &[]),
        column("wt82_71", ColumnKind::Number, &[]),
        column("age", ColumnKind::Number, &[]),
        column("sex", ColumnKind::Boolean, &["false", "true"]),
        column("smokeintensity", ColumnKind::Number, &[]),
        column("education", ColumnKind::Category, &["1", "2", "3"]),
        column("exercise", ColumnKind::Category, &["0", "1"]),
        column("height", ColumnKind::Number, &[]),
        column("birth_month", ColumnKind::Number, &[]),
        column("ward", ColumnKind::Category, &["a", "b"]),
        column("visit", ColumnKind::Date, &[]),
        column("note", ColumnKind::Other, &[]),
    ];
    DatasetDocument {
        source: "nhefs.csv".into(),
        files: [].into(),
        sha256: "d".repeat(64),
        rows: 1629,
        columns,
        derived: vec![],
        filter: None,
        conversions: vec![],
        suspicions: vec![],
    }
}

fn drafted(text: &str) -> Result<AnalysisSpec, Vec<Problem>> {
    drafted_with(text, ArmSizes { treated: 400, control: 1200 })
}

fn drafted_with(text: &str, sizes: ArmSizes) -> Result<AnalysisSpec, Vec<Problem>> {
    let plan = parse(text).expect("a valid plan");
    draft(&plan, &"p".repeat(64), &full_schema()).map(|drafted| drafted.settle(sizes))
}

fn not_drafted(text: &str) -> Vec<Problem> {
    drafted(text).expect_err("the plan does not fit the data")
}

fn texts(terms: &[Term]) -> Vec<String> {
    terms.iter().map(ToString::to_string).collect()
}

#[test]
fn a_draft_writes_out_every_dummy_and_every_default() {
    let spec = drafted(&wishing("estimator: aipw")).expect("fits");
    let groups: Vec<(&str, bool, Vec<String>)> =
        spec.confounders.iter().map(|g| (g.confounder.as_str(), g.priority, texts(&g.terms))).collect();
    let expected = [
        ("age", true, vec!["age"]),
        ("sex", true, vec!["sex == true"]),
        ("smokeintensity", true, vec!["smokeintensity"]),
        ("education", false, vec!["education == 2", "education == 3"]),
        ("exercise", false, vec!["exercise == 1"]),
    ];
    let expected = expected.map(|(c, p, t)| (c, p, t.into_iter().map(str::to_owned).collect::<Vec<_>>()));
    assert_eq!(groups, expected);
    let all = [
        "age",
        "sex == true",
        "smokeintensity",
        "education == 2",
        "education == 3",
        "exercise == 1",
        "age^2",
        "smokeintensity == 40",
    ];
    assert_eq!(spec.analyses.iter().map(|a| a.requested).collect::<Vec<_>>(), [Target::Ate, Target::Att]);
    for analysis in &spec.analyses {
        assert_eq!(texts(&analysis.terms), all);
        assert_eq!((analysis.target, analysis.population), (analysis.requested, Population::All));
        assert_eq!(analysis.estimators, EstimatorKind::STANDARD);
        assert_eq!(analysis.primary, EstimatorKind::Aipw);
    }
    assert_eq!(spec.placebos[1], Placebo { column: "birth_month".into(), role: PlaceboRole::NegativeControl });
    assert_eq!((spec.iteration, spec.folds, spec.seed, spec.blind), (1, 5, 7, true));
    assert_eq!((spec.plan_sha256.len(), spec.data_sha256.as_str()), (64, "d".repeat(64).as_str()));
}

/// `full_plan` with other wishes for the analysis.
fn wishing(wishes: &str) -> String {
    let at = full_plan().find("analysis:").expect("the section");
    format!("{}analysis: {{{wishes}}}\n", &full_plan()[..at])
}

#[test]
fn the_rows_decide_whether_the_average_answers_and_the_spec_says_why() {
    use EstimatorKind::{Aipw, AipwBart, AipwCrossfit, DrAverage};
    for (treated, control, primary, why) in [
        (20, 180, DrAverage, "200 rows with 20 in the smaller arm"),
        (5_000_000, 5_000_000, DrAverage, "10000000 rows"),
        (20, 179, Aipw, "at least 200 rows, and there are 199"),
        (19, 5000, Aipw, "the smaller one has 19"),
    ] {
        let spec = drafted_with(&wishing(""), ArmSizes { treated, control }).expect("fits");
        let analysis = &spec.analyses[0];
        assert_eq!(analysis.primary, primary, "{treated} {control}");
        assert!(analysis.because.contains(why), "{}", analysis.because);
        assert_eq!(analysis.models, NuisanceModels::for_estimator(primary, Effort::Fast));
        assert_eq!(analysis.estimators.contains(&AipwBart), primary == DrAverage, "its members run beside it");
        assert!(EstimatorKind::STANDARD.iter().all(|kind| analysis.estimators.contains(kind)));
        assert_eq!((spec.inference, spec.folds), (Inference::Population, 5));
    }
    let many = ArmSizes { treated: 1000, control: 1000 };
    let tools = wishing("").replacen(", dr_average]", "]", 1);
    let spec = drafted_with(&tools, many).expect("fits");
    assert_eq!(spec.analyses[0].primary, Aipw);
    assert!(spec.analyses[0].because.contains("do not allow `dr_average`"), "{}", spec.analyses[0].because);
    let learners = wishing("outcome_model: stack, repeats: 3");
    let spec = drafted_with(&learners, many).expect("fits");
    assert_eq!((spec.analyses[0].primary, spec.analyses[0].models.repeats), (AipwCrossfit, 3));
    assert!(spec.analyses[0].because.contains("`outcome_model: stack`"), "{}", spec.analyses[0].because);
}

#[test]
fn a_plan_decides_what_runs_beside_the_answer_and_the_benchmarks_stay() {
    use EstimatorKind::{Bart, Naive, Regression, TmleCrossfit};
    let asked = "estimator: tmle_crossfit, also: [bart], propensity: boosting, effort: thorough";
    let spec = drafted(&wishing(asked)).expect("fits");
    let analysis = &spec.analyses[0];
    assert_eq!(analysis.estimators, [Naive, Regression, TmleCrossfit, Bart]);
    assert_eq!((analysis.primary, analysis.because.as_str()), (TmleCrossfit, "The plan says so."));
    let models = NuisanceModels {
        propensity: LearnerKind::Boosting,
        outcome: LearnerKind::Linear,
        repeats: 5,
        effort: Effort::Thorough,
    };
    assert_eq!(analysis.models, models);
}

#[test]
fn the_tools_decide_which_estimators_run_and_which_is_the_answer() {
    use EstimatorKind::{AipwCrossfit, Gformula, IpwHajek, IpwHt, Naive, Regression};
    let tools = full_plan().lines().find(|line| line.starts_with("tools:")).expect("tools");
    for (allowed, estimators, primary) in [
        ("ipw, aipw_crossfit", vec![Naive, IpwHt, IpwHajek, AipwCrossfit], AipwCrossfit),
        ("outcome_regression, ipw", vec![Naive, Regression, Gformula, IpwHt, IpwHajek], IpwHajek),
        ("outcome_regression", vec![Naive, Regression, Gformula], Gformula),
    ] {
        let text = wishing("").replacen(tools, &format!("tools: [propensity, {allowed}]"), 1);
        let spec = drafted(&text).expect("fits");
        assert_eq!((&spec.analyses[0].estimators, spec.analyses[0].primary), (&estimators, primary));
    }
}

#[test]
fn plan_terms_take_the_spelling_of_the_data_and_repeat_nothing() {
    let text = with(
        "[age^2, smokeintensity == 40]",
        "[age * age, age^2, age * sex, \"sex == yes * age\", education == 2.0, education == \"3\", age]",
    );
    let spec = drafted(&text).expect("fits");
    assert_eq!(texts(&spec.analyses[0].terms[6..]), ["age * age", "age * sex == true"]);
}

#[test]
fn the_indicator_policy_adds_a_term_for_covariates_with_missing_values() {
    let mut schema = full_schema();
    for i in [4, 7] {
        schema.columns[i].missing = 9;
    }
    let plan = |policy: &str| parse(&with("missing: drop", &format!("missing: {policy}"))).expect("valid");
    let few = ArmSizes { treated: 3, control: 3 };
    let indicator = plan("indicator");
    let spec = draft(&indicator, "p", &schema).expect("fits").settle(few);
    assert_eq!(texts(&spec.confounders[0].terms), ["age", "age == (missing)"]);
    assert_eq!(texts(&spec.confounders[3].terms), ["education == 2", "education == 3", "education == (missing)"]);
    let drop = plan("drop");
    let spec = draft(&drop, "p", &schema).expect("fits").settle(few);
    assert_eq!(texts(&spec.confounders[0].terms), ["age"]);
}

#[test]
fn what_does_not_fit_the_data_is_reported_at_once_with_lines() {
    let text = full_plan()
        .replacen("unit_id: seqn", "unit_id: sequence", 1)
        .replacen("    sex: boolean", "    sexx: boolean", 1)
        .replacen("treated: 1", "treated: quit", 1)
        .replacen("column: wt82_71", "column: visit", 1)
        .replacen("[age, sex, smokeintensity]", "[agee, sex, note]", 1)
        .replacen(
            "[age^2, smokeintensity == 40]",
            "[education^2, education == 9, heigth * age, smokeintensity == many]",
            1,
        )
        .replacen("[birth_month]", "[exercise2]", 1);
    let found: Vec<(usize, String)> = not_drafted(&text).iter().map(|p| (line(p), p.path.clone())).collect();
    let expected = [
        (14, "data.unit_id"),
        (19, "data.columns.sexx"),
        (23, "treatment.treated"),
        (26, "outcome.column"),
        (30, "confounders.priority[0]"),
        (30, "confounders.priority[2]"),
        (34, "confounders.terms[0]"),
        (34, "confounders.terms[1]"),
        (34, "confounders.terms[2]"),
        (34, "confounders.terms[3]"),
        (36, "negative_controls[0]"),
    ];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
}

#[test]
fn columns_that_are_not_in_the_data_come_with_a_suggestion() {
    let all = not_drafted(&with("[age, sex, smokeintensity]", "[age, sex, smoke_intensty]"));
    assert_eq!(all.len(), 1);
    assert!(all[0].hint.contains("Did you mean `smokeintensity`?"), "{all:?}");
    let all = not_drafted(&with("[age, sex, smokeintensity]", "[age, sex, income]"));
    assert!(all[0].hint.contains("`birth_month`") && all[0].hint.contains("more"), "{all:?}");
}

#[test]
fn a_category_with_5000_levels_names_the_count_and_the_fix() {
    let mut schema = full_schema();
    schema.columns[7].levels = (0..5000).map(|i| format!("z{i:04}")).collect();
    let all = draft(&parse(full_plan()).expect("valid"), "p", &schema).expect_err("too many");
    assert_eq!((all.len(), all[0].path.as_str(), line(&all[0])), (1, "confounders.other[0]", 32));
    assert!(all[0].message.contains("5000 levels") && all[0].hint.contains("{education: number}"), "{all:?}");
    schema.columns[7].levels.truncate(1);
    let all = draft(&parse(full_plan()).expect("valid"), "p", &schema).expect_err("constant");
    assert!(all[0].message.contains("one level"), "{all:?}");
}

#[test]
fn roles_need_columns_of_the_right_type() {
    let mut schema = full_schema();
    schema.columns.push(column("diabetic", ColumnKind::Boolean, &["false", "true"]));
    let outcome = "  column: wt82_71\n  units: kg\n  kind: continuous";
    for (from, to, path, hint) in [
        ("column: qsmk", "column: visit", "treatment.column", "`data:`"),
        (outcome, "  column: diabetic\n  units: share", "outcome.kind", "kind: binary"),
        (outcome, "  column: visit\n  units: days", "outcome.column", "number"),
        ("weights: survey_weight", "weights: survey_wieght", "data.weights", "`survey_weight`"),
        ("weights: survey_weight", "weights: visit", "data.weights", "numbers"),
        ("[height]", "[visit]", "placebo_outcomes[0]", "true/false"),
    ] {
        let all = draft(&parse(&with(from, to)).expect("valid"), "p", &schema).expect_err(to);
        assert_eq!((all.len(), all[0].path.as_str()), (1, path), "{all:?}");
        assert!(all[0].hint.contains(hint), "{all:?}");
    }
}

#[test]
fn a_treatment_may_be_a_number_a_category_or_true_false() {
    let mut schema = full_schema();
    for (kind, levels, treated, control) in [
        (ColumnKind::Number, vec![], "1", "0"),
        (ColumnKind::Category, vec!["0", "1"], "1.0", "0"),
        (ColumnKind::Category, vec!["go on", "quit"], "quit", "go on"),
        (ColumnKind::Boolean, vec!["false", "true"], "yes", "no"),
    ] {
        schema.columns[2] = column("qsmk", kind, &levels);
        let text = with("treated: 1\n  control: 0", &format!("treated: {treated}\n  control: {control}"));
        draft(&parse(&text).expect("valid"), "p", &schema)
            .unwrap_or_else(|problems| panic!("{}: {problems:?}", kind.key()));
    }
}

#[test]
fn spec_yaml_is_readable_and_hashed_as_written() {
    let mut spec = drafted(full_plan()).expect("fits");
    let first = spec.to_yaml();
    assert!(first.starts_with("# "), "{first}");
    for line in ["treated: \"1\"", "  - education == 2", "  population:\n    kind: all", "revisions: []", "folds: 5"] {
        assert!(first.contains(line), "{line} in\n{first}");
    }
    let hash = spec.sha256();
    assert_eq!(hash.len(), 64);
    assert_eq!(AnalysisSpec::from_yaml(&first).expect("own output").sha256(), hash);
    spec.analyses[1].population = Population::Trimmed { trim: TrimRule::Fixed { alpha: 0.1 } };
    assert_ne!(spec.sha256(), hash);
    let second = spec.to_yaml();
    let changed = second.lines().filter(|line| !first.lines().any(|other| other == *line)).count();
    assert_eq!(changed, 4, "a trim is four lines of diff:\n{second}");
}

#[test]
fn a_spec_with_unknown_keys_or_of_another_format_is_refused() {
    let yaml = drafted(&wishing("estimator: aipw")).expect("fits").to_yaml();
    for (from, to) in [
        ("folds: 5", "folds: 5\nextra: 1"),
        ("  primary: aipw", "  primary: aipw\n  colour: red"),
        ("folds: 5\n", ""),
        ("folds: 5", "folds: many"),
        ("role: placebo_outcome", "role: placebo_outcome\n  extra: 1"),
    ] {
        assert!(yaml.contains(from), "{from}");
        let error = AnalysisSpec::from_yaml(&yaml.replacen(from, to, 1)).expect_err(to);
        assert!(matches!(error, SpecError::Unreadable { .. }), "{error}");
    }
    let error = AnalysisSpec::from_yaml(&yaml.replacen("spec_version: 2", "spec_version: 9", 1)).expect_err("version");
    assert!(matches!(error, SpecError::Version { found: 9 }));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        "[a-z:#'\"`\\\\\\-\\[\\]{}&*!|>%@,?~= \n\t0-9]{0,10}",
        Just("no".to_owned()),
        Just("1e5".to_owned())
    ]
}

fn any_term() -> impl Strategy<Value = Term> {
    let name = any_text().prop_filter("columns have names", |name| !name.is_empty());
    let factor = (name, 1u32..=9, any_text(), any::<bool>()).prop_map(|(column, exponent, value, power)| {
        if power { Factor::Power { column, exponent } } else { Factor::Equals { column, value } }
    });
    proptest::collection::vec(factor, 1..3).prop_map(|factors| Term { factors })
}

fn any_population() -> impl Strategy<Value = Population> {
    prop_oneof![
        Just(Population::All),
        Just(Population::Trimmed { trim: TrimRule::CrumpOptimal }),
        (0.0..0.5f64).prop_map(|alpha| Population::Trimmed { trim: TrimRule::Fixed { alpha } }),
        Just(Population::Trimmed { trim: TrimRule::Fixed { alpha: 1e-12 } }),
    ]
}

fn any_models() -> impl Strategy<Value = NuisanceModels> {
    let learner = prop::sample::select(LearnerKind::ALL.to_vec());
    let effort = prop::sample::select(Effort::ALL.to_vec());
    (learner.clone(), learner, 1usize..9, effort).prop_map(|(propensity, outcome, repeats, effort)| NuisanceModels {
        propensity,
        outcome,
        repeats,
        effort,
    })
}

fn any_analysis() -> impl Strategy<Value = Analysis> {
    let target = prop::sample::select(Target::ALL.to_vec());
    let kinds = proptest::collection::vec(prop::sample::select(EstimatorKind::ALL.to_vec()), 0..4);
    let terms = proptest::collection::vec(any_term(), 0..4);
    (target.clone(), target, any_population(), terms, kinds, (any_text(), any_models())).prop_map(
        |(requested, target, population, terms, estimators, (because, models))| Analysis {
            requested,
            target,
            population,
            terms,
            estimators,
            primary: EstimatorKind::IpwHajek,
            because,
            models,
        },
    )
}

fn any_revision() -> impl Strategy<Value = Revision> {
    let because = proptest::collection::vec(any_text(), 0..3);
    (any_text(), because, any_text(), any_text(), any::<bool>()).prop_map(
        |(playbook, because, change, estimand_effect, reverted)| Revision {
            requested: Target::Atc,
            playbook,
            because,
            change,
            estimand_effect,
            reverted,
            reason: None,
        },
    )
}

fn any_spec() -> impl Strategy<Value = AnalysisSpec> {
    let group = (any_text(), any::<bool>(), proptest::collection::vec(any_term(), 0..3))
        .prop_map(|(confounder, priority, terms)| TermGroup { confounder, priority, terms });
    let lists = (
        proptest::collection::vec(group, 0..3),
        proptest::collection::vec(any_analysis(), 0..3),
        proptest::collection::vec(any_revision(), 0..3),
    );
    let missing = prop::sample::select(vec![MissingPolicy::Error, MissingPolicy::Drop, MissingPolicy::Indicator]);
    let texts = (any_text(), any_text(), any_text(), [(); 3].map(|()| prop::option::of(any_text())));
    (lists, texts, missing, any::<u64>(), any::<bool>()).prop_map(
        |((confounders, analyses, revisions), (title, treated, outcome, columns), missing, seed, blind)| {
            let [weights, clusters, known_propensity] = columns;
            let mut spec = drafted(full_plan()).expect("fits");
            spec.placebos.truncate(usize::from(blind));
            AnalysisSpec {
                confounders,
                analyses,
                revisions,
                title,
                treated,
                outcome,
                weights,
                clusters,
                known_propensity,
                inference: if blind { Inference::Sample } else { Inference::Population },
                missing,
                seed,
                blind,
                ..spec
            }
        },
    )
}

proptest! {
    #[test]
    fn a_spec_reads_back_as_itself(spec in any_spec()) {
        let yaml = spec.to_yaml();
        let read = AnalysisSpec::from_yaml(&yaml);
        prop_assert!(read.is_ok(), "{:?}\n{yaml}", read.err().map(|e| e.to_string()));
        let read = read.expect("checked");
        prop_assert_eq!(&read, &spec);
        prop_assert_eq!(read.to_yaml(), yaml);
    }

    #[test]
    fn from_yaml_never_panics(text in any::<String>(), at in 0usize..2000, insert in "[a-z:\\-\\[\\]{}#&*!|>'\" \n]{0,4}") {
        let _ = AnalysisSpec::from_yaml(&text);
        let mut yaml = drafted(full_plan()).expect("fits").to_yaml();
        yaml.insert_str(at.min(yaml.len()), &insert);
        let _ = AnalysisSpec::from_yaml(&yaml);
    }
}
