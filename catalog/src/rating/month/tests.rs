use super::super::UnpricedReason::{self, NoContract, NoPrice};
use super::super::fixture::{account, at, period, rate, segment, usage, version, version_from};
use super::super::rate_month;
use super::*;
use domain::dimension::Group;

const PACKAGES: &str = r#"- {id: disk, sku: disk, unit: GB, per: "1000", model: package, price: "2"}"#;
const TIERS: &str = r#"- {id: disk, sku: disk, unit: GB, free: "10", model: graduated, tiers: [{up_to: "100", price: "1"}, {price: "0.5"}]}"#;
const PER_UNIT: &str = r#"- {id: disk, sku: disk, unit: GB, model: per_unit, price: "0.10"}"#;

/// Charges as (price, version, adjusted month, quantity, unrounded amount, amount).
fn shown(month: &Month) -> Vec<(String, u32, String, String, String, String)> {
    let shown = |rated: &Rated| {
        let Charge { key, quantity, amount_unrounded, amount, .. } = &rated.charge;
        let adjusts = key.adjusts.map_or_else(String::new, |period| period.to_string());
        let (quantity, unrounded) = (quantity.to_string(), amount_unrounded.to_string());
        (key.price.to_string(), key.plan_version, adjusts, quantity, unrounded, amount.to_string())
    };
    month.rated.iter().map(shown).collect()
}

fn row(
    price: &str,
    version: u32,
    adjusts: &str,
    numbers: [&str; 3],
) -> (String, u32, String, String, String, String) {
    let [quantity, unrounded, amount] = numbers.map(str::to_owned);
    (price.to_owned(), version, adjusts.to_owned(), quantity, unrounded, amount)
}

/// Costs as (time, group, unrounded amount).
fn costs(rated: &Rated) -> Vec<(String, String, String)> {
    let shown = |cost: Cost| {
        (cost.quarter.start().to_string(), cost.group.to_string(), cost.amount_unrounded.to_string())
    };
    rated.costs().into_iter().map(shown).collect()
}

fn posted(usage: UsageQuarter, month: &str) -> UsageQuarter {
    UsageQuarter { posted: Some(period(month)), ..usage }
}

fn grouped(usage: UsageQuarter, group: &str) -> UsageQuarter {
    UsageQuarter { group: Group::from_canonical(group), ..usage }
}

#[test]
fn reported_units_are_converted_exactly() {
    // 3 GiB = 3 × 1.073741824 GB = 3.221225472 GB; with 0.5 GB 3.721225472 GB × 0.10 = 0.3721225472
    let rows = [usage("2026-02-01T00:00:00Z", "3", "GiB"), usage("2026-02-01T00:00:00Z", "0.5", "GB")];
    let month = rate(&version(1, PER_UNIT), "2026-02", &rows);
    assert_eq!(shown(&month), [row("disk", 1, "", ["3.721225472", "0.3721225472", "0.37"])]);
    let cost = month.rated[0].costs().remove(0);
    let reported: Vec<String> = cost.reported.iter().map(|(unit, sum)| format!("{sum} {unit}")).collect();
    assert_eq!(reported, ["0.5 GB", "3 GiB"]);
    assert_eq!(cost.quantity, super::super::fixture::exact("3.721225472"));
}

#[test]
fn a_window_costs_what_the_running_total_rises() {
    let rows = [
        usage("2026-02-01T00:00:00Z", "60", "GB"),
        usage("2026-02-01T00:15:00Z", "100", "GB"),
        usage("2026-02-28T23:45:00Z", "-50", "GB"),
        usage("2026-03-01T00:00:00Z", "1000", "GB"),
    ];
    let month = rate(&version(1, TIERS), "2026-02", &rows);
    // After 60: 50 billable × 1 = 50. After 160: 100 × 1 + 50 × 0.5 = 125. After 110: 100 × 1 = 100.
    let expected =
        [("2026-02-01T00:00:00Z", "50"), ("2026-02-01T00:15:00Z", "75"), ("2026-02-28T23:45:00Z", "-25")];
    let expected = expected.map(|(time, amount)| (time.to_owned(), String::new(), amount.to_owned()));
    assert_eq!(costs(&month.rated[0]), expected);
    assert_eq!(shown(&month), [row("disk", 1, "", ["110", "100", "100"])]);
}

#[test]
fn a_window_may_be_negative_when_volume_reaches_a_cheaper_tier() {
    let prices = r#"- {id: disk, sku: disk, unit: GB, model: volume, tiers: [{up_to: "100", price: "0.10"}, {price: "0.08"}]}"#;
    let rows = [usage("2026-02-01T00:00:00Z", "100", "GB"), usage("2026-02-02T00:00:00Z", "1", "GB")];
    let month = rate(&version(1, prices), "2026-02", &rows);
    // 100 × 0.10 = 10; 101 × 0.08 = 8.08, which is 1.92 less
    let amounts: Vec<String> = costs(&month.rated[0]).into_iter().map(|cost| cost.2).collect();
    assert_eq!(amounts, ["10", "-1.92"]);
}

