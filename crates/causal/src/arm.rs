//! The two arms of a comparison.
//!
//! Treatment is data of this type. Regressions need it as a number, T = 1 for the treated and T = 0 for the controls:
//! [`Arm::encode`] and [`Arm::decode`] are the only places that know this code.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Index, IndexMut};

/// The arm of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Not treated, T = 0.
    Control,
    /// Treated, T = 1.
    Treated,
}

impl Arm {
    /// Both arms, by index: control first.
    pub const BOTH: [Arm; 2] = [Arm::Control, Arm::Treated];

    /// The place of the arm in an array of two: 0 for the control arm, 1 for the treated arm.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Arm::Control => 0,
            Arm::Treated => 1,
        }
    }

    /// The name in messages: `treated` or `control`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Arm::Control => "control",
            Arm::Treated => "treated",
        }
    }

    /// The arm that this one is compared with.
    #[must_use]
    pub const fn other(self) -> Arm {
        match self {
            Arm::Control => Arm::Treated,
            Arm::Treated => Arm::Control,
        }
    }

    /// The sign of the arm in a difference treated − control, 2T − 1.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Arm::Control => -1.0,
            Arm::Treated => 1.0,
        }
    }

    /// The indicator T.
    #[must_use]
    pub const fn encode(self) -> f64 {
        match self {
            Arm::Control => 0.0,
            Arm::Treated => 1.0,
        }
    }

    /// The arm with indicator `code`; `None` unless it is exactly 0 or 1.
    #[must_use]
    pub fn decode(code: f64) -> Option<Arm> {
        if code == 1.0 {
            Some(Arm::Treated)
        } else if code == 0.0 {
            Some(Arm::Control)
        } else {
            None
        }
    }

    /// True for the treated arm.
    #[must_use]
    pub const fn is_treated(self) -> bool {
        matches!(self, Arm::Treated)
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One value for each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerArm<T> {
    /// The value of the control arm.
    pub control: T,
    /// The value of the treated arm.
    pub treated: T,
}

impl<T> PerArm<T> {
    /// The values of a function of the arm; the control arm is asked first.
    pub fn from_fn(mut value: impl FnMut(Arm) -> T) -> Self {
        Self { control: value(Arm::Control), treated: value(Arm::Treated) }
    }

    /// As [`PerArm::from_fn`], ending at the first error.
    ///
    /// # Errors
    /// That of `value`.
    pub fn try_from_fn<E>(mut value: impl FnMut(Arm) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self { control: value(Arm::Control)?, treated: value(Arm::Treated)? })
    }
}

impl<T> Index<Arm> for PerArm<T> {
    type Output = T;

    fn index(&self, arm: Arm) -> &T {
        match arm {
            Arm::Control => &self.control,
            Arm::Treated => &self.treated,
        }
    }
}

impl<T> IndexMut<Arm> for PerArm<T> {
    fn index_mut(&mut self, arm: Arm) -> &mut T {
        match arm {
            Arm::Control => &mut self.control,
            Arm::Treated => &mut self.treated,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::arm::*;

    #[test]
    fn an_arm_is_coded_as_its_indicator_and_nothing_else_is_an_arm() {
        for (place, arm) in Arm::BOTH.into_iter().enumerate() {
            assert_eq!((arm.index(), Arm::decode(arm.encode())), (place, Some(arm)));
            assert_eq!(arm.sign(), 2.0 * arm.encode() - 1.0);
            assert_eq!((arm.other().other(), arm.is_treated()), (arm, arm.encode() > 0.5));
            assert_ne!(arm.other(), arm);
        }
        for code in [0.5, 2.0, -1.0, f64::NAN, 1.0 + f64::EPSILON] {
            assert_eq!(Arm::decode(code), None);
        }
        assert_eq!(Arm::BOTH.map(|arm| arm.to_string()), ["control", "treated"]);
    }

    #[test]
    fn values_by_arm_are_found_by_arm() {
        let mut count = PerArm::from_fn(Arm::index);
        count[Arm::Control] += 5;
        assert_eq!((count[Arm::Control], count.treated), (5, 1));
        let refuse = PerArm::try_from_fn(|arm| if arm.is_treated() { Err(arm) } else { Ok(0) });
        assert_eq!(refuse, Err(Arm::Treated));
    }
}
