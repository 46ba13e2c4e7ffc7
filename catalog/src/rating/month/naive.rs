//! Rating against a reckoning of its own: whole numbers only, written without a look at the one it checks.
//!
//! Quantities are whole thousandths of a GB, prices whole ten-thousandths of a dollar, so every amount is a fraction whose
//! numerator and denominator fit a machine's integers.

use super::super::fixture::{account, period, rate, segment, usage, version};
use super::super::rate_month;
use super::*;
use crate::plan::PlanVersion;
use domain::dimension::Group;
use proptest::prelude::*;
use std::sync::Arc;

const MILLI: i128 = 1_000;
/// A numerator of amounts counts 10^-7 dollars times `per`.
const SCALE: i128 = 10_000_000;

/// A price as somebody would note it on paper.
#[derive(Clone, Debug)]
struct Paper {
    model: PaperModel,
    per: i128,
    free: i128,
    /// In cents.
    minimum: i128,
}

#[derive(Clone, Debug)]
enum PaperModel {
    PerUnit(i128),
    Package(i128),
    /// Bounds and prices of the bounded tiers, and the price beyond.
    Graduated(Vec<(i128, i128)>, i128),
    Volume(Vec<(i128, i128)>, i128),
}

/// A fraction with a positive denominator.
#[derive(Clone, Copy, Debug)]
struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    /// The nearest whole number of 10^-`places`, on a tie the even one.
    fn rounded(self, places: u32) -> i128 {
        let scaled = self.numerator * 10_i128.pow(places);
        let (floor, rest) = (scaled.div_euclid(self.denominator), scaled.rem_euclid(self.denominator));
        match (2 * rest).cmp(&self.denominator) {
            std::cmp::Ordering::Less => floor,
            std::cmp::Ordering::Greater => floor + 1,
            std::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
        }
    }
}

impl Paper {
    /// What so many thousandths cost, without the minimum.
    fn usage(&self, thousandths: i128) -> Fraction {
        let denominator = SCALE * self.per;
        if thousandths < 0 {
            let Fraction { numerator, .. } = self.usage(-thousandths);
            return Fraction { numerator: -numerator, denominator };
        }
        let billable = (thousandths - self.free * MILLI).max(0);
        let numerator = match &self.model {
            PaperModel::PerUnit(price) => billable * price,
            PaperModel::Package(price) => {
                let size = self.per * MILLI;
                (billable + size - 1) / size * size * price
            }
            PaperModel::Graduated(tiers, beyond) => one_by_one(tiers, *beyond, billable),
            PaperModel::Volume(tiers, beyond) => {
                let reached = tiers.iter().find(|(bound, _)| billable <= bound * MILLI);
                billable * reached.map_or(*beyond, |(_, price)| *price)
            }
        };
        Fraction { numerator, denominator }
    }

    /// What a month of so many thousandths costs.
    fn month(&self, thousandths: i128) -> Fraction {
        let Fraction { numerator, denominator } = self.usage(thousandths);
        let minimum = self.minimum * denominator / 100;
        Fraction { numerator: numerator + (minimum - numerator.max(0)).max(0), denominator }
    }

    fn document(&self) -> String {
        let model = match &self.model {
            PaperModel::PerUnit(price) => format!("model: per_unit, price: \"{}\"", price_text(*price)),
            PaperModel::Package(price) => format!("model: package, price: \"{}\"", price_text(*price)),
            PaperModel::Graduated(tiers, beyond) => {
                format!("model: graduated, tiers: [{}]", tiers_text(tiers, *beyond))
            }
            PaperModel::Volume(tiers, beyond) => {
                format!("model: volume, tiers: [{}]", tiers_text(tiers, *beyond))
            }
        };
        let Self { per, free, minimum, .. } = self;
        let minimum = format!("{}.{:02}", minimum / 100, minimum % 100);
        format!("per: \"{per}\", free: \"{free}\", minimum: \"{minimum}\", {model}")
    }
}

/// Walks up the tiers and pays for each step of the way.
fn one_by_one(tiers: &[(i128, i128)], beyond: i128, billable: i128) -> i128 {
    let (mut below, mut cost) = (0, 0);
    for (bound, price) in tiers {
        let top = (bound * MILLI).min(billable);
        cost += (top - below).max(0) * price;
        below = below.max(top);
    }
    cost + (billable - below) * beyond
}

fn price_text(price: i128) -> String {
    format!("{}.{:04}", price / 10_000, price % 10_000)
}

fn tiers_text(tiers: &[(i128, i128)], beyond: i128) -> String {
    let bounded = tiers
        .iter()
        .map(|(bound, price)| format!("{{up_to: \"{bound}\", price: \"{}\"}}, ", price_text(*price)));
    format!("{}{{price: \"{}\"}}", bounded.collect::<String>(), price_text(beyond))
}

fn thousandths_text(thousandths: i128) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", thousandths.abs() / MILLI, thousandths.abs() % MILLI)
}

