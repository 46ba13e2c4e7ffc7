//! Reading fields of a document, so that every fault is noted under its path and at its place.

use super::fault::Faults;
use super::price::Positive;
use domain::quantity::Quantity;
use domain::reject::Reject;
use serde_saphyr::{Location, Spanned};
use std::fmt::Display;

/// Text with its place; numbers are read by their digits.
pub(super) type Text = Spanned<String>;

/// A value was left out or breaks its rule; the fault is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Noted;

/// Reads the fields of one node of a document.
pub(super) struct Reader<'a> {
    /// The node: `prices[0].`, or nothing at the top.
    path: String,
    place: Location,
    faults: &'a mut Faults,
}

impl<'a> Reader<'a> {
    /// The reader of a document's top.
    pub(super) fn top(faults: &'a mut Faults, place: Location) -> Self {
        Self { path: String::new(), place, faults }
    }

    /// The reader of a node within this one.
    pub(super) fn within<T>(&mut self, field: &str, node: &Spanned<T>) -> Reader<'_> {
        let path = format!("{}.", self.field(field));
        Reader { path, place: node.referenced, faults: self.faults }
    }

    /// The whole name of a field of this node.
    pub(super) fn field(&self, field: &str) -> String {
        format!("{}{field}", self.path)
    }

    /// Notes a broken rule of a field.
    pub(super) fn add(&mut self, field: &str, place: Location, rule: impl Display) -> Noted {
        let field = self.field(field);
        self.faults.add(&field, place, rule);
        Noted
    }

    /// A part that must be there.
    pub(super) fn present<'t, T>(
        &mut self,
        field: &str,
        part: Option<&'t Spanned<T>>,
    ) -> Result<&'t Spanned<T>, Noted> {
        part.ok_or_else(|| self.add(field, self.place, "must be given"))
    }

    /// A value that must be there.
    pub(super) fn required<T, E: Display>(
        &mut self,
        field: &str,
        text: Option<&Text>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Noted> {
        let text = self.present(field, text)?;
        parse(&text.value).map_err(|rule| self.add(field, text.referenced, rule))
    }

    /// A value that may be left out.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        field: &str,
        text: Option<&Text>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Noted> {
        text.map(|text| self.required(field, Some(text), parse)).transpose()
    }
}

/// The parts of a list, of which all are read before one that is at fault counts.
pub(super) fn all<T>(parts: impl Iterator<Item = Result<T, Noted>>) -> Result<Vec<T>, Noted> {
    parts.collect::<Vec<_>>().into_iter().collect()
}

/// Reads a name; its rule is told without the name that the domain has for the field.
pub(super) fn named<T>(
    parse: impl FnOnce(&str) -> Result<T, Reject>,
) -> impl FnOnce(&str) -> Result<T, String> {
    |text| parse(text).map_err(|reject| reject.message.replacen(&reject.field, "", 1).trim_start().to_owned())
}

/// A quantity that is not negative.
pub(super) fn not_negative(text: &str) -> Result<Quantity, String> {
    let quantity = named(Quantity::parse)(text)?;
    if quantity.is_negative() { Err("must not be negative".to_owned()) } else { Ok(quantity) }
}

/// A quantity above zero.
pub(super) fn positive(text: &str) -> Result<Positive, String> {
    Positive::new(not_negative(text)?).ok_or_else(|| "must be above zero".to_owned())
}
