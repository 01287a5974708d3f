//! From the plan's bytes and the files it names to rows that can be analysed, with every problem reported at once.

use crate::dataset::{self, Analysed, DataPlace, DatasetError, DatasetProblem, Request, Table};
use crate::pipeline::fit_cache::FitCache;
use crate::pipeline::follow_ups;
use crate::pipeline::identification::{self, PlanIdentification};
use crate::pipeline::structure;
use crate::plan::{self, Plan, Problem};
use crate::record::earlier::LedgerEntry;
use crate::record::not_estimated::DesignFailure;
use crate::record::structure::{PocketPlace, StructureDocument};
use crate::schema::{Counters, DatasetDocument};
use crate::spec::{self, AnalysisSpec, ArmSizes, Drafted, SampleSizes};
use crate::term::Term;
use crate::text::sha256::sha256_hex;
use causal::estimand::OutcomeKind;
use ndarray::Array1;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

/// The plan's problems with the text they point into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan has {} problem(s)", problems.len())]
pub struct PlanProblems {
    /// The plan's text.
    pub text: String,
    /// All problems, by place.
    pub problems: Vec<Problem>,
}

/// The reason why nothing can be analysed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Problems of the plan, or of the data held against it.
    #[error(transparent)]
    Plan(#[from] PlanProblems),
    /// Nothing is wrong with the plan: data that it names cannot be had now.
    #[error("the data of the plan cannot be had")]
    Outside(PlanProblems),
    /// The data cannot be read at all.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// A plan and its data, checked against each other.
#[derive(Debug)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// Its bytes, which are committed as they are.
    pub plan_bytes: Vec<u8>,
    /// SHA-256 of the bytes.
    pub plan_sha256: String,
    /// Fingerprint and schema of the data.
    pub document: DatasetDocument,
    /// The spec of iteration 1.
    pub draft: AnalysisSpec,
    /// The answer of the plan's graph; `None` without one.
    pub identification: Option<PlanIdentification>,
    analysed: Analysed,
    /// Propensities that were fitted once and are asked for again: by the next stage, or for another target.
    designs: FitCache,
    /// Found once, when it is first asked for.
    structure: OnceLock<StructureDocument>,
    /// Likewise.
    pockets: OnceLock<Vec<PocketPlace>>,
    unblinded_before: Vec<LedgerEntry>,
}

impl Prepared {
    /// Counts of what was done to rows and values.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        self.analysed.counters()
    }

    /// Analysed rows, and treated rows among them.
    #[must_use]
    pub fn arms(&self) -> (usize, usize) {
        (self.analysed.n(), treated_rows(&self.analysed))
    }

    /// Numeric confounder columns with at most two distinct values, whose squares say nothing new.
    #[must_use]
    pub fn binary_columns(&self) -> BTreeSet<String> {
        let columns: BTreeSet<&str> = self.draft.confounders.iter().map(|group| group.confounder.as_str()).collect();
        let binary = |column: &&str| {
            // A category has no column of numbers.
            let Ok(covariates) = self.analysed.covariates(&[Term::column(column)]) else { return false };
            let mut seen: Vec<f64> = Vec::with_capacity(3);
            for value in covariates.x() {
                if !seen.contains(value) {
                    seen.push(*value);
                }
                if seen.len() > 2 {
                    return false;
                }
            }
            true
        };
        columns.into_iter().filter(binary).map(str::to_owned).collect()
    }

    /// The same, with the analyses of this outcome in these data that were unblinded before.
    #[must_use]
    pub fn after(self, unblinded_before: Vec<LedgerEntry>) -> Self {
        Prepared { unblinded_before, ..self }
    }

    /// The analyses of this outcome in these data that were unblinded before.
    #[must_use]
    pub fn unblinded_before(&self) -> &[LedgerEntry] {
        &self.unblinded_before
    }

    /// Structural faults of the confounders among all analysed rows.
    #[must_use]
    pub fn structure(&self) -> &StructureDocument {
        self.structure.get_or_init(|| structure::of_plan(self))
    }

    /// Subgroups of all analysed rows in which one arm is all but missing.
    #[must_use]
    pub fn pockets(&self) -> &[PocketPlace] {
        self.pockets.get_or_init(|| structure::pockets_of_plan(self))
    }

    /// What the graph of the plan implies about the outcome and the data reject. Only for after unblinding.
    #[must_use]
    pub fn rejected_with_outcome(&self) -> Vec<String> {
        self.identification.as_ref().map(PlanIdentification::rejected_with_outcome).unwrap_or_default()
    }

    /// The outcome of the analysed rows. Only the effects stage asks for it.
    pub(crate) fn outcome(&self) -> Result<&Array1<f64>, DesignFailure> {
        self.analysed.outcome().ok_or(DesignFailure::OutcomeNotRead)
    }

    /// A declared placebo, analysed rows.
    pub(crate) fn placebo(&self, column: &str) -> Result<&Array1<f64>, DesignFailure> {
        self.analysed.placebo(column).ok_or_else(|| DesignFailure::PlaceboNotRead { column: column.to_owned() })
    }

    /// Propensities that were fitted before.
    pub(crate) fn designs(&self) -> &FitCache {
        &self.designs
    }

    /// The analysed rows. Only the stages of this module look inside.
    pub(crate) fn analysed(&self) -> &Analysed {
        &self.analysed
    }
}