/// The amount as so many 10^-`places`.
fn counted(amount: &Amount, places: u32) -> i128 {
    let atoms = i128::try_from(amount.atoms()).unwrap();
    let unit = 10_i128.pow(12 - places);
    assert_eq!(atoms % unit, 0, "{amount} has at most {places} places");
    atoms / unit
}

fn tiers() -> impl Strategy<Value = (Vec<(i128, i128)>, i128)> {
    let bounds = prop::collection::btree_set(1_i128..5_000, 0..5);
    (bounds, prop::collection::vec(0_i128..100_000, 5), 0_i128..100_000)
        .prop_map(|(bounds, prices, beyond)| (bounds.into_iter().zip(prices).collect(), beyond))
}

fn paper() -> impl Strategy<Value = Paper> {
    let price = 0_i128..1_000_000;
    let model = prop_oneof![
        price.clone().prop_map(PaperModel::PerUnit),
        price.prop_map(PaperModel::Package),
        tiers().prop_map(|(tiers, beyond)| PaperModel::Graduated(tiers, beyond)),
        tiers().prop_map(|(tiers, beyond)| PaperModel::Volume(tiers, beyond)),
    ];
    let free = prop_oneof![2 => Just(0), 1 => 0_i128..500];
    let minimum = prop_oneof![2 => Just(0), 1 => 0_i128..10_000];
    (model, 1_i128..2_000, free, minimum).prop_map(|(model, per, free, minimum)| Paper {
        model,
        per,
        free,
        minimum,
    })
}

/// Quantities that often meet a bound, a package's end or the free quantity exactly.
fn quantity() -> impl Strategy<Value = i128> {
    prop_oneof![(-6_000_i128..6_000).prop_map(|whole| whole * MILLI), -6_000_000_i128..6_000_000, -3_i128..4,]
}

fn of(paper: &Paper) -> Arc<PlanVersion> {
    version(1, &format!("- {{id: disk, sku: disk, unit: GB, {}}}", paper.document()))
}

