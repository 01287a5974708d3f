//! The 21 items of TARGET, the reporting guideline for observational studies that emulate a target trial (Cashin et al. 2025,
//! doi:10.1001/jama.2025.13350 and doi:10.1136/bmj-2025-087179), and where a run reports each.
//!
//! Items 6 and 7 have parts: the protocol of the trial, and how the data stand in for it. A plan has no place for background, ethics,
//! registration, funding and interests, so a run never reports them: whoever writes it up has to. What a run reports in part says so.

use super::checks::Place;
use super::history::{Document, History};
use super::reported::list;
use super::trial::components;
use crate::plan::{Plan, StudyDesign};
use crate::text::escape::markdown_inline;
use crate::text::figures::figures;
use causal::estimand::OutcomeKind;
use causal::keyed_enum;
use serde::Serialize;
use serde_json::Value;

keyed_enum! {
    /// What an item asks for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum TargetPart {
        /// That it emulates a trial, which one, and for what.
        StudyType = "study_type",
        /// Data sources, in the abstract.
        DataNamed = "data_named",
        /// Assumptions, methods, findings and conclusions, in the abstract.
        Summary = "summary",
        /// Background and gap.
        Background = "background",
        /// The causal question.
        Question = "question",
        /// Why a trial is emulated, and with these data.
        Rationale = "rationale",
        /// Data sources: purpose, kind, place, period, linkage.
        DataDescribed = "data_described",
        /// The trial: who is eligible.
        TrialEligibility = "trial_eligibility",
        /// The trial: the strategies.
        TrialStrategies = "trial_strategies",
        /// The trial: random assignment.
        TrialAssignment = "trial_assignment",
        /// The trial: from when to when.
        TrialFollowUp = "trial_follow_up",
        /// The trial: the outcome.
        TrialOutcome = "trial_outcome",
        /// The trial: the contrast.
        TrialContrast = "trial_contrast",
        /// The trial: what identifies it.
        TrialAssumptions = "trial_assumptions",
        /// The trial: its analysis.
        TrialAnalysis = "trial_analysis",
        /// In the data: who is eligible.
        DataEligibility = "data_eligibility",
        /// In the data: the strategies.
        DataStrategies = "data_strategies",
        /// In the data: assignment.
        DataAssignment = "data_assignment",
        /// In the data: from when to when.
        DataFollowUp = "data_follow_up",
        /// In the data: the outcome.
        DataOutcome = "data_outcome",
        /// In the data: the contrast.
        DataContrast = "data_contrast",
        /// In the data: the assumptions, confounding among them.
        DataAssumptions = "data_assumptions",
        /// The variables that the assumptions are about.
        DataVariables = "data_variables",
        /// In the data: the analysis, missing values among it.
        DataAnalysis = "data_analysis",
        /// Further analyses of how the results hang on choices.
        DataSensitivity = "data_sensitivity",
        /// Numbers of people at each step.
        Participants = "participants",
        /// Characteristics by strategy.
        Baseline = "baseline",
        /// Length and end of follow-up.
        FollowUp = "follow_up",
        /// Missing values in every variable, by strategy.
        MissingData = "missing_data",
        /// The outcome by strategy.
        Outcomes = "outcomes",
        /// Effects with their precision.
        Effects = "effects",
        /// Results of the further analyses.
        FurtherResults = "further_results",
        /// What the findings mean for the question.
        Interpretation = "interpretation",
        /// Limitations.
        Limitations = "limitations",
        /// Approval.
        Ethics = "ethics",
        /// Registration.
        Registration = "registration",
        /// Where data, code and material are.
        Access = "access",
        /// Funding.
        Funding = "funding",
        /// Interests.
        Interests = "interests",
    }
}

keyed_enum! {
    /// Whether an item is reported.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum TargetState {
        /// Nowhere in the run.
        Missing = "missing",
        /// Some of it is.
        Partly = "partly",
        /// It is.
        Reported = "reported",
    }
}

