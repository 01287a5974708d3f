//! The declared analyses of a specification curve: every combination of the branches of its forks, each once.

use super::FollowUpError;
use super::answering::Answering;
use super::sweeps::trimmed;
use crate::pipeline::Prepared;
use crate::plan::Tool;
use crate::plan::follow_ups::{Forks, OutcomeForm};
use crate::record::follow_up::Fork;
use crate::spec::{Analysis, canonical};
use crate::term::Term;
use causal::estimand::{OutcomeKind, Population, TrimRule};
use causal::estimator::{EstimatorKind, NuisanceModels, OutcomeFit, PropensityFit};
use causal::learner_kind::LearnerKind;
use std::collections::BTreeSet;

/// The most analyses of a curve.
pub(super) const MOST_PATHS: usize = 5_000;
/// Combinations of branches beyond which they are not even counted.
const MOST_COMBINED: usize = 100_000;

/// One declared analysis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    /// Its branches, in the order of the forks.
    pub branches: Vec<String>,
    pub analysis: Analysis,
    pub outcome: OutcomeForm,
    /// True if it is the analysis of the answer.
    pub answer: bool,
}

/// The analyses and the forks that they come from. The answer is among them: as a declared one, or before all others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Paths {
    pub forks: Vec<Fork>,
    pub paths: Vec<Path>,
    /// Declared analyses, without an answer that is not among them.
    pub declared: usize,
}

/// A branch of every fork.
#[derive(Debug, Clone)]
struct Choice {
    terms: Vec<Term>,
    population: Population,
    estimator: EstimatorKind,
    learner: Option<LearnerKind>,
    outcome: OutcomeForm,
    branches: Vec<String>,
}

/// Combines the forks around the analysis of the answer.
pub(super) fn paths(prepared: &Prepared, answering: &Answering<'_>, forks: &Forks) -> Result<Paths, FollowUpError> {
    let own = answering.analysis;
    allowed(prepared, answering, forks)?;
    let sets = covariates(prepared, own, forks)?;
    let combined =
        [&sets.len(), &forks.trim.len(), &forks.estimators.len(), &forks.learners.len(), &forks.outcome.len()];
    let combined = combined.iter().fold(1_usize, |all, of| all.saturating_mul((**of).max(1)));
    let too_many = |paths: usize| FollowUpError::TooManyPaths { paths, most: MOST_PATHS };
    if combined > MOST_COMBINED {
        return Err(too_many(combined));
    }
    let mut told = Vec::new();
    let base = Choice {
        terms: own.terms.clone(),
        population: own.population,
        estimator: own.primary,
        learner: None,
        outcome: OutcomeForm::AsItIs,
        branches: Vec::new(),
    };
    let mut choices = vec![base];
    if !sets.is_empty() {
        choices = fork(choices, &sets, |set| set.0.clone(), |choice, set| choice.terms.clone_from(&set.1));
        told.push(Fork { key: "covariates".to_owned(), branches: sets.iter().map(|set| set.0.clone()).collect() });
    }
    if !forks.trim.is_empty() {
        choices = fork(choices, &forks.trim, f64::to_string, |choice, alpha| {
            choice.population = trimmed(own, *alpha).population;
        });
        told.push(Fork { key: "trim".to_owned(), branches: forks.trim.iter().map(f64::to_string).collect() });
    }
    if !forks.estimators.is_empty() {
        let key = |kind: &EstimatorKind| kind.key().to_owned();
        choices = fork(choices, &forks.estimators, key, |choice, kind| choice.estimator = *kind);
        told.push(Fork { key: "estimator".to_owned(), branches: forks.estimators.iter().map(key).collect() });
    }
    if !forks.learners.is_empty() {
        let key = |learner: &LearnerKind| learner.key().to_owned();
        choices = fork(choices, &forks.learners, key, |choice, learner| choice.learner = Some(*learner));
        let branches = forks.learners.iter().map(key).chain([REGRESSIONS.to_owned()]).collect();
        told.push(Fork { key: "learner".to_owned(), branches });
    }
    if !forks.outcome.is_empty() {
        let key = |form: &OutcomeForm| form.key().to_owned();
        choices = fork(choices, &forks.outcome, key, |choice, form| choice.outcome = *form);
        told.push(Fork { key: "outcome".to_owned(), branches: forks.outcome.iter().map(key).collect() });
    }
    let learners_at = told.iter().position(|fork| fork.key == "learner");
    let mut seen = BTreeSet::new();
    let mut paths: Vec<Path> = Vec::new();
    for choice in choices {
        let path = path(own, choice, learners_at);
        // An estimator without learners is one analysis, however many are declared; so are two names of one set.
        if seen.insert(identity(&path.analysis, path.outcome)) {
            paths.push(path);
        }
    }
    let declared = paths.len();
    if declared > MOST_PATHS {
        return Err(too_many(declared));
    }
    let answer = identity(own, OutcomeForm::AsItIs);
    match paths.iter_mut().find(|path| identity(&path.analysis, path.outcome) == answer) {
        Some(path) => path.answer = true,
        None => {
            let branches = vec!["the answer".to_owned(); told.len()];
            let own = Path { branches, analysis: own.clone(), outcome: OutcomeForm::AsItIs, answer: true };
            paths.insert(0, own);
        }
    }
    // Branches that gave no analysis of their own: learners of estimators without any, another name of the same terms.
    for (at, fork) in told.iter_mut().enumerate() {
        fork.branches.retain(|branch| paths.iter().any(|path| path.branches.get(at) == Some(branch)));
    }
    Ok(Paths { forks: told, paths, declared })
}

