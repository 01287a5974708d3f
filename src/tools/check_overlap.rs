//! `check_overlap`: could units have gone either way?

use super::arguments::schema;
use super::design_run::{self, Arguments};
use super::{Answer, Context, Role, Tool, ToolError};
use crate::finding::Code;
use crate::plan;
use crate::tools::reply::{bounded_reply, number, stepped};
use serde_json::{Map, Value, json};

pub(super) struct CheckOverlap;

const CODES: [Code; 2] = [Code::OverlapOutside, Code::OverlapEffectiveSize];
/// The quantiles of the propensity that are told.
const QUANTILES: [(&str, f64); 5] = [("10 %", 0.1), ("25 %", 0.25), ("50 %", 0.5), ("75 %", 0.75), ("90 %", 0.9)];

impl Tool for CheckOverlap {
    fn name(&self) -> &'static str {
        "check_overlap"
    }

    fn description(&self) -> &'static str {
        "Overlap of one analysis: the share of the target population with a propensity outside (0.1, 0.9), the effective \
         sample size of each arm, the largest weight as a share of its arm, and quantiles of the propensity in each arm. \
         Where more than a tenth lies outside, the answer leans on the models. Use `preview` to see what one change would do."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        Some(plan::Tool::Overlap)
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Critic, Role::Host]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let ran = design_run::run(self.name(), arguments, context, &[plan::Tool::Overlap])?;
        let report = ran.design.overlap.as_ref();
        let report = report.ok_or_else(|| ToolError::Failed("this design holds no overlap report".to_owned()))?;
        let (treated, control) = ran.design.population.as_ref().map_or((0, 0), |p| (p.n_treated, p.n_control));
        let (least, step) = (context.privacy.min_cell(), ran.step(context));
        // Effective sizes in steps of the smallest cell.
        let units = if context.privacy.protects() { least as f64 } else { 0.0 };
        let mut object = ran.head(context);
        object.extend([
            ("share_outside_of_target_population".to_owned(), stepped(report.share_outside, step)),
            ("share_outside_of_everyone".to_owned(), stepped(report.share_outside_all, step)),
            ("effective_size_treated".to_owned(), stepped(report.ess_treated, units)),
            ("effective_size_control".to_owned(), stepped(report.ess_control, units)),
            ("largest_weight_share_of_its_arm".to_owned(), stepped(report.max_weight_share, step)),
            ("propensity_of_treated".to_owned(), quantiles(&report.histogram_treated, treated, least)),
            ("propensity_of_controls".to_owned(), quantiles(&report.histogram_control, control, least)),
            ("findings".to_owned(), ran.told(&CODES, context)),
        ]);
        Ok(Answer::Reply(bounded_reply(ran.operator("overlap", &CODES), Value::Object(object), &[])))
    }
}

/// Quantiles from a histogram over [0, 1], each to the nearest upper edge of its bin; those beyond which fewer than `least`
/// of the `n` units lie are left out.
fn quantiles(histogram: &[f64], n: usize, least: usize) -> Value {
    let total: f64 = histogram.iter().sum();
    let mut found = Map::new();
    // 1 − 0.9 is a hair less than 0.1, and a tenth of 100 units are ten.
    const HAIR: f64 = 1e-9;
    for (name, p) in QUANTILES.iter().filter(|(_, p)| p.min(1.0 - p) * n as f64 + HAIR >= least as f64) {
        let mut reached = 0.0;
        let bin = histogram.iter().position(|count| {
            reached += count;
            reached >= p * total
        });
        if let Some(bin) = bin.filter(|_| total > 0.0) {
            found.insert((*name).to_owned(), number((bin + 1) as f64 / histogram.len() as f64));
        }
    }
    if found.is_empty() { json!("too few units for quantiles") } else { Value::Object(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tenth of 100 units are 10, a tenth of 99 fewer; a quarter of 40 are 10, a quarter of 39 fewer.
    #[test]
    fn a_quantile_beyond_which_exactly_the_smallest_cell_lies_is_told_and_one_unit_fewer_is_not() {
        let told = |n: usize| match quantiles(&[1.0; 40], n, 10) {
            Value::Object(found) => found.keys().cloned().collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        assert_eq!(told(100).len(), 5);
        assert_eq!(told(99), ["25 %", "50 %", "75 %"]);
        assert_eq!(told(40), ["25 %", "50 %", "75 %"]);
        assert_eq!(told(39), ["50 %"]);
        assert_eq!(told(20), ["50 %"]);
        assert!(told(19).is_empty());
    }
}
