//! The bill that must come of a tally, and what the server says differently.

use super::price::{Owed, Price};
use super::tally::{Tally, Used};
use super::workload::Workload;
use crate::client::rest::{Request, Rest};
use domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SECONDS_PER_HOUR: i64 = 3_600;
/// Places of an unrounded amount, and of an amount that is paid in dollars.
const UNROUNDED_PLACES: usize = 12;
const CENT_PLACES: usize = 2;
const THOUSANDTH_PLACES: usize = 3;

/// What must be answered, by name: quantities and amounts as plain integers of their last place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Tenant, SKU and hour.
    pub usage: BTreeMap<(String, String, i64), Used>,
    /// Tenant and SKU of a month.
    pub charges: BTreeMap<(String, String), (i128, Owed)>,
}

/// A place where the server says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What is compared.
    pub what: String,
    /// As it was reckoned here.
    pub expected: String,
    /// As the server says.
    pub found: String,
}

impl Bill {
    /// What the acknowledged pulses of a tally must come to.
    pub fn of(workload: &Workload, tally: &Tally) -> Self {
        let mut bill = Self::default();
        for (row, used) in &tally.usage {
            let (tenant, sku) = (workload.tenant(row.tenant), workload.sku(row.sku));
            bill.usage.insert((tenant.clone(), sku.clone(), row.hour), *used);
            let nothing = (0, Owed { unrounded: 0, cents: 0 });
            let charge = bill.charges.entry((tenant, sku)).or_insert(nothing);
            charge.0 += used.0;
            charge.1 = Price::of_sku(row.sku).owed(charge.0);
        }
        bill
    }

    /// What the server says of the workload's tenants.
    pub async fn ask(rest: &Rest, workload: &Workload) -> anyhow::Result<Self> {
        let shape = workload.shape();
        let span = i64::try_from(shape.span_seconds).unwrap_or(i64::MAX);
        let first = shape.start.hour() * SECONDS_PER_HOUR;
        let hours = (shape.start.seconds() + span - first + SECONDS_PER_HOUR - 1) / SECONDS_PER_HOUR;
        let (from, to) =
            (Timestamp::from_seconds(first), Timestamp::from_seconds(first + hours * SECONDS_PER_HOUR));
        let period = shape.start.to_string()[..7].to_owned();
        let mut bill = Self::default();
        for tenant in (0..shape.tenants).map(|number| workload.tenant(number)) {
            let usage = Request::get(&["usage"])
                .with("tenant", Some(&tenant))
                .with("group_by", Some("sku"))
                .with("window", Some("PT1H"))
                .with("from", Some(&from.to_string()))
                .with("to", Some(&to.to_string()))
                .with("page_size", Some("1000"));
            bill.read_usage(&tenant, &rest.list(&usage).await?)?;
            let charges =
                Request::get(&["charges"]).with("tenant", Some(&tenant)).with("period", Some(&period));
            bill.read_charges(&tenant, &rest.list(&charges).await?)?;
        }
        Ok(bill)
    }

    fn read_usage(&mut self, tenant: &str, answer: &Value) -> anyhow::Result<()> {
        for item in answer["items"].as_array().into_iter().flatten() {
            let hour = Timestamp::parse(text(item, "start_time")?)?.hour();
            let sku = text(&item["group"], "sku")?.to_owned();
            let used = (digits(text(item, "quantity")?, THOUSANDTH_PLACES)?, text(item, "count")?.parse()?);
            self.usage.insert((tenant.to_owned(), sku, hour), used);
        }
        Ok(())
    }

    fn read_charges(&mut self, tenant: &str, answer: &Value) -> anyhow::Result<()> {
        for item in answer["items"].as_array().into_iter().flatten() {
            let owed = Owed {
                unrounded: digits(text(item, "amount_unrounded")?, UNROUNDED_PLACES)?,
                cents: digits(text(item, "amount")?, CENT_PLACES)?,
            };
            let quantity = digits(text(item, "quantity")?, THOUSANDTH_PLACES)?;
            self.charges.insert((tenant.to_owned(), text(item, "price")?.to_owned()), (quantity, owed));
        }
        Ok(())
    }