/// The branch of an estimator that takes no learner.
const REGRESSIONS: &str = "regressions";

/// Every choice so far with every branch of one more fork.
fn fork<T>(
    choices: Vec<Choice>,
    branches: &[T],
    name: impl Fn(&T) -> String,
    take: impl Fn(&mut Choice, &T),
) -> Vec<Choice> {
    let one = |choice: &Choice, branch: &T| {
        let mut taken = choice.clone();
        take(&mut taken, branch);
        taken.branches.push(name(branch));
        taken
    };
    choices
        .iter()
        .flat_map(|choice| branches.iter().map(move |branch| (choice, branch)))
        .map(|(c, b)| one(c, b))
        .collect()
}

fn path(own: &Analysis, choice: Choice, learners_at: Option<usize>) -> Path {
    let Choice { terms, population, estimator, learner, outcome, mut branches } = choice;
    let made_for = NuisanceModels::for_estimator(estimator, own.models.effort);
    let models = match learner {
        // A model that is its own has no outcome learner to be told.
        Some(learner) if takes(estimator) => NuisanceModels { propensity: learner, outcome: learner, ..made_for },
        _ if estimator == own.primary => own.models,
        _ => made_for,
    };
    if let Some(branch) = learners_at.and_then(|at| branches.get_mut(at)).filter(|_| !takes(estimator)) {
        REGRESSIONS.clone_into(branch);
    }
    let analysis =
        Analysis { terms, population, primary: estimator, estimators: vec![estimator], models, ..own.clone() };
    Path { branches, analysis, outcome, answer: false }
}

fn takes(kind: EstimatorKind) -> bool {
    kind.takes_learners() || kind.takes_outcome_learners()
}

/// What an analysis is, in whatever order its terms stand.
fn identity(analysis: &Analysis, outcome: OutcomeForm) -> String {
    let terms: BTreeSet<String> = analysis.terms.iter().map(|term| canonical(term).to_string()).collect();
    let facts = analysis.primary.facts();
    let propensity = match facts.propensity.fit() {
        Some(PropensityFit::CrossFitted) => Some(analysis.models.propensity),
        _ => None,
    };
    let means = (facts.outcome == OutcomeFit::CrossFitted).then_some(analysis.models.outcome);
    let population = match analysis.population {
        Population::Trimmed { trim: TrimRule::Fixed { alpha } } if alpha <= 0.0 => Population::All,
        population => population,
    };
    format!("{terms:?} {population:?} {:?} {propensity:?} {means:?} {outcome:?}", analysis.primary)
}