/// An item, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetItem {
    /// Its number: `7h(ii)`.
    pub item: &'static str,
    /// What it asks for.
    pub part: TargetPart,
}

/// The items in the order of the guideline.
pub const TARGET_ITEMS: [TargetItem; 39] = [
    of("1a", TargetPart::StudyType),
    of("1b", TargetPart::DataNamed),
    of("1c", TargetPart::Summary),
    of("2", TargetPart::Background),
    of("3", TargetPart::Question),
    of("4", TargetPart::Rationale),
    of("5", TargetPart::DataDescribed),
    of("6a", TargetPart::TrialEligibility),
    of("6b", TargetPart::TrialStrategies),
    of("6c", TargetPart::TrialAssignment),
    of("6d", TargetPart::TrialFollowUp),
    of("6e", TargetPart::TrialOutcome),
    of("6f", TargetPart::TrialContrast),
    of("6g", TargetPart::TrialAssumptions),
    of("6h", TargetPart::TrialAnalysis),
    of("7a", TargetPart::DataEligibility),
    of("7b", TargetPart::DataStrategies),
    of("7c", TargetPart::DataAssignment),
    of("7d", TargetPart::DataFollowUp),
    of("7e", TargetPart::DataOutcome),
    of("7f", TargetPart::DataContrast),
    of("7g(i)", TargetPart::DataAssumptions),
    of("7g(ii)", TargetPart::DataVariables),
    of("7h(i)", TargetPart::DataAnalysis),
    of("7h(ii)", TargetPart::DataSensitivity),
    of("8", TargetPart::Participants),
    of("9", TargetPart::Baseline),
    of("10", TargetPart::FollowUp),
    of("11", TargetPart::MissingData),
    of("12", TargetPart::Outcomes),
    of("13", TargetPart::Effects),
    of("14", TargetPart::FurtherResults),
    of("15", TargetPart::Interpretation),
    of("16", TargetPart::Limitations),
    of("17", TargetPart::Ethics),
    of("18", TargetPart::Registration),
    of("19", TargetPart::Access),
    of("20", TargetPart::Funding),
    of("21", TargetPart::Interests),
];

const fn of(item: &'static str, part: TargetPart) -> TargetItem {
    TargetItem { item, part }
}

impl TargetItem {
    /// The number of the item that it is a part of, from 1 to 21.
    #[must_use]
    pub fn number(&self) -> u32 {
        let digits: String = self.item.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_default()
    }
}

/// An item of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetRow {
    /// Its number: `7h(ii)`.
    pub item: &'static str,
    /// What it asks for.
    pub part: TargetPart,
    /// Whether it is reported.
    pub state: TargetState,
    /// The file that does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The commit that left the file as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl TargetRow {
    /// The number of the item that it is a part of, from 1 to 21.
    #[must_use]
    pub fn number(&self) -> u32 {
        TargetItem { item: self.item, part: self.part }.number()
    }
}

/// Where each item is reported. Empty for a randomised study, which emulates no trial.
pub(super) fn target(history: &History<'_>) -> Vec<TargetRow> {
    let Some(plan) = history.observational().filter(|plan| plan.design == StudyDesign::Observational) else {
        return Vec::new();
    };
    let run = Run { history, plan, critique: history.last_critique.as_ref().and_then(Document::read) };
    let row = |item: &TargetItem| {
        let found = run.find(item.part);
        let (state, place) = found.map_or((TargetState::Missing, None), |(state, place)| (state, Some(place)));
        TargetRow {
            item: item.item,
            part: item.part,
            state,
            line: place.as_ref().and_then(|it| it.line),
            commit: place.as_ref().and_then(|it| Some(history.commits.get(it.commit?)?.id.clone())),
            file: place.and_then(|it| it.file),
        }
    };
    TARGET_ITEMS.iter().map(row).collect()
}

/// What is found, and whether that is all of it.
type Found = Option<(TargetState, Place)>;

fn whole(place: Option<Place>) -> Found {
    Some((TargetState::Reported, place?))
}

