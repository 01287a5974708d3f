//! The keys of a follow-up.

use crate::plan::follow_ups::{OutcomeForm, Period, SweepKind};
use crate::plan::keys::Otherwise::{Nothing, Required, Words as Says};
use crate::plan::keys::{PlanKey, Takes, estimators, key, learners, targets};

pub(in crate::plan) const FOLLOW_UP: &[PlanKey] = &[
    key("sweep", Takes::Word(sweeps), Required, "what is varied"),
    key("name", Takes::Text, Says("the sweep, and its column"), "the name of its files"),
    key("estimand", Takes::Word(targets), Says("every answer; of `spec` the first"), "the answer that it is about"),
    key("by", Takes::Column, Says("required with `partition` and `subgroup`"), "the column that divides the units"),
    key("every", Takes::Word(periods), Says("the shortest that gives at most 24"), "with dates: parts so long"),
    key("cuts", Takes::Numbers, Says("every value for itself"), "with numbers: where a new band begins"),
    key("columns", Takes::Columns, Says("required with `outcomes`"), "with `outcomes`: further outcomes"),
    key("trim", Takes::Numbers, Says("twelve from 0 to 0.15; of `spec` the answer's"), "trimming thresholds"),
    key("covariates", Takes::Fields, Nothing, "with `spec`: sets of confounders and terms, by names of your own"),
    key(
        "optional",
        Takes::Columns,
        Nothing,
        "with `spec`: confounders and terms that are in or out, in every combination",
    ),
    key("estimators", Takes::Words(estimators), Says("the answer's"), "with `spec`: estimators"),
    key(
        "learners",
        Takes::Words(learners),
        Says("five quick ones; of `spec` the answer's"),
        "with `learner` and `spec`: learners of the nuisances, for estimators that take some",
    ),
    key("outcome", Takes::Words(outcome_forms), Says("`[as_it_is]`"), "with `spec`: what is done to the outcome first"),
];

fn sweeps() -> Vec<&'static str> {
    SweepKind::ALL.map(SweepKind::key).to_vec()
}

fn periods() -> Vec<&'static str> {
    Period::ALL.map(Period::key).to_vec()
}

fn outcome_forms() -> Vec<&'static str> {
    OutcomeForm::ALL.map(OutcomeForm::key).to_vec()
}
