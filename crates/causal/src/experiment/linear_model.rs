//! One weighted, clustered two-stage least squares: the fit, and the effects that are contrasts of it.
//!
//! Equations and symbols: [`crate::experiment`].

pub use crate::experiment::cells::Column;
use crate::experiment::cells::{Cells, Residuals, Standard};
use crate::experiment::clusters::{ClusterSums, Order, times};
use crate::experiment::rows::{ExperimentError, ExperimentRows};
use crate::experiment::variance::{Setting, VarianceKind};
use crate::numerics::distributions::{f_upper, normal_quantile, t_quantile, t_two_sided};
use crate::numerics::linalg::{Cholesky, independent_columns};
use crate::numerics::products::multiply;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use std::ops::Range;

/// A column is left out if earlier ones explain all but this share of it, as in pyfixest.
const COLLINEAR: f64 = 1e-9;

/// What is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// For each term, whether it has a slope for each treatment: all `true` is Lin's adjustment, all `false` ANCOVA.
    pub interacted: Vec<bool>,
    /// True if the treatment taken up is instrumented by the arm assigned; else the arm assigned is the treatment.
    pub instrumented: bool,
    /// The variance.
    pub variance: VarianceKind,
    /// True to keep the covariances between metrics too.
    pub joint: bool,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Rows.
    pub n: usize,
    /// Clusters.
    pub clusters: Option<usize>,
    /// The variance.
    pub variance: VarianceKind,
    /// Terms left out (by index), because they are constant or a combination of earlier columns, for all treatments or for one.
    pub dropped: Vec<Column>,
    pub(super) columns: Vec<Column>,
    pub(super) standard: Standard,
    /// k × m, on the scale of `standard`.
    pub(super) beta: Array2<f64>,
    /// Σwu² or its square root's products, for each pair of metrics.
    pub(super) squares: Vec<f64>,
    /// Pairs of metrics with a covariance.
    pub(super) pairs: Vec<[usize; 2]>,
    /// k × k for each pair.
    pub(super) covariances: Vec<Array2<f64>>,
}

/// A linear functional of the coefficients.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    delta: Array1<f64>,
    /// How often the mean of the metric enters, which the fit leaves out of its intercept.
    intercept: f64,
}

/// A test of several contrasts at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointTest {
    /// δ̂ᵀV⁻¹δ̂ / d.
    pub f: f64,
    /// d.
    pub restrictions: usize,
    /// n − k, or G − 1.
    pub df: f64,
    /// P(F(d, df) > f).
    pub p_value: f64,
}

/// An estimate of a contrast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimated {
    /// δᵀβ, in units of the metric.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Degrees of freedom: n − k, G − 1, or Satterthwaite's.
    pub df: f64,
}

impl Estimated {
    /// Interval at level 1 − `alpha`, with Student's t.
    ///
    /// # Errors
    /// [`ExperimentError::Range`] if `alpha` is not in (0, 1).
    pub fn interval(&self, alpha: f64) -> Result<[f64; 2], ExperimentError> {
        let range = ExperimentError::Range { what: "alpha", value: alpha, range: "between 0 and 1" };
        let quantile = if self.df.is_infinite() {
            normal_quantile(1.0 - alpha / 2.0)
        } else {
            t_quantile(1.0 - alpha / 2.0, self.df)
        };
        let half = quantile.filter(|_| alpha > 0.0 && alpha < 1.0).ok_or(range)? * self.std_error;
        Ok([self.estimate - half, self.estimate + half])
    }

    /// Two-sided p-value of no effect. An effect without any spread has p-value 1 if it is 0, and 0 otherwise.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        if self.std_error == 0.0 {
            return f64::from(self.estimate == 0.0);
        }
        t_two_sided(self.estimate / self.std_error, self.df).unwrap_or(1.0)
    }

    /// The same with the normal distribution in place of Student's t.
    #[must_use]
    pub fn with_normal(self) -> Estimated {
        Estimated { df: f64::INFINITY, ..self }
    }
}

/// The solved normal equations.
pub(super) struct Solved {
    pub(super) beta: Array2<f64>,
    pub(super) bread: Array2<f64>,
    /// For each cell and metric, coefficients on (1, x), cells outermost.
    coefficients: Vec<Vec<f64>>,
    /// For each cell, ΠᵀK.
    score_maps: Vec<Array2<f64>>,
    columns: Vec<Column>,
    dropped: Vec<Column>,
}

