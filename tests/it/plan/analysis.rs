//! `analysis:` and the words in it that do not go together.

use super::{only, problems, short_plan};
use causal::estimand::Inference;
use causal::estimator::EstimatorKind;
use causal::learner_kind::LearnerKind;
use oci_agent::plan::{AnalysisSection, parse};

/// The shortest plan with an analysis section of these lines.
fn asking(lines: &str) -> String {
    let indented: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    format!("{}analysis:\n{indented}", short_plan())
}

fn refused(lines: &str) -> (String, String, String) {
    let problem = only(&asking(lines));
    assert!(problem.place.is_some(), "{problem:?}");
    (problem.path, problem.message, problem.hint)
}

#[test]
fn what_is_left_out_stays_undecided() {
    assert_eq!(parse(short_plan()).expect("valid").analysis, AnalysisSection::default());
    assert_eq!(
        parse(&format!("{}analysis: {{}}\n", short_plan())).expect("valid").analysis,
        AnalysisSection::default()
    );
    let read = parse(&asking("estimator: dr_average\nalso: []\npropensity: boosting_linear\ninference: sample"))
        .expect("valid");
    assert_eq!(read.analysis.estimator, Some(EstimatorKind::DrAverage));
    assert_eq!(read.analysis.also, Some(Vec::new()));
    assert_eq!(read.analysis.propensity, Some(LearnerKind::BoostingLinear));
    assert_eq!(read.analysis.inference, Some(Inference::Sample));
}

#[test]
fn unknown_words_and_numbers_out_of_range_are_named_with_what_is_allowed() {
    for (lines, path, said, hint) in [
        ("estimator: dr_averge", "analysis.estimator", "`dr_averge`", "`dr_average`"),
        ("propensity: forest", "analysis.propensity", "`forest`", "`boosting`"),
        ("also: [aipw, ols]", "analysis.also[1]", "`ols`", "`regression`"),
        ("effort: slow", "analysis.effort", "`slow`", "`thorough`"),
        ("budget: thorough", "analysis.budget", "`analysis.budget` is now `effort`", "Write `effort: thorough`."),
        (
            "budget: fast\neffort: fast",
            "analysis.budget",
            "is now `effort`",
            "`effort` is there already; remove this line.",
        ),
        ("budget: slow", "analysis.budget", "is now `effort`", "Write `effort: fast` or `effort: thorough`."),
        ("budget: {turns: 3}", "analysis.budget", "is now `effort`", "Write `effort: fast` or `effort: thorough`."),
        ("inference: satt", "analysis.inference", "`satt`", "`sample`"),
        ("folds: 1", "analysis.folds", "is 1", "2 to 100"),
        ("folds: 101", "analysis.folds", "is 101", "2 to 100"),
        ("repeats: 0", "analysis.repeats", "is 0", "1 to 99"),
        ("fold: 5", "analysis.fold", "no key `fold`", "`folds`"),
    ] {
        let found = refused(lines);
        assert_eq!(found.0, path, "{lines}");
        assert!(found.1.contains(said) && found.2.contains(hint), "{lines}: {found:?}");
    }
}

#[test]
fn words_that_do_not_go_together_are_refused_by_name() {
    for (lines, path, said) in [
        ("estimator: naive", "analysis.estimator", "`naive` is a benchmark"),
        ("estimator: aipw\npropensity: boosting", "analysis.propensity", "`aipw` is by logistic regression"),
        ("estimator: tmle\noutcome_model: stack", "analysis.outcome_model", "`tmle` is by linear or logistic"),
        ("estimator: dr_average\noutcome_model: boosting", "analysis.outcome_model", "brings its own outcome models"),
        ("estimator: ipw_hajek\nrepeats: 3", "analysis.repeats", "`ipw_hajek` is not cross-fitted"),
        ("estimator: gformula\nknown_propensity: p", "analysis.known_propensity", "does not use a propensity"),
        ("propensity: boosting\nknown_propensity: p", "analysis.propensity", "is known, and is also to be fitted"),
        ("inference: sample\nclusters: c", "analysis.inference", "take units for independent"),
        ("estimator: ipw_ht\ninference: sample", "analysis.inference", "`ipw_ht` has intervals about the population"),
        ("estimator: bart\nclusters: c", "analysis.clusters", "the posterior of `bart`"),
        ("clusters: t", "analysis.clusters", "`t` is the cluster and also the treatment"),
        ("clusters: x", "analysis.clusters", "`x` is the cluster and also adjusted for"),
        ("known_propensity: y", "analysis.known_propensity", "also the outcome"),
        ("clusters: c\nknown_propensity: c", "analysis.known_propensity", "both the cluster and the known propensity"),
    ] {
        let found = refused(lines);
        assert_eq!(found.0, path, "{lines}");
        assert!(found.1.contains(said), "{lines}: {found:?}");
        assert!(!found.2.is_empty(), "{lines}");
    }
}

#[test]
fn an_estimator_outside_the_allow_list_is_refused_where_it_is_named() {
    let tools = "tools: [propensity, aipw]\n";
    let found = only(&(asking("estimator: dr_average") + tools));
    assert_eq!(found.path, "analysis.estimator");
    assert!(found.message.contains("`tools` does not allow `dr_average`"), "{}", found.message);
    let found = only(&(asking("estimator: aipw\nalso: [tmle_crossfit]") + tools));
    assert_eq!(found.path, "analysis.also[0]");
    assert!(found.message.contains("`tmle`"), "{}", found.message);
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let found = problems(&asking("estimator: aipw\npropensity: boosting\nrepeats: 4\nfolds: one\nalso: [nothing]"));
    let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["analysis.propensity", "analysis.repeats", "analysis.folds", "analysis.also[0]"]);
}
