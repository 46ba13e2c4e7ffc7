use super::*;
use crate::plan::{Model, Positive, Tier};
use domain::dimension::{Dimensions, Group};
use domain::id::SkuId;
use domain::money::Price;
use domain::quantity::Quantity;
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("../example.yaml");

fn parse(text: &str) -> Plan {
    PlanDocument::parse(text).unwrap_or_else(|errors| panic!("{errors}")).into_plan()
}

/// The faults of the example with one piece of its text replaced.
fn faults_of(piece: &str, replacement: &str) -> Vec<(u64, String, String)> {
    assert!(EXAMPLE.contains(piece), "the example has {piece}");
    let errors = PlanDocument::parse(&EXAMPLE.replacen(piece, replacement, 1)).unwrap_err();
    errors.0.into_iter().map(|error| (error.line, error.field, error.message)).collect()
}

fn one_fault(piece: &str, replacement: &str) -> (u64, String, String) {
    let faults = faults_of(piece, replacement);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.into_iter().next().unwrap()
}

fn positive(text: &str) -> Positive {
    Positive::new(Quantity::parse(text).unwrap()).unwrap()
}

#[test]
fn a_document_of_a_catalogues_file_is_read_as_it_stands_there() {
    let plain = PlanDocument::parse(EXAMPLE).unwrap();
    let named = PlanDocument::parse(&format!("kind: plan\n{EXAMPLE}")).unwrap();
    assert_eq!(named.plan(), plain.plan());
    let errors = PlanDocument::parse(&format!("kind: sku\n{EXAMPLE}")).unwrap_err();
    assert_eq!((errors.0[0].line, errors.0[0].field.as_str()), (1, "kind"));
    assert!(errors.0[0].message.contains("must be plan"), "{errors}");
}

#[test]
fn the_example_says_what_it_says() {
    let plan = parse(EXAMPLE);
    assert_eq!((plan.id().as_str(), plan.currency().to_string().as_str()), ("llm", "USD"));
    assert_eq!(plan.effective_time().to_string(), "2026-01-01T00:00:00Z");
    let ids: Vec<&str> = plan.prices().iter().map(|price| price.id.as_str()).collect();
    assert_eq!(ids, ["calls", "input", "input-eu", "storage"], "prices are ordered by id");
    let [calls, input, europe, storage] = plan.prices() else { panic!("four prices") };
    assert_eq!(calls.model, Model::Package(Price::parse("2").unwrap()));
    let Model::Graduated(tiers) = &input.model else { panic!("graduated") };
    let expected = [
        Tier { up_to: Some(positive("10000000")), price: Price::parse("3").unwrap() },
        Tier { up_to: None, price: Price::parse("2.5").unwrap() },
    ];
    assert_eq!(tiers.as_slice(), expected);
    assert_eq!((input.free, input.minimum), (None, None), "nothing free and no minimum are left out");
    assert_eq!(europe.dimensions.get("region").map(String::as_str), Some("eu-1"));
    assert_eq!(
        (storage.free, storage.per),
        (Some(positive("10")), positive("1")),
        "a price is for one unit by default"
    );
    assert_eq!(storage.minimum, Some(Price::parse("1.5").unwrap()));
}

#[test]
fn usage_takes_the_price_that_names_most_of_its_dimensions() {
    let plan = parse(EXAMPLE);
    let group = |pairs: &[(&str, &str)]| {
        let dimensions = Dimensions::parse(pairs.iter().copied()).unwrap();
        dimensions.group(pairs.iter().map(|(key, _)| *key))
    };
    let price = |sku: &str, group: Group| {
        plan.find_price(&SkuId::parse(sku).unwrap(), &group).map(|price| price.id.to_string())
    };
    assert_eq!(price("llm.input", group(&[("region", "eu-1"), ("tier", "x")])).as_deref(), Some("input-eu"));
    assert_eq!(price("llm.input", group(&[("region", "us-1")])).as_deref(), Some("input"));
    assert_eq!(price("llm.input", Group::none()).as_deref(), Some("input"));
    assert_eq!(price("llm.output", Group::none()), None);
}