impl Fit {
    /// Fits the model.
    ///
    /// # Errors
    /// [`ExperimentError`] for rows that do not fit together, arms without rows, a treatment that cannot be told apart, a variance
    /// that is not defined, and too few rows or clusters.
    pub fn new(rows: &ExperimentRows<'_>, model: &Model) -> Result<Fit, ExperimentError> {
        rows.check()?;
        let setting = Setting {
            weighted: rows.weights.is_some(),
            instrumented: model.instrumented,
            clustered: rows.clusters.is_some(),
        };
        model.variance.check(setting)?;
        if model.interacted.len() != rows.p() {
            return Err(ExperimentError::Shape {
                what: "interacted",
                found: model.interacted.len(),
                expected: rows.p(),
            });
        }
        let standard = Standard::new(rows);
        let cells = cells(rows, model, &standard);
        let solved = solve(&cells, model)?;
        let k = solved.columns.len();
        if rows.n() <= k {
            return Err(ExperimentError::TooFewRows { n: rows.n(), k });
        }
        let pairs = pairs(rows.m(), model.joint);
        let residuals = solved.residuals(model.variance, &pairs);
        let (covariances, squares) = covariances(&cells, &residuals, rows, k)?;
        Ok(Fit {
            n: rows.n(),
            clusters: rows.cluster_count(),
            variance: model.variance,
            dropped: solved.dropped,
            columns: solved.columns,
            beta: solved.beta,
            squares,
            pairs,
            covariances,
            standard,
        })
    }

    /// Coefficients.
    #[must_use]
    pub fn k(&self) -> usize {
        self.columns.len()
    }

    /// The effect of `level` (from 1) for units whose covariate terms average to `means`.
    ///
    /// # Errors
    /// [`ExperimentError::Shape`] unless there is a mean for each term.
    pub fn effect_at(&self, level: usize, means: &[f64]) -> Result<Contrast, ExperimentError> {
        self.contrast(means, |column, at| match column {
            Column::Level(own) if own == level => 1.0,
            Column::LevelTerm(own, j) if own == level => at[j],
            _ => 0.0,
        })
    }

    /// The mean of the metric under control for such units.
    ///
    /// # Errors
    /// As [`Fit::effect_at`].
    pub fn baseline_at(&self, means: &[f64]) -> Result<Contrast, ExperimentError> {
        let contrast = self.contrast(means, |column, at| match column {
            Column::Intercept => 1.0,
            Column::Term(j) => at[j],
            _ => 0.0,
        })?;
        Ok(Contrast { intercept: 1.0, ..contrast })
    }

    /// The effect of `level` over all rows.
    #[must_use]
    pub fn average_effect(&self, level: usize) -> Contrast {
        let unit = |column: &Column| f64::from(*column == Column::Level(level));
        Contrast { delta: self.columns.iter().map(unit).collect(), intercept: 0.0 }
    }

    /// The slope of a term under control.
    #[must_use]
    pub fn slope(&self, term: usize) -> Contrast {
        let scale = self.standard.inverse_scale.get(term).copied().unwrap_or_default();
        let unit = |column: &Column| if *column == Column::Term(term) { scale } else { 0.0 };
        Contrast { delta: self.columns.iter().map(unit).collect(), intercept: 0.0 }
    }

    /// The amount by which the effect of `level` grows with a term.
    #[must_use]
    pub fn interaction(&self, level: usize, term: usize) -> Contrast {
        let scale = self.standard.inverse_scale.get(term).copied().unwrap_or_default();
        let unit = |column: &Column| if *column == Column::LevelTerm(level, term) { scale } else { 0.0 };
        Contrast { delta: self.columns.iter().map(unit).collect(), intercept: 0.0 }
    }

    fn contrast(&self, means: &[f64], entry: impl Fn(Column, &[f64]) -> f64) -> Result<Contrast, ExperimentError> {
        let p = self.standard.centre.len();
        if means.len() != p {
            return Err(ExperimentError::Shape { what: "means", found: means.len(), expected: p });
        }
        let at: Vec<f64> = means.iter().enumerate().map(|(j, x)| self.standard.term(j, *x)).collect();
        Ok(Contrast { delta: self.columns.iter().map(|column| entry(*column, &at)).collect(), intercept: 0.0 })
    }

    /// The estimate of a contrast for a metric, with the degrees of freedom of the fit: n − k, or G − 1.
    #[must_use]
    pub fn estimate(&self, contrast: &Contrast, metric: usize) -> Estimated {
        let slope: f64 = contrast.delta.iter().zip(self.beta.column(metric)).map(|(d, b)| d * b).sum();
        let variance = self.covariance([contrast, contrast], [metric, metric]).unwrap_or_default();
        Estimated {
            estimate: slope + contrast.intercept * self.standard.y_centre[metric],
            std_error: variance.max(0.0).sqrt(),
            df: self.degrees_of_freedom(),
        }
    }

