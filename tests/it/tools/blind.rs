//! Before unblinding nothing that a tool says tells an effect, or a mean of the outcome.

use super::fixtures::{NHEFS, World, heard, right_calls};
use oci_agent::tools::{Role, Task, ToolError};
use serde_json::json;

/// Means of the outcome, everywhere and by arm, from the file itself.
fn outcome_means() -> Vec<f64> {
    let path = crate::examples::plan("nhefs").parent().expect("folder").join("data/nhefs.csv");
    let text = std::fs::read_to_string(path).expect("data");
    let rows: Vec<(f64, f64)> = text
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[1].parse().expect("qsmk"), cells[2].parse().expect("wt82_71"))
        })
        .collect();
    let mean = |keep: &dyn Fn(f64) -> bool| {
        let kept: Vec<f64> = rows.iter().filter(|(t, _)| keep(*t)).map(|(_, y)| *y).collect();
        kept.iter().sum::<f64>() / kept.len() as f64
    };
    vec![mean(&|_| true), mean(&|t| t == 1.0), mean(&|t| t == 0.0)]
}

/// Everything that must not be told.
fn secrets(world: &World) -> Vec<f64> {
    let mut secrets = outcome_means();
    for row in &world.results.effects {
        let effect = &row.effect;
        secrets.extend([effect.estimate, effect.ci_lower, effect.ci_upper]);
        secrets.extend(effect.mean_treated.iter().chain(&effect.mean_control));
    }
    for answer in &world.results.answers {
        secrets.extend(answer.sensitivity.iter().flat_map(|s| [s.regression_estimate, s.target_estimate, s.e_value]));
        secrets.extend(answer.diagnostics.iter().map(|d| d.outcome_sd));
    }
    secrets
}

/// The numbers of a text, each with how many digits count and how many stand after the point.
fn numbers(text: &str) -> Vec<(f64, usize, usize)> {
    // A number with an exponent is rounding noise, and its digits agree with something by chance.
    let text = text.replace("e-", "E");
    let pieces = text.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == 'E'));
    let pieces =
        pieces.map(|piece| piece.trim_matches('.')).filter(|piece| piece.contains('.') && !piece.contains('E'));
    pieces
        .filter_map(|piece| {
            let digits = piece.replace('.', "").trim_start_matches('0').len();
            let decimals = piece.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            Some((piece.parse().ok()?, digits, decimals))
        })
        .collect()
}

#[test]
fn no_output_of_any_tool_tells_the_outcome_while_the_loop_is_blind() {
    let secrets = secrets(&NHEFS);
    assert!(secrets.len() > 60, "{}", secrets.len());
    let mut compared = 0;
    for estimand in ["ate", "att", "ato"] {
        for (name, arguments) in right_calls(estimand) {
            let answer = NHEFS.call_unprotected(Role::Host, name, &arguments, Task::Look).expect(name);
            let text = heard(&answer);
            for (number, digits, decimals) in numbers(&text).into_iter().filter(|(_, digits, _)| *digits >= 3) {
                let rounds = |secret: &&f64| format!("{:.decimals$}", secret.abs()) == format!("{number:.decimals$}");
                compared += 1;
                // Thousandths and less are p-values and small differences of means, which agree with something by chance.
                let told = secrets.iter().find(rounds).filter(|_| number >= 1.0);
                assert_eq!(told, None, "{name} {arguments} says {number} ({digits} digits): {text}");
            }
        }
    }
    assert!(compared > 300, "{compared} numbers compared");
}

#[test]
fn what_needs_an_effect_is_refused() {
    for name in ["estimate", "check_sensitivity"] {
        for (role, task) in [
            (Role::Actor, Task::Draft),
            (Role::Actor, Task::Revise),
            (Role::Host, Task::Look),
            (Role::Critic, Task::Criticise(&NHEFS.computed)),
        ] {
            let error = NHEFS.call(role, name, &json!({}), task).expect_err(name);
            assert_eq!(error, ToolError::Blind { name: name.to_owned() });
        }
    }
}