#[test]
fn yaml_and_json_of_one_content_have_one_spelling() {
    let plan = parse(EXAMPLE);
    let canonical = plan.canonical();
    assert_eq!(parse(&canonical), plan);
    let shifted = EXAMPLE.replace("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00").replace("3.00", "3");
    assert_eq!(parse(&shifted).canonical(), canonical);
    assert_ne!(parse(&EXAMPLE.replace("3.30", "3.31")).canonical(), canonical);
    let calls = concat!(
        r#"{"plan":"llm","currency":"USD","effective_time":"2026-01-01T00:00:00Z","prices":[{"id":"calls","#,
        r#""sku":"api.calls","unit":"api_call","per":"1000","model":"package","price":"2"},"#,
    );
    assert!(canonical.starts_with(calls), "{canonical}");
}

#[test]
fn numbers_are_read_by_their_digits() {
    let bare =
        EXAMPLE.replace("\"3.30\"", "3.300000000001").replace("\"1000\"\n    model", "1000\n    model");
    let Model::PerUnit(price) = parse(&bare).prices()[2].model else { panic!("per unit") };
    assert_eq!(price.to_string(), "3.300000000001");
    let (line, field, message) = one_fault("\"3.30\"", "3.3e0");
    assert_eq!((line, field.as_str()), (19, "prices[1].price"));
    assert!(message.starts_with("prices[1].price must be an exact decimal"), "{message}");
}

/// A piece of the example, what stands there instead, and the fault: line, field and how its rule begins.
const REFUSED: &[(&str, &str, u64, &str, &str)] = &[
    ("plan: llm", "plan: \"l m\"", 1, "plan", "must match"),
    ("currency: USD", "currency: XYZ", 2, "currency", "must be an ISO 4217 code"),
    ("currency: USD", "currency: XTS", 2, "currency", "must be an ISO 4217 code"),
    ("currency: USD", "currency: usd", 2, "currency", "must be an ISO 4217 code"),
    ("2026-01-01T00:00:00Z", "2026-01-01T00:07:00Z", 3, "effective_time", "must be on a quarter of an hour"),
    ("2026-01-01T00:00:00Z", "soon", 3, "effective_time", "must be an RFC 3339 time"),
    ("id: input-eu", "id: input", 13, "prices[1]", "has the id of prices[0]"),
    ("match: {region: eu-1}", "match: {}", 13, "prices[1]", "ties with prices[0]"),
    ("match: {region: eu-1}", "match: {Region: eu-1}", 18, "prices[1].match.Region", "must have a key of"),
    ("    sku: disk\n", "", 21, "prices[2].sku", "must be given"),
    ("currency: USD", "", 1, "currency", "must be given"),
    ("sku: disk", "sku: \"\"", 22, "prices[2].sku", "must match"),
    ("unit: GB", "unit: \"G B\"", 23, "prices[2].unit", "must match"),
    ("per: \"1000\"\n", "per: \"0\"\n", 34, "prices[3].per", "must be above zero"),
    ("per: \"1000\"\n", "per: \"-1\"\n", 34, "prices[3].per", "must not be negative"),
    ("model: package", "model: flat", 35, "prices[3].model", "flat is reserved for a fixed fee"),
    (
        "model: package",
        "model: stairs",
        35,
        "prices[3].model",
        "must be per_unit, graduated, volume or package",
    ),
    (
        "per: \"1000\"\n    model: package",
        "tiers: [{price: \"1\"}]\n    model: volume",
        36,
        "prices[3].price",
        "is only for per_unit and package",
    ),
    ("free: \"10\"", "free: \"-10\"", 25, "prices[2].free", "must not be negative"),
    ("minimum: \"1.50\"", "minimum: \"-1.50\"", 26, "prices[2].minimum", "must be an exact decimal"),
    ("model: package", "model: volume", 31, "prices[3].tiers", "must be given"),
    ("price: \"2.00\"", "price: \"-2.00\"", 36, "prices[3].price", "must be an exact decimal"),
    ("price: \"2.00\"", "description: x", 31, "prices[3].price", "must be given"),
    (
        "up_to: \"1000\"",
        "up_to: \"100\"",
        29,
        "prices[2].tiers[1]",
        "overlaps the tier before it: up_to must be above 100",
    ),
    (
        "up_to: \"1000\", ",
        "",
        29,
        "prices[2].tiers[1]",
        "must have an up_to: only the last tier is open-ended",
    ),
    ("{price: \"0.05\"}", "{up_to: \"9999\", price: \"0.05\"}", 30, "prices[2].tiers[2]", "leaves a gap"),
    ("up_to: \"100\"", "up_to: \"0\"", 28, "prices[2].tiers[0].up_to", "must be above zero"),
    (
        "[{up_to: \"10000000\", price: \"3.00\"}, {price: \"2.50\"}]",
        "[]",
        12,
        "prices[0].tiers",
        "must be 1 to 100 tiers",
    ),
];

