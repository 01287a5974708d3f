//! A verdict as a badge: colour, sign and words, so that none is needed to tell it.

use crate::finding::Tier;
use crate::record::experiment::{Standing, Verdict};
use crate::report::experiment::words;
use crate::report::sentences;

/// Anything that is shown as a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Badge {
    /// The grade of a comparison or of a randomisation.
    Tier(Tier),
    /// What to do with an arm.
    Decision(Verdict),
    /// Where a metric stands.
    Standing(Standing),
}

impl Badge {
    /// The badge of a key in the documents; the keys of the three kinds differ.
    #[must_use]
    pub fn parse(key: &str) -> Option<Badge> {
        let tier = Tier::parse(key).map(Badge::Tier);
        let decision = || Verdict::parse(key).map(Badge::Decision);
        tier.or_else(decision).or_else(|| Standing::parse(key).map(Badge::Standing))
    }

    /// Its colour, as that of a grade: green, amber or red.
    #[must_use]
    pub fn tone(self) -> Tier {
        match self {
            Badge::Tier(tier) => tier,
            Badge::Decision(Verdict::Ship) | Badge::Standing(Standing::Better | Standing::WithinMargin) => {
                Tier::FullySatisfactory
            }
            Badge::Decision(Verdict::Stop) | Badge::Standing(Standing::Worse | Standing::BeyondMargin) => {
                Tier::NotSatisfactory
            }
            Badge::Decision(Verdict::Hold)
            | Badge::Standing(Standing::SmallerThanMatters | Standing::NoEffectThatMatters | Standing::Undecided) => {
                Tier::SatisfactoryWithCaveats
            }
        }
    }

    /// Its words, without a sign.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Badge::Tier(tier) => sentences::tier(tier),
            Badge::Decision(verdict) => words::verdict(verdict),
            Badge::Standing(standing) => words::standing(standing),
        }
    }

    /// Sign and words, for where there is no colour or the medium adds it.
    #[must_use]
    pub fn to_plain(self) -> String {
        format!("{} {}", sentences::icon(self.tone()), self.words())
    }

    /// Where there is no colour but that of the sign.
    #[must_use]
    pub fn to_markdown(self) -> String {
        let sign = match self.tone() {
            Tier::NotSatisfactory => "❌",
            Tier::SatisfactoryWithCaveats => "⚠️",
            Tier::FullySatisfactory => "✅",
        };
        format!("{sign} {}", self.words())
    }

    /// In colour, sign and words.
    #[must_use]
    pub fn to_html(self) -> String {
        let class = match self.tone() {
            Tier::NotSatisfactory => "not",
            Tier::SatisfactoryWithCaveats => "caveats",
            Tier::FullySatisfactory => "full",
        };
        format!("<span class=\"badge {class}\">{}</span>", self.to_plain())
    }
}
