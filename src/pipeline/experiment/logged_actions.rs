//! The log of an agent's decisions: its audit, which needs no reward, and the answers from it.

use super::modelling::Experiment;
use crate::critique::experiment::logged_rubric::check;
use crate::critique::experiment::rubric::{Measured, tier_of};
use crate::dataset::metrics::{LoggedTable, StepColumn};
use crate::finding::Severity;
use crate::record::experiment::Estimate;
use crate::record::logged_actions::{
    ActionFacts, AllStepsRow, Held, LoggedAnswers, LoggedAudit, LoggedCode, LoggedRefusal, PairRow, PolicyAction,
    PolicyAudit, PolicyRow, ScoreRow, StepAudit, StepRow, Tested,
};
use causal::experiment::linear_model::Estimated;
use causal::experiment::logged::{Decisions, LoggedError, MomentTest, unit_folds};
use causal::experiment::multiplicity::holm;
use causal::experiment::policy_value::{LoggedActions, Policy, PolicyOverlap};
use causal::experiment::step_credit::{CoinCheck, LoggedSteps, Step};

/// The fewest decisions of a setting of steps: below, a standard error is a matter of a few values.
const FEWEST_DECISIONS: usize = 10;

/// The log as the numerics take it.
struct Log<'a> {
    experiment: &'a Experiment,
    table: &'a LoggedTable,
    covariates: Vec<Vec<f64>>,
    folds: Vec<usize>,
    steps: Vec<Step<'a>>,
}