    /// Where `found` is not this. A charge for nothing, owed to a minimum, may be there or not be there.
    pub fn differences(&self, found: &Self) -> Vec<Difference> {
        let usage = compare(&self.usage, &found.usage, |(tenant, sku, hour), used| {
            let time = Timestamp::from_seconds(hour * SECONDS_PER_HOUR);
            (
                format!("usage of {sku} by {tenant} from {time}"),
                used.map(|(sum, count)| format!("{} in {count} pulses", decimal(*sum, THOUSANDTH_PLACES))),
            )
        });
        let of_nothing = |charges: &BTreeMap<_, (i128, Owed)>| {
            charges
                .iter()
                .filter(|(_, (quantity, _))| *quantity != 0)
                .map(|(key, value)| (Clone::clone(key), *value))
                .collect()
        };
        let charges =
            compare(&of_nothing(&self.charges), &of_nothing(&found.charges), |(tenant, sku), charge| {
                let shown = charge.map(|(quantity, owed)| {
                    let amounts =
                        (decimal(owed.unrounded, UNROUNDED_PLACES), decimal(owed.cents, CENT_PLACES));
                    format!(
                        "{} for {}, paid as {}",
                        amounts.0,
                        decimal(*quantity, THOUSANDTH_PLACES),
                        amounts.1
                    )
                });
                (format!("charge of {sku} to {tenant}"), shown)
            });
        usage.into_iter().chain(charges).collect()
    }

    /// The charges as they are printed.
    pub fn items(&self) -> Vec<Value> {
        let item = |((tenant, sku), (quantity, owed)): (&(String, String), &(i128, Owed))| {
            json!({"tenant": tenant, "sku": sku, "quantity": decimal(*quantity, THOUSANDTH_PLACES),
                "amount_unrounded": decimal(owed.unrounded, UNROUNDED_PLACES), "amount": decimal(owed.cents, CENT_PLACES), "currency": "USD"})
        };
        self.charges.iter().map(item).collect()
    }

    /// What is paid for everything.
    pub fn total(&self) -> String {
        decimal(self.charges.values().map(|(_, owed)| owed.cents).sum(), CENT_PLACES)
    }
}

fn compare<K: Ord, V: PartialEq>(
    expected: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
    show: impl Fn(&K, Option<&V>) -> (String, Option<String>),
) -> Vec<Difference> {
    let more = found.keys().filter(|key| !expected.contains_key(key));
    let differs = expected.keys().chain(more).filter(|key| expected.get(key) != found.get(key));
    let nothing = || "nothing".to_owned();
    differs
        .map(|key| {
            let (what, expected) = show(key, expected.get(key));
            let (_, found) = show(key, found.get(key));
            Difference {
                what,
                expected: expected.unwrap_or_else(nothing),
                found: found.unwrap_or_else(nothing),
            }
        })
        .collect()
}

fn text<'a>(item: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    item[field].as_str().ok_or_else(|| anyhow::anyhow!("the answer has no text in {field}: {item}"))
}

/// A decimal as an integer of its last place; digits beyond are an error, not rounded.
fn digits(text: &str, places: usize) -> anyhow::Result<i128> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    anyhow::ensure!(decimals.len() <= places, "{text} has more than {places} places");
    Ok(format!("{whole}{decimals:0<places$}").parse()?)
}

fn decimal(digits: i128, places: usize) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let one = 10_u128.pow(u32::try_from(places).unwrap_or_default());
    let digits = digits.unsigned_abs();
    format!("{sign}{}.{:0places$}", digits / one, digits % one)
}

#[cfg(test)]
mod tests {
    use super::super::workload::tests::shape;
    use super::super::workload::{Fate, Row};
    use super::*;

    fn tally(rows: &[(Row, Used)]) -> Tally {
        let mut tally = Tally::new(Workload::new(shape()), 1);
        tally.usage.extend(rows.iter().copied());
        tally
    }

    fn bill(rows: &[(Row, Used)]) -> (Workload, Bill) {
        let workload = Workload::new(shape());
        let bill = Bill::of(&workload, &tally(rows));
        (workload, bill)
    }

    const ROW: Row = Row { tenant: 1, sku: 1, hour: 490_008 };

    #[test]
    fn hours_of_one_sku_are_one_charge() {
        let later = Row { hour: ROW.hour + 1, ..ROW };
        let (workload, bill) = bill(&[(ROW, (9_000_000, 4)), (later, (3_000_000, 2))]);
        assert_eq!(bill.usage.len(), 2);
        // Graduated per 1,000: 10,000 × 3.00 + 2,000 × 2.50 = 30 + 5.
        let owed = Owed { unrounded: 35_000_000_000_000, cents: 3_500 };
        assert_eq!(bill.charges[&(workload.tenant(1), workload.sku(1))], (12_000_000, owed));
        assert_eq!((bill.total().as_str(), &bill.items()[0]["quantity"]), ("35.00", &json!("12000.000")));
    }

