use super::super::conformance::{Simulated, conformance, fit_simulated};
use super::*;

#[test]
fn conforms() {
    conformance(&ElasticNet::default());
}