fn treated_rows(analysed: &Analysed) -> usize {
    analysed.treatment().iter().filter(|arm| arm.is_treated()).count()
}

fn arm_sizes(analysed: &Analysed) -> ArmSizes {
    let treated = treated_rows(analysed);
    ArmSizes { treated, control: analysed.n() - treated }
}

fn sample_sizes(plan: &Plan, analysed: &Analysed) -> SampleSizes {
    // In both arms together: by arm it would say what the effect is.
    let rarer = |y: &Array1<f64>| {
        let events = y.iter().filter(|y| **y == 1.0).count();
        events.min(y.len() - events)
    };
    let binary = plan.outcome.kind == OutcomeKind::Binary;
    let rarer_outcome = analysed.outcome().filter(|_| binary).map(rarer);
    SampleSizes { arms: arm_sizes(analysed), rarer_outcome }
}

/// Reads the plan and its data (`data.source` is relative to the folder of `place`, or an address) and holds one against the other.
///
/// # Errors
/// [`PrepareError`] with every problem of the plan and of the data.
pub fn prepare<'a>(plan_bytes: &[u8], place: impl Into<DataPlace<'a>>) -> Result<Prepared, PrepareError> {
    prepare_with_groups(plan_bytes, place, &[])
}

/// [`prepare`], keeping more columns by which units may be divided than the plan's own follow-ups name.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with_groups<'a>(
    plan_bytes: &[u8],
    place: impl Into<DataPlace<'a>>,
    groups: &[String],
) -> Result<Prepared, PrepareError> {
    let place = place.into();
    // To point into; the bytes are what is hashed and committed.
    let text = String::from_utf8_lossy(plan_bytes).into_owned();
    let refuse = |problems: Vec<Problem>| PlanProblems { text: text.clone(), problems };
    let (plan, mut problems) = plan::read_bytes(plan_bytes);
    let Some(plan) = plan else { return Err(refuse(problems).into()) };
    // That it is empty is among the problems already.
    if plan.data.source.is_empty() {
        return Err(refuse(problems).into());
    }
    let table = match dataset::read_section(&plan.data, place) {
        Ok(table) => table,
        Err(error) if !error.problems().is_empty() => {
            let found = error.problems();
            // A plan with problems of its own is corrected first.
            let outside = problems.is_empty() && found.iter().all(|problem| problem.outside);
            problems.extend(found.iter().map(|p| point(&plan, p)));
            let refused = refuse(plan::in_order(problems));
            return Err(if outside { PrepareError::Outside(refused) } else { refused.into() });
        }
        Err(error) if problems.is_empty() => return Err(error.into()),
        // The plan's own problems are told with it, so that one correction serves for both.
        Err(error) => {
            let hint = "Fix this first; the columns could not be checked.";
            problems.push(point(&plan, &DatasetProblem::new("data.source", error.to_string(), hint)));
            return Err(refuse(plan::in_order(problems)).into());
        }
    };
    let graph = identification::text(&plan, place.folder());
    against_data(plan_bytes, plan, problems, Sources { table, groups, graph })
}

