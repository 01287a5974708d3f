//! Variances of the coefficients, and where each is defined.
//!
//! With B = H⁻¹, scores sᵢ and leverages hᵢ = wᵢ zᵢᵀΠBΠᵀzᵢ:
//!
//! ```text
//! iid    B Σwu²/(n − k)
//! HC0    B Σ sᵢsᵢᵀ B            HC1  × n/(n − k)        HC2  sᵢ/√(1 − hᵢ)        HC3  sᵢ/(1 − hᵢ)
//! CR0    B Σ_g s_g s_gᵀ B       CR1  × G/(G − 1)        CR1S × G/(G − 1)·(n − 1)/(n − k)
//! CR2    W_gᵀ(I − H_gg)^(−½)u_g in place of s_g, with Satterthwaite degrees of freedom      CR3  W_gᵀ(I − H_gg)⁻¹u_g
//! ```
//!
//! HC1 is Stata's and fixest's, HC2 estimatr's default, HC3 that of R's sandwich; CR1S is Stata's, fixest's and statsmodels'
//! correction, CR2 that of estimatr and clubSandwich. With weights or an instrument packages disagree on CR2 and CR3, so
//! neither is given there.

use crate::experiment::rows::ExperimentError;

keyed_enum! {
    /// A variance of the coefficients.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum VarianceKind {
        /// One variance for all rows.
        Iid = "iid",
        /// White's.
        Hc0 = "hc0",
        /// White's, times n/(n − k).
        Hc1 = "hc1",
        /// With leverages.
        Hc2 = "hc2",
        /// With leverages squared.
        Hc3 = "hc3",
        /// Clustered.
        Cr0 = "cr0",
        /// Clustered, times G/(G − 1).
        Cr1 = "cr1",
        /// Clustered, as Stata corrects it.
        Cr1s = "cr1s",
        /// Clustered, bias-reduced, with Satterthwaite degrees of freedom.
        Cr2 = "cr2",
        /// Clustered, close to the jackknife.
        Cr3 = "cr3",
    }
}

/// What decides which variances are defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Rows have weights.
    pub weighted: bool,
    /// Treatment is instrumented by assignment.
    pub instrumented: bool,
    /// Rows are clustered.
    pub clustered: bool,
}

impl Setting {
    /// The variance that fits: HC1 for independent rows, CR2 for clustered ones, CR1S where CR2 is not defined.
    #[must_use]
    pub fn default_variance(self) -> VarianceKind {
        match (self.clustered, self.weighted || self.instrumented) {
            (false, _) => VarianceKind::Hc1,
            (true, false) => VarianceKind::Cr2,
            (true, true) => VarianceKind::Cr1s,
        }
    }
}

impl VarianceKind {
    /// All of them.
    pub const ALL: [VarianceKind; 10] = [
        VarianceKind::Iid,
        VarianceKind::Hc0,
        VarianceKind::Hc1,
        VarianceKind::Hc2,
        VarianceKind::Hc3,
        VarianceKind::Cr0,
        VarianceKind::Cr1,
        VarianceKind::Cr1s,
        VarianceKind::Cr2,
        VarianceKind::Cr3,
    ];

    /// Its name in print.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            VarianceKind::Iid => "the variance for equal errors",
            VarianceKind::Hc0 => "HC0",
            VarianceKind::Hc1 => "HC1",
            VarianceKind::Hc2 => "HC2",
            VarianceKind::Hc3 => "HC3",
            VarianceKind::Cr0 => "CR0",
            VarianceKind::Cr1 => "CR1",
            VarianceKind::Cr1s => "CR1S",
            VarianceKind::Cr2 => "CR2",
            VarianceKind::Cr3 => "CR3",
        }
    }

    /// True if it sums scores within clusters.
    #[must_use]
    pub fn is_clustered(self) -> bool {
        self >= VarianceKind::Cr0
    }

    /// True if it needs the leverage of each row or cluster.
    #[must_use]
    pub fn uses_leverage(self) -> bool {
        matches!(self, VarianceKind::Hc2 | VarianceKind::Hc3 | VarianceKind::Cr2 | VarianceKind::Cr3)
    }

    /// True if it is defined in a setting.
    #[must_use]
    pub fn is_defined(self, setting: Setting) -> bool {
        self.check(setting).is_ok()
    }

    /// Refuses what is not defined in a setting.
    pub(super) fn check(self, setting: Setting) -> Result<(), ExperimentError> {
        let refuse =
            |why| Err(ExperimentError::Variance { asked: self, setting: why, instead: setting.default_variance() });
        let adjusted = matches!(self, VarianceKind::Cr2 | VarianceKind::Cr3);
        match setting {
            Setting { clustered: false, .. } if self.is_clustered() => refuse("without clusters"),
            Setting { clustered: true, .. } if !self.is_clustered() => refuse("with clusters"),
            Setting { weighted: true, .. } if adjusted => refuse("with weights"),
            Setting { instrumented: true, .. } if adjusted => refuse("with an instrument"),
            _ => Ok(()),
        }
    }

    /// The factor c on B M B. `n` rows, `k` coefficients, `clusters` clusters.
    pub(super) fn factor(self, n: usize, k: usize, clusters: usize) -> f64 {
        let (n, k, g) = (n as f64, k as f64, clusters as f64);
        match self {
            VarianceKind::Hc1 => n / (n - k),
            VarianceKind::Cr1 => g / (g - 1.0),
            VarianceKind::Cr1s => g / (g - 1.0) * (n - 1.0) / (n - k),
            _ => 1.0,
        }
    }

    /// The factor on the scores of a row with leverage `h`, or on the part of a cluster with an eigenvalue `h` of H_gg.
    ///
    /// At h = 1 the residual is 0 whatever the error is. For a cluster this is the generalised inverse: that part adds nothing.
    pub(super) fn adjustment(self, h: f64) -> f64 {
        /// Leverages closer to 1 than this are 1 up to rounding.
        const NEAR_ONE: f64 = 1e-10;
        let left = 1.0 - h;
        match self {
            VarianceKind::Hc2 | VarianceKind::Cr2 if left > NEAR_ONE => 1.0 / left.sqrt(),
            VarianceKind::Hc3 | VarianceKind::Cr3 if left > NEAR_ONE => 1.0 / left,
            VarianceKind::Hc2 | VarianceKind::Hc3 | VarianceKind::Cr2 | VarianceKind::Cr3 => 0.0,
            _ => 1.0,
        }
    }
}
