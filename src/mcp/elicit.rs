//! Asking the person, through the host, for what the data cannot say. Only where the host has said that it can, and never for a
//! decision at a gate: what comes back went through a program, and nobody signed it.

use crate::mcp::refusal::{Refused, code};
use rmcp::model::{ElicitRequestParams, ElicitationAction, ElicitationSchema, EnumSchema, PrimitiveSchemaDefinition};
use rmcp::service::{ElicitationMode, Peer, RoleServer};
use serde_json::Value;
use std::collections::BTreeMap;

/// Columns that are offered; a longer list is asked for as a text.
const MOST_COLUMNS: usize = 200;

/// What is not known of a study.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing {
    pub(super) treatment: bool,
    pub(super) outcome: bool,
}

impl Missing {
    fn keys(self) -> Vec<(&'static str, &'static str)> {
        let treatment = self.treatment.then_some(("treatment", "The column that says who was treated"));
        let outcome = self.outcome.then_some(("outcome", "The column that the treatment may have changed"));
        treatment.into_iter().chain(outcome).collect()
    }
}

/// What the person said.
#[derive(Debug, Clone, Default)]
pub(super) struct Answered {
    pub(super) treatment: Option<String>,
    pub(super) outcome: Option<String>,
}

impl Answered {
    /// A line for the record.
    pub(super) fn record(&self, client: &str) -> String {
        let named = [("treatment", &self.treatment), ("outcome", &self.outcome)];
        let named = named.into_iter().filter_map(|(role, column)| Some(format!("{role} `{}`", column.as_ref()?)));
        format!("{}: asked through {client}, and answered there", named.collect::<Vec<_>>().join(" and "))
    }
}

/// Asks for the columns that are missing.
pub(super) async fn ask(
    peer: &Peer<RoleServer>,
    missing: Missing,
    data: &str,
    columns: Vec<String>,
) -> Result<Answered, Refused> {
    let keys: Vec<&str> = missing.keys().into_iter().map(|(key, _)| key).collect();
    let wanted = || {
        let message = format!(
            "`draft_plan` needs {}: which columns of {data} they are, nobody but the person can say",
            keys.join(" and ")
        );
        Refused::new(code::ARGUMENTS, message).hint("Ask, and call again with both.").detail("columns", columns.clone())
    };
    if !peer.supported_elicitation_modes().contains(&ElicitationMode::Form) {
        return Err(wanted());
    }
    let properties: BTreeMap<String, PrimitiveSchemaDefinition> =
        missing.keys().into_iter().map(|(key, title)| (key.to_owned(), one_of(&columns, title))).collect();
    let required = properties.keys().cloned().collect();
    let asked = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: format!("A plan for {data} is to be drafted. Which columns are the {}?", keys.join(" and the ")),
        requested_schema: ElicitationSchema::new(properties).with_required(required),
    };
    let answer = peer
        .create_elicitation(asked)
        .await
        .map_err(|error| wanted().hint(format!("The host could not ask: {error}.")))?;
    if answer.action != ElicitationAction::Accept {
        return Err(Refused::new(
            code::CANCELLED,
            "the person did not say which columns are meant; no plan was written",
        ));
    }
    let content = answer.content.unwrap_or_default();
    // The host is not relied on for the form: what is no column is no answer.
    let said = |key: &str| {
        let column = content.get(key).and_then(Value::as_str).map(str::to_owned);
        column.filter(|column| columns.contains(column))
    };
    let answered = Answered { treatment: said("treatment"), outcome: said("outcome") };
    let complete =
        (!missing.treatment || answered.treatment.is_some()) && (!missing.outcome || answered.outcome.is_some());
    if complete { Ok(answered) } else { Err(wanted()) }
}

fn one_of(columns: &[String], title: &str) -> PrimitiveSchemaDefinition {
    if columns.len() > MOST_COLUMNS {
        return PrimitiveSchemaDefinition::String(rmcp::model::StringSchema::new().title(title.to_owned()));
    }
    PrimitiveSchemaDefinition::Enum(EnumSchema::builder(columns.to_vec()).title(title.to_owned()).build())
}