impl<'a> Log<'a> {
    fn new(experiment: &'a Experiment) -> Option<Log<'a>> {
        let table = experiment.table.logged.as_ref()?;
        let step = |step: &'a StepColumn| Step { on: &step.on, chance: &step.chance };
        Some(Log {
            experiment,
            table,
            covariates: table.covariates.iter().map(|(_, values)| values.clone()).collect(),
            folds: unit_folds(&table.units, experiment.plan.seed),
            steps: table.steps.iter().map(step).collect(),
        })
    }

    fn decisions<'b>(&'b self, reward: &'b [f64]) -> Decisions<'b> {
        Decisions { reward, units: &self.table.units, covariates: &self.covariates, folds: &self.folds }
    }

    fn actions<'b>(&'b self, reward: &'b [f64]) -> LoggedActions<'b> {
        let LoggedTable { actions, action, chance, .. } = self.table;
        LoggedActions { decisions: self.decisions(reward), actions: actions.len(), action, chance }
    }

    fn coins<'b>(&'b self, reward: &'b [f64]) -> LoggedSteps<'b> {
        LoggedSteps { decisions: self.decisions(reward), steps: &self.steps }
    }

    fn estimate(&self, found: &Estimated) -> Result<Estimate, String> {
        let [lower, upper] = found.interval(self.experiment.alpha()).map_err(|error| error.to_string())?;
        Ok(Estimate { estimate: found.estimate, std_error: found.std_error, lower, upper })
    }

    fn tested(&self, found: &Estimated) -> Result<Tested, String> {
        Ok(Tested { effect: self.estimate(found)?, df: found.df, p_value: found.p_value(), holm: None })
    }
}

fn held(found: &Estimated) -> Held {
    Held { value: found.estimate, std_error: found.std_error }
}

fn p_of(test: Result<MomentTest, LoggedError>) -> Measured {
    match test {
        Ok(test) => Measured::Number(test.p_value, None),
        Err(error) => Measured::NotMade(error.to_string()),
    }
}

/// Everything that is known of the log before a reward is; nothing where the plan has none.
#[must_use]
pub fn audit(experiment: &Experiment) -> Option<LoggedAudit> {
    let log = Log::new(experiment)?;
    let table = log.table;
    // No reward has a part in it: an array of zeros takes its place.
    let blind = vec![0.0; table.reward.len()];
    let (actions, coins) = (log.actions(&blind), log.coins(&blind));
    let mut checks = Vec::new();
    let mut facts = Vec::new();
    if !table.actions.is_empty() {
        let measured = match actions.chances() {
            Ok(found) => {
                facts = action_facts(table, &found.actions);
                p_of(found.joint)
            }
            Err(error) => Measured::NotMade(error.to_string()),
        };
        checks.push(check(LoggedCode::Chances, &measured));
    }
    if table.steps.len() > 1 {
        checks.push(check(LoggedCode::IndependentCoins, &p_of(coins.independence())));
    }
    let overlaps = table.policies.iter().filter_map(|(name, chosen)| {
        let overlap = actions.overlap(&Policy::Chosen(chosen)).ok()?;
        Some(policy_audit(table, name, &overlap))
    });
    let found = coins.coins().unwrap_or_default();
    let steps = table.steps.iter().zip(&found).map(|(step, coin)| step_audit(step, coin));
    let arms = experiment.table.arms.iter().enumerate();
    let of_arm = |arm: usize| table.arms.iter().filter(|it| usize::from(**it) == arm).count();
    let mut audit = LoggedAudit {
        decisions: table.reward.len(),
        units: table.unit_count,
        independent: table.units.iter().max().map_or(0, |unit| *unit as usize + 1),
        by_arm: arms.map(|(arm, name)| (name.clone(), of_arm(arm))).collect(),
        not_assigned: table.not_assigned,
        of_filtered_units: table.of_filtered_units,
        covariates: table.covariates.iter().map(|(name, _)| name.clone()).collect(),
        covariate_values_filled: table.filled.clone(),
        actions: facts,
        policies: overlaps.collect(),
        steps: steps.collect(),
        checks,
        tier: tier_of(std::iter::empty()),
    };
    audit.tier = tier_of(audit.all_checks().map(|check| check.severity));
    Some(audit)
}

fn action_facts(table: &LoggedTable, weights: &[Estimated]) -> Vec<ActionFacts> {
    let of = |(at, (name, weight)): (usize, (&String, &Estimated))| ActionFacts {
        action: name.clone(),
        decisions: table.action.iter().filter(|action| usize::from(**action) == at).count(),
        weight: held(weight),
    };
    table.actions.iter().zip(weights).enumerate().map(of).collect()
}

fn policy_audit(table: &LoggedTable, name: &str, overlap: &PolicyOverlap) -> PolicyAudit {
    let named = |action: usize| table.actions.get(action).cloned().unwrap_or_default();
    let without = |with: bool| overlap.actions.iter().filter(move |action| (action.matched == 0) != with);
    let lost = without(false).max_by(|a, b| a.wanted.total_cmp(&b.wanted));
    let share: f64 = without(false).map(|action| action.wanted).sum::<f64>() / table.reward.len() as f64;
    let support = Measured::Number(share, Some(lost.map_or(name.to_owned(), |action| named(action.action))));
    // Where the log never did what the policy does, every weight is 0, and that is told already.
    let p: Vec<f64> = without(true).map(|action| action.p_value()).collect();
    let smallest = holm(&p).into_iter().zip(without(true)).min_by(|a, b| a.0.total_cmp(&b.0));
    let weights = match smallest {
        Some((p, action)) => Measured::Number(p, Some(named(action.action))),
        None => Measured::NotMade("the log never did what the policy does".to_owned()),
    };
    let effective = Measured::Number(overlap.effective_units, Some(name.to_owned()));
    PolicyAudit {
        policy: name.to_owned(),
        matched: overlap.matched,
        effective_units: overlap.effective_units,
        largest_weight: overlap.largest_weight,
        weight: held(&overlap.mean_weight),
        actions: overlap
            .actions
            .iter()
            .map(|action| PolicyAction {
                action: named(action.action),
                // Decisions of a policy that is an action each are counted whole.
                wanted: action.wanted.round() as usize,
                matched: action.matched,
                weight: held(&action.mean_weight),
            })
            .collect(),
        checks: vec![
            check(LoggedCode::Support, &support),
            check(LoggedCode::PolicyWeights, &weights),
            check(LoggedCode::EffectiveUnits, &effective),
        ],
    }
}

fn step_audit(step: &StepColumn, coin: &CoinCheck) -> StepAudit {
    let measured = match &coin.joint {
        Ok(test) => Measured::Number(test.p_value, Some(step.name.clone())),
        Err(error) => Measured::NotMade(error.to_string()),
    };
    StepAudit {
        step: step.name.clone(),
        on: coin.on,
        expected: causal::numerics::sums::sum(step.chance.iter().copied()),
        surplus: held(&coin.surplus),
        effective_units: coin.effective_units,
        checks: vec![
            check(LoggedCode::Coins, &measured),
            check(LoggedCode::EffectiveUnits, &Measured::Number(coin.effective_units, Some(step.name.clone()))),
        ],
    }
}

/// The answers from the log, given its audit.
#[must_use]
pub fn answers(experiment: &Experiment, audit: &LoggedAudit) -> Option<LoggedAnswers> {
    let log = Log::new(experiment)?;
    let said = experiment.plan.logged_actions.as_ref()?;
    let logged = causal::experiment::logged::unit_mean(&log.table.reward, &log.table.units);
    let mut answers = LoggedAnswers {
        reward: said.reward.clone(),
        logged: log.estimate(&logged).ok()?,
        policies: Vec::new(),
        steps: Vec::new(),
        pairs: Vec::new(),
        all_steps: None,
        refused: Vec::new(),
    };
    policies(&log, audit, &mut answers);
    steps(&log, audit, &mut answers);
    several_steps(&log, audit, &mut answers);
    Some(answers)
}

/// The message of the first check that failed.
fn failed<'a>(checks: impl IntoIterator<Item = &'a crate::record::logged_actions::LoggedCheck>) -> Option<String> {
    let failed = checks.into_iter().find(|check| check.severity == Severity::Fail)?;
    Some(failed.message.clone())
}