/// [`prepare`] of new data for a plan that stays as it is: `source`, in `place`, in the place of `data.source`. Follow-ups of
/// the plan are about its own data, and are not checked.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_partition<'a>(
    plan_bytes: &[u8],
    source: &str,
    place: impl Into<DataPlace<'a>>,
    data_root: &Path,
) -> Result<Prepared, PrepareError> {
    let text = String::from_utf8_lossy(plan_bytes).into_owned();
    let (plan, problems) = plan::read_bytes(plan_bytes);
    let Some(mut plan) = plan else { return Err(PlanProblems { text, problems }.into()) };
    source.clone_into(&mut plan.data.source);
    plan.follow_ups.clear();
    let table = dataset::read_section(&plan.data, place)?;
    let graph = identification::text(&plan, data_root);
    against_data(plan_bytes, plan, problems, Sources { table, groups: &[], graph })
}

/// [`prepare`] for a table that is in memory already; `data.source` is then only a name, and a graph's file is looked for in
/// the current folder.
///
/// # Errors
/// [`PrepareError::Plan`] with every problem of the plan and of the data.
pub fn prepare_table(plan_bytes: &[u8], table: Table) -> Result<Prepared, PrepareError> {
    let (plan, problems) = plan::read_bytes(plan_bytes);
    let Some(plan) = plan else {
        let text = String::from_utf8_lossy(plan_bytes).into_owned();
        return Err(PlanProblems { text, problems }.into());
    };
    let graph = identification::text(&plan, Path::new("."));
    against_data(plan_bytes, plan, problems, Sources { table, groups: &[], graph })
}

/// What a plan is held against.
struct Sources<'a> {
    table: Table,
    /// Columns by which units are divided, beside those of the plan's follow-ups.
    groups: &'a [String],
    /// The text of the plan's graph, or why there is none.
    graph: Option<Result<String, Problem>>,
}

/// Checks a plan, with the problems found so far, against its data.
fn against_data(
    plan_bytes: &[u8],
    mut plan: Plan,
    mut problems: Vec<Problem>,
    sources: Sources<'_>,
) -> Result<Prepared, PrepareError> {
    let refuse = |problems| PlanProblems { text: String::from_utf8_lossy(plan_bytes).into_owned(), problems };
    let mut table = sources.table;
    problems.extend(merge_rare_levels(&plan, &mut table).iter().map(|found| point(&plan, found)));
    let document = table.document();
    tracing::info!(source = document.source, rows = document.rows, sha256 = document.sha256, "data read");
    let plan_sha256 = sha256_hex(plan_bytes);
    let identified = sources.graph.map(|text| {
        let texts =
            identification::Texts { plan: &String::from_utf8_lossy(plan_bytes), graph: text.map_err(|p| vec![p])? };
        let mut found = identification::identify(&mut plan, texts, &document)?;
        found.take_rows(&plan, &table, &document);
        Ok(found)
    });
    let identification = identified.transpose().unwrap_or_else(|found: Vec<Problem>| {
        problems.extend(found);
        None
    });
    let draft = match spec::draft(&plan, &plan_sha256, &document) {
        Ok(draft) => Some(draft),
        Err(more) => {
            problems.extend(more);
            None
        }
    };
    let analysed = match table.into_analysed(&request(&plan, draft.as_ref(), sources.groups)) {
        Ok(analysed) => Some(analysed),
        Err(more) => {
            problems.extend(more.iter().map(|p| point(&plan, p)));
            None
        }
    };
    problems.extend(analysed.as_ref().and_then(|analysed| outside_its_bounds(&plan, analysed)));
    match (draft, analysed) {
        (Some(draft), Some(analysed)) if problems.is_empty() => {
            // Only now: which estimator answers depends on the rows that are left in each arm.
            let draft = draft.settle(sample_sizes(&plan, &analysed));
            let plan_bytes = plan_bytes.to_vec();
            let prepared = Prepared {
                plan,
                plan_bytes,
                plan_sha256,
                document,
                draft,
                identification,
                analysed,
                designs: FitCache::default(),
                structure: OnceLock::new(),
                pockets: OnceLock::new(),
                unblinded_before: Vec::new(),
            };
            let asked = follow_ups::problems(&prepared);
            if asked.is_empty() { Ok(prepared) } else { Err(refuse(plan::in_order(asked)).into()) }
        }
        _ => Err(refuse(plan::in_order(problems)).into()),
    }
}

