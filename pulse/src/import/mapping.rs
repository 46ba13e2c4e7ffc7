//! How a row becomes pulses: which columns, whose, and under which ids.

use super::rows::{Content, Row};
use super::time;
use domain::pulse::{RawPulse, RawTime};
use domain::reject::{Reject, RejectReason};
use proto::{csv, json};
use serde_json::Value;
use std::str::FromStr;
use uuid::Uuid;

/// A column that is counted: `COLUMN=SKU:UNIT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The column of the quantity.
    pub column: String,
    /// What was used.
    pub sku: String,
    /// Of which unit.
    pub unit: String,
}

impl FromStr for Metric {
    type Err = String;

    /// A SKU may hold colons, a unit hardly does: the last one parts them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('=').and_then(|(column, rest)| Some((column, rest.rsplit_once(':')?)));
        let Some((column, (sku, unit))) = parts else { return Err("must be COLUMN=SKU:UNIT".to_owned()) };
        if [column, sku, unit].contains(&"") {
            return Err("must be COLUMN=SKU:UNIT, none of them empty".to_owned());
        }
        Ok(Self { column: column.to_owned(), sku: sku.to_owned(), unit: unit.to_owned() })
    }
}

/// How rows become pulses.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Who pays; empty: the row says so.
    pub tenant: String,
    /// Who reports; empty: the row says so, or nobody.
    pub source: String,
    /// The column of the event time; empty: the row is a pulse already.
    pub time_column: String,
    /// One pulse each; none: the row is a pulse already.
    pub metrics: Vec<Metric>,
}

/// Where the pulses of a file come from: what makes their ids.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    namespace: Uuid,
    shift_days: i64,
}

impl Origin {
    /// Names within the file of that SHA-256; its times move by that many days.
    pub fn new(file_hash: &[u8; 32], shift_days: i64) -> Self {
        Self { namespace: Uuid::new_v5(&Uuid::NAMESPACE_OID, file_hash), shift_days }
    }

    /// The id of a metric in a row: the same whenever the same file is read.
    fn id(&self, row: u64, metric: &str) -> String {
        Uuid::new_v5(&self.namespace, format!("{row}/{metric}").as_bytes()).to_string()
    }
}

impl Mapping {
    /// The columns that a file must have.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let time = Some(self.time_column.as_str()).filter(|column| !column.is_empty());
        time.into_iter().chain(self.metrics.iter().map(|metric| metric.column.as_str()))
    }

    /// The event time of a row, where it has one.
    pub fn find_time(&self, row: &Row) -> Option<domain::time::Timestamp> {
        let column = if self.time_column.is_empty() { "event_time" } else { &self.time_column };
        time::parse(&row.find(column)?)
    }

    /// The pulses of a row, or why one cannot even be sent.
    pub fn pulses(&self, row: &Row, origin: &Origin) -> Vec<Result<RawPulse, Reject>> {
        if let Content::Broken { rule, .. } = &row.content {
            return vec![Err(broken(rule))];
        }
        if self.metrics.is_empty() {
            return vec![self.completed(row, origin)];
        }
        self.metrics.iter().map(|metric| self.counted(row, metric, origin)).collect()
    }

    /// One metric of a row.
    fn counted(&self, row: &Row, metric: &Metric, origin: &Origin) -> Result<RawPulse, Reject> {
        let missing = |reason, field: &str, column: &str| {
            Reject::new(reason, field, format!("is missing: no column {column}"))
        };
        let quantity = row.find(&metric.column);
        let text = row.find(&self.time_column);
        let text = text.ok_or_else(|| missing(RejectReason::InvalidTime, "event_time", &self.time_column))?;
        Ok(RawPulse {
            id: origin.id(row.number, &format!("{}={}", metric.column, metric.sku)),
            source: self.source.clone(),
            tenant: self.tenant.clone(),
            sku: metric.sku.clone(),
            quantity: quantity
                .ok_or_else(|| missing(RejectReason::InvalidQuantity, "quantity", &metric.column))?,
            unit: metric.unit.clone(),
            event_time: Some(moved(&text, "event_time", origin)?),
            ..RawPulse::default()
        })
    }

    /// A row that is a pulse already; what it leaves out is filled in.
    fn completed(&self, row: &Row, origin: &Origin) -> Result<RawPulse, Reject> {
        let mut raw = whole(row)?;
        let fill = |field: &mut String, value: &str| {
            if field.is_empty() {
                value.clone_into(field);
            }
        };
        fill(&mut raw.tenant, &self.tenant);
        fill(&mut raw.source, &self.source);
        fill(&mut raw.id, &origin.id(row.number, ""));
        for time in [&mut raw.event_time, &mut raw.interval_end_time].into_iter().flatten() {
            time.seconds += origin.shift_days * 86_400;
        }
        Ok(raw)
    }
}