fn sort<T>(found: Result<T, String>, asked: String, kept: &mut Vec<T>, refused: &mut Vec<LoggedRefusal>) {
    match found {
        Ok(row) => kept.push(row),
        Err(reason) => refused.push(LoggedRefusal { asked, reason }),
    }
}

fn policies(log: &Log<'_>, audit: &LoggedAudit, answers: &mut LoggedAnswers) {
    let whole = audit.checks.iter().filter(|check| check.code == LoggedCode::Chances);
    let whole = failed(whole);
    for ((name, chosen), own) in log.table.policies.iter().zip(&audit.policies) {
        let found = match whole.clone().or_else(|| failed(&own.checks)) {
            Some(reason) => Err(reason),
            None => policy(log, name, &Policy::Chosen(chosen)),
        };
        sort(found, name.clone(), &mut answers.policies, &mut answers.refused);
    }
    let p: Vec<f64> = answers.policies.iter().map(|row| row.gain.p_value).collect();
    answers.policies.iter_mut().zip(holm(&p)).for_each(|(row, p)| row.gain.holm = Some(p));
}

fn policy(log: &Log<'_>, name: &str, policy: &Policy<'_>) -> Result<PolicyRow, String> {
    let words = |error: LoggedError| error.to_string();
    let found = log.actions(&log.table.reward).value(policy).map_err(words)?;
    let score = |(score, values): &(String, Vec<f64>)| {
        let actions = log.actions(values);
        let found = actions.value(policy).map_err(words)?;
        let (with, without) = (found.doubly_robust.estimate, actions.logged_value().map_err(words)?.estimate);
        Ok(ScoreRow { score: score.clone(), with, without, difference: log.tested(&found.gain)? })
    };
    Ok(PolicyRow {
        policy: name.to_owned(),
        value: log.estimate(&found.doubly_robust)?,
        gain: log.tested(&found.gain)?,
        horvitz_thompson: log.estimate(&found.horvitz_thompson)?,
        hajek: log.estimate(&found.hajek)?,
        scores: log.table.scores.iter().map(score).collect::<Result<Vec<_>, String>>()?,
    })
}

