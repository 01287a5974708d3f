//! Which fit answers a plan: how covariates enter, which variance fits the design, and what the design is.

use crate::dataset::metrics::{MetricColumn, UnitTable};
use crate::plan::experiment::{Adjustment, ExperimentPlan, LookPlan, Metric};
use crate::record::experiment::{ArmFacts, Compliance, DesignFacts};
use crate::text::sha256::sha256_hex;
use causal::experiment::VarianceKind;
use causal::experiment::variance::Setting;
use causal::numerics::sums::kish;

/// Chances that differ by less are the same.
const SAME_CHANCE: f64 = 1e-9;

/// A plan and its rows.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// The plan.
    pub plan: ExperimentPlan,
    /// Its bytes, as they were read.
    pub plan_bytes: Vec<u8>,
    /// SHA-256 of those.
    pub plan_sha256: String,
    /// Its rows.
    pub table: UnitTable,
    /// True if every arm has so many clusters that a bias reduction would change nothing that is seen.
    many_clusters: bool,
}

/// Clusters of an arm for each coefficient that its rows determine, from which on CR1S stands in for CR2: the leverage of a cluster is
/// then 1 % on average, and standard errors differ by about half of that.
const MANY_CLUSTERS: f64 = 100.0;

impl Experiment {
    /// A plan, its bytes, and the rows that were read for it.
    #[must_use]
    pub fn new(plan: ExperimentPlan, plan_bytes: &[u8], table: UnitTable) -> Experiment {
        let plan_sha256 = sha256_hex(plan_bytes);
        let mut experiment =
            Experiment { plan, plan_bytes: plan_bytes.to_vec(), plan_sha256, table, many_clusters: false };
        experiment.many_clusters = experiment.has_many_clusters();
        experiment
    }

    /// Clusters are counted by their sizes (Kish), so that one of half of the rows does not hide among thousands.
    fn has_many_clusters(&self) -> bool {
        let Some(clusters) = &self.table.clusters else { return false };
        let count = self.cluster_count().unwrap_or_default();
        let terms = if self.adjustment() == Adjustment::None { 0 } else { self.table.terms.len() };
        // Segments that are not about covariates have a coefficient of their own in each arm.
        let coefficients = (1 + terms + self.table.segments.len()) as f64;
        (0..self.table.arms.len()).all(|arm| {
            let mut sizes = vec![0.0_f64; count];
            let of_arm = clusters.iter().zip(&self.table.assigned).filter(|pair| usize::from(*pair.1) == arm);
            of_arm.for_each(|(cluster, _)| sizes[*cluster as usize] += 1.0);
            kish(sizes.into_iter().filter(|size| *size > 0.0)) >= MANY_CLUSTERS * coefficients
        })
    }

    /// Rows.
    #[must_use]
    pub fn n(&self) -> usize {
        self.table.assigned.len()
    }

    /// The metrics that could be computed, with their values.
    pub fn metrics(&self) -> impl Iterator<Item = (&Metric, &MetricColumn)> {
        let found = |metric: &Metric| self.table.metrics.iter().find(|column| column.name == metric.name);
        self.plan.metrics.iter().filter_map(move |metric| Some((metric, found(metric)?)))
    }

    /// The metrics that could not be computed, with the reasons.
    #[must_use]
    pub fn refused_metrics(&self) -> Vec<(String, String)> {
        self.table.refused.iter().map(|refused| (refused.column.name.clone(), refused.reason())).collect()
    }

