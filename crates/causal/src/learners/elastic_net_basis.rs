//! The elastic net on splines of every column and products of pairs: an additive model with interactions.
//!
//! Knots, scales and the choice of pairs come from the training rows ([`crate::learners::basis`]); where pairs are chosen, they
//! are chosen before the penalty is, so the cross-validated loss of the penalty does not pay for that choice.

use crate::learner_kind::Family;
use crate::learners::basis::{Basis, BasisParams};
use crate::learners::data::Counted;
use crate::learners::elastic_net::{ElasticNetParams, fit_counted};
use crate::learners::learner::{FitInfo, Learner, LearnerError, Model, Seed, Training};
use crate::learners::regression::LinearModel;
use ndarray::{ArrayView2, Axis};

const NAME: &str = "elastic net on splines and products";
/// Rows expanded at a time when predicting.
const BLOCK: usize = 4096;

/// Elastic-net regression on an expanded basis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ElasticNetBasis {
    /// The splines and products that columns are expanded to.
    pub basis: BasisParams,
    /// The settings of the elastic net on the expanded columns.
    pub params: ElasticNetParams,
}

impl Learner for ElasticNetBasis {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Training<'_>, family: Family, seed: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        self.basis.check(NAME)?;
        let data = Counted::new(NAME, training, family)?;
        let basis = Basis::new(&data, &self.basis);
        let expanded = Counted { x: basis.expand(data.x.view()), y: data.y, w: data.w };
        let mut linear = fit_counted(NAME, &expanded, family, &self.params, seed)?;
        linear.info.notes.insert(0, basis.note().to_owned());
        Ok(Box::new(BasisModel { basis, linear }))
    }
}

struct BasisModel {
    basis: Basis,
    linear: LinearModel,
}

impl Model for BasisModel {
    fn predict(&self, x: ArrayView2<'_, f64>) -> Vec<f64> {
        // In blocks: an expanded row has hundreds of columns, and only the prediction is kept.
        let blocks = x.axis_chunks_iter(Axis(0), BLOCK);
        blocks.flat_map(|rows| self.linear.predict(self.basis.expand(rows).view())).collect()
    }

    fn info(&self) -> &FitInfo {
        self.linear.info()
    }
}

#[cfg(test)]
mod tests {
    use crate::learners::conformance::{Simulated, conformance};
    use crate::learners::elastic_net::ElasticNet;
    use crate::learners::elastic_net_basis::*;

    #[test]
    fn conforms() {
        conformance(&ElasticNetBasis::default());
    }

    #[test]
    fn it_bends_and_multiplies_where_a_line_cannot() {
        let mut data = Simulated::new(Family::Gaussian, 500, 3);
        let bent = |row: ndarray::ArrayView1<'_, f64>| (2.0 * row[0]).sin() + row[2] * row[3] - (row[1] / 20.0).powi(2);
        let noise = data.y.clone();
        data.y = data.x.outer_iter().zip(noise).map(|(row, e)| bent(row) + 0.05 * e).collect();
        let fresh = Simulated::new(Family::Gaussian, 500, 4).x;
        let error = |learner: &dyn Learner| {
            let model = learner.fit(&data.training(), Family::Gaussian, &Seed::new(1, "t")).unwrap();
            let gaps = model.predict(fresh.view()).into_iter().zip(fresh.outer_iter());
            (gaps.map(|(m, row)| (m - bent(row)).powi(2)).sum::<f64>() / 500.0).sqrt()
        };
        let (straight, flexible) = (error(&ElasticNet::default()), error(&ElasticNetBasis::default()));
        assert!(flexible < 0.3 * straight, "{flexible} {straight}");
    }

    #[test]
    fn the_expansion_is_in_the_notes_and_bad_parameters_are_refused() {
        let data = Simulated::new(Family::Gaussian, 200, 3);
        let fit = |learner: ElasticNetBasis| learner.fit(&data.training(), Family::Gaussian, &Seed::new(1, "t"));
        let model = fit(ElasticNetBasis::default()).unwrap();
        assert!(model.info().notes[0].contains("10 of 10 products"), "{:?}", model.info());
        let basis = BasisParams { knots: 2, ..BasisParams::default() };
        let error = fit(ElasticNetBasis { basis, ..ElasticNetBasis::default() }).err().unwrap();
        assert!(error.to_string().contains("`knots`"), "{error}");
    }
}