    /// The covariance of two contrasts of one or two metrics; `None` for two metrics of a fit that is not `joint`.
    #[must_use]
    pub fn covariance(&self, contrasts: [&Contrast; 2], metrics: [usize; 2]) -> Option<f64> {
        let at = |pair: [usize; 2]| self.pairs.iter().position(|found| *found == pair);
        let [left, right] = contrasts;
        let (matrix, [left, right]) = match (at(metrics), at([metrics[1], metrics[0]])) {
            (Some(found), _) => (&self.covariances[found], [left, right]),
            (None, Some(found)) => (&self.covariances[found], [right, left]),
            (None, None) => return None,
        };
        Some(left.delta.iter().zip(&times(matrix, &right.delta)).map(|(a, b)| a * b).sum())
    }

    /// The joint test that every contrast of a metric is 0.
    ///
    /// # Errors
    /// [`ExperimentError::Linalg`] if some contrast is a combination of others, or has no spread.
    pub fn joint_test(&self, contrasts: &[Contrast], metric: usize) -> Result<JointTest, ExperimentError> {
        let d = contrasts.len();
        let estimates: Array1<f64> = contrasts.iter().map(|c| self.estimate(c, metric).estimate).collect();
        let covariance = Array2::from_shape_fn((d, d), |(i, j)| {
            self.covariance([&contrasts[i], &contrasts[j]], [metric, metric]).unwrap_or_default()
        });
        let solved = Cholesky::new(&covariance)?.solve(&estimates)?;
        let wald: f64 = estimates.iter().zip(&solved).map(|(a, b)| a * b).sum();
        let f = wald / d as f64;
        let df = self.degrees_of_freedom();
        Ok(JointTest { f, restrictions: d, df, p_value: f_upper(f, d as f64, df).unwrap_or(0.0) })
    }

    /// The joint test that one contrast is 0 for every metric of a joint fit (Hotelling's T², from the robust covariance): with
    /// p metrics that are no combinations of others and W = θ̂ᵀV⁻¹θ̂, (df − p + 1)/(p·df)·W is F(p, df − p + 1).
    ///
    /// # Errors
    /// [`ExperimentError::TooFewRows`] if there are as many metrics as degrees of freedom; [`ExperimentError::ZeroDenominator`] if no
    /// metric varies; [`ExperimentError::Linalg`].
    pub fn joint_test_of_metrics(&self, contrast: &Contrast) -> Result<JointTest, ExperimentError> {
        let m = self.beta.ncols();
        let covariance =
            Array2::from_shape_fn((m, m), |(a, b)| self.covariance([contrast; 2], [a, b]).unwrap_or_default());
        let kept = independent_columns(covariance.view(), COLLINEAR);
        if kept.is_empty() {
            return Err(ExperimentError::ZeroDenominator { what: "the variance of the covariates" });
        }
        let estimates: Array1<f64> = kept.iter().map(|a| self.estimate(contrast, *a).estimate).collect();
        let inner = covariance.select(Axis(0), &kept).select(Axis(1), &kept);
        let solved = Cholesky::new(&inner)?.solve(&estimates)?;
        let wald: f64 = estimates.iter().zip(&solved).map(|(a, b)| a * b).sum();
        let (p, df) = (kept.len() as f64, self.degrees_of_freedom());
        let left = df - p + 1.0;
        if left < 1.0 {
            return Err(ExperimentError::TooFewRows { n: df as usize, k: kept.len() });
        }
        let f = wald * left / (p * df);
        Ok(JointTest { f, restrictions: kept.len(), df: left, p_value: f_upper(f, p, left).unwrap_or(0.0) })
    }

    /// n − k, or G − 1.
    fn degrees_of_freedom(&self) -> f64 {
        self.clusters.map_or((self.n - self.k()) as f64, |g| g as f64 - 1.0)
    }

    /// Σ wu_a u_b / n, the residual covariance of two metrics.
    #[must_use]
    pub fn residual_covariance(&self, metrics: [usize; 2]) -> Option<f64> {
        let found = self.pairs.iter().position(|pair| *pair == metrics || *pair == [metrics[1], metrics[0]])?;
        Some(self.squares[found] / self.n as f64)
    }

