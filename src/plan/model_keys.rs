//! The keys of `actor:`, `critic:`, `budget:` and `privacy:`.

use crate::plan::keys::Otherwise::{Nothing, Value, Words as Says};
use crate::plan::keys::{PlanKey, Takes, key};
use crate::plan::models::EFFORTS;
use crate::plan::{ModelApi, Provider};

pub(super) const MODEL: &[PlanKey] = &[
    key(
        "provider",
        Takes::Word(providers),
        Value("playbook"),
        "the deterministic engine, or a protocol of language models",
    ),
    key("model", Takes::Text, Says("required with a language model"), "the model, as its vendor calls it"),
    key("base_url", Takes::Address, Says("the vendor's"), "another server that speaks the protocol"),
    key(
        "key",
        Takes::Variable,
        Says("`ANTHROPIC_API_KEY`, `OPENAI_API_KEY` or `GEMINI_API_KEY`"),
        "where the key is; never the key itself",
    ),
    key(
        "api",
        Takes::Word(apis),
        Says("`responses` at OpenAI and on Azure, `chat` elsewhere"),
        "which of OpenAI's protocols the server speaks",
    ),
    key("max_tokens", Takes::Whole(1, None), Value("16000"), "the longest answer, thinking included"),
    key("effort", Takes::Word(model_efforts), Says("the model's own"), "how much the model should think"),
    key("timeout", Takes::Whole(1, None), Value("300"), "seconds that one call may take"),
    key("temperature", Takes::Number, Says("the server's"), "sampling temperature"),
    key("extra_body", Takes::Fields, Nothing, "further fields of every request, as the server knows them"),
    key("headers", Takes::Fields, Nothing, "further headers of every request; never a key"),
];

pub(super) const BUDGET: &[PlanKey] = &[
    key("turns", Takes::Whole(1, None), Value("80"), "answers of models, actor and critic together"),
    key("tokens", Takes::Whole(1, None), Value("1000000"), "tokens read and written, together"),
    key("wall_minutes", Takes::Number, Value("60"), "minutes from start to end"),
    key(
        "revisions",
        Takes::Whole(0, None),
        Says("what `loop.max_iterations` leaves"),
        "revised specs, without the draft",
    ),
    key("cost_usd", Takes::Number, Says("no limit"), "US dollars, by the price table"),
    key("conversation", Takes::Whole(1, None), Value("15"), "answers of one draft, revision or critique"),
    key("repairs", Takes::Whole(0, None), Value("3"), "answers in a row that may be sent back"),
    key("prices", Takes::File, Says("the table compiled in"), "a price table of your own"),
];

pub(super) const PRIVACY: &[PlanKey] = &[
    key(
        "min_cell",
        Takes::Whole(2, None),
        Value("10"),
        "fewer units than this are never counted out, nor their level named",
    ),
    key("redact_names", Takes::Flag, Value("false"), "columns are called `x1`, `x2`, … to a model"),
    key(
        "units",
        Takes::Flag,
        Value("true"),
        "the run keeps `units.parquet`: arm, propensity and weight of every row, for other tools; no model sees it",
    ),
];

fn providers() -> Vec<&'static str> {
    Provider::ALL.iter().map(|provider| provider.key()).collect()
}

fn apis() -> Vec<&'static str> {
    ModelApi::ALL.iter().map(|api| api.key()).collect()
}

fn model_efforts() -> Vec<&'static str> {
    EFFORTS.to_vec()
}
