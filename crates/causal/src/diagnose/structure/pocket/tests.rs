use crate::arm::Arm;
use crate::diagnose::structure::one_arm::{Region, Values, contains};
use crate::diagnose::structure::pocket::*;
use crate::numerics::streams;
use rand::RngExt;

/// Two numbers and a category of four levels.
struct Table {
    numbers: [Vec<f64>; 2],
    codes: Vec<u32>,
}

impl Table {
    fn values(&self) -> [Values<'_>; 3] {
        let [a, b] = &self.numbers;
        [Values::Numbers(a), Values::Numbers(b), Values::Codes { codes: &self.codes, levels: 4 }]
    }
}

/// `n` units whose propensity is `e` of the two numbers (uniform) and the level.
fn table(n: usize, seed: u64, e: impl Fn([f64; 2], u32) -> f64) -> (Table, Vec<Arm>) {
    let mut rng = streams::stream(seed, "pocket.test");
    let mut draw = || (0..n).map(|_| rng.random::<f64>()).collect::<Vec<f64>>();
    let numbers = [draw(), draw()];
    let codes: Vec<u32> = draw().iter().map(|u| (4.0 * u) as u32).collect();
    let u = draw();
    let arm = |i: usize| if u[i] < e([numbers[0][i], numbers[1][i]], codes[i]) { Arm::Treated } else { Arm::Control };
    let arms = (0..n).map(arm).collect();
    (Table { numbers, codes }, arms)
}

/// 200 datasets each of a roll-out to 3 %, a coin, and a rare hold-out: none is reported.
#[test]
fn a_randomised_treatment_has_no_pocket() {
    for share in [0.03, 0.5, 0.95] {
        for n in [500, 2_000] {
            let any = |seed: &u64| {
                let (table, arms) = table(n, *seed, |_, _| share);
                !pockets(&table.values(), &arms).is_empty()
            };
            assert_eq!((0..200).filter(any).count(), 0, "share {share}, n {n}");
        }
    }
}

#[test]
fn a_pocket_of_two_columns_is_told_by_both_and_mirrored_arms_give_mirrored_pockets() {
    let inside = |x: f64, level: u32| x > 0.6 && level == 2;
    let (table, arms) = table(2_000, 1, |x, level| if inside(x[1], level) { 0.997 } else { 0.3 });
    let found = pockets(&table.values(), &arms);
    let [pocket] = found.as_slice() else { panic!("{found:?}") };
    let [number, level] = pocket.conditions.as_slice() else { panic!("{pocket:?}") };
    assert_eq!((number.column, level.column, level.region), (1, 2, Region::Level(2)));
    assert!(matches!(number.region, Region::AtLeast(from) if (0.57..0.63).contains(&from)), "{number:?}");
    // The counts are those of the units that meet the conditions.
    let meet: Vec<usize> =
        (0..2_000).filter(|i| contains(number.region, table.numbers[1][*i]) && table.codes[*i] == 2).collect();
    let others = meet.iter().filter(|i| arms[**i] == Arm::Control).count();
    assert_eq!((pocket.arm, pocket.units, pocket.others), (Arm::Treated, meet.len(), others));
    assert_eq!(recount(&table.values(), &arms, pocket).as_ref(), Some(pocket));
    let mirrored: Vec<Arm> = arms.iter().map(|arm| arm.other()).collect();
    let other = pockets(&table.values(), &mirrored);
    assert_eq!(other, [Pocket { arm: Arm::Control, ..pocket.clone() }]);
}

#[test]
fn missing_values_are_a_place_of_their_own() {
    let (mut table, mut arms) = table(1_000, 2, |_, _| 0.5);
    table.numbers[0][..100].fill(f64::NAN);
    arms[..100].fill(Arm::Control);
    let found = pockets(&table.values(), &arms);
    let places: Vec<Region> = found.iter().flat_map(|pocket| &pocket.conditions).map(|c| c.region).collect();
    assert_eq!(places, [Region::Missing]);
    assert_eq!(recount(&table.values(), &arms, &found[0]), Some(found[0].clone()));
}

/// Each condition of the rule on either side of its boundary, with a missing arm of half of the sample.
#[test]
fn every_constant_at_its_boundary() {
    let (table, _) = table(1_000, 3, |_, _| 0.5);
    let arms: Vec<Arm> = (0..1_000).map(|i| if i < 500 { Arm::Treated } else { Arm::Control }).collect();
    let binned: Vec<Binned> = table.values().map(Binned::new).into();
    let search = Search::new(&binned, &arms, Arm::Control).unwrap();
    let is = |conditions, counts| search.is_pocket(conditions, counts);
    // P(Bin(n, 1/8) ≤ 0) = 0.875ⁿ ≤ 0.05/24 from n = 47 on, 0.05/192 from 62 on, 0.05/1536 from 78 on.
    for (conditions, fewest) in [(1, 47), (2, 62), (3, 78)] {
        assert_eq!([fewest - 1, fewest].map(|n| is(conditions, [n, 0])), [false, true], "{conditions}");
    }
    // 0.5/15 of 300 units are 10.
    assert_eq!([10, 11].map(|k| is(1, [300, k])), [true, false]);
    assert_eq!([29, 30].map(|k| is(1, [3_000, k])), [true, false]);
    assert_eq!(search.fewest, 20);
    // 2 % of the arm that is there, of three thousand.
    let many: Vec<Arm> = (0..3_100).map(|i| if i < 3_000 { Arm::Treated } else { Arm::Control }).collect();
    assert_eq!(Search::new(&binned, &many, Arm::Control).unwrap().fewest, 60);
}

#[test]
fn an_empty_arm_or_no_column_has_no_pocket() {
    let (table, arms) = table(100, 4, |_, _| 0.5);
    assert_eq!(pockets(&[], &arms), []);
    assert_eq!(pockets(&table.values(), &[Arm::Treated; 100]), []);
}