/// Makes rare levels one, in every column that nobody is told apart by.
fn merge_rare_levels(plan: &Plan, table: &mut Table) -> Vec<DatasetProblem> {
    let Some(rule) = &plan.data.rare_levels else { return Vec::new() };
    let data = &plan.data;
    let named = [&data.unit_id, &data.weights, &plan.analysis.clusters, &plan.analysis.known_propensity];
    let kept: Vec<&str> = [&plan.treatment.column, &plan.outcome.column]
        .into_iter()
        .chain(named.into_iter().flatten())
        .map(String::as_str)
        .collect();
    table.merge_rare_levels(rule, &kept).err().unwrap_or_default()
}

/// A problem of the data points at the plan's line: by its path, or, if it is about a column, where the plan names it.
fn point(plan: &Plan, problem: &DatasetProblem) -> Problem {
    let named = problem.term.as_ref().and_then(|term| own_term(plan, term)).or_else(|| mention(plan, &problem.path));
    let path = named.unwrap_or_else(|| problem.path.clone());
    Problem { place: plan.at(&path), path, message: problem.message.clone(), hint: problem.hint.clone() }
}

/// The place of a term that the plan writes out itself. A term that is just a column is found by [`mention`].
fn own_term(plan: &Plan, term: &Term) -> Option<String> {
    let is_column = |column: &&str| *term == Term::column(column);
    if term.columns().first().is_some_and(is_column) {
        return None;
    }
    let at = plan.confounders.terms.iter().position(|own| own == term)?;
    Some(format!("confounders.terms[{at}]"))
}

/// The first place among the plan's lists that names a column.
fn mention(plan: &Plan, column: &str) -> Option<String> {
    let lists = [
        ("confounders.priority", &plan.confounders.priority),
        ("confounders.other", &plan.confounders.other),
        ("placebo_outcomes", &plan.placebo_outcomes),
        ("negative_controls", &plan.negative_controls),
    ];
    let listed = lists.iter().find_map(|(list, names)| {
        let at = names.iter().position(|name| name == column)?;
        Some(format!("{list}[{at}]"))
    });
    listed.or_else(|| {
        let at = plan.confounders.terms.iter().position(|term| term.columns().contains(&column))?;
        Some(format!("confounders.terms[{at}]"))
    })
}

/// The columns and terms that the plan needs from the data. Where no spec could be drafted, the terms are left out, so
/// that treatment, outcome and weights are still checked.
fn request(plan: &Plan, draft: Option<&Drafted<'_>>, more: &[String]) -> Request {
    Request {
        treatment: plan.treatment.column.clone(),
        contrast: plan.treatment.contrast(),
        outcome: Some((plan.outcome.column.clone(), plan.outcome.kind)),
        event: plan.outcome.event.clone(),
        weights: plan.data.weights.clone(),
        unit_id: plan.data.unit_id.clone(),
        clusters: plan.analysis.clusters.clone(),
        known_propensity: plan.analysis.known_propensity.clone(),
        share: plan.share,
        terms: draft.map(Drafted::terms).unwrap_or_default(),
        groups: plan
            .follow_ups
            .iter()
            .flat_map(|it| it.columns().into_iter().map(str::to_owned))
            .chain(more.iter().cloned())
            .collect(),
        placebos: plan.placebo_outcomes.iter().chain(&plan.negative_controls).cloned().collect(),
        missing: plan.data.missing,
        missing_for: plan.data.missing_for.clone(),
    }
}

/// Outcomes that the plan says cannot be. How many there are says nothing about an effect.
fn outside_its_bounds(plan: &Plan, analysed: &Analysed) -> Option<Problem> {
    let (low, high) = plan.outcome.bounds?;
    let outside = analysed.outcome()?.iter().filter(|y| !(low..=high).contains(*y)).count();
    let column = &plan.outcome.column;
    (outside > 0).then(|| Problem {
        place: plan.at("outcome.bounds"),
        path: "outcome.bounds".to_owned(),
        message: format!("{outside} values of the outcome `{column}` are not between {low} and {high}"),
        hint: "Write the least and the most that it can be, or leave `bounds` out.".to_owned(),
    })
}