    /// What a target that is a superpopulation adds to the variance of an average effect: β_intᵀ S_xx β_int / n.
    #[must_use]
    pub fn superpopulation_variance(&self, rows: &ExperimentRows<'_>, level: usize, metric: usize) -> f64 {
        let p = rows.p();
        let slopes: Vec<f64> = (0..p).map(|j| self.estimate(&self.interaction(level, j), metric).estimate).collect();
        let fitted: Vec<f64> = (0..rows.n())
            .map(|row| (0..p).map(|j| (rows.term(row, j) - self.standard.centre[j]) * slopes[j]).sum())
            .collect();
        let n = rows.n() as f64;
        crate::numerics::sums::sum(fitted.iter().map(|v| v * v)) / (n - 1.0) / n
    }

    /// Satterthwaite's degrees of freedom of contrasts, for a CR2 fit of these rows; `estimate` does not know them.
    ///
    /// # Errors
    /// As [`Fit::new`]; rows without clusters have none.
    pub fn satterthwaite(
        &self,
        rows: &ExperimentRows<'_>,
        model: &Model,
        contrasts: &[Contrast],
    ) -> Result<Vec<f64>, ExperimentError> {
        rows.check()?;
        let (Some(clusters), Some(count)) = (rows.clusters, rows.cluster_count()) else {
            let setting =
                Setting { weighted: rows.weights.is_some(), instrumented: model.instrumented, clustered: false };
            let instead = setting.default_variance();
            return Err(ExperimentError::Variance { asked: VarianceKind::Cr2, setting: "without clusters", instead });
        };
        let cells = cells(rows, model, &self.standard);
        let solved = solve(&cells, model)?;
        let residuals = solved.residuals(VarianceKind::Cr2, &self.pairs);
        let order = Order::new(clusters, count);
        let deltas: Vec<Array1<f64>> = contrasts.iter().map(|contrast| contrast.delta.clone()).collect();
        ClusterSums { cells: &cells, order: &order, residuals: &residuals }.degrees_of_freedom(&deltas)
    }
}

pub(super) fn cells<'r, 's>(rows: &ExperimentRows<'r>, model: &Model, standard: &'s Standard) -> Cells<'r, 's> {
    let rows = ExperimentRows { taken: rows.taken.filter(|_| model.instrumented), ..rows.clone() };
    Cells { treatments: rows.treatments(), rows, standard }
}

