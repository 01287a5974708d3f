//! `trim`: who would be left.

use super::apply::check_alpha;
use super::arguments::{self, parse, schema, wrong};
use super::design_run::{designed_for_counts, hold};
use super::{Answer, Context, Edit, Refusal, Role, Tool, ToolError, edited};
use crate::plan;
use crate::spec::Analysis;
use crate::tools::reply::{bounded_reply, maybe, number};
use causal::estimand::{Population, TrimRule};
use schemars::JsonSchema;
use serde_json::{Value, json};

pub(super) struct Trim;

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Which analysis, by the estimand that the plan requests.
    #[schemars(extend("enum" = ["ate", "att", "atc", "ato"]))]
    estimand: String,
    /// Keep rows with a propensity from alpha to one minus alpha; above 0 and below 0.5. Leave out for the threshold that
    /// minimises the variance in this data (Crump et al. 2009).
    #[serde(default)]
    alpha: Option<f64>,
}

impl Tool for Trim {
    fn name(&self) -> &'static str {
        "trim"
    }

    fn description(&self) -> &'static str {
        "Says who would be left if units with a propensity near 0 or 1 were left out: rows and treated rows kept, the \
         bounds, and what that does to the name of the estimand. It changes nothing by itself: propose the change with \
         `propose_spec`, or look at its balance and overlap with `preview`."
    }

    fn schema(&self) -> Value {
        schema::<Arguments>()
    }

    fn needs(&self) -> Option<plan::Tool> {
        Some(plan::Tool::Trim)
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Actor, Role::Host]
    }

    fn call(&self, given: &Value, context: &Context<'_>) -> Result<Answer, ToolError> {
        let arguments: Arguments = parse(self.name(), given)?;
        let requested = arguments::estimand(&arguments.estimand, context)
            .map_err(|Refusal(problem)| wrong(self.name(), &problem))?;
        let base = context.spec.analyses.iter().find(|analysis| analysis.requested == requested);
        let base = base.ok_or_else(|| ToolError::Fatal("the spec lost an analysis".to_owned()))?;
        let before = base.estimand().name();
        // From everyone, so that trimming where the analysis is trimmed already can be looked at too.
        let everyone = Analysis { population: Population::All, ..base.clone() };
        let analysis = match arguments.alpha {
            Some(alpha) => {
                let edit = Edit::Trim { alpha };
                check_alpha("alpha", alpha, context)
                    .and_then(|()| edited(&edit, &everyone, context))
                    .map_err(|Refusal(problem)| wrong(self.name(), &problem))?
                    .0
            }
            None => Analysis { population: Population::Trimmed { trim: TrimRule::CrumpOptimal }, ..everyone },
        };
        let close = hold(&analysis, context).err();
        let ran = designed_for_counts(analysis, None, context, &[])?;
        let population = ran.design.population.as_ref();
        let population = population.ok_or_else(|| ToolError::Failed("this design has no population".to_owned()))?;
        let (treated, control) = (population.n_treated, population.n_control);
        let all = (treated + population.trimmed_treated, control + population.trimmed_control);
        let kept = context.privacy.kept((treated, control), all);
        let exact = kept.rows_exact && close.is_none();
        let (rows, treated) = match &close {
            None => (kept.rows, kept.treated),
            Some(_) => (context.privacy.about(treated + control), context.privacy.about(treated)),
        };
        let mut object = json!({
            "estimand": requested.key(),
            "name_now": before,
            "name_if_trimmed": ran.design.name,
            "what_that_means": "The answer would be about those of the target population whose propensity lies within the bounds, and no longer about all of it.",
            "lower_bound": maybe(population.alpha_lower),
            "upper_bound": maybe(population.alpha_upper),
            "rows_kept": rows,
            "treated_kept": treated,
            // The share times the rows would give the hidden number back.
            "share_kept": if exact { number(population.share_kept) } else { json!("nearly all, or nearly none of a group") },
        });
        if let Some(Refusal(why)) = close {
            object["not_told_exactly"] = json!(why);
        }
        let operator =
            format!("trimming of the {before}: {:.1} % of the rows would be left", 100.0 * population.share_kept);
        Ok(Answer::Reply(bounded_reply(operator, object, &[])))
    }
}