fn moved(text: &str, field: &str, origin: &Origin) -> Result<RawTime, Reject> {
    let rule = "must be a time such as 2026-01-31 10:15:00 or 2026-01-31T10:15:00Z";
    let instant = time::parse(text).ok_or_else(|| Reject::new(RejectReason::InvalidTime, field, rule))?;
    Ok(time::shift(instant, origin.shift_days).into())
}

/// A row that is a pulse already, in the spelling of its format.
pub fn whole(row: &Row) -> Result<RawPulse, Reject> {
    match &row.content {
        Content::Record { header, fields } => csv::Columns::parse(header.iter())?.read(fields),
        Content::Object(object) => json::from_json(&Value::Object(object.clone())),
        Content::Broken { rule, .. } => Err(broken(rule)),
    }
}

fn broken(rule: &str) -> Reject {
    Reject::new(RejectReason::InvalidField, "row", rule)
}

/// The outward name of a reason as it came over the wire.
pub fn reason_name(number: i32) -> String {
    let known = RejectReason::ALL.iter().find(|reason| reason.number() == number);
    known.map_or_else(|| format!("REASON_{number}"), |reason| reason.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::rows::Rows;
    use super::super::source::Format;
    use super::*;
    use std::collections::BTreeSet;

    fn mapping(metrics: &[&str]) -> Mapping {
        let metrics = metrics.iter().map(|metric| metric.parse().unwrap()).collect();
        Mapping { tenant: "acme".into(), source: "file".into(), time_column: "t".into(), metrics }
    }

    fn rows(format: Format, text: &str) -> Vec<Row> {
        Rows::new(format, text.as_bytes()).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn the_last_colon_parts_sku_and_unit() {
        let metric: Metric = "in tokens=llm:input:token".parse().unwrap();
        assert_eq!(
            (metric.column.as_str(), metric.sku.as_str(), metric.unit.as_str()),
            ("in tokens", "llm:input", "token")
        );
        for bad in ["", "a=b", "a:b", "=b:c", "a=:c", "a=b:"] {
            assert!(bad.parse::<Metric>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_row_gives_a_pulse_a_metric_under_ids_that_repeat() {
        let rows =
            rows(Format::Csv, "t,a,b\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50,396,109");
        let mapping = mapping(&["a=llm.input:token", "b=llm.output:token"]);
        let all = |hash: u8| -> Vec<RawPulse> {
            let origin = Origin::new(&[hash; 32], 1);
            rows.iter().flat_map(|row| mapping.pulses(row, &origin)).map(Result::unwrap).collect()
        };
        let first = &all(1)[0];
        assert_eq!(
            (first.tenant.as_str(), first.source.as_str(), first.sku.as_str()),
            ("acme", "file", "llm.input")
        );
        assert_eq!((first.quantity.as_str(), first.unit.as_str()), ("374", "token"));
        assert_eq!(first.parse().unwrap().event_time.to_string(), "2023-11-17T18:15:46.68059Z");
        assert_eq!(all(1), all(1));
        let ids: BTreeSet<String> = all(1).into_iter().chain(all(2)).map(|raw| raw.id).collect();
        assert_eq!(ids.len(), 8, "rows, metrics and files have ids of their own");
    }

    #[test]
    fn a_cell_that_is_missing_rejects_its_pulse_only() {
        let rows = rows(Format::Csv, "t,a,b\n2023-11-16 18:15:46,1\nnever,1,2\n");
        let mapping = mapping(&["a=sku:item", "b=sku:item"]);
        let outcomes = |row: &Row| -> Vec<Option<String>> {
            let pulses = mapping.pulses(row, &Origin::new(&[0; 32], 0)).into_iter();
            pulses.map(|pulse| pulse.err().map(|reject| reject.field)).collect()
        };
        assert_eq!(outcomes(&rows[0]), [None, Some("quantity".to_owned())]);
        assert_eq!(outcomes(&rows[1]), [Some("event_time".to_owned()), Some("event_time".to_owned())]);
    }

    #[test]
    fn a_row_that_is_a_pulse_is_completed_and_moved() {
        let whole = Mapping { time_column: String::new(), ..mapping(&[]) };
        let json = "{\"sku\": \"s\", \"quantity\": \"1\", \"unit\": \"item\", \"event_time\": \"2026-01-01T00:00:00Z\"}";
        let csv = "sku,quantity,unit,event_time,id\ns,1,item,2026-01-01T00:00:00Z,mine";
        let origin = Origin::new(&[0; 32], -1);
        let one = |format, text| whole.pulses(&rows(format, text)[0], &origin).remove(0).unwrap();
        let (from_json, from_csv) = (one(Format::Ndjson, json), one(Format::Csv, csv));
        assert_eq!(from_csv.id, "mine");
        assert_eq!(RawPulse { id: "mine".into(), ..from_json.clone() }, from_csv);
        assert_eq!(from_json.parse().unwrap().event_time.to_string(), "2025-12-31T00:00:00Z");
        assert_eq!((from_json.tenant.as_str(), from_json.id.len()), ("acme", 36));
    }
}
