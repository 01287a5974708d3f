//! `check_balance`: how far apart the arms are, before and after weighting.

use super::arguments::schema;
use super::design_run::{self, Arguments};
use super::{Answer, Context, Role, Tool, ToolError};
use crate::finding::Code;
use crate::plan;
use crate::term::{Factor, Term};
use crate::tools::reply::{bounded_reply, maybe_stepped};
use causal::diagnose::balance::BalanceRow;
use serde_json::{Value, json};

pub(super) struct CheckBalance;

/// The most terms that are listed.
const WORST: usize = 12;
const CODES: [Code; 1] = [Code::BalancePriority];

impl Tool for CheckBalance {
    fn name(&self) -> &'static str {
        "check_balance"
    }

    fn description(&self) -> &'static str {
        "Standardised mean differences (SMD) between the arms of one analysis before and after weighting: the largest \
         among the priority confounders and among all terms, and the twelve worst terms with their variance ratios. From \
         0.1 on a priority confounder is out of balance. Use `preview` to see what one change would do."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        Some(plan::Tool::Balance)
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Critic, Role::Host]
    }

    fn call(&self, arguments: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let ran = design_run::run(self.name(), arguments, context, &[plan::Tool::Balance])?;
        let table = ran.design.balance.as_ref();
        let table = table.ok_or_else(|| ToolError::Failed("this design holds no balance table".to_owned()))?;
        let step = ran.step(context);
        // Of a product that tells few units apart even its place in the list would be an answer.
        let (mut rows, held): (Vec<_>, Vec<_>) =
            table.rows.iter().partition(|row| !is_product_about_few(&row.term, context));
        let whole = held.is_empty();
        let largest = |all: Option<f64>, of: fn(&BalanceRow) -> Option<f64>, priority: bool| {
            let shown = rows.iter().filter(|row| row.priority || !priority).filter_map(|row| of(row));
            maybe_stepped(if whole { all } else { shown.map(f64::abs).reduce(f64::max) }, step)
        };
        let largest = [
            ("max_abs_smd_priority_before", largest(table.max_priority_before, |row| row.smd_before, true)),
            ("max_abs_smd_priority_after", largest(table.max_priority_after, |row| row.smd_after, true)),
            ("max_abs_smd_all_before", largest(table.max_all_before, |row| row.smd_before, false)),
            ("max_abs_smd_all_after", largest(table.max_all_after, |row| row.smd_after, false)),
        ];
        // A term that is constant in each arm, and not the same, has no SMD and is the worst of all.
        let badness = |smd: Option<f64>| smd.map_or(f64::INFINITY, f64::abs);
        rows.sort_by(|a, b| badness(b.smd_after).total_cmp(&badness(a.smd_after)));
        let worst: Vec<Value> = rows
            .iter()
            .take(WORST)
            .map(|row| {
                let mut line = json!({"term": row.term, "priority": row.priority, "smd_after": maybe_stepped(row.smd_after, step)});
                let (indicator, rare) = about(&row.term, context);
                // Unweighted, it could be turned back into the number of units that have the level.
                if !rare {
                    line["smd_before"] = maybe_stepped(row.smd_before, step);
                }
                // The variance of an indicator is its mean again; of a rare level that would be a count.
                if !indicator {
                    line["variance_ratio_before"] = maybe_stepped(row.variance_ratio_before, step);
                    line["variance_ratio_after"] = maybe_stepped(row.variance_ratio_after, step);
                }
                line
            })
            .collect();
        let mut object = ran.head(context);
        object.extend(largest.map(|(key, value)| (key.to_owned(), value)));
        object.extend([
            ("terms".to_owned(), json!(table.rows.len())),
            ("worst_terms".to_owned(), json!(worst)),
            ("findings".to_owned(), ran.told(&CODES, context)),
        ]);
        let operator = ran.operator("balance", &CODES);
        Ok(Answer::Reply(bounded_reply(operator, Value::Object(object), &["worst_terms"])))
    }
}

/// For a term: true if it is an indicator, and true if it is one of few units.
fn about(term: &str, context: &Context<'_>) -> (bool, bool) {
    // As little as possible is told of a value that cannot be read.
    let Ok(term) = Term::parse(term) else { return (true, true) };
    let indicator = term.factors.iter().any(|factor| match factor {
        Factor::Equals { .. } => true,
        Factor::Power { column, .. } => context.privacy.is_two_valued(column),
    });
    (indicator, context.privacy.is_about_few(&term, context.prepared))
}

/// True for a product of several factors that tells fewer units apart than may be told of.
fn is_product_about_few(term: &str, context: &Context<'_>) -> bool {
    let few = |term: Term| term.factors.len() > 1 && context.privacy.is_about_few(&term, context.prepared);
    context.privacy.protects() && Term::parse(term).is_ok_and(few)
}
