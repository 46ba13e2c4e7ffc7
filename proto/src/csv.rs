//! The CSV spelling of a pulse: columns by the names of their fields, dimensions as `dim.<key>`.

use crate::field::{Field, unknown};
use domain::pulse::RawPulse;
use domain::reject::{Reject, RejectReason};

const DIMENSION_PREFIX: &str = "dim.";

/// What each column of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(Vec<Column>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Field(Field),
    Dimension(String),
}

impl Columns {
    /// Reads the header row; a name that no field has is refused.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Reject> {
        let mut columns = Vec::new();
        for name in names {
            let column = column(name)?;
            if columns.contains(&column) {
                return Err(Reject::new(RejectReason::InvalidField, name, "is a column twice"));
            }
            columns.push(column);
        }
        Ok(Self(columns))
    }

    /// The fields of a pulse from one row; an empty cell is absent.
    pub fn read<'a>(&self, cells: impl IntoIterator<Item = &'a str>) -> Result<RawPulse, Reject> {
        let mut raw = RawPulse::default();
        let mut columns = self.0.iter();
        for cell in cells {
            let column = columns.next().ok_or_else(|| row("has more cells than the header row"))?;
            match column {
                _ if cell.is_empty() => {}
                Column::Field(field) => field.fill(&mut raw, cell)?,
                Column::Dimension(key) => raw.dimensions.push((key.clone(), cell.to_owned())),
            }
        }
        match columns.next() {
            Some(_) => Err(row("has fewer cells than the header row")),
            None => Ok(raw),
        }
    }
}

fn column(name: &str) -> Result<Column, Reject> {
    if let Some(key) = name.strip_prefix(DIMENSION_PREFIX) {
        return Ok(Column::Dimension(key.to_owned()));
    }
    Field::find(name).map(Column::Field).ok_or_else(|| unknown(name))
}

fn row(rule: &str) -> Reject {
    Reject::new(RejectReason::InvalidField, "row", rule)
}