#[test]
fn groups_of_a_quarter_share_its_cost_by_quantity() {
    let time = "2026-02-01T00:00:00Z";
    let rows = [("region=a", "200"), ("region=b", "200"), ("region=c", "200")];
    let rows = rows.map(|(group, quantity)| grouped(usage(time, quantity, "GB"), group));
    let prices = r#"- {id: disk, sku: disk, unit: GB, model: package, per: "1000", price: "0.000000000002"}"#;
    let month = rate(&version(1, prices), "2026-02", &rows);
    // One package of 2e-12 in three equal parts: nothing each, and the two left over go to the first two groups.
    let expected = [("region=a", "0.000000000001"), ("region=b", "0.000000000001"), ("region=c", "0")];
    let expected = expected.map(|(group, amount)| (time.to_owned(), group.to_owned(), amount.to_owned()));
    assert_eq!(costs(&month.rated[0]), expected);
}

#[test]
fn a_quarter_that_sums_to_zero_costs_nothing() {
    let time = "2026-02-01T00:00:00Z";
    let rows = [grouped(usage(time, "5", "GB"), "region=a"), grouped(usage(time, "-5", "GB"), "region=b")];
    let month = rate(&version(1, PACKAGES), "2026-02", &rows);
    assert_eq!(shown(&month), [row("disk", 1, "", ["0", "0", "0"])]);
    assert!(costs(&month.rated[0]).iter().all(|cost| cost.2 == "0"));
}

#[test]
fn a_change_of_plan_or_contract_inside_a_month_starts_a_new_charge() {
    let (first, second) = (version(1, TIERS), version_from(2, "2026-02-15T10:15:00Z", TIERS));
    let other = Segment {
        contract: domain::id::ContractId::parse("d").unwrap(),
        ..segment("2026-02-20T00:00:00Z", "2026-03-01T00:00:00Z", Some(&second))
    };
    let account = account(vec![
        segment("2026-02-01T00:00:00Z", "2026-02-15T10:15:00Z", Some(&first)),
        segment("2026-02-15T10:15:00Z", "2026-02-20T00:00:00Z", Some(&second)),
        other,
    ]);
    let rows = ["2026-02-15T10:00:00Z", "2026-02-15T10:15:00Z", "2026-02-20T00:00:00Z"];
    let rows = rows.map(|time| usage(time, "120", "GB"));
    let month = rate_month(&account, &Units::built_in(), period("2026-02"), &rows);
    // Each on its own: 120 - 10 free = 110: 100 × 1 + 10 × 0.5 = 105
    let numbers = ["120", "105", "105"];
    assert_eq!(
        shown(&month),
        [row("disk", 1, "", numbers), row("disk", 2, "", numbers), row("disk", 2, "", numbers)]
    );
    let contracts: Vec<&str> = month.rated.iter().map(|rated| rated.charge.key.contract.as_str()).collect();
    assert_eq!(contracts, ["c", "c", "d"]);
}

#[test]
fn usage_without_contract_or_price_is_named_and_not_billed() {
    let version = version(1, PER_UNIT);
    let account = account(vec![
        segment("2026-02-10T00:00:00Z", "2026-02-20T00:00:00Z", Some(&version)),
        segment("2026-02-20T00:00:00Z", "2026-03-01T00:00:00Z", None),
    ]);
    let tape = UsageQuarter {
        sku: domain::id::SkuId::parse("tape").unwrap(),
        ..usage("2026-02-10T00:00:00Z", "1", "GB")
    };
    let rows = [
        usage("2026-02-09T23:45:00Z", "1", "GB"),
        usage("2026-02-10T00:00:00Z", "1", "GB"),
        tape,
        usage("2026-02-10T00:00:00Z", "1", "token"),
        usage("2026-02-20T00:00:00Z", "1", "GB"),
    ];
    let month = rate_month(&account, &Units::built_in(), period("2026-02"), &rows);
    assert_eq!(shown(&month), [row("disk", 1, "", ["1", "0.1", "0.1"])]);
    let reasons: Vec<UnpricedReason> = month.unpriced.iter().map(|unpriced| unpriced.reason).collect();
    assert_eq!(reasons, [NoContract, NoPrice, NoPrice, NoPrice]);
    assert_eq!((NoContract.name(), NoPrice.name()), ("NO_CONTRACT", "NO_PRICE"));
    assert_eq!(month.unpriced[0].usage, rows[0]);
}

