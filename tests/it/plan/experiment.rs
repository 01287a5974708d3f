//! Plans of experiments: the examples of the documentation, and every rule that one can break.

use crate::plan_keys::examples_of_experiments;
use causal::experiment::VarianceKind;
use oci_agent::plan::experiment::{
    Adjustment, AggregateKind, Amount, EffectRequest, ExperimentPlan, LookPlan, Measure, Role, Window, Worse,
    is_experiment, parse, parse_bytes,
};
use oci_agent::plan::{self, Problem};

fn full() -> String {
    examples_of_experiments().remove(1)
}

/// The full example with one piece of text in place of another.
fn with(from: &str, to: &str) -> String {
    let text = full();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

fn problems(text: &str) -> Vec<Problem> {
    parse(text).expect_err(text)
}

/// The only problem of a text, which stands at a path and says these words.
fn refused(text: &str, path: &str, words: &[&str]) -> Problem {
    let found = problems(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    let problem = found[0].clone();
    assert_eq!(problem.path, path, "{problem:?}");
    for word in words {
        assert!(problem.message.contains(word) || problem.hint.contains(word), "{word}: {problem:?}");
    }
    assert!(problem.place.is_some() && !problem.hint.is_empty(), "{problem:?}");
    problem
}

#[test]
fn the_examples_of_the_page_are_read() {
    let examples = examples_of_experiments();
    assert_eq!(examples.len(), 3);
    for example in &examples {
        assert!(is_experiment(example.as_bytes()));
        parse_bytes(example.as_bytes()).unwrap_or_else(|found| panic!("{found:#?}"));
    }
    let first = parse(&examples[0]).expect("the first");
    assert_eq!((first.requests.as_slice(), first.looks.plan), (&[EffectRequest::Itt][..], LookPlan::Fixed));
    assert_eq!((first.analysis.adjust, first.analysis.alpha, first.seed), (None, None, 20_261_121));
    assert_eq!(first.min_cell, 10);
}

#[test]
fn every_key_is_read() {
    let plan: ExperimentPlan = parse(&full()).expect("a plan");
    let names: Vec<&str> = plan.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["sales", "latency", "basket", "p90"], "in the order of the file");
    let [sales, latency, basket, p90] = plan.metrics.as_slice() else { panic!("four metrics") };
    assert!(matches!(&sales.measure, Measure::Mean(sum) if sum.kind == AggregateKind::Sum));
    assert_eq!(sales.window, Some(Window { from: 0.0, to: 14.0 }));
    assert_eq!((sales.role, sales.worse), (Role::Primary, Worse::Down));
    assert_eq!((sales.smallest_effect, sales.winsorise), (Some(Amount::Relative(0.01)), Some(0.999)));
    assert_eq!((latency.margin, latency.per.as_deref()), (Some(Amount::Absolute(20.0)), Some("shopper")));
    assert_eq!((latency.role, latency.worse), (Role::Guardrail, Worse::Up));
    assert_eq!(basket.measure.text(), "sum(amount) / count()");
    assert_eq!((p90.role, p90.measure.text().as_str()), (Role::Secondary, "quantile(ms, 0.9)"));
    // date -u -d 2026-03-01 +%s, divided by 86,400
    assert_eq!(plan.assignment.start, Some(20_513.0));
    assert_eq!(plan.assignment.cluster_by, ["household"]);
    assert_eq!(plan.assignment.shares.get("diverse"), Some(&0.5));
    assert_eq!(plan.requests, [EffectRequest::Itt, EffectRequest::Late]);
    assert_eq!((plan.analysis.adjust, plan.analysis.variance), (Some(Adjustment::Lin), Some(VarianceKind::Cr2)));
    assert_eq!((plan.looks.plan, plan.looks.planned_n), (LookPlan::Anytime, Some(200_000)));
    assert_eq!((plan.min_cell, plan.seed, plan.segments.len()), (20, 1, 2));
    assert_eq!(plan.before_start("pre_sales").map(|metric| metric.name.as_str()), Some("sales"));
    assert_eq!(plan.primary_by_default(), None);
}

#[test]
fn the_first_metric_is_primary_where_no_other_is_and_that_is_known() {
    let text = with("    role: primary\n", "");
    let plan = parse(&text).expect("a plan");
    assert_eq!(plan.metrics[0].role, Role::Primary);
    assert_eq!(plan.primary_by_default(), Some("sales"));
    // Another one is.
    let plan = parse(&text.replace("role: secondary", "role: primary")).expect("a plan");
    assert_eq!((plan.metrics[0].role, plan.primary_by_default()), (Role::Secondary, None));
    // A guardrail is what it says.
    let plan = parse(&with("role: primary\n", "role: guardrail\n    margin: 1\n")).expect("a plan");
    assert_eq!((plan.metrics[0].role, plan.primary_by_default()), (Role::Guardrail, None));
}

#[test]
fn other_words_for_an_experiment_are_answered_with_the_one_that_is_read() {
    for word in ["ab", "A/B", "a/b test", "rct", "randomised", "randomized", "Experiments", "expriment", "experimental"]
    {
        let text = with("design: experiment", &format!("design: {word}"));
        assert!(!is_experiment(text.as_bytes()), "{word}");
        let found = plan::parse(&text).expect_err(word);
        assert_eq!((found.len(), found[0].path.as_str()), (1, "design"), "{word}: {found:?}");
        assert!(found[0].message.contains(word) && found[0].hint.contains("Write `design: experiment`"), "{found:?}");
        assert!(found[0].place.is_some());
    }
    // Without a key of experiments they are words like any other; `randomised` is a plan of its own.
    for word in ["rct", "randomised", "observational"] {
        let text = format!("title: a\ndesign: {word}\ntreatment: {{column: t}}\noutcome: {{column: y}}\n");
        let found = plan::parse(&text).expect_err("more is missing");
        assert!(found.iter().all(|it| !it.hint.contains("design: experiment")), "{word}: {found:?}");
    }
}

#[test]
fn kinds_of_plans_are_told_apart() {
    assert!(is_experiment(b"design: Experiment\n"));
    for other in ["design: randomised\n", "title: a\n", "[1]", "design: [experiment]", "a: [", "", "\u{202e}"] {
        assert!(!is_experiment(other.as_bytes()), "{other}");
    }
    assert!(!is_experiment(b"\xff"));
    let found = plan::parse(&full()).expect_err("no plan of this kind");
    assert_eq!((found.len(), found[0].path.as_str()), (1, "design"));
    assert!(found[0].message.contains("does not do experiments yet"), "{found:?}");
    let found = plan::parse("title: a\nmetrics: {}\n").expect_err("no plan");
    assert!(found.iter().any(|it| it.path == "metrics" && it.hint.contains("design: experiment")), "{found:?}");
    for (key, hint) in
        [("treatment", "assignment"), ("outcome", "metrics"), ("confounders", "covariates"), ("loop", "out")]
    {
        let found = refused(&(full() + &format!("{key}: {{column: a}}\n")), key, &["observational plans"]);
        assert!(found.hint.contains(hint), "{found:?}");
    }
}

#[test]
fn all_problems_come_at_once_with_their_lines() {
    let found =
        problems("design: experiment\ntitle: a\nmetrics:\n  y: {expresion: y}\nassignment: {column: t}\nsed: 1\n");
    let paths: Vec<(usize, &str)> =
        found.iter().map(|it| (it.place.map_or(0, |place| place.line), it.path.as_str())).collect();
    assert_eq!(
        paths,
        [(0, "data.source"), (0, "question"), (4, "metrics.y.expresion"), (5, "assignment.control"), (6, "sed")],
        "{found:#?}"
    );
    assert!(found[2].hint.contains("`expression`") && found[4].hint.contains("`seed`"), "{found:#?}");
    assert!(problems("").len() == 1 && problems("[1]").len() == 1);
}

#[test]
fn what_is_required_is_asked_for() {
    for (line, path) in [
        ("title: A more diverse ranking\n", "title"),
        ("design: experiment\n", "design"),
        ("  source: assignments.csv\n", "data.source"),
        ("  control: control\n", "assignment.control"),
        ("  column: arm\n", "assignment.column"),
    ] {
        let found = problems(&with(line, ""));
        assert!(found.iter().any(|it| it.path == path && it.message.contains("missing")), "{path}: {found:?}");
    }
    let minimal =
        "title: a\nquestion: b\ndesign: experiment\ndata: {source: d.csv}\nassignment: {column: t, control: c}\n";
    assert!(parse(&format!("{minimal}metrics: {{y: {{expression: y}}}}\n")).is_ok());
    assert!(problems(minimal)[0].message.contains("no metric"));
    assert!(problems(&format!("{minimal}metrics: {{}}\n"))[0].message.contains("no metric"));
    refused(&format!("{minimal}metrics: {{y: sum}}\n"), "metrics.y", &["keys of its own"]);
    refused(&format!("{minimal}metrics: {{'a b': {{expression: y}}}}\n"), "metrics.a b", &["no name for a metric"]);
    refused(&with("  p90:", "  sales:"), "metrics.sales", &["given twice"]);
}

#[test]
fn a_metric_has_one_measure() {
    refused(&with("    ratio: [", "    expression: count()\n    ratio: ["), "metrics.basket.ratio", &["both"]);
    refused(&with("    ratio: [sum(amount), count()]\n", ""), "metrics.basket.expression", &["missing"]);
    refused(&with("[sum(amount), count()]", "[sum(amount)]"), "metrics.basket.ratio", &["list of two"]);
    refused(&with("[sum(amount), count()]", "['quantile(x, 0.5)', count()]"), "metrics.basket.ratio", &["list of two"]);
    refused(&with("[sum(amount), count()]", "sum(amount)"), "metrics.basket.ratio", &["is a list"]);
    refused(&with("[sum(amount), count()]", "[amount, count()]"), "metrics.basket.ratio[0]", &["become one number"]);
    refused(&with("mean(ms)", "ms"), "metrics.latency.expression", &["become one number", "sum(x)"]);
    refused(&with("mean(ms)", "average(ms)"), "metrics.latency.expression", &["no function `average`"]);
    refused(&with("quantile(ms, 0.9)", "quantile(ms, 90)"), "metrics.p90.expression", &["between 0 and 1"]);
}

#[test]
fn windows_need_times_and_a_start() {
    refused(
        &with("    time: ordered_at\n", "").replace("pre_sales, ", ""),
        "metrics.sales.window",
        &["time: ordered_at"],
    );
    let text = with("  start: 2026-03-01\n", "");
    refused(&text, "metrics.sales.time", &["start: 2026-03-01", "assigned_at"]);
    assert!(parse(&with("start: 2026-03-01", "assigned_at: seen")).is_ok());
    refused(&with("[0d, 14d]", "[14d, 14d]"), "metrics.sales.window", &["ends before"]);
    refused(&with("[0d, 14d]", "[14d, 0d]"), "metrics.sales.window", &["ends before"]);
    for wrong in ["[0, 14]", "14d", "[0d]", "[0d, 14d, 15d]", "[0d, 1m]"] {
        refused(&with("[0d, 14d]", wrong), "metrics.sales.window", &["two durations"]);
    }
    refused(&with("2026-03-01", "1 March"), "assignment.start", &["is a date"]);
    refused(&with("  start:", "  pre_period: long\n  start:"), "assignment.pre_period", &["14d"]);
}

#[test]
fn margins_are_for_guardrails() {
    refused(&with("    margin: 20\n", ""), "metrics.latency.role", &["how much worse"]);
    refused(&with("role: guardrail", "role: secondary"), "metrics.latency.margin", &["for a guardrail"]);
    refused(&with("margin: 20", "margin: 0"), "metrics.latency.margin", &["above 0"]);
    refused(&with("margin: 20", "margin: few"), "metrics.latency.margin", &["1%"]);
    refused(&with("smallest_effect: 1%", "smallest_effect: -1%"), "metrics.sales.smallest_effect", &["above 0"]);
    for wrong in ["0.5", "1", "95%", "two"] {
        refused(&with("0.999", wrong), "metrics.sales.winsorise", &["between 0.5 and 1"]);
    }
    refused(&with("    role: secondary", "    winsorise: 0.9"), "metrics.basket.winsorise", &["two numbers"]);
    let found = problems(&with("role: guardrail", "role: gardrail"));
    assert!(found.len() == 1 && found[0].hint.contains("`guardrail`"), "{found:?}");
}

#[test]
fn shares_are_shares() {
    let shares = "{control: 0.5, diverse: 0.5}";
    refused(&with(shares, "{control: 0.5, diverse: 0.4}"), "assignment.shares", &["sum to 0.9"]);
    refused(&with(shares, "{contrl: 0.5, diverse: 0.5}"), "assignment.shares", &["no share", "contrl"]);
    refused(&with(shares, "{control: 1.5, diverse: 0.5}"), "assignment.shares.control", &["between 0 and 1"]);
    assert!(parse(&with(shares, "{control: 0.3333333, diverse: 0.3333333, other: 0.3333334}")).is_ok());
    assert!(parse(&with("  shares: {control: 0.5, diverse: 0.5}\n", "")).is_ok());
}

#[test]
fn effects_of_treatment_need_a_treatment() {
    refused(&with("treated: saw_new_ranking\n", ""), "requests[1]", &["took up", "treated: COLUMN"]);
    let found = refused(
        &with("[itt, late]", "[ate]").replace("covariates: [pre_sales, device, tenure]\n", ""),
        "requests[0]",
        &["covariates"],
    );
    assert!(found.hint.contains("late"), "{found:?}");
    refused(&with("[itt, late]", "[itt, itt]"), "requests[1]", &["twice"]);
    refused(&with("[itt, late]", "[itt, lat]"), "requests[1]", &["late"]);
    refused(&with(", planned_n: 200000", ""), "looks.plan", &["planned_n"]);
    assert!(parse(&with("{plan: anytime, planned_n: 200000}", "{plan: fixed}")).is_ok());
    refused(&with("planned_n: 200000", "planned_n: 1"), "looks.planned_n", &["at least 2"]);
}

#[test]
fn covariates_were_settled_before() {
    let list = |names: &str| with("[pre_sales, device, tenure]", names);
    refused(&list("[device, visits_after]"), "covariates[1]", &["measured after"]);
    refused(
        &list("[more]").replace("  filter:", "  derive: {more: visits_after + 1}\n  filter:"),
        "covariates[0]",
        &["computed from `visits_after`"],
    );
    refused(&list("[device, device]"), "covariates[1]", &["twice"]);
    refused(&list("[arm]"), "covariates[0]", &["assignment.column"]);
    refused(&list("[saw_new_ranking]"), "covariates[0]", &["treated"]);
    refused(&list("[shopper]"), "covariates[0]", &["unit_id"]);
    refused(&list("[pre_latency]"), "covariates[0]", &["has no time", "derive: {latency_before: pre_latency}"]);
    let no_window = list("[pre_sales]").replace("    window: [0d, 14d]\n", "");
    refused(&no_window, "covariates[0]", &["how many days", "pre_period: 14d"]);
    assert!(parse(&no_window.replace("  start:", "  pre_period: 2w\n  start:")).is_ok());
    let quantile =
        list("[pre_p90]").replace("quantile(ms, 0.9)", "quantile(ms, 0.9)\n    time: at\n    window: [0d, 7d]");
    refused(&quantile, "covariates[0]", &["one number"]);
    // A column of that name beside a value of the table.
    assert!(parse(&list("[pre_minutes]").replace("  p90:", "  minutes: {expression: minutes}\n  p90:")).is_ok());
}

#[test]
fn units_are_chosen_by_what_was_settled_before() {
    refused(&with("holiday_shopper]", "visits_after > 3]"), "segments[1]", &["measured after"]);
    refused(&with("holiday_shopper]", "saw_new_ranking]"), "segments[1]", &["which arm a unit got"]);
    refused(&with("holiday_shopper]", "pre_sales > 3]"), "segments[1]", &["computed from the rows"]);
    refused(&with("country == \"DE\"", "visits_after > 3"), "data.filter", &["measured after"]);
    refused(&with("holiday_shopper]", "holiday_shopper, holiday_shopper]"), "segments[2]", &["twice"]);
    refused(&with("holiday_shopper]", "holiday = 1]"), "segments[1]", &["not an expression"]);
    refused(
        &with("  filter:", "  derive: {a: b, b: a + 1}\n  filter:").replace("{a: b, b: a + 1}", "{a: a + 1}"),
        "data.derive.a",
        &["itself"],
    );
}

#[test]
fn the_design_fits_together() {
    refused(&with("variance: cr2", "variance: hc1"), "analysis.variance", &["has clusters", "cr2"]);
    refused(&with("  cluster_by: [household]\n", ""), "analysis.variance", &["cluster_by"]);
    refused(&with("[household]", "[household, household]"), "assignment.cluster_by", &["twice"]);
    assert_eq!(parse(&with("[household]", "household")).expect("one").assignment.cluster_by, ["household"]);
    refused(&with("alpha: 0.05", "alpha: 95"), "analysis.alpha", &["0.05"]);
    refused(&with("min_cell: 20", "min_cell: 1"), "privacy.min_cell", &["single unit"]);
    let no_unit = with("  unit_id: shopper\n", "");
    let found = problems(&no_unit);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found.iter().all(|it| it.path.ends_with(".source") && it.hint.contains("unit_id")), "{found:#?}");
    let minutes = "  minutes: {expression: minutes, per: shopper}\n  p90:";
    refused(&with("  p90:", minutes), "metrics.minutes.per", &["source"]);
    refused(
        &with("  source: assignments.csv", "  unit_id: shopper\n  source: assignments.csv"),
        "data.unit_id",
        &["assignment"],
    );
}