    /// 1 − confidence.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.plan.analysis.alpha.unwrap_or(0.05)
    }

    /// How covariates enter.
    #[must_use]
    pub fn adjustment(&self) -> Adjustment {
        match self.plan.analysis.adjust {
            _ if self.table.terms.is_empty() => Adjustment::None,
            Some(chosen) => chosen,
            None => Adjustment::Lin,
        }
    }

    /// How take-up follows assignment.
    #[must_use]
    pub fn compliance(&self) -> Compliance {
        let Some(taken) = &self.table.taken else { return Compliance::Full };
        let pairs = || self.table.assigned.iter().zip(taken);
        // With one treatment for several arms, whoever is in an arm and took it up complied.
        let expected = |arm: u16| if self.table.treatments.len() == self.table.arms.len() { arm } else { arm.min(1) };
        if pairs().all(|(arm, taken)| *taken == expected(*arm)) {
            Compliance::Full
        } else if pairs().all(|(arm, taken)| *arm != 0 || *taken == 0) {
            Compliance::OneSided
        } else {
            Compliance::TwoSided
        }
    }

    /// 1 / P(assigned arm), where the chances vary within an arm.
    #[must_use]
    pub fn weights(&self) -> Option<Vec<f64>> {
        let chances = self.table.propensity.as_ref()?;
        let varies = (0..self.table.arms.len()).any(|arm| {
            let of_arm = chances.iter().zip(&self.table.assigned).filter(|(_, a)| usize::from(**a) == arm);
            let (low, high) = of_arm.fold((f64::INFINITY, 0.0_f64), |(low, high), (p, _)| (low.min(*p), high.max(*p)));
            high - low > SAME_CHANCE
        });
        varies.then(|| chances.iter().map(|p| 1.0 / p).collect())
    }

    /// What decides which variances are defined.
    #[must_use]
    pub fn setting(&self, instrumented: bool) -> Setting {
        Setting { weighted: self.weights().is_some(), instrumented, clustered: self.table.clusters.is_some() }
    }

    /// The variance: the plan's, or what fits the design.
    #[must_use]
    pub fn variance(&self, instrumented: bool) -> VarianceKind {
        let setting = self.setting(instrumented);
        match self.plan.analysis.variance {
            // An effect of treatment is not refused for a variance that was chosen for those of assignment.
            Some(VarianceKind::Cr2 | VarianceKind::Cr3) if instrumented => setting.default_variance(),
            Some(chosen) => chosen,
            None if self.many_clusters => VarianceKind::Cr1s,
            None => setting.default_variance(),
        }
    }

    /// True if whole clusters were assigned: of those with two rows or more, nine in ten have rows in one arm only.
    #[must_use]
    pub fn clusters_were_assigned(&self) -> bool {
        const MOSTLY: f64 = 0.9;
        let (whole, mixed) = self.whole_and_mixed_clusters();
        whole + mixed > 0 && whole as f64 >= MOSTLY * (whole + mixed) as f64
    }

    /// Clusters of two rows or more with rows in one arm only, and in several.
    #[must_use]
    pub fn whole_and_mixed_clusters(&self) -> (usize, usize) {
        let Some(clusters) = &self.table.clusters else { return (0, 0) };
        let count = self.cluster_count().unwrap_or_default();
        let (mut arm_of, mut rows, mut mixed) = (vec![None; count], vec![0_usize; count], vec![false; count]);
        for (cluster, arm) in clusters.iter().zip(&self.table.assigned) {
            let g = *cluster as usize;
            rows[g] += 1;
            mixed[g] |= *arm_of[g].get_or_insert(*arm) != *arm;
        }
        let several: Vec<usize> = (0..count).filter(|g| rows[*g] > 1).collect();
        let torn = several.iter().filter(|g| mixed[**g]).count();
        (several.len() - torn, torn)
    }

    /// True if clusters that are there gain rows as time goes by, as repeated rows of a unit do.
    #[must_use]
    pub fn clusters_gain_rows(&self) -> bool {
        self.table.clusters.is_some() && (self.plan.assignment.period.is_some() || self.repeats())
    }

    fn repeats(&self) -> bool {
        self.table.units.as_ref().is_some_and(|units| self.table.unit_count < units.len())
    }

    /// Clusters.
    #[must_use]
    pub fn cluster_count(&self) -> Option<usize> {
        self.table.clusters.as_ref().map(|clusters| clusters.iter().max().map_or(0, |g| *g as usize + 1))
    }

    /// Whether results may be looked at at any time.
    #[must_use]
    pub fn anytime(&self) -> bool {
        self.plan.looks.plan == LookPlan::Anytime
    }

    /// The design as it was found.
    #[must_use]
    pub fn facts(&self, dropped_terms: Vec<String>) -> DesignFacts {
        let weights = self.weights();
        let chances = self.table.propensity.as_deref().unwrap_or_default();
        let needs_instrument = self.plan.requests.iter().any(|r| *r != crate::plan::experiment::EffectRequest::Itt);
        DesignFacts {
            arms: (0..self.table.arms.len()).map(|arm| self.arm_facts(arm)).collect(),
            rows: self.n(),
            units: self.table.unit_count,
            filtered_out: self.table.filtered_out,
            cluster_by: self.plan.assignment.cluster_by.clone(),
            clusters: self.cluster_count(),
            compliance: self.compliance(),
            smallest_propensity: weights.as_ref().map(|_| chances.iter().copied().fold(1.0, f64::min)),
            effective_rows: weights.as_ref().map(|w| kish(w.iter().copied())),
            adjustment: self.adjustment(),
            covariates: self.table.terms.clone(),
            dropped_terms,
            variance: self.variance(false),
            variance_of_iv: needs_instrument.then(|| self.variance(true)),
            alpha: self.alpha(),
        }
    }

    fn arm_facts(&self, arm: usize) -> ArmFacts {
        let rows: Vec<usize> = (0..self.n()).filter(|row| usize::from(self.table.assigned[*row]) == arm).collect();
        let distinct = |codes: &[u32]| {
            let mut seen = vec![false; codes.iter().max().map_or(0, |code| *code as usize + 1)];
            rows.iter().filter(|row| !std::mem::replace(&mut seen[codes[**row] as usize], true)).count()
        };
        let take_up = self.table.taken.as_ref().map(|taken| {
            let took = rows.iter().filter(|row| taken[**row] != 0).count();
            took as f64 / rows.len().max(1) as f64
        });
        ArmFacts {
            arm: self.table.arms[arm].clone(),
            control: arm == 0,
            rows: rows.len(),
            units: self.table.units.as_ref().map_or(rows.len(), |units| distinct(units)),
            clusters: self.table.clusters.as_ref().map(|clusters| distinct(clusters)),
            planned_share: self.table.shares[arm],
            take_up,
        }
    }
}
