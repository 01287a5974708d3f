//! The worth of a verdict: the errors of the estimates that it accepts, and of those that it does not.

use super::measures::Measures;
use super::{Method, NETFLIX, Scores, Tiers};
use crate::csv_table;
use crate::grade::Grade;
use crate::observed::Key;
use crate::text::decimal_or_empty;
use causal::estimand::Target;
use std::collections::BTreeMap;

/// One method's estimates, divided by one set of verdicts.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// The method of the estimates.
    pub estimates: String,
    /// The name of the verdicts.
    pub verdicts: &'static str,
    /// Measures of each group.
    pub groups: Vec<(Tiers, Measures)>,
}

/// Every contrast of one estimand. The first is our first estimator under our rubric.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdicts {
    /// The estimand.
    pub estimand: Target,
    /// The contrasts.
    pub contrasts: Vec<Contrast>,
}

/// Name of our verdicts in tables.
const OURS: &str = "our rubric";
/// Name of the peer's.
const PEER: &str = "the peer's rule";

impl Verdicts {
    /// Divides our estimates and the peer's by our verdicts and by the peer's.
    pub(super) fn divide(
        estimand: Target,
        ours: &Method,
        theirs: &[Method],
        peer: Option<&BTreeMap<Key, Grade>>,
    ) -> Verdicts {
        let netflix = theirs.iter().find(|method| method.name == NETFLIX);
        let mut contrasts = vec![contrast(ours, OURS, &ours.tiers)];
        if let (Some(netflix), Some(peer)) = (netflix, peer) {
            contrasts.push(contrast(ours, PEER, peer));
            contrasts.push(contrast(netflix, OURS, &ours.tiers));
            contrasts.push(contrast(netflix, PEER, peer));
        }
        Verdicts { estimand, contrasts }
    }

    /// Measures of a group of our estimates under our rubric.
    #[must_use]
    pub fn measures(&self, tiers: Tiers) -> Measures {
        let groups = self.contrasts.first().map(|contrast| contrast.groups.as_slice()).unwrap_or_default();
        groups.iter().find(|(group, _)| *group == tiers).map(|(_, measures)| *measures).unwrap_or_default()
    }
}

fn contrast(method: &Method, name: &'static str, verdicts: &BTreeMap<Key, Grade>) -> Contrast {
    let groups = Tiers::ALL.iter().map(|tiers| (*tiers, method.measures(*tiers, verdicts))).collect();
    Contrast { estimates: method.name.clone(), verdicts: name, groups }
}

const COLUMNS: &str = "estimand,estimates,verdicts,group,share,n,failed,bias,rmse,winsorised_rmse,median_error,coverage,width,missing,skipped\n";

impl Scores {
    /// `verdicts.csv`; `missing` and `skipped` as in `leaderboard.csv`.
    #[must_use]
    pub fn verdicts_csv(&self) -> String {
        let mut out = String::from(COLUMNS);
        for verdicts in &self.verdicts {
            for contrast in &verdicts.contrasts {
                for (group, m) in &contrast.groups {
                    let number = decimal_or_empty;
                    out.push_str(&csv_table::line(&[
                        verdicts.estimand.key().to_owned(),
                        contrast.estimates.clone(),
                        contrast.verdicts.to_owned(),
                        group.key().to_owned(),
                        number(m.share),
                        m.n.to_string(),
                        m.failed.to_string(),
                        number(m.bias),
                        number(m.rmse),
                        number(m.winsorised),
                        number(m.median),
                        number(m.coverage),
                        number(m.width),
                        self.missing.len().to_string(),
                        self.skipped.len().to_string(),
                    ]));
                }
            }
        }
        out
    }
}