fn steps(log: &Log<'_>, audit: &LoggedAudit, answers: &mut LoggedAnswers) {
    for (at, own) in audit.steps.iter().enumerate() {
        let found = match failed(&own.checks) {
            Some(reason) => Err(reason),
            None => step(log, at),
        };
        sort(found, own.step.clone(), &mut answers.steps, &mut answers.refused);
    }
    let p: Vec<f64> = answers.steps.iter().map(|row| row.credit.p_value).collect();
    answers.steps.iter_mut().zip(holm(&p)).for_each(|(row, p)| row.credit.holm = Some(p));
}

fn step(log: &Log<'_>, at: usize) -> Result<StepRow, String> {
    let own = log.steps.get(at..=at).unwrap_or_default();
    let credit = |reward: &[f64]| {
        let found = LoggedSteps { decisions: log.decisions(reward), steps: own }.credits();
        found.map_err(|error| error.to_string())?.into_iter().next().ok_or_else(String::new)
    };
    let found = credit(&log.table.reward)?;
    let score = |(score, values): &(String, Vec<f64>)| {
        let found = credit(values)?;
        Ok(ScoreRow {
            score: score.clone(),
            with: found.on.estimate,
            without: found.off.estimate,
            difference: log.tested(&found.credit)?,
        })
    };
    Ok(StepRow {
        step: log.table.steps[at].name.clone(),
        on: log.estimate(&found.on)?,
        off: log.estimate(&found.off)?,
        credit: log.tested(&found.credit)?,
        scores: log.table.scores.iter().map(score).collect::<Result<Vec<_>, String>>()?,
    })
}

/// Pairs, and all steps together.
fn several_steps(log: &Log<'_>, audit: &LoggedAudit, answers: &mut LoggedAnswers) {
    if log.steps.len() < 2 {
        return;
    }
    let dependent = failed(audit.checks.iter().filter(|check| check.code == LoggedCode::IndependentCoins));
    let coins = log.coins(&log.table.reward);
    let name = |at: usize| log.table.steps[at].name.clone();
    let few = |members: &[usize], settings: &[Vec<bool>]| {
        let rows = |setting: &Vec<bool>| {
            let is_set = |i: &usize| members.iter().zip(setting).all(|(step, on)| log.steps[*step].on[*i] == *on);
            (0..log.table.reward.len()).filter(is_set).count()
        };
        let fewest = settings.iter().map(rows).min().unwrap_or_default();
        (fewest < FEWEST_DECISIONS).then(|| {
            format!("a setting of these steps has {fewest} decisions, and an estimate needs {FEWEST_DECISIONS}")
        })
    };
    let refused = |members: &[usize], settings: &[Vec<bool>]| {
        let coin = failed(members.iter().flat_map(|at| &audit.steps[*at].checks));
        dependent.clone().or(coin).or_else(|| few(members, settings))
    };
    for pair in coins.pairs() {
        let settings: Vec<Vec<bool>> = (0..4).map(|cell| vec![cell & 1 == 1, cell & 2 == 2]).collect();
        let found = match refused(&pair, &settings) {
            Some(reason) => Err(reason),
            None => coins
                .together(pair)
                .map_err(|error| error.to_string())
                .and_then(|found| Ok(PairRow { steps: pair.map(name), together: log.tested(&found)? })),
        };
        let [one, other] = pair.map(name);
        sort(found, format!("{one} and {other}"), &mut answers.pairs, &mut answers.refused);
    }
    let p: Vec<f64> = answers.pairs.iter().map(|row| row.together.p_value).collect();
    answers.pairs.iter_mut().zip(holm(&p)).for_each(|(row, p)| row.together.holm = Some(p));
    let all: Vec<usize> = (0..log.steps.len()).collect();
    let settings = [vec![true; all.len()], vec![false; all.len()]];
    let found = match refused(&all, &settings) {
        Some(reason) => Err(reason),
        None => coins.all_steps().map_err(|error| error.to_string()).and_then(|found| {
            let [on, off] = found.rows;
            let (effect, left_over) = (log.tested(&found.effect)?, log.tested(&found.left_over)?);
            Ok(AllStepsRow { on, off, effect, left_over })
        }),
    };
    match found {
        Ok(row) => answers.all_steps = Some(row),
        Err(reason) => answers.refused.push(LoggedRefusal { asked: "all steps".to_owned(), reason }),
    }
}
