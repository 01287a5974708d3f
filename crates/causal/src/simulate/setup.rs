//! The catalogue of setups: names, sizes, and what is true in each.

use crate::estimand::OutcomeKind;
use crate::estimator::{EstimatorKind, OutcomeFit};
use crate::simulate::{Unit, demanding, early_adopters, linear, nonlinear};
use rand_chacha::ChaCha8Rng;

keyed_enum! {
    /// A family of simulated data.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Setup {
        /// Linear outcome with an effect that varies, logistic propensity, two covariates.
        Linear = "linear",
        /// The same with noise that depends on treatment and covariate.
        Heteroskedastic = "heteroskedastic",
        /// Binary outcome, logistic in each arm.
        Binary = "binary",
        /// A coin decides; constant effect.
        Randomised = "randomised",
        /// One unit in seven treated.
        RareTreatment = "rare_treatment",
        /// Twenty covariates.
        Wide = "wide",
        /// Covariates and noise without a third moment.
        HeavyTailed = "heavy_tailed",
        /// Kang & Schafer, the analyst sees the right covariates.
        KangSchafer = "kang_schafer",
        /// Units in clusters that share covariates and disturbances.
        Clustered = "clustered",
        /// Units sampled with unequal probabilities.
        Weighted = "weighted",
        /// A hundred weak linear confounders.
        ManyWeak = "many_weak",
        /// Hill's response surface A on covariates like those of the Infant Health and Development Program.
        HillA = "hill_a",
        /// Kang & Schafer, the analyst sees functions of the covariates.
        KangSchaferMisspecified = "kang_schafer_misspecified",
        /// Nie & Wager, setup A.
        NieWagerA = "nie_wager_a",
        /// Nie & Wager, setup B.
        NieWagerB = "nie_wager_b",
        /// Nie & Wager, setup C.
        NieWagerC = "nie_wager_c",
        /// Nie & Wager, setup D.
        NieWagerD = "nie_wager_d",
        /// Friedman's function.
        Friedman = "friedman",
        /// Two hundred covariates, approximately sparse.
        Sparse = "sparse",
        /// Hill's response surface B.
        HillB = "hill_b",
        /// Treatment and outcome on a square.
        Curve = "curve",
        /// Treatment and outcome on the sign of a product.
        Xor = "xor",
        /// One product in a linear world.
        Interaction = "interaction",
        /// Hainmueller, strong separation, nonlinear outcome.
        Hainmueller = "hainmueller",
        /// Zero-inflated, lognormal amounts.
        Revenue = "revenue",
        /// A pocket of units without controls, with an effect of its own.
        Pocket = "pocket",
        /// Early adopters: hardly any overlap.
        EarlyAdopters = "early_adopters",
    }
}

impl Setup {
    /// All setups: those where regressions hold first.
    pub const ALL: [Setup; 27] = [
        Setup::Linear,
        Setup::Heteroskedastic,
        Setup::Binary,
        Setup::Randomised,
        Setup::RareTreatment,
        Setup::Wide,
        Setup::HeavyTailed,
        Setup::KangSchafer,
        Setup::Clustered,
        Setup::Weighted,
        Setup::ManyWeak,
        Setup::HillA,
        Setup::KangSchaferMisspecified,
        Setup::NieWagerA,
        Setup::NieWagerB,
        Setup::NieWagerC,
        Setup::NieWagerD,
        Setup::Friedman,
        Setup::Sparse,
        Setup::HillB,
        Setup::Curve,
        Setup::Xor,
        Setup::Interaction,
        Setup::Hainmueller,
        Setup::Revenue,
        Setup::Pocket,
        Setup::EarlyAdopters,
    ];

    /// Rows of a draw unless another number is asked for.
    #[must_use]
    pub fn rows(self) -> usize {
        match self {
            Setup::EarlyAdopters => 2000,
            Setup::Linear | Setup::Heteroskedastic | Setup::Randomised | Setup::Sparse => 500,
            _ => 1000,
        }
    }

    /// The kind of number that the outcome is.
    #[must_use]
    pub fn outcome(self) -> OutcomeKind {
        if self == Setup::Binary { OutcomeKind::Binary } else { OutcomeKind::Continuous }
    }