/// Refuses estimators that the plan does not allow, and forms that the outcome cannot take.
fn allowed(prepared: &Prepared, answering: &Answering<'_>, forks: &Forks) -> Result<(), FollowUpError> {
    for kind in &forks.estimators {
        if let Some(tool) = Tool::for_estimator(*kind).filter(|tool| !answering.spec.tools.contains(tool)) {
            return Err(FollowUpError::NotAllowed { kind: *kind, tool: tool.key() });
        }
    }
    let refuse = |form: OutcomeForm, why| Err(FollowUpError::OutcomeForm { form: form.key(), why });
    let smallest = prepared.outcome().ok().map(|y| y.iter().copied().fold(f64::INFINITY, f64::min));
    for form in &forks.outcome {
        match form {
            OutcomeForm::AsItIs => {}
            form if answering.spec.outcome_kind == OutcomeKind::Binary => return refuse(*form, "it has two values"),
            OutcomeForm::Log if smallest.is_some_and(|y| y <= -1.0) => {
                return refuse(OutcomeForm::Log, "it has values of −1 and below, and log(y + 1) has none there");
            }
            _ => {}
        }
    }
    Ok(())
}

/// The sets of terms, by name: the declared ones, or the answer's, each with every combination of what is optional.
fn covariates(prepared: &Prepared, own: &Analysis, forks: &Forks) -> Result<Vec<(String, Vec<Term>)>, FollowUpError> {
    let mut sets: Vec<(String, Vec<Term>)> = Vec::new();
    for (name, set) in &forks.covariates {
        let terms: Vec<Vec<Term>> =
            set.iter().map(|text| terms_of(prepared, "covariates", text)).collect::<Result<_, _>>()?;
        sets.push((name.clone(), distinct(terms.into_iter().flatten())));
    }
    let optional: Vec<(&String, Vec<Term>)> = forks
        .optional
        .iter()
        .map(|text| Ok((text, terms_of(prepared, "optional", text)?)))
        .collect::<Result<_, FollowUpError>>()?;
    if optional.is_empty() {
        return Ok(sets);
    }
    if optional.len() > 16 {
        return Err(FollowUpError::TooManyPaths { paths: 1 << optional.len().min(40), most: MOST_PATHS });
    }
    if sets.is_empty() {
        sets.push((String::new(), own.terms.clone()));
    }
    let mut all = Vec::new();
    for (name, terms) in &sets {
        for out in 0..1_usize << optional.len() {
            let left: Vec<&(&String, Vec<Term>)> =
                optional.iter().enumerate().filter(|(at, _)| out >> at & 1 == 1).map(|(_, one)| one).collect();
            let without: Vec<String> = left.iter().map(|(text, _)| (*text).clone()).collect();
            let said = if without.is_empty() { "all".to_owned() } else { format!("without {}", without.join(", ")) };
            let said = if name.is_empty() { said } else { format!("{name}, {said}") };
            let gone = |term: &Term| left.iter().any(|(text, terms)| is_part(term, text, terms));
            // What is optional and not in the answer's own terms comes in.
            let within = optional.iter().filter(|one| !left.iter().any(|gone| gone.0 == one.0));
            let more = within.flat_map(|(_, terms)| terms.iter().cloned());
            all.push((said, distinct(terms.iter().cloned().chain(more).filter(|term| !gone(term)))));
        }
    }
    Ok(all)
}

/// True if a term goes when this confounder, or term, goes.
fn is_part(term: &Term, text: &str, terms: &[Term]) -> bool {
    terms.iter().any(|one| canonical(one) == canonical(term)) || term.columns().contains(&text)
}

/// Each design column once.
fn distinct(terms: impl Iterator<Item = Term>) -> Vec<Term> {
    let mut seen = BTreeSet::new();
    terms.filter(|term| seen.insert(canonical(term))).collect()
}

/// A confounder's terms, or the one term that a text is.
fn terms_of(prepared: &Prepared, fork: &'static str, text: &str) -> Result<Vec<Term>, FollowUpError> {
    if let Some(group) = prepared.draft.confounders.iter().find(|group| group.confounder == text) {
        return Ok(group.terms.clone());
    }
    let no_term = || FollowUpError::NoTerm { fork, text: text.to_owned() };
    let term = Term::parse(text).map_err(|_| no_term())?;
    // Evaluated, which says whether its columns are there and its levels occur.
    prepared.analysed().covariates(std::slice::from_ref(&term)).map_err(|_| no_term())?;
    Ok(vec![term])
}
