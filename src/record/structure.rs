//! Structural faults of the covariates, as a design document holds them.

use causal::arm::Arm;
use causal::diagnose::structure::determined::Relation;
use causal::estimand::Target;
use serde::{Deserialize, Serialize};

/// Where in a covariate's range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A level of a category.
    Level(String),
    /// Every other level.
    NotLevel(String),
    /// Its missing values.
    Missing,
    /// One value.
    Value(f64),
    /// Every other value.
    NotValue(f64),
    /// This and larger.
    AtLeast(f64),
    /// This and smaller.
    AtMost(f64),
}

/// A part of a covariate's range that holds one arm, or all but one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OneArmPlace {
    /// The covariate.
    pub column: String,
    /// Where.
    pub place: Place,
    /// The arm that is there.
    pub arm: Arm,
    /// Its units there, the few of the other arm included.
    pub units: usize,
    /// Units of the other arm among them.
    pub others: usize,
    /// `units` as a share of all rows.
    pub share_of_rows: f64,
    /// `units` as a share of the arm.
    pub share_of_arm: f64,
}

impl OneArmPlace {
    /// The share of the target population that is there, if an analysis of `target` is hurt by it.
    ///
    /// Treated units without controls hurt every target: either they have no counterpart, or the covariate is one that only
    /// treatment makes. Controls without treated are no part of the ATT, and count for nothing in the ATO.
    #[must_use]
    pub fn hurts(&self, target: Target) -> Option<f64> {
        match (self.arm, target) {
            (_, Target::Ate) => Some(self.share_of_rows),
            (Arm::Treated, _) | (Arm::Control, Target::Atc) => Some(self.share_of_arm),
            (Arm::Control, Target::Att | Target::Ato) => None,
        }
    }
}

/// A place in the range of one covariate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The covariate.
    pub column: String,
    /// Where.
    pub place: Place,
}

/// A subgroup in which one arm is all but missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PocketPlace {
    /// Whoever meets all of them, at most three.
    pub conditions: Vec<Condition>,
    /// The arm that is there.
    pub arm: Arm,
    /// Units there, the few of the other arm included.
    pub units: usize,
    /// Units of the other arm among them.
    pub others: usize,
    /// `units` as a share of all rows.
    pub share_of_rows: f64,
    /// Those of the arm as a share of the arm.
    pub share_of_arm: f64,
}

impl PocketPlace {
    /// The share of the target population whose effect is taken from others because of it.
    ///
    /// Controls without treated are nobody whom the ATT is about, nor treated without controls anybody of the ATC; the ATO gives
    /// either next to no weight.
    #[must_use]
    pub fn hurts(&self, target: Target) -> Option<f64> {
        match (self.arm, target) {
            (_, Target::Ate) => Some(self.share_of_rows),
            (Arm::Treated, Target::Att) | (Arm::Control, Target::Atc) => Some(self.share_of_arm),
            _ => None,
        }
    }
}

/// A covariate that says what the outcome is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeterminedBy {
    /// The covariate.
    pub column: String,
    /// How.
    pub relation: Relation,
    /// R² of the outcome on it.
    pub r_squared: f64,
}

/// The structural faults of one set of covariates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StructureDocument {
    /// Places with one arm, the largest of each covariate first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_arm: Vec<OneArmPlace>,
    /// Covariates that determine the outcome, each alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub determined: Vec<DeterminedBy>,
    /// R² of the outcome on all of them, where it leaves nothing to explain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub determined_by_all: Option<f64>,
}

impl StructureDocument {
    /// True if nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == StructureDocument::default()
    }
}

/// A level that one arm does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparseLevel {
    /// The confounder.
    pub column: String,
    /// The level.
    pub level: String,
    /// Treated units.
    pub treated: usize,
    /// Controls.
    pub control: usize,
}
