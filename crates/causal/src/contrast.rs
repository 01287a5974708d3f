//! The comparison that an effect is about: which level of the treatment variable against which.

use crate::arm::Arm;
use serde::{Deserialize, Serialize};

/// Two levels of a treatment variable. Effects are outcomes under `treated` minus (or over) outcomes under `control`;
/// units at any other level are not compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Contrast {
    /// The level of the treated arm.
    pub treated: String,
    /// The level of the control arm.
    pub control: String,
}

impl Contrast {
    /// The level of `arm`.
    #[must_use]
    pub fn level(&self, arm: Arm) -> &str {
        match arm {
            Arm::Treated => &self.treated,
            Arm::Control => &self.control,
        }
    }

    /// The arm whose level is `level`; `None` for a level that is not compared.
    #[must_use]
    pub fn arm(&self, level: &str) -> Option<Arm> {
        [Arm::Treated, Arm::Control].into_iter().find(|arm| self.level(*arm) == level)
    }
}

#[cfg(test)]
mod tests {
    use crate::contrast::*;

    #[test]
    fn every_level_of_the_contrast_belongs_to_its_arm() {
        let contrast = Contrast { treated: "new".to_owned(), control: "old".to_owned() };
        for arm in Arm::BOTH {
            assert_eq!(contrast.arm(contrast.level(arm)), Some(arm));
        }
        assert_eq!(contrast.arm("other"), None);
    }
}