    #[test]
    fn what_the_server_says_is_read_by_its_digits() {
        let (workload, expected) = bill(&[(ROW, (9_000_000, 4))]);
        let (tenant, sku) = (workload.tenant(1), workload.sku(1));
        let usage = json!({"items": [{"start_time": "2025-11-25T00:00:00Z", "group": {"sku": sku}, "quantity": "9000", "count": "4"}]});
        let charges = json!({"items": [{"price": sku, "quantity": "9000", "amount_unrounded": "27", "amount": "27.00"}]});
        let mut found = Bill::default();
        found.read_usage(&tenant, &usage).unwrap();
        found.read_charges(&tenant, &charges).unwrap();
        assert_eq!(Timestamp::from_seconds(ROW.hour * 3_600).to_string(), "2025-11-25T00:00:00Z");
        assert_eq!(expected.differences(&found), []);
        assert!(Bill::default().read_usage(&tenant, &json!({"items": [{}]})).is_err());
    }

    #[test]
    fn a_digit_less_a_row_less_and_a_row_more_are_named() {
        let other = Row { sku: 2, ..ROW };
        let (_, expected) = bill(&[(ROW, (9_000_000, 4))]);
        let (_, found) = bill(&[(ROW, (9_000_000, 3)), (other, (1, 1))]);
        let what: Vec<_> =
            expected.differences(&found).into_iter().map(|one| (one.expected, one.found)).collect();
        assert_eq!(what[0], ("9000.000 in 4 pulses".to_owned(), "9000.000 in 3 pulses".to_owned()));
        assert_eq!(what[1], ("nothing".to_owned(), "0.001 in 1 pulses".to_owned()));
        assert_eq!(what[2].0, "nothing", "the charge of what was never sent");
        assert_eq!(what.len(), 3);
        let lost = expected.differences(&Bill::default());
        assert_eq!(lost[0].found, "nothing");
        assert!(lost[1].what.starts_with("charge of sim-"), "{}", lost[1].what);
    }

    #[test]
    fn one_unit_of_the_last_place_is_a_difference() {
        let (_, expected) = bill(&[(ROW, (9_000_000, 4))]);
        let mut found = expected.clone();
        found.charges.values_mut().for_each(|(_, owed)| owed.unrounded += 1);
        let differences = expected.differences(&found);
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].expected, "27.000000000000 for 9000.000, paid as 27.00");
        assert_eq!(differences[0].found, "27.000000000001 for 9000.000, paid as 27.00");
    }

    #[test]
    fn a_charge_for_nothing_may_be_left_out() {
        let mut found = Bill::default();
        found.charges.insert(("t".into(), "s".into()), (0, Owed { unrounded: 25, cents: 0 }));
        assert_eq!(Bill::default().differences(&found), []);
    }

    #[test]
    fn decimals_come_and_go() {
        for (text, places, number) in [("0", 3, 0), ("1.5", 3, 1_500), ("-0.25", 2, -25), ("12", 0, 12)] {
            assert_eq!(digits(text, places).unwrap(), number, "{text}");
        }
        assert!(digits("1.2345", 3).is_err() && digits("1e3", 3).is_err());
        assert_eq!(
            [decimal(1_500, 3), decimal(-25, 2), decimal(7, 12)],
            ["1.500", "-0.25", "0.000000000007"]
        );
    }

    #[test]
    fn the_sum_of_a_whole_workload_is_the_sum_of_its_pulses() {
        let workload = Workload::new(shape());
        let mut tally = tally(&[]);
        let mut sum = 0;
        for index in (0..1_000).filter(|index| workload.original(*index) == *index) {
            if let Fate::Counted(row, thousandths) = workload.pulse(index).1 {
                let used = tally.usage.entry(row).or_default();
                (used.0, used.1) = (used.0 + thousandths, used.1 + 1);
                sum += thousandths;
            }
        }
        let bill = Bill::of(&workload, &tally);
        assert_eq!(bill.usage.values().map(|used| used.0).sum::<i128>(), sum);
        assert_eq!(bill.charges.values().map(|charge| charge.0).sum::<i128>(), sum);
    }
}
