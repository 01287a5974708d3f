use crate::simulate::coverage::*;

fn study(setup: Setup, replicates: usize) -> Study {
    Study { setup, rows: 200, analyses: parametric(setup), replicates, seed: 7 }
}

#[test]
fn rows_are_what_the_definitions_say() {
    let analyses = vec![Analysis::parametric(EstimatorKind::Aipw)];
    let study = Study { analyses, ..study(Setup::Linear, 20) };
    let coverage = run(&study);
    // Four targets, two variances.
    assert_eq!(coverage.rows.len(), 8);
    let row = &coverage.rows[0];
    let truth = Setup::Linear.population_effects(POPULATION)[0];
    let errors: Vec<f64> = (0..20)
        .map(|r| {
            let draw = Setup::Linear.draw(200, 7, r).unwrap();
            let analysis = &study.analyses[0];
            let nuisances = Nuisances::new(&draw.sample, &params(&study, analysis, r)).unwrap();
            nuisances.effect(EstimatorKind::Aipw, Target::Ate).unwrap().estimate - truth
        })
        .collect();
    let mean = errors.iter().sum::<f64>() / 20.0;
    assert!((row.bias - mean).abs() < 1e-12);
    assert!((row.rmse.powi(2) - (row.sd.powi(2) * 19.0 / 20.0 + mean * mean)).abs() < 1e-12);
    assert_eq!((row.replicates, row.failed, row.truth), (20, 0, truth));
}

#[test]
fn it_is_the_same_at_any_number_of_threads() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&study(Setup::Binary, 6)))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn failures_are_counted_and_the_first_reason_kept() {
    // Two hundred columns on two hundred rows: no regression in an arm.
    let analyses = vec![Analysis::parametric(EstimatorKind::Gformula)];
    let coverage = run(&Study { analyses, ..study(Setup::Sparse, 3) });
    assert!(coverage.rows.is_empty());
    assert!(coverage.failures[0].1.contains("needs more than"), "{:?}", coverage.failures);
    assert!(markdown(&[coverage]).starts_with("| estimator"));
}

#[test]
fn tables_name_every_analysis_and_mark_what_falls_short() {
    let coverage = run(&study(Setup::Randomised, 10));
    let text = markdown(std::slice::from_ref(&coverage));
    for analysis in parametric(Setup::Randomised) {
        assert!(text.contains(&analysis.label()), "{}", analysis.label());
    }
    let lines = csv(std::slice::from_ref(&coverage));
    assert_eq!(lines.lines().count(), coverage.rows.len() + 1);
    let short = Row { coverage: 0.5, replicates: 400, ..coverage.rows[0].clone() };
    let text = markdown(&[Coverage { rows: vec![short], failures: vec![] }]);
    assert!(text.contains("**50.0**"), "{text}");
}
