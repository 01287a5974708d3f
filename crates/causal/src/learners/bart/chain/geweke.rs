//! The joint distribution test of Geweke (2004, doi:10.1198/016214504000001132): a wrong acceptance ratio shows here.
//!
//! Two ways to draw parameters and data from their joint prior: (1) independently, parameters from the prior and data
//! given them; (2) a chain that alternates one sweep of the sampler with new data given the current parameters. Means
//! of any statistic must agree. The problem is tiny, so that exhausted columns, small leaves and stumps, where the
//! ratios differ, are common: 13 rows, columns of 3, 2 and 4 bins or the first two of these, two trees.

use crate::learners::bart::chain::*;
use crate::learners::bart::elementary::ln;
use crate::learners::bart::params::SparsePrior;
use crate::learners::bart::tree::Node;
use crate::numerics::streams;

const N: usize = 13;
const CUTS: [u8; 3] = [2, 1, 3];

fn code(i: usize, j: usize) -> u8 {
    [i % 3, (i / 3) % 2, (i * 5 / 2) % 4][j] as u8
}

fn params(moves: [f64; 3], min_leaf: usize) -> BartParams {
    let sparse = Some(SparsePrior { start: 0, a: 0.8, b: 1.0 });
    BartParams { trees: 2, alpha: 0.85, beta: 0.4, k: 0.7, nu: 9.0, min_leaf, moves, sparse, ..BartParams::default() }
}

fn problem(params: &BartParams, response: Response, columns: usize, weighted: bool) -> Problem<'_> {
    let bytes: Vec<u8> = (0..columns).flat_map(|j| (0..N).map(move |i| code(i, j))).collect();
    let train = Codes { n: N, bytes: bytes.clone() };
    let weights = weighted.then(|| (0..N).map(|i| 0.4 + 0.1 * i as f64).collect());
    Problem { params, train, carried: Codes { n: N, bytes }, cuts: CUTS[..columns].to_vec(), response, weights }
}

fn normal(scaled: Vec<f64>) -> Response {
    Response::Normal { middle: 0.0, range: 1.0, scaled, nu_lambda: 9.0, start: 1.0 }
}

/// The quantities on which the two ways are compared.
fn statistics(trees: &[Tree], f: &[f64], sigma2: f64, prior: &SplitPrior, y: &[f64]) -> Vec<f64> {
    let share = |c: u32| {
        let rules = |t: &Tree| t.inner().filter(|i| t.node(*i).rule.column == c).count();
        trees.iter().map(rules).sum::<usize>() as f64
    };
    let leaves = trees[0].leaves().count() as f64;
    let deep = trees[0].leaves().any(|leaf| trees[0].node(leaf).depth > 2);
    let stump = f64::from(u8::from(trees[0].is_stump()));
    let cut = trees[0].inner().map(|i| f64::from(trees[0].node(i).rule.cut)).sum();
    let s = prior.s();
    let mean = f.iter().sum::<f64>() / N as f64;
    let entropy = -s.iter().filter(|s| **s > 0.0).map(|s| s * ln(*s)).sum::<f64>();
    vec![
        leaves,
        leaves * leaves,
        f64::from(u8::from(deep)),
        stump,
        cut,
        share(0),
        share(1),
        share(2),
        f[0],
        f[0] * f[0],
        mean * mean,
        f[0] * f[4],
        ln(sigma2),
        s[0],
        s[1],
        entropy,
        s[0] * share(0),
        s[1] * share(1),
        y[0] * f[0],
        y[0] * leaves,
        y.iter().map(|y| y * y).sum::<f64>() * leaves,
    ]
}

/// A tree from the prior, with the counts of its leaves.
fn prior_tree(prior: &SplitPrior, tau2: f64, random: &mut Random) -> Tree {
    let mut tree = Tree::stump(N, 0.0);
    let mut open = vec![0_u8];
    while let Some(index) = open.pop() {
        let mu = tau2.sqrt() * random.normal();
        tree.node_mut(index).mu = mu;
        if random.uniform() < prior.split_probability(&tree, index) {
            let rule = prior.rule(&tree, index, random).unwrap();
            tree.grow(index, rule);
            let left = tree.node(index).left;
            open.extend([left, left + 1]);
        }
    }
    tree
}

fn leaf_of(tree: &Tree, i: usize) -> u8 {
    let mut at = 0;
    loop {
        let Node { rule, left, .. } = *tree.node(at);
        if left == 0 {
            return at;
        }
        at = left + u8::from(code(i, rule.column as usize) > rule.cut);
    }
}

fn large_enough(tree: &Tree, min_leaf: usize) -> bool {
    tree.leaves().all(|leaf| (0..N).filter(|i| leaf_of(tree, *i) == leaf).count() >= min_leaf)
}

/// Everything from the joint prior; the minimum leaf size truncates trees and s together.
fn from_prior(problem: &Problem<'_>, random: &mut Random) -> (Vec<Tree>, SplitPrior) {
    let mut prior = SplitPrior::new(problem.params, problem.cuts.clone());
    let tau2 = problem.response.leaf_variance(problem.params);
    loop {
        prior.draw_from_prior(random);
        let trees: Vec<Tree> = (0..2).map(|_| prior_tree(&prior, tau2, random)).collect();
        if trees.iter().all(|tree| large_enough(tree, problem.params.min_leaf)) {
            return (trees, prior);
        }
    }
}

