//! Why a comparison would be causal: by randomisation, whose allocation is audited, or because the plan assumes it.

use super::prepare::Prepared;
use crate::pipeline::identification::PlanIdentification;
use crate::plan::StudyDesign;
use crate::record::basis::{IdentificationBasis, IdentifiedBy};
use crate::record::identification::HowIdentified;
use crate::spec::AnalysisSpec;
use causal::diagnose::allocation::{AllocationReport, allocation};

/// The identification of the effects of a spec. The outcome is not read.
#[must_use]
pub(super) fn of_plan(prepared: &Prepared, spec: &AnalysisSpec) -> IdentificationBasis {
    match spec.design {
        StudyDesign::Observational => prepared.identification.as_ref().map(by_graph).unwrap_or_default(),
        StudyDesign::Randomised => {
            let (allocation, not_audited) = match audit(prepared, spec) {
                Ok(report) => (Some(report), None),
                Err(reason) => (None, Some(reason.to_string())),
            };
            IdentificationBasis {
                by: IdentifiedBy::Randomised,
                allocation,
                not_audited,
                ..IdentificationBasis::default()
            }
        }
    }
}

/// True if the causal graph of an observational plan does not identify its effects by its confounders, or forbids one of them.
pub(super) fn is_not_identified(prepared: &Prepared) -> bool {
    let refused = |found: &PlanIdentification| by_graph(found).by == IdentifiedBy::Not;
    prepared.plan.design == StudyDesign::Observational && prepared.identification.as_ref().is_some_and(refused)
}

/// What the graph of the plan says, as far as it can be known while blind.
fn by_graph(found: &PlanIdentification) -> IdentificationBasis {
    let facts = found.facts(false);
    let basis = IdentificationBasis {
        forbidden: facts.forbidden_adjusted.iter().map(|one| one.node.clone()).collect(),
        rejected: facts.rejected.iter().map(|one| one.statement.to_string()).collect(),
        ..IdentificationBasis::default()
    };
    match facts.how {
        HowIdentified::Randomised => IdentificationBasis { by: IdentifiedBy::Randomised, ..basis },
        HowIdentified::Graph { .. } => IdentificationBasis { by: IdentifiedBy::Graph, ..basis },
        HowIdentified::Assumed => basis,
        HowIdentified::NotIdentified(why) => IdentificationBasis {
            by: IdentifiedBy::Not,
            open_path: why.open_path,
            instead: why.instead,
            instruments: why.instruments,
            ..basis
        },
    }
}

/// The reason why an allocation could not be audited.
#[derive(Debug, thiserror::Error)]
enum NoAudit {
    #[error("the covariates could not be read")]
    Covariates,
    #[error("the chance of treatment is not known")]
    Chance,
    #[error(transparent)]
    Numbers(#[from] causal::numerics::linalg::LinalgError),
}

/// All analysed rows, on the terms that the plan names: what a revision does to a model is no evidence on the allocation.
fn audit(prepared: &Prepared, spec: &AnalysisSpec) -> Result<AllocationReport, NoAudit> {
    let terms = prepared.draft.analyses.first().map_or(&[][..], |analysis| &analysis.terms);
    let covariates = prepared.analysed().covariates(terms).map_err(|_| NoAudit::Covariates)?;
    let known = prepared.analysed().known_propensity().ok_or(NoAudit::Chance)?;
    Ok(allocation(&covariates, known, spec.seed)?)
}
