//! The prices of simulated SKUs, as plan documents and as plain arithmetic. Quantities are thousandths, prices
//! millionths; nothing is rounded before the end.

use serde_json::{Map, Value, json};

const MILLIONTHS: i128 = 1_000_000;
const THOUSANDTHS: i128 = 1_000;
/// Thousandths times millionths.
const SCALE: i128 = MILLIONTHS * THOUSANDTHS;

/// How the price depends on the quantity. Bounds are whole units, inclusive; prices are millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Model {
    PerUnit(i128),
    Graduated(&'static [(i128, i128)], i128),
    Volume(&'static [(i128, i128)], i128),
    Package(i128),
}

/// A price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    model: Model,
    /// What the price is for, in whole units.
    per: i128,
    /// Whole units that cost nothing.
    free: i128,
    /// Millionths that are owed at least.
    minimum: i128,
}

/// SKU by SKU, over and over: every model, with divisors that leave remainders.
const PRICES: [Price; 6] = [
    Price { model: Model::PerUnit(2_000), per: 1, free: 0, minimum: 0 },
    Price {
        model: Model::Graduated(&[(10_000, 3_000_000), (100_000, 2_500_000)], 2_000_000),
        per: 1_000,
        free: 0,
        minimum: 0,
    },
    Price { model: Model::Volume(&[(50_000, 800_000)], 600_000), per: 300, free: 0, minimum: 0 },
    Price { model: Model::Package(1_250_000), per: 250, free: 500, minimum: 0 },
    Price { model: Model::PerUnit(100_000), per: 7, free: 100, minimum: 0 },
    Price { model: Model::Graduated(&[(5_000, 10_000)], 9_990), per: 3, free: 0, minimum: 25_000_000 },
];

/// What is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Rounded half-even to 12 places, in units of the last.
    pub unrounded: i128,
    /// Rounded half-even to cents.
    pub cents: i128,
}

impl Price {
    /// The price of the SKU of that number.
    pub fn of_sku(number: u64) -> Self {
        PRICES[usize::try_from(number % PRICES.len() as u64).unwrap_or_default()]
    }

    /// The price as it stands in a plan.
    pub fn document(&self, id: &str, sku: &str, unit: &str) -> Value {
        let tier =
            |(up_to, price): &(i128, i128)| json!({"up_to": up_to.to_string(), "price": decimal(*price)});
        let tiers = |tiers: &[(i128, i128)], last: i128| {
            let last = json!({"price": decimal(last)});
            Value::Array(tiers.iter().map(tier).chain([last]).collect())
        };
        let (model, key, value) = match self.model {
            Model::PerUnit(price) => ("per_unit", "price", decimal(price).into()),
            Model::Package(price) => ("package", "price", decimal(price).into()),
            Model::Graduated(bounds, last) => ("graduated", "tiers", tiers(bounds, last)),
            Model::Volume(bounds, last) => ("volume", "tiers", tiers(bounds, last)),
        };
        let mut document = Map::new();
        document.extend(
            [("id", id), ("sku", sku), ("unit", unit), ("model", model)]
                .map(|(k, v)| (k.to_owned(), v.into())),
        );
        document.insert("per".to_owned(), self.per.to_string().into());
        document.insert(key.to_owned(), value);
        if self.free > 0 {
            document.insert("free".to_owned(), self.free.to_string().into());
        }
        if self.minimum > 0 {
            document.insert("minimum".to_owned(), decimal(self.minimum).into());
        }
        Value::Object(document)
    }

    /// What a month's thousandths cost.
    pub fn owed(&self, thousandths: i128) -> Owed {
        let billable = (thousandths - self.free * THOUSANDTHS).max(0);
        // The amount as a fraction over `per * SCALE`.
        let amount = match self.model {
            Model::PerUnit(price) => billable * price,
            Model::Graduated(bounds, last) => graduated(bounds, last, billable),
            Model::Volume(bounds, last) => billable * rate_of(bounds, last, billable),
            Model::Package(price) => {
                let size = self.per * THOUSANDTHS;
                let started = (billable + size - 1) / size;
                started * price * size
            }
        };
        let amount = amount.max(self.minimum * self.per * THOUSANDTHS);
        let over = self.per * SCALE;
        Owed { unrounded: half_even(amount * 1_000_000_000_000, over), cents: half_even(amount * 100, over) }
    }
}