/// Rows and columns of a matrix.
fn block(matrix: &Array2<f64>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, f64> {
    matrix.slice_axis(Axis(0), rows.into()).slice_axis_move(Axis(1), columns.into())
}

fn pairs(m: usize, joint: bool) -> Vec<[usize; 2]> {
    (0..m).flat_map(|a| (a..m).map(move |b| [a, b])).filter(|[a, b]| joint || a == b).collect()
}

/// B M B times its factor for each pair, and the squares of the residuals.
fn covariances(
    cells: &Cells<'_, '_>,
    residuals: &Residuals<'_>,
    rows: &ExperimentRows<'_>,
    k: usize,
) -> Result<(Vec<Array2<f64>>, Vec<f64>), ExperimentError> {
    let kind = residuals.kind;
    // The residual sums come from the same pass; a clustered variance takes them without adjustment.
    let plain = Residuals { kind: if kind.is_clustered() { VarianceKind::Hc0 } else { kind }, ..*residuals };
    let meat = cells.meat(&plain)?;
    let bread = residuals.bread;
    let sandwich = |inner: &Array2<f64>| multiply(multiply(bread.view(), inner.view()).view(), bread.view());
    let factor = kind.factor(rows.n(), k, rows.cluster_count().unwrap_or_default());
    let covariances = match (kind, rows.clusters.zip(rows.cluster_count())) {
        (VarianceKind::Iid, _) => {
            let scale = |square: &f64| square / (rows.n() - k) as f64;
            meat.squares.iter().map(|square| bread * scale(square)).collect()
        }
        (_, Some((clusters, count))) => {
            let order = Order::new(clusters, count);
            let inner = ClusterSums { cells, order: &order, residuals }.meat()?;
            inner.iter().map(|inner| sandwich(inner) * factor).collect()
        }
        (_, None) => {
            let count = residuals.pairs.len();
            let inner = |pair: usize| {
                let mut total = Array2::zeros((k, k));
                for (cell, map) in residuals.score_maps.iter().enumerate() {
                    let sums = &meat.cells[cell * count + pair];
                    total += &multiply(multiply(map.view(), sums.view()).view(), map.t());
                }
                total
            };
            (0..count).map(|pair| sandwich(&inner(pair)) * factor).collect()
        }
    };
    Ok((covariances, meat.squares))
}

impl Solved {
    pub(super) fn residuals<'a>(&'a self, kind: VarianceKind, pairs: &'a [[usize; 2]]) -> Residuals<'a> {
        let Solved { coefficients, score_maps, bread, beta, .. } = self;
        Residuals { kind, coefficients, metrics: beta.ncols(), score_maps, bread, pairs }
    }
}

/// Solves for β from the sums in each cell.
pub(super) fn solve(cells: &Cells<'_, '_>, model: &Model) -> Result<Solved, ExperimentError> {
    let (arms, treatments, p) = (cells.rows.arms(), cells.treatments, cells.rows.p());
    if treatments > arms {
        return Err(ExperimentError::TooFewInstruments { treatments, arms });
    }
    let (q, m) = (p + 1, cells.rows.m());
    let moments = cells.moments();
    let all = |levels| Column::all(levels, &model.interacted);
    let (second, first) = (all(treatments), all(arms));
    let maps = |columns: &[Column], which: usize| -> Vec<Array2<f64>> {
        (0..cells.count()).map(|cell| Column::map(columns, cells.levels(cell)[which], p)).collect()
    };
    // Sums over cells of L·(the part of the moments)·Rᵀ.
    let sum = |left: &[Array2<f64>], right: &[Array2<f64>]| {
        let mut total = Array2::zeros((left[0].nrows(), right[0].nrows()));
        for ((moments, left), right) in moments.iter().zip(left).zip(right) {
            total += &multiply(multiply(left.view(), block(moments, 0..q, 0..q)).view(), right.t());
        }
        total
    };
    let with_metrics = |left: &[Array2<f64>]| {
        let mut total = Array2::zeros((left[0].nrows(), m));
        for (moments, left) in moments.iter().zip(left) {
            total += &multiply(left.view(), block(moments, 0..q, q..q + m));
        }
        total
    };
    let second_maps = maps(&second, 1);
    // ΠᵀK for each cell, k × q: the row itself where nothing is instrumented.
    let (mut scores, mut gram, mut cross) = if model.instrumented {
        let first_maps = maps(&first, 0);
        let zz = sum(&first_maps, &first_maps);
        let kept = independent_columns(zz.view(), COLLINEAR);
        let first_maps: Vec<Array2<f64>> = first_maps.iter().map(|map| map.select(Axis(0), &kept)).collect();
        let zz = zz.select(Axis(0), &kept).select(Axis(1), &kept);
        let pi = multiply(Cholesky::new(&zz)?.inverse()?.view(), sum(&first_maps, &second_maps).view());
        let scores: Vec<Array2<f64>> = first_maps.iter().map(|map| multiply(pi.t(), map.view())).collect();
        (scores.clone(), sum(&scores, &scores), with_metrics(&scores))
    } else {
        (second_maps.clone(), sum(&second_maps, &second_maps), with_metrics(&second_maps))
    };
    let kept = independent_columns(gram.view(), COLLINEAR);
    let lost = (0..second.len()).filter(|i| !kept.contains(i)).map(|i| second[i]);
    let dropped: Vec<Column> = lost.collect();
    if let Some(level) =
        dropped.iter().find_map(|column| if let Column::Level(level) = column { Some(*level) } else { None })
    {
        let what = if model.instrumented { "treatment" } else { "arm" };
        return Err(ExperimentError::RankLoss { treatment: format!("{what} {level}") });
    }
    gram = gram.select(Axis(0), &kept).select(Axis(1), &kept);
    cross = cross.select(Axis(0), &kept);
    scores = scores.iter().map(|map| map.select(Axis(0), &kept)).collect();
    let factor = Cholesky::new(&gram)?;
    let mut beta = Array2::zeros((kept.len(), m));
    for (mut column, right) in beta.columns_mut().into_iter().zip(cross.columns()) {
        column.assign(&factor.solve(&right.to_owned())?);
    }
    let of_cell = |map: &Array2<f64>| multiply(map.select(Axis(0), &kept).t(), beta.view());
    let coefficients = second_maps
        .iter()
        .flat_map(|map| of_cell(map).columns().into_iter().map(|column| column.to_vec()).collect::<Vec<_>>())
        .collect();
    let columns = kept.iter().map(|i| second[*i]).collect();
    Ok(Solved { bread: factor.inverse()?, beta, coefficients, score_maps: scores, columns, dropped })
}
