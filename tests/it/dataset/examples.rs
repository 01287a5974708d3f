//! The data of the examples.

use super::*;

#[test]
fn nhefs_is_read_to_the_last_digit() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nhefs");
    let t = read("data/nhefs.csv", &base, &overriding("education", ColumnType::Category, None)).expect("nhefs");
    let wanted = Request {
        share: None,
        treatment: "qsmk".into(),
        outcome: Some(("wt82_71".into(), OutcomeKind::Continuous)),
        event: None,
        unit_id: Some("seqn".into()),
        clusters: None,
        known_propensity: None,
        groups: Vec::new(),
        placebos: vec!["ht".into()],
        ..request(&["education == 5", "wt71^2"])
    };
    let a = t.into_analysed(&wanted).expect("clean data");
    let text = std::fs::read_to_string(base.join("data/nhefs.csv")).expect("text");
    let field = |line: &str, j: usize| line.split(',').nth(j).expect("a field").parse::<f64>().expect("a number");
    let c = a.covariates(&wanted.terms).expect("terms");
    assert_eq!((a.n(), c.n_treated()), (1566, 403));
    for (i, line) in text.lines().skip(1).enumerate() {
        assert_eq!(a.outcome().expect("y")[i].to_bits(), field(line, 2).to_bits());
        assert_eq!(a.placebo("ht").expect("ht")[i].to_bits(), field(line, 12).to_bits());
        assert_eq!(c.x()[[i, 0]], f64::from(field(line, 7) == 5.0));
        assert_eq!(c.x()[[i, 1]], field(line, 3) * field(line, 3));
    }
}

/// Plan, data and first spec of an example, put together as a run does it.
fn example(name: &str) -> (oci_agent::spec::AnalysisSpec, Analysed) {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let text = std::fs::read_to_string(base.join("plan.yaml")).expect("a plan");
    let plan = oci_agent::plan::parse(&text).unwrap_or_else(|p| panic!("{p:#?}"));
    let table = read(&plan.data.source, &base, &plan.data.columns).expect("data");
    let drafted = oci_agent::spec::draft(&plan, "", &table.document()).unwrap_or_else(|p| panic!("{p:#?}"));
    let spec = drafted.settle(oci_agent::spec::ArmSizes { treated: 100, control: 100 });
    let wanted = Request {
        share: None,
        treatment: spec.treatment.clone(),
        contrast: causal::contrast::Contrast { treated: spec.treated.clone(), control: spec.control.clone() },
        outcome: Some((spec.outcome.clone(), spec.outcome_kind)),
        event: None,
        weights: spec.weights.clone(),
        unit_id: plan.data.unit_id.clone(),
        clusters: None,
        known_propensity: None,
        groups: Vec::new(),
        terms: spec.analyses[0].terms.clone(),
        placebos: spec.placebos.iter().map(|p| p.column.clone()).collect(),
        missing: spec.missing,
        missing_for: spec.missing_for.clone(),
    };
    let analysed = table.into_analysed(&wanted).unwrap_or_else(|p| panic!("{p:#?}"));
    (spec, analysed)
}

#[test]
fn example_plans_fit_their_data() {
    for (name, n, treated, p) in
        [("nhefs", 1566, 403, 18), ("lalonde", 16_177, 185, 10), ("early_adopters", 8_000, 1_049, 6)]
    {
        let (spec, analysed) = example(name);
        assert_eq!(spec.analyses.len(), 3, "{name}");
        let sample = analysed.sample(&spec.analyses[0].terms).expect(name);
        let seen = (sample.covariates().n(), sample.covariates().n_treated(), sample.covariates().p());
        assert_eq!(seen, (n, treated, p), "{name}");
    }
}

#[test]
fn nhefs_plan_gives_the_18_terms_of_the_book() {
    let (spec, _) = example("nhefs");
    let mut names: Vec<String> = spec.analyses[0].terms.iter().map(ToString::to_string).collect();
    names.sort();
    let expected = "active == 1, active == 2, age, age^2, education == 2, education == 3, education == 4, education == 5, \
                    exercise == 1, exercise == 2, race == 1, sex == 1, smokeintensity, smokeintensity^2, smokeyrs, \
                    smokeyrs^2, wt71, wt71^2";
    assert_eq!(names.join(", "), expected);
}