#[test]
fn a_minimum_is_owed_without_usage_and_belongs_to_no_window() {
    let prices = r#"- {id: disk, sku: disk, unit: GB, minimum: "5", model: per_unit, price: "0.10"}"#;
    let version = version(1, prices);
    let idle = rate(&version, "2026-02", &[]);
    assert_eq!(shown(&idle), [row("disk", 1, "", ["0", "5", "5"])]);
    let month = rate(&version, "2026-02", &[usage("2026-02-01T00:00:00Z", "12", "GB")]);
    let rated = &month.rated[0];
    assert_eq!(
        (rated.usage_amount().to_string(), rated.amount_without_window().to_string()),
        ("1.2".into(), "3.8".into())
    );
    assert_eq!(costs(rated)[0].2, "1.2");
    assert_eq!(rate(&version, "2027-02", &[]).rated, [], "the contract is over");
}

#[test]
fn late_usage_is_billed_by_what_it_adds_to_its_own_month() {
    let version = version(1, PACKAGES);
    let rows = [
        usage("2026-01-05T00:00:00Z", "900", "GB"),
        posted(usage("2026-01-06T00:00:00Z", "200", "GB"), "2026-02"),
        posted(usage("2026-01-07T00:00:00Z", "700", "GB"), "2026-03"),
        usage("2026-02-05T00:00:00Z", "1", "GB"),
    ];
    // January was billed with one package of 900; what came later is not in it.
    assert_eq!(shown(&rate(&version, "2026-01", &rows)), [row("disk", 1, "", ["900", "2", "2"])]);
    // February knows of 1,100: a second package, beside its own.
    let february = rate(&version, "2026-02", &rows);
    let expected = [row("disk", 1, "", ["1", "2", "2"]), row("disk", 1, "2026-01", ["200", "2", "2"])];
    assert_eq!(shown(&february), expected);
    let adjustment = &february.rated[1];
    assert_eq!(
        (adjustment.costs(), adjustment.amount_without_window().to_string()),
        (Vec::new(), "2".to_owned())
    );
    // March knows of 1,800: still two packages, so nothing more is owed.
    assert_eq!(shown(&rate(&version, "2026-03", &rows)), [row("disk", 1, "2026-01", ["700", "0", "0"])]);
    assert_eq!(rate(&version, "2026-04", &rows).rated, []);
}

#[test]
fn bills_and_adjustments_of_a_month_add_up_to_its_rating() {
    // 0.5 × 0.01 = 0.005 → 0.00; with 0.2 more 0.007 → 0.01: the adjustment is 0.01, though 0.002 alone is nothing.
    let prices = r#"- {id: disk, sku: disk, unit: GB, model: per_unit, price: "0.01"}"#;
    let rows = [
        usage("2026-01-05T00:00:00Z", "0.5", "GB"),
        posted(usage("2026-01-06T00:00:00Z", "0.2", "GB"), "2026-02"),
    ];
    let version = version(1, prices);
    assert_eq!(shown(&rate(&version, "2026-01", &rows)), [row("disk", 1, "", ["0.5", "0.005", "0"])]);
    assert_eq!(
        shown(&rate(&version, "2026-02", &rows)),
        [row("disk", 1, "2026-01", ["0.2", "0.002", "0.01"])]
    );
}

#[test]
fn late_usage_without_a_price_is_named_in_the_month_it_is_posted_to() {
    let early = usage("2025-12-31T23:45:00Z", "1", "GB");
    let rows = [early.clone(), posted(early, "2026-01")];
    let month = rate(&version(1, PER_UNIT), "2026-01", &rows);
    let unpriced: Vec<Option<Period>> = month.unpriced.iter().map(|unpriced| unpriced.usage.posted).collect();
    assert_eq!(unpriced, [Some(period("2026-01"))]);
}

#[test]
fn a_month_is_that_of_the_billing_calendar() {
    let version = version(1, PER_UNIT);
    let year = segment("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", Some(&version));
    let account = Account { calendar: Calendar::parse("Asia/Kolkata").unwrap(), ..account(vec![year]) };
    let rows = [usage("2026-01-31T18:15:00Z", "1", "GB"), usage("2026-01-31T18:30:00Z", "10", "GB")];
    let of = |month: &str| rate_month(&account, &Units::built_in(), period(month), &rows).charges();
    let quantity = |charges: Charges| charges.charges[0].quantity.to_string();
    assert_eq!((quantity(of("2026-01")), quantity(of("2026-02"))), ("1".to_owned(), "10".to_owned()));
    assert_eq!(account.calendar.window_of(period("2026-02")).start(), at("2026-01-31T18:30:00Z"));
}