fn partly(place: Option<Place>) -> Found {
    Some((TargetState::Partly, place?))
}

struct Run<'a> {
    history: &'a History<'a>,
    plan: &'a Plan,
    critique: Option<&'a crate::record::critique::Critique>,
}

impl Run<'_> {
    fn find(&self, part: TargetPart) -> Found {
        use TargetPart as P;
        let history = self.history;
        match part {
            // Not in the summary, where the guideline wants it.
            P::StudyType => partly(self.emulated(&[0])?.1.into()),
            P::DataNamed => whole(history.in_report(&self.plan.data.source)),
            P::Summary | P::Interpretation => whole(self.lead()),
            P::Question => self.words(&self.plan.question, "question"),
            P::DataDescribed => partly(history.dataset.as_ref().map(|it| it.filed.at(Some(1)))),
            P::TrialEligibility => self.stated(&[0]),
            P::TrialStrategies => self.stated(&[1]),
            P::TrialAssignment => self.stated(&[2]),
            P::TrialFollowUp => self.stated(&[3, 4]),
            P::TrialOutcome => self.stated(&[5]),
            P::TrialContrast => self.stated(&[6]),
            // A graph is what a plan says about assumptions, and it is about the data.
            P::TrialAssumptions => partly(self.plan.graph.as_ref().map(|_| self.in_plan("graph"))),
            P::TrialAnalysis => self.stated(&[7]),
            P::DataEligibility => self.emulated(&[0]),
            P::DataStrategies => self.emulated(&[1]),
            P::DataAssignment => self.emulated(&[2]),
            P::DataFollowUp => self.emulated(&[3, 4]),
            P::DataOutcome => self.emulated(&[5]),
            P::DataContrast => self.emulated(&[6]),
            P::DataAssumptions => self.emulated(&[2]).filter(|_| history.in_results("identification.by").is_some()),
            P::DataVariables => whole(self.confounders()),
            P::DataAnalysis => self.emulated(&[7]),
            P::DataSensitivity => whole(self.sensitivity()),
            P::Participants => whole(self.population()),
            P::Baseline => whole(self.file("balance.csv")),
            // Overall, not by strategy.
            P::MissingData => partly(history.in_results("counters.missing_by_column")),
            P::Outcomes => {
                let binary = self.plan.outcome.kind == OutcomeKind::Binary;
                if binary { whole(self.raw_means()) } else { partly(self.raw_means()) }
            }
            P::Effects => whole(self.effects()),
            P::FurtherResults => whole(history.in_results("effects[1]").or_else(|| self.sensitivity())),
            P::Limitations => self.limitations(),
            // The plan is on record before the results, and that is no registry; where the data can be had is not said.
            P::Access => partly(history.in_report(&history.plan_sha256())),
            P::Background | P::Rationale | P::FollowUp | P::Ethics | P::Registration | P::Funding | P::Interests => {
                None
            }
        }
    }

    fn in_plan(&self, key: &str) -> Place {
        self.history.plan_file.at(self.plan.at(key).map(|it| it.line))
    }

    /// Words of the plan: in the report, or else where the plan has them.
    fn words(&self, words: &str, key: &str) -> Found {
        let shown = self.history.in_report(&markdown_inline(words.trim()));
        (!words.trim().is_empty()).then(|| (TargetState::Reported, shown.unwrap_or_else(|| self.in_plan(key))))
    }

    /// Components of the trial, by their places.
    fn stated(&self, which: &[usize]) -> Found {
        let all = components(&self.plan.target_trial);
        let found: Vec<Found> = which
            .iter()
            .filter_map(|at| all.get(*at))
            .map(|(key, words)| self.words(words, &format!("target_trial.{key}")))
            .collect();
        joined(&found)
    }

    /// The same components in the analysis.
    fn emulated(&self, which: &[usize]) -> Found {
        let lines = &self.critique?.trial_contrast;
        let found: Vec<Found> = which
            .iter()
            .filter_map(|at| lines.get(*at))
            .map(|line| whole(self.history.in_report(&markdown_inline(line.this_analysis.trim()))))
            .collect();
        joined(&found)
    }

    /// The first line of the report with the first answer that has an estimate.
    fn lead(&self) -> Option<Place> {
        self.line_with(&[self.answers().iter().find_map(|answer| number(answer, "estimate"))?])
    }

    fn effects(&self) -> Option<Place> {
        let answers = self.answers();
        let answer = answers.iter().find(|answer| number(answer, "estimate").is_some())?;
        let all: Option<Vec<f64>> =
            ["estimate", "ci_lower", "ci_upper"].iter().map(|key| number(answer, key)).collect();
        self.line_with(&all?).or_else(|| self.history.in_results("answers"))
    }

    fn answers(&self) -> Vec<Value> {
        list(self.history, "answers")
    }

    /// The first line of the report whose figures say all of these numbers.
    fn line_with(&self, numbers: &[f64]) -> Option<Place> {
        let report = self.history.report?;
        let said = |line: &str| {
            let found = figures(line);
            numbers.iter().all(|number| {
                found.iter().any(|figure| figure.ranges().iter().any(|(low, high)| low <= number && number <= high))
            })
        };
        let line = report.file.text().lines().position(said)?;
        Some(report.at(Some(line + 1)))
    }

    fn confounders(&self) -> Option<Place> {
        let (_, spec) = self.history.specs.last_key_value()?;
        let read = spec.read().filter(|it| !it.confounders.is_empty())?;
        let first = read.confounders.first()?;
        let line = super::history::line_with(spec.filed.file.text(), &format!("confounder: {}", first.confounder));
        Some(spec.filed.at(line))
    }

    fn sensitivity(&self) -> Option<Place> {
        let answers = self.answers();
        let at = answers.iter().position(|answer| answer.get("sensitivity").is_some_and(|it| !it.is_null()))?;
        self.history.in_results(&format!("answers[{at}].sensitivity"))
    }

    fn population(&self) -> Option<Place> {
        let answers = self.answers();
        let text = answers.iter().find_map(|answer| answer.get("population")?.as_str().map(str::to_owned))?;
        self.history.in_report(&markdown_inline(&text)).or_else(|| self.history.in_results("counters"))
    }

    /// Means of the outcome by arm that no model made.
    fn raw_means(&self) -> Option<Place> {
        let rows: Vec<Value> = list(self.history, "effects");
        let raw = |row: &Value| {
            let naive = row.get("learners").and_then(Value::as_str) == Some("none");
            naive && number(row, "mean_treated").is_some() && number(row, "mean_control").is_some()
        };
        let at = rows.iter().position(raw)?;
        self.history.in_results(&format!("effects[{at}].effect.mean_treated"))
    }

    /// The first line of a file of the run.
    fn file(&self, path: &str) -> Option<Place> {
        let mut commits = self.history.commits.iter().enumerate();
        let there = |made: &super::AuditedCommit| made.changed.iter().any(|file| file.path == path && !file.gone);
        let (commit, _) = commits.rfind(|it| there(it.1))?;
        Some(Place { commit: Some(commit), file: Some(path.to_owned()), line: Some(1) })
    }

    fn limitations(&self) -> Found {
        let shown = |text: &String| self.history.in_report(&markdown_inline(text.trim()));
        let threat = self.plan.threats.iter().find_map(shown);
        whole(threat).or_else(|| partly(self.critique?.blind_spots.iter().find_map(shown)))
    }
}

/// A number of an effect.
fn number(row: &Value, key: &str) -> Option<f64> {
    row.get("effect")?.get(key)?.as_f64()
}

/// Several parts as one: whole if all are, missing if none is.
fn joined(parts: &[Found]) -> Found {
    let place = parts.iter().flatten().next()?.1.clone();
    let all = parts.iter().all(|part| matches!(part, Some((TargetState::Reported, _))));
    Some((if all { TargetState::Reported } else { TargetState::Partly }, place))
}