#[test]
fn every_rule_is_refused_with_its_line_and_reason() {
    for (piece, replacement, line, field, rule) in REFUSED {
        let faults = faults_of(piece, replacement);
        let (at, named, message) = faults.first().unwrap();
        assert_eq!((at, named.as_str()), (line, *field), "{replacement}: {message}");
        assert!(message.starts_with(&format!("{field} {rule}")), "{replacement}: {message}");
    }
}

#[test]
fn what_the_grammar_does_not_know_is_refused_where_it_stands() {
    for (piece, replacement, line, field, said) in [
        ("per: \"1000\"\n", "each: \"1000\"\n", 34, "each", "each is no field here: known are id, sku,"),
        ("currency: USD", "currency: USD\ncolour: red", 3, "colour", "known are kind, plan, currency,"),
        ("{price: \"0.05\"}", "{price: \"0.05\", upto: \"5\"}", 30, "upto", "known are up_to, price"),
        ("currency: USD", "currency: USD\ncurrency: EUR", 3, "currency", "currency must be given once"),
        ("      - {price: \"0.05\"}", "      - 0.05", 30, "document", "document cannot be read: expected"),
        ("plan: llm", "plan: [llm]", 1, "document", "document cannot be read: expected"),
    ] {
        let (at, named, message) = one_fault(piece, replacement);
        assert!(message.contains(said), "{message}");
        assert!(!message.contains("Policy"), "{message}");
        assert_eq!((at, named.as_str()), (line, field), "{message}");
    }
}

#[test]
fn what_is_no_document_at_all_is_refused_as_document() {
    for text in ["[", "7", "[]", "plan: \"l", "plan: x: y"] {
        let errors = PlanDocument::parse(text).unwrap_err();
        assert!(errors.0.iter().all(|error| error.message.starts_with(&error.field)), "{text:?}: {errors}");
        let fields: Vec<&str> = errors.0.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["document"], "{text:?}: {errors}");
    }
    let empty = PlanDocument::parse("").unwrap_err();
    let fields: Vec<&str> = empty.0.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["plan", "currency", "effective_time", "prices"]);
}

#[test]
fn all_faults_of_a_document_are_told_at_once_in_the_order_of_lines() {
    let text = EXAMPLE.replace("USD", "usd").replace("\"2.00\"", "\"two\"").replace("\"0.08\"", "\"\"");
    let errors = PlanDocument::parse(&text).unwrap_err();
    let places: Vec<(u64, u64, &str)> =
        errors.0.iter().map(|error| (error.line, error.column, error.field.as_str())).collect();
    assert_eq!(
        places,
        [(2, 11, "currency"), (29, 32, "prices[2].tiers[1].price"), (36, 12, "prices[3].price")]
    );
    assert!(errors.to_string().starts_with("line 2, column 11: currency must be"), "{errors}");
}

#[test]
fn prices_that_no_usage_can_match_together_do_not_tie() {
    let other = EXAMPLE.replace("id: input\n", "id: input-us\n    match: {region: us-1}\n");
    assert_eq!(parse(&other).prices().len(), 4);
    let (line, field, message) = one_fault("id: input\n", "id: input-a\n    match: {zone: a}\n");
    assert_eq!((line, field.as_str()), (14, "prices[1]"));
    assert!(message.contains("they name equally many dimensions"), "{message}");
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = PlanDocument::parse(&text);
    }

    #[test]
    fn no_mangled_plan_panics(at in 0..EXAMPLE.len(), length in 0_usize..12, patch in "[ -~\n]{0,6}") {
        let end = (at + length).min(EXAMPLE.len());
        let _ = PlanDocument::parse(&format!("{}{patch}{}", &EXAMPLE[..at], &EXAMPLE[end..]));
    }
}
