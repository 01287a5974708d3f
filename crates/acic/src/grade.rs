//! The verdict on an estimate: how far it may be believed.

/// A verdict. The order matters: a larger value is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Not to be believed.
    NotSatisfactory,
    /// To be believed with what is said beside it.
    SatisfactoryWithCaveats,
    /// To be believed as it is.
    FullySatisfactory,
}

impl Grade {
    /// All grades, the worst first.
    pub const ALL: [Grade; 3] = [Grade::NotSatisfactory, Grade::SatisfactoryWithCaveats, Grade::FullySatisfactory];

    /// The word in files, e.g. `not_satisfactory`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Grade::NotSatisfactory => "not_satisfactory",
            Grade::SatisfactoryWithCaveats => "satisfactory_with_caveats",
            Grade::FullySatisfactory => "fully_satisfactory",
        }
    }

    /// Parses a [`Grade::key`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Grade> {
        Grade::ALL.into_iter().find(|grade| grade.key() == text)
    }
}
