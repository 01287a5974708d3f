use super::*;
use causal::estimator::EstimatorKind;

fn scored(estimate: f64, accepted: bool) -> Option<Scored> {
    let by = EstimatorKind::DrAverage;
    Some(Scored { by, estimate, lower: estimate - 1.0, upper: estimate + 1.0, accepted, outcome_sd: 2.0 })
}

fn of(contender: Contender, scored: &[Option<Scored>]) -> Cell {
    let about = Subject { family: Setup::Linear, rows: 50, target: Target::Ate, contender, truth: 1.0 };
    cell(&about, scored)
}

#[test]
fn a_cell_is_what_the_definitions_say() {
    // Errors of 0, 1 and −3 in outcome units; the last interval misses.
    let all = [scored(1.0, true), scored(2.0, false), scored(-2.0, true), None];
    let cell = of(Contender::Default, &all);
    assert_eq!((cell.answered, cell.failed), (3, 1));
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(cell.errors.bias, -1.0 / 3.0);
    close(cell.errors.rmse, (2.5_f64 / 3.0).sqrt());
    close(cell.errors.coverage, 2.0 / 3.0);
    close(cell.errors.width, 1.0);
    let verdicts = cell.verdicts.unwrap();
    assert_eq!(verdicts, Verdicts { accepted: 2, accepted_coverage: 0.5, covering_refused: 0.5 });
    assert_eq!(of(Contender::LinearAipw, &all).verdicts, None);
}

#[test]
fn ratios_are_to_the_best_that_answered() {
    let nobody = of(Contender::BoostingAipw, &[None]);
    let mut cells =
        [of(Contender::Default, &[scored(3.0, true)]), of(Contender::LinearAipw, &[scored(2.0, true)]), nobody];
    rank(&mut cells);
    assert_eq!((cells[0].ratio, cells[1].ratio), (2.0, 1.0));
    assert!(cells[2].ratio.is_nan());
    let text = tables::markdown(&Accuracy { cells: cells.into(), timings: Vec::new() });
    assert!(text.contains("Worst ratio of the default: 2.00 (linear, n = 50, ATE)"), "{text}");
}

/// The default of a family is what `spec` chooses for its rows, on weights, clusters and a binary outcome.
#[test]
fn the_default_goes_through_plan_and_verdict() {
    for (family, rows, by) in [
        (Setup::Linear, 150, EstimatorKind::Aipw),
        (Setup::Weighted, 150, EstimatorKind::Aipw),
        (Setup::Clustered, 150, EstimatorKind::Aipw),
        (Setup::Binary, 220, EstimatorKind::DrAverage),
    ] {
        let answers = analyse::analyse(family, rows, 5, 0, Contender::Default);
        for answer in answers {
            assert_eq!(answer.map(|scored| scored.by), Some(by), "{family:?}");
        }
    }
}