fn graduated(bounds: &[(i128, i128)], last: i128, billable: i128) -> i128 {
    let (mut below, mut amount) = (0, 0);
    for (up_to, price) in bounds {
        let upper = billable.min(up_to * THOUSANDTHS);
        amount += (upper - below).max(0) * price;
        below = up_to * THOUSANDTHS;
    }
    amount + (billable - below).max(0) * last
}

/// The one price of the tier into which everything falls.
fn rate_of(bounds: &[(i128, i128)], last: i128, billable: i128) -> i128 {
    bounds.iter().find(|(up_to, _)| billable <= up_to * THOUSANDTHS).map_or(last, |(_, price)| *price)
}

/// A fraction that is not below zero as the nearest whole number, a half as the nearest even one.
fn half_even(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    let is_up = rest * 2 > denominator || (rest * 2 == denominator && whole % 2 == 1);
    whole + i128::from(is_up)
}

fn decimal(millionths: i128) -> String {
    format!("{}.{:06}", millionths / MILLIONTHS, millionths % MILLIONTHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed(number: u64, units: i128) -> (i128, i128) {
        let owed = Price::of_sku(number).owed(units * 1_000);
        (owed.unrounded, owed.cents)
    }

    const ONE: i128 = 1_000_000_000_000;

    #[test]
    fn per_unit_is_a_product() {
        // 12,345 × 0.002 = 24.69.
        assert_eq!(owed(0, 12_345), (24_690_000_000_000, 2_469));
    }

    #[test]
    fn each_tier_prices_what_falls_into_it() {
        // 10 × 3.00 + 90 × 2.50 + 50 × 2.00 = 30 + 225 + 100.
        assert_eq!(owed(1, 150_000), (355 * ONE, 35_500));
        assert_eq!(owed(1, 10_000), (30 * ONE, 3_000));
    }

    #[test]
    fn volume_prices_everything_by_the_tier_of_the_whole() {
        // 50,000 / 300 × 0.80 = 133.333…; one more unit falls under 0.60: 50,001 / 300 × 0.60 = 100.002.
        assert_eq!(owed(2, 50_000), (133_333_333_333_333, 13_333));
        assert_eq!(owed(2, 50_001), (100_002_000_000_000, 10_000));
    }

    #[test]
    fn a_started_package_counts_whole_after_what_is_free() {
        for (units, packages) in [(0, 0), (500, 0), (501, 1), (750, 1), (751, 2), (1_000, 2)] {
            // 1.25 each.
            assert_eq!(owed(3, units), (packages * ONE * 5 / 4, half_even(packages * 125, 1)), "{units}");
        }
    }

    #[test]
    fn a_remainder_is_rounded_at_the_end_only() {
        // (110 − 100) / 7 × 0.10 = 0.142857142857142857…
        assert_eq!(owed(4, 110), (142_857_142_857, 14));
    }

    #[test]
    fn the_minimum_is_owed_for_nothing() {
        assert_eq!(owed(5, 0), (25 * ONE, 2_500));
        // 5,000 / 3 × 0.01 + 10,000 / 3 × 0.00999 = 16.666… + 33.3 = 49.966…
        assert_eq!(owed(5, 15_000), (49_966_666_666_667, 4_997));
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let rounded: Vec<i128> = [1, 3, 5, 7].map(|numerator| half_even(numerator, 2)).into();
        assert_eq!(rounded, [0, 2, 2, 4]);
        assert_eq!([half_even(1, 3), half_even(2, 3)], [0, 1]);
    }

    #[test]
    fn a_document_says_what_is_reckoned_with() {
        let document = Price::of_sku(5).document("p", "sim.5", "item");
        let expected = json!({"id": "p", "sku": "sim.5", "unit": "item", "model": "graduated", "per": "3",
            "tiers": [{"up_to": "5000", "price": "0.010000"}, {"price": "0.009990"}], "minimum": "25.000000"});
        assert_eq!(document, expected);
        let package = Price::of_sku(9).document("p", "sim.9", "item");
        assert_eq!(
            (&package["model"], &package["price"], &package["free"]),
            (&json!("package"), &json!("1.250000"), &json!("500"))
        );
    }
}