fn fit(trees: &[Tree]) -> Vec<f64> {
    (0..N).map(|i| trees.iter().map(|tree| tree.node(leaf_of(tree, i)).mu).sum()).collect()
}

/// Draws of the statistics in the two ways, one vector a draw.
struct Comparison {
    first: Vec<Vec<f64>>,
    second: Vec<Vec<f64>>,
}

impl Comparison {
    /// Means agree within five standard errors; those of the chain are from means of 50 batches.
    fn hold(&self) {
        let moments = |values: &[f64]| {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n)
        };
        for k in 0..self.first[0].len() {
            let (expected, error) = moments(&self.first.iter().map(|s| s[k]).collect::<Vec<_>>());
            let size = self.second.len() / 50;
            let batch = |b: &[Vec<f64>]| b.iter().map(|s| s[k]).sum::<f64>() / size as f64;
            let batches: Vec<f64> = self.second.chunks_exact(size).map(batch).collect();
            let (found, batch_error) = moments(&batches);
            let z = if found == expected { 0.0 } else { (found - expected) / (error + batch_error).sqrt() };
            assert!(z.abs() < 5.0, "statistic {k}: {found} from the chain, {expected} from the prior, z = {z}");
        }
    }
}

fn compare(name: &str, moves: [f64; 3], columns: usize, weighted: bool) -> Comparison {
    let params = params(moves, 4 - columns);
    let problem = problem(&params, normal(vec![0.0; N]), columns, weighted);
    let mut random = Random::new(streams::stream(2004, name));
    let noise = |sigma2: f64, i: usize| (sigma2 / problem.weights.as_ref().map_or(1.0, |w| w[i])).sqrt();
    let mut first = Vec::new();
    for _ in 0..12_000 {
        let (trees, prior) = from_prior(&problem, &mut random);
        let sigma2 = 9.0 / random.chi_square(9.0);
        let f = fit(&trees);
        let y: Vec<f64> = (0..N).map(|i| f[i] + noise(sigma2, i) * random.normal()).collect();
        first.push(statistics(&trees, &f, sigma2, &prior, &y));
    }
    let mut second = Vec::new();
    let mut chain = Chain::new(&problem, Random::new(streams::stream(4, name)));
    for sweep in 0..DRAWS {
        chain.sweep(sweep);
        let mut f = vec![0.0; N];
        chain.fitted(&mut f);
        let y: Vec<f64> = (0..N).map(|i| f[i] + noise(chain.sigma2, i) * random.normal()).collect();
        let trees: Vec<Tree> = chain.trees.iter().map(|planted| planted.tree.clone()).collect();
        assert!(trees.iter().all(|tree| large_enough(tree, params.min_leaf)));
        second.push(statistics(&trees, &f, chain.sigma2, &chain.prior, &y));
        // New data at the same trees: the residual is all noise.
        for i in 0..N {
            chain.target[i] = y[i];
            chain.residual[i] = y[i] - f[i];
        }
    }
    // The chain starts at stumps and needs a while to forget them.
    second.drain(..1000);
    Comparison { first, second }
}

const DRAWS: usize = 41_000;

#[test]
fn the_sampler_leaves_the_joint_distribution_as_it_is() {
    compare("three columns", [0.35, 0.35, 0.30], 3, false).hold();
}

#[test]
fn so_it_does_where_columns_are_soon_used_up() {
    compare("two columns", [0.2, 0.2, 0.6], 2, false).hold();
}

#[test]
fn so_it_does_with_weights_and_without_the_change_move() {
    compare("weighted", [0.6, 0.4, 0.0], 2, true).hold();
}

#[test]
fn so_it_does_with_latent_normals() {
    let params: &'static BartParams = Box::leak(Box::new(params([0.3, 0.3, 0.4], 2)));
    let offset = 0.4;
    let probit = |positive: Vec<bool>| problem(params, Response::Probit { offset, positive }, 3, false);
    let mut random = Random::new(streams::stream(2004, "probit"));
    let start = &*Box::leak(Box::new(probit(vec![true; N])));
    let respond = |f: &[f64], random: &mut Random| -> Vec<f64> {
        f.iter().map(|f| f64::from(u8::from(offset + f + random.normal() > 0.0))).collect()
    };
    let mut first = Vec::new();
    for _ in 0..12_000 {
        let (trees, prior) = from_prior(start, &mut random);
        let f = fit(&trees);
        let y = respond(&f, &mut random);
        first.push(statistics(&trees, &f, 1.0, &prior, &y));
    }
    let mut second = Vec::new();
    let mut chain = Chain::new(start, Random::new(streams::stream(4, "probit")));
    for sweep in 0..DRAWS {
        let mut f = vec![0.0; N];
        chain.fitted(&mut f);
        let y = respond(&f, &mut random);
        let trees: Vec<Tree> = chain.trees.iter().map(|planted| planted.tree.clone()).collect();
        second.push(statistics(&trees, &f, 1.0, &chain.prior, &y));
        // The chain goes on with the new data: latent normals first, which depend on the data and the fit alone. The
        // problem of one step is leaked: 100 bytes, so that the chain may borrow it for good.
        chain.problem = Box::leak(Box::new(probit(y.iter().map(|y| *y == 1.0).collect())));
        chain.draw_latent();
        chain.sweep(sweep);
    }
    second.drain(..1000);
    Comparison { first, second }.hold();
}
