//! Limits on the use of language models, and their use so far.
//!
//! Time is the driver's: the machine is told that it is over ([`super::run::Event::TimeOver`]). All else is counted here.

use crate::llm::{ChatResponse, Usage};
use crate::plan::BudgetSection;
use crate::record::documents::RoleUsage;
use crate::tools::Role;
use serde::{Deserialize, Serialize};

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Read.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from a cache.
    pub cache_read: f64,
    /// Read and written into a cache.
    pub cache_write: f64,
    /// The price of a request that is longer than most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<LongPrice>,
}

/// The price of a request whose input is longer than a threshold: it holds for all of it, output included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrice {
    /// Tokens read, cached ones included, above which it holds.
    pub above: u64,
    /// Read.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from a cache.
    pub cache_read: f64,
    /// Read and written into a cache.
    pub cache_write: f64,
}

impl Price {
    /// At the price of long requests if any of them was that long. A role's requests are counted together, so this is an upper
    /// bound: a budget is never overspent by it.
    fn for_usage(&self, usage: &RoleUsage) -> Price {
        match self.long.filter(|long| usage.longest_input > long.above) {
            Some(LongPrice { input, output, cache_read, cache_write, .. }) => {
                Price { input, output, cache_read, cache_write, long: None }
            }
            None => *self,
        }
    }

    fn cost_of(&self, usage: &RoleUsage) -> f64 {
        let price = self.for_usage(usage);
        const MILLION: f64 = 1e6;
        #[allow(clippy::cast_precision_loss, reason = "token counts are far below 2^53")]
        let dollars = |tokens: u64, price: f64| tokens as f64 * price / MILLION;
        // `input` includes the cached tokens, which have prices of their own. A server's counts need not add up: not
        // below zero.
        let cached = usage.cache_read_tokens + usage.cache_write_tokens;
        dollars(usage.input_tokens.saturating_sub(cached), price.input)
            + dollars(usage.output_tokens, price.output)
            + dollars(usage.cache_read_tokens, price.cache_read)
            + dollars(usage.cache_write_tokens, price.cache_write)
    }
}

/// The limits of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Answers, both roles.
    pub turns: u32,
    /// Tokens read and written, both roles.
    pub tokens: u64,
    /// Minutes; only to be said.
    pub wall_minutes: f64,
    /// Revised specs.
    pub revisions: Option<u32>,
    /// Dollars.
    pub cost_usd: Option<f64>,
    /// The price of the actor's model, if known.
    pub actor_price: Option<Price>,
    /// The price of the critic's model, if known.
    pub critic_price: Option<Price>,
}

impl Budget {
    /// As the plan says, at these prices.
    #[must_use]
    pub fn new(section: &BudgetSection, actor_price: Option<Price>, critic_price: Option<Price>) -> Self {
        Self {
            turns: section.turns,
            tokens: section.tokens,
            wall_minutes: section.wall_minutes,
            revisions: section.revisions,
            cost_usd: section.cost_usd,
            actor_price,
            critic_price,
        }
    }

    /// The budget that has been reached, as a sentence.
    #[must_use]
    pub fn reached(&self, spent: &Spent) -> Option<String> {
        let both = spent.both();
        let tokens = both.input_tokens + both.output_tokens;
        if both.calls >= self.turns {
            return Some(format!("`budget.turns` is reached: {} answers of {}", both.calls, self.turns));
        }
        if tokens >= self.tokens {
            return Some(format!("`budget.tokens` is reached: {tokens} tokens of {}", self.tokens));
        }
        match (self.cost_usd, self.cost(spent)) {
            (Some(limit), Some(cost)) if cost >= limit => {
                Some(format!("`budget.cost_usd` is reached: {cost:.4} of {limit} US dollars"))
            }
            _ => None,
        }
    }

    /// The sentence for a run whose time is over.
    #[must_use]
    pub fn time_over(&self) -> String {
        format!("`budget.wall_minutes` is reached: {} minutes", self.wall_minutes)
    }

    /// Dollars so far; `None` if a model that was asked has no price.
    #[must_use]
    pub fn cost(&self, spent: &Spent) -> Option<f64> {
        let cost = |usage: &RoleUsage, price: Option<&Price>| match (usage.calls, price) {
            // A role that was never asked needs no price.
            (0, _) => Some(0.0),
            (_, price) => price.map(|price| price.cost_of(usage)),
        };
        Some(cost(&spent.actor, self.actor_price.as_ref())? + cost(&spent.critic, self.critic_price.as_ref())?)
    }
}

/// The use so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// By the actor.
    pub actor: RoleUsage,
    /// By the critic.
    pub critic: RoleUsage,
}

impl Spent {
    /// Counts an answer.
    pub fn count(&mut self, role: Role, response: &ChatResponse) {
        let usage = response.usage.unwrap_or_else(|| estimated(response));
        let total = self.role_mut(role);
        total.calls += 1;
        total.input_tokens += usage.input;
        total.output_tokens += usage.output;
        total.cache_read_tokens += usage.cache_read;
        total.cache_write_tokens += usage.cache_write;
        total.reasoning_tokens += usage.reasoning;
        total.longest_input = total.longest_input.max(usage.input);
    }

    /// The use by one role.
    pub fn role_mut(&mut self, role: Role) -> &mut RoleUsage {
        match role {
            Role::Critic => &mut self.critic,
            Role::Actor | Role::Host => &mut self.actor,
        }
    }

    /// Both roles together.
    #[must_use]
    pub fn both(&self) -> RoleUsage {
        let (a, c) = (&self.actor, &self.critic);
        RoleUsage {
            calls: a.calls + c.calls,
            tool_calls: a.tool_calls + c.tool_calls,
            repairs: a.repairs + c.repairs,
            input_tokens: a.input_tokens + c.input_tokens,
            output_tokens: a.output_tokens + c.output_tokens,
            cache_read_tokens: a.cache_read_tokens + c.cache_read_tokens,
            cache_write_tokens: a.cache_write_tokens + c.cache_write_tokens,
            reasoning_tokens: a.reasoning_tokens + c.reasoning_tokens,
            longest_input: a.longest_input.max(c.longest_input),
        }
    }
}

/// A server that does not count is counted for: four characters a token, of what it wrote. What it read is not known here,
/// so such a server is held by `turns` and time rather than by tokens.
fn estimated(response: &ChatResponse) -> Usage {
    let written = serde_json::to_string(&response.blocks).map_or(0, |text| text.len() / 4);
    Usage { output: written as u64, ..Usage::default() }
}