fn row(time: &str, thousandths: i128) -> UsageQuarter {
    usage(time, &thousandths_text(thousandths), "GB")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_month_costs_what_it_costs_on_paper(paper in paper(), quantity in quantity()) {
        let rows = [row("2026-02-03T10:00:00Z", quantity)];
        let charge = rate(&of(&paper), "2026-02", &rows).charges().charges.remove(0);
        let expected = paper.month(quantity);
        prop_assert_eq!(counted(&charge.amount_unrounded, 12), expected.rounded(12), "{}", paper.document());
        prop_assert_eq!(counted(&charge.amount, 2), expected.rounded(2), "{}", paper.document());
    }

    #[test]
    fn a_bound_belongs_to_the_tier_below_it(paper in paper(), which in 0_usize..5, step in -1_i128..=1) {
        let (PaperModel::Graduated(tiers, _) | PaperModel::Volume(tiers, _)) = &paper.model else { return Ok(()) };
        let Some((bound, _)) = tiers.get(which) else { return Ok(()) };
        let quantity = (bound + paper.free) * MILLI + step;
        let rows = [row("2026-02-03T10:00:00Z", quantity)];
        let month = rate(&of(&paper), "2026-02", &rows);
        prop_assert_eq!(counted(&month.rated[0].usage_amount(), 12), paper.usage(quantity).rounded(12));
        let tiers_of_lines: Vec<String> = month.rated[0].charge.lines.iter()
            .filter(|line| line.description.starts_with("tier"))
            .map(|line| line.description.split(' ').nth(1).unwrap().to_owned())
            .collect();
        let last = tiers_of_lines.last().map_or(0, |number| number.parse::<usize>().unwrap());
        prop_assert_eq!(last, which + 1 + usize::from(step > 0));
    }

    #[test]
    fn windows_cost_the_difference_of_two_papers(paper in paper(), quantities in prop::collection::vec(quantity(), 1..6)) {
        let times = ["2026-02-01T00:00:00Z", "2026-02-01T00:15:00Z", "2026-02-09T05:00:00Z", "2026-02-20T23:45:00Z", "2026-02-28T23:45:00Z"];
        let rows: Vec<UsageQuarter> = times.iter().zip(&quantities).map(|(time, quantity)| row(time, *quantity)).collect();
        let month = rate(&of(&paper), "2026-02", &rows);
        let costs = month.rated[0].costs();
        prop_assert_eq!(costs.len(), quantities.len().min(times.len()));
        let mut running = 0;
        for (cost, quantity) in costs.iter().zip(&quantities) {
            let before = paper.usage(running).rounded(12);
            running += quantity;
            prop_assert_eq!(counted(&cost.amount_unrounded, 12), paper.usage(running).rounded(12) - before);
        }
        let shortfall = paper.month(running).rounded(12) - paper.usage(running).rounded(12);
        prop_assert_eq!(counted(&month.rated[0].amount_without_window(), 12), shortfall);
    }

    #[test]
    fn a_new_contract_or_version_starts_tiers_and_free_quantity_again(first in paper(), second in paper(), day in 2_u32..28, before in quantity(), after in quantity()) {
        let change = format!("2026-02-{day:02}T07:15:00Z");
        let (one, two) = (of(&first), Arc::new(PlanVersion { number: 2, plan: of(&second).plan.clone() }));
        let account = account(vec![
            segment("2026-01-01T00:00:00Z", &change, Some(&one)),
            segment(&change, "2027-01-01T00:00:00Z", Some(&two)),
        ]);
        let last_before = format!("2026-02-{day:02}T07:00:00Z");
        let rows = [row("2026-02-01T00:00:00Z", before), row(&last_before, before), row(&change, after)];
        let charges = rate_month(&account, &Units::built_in(), period("2026-02"), &rows).charges().charges;
        let amounts: Vec<(u32, i128)> = charges.iter().map(|charge| (charge.key.plan_version, counted(&charge.amount, 2))).collect();
        prop_assert_eq!(amounts, vec![(1, first.month(2 * before).rounded(2)), (2, second.month(after).rounded(2))]);
    }

    #[test]
    fn a_price_takes_all_its_groups_together_and_no_other(paper in paper(), europe in paper(), quantities in prop::collection::vec((quantity(), 0_u8..4), 1..8)) {
        let prices = format!(
            "- {{id: all, sku: disk, unit: GB, {}}}\n- {{id: eu, sku: disk, unit: GB, match: {{region: eu}}, {}}}",
            paper.document(), europe.document(),
        );
        let group = |number: u8| ["", "region=us", "region=eu", "region=eu&zone=a"][usize::from(number)];
        let rows: Vec<UsageQuarter> = quantities.iter().map(|(quantity, number)| UsageQuarter {
            group: Group::from_canonical(group(*number)),
            ..row("2026-02-05T00:00:00Z", *quantity)
        }).collect();
        let sum = |europe: bool| -> Option<i128> {
            let of = quantities.iter().filter(|(_, number)| (*number >= 2) == europe).map(|(quantity, _)| *quantity);
            let of: Vec<i128> = of.collect();
            (!of.is_empty()).then(|| of.iter().sum())
        };
        let charges = rate(&version(1, &prices), "2026-02", &rows).charges().charges;
        for (id, paper, sum) in [("all", &paper, sum(false)), ("eu", &europe, sum(true))] {
            let charge = charges.iter().find(|charge| charge.key.price.as_str() == id);
            let owed = sum.or((paper.minimum > 0).then_some(0));
            let expected = owed.map(|sum| paper.month(sum).rounded(2));
            prop_assert_eq!(charge.map(|charge| counted(&charge.amount, 2)), expected, "{}", id);
        }
    }

    #[test]
    fn late_usage_costs_what_the_whole_costs_more_than_what_was_billed(paper in paper(), own in quantity(), late in quantity()) {
        let posted = UsageQuarter { posted: Some(period("2026-03")), ..row("2026-02-20T00:00:00Z", late) };
        let rows = [row("2026-02-10T00:00:00Z", own), posted];
        let charges = rate(&of(&paper), "2026-03", &rows).charges().charges;
        let adjustment = charges.iter().find(|charge| charge.key.adjusts.is_some()).unwrap();
        let expected = paper.month(own + late).rounded(2) - paper.month(own).rounded(2);
        prop_assert_eq!(counted(&adjustment.amount, 2), expected);
        prop_assert_eq!(adjustment.quantity.to_string(), domain::decimal::Decimal::parse(&thousandths_text(late)).unwrap().to_string());
    }

    #[test]
    fn more_usage_never_costs_less_but_under_volume_prices(paper in paper(), quantity in quantity(), more in 0_i128..50_000) {
        if matches!(paper.model, PaperModel::Volume(..)) {
            return Ok(());
        }
        let amount = |quantity| {
            let rows = [row("2026-02-03T10:00:00Z", quantity)];
            counted(&rate(&of(&paper), "2026-02", &rows).rated[0].charge.amount, 2)
        };
        prop_assert!(amount(quantity) <= amount(quantity + more), "{}", paper.document());
    }
}

#[test]
fn the_paper_itself_says_what_the_document_says() {
    let graduated = PaperModel::Graduated(vec![(10, 20_000), (100, 15_000)], 5_000);
    let paper = Paper { model: graduated, per: 2, free: 5, minimum: 1_250 };
    let text = concat!(
        r#"per: "2", free: "5", minimum: "12.50", model: graduated, "#,
        r#"tiers: [{up_to: "10", price: "2.0000"}, {up_to: "100", price: "1.5000"}, {price: "0.5000"}]"#,
    );
    assert_eq!(paper.document(), text);
    // 120 - 5 free = 115: 10 × 2 + 90 × 1.5 + 15 × 0.5 = 162.5, for two units each: 81.25
    assert_eq!(paper.usage(120 * MILLI).rounded(2), 8_125);
    assert_eq!((paper.month(0).rounded(2), paper.month(-120 * MILLI).rounded(2)), (1_250, 1_250 - 8_125));
    let half = |numerator| Fraction { numerator, denominator: 2 };
    assert_eq!([1, 3, 5, -1, -3].map(|numerator| half(numerator).rounded(0)), [0, 2, 2, 0, -2]);
}
