use super::super::fixture::{disk, exact, period};
use super::*;

/// The lines of a quantity as (description, quantity, price, amount), and their sum.
fn invoice(price: &PriceDef, quantity: &str) -> (Vec<(String, String, String, String)>, String) {
    let reckoning = Reckoning::of_month(price, &exact(quantity));
    let shown = |line: Line| {
        let price = line.price.map_or_else(String::new, |price| price.to_string());
        (line.description, line.quantity.to_string(), price, line.amount_unrounded.to_string())
    };
    (reckoning.lines().into_iter().map(shown).collect(), reckoning.amount_unrounded().to_string())
}

fn total(price: &PriceDef, quantity: &str) -> String {
    invoice(price, quantity).1
}

fn line(description: &str, quantity: &str, price: &str, amount: &str) -> (String, String, String, String) {
    (description.to_owned(), quantity.to_owned(), price.to_owned(), amount.to_owned())
}

fn paid(price: &PriceDef, quantity: &str, currency: &str) -> String {
    let currency = Currency::parse(currency).unwrap();
    Reckoning::of_month(price, &exact(quantity)).amount_in(currency).to_string()
}

#[test]
fn per_unit_every_unit_costs_the_same() {
    let price = disk(r#"per: "1000000", model: per_unit, price: "3.30""#);
    // 2,345,678 / 1,000,000 × 3.30 = 7.7407374
    let lines = [line("usage, per 1000000 GB", "2345678", "3.3", "7.7407374")];
    assert_eq!(invoice(&price, "2345678"), (lines.to_vec(), "7.7407374".to_owned()));
    assert_eq!(paid(&price, "2345678", "USD"), "7.74");
    assert_eq!(invoice(&price, "0"), (Vec::new(), "0".to_owned()));
}

#[test]
fn graduated_each_tier_prices_the_units_within_it() {
    let price = disk(
        r#"model: graduated, tiers: [{up_to: "100", price: "1"}, {up_to: "1000", price: "0.5"}, {price: "0.1"}]"#,
    );
    // 100 × 1 = 100 exactly at the bound, which is inclusive
    assert_eq!(invoice(&price, "100").0, [line("tier 1 up to 100, per 1 GB", "100", "1", "100")]);
    // 100 × 1 + 900 × 0.5 + 234.5 × 0.1 = 100 + 450 + 23.45
    let lines = [
        line("tier 1 up to 100, per 1 GB", "100", "1", "100"),
        line("tier 2 above 100 up to 1000, per 1 GB", "900", "0.5", "450"),
        line("tier 3 above 1000, per 1 GB", "234.5", "0.1", "23.45"),
    ];
    assert_eq!(invoice(&price, "1234.5"), (lines.to_vec(), "573.45".to_owned()));
    // 100 + 0.000000000001 × 0.5 = 100.0000000000005, half-even to 12 places
    assert_eq!(total(&price, "100.000000000001"), "100");
    // 100 + 0.000000000003 × 0.5 = 100.0000000000015
    assert_eq!(total(&price, "100.000000000003"), "100.000000000002");
}

#[test]
fn volume_the_tier_reached_prices_everything() {
    let price = disk(
        r#"model: volume, tiers: [{up_to: "100", price: "0.10"}, {up_to: "1000", price: "0.08"}, {price: "0.05"}]"#,
    );
    // 100 × 0.10: the bound is inclusive
    assert_eq!(invoice(&price, "100").0, [line("tier 1 up to 100, per 1 GB", "100", "0.1", "10")]);
    // 101 × 0.08 = 8.08: one unit more costs less
    assert_eq!(
        invoice(&price, "101").0,
        [line("tier 2 above 100 up to 1000, per 1 GB", "101", "0.08", "8.08")]
    );
    // 1,000 × 0.08 = 80; 1,001 × 0.05 = 50.05
    assert_eq!((total(&price, "1000"), total(&price, "1001")), ("80".to_owned(), "50.05".to_owned()));
}

#[test]
fn a_started_package_counts_whole() {
    let price = disk(r#"per: "1000", model: package, price: "2.00""#);
    for (quantity, amount) in
        [("0", "0"), ("0.000000000001", "2"), ("1000", "2"), ("1000.5", "4"), ("2500", "6"), ("-1", "-2")]
    {
        assert_eq!(total(&price, quantity), amount, "{quantity}");
    }
    assert_eq!(invoice(&price, "2500").0, [line("packages of 1000 GB: 3", "2500", "2", "6")]);
}

#[test]
fn free_quantity_comes_off_before_the_tiers() {
    let price = disk(r#"free: "10", model: graduated, tiers: [{up_to: "50", price: "1"}, {price: "0.5"}]"#);
    assert_eq!(invoice(&price, "10"), (vec![line("free quantity", "10", "", "0")], "0".to_owned()));
    assert_eq!(invoice(&price, "4").0, [line("free quantity", "4", "", "0")]);
    // 70 - 10 free = 60: 50 × 1 + 10 × 0.5 = 55
    let lines = [
        line("free quantity", "10", "", "0"),
        line("tier 1 up to 50, per 1 GB", "50", "1", "50"),
        line("tier 2 above 50, per 1 GB", "10", "0.5", "5"),
    ];
    assert_eq!(invoice(&price, "70"), (lines.to_vec(), "55".to_owned()));
    // 1,001 - 1 free is one package of 1,000; the next unit starts another
    let packages = disk(r#"free: "1", per: "1000", model: package, price: "2""#);
    assert_eq!((total(&packages, "1001"), total(&packages, "1002")), ("2".to_owned(), "4".to_owned()));
    // 110 - 10 free = 100 is still in the first tier: 100 × 0.10
    let volume =
        disk(r#"free: "10", model: volume, tiers: [{up_to: "100", price: "0.10"}, {price: "0.08"}]"#);
    assert_eq!((total(&volume, "110"), total(&volume, "111")), ("10".to_owned(), "8.08".to_owned()));
}

#[test]
fn a_total_below_zero_is_minus_the_rating_of_its_absolute_value() {
    let price = disk(r#"free: "10", model: graduated, tiers: [{up_to: "50", price: "1"}, {price: "0.5"}]"#);
    let lines = [
        line("free quantity", "-10", "", "0"),
        line("tier 1 up to 50, per 1 GB", "-50", "1", "-50"),
        line("tier 2 above 50, per 1 GB", "-10", "0.5", "-5"),
    ];
    assert_eq!(invoice(&price, "-70"), (lines.to_vec(), "-55".to_owned()));
}

#[test]
fn what_is_missing_to_the_minimum_is_a_line_of_its_own() {
    let price = disk(r#"minimum: "1.50", model: per_unit, price: "0.10""#);
    // 4 × 0.10 = 0.40, and 1.10 is missing to 1.50
    let lines =
        [line("usage, per 1 GB", "4", "0.1", "0.4"), line("shortfall to the minimum of 1.5", "0", "", "1.1")];
    assert_eq!(invoice(&price, "4"), (lines.to_vec(), "1.5".to_owned()));
    assert_eq!(invoice(&price, "15").0.len(), 1, "15 × 0.10 = 1.50 reaches it");
    assert_eq!((total(&price, "0"), total(&price, "16")), ("1.5".to_owned(), "1.6".to_owned()));
}

#[test]
fn a_credit_is_paid_out_whole_beside_the_minimum() {
    let price = disk(r#"minimum: "1", model: per_unit, price: "0.10""#);
    // -3,833.3 × 0.10 = -383.33; nothing was used, so all of the minimum is missing: -382.33
    let lines = [
        line("usage, per 1 GB", "-3833.3", "0.1", "-383.33"),
        line("shortfall to the minimum of 1", "0", "", "1"),
    ];
    assert_eq!(invoice(&price, "-3833.3"), (lines.to_vec(), "-382.33".to_owned()));
    // No jump where usage passes zero: one unit less costs a tenth less
    for (quantity, amount) in [("-1", "0.9"), ("0", "1"), ("1", "1"), ("10", "1"), ("11", "1.1")] {
        assert_eq!(total(&price, quantity), amount, "{quantity}");
    }
}

#[test]
fn printed_lines_add_up_where_no_line_is_exact() {
    let price = disk(r#"per: "3", model: graduated, tiers: [{up_to: "1", price: "1"}, {price: "1"}]"#);
    // Exactly ⅓ and ⅓: the running total is 0.333333333333, then 0.666666666667
    let (lines, total) = invoice(&price, "2");
    let amounts: Vec<&str> = lines.iter().map(|line| line.3.as_str()).collect();
    assert_eq!((amounts, total.as_str()), (vec!["0.333333333333", "0.333333333334"], "0.666666666667"));
}

#[test]
fn the_amount_paid_is_rounded_once_half_even_to_the_minor_unit() {
    let half = disk(r#"model: per_unit, price: "0.5""#);
    for (quantity, yen) in [("3", "2"), ("5", "2"), ("7", "4"), ("-5", "-2"), ("5.000000000001", "3")] {
        assert_eq!(paid(&half, quantity, "JPY"), yen, "{quantity}");
    }
    // 0.005 exactly is a tie and goes to 0.00; 3 decimals of a dinar hold it
    let small = disk(r#"model: per_unit, price: "0.005""#);
    assert_eq!(
        (paid(&small, "1", "USD"), paid(&small, "3", "USD"), paid(&small, "1", "BHD")),
        ("0".into(), "0.02".into(), "0.005".into())
    );
    // A hair above a tie that 12 places do not show: 0.005 + 4e-13 is paid as 0.01, not rounded twice to 0.00
    let hair = disk(r#"per: "10", model: per_unit, price: "0.050000000004""#);
    assert_eq!((total(&hair, "1").as_str(), paid(&hair, "1", "USD").as_str()), ("0.005", "0.01"));
}

#[test]
fn an_adjustment_shows_what_is_known_and_what_was_billed() {
    let price = disk(r#"per: "1000", model: package, price: "2""#);
    let of = |quantity: &str| Reckoning::of_month(&price, &exact(quantity));
    let adjustment = Reckoning::of_adjustment(period("2026-01"), &of("1100"), &of("900"));
    let lines: Vec<String> =
        adjustment.lines().iter().map(|line| line.amount_unrounded.to_string()).collect();
    assert_eq!(lines, ["4", "-2"]);
    assert_eq!(
        (
            adjustment.quantity_rounded().to_string().as_str(),
            adjustment.amount_unrounded().to_string().as_str()
        ),
        ("200", "2")
    );
}