    /// True if all but a few units have a fair chance of either treatment: at most one in twenty has a propensity outside
    /// [0.05, 0.95]. Early adopters, the pocket and strong separation do not.
    #[must_use]
    pub fn has_overlap(self) -> bool {
        !matches!(self, Setup::EarlyAdopters | Setup::Pocket | Setup::Hainmueller)
    }

    /// True if the effect is the same for every unit, so that one regression coefficient can be it.
    #[must_use]
    pub fn effect_is_constant(self) -> bool {
        matches!(
            self,
            Setup::Randomised
                | Setup::NieWagerC
                | Setup::ManyWeak
                | Setup::HillA
                | Setup::Curve
                | Setup::Xor
                | Setup::Interaction
                | Setup::Hainmueller
        )
    }

    /// True if linear and logistic regressions on the columns as they are hold.
    #[must_use]
    pub fn regressions_hold(self) -> bool {
        // Variants are declared in the order of `ALL`, where regressions hold first.
        (self as usize) <= (Setup::HillA as usize)
    }

    /// True if `estimator`, with regressions for nuisances, is consistent here. Estimators that bring their own flexible
    /// models are everywhere.
    #[must_use]
    pub fn suits(self, estimator: EstimatorKind) -> bool {
        match estimator.facts().outcome {
            OutcomeFit::Nothing if !estimator.adjusts() => self == Setup::Randomised,
            OutcomeFit::PooledRegression => self.regressions_hold() && self.effect_is_constant(),
            OutcomeFit::Own(_) => true,
            OutcomeFit::Nothing | OutcomeFit::Regressions | OutcomeFit::CrossFitted => self.regressions_hold(),
        }
    }

    /// True if units carry observation weights.
    #[must_use]
    pub fn is_weighted(self) -> bool {
        self == Setup::Weighted
    }

    /// Names of p columns.
    pub(super) fn names(self, p: usize) -> Vec<String> {
        match self {
            Setup::EarlyAdopters => early_adopters::NAMES.map(str::to_owned).to_vec(),
            _ => (1..=p).map(|j| format!("x{j}")).collect(),
        }
    }

    /// Draws `n` units.
    pub(super) fn units(self, rng: &mut ChaCha8Rng, n: usize) -> Vec<Unit> {
        // Clusters are drawn whole, not unit by unit.
        if self == Setup::Clustered {
            return linear::clustered(rng, n);
        }
        (0..n).map(|_| self.unit(rng)).collect()
    }

    fn unit(self, rng: &mut ChaCha8Rng) -> Unit {
        match self {
            Setup::Linear | Setup::Clustered => linear::plain(rng),
            Setup::Heteroskedastic => linear::heteroskedastic(rng),
            Setup::Binary => linear::binary(rng),
            Setup::Randomised => linear::randomised(rng),
            Setup::RareTreatment => linear::rare_treatment(rng),
            Setup::Wide => linear::wide(rng),
            Setup::HeavyTailed => linear::heavy_tailed(rng),
            Setup::KangSchafer => linear::kang_schafer(rng, false),
            Setup::Weighted => linear::weighted(rng),
            Setup::KangSchaferMisspecified => linear::kang_schafer(rng, true),
            Setup::NieWagerA => nonlinear::nie_wager_a(rng),
            Setup::NieWagerB => nonlinear::nie_wager_b(rng),
            Setup::NieWagerC => nonlinear::nie_wager_c(rng),
            Setup::NieWagerD => nonlinear::nie_wager_d(rng),
            Setup::Friedman => nonlinear::friedman(rng),
            Setup::Sparse => nonlinear::sparse(rng),
            Setup::ManyWeak => demanding::many_weak(rng),
            Setup::HillA => demanding::hill_a(rng),
            Setup::HillB => demanding::hill_b(rng),
            Setup::Curve => demanding::curve(rng),
            Setup::Xor => demanding::xor(rng),
            Setup::Interaction => demanding::interaction(rng),
            Setup::Hainmueller => demanding::hainmueller(rng),
            Setup::Revenue => demanding::revenue(rng),
            Setup::Pocket => demanding::pocket(rng),
            Setup::EarlyAdopters => early_adopters::unit(rng),
        }
    }
}
