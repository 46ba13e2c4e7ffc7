//! Reading fields of a document, so that every fault is noted under its path and at its place.

use super::fault::Faults;
use super::price::Positive;
use domain::quantity::Quantity;
use domain::reject::Reject;
use serde_saphyr::{Location, Spanned};
use std::fmt::Display;

/// Text with its place; numbers are read by their digits.
pub(super) type Text = Spanned<String>;

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
    pub(super) fn add(&mut self, field: &str, place: Location, rule: impl Display) {
        let field = self.field(field);
        self.faults.add(&field, place, rule);
    }

    /// A part that must be there.
    pub(super) fn present<'t, T>(
        &mut self,
        field: &str,
        part: Option<&'t Spanned<T>>,
    ) -> Option<&'t Spanned<T>> {
        if part.is_none() {
            self.add(field, self.place, "must be given");
        }
        part
    }

    /// A value that must be there.
    pub(super) fn required<T, E: Display>(
        &mut self,
        field: &str,
        text: Option<&Text>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.present(field, text)?;
        parse(&text.value).map_err(|rule| self.add(field, text.referenced, rule)).ok()
    }

    /// A value that may be left out. `None`: it is there and breaks its rule.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        field: &str,
        text: Option<&Text>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match text {
            Some(_) => self.required(field, text, parse).map(Some),
            None => Some(None),
        }
    }
}

/// The rule alone: the document has its own name for the field.
pub(super) fn rule(reject: Reject) -> String {
    let rule = reject.message.strip_prefix(&reject.field).unwrap_or(&reject.message);
    rule.trim_start().to_owned()
}

/// A quantity that is not negative.
pub(super) fn not_negative(text: &str) -> Result<Quantity, String> {
    let quantity = Quantity::parse(text).map_err(rule)?;
    if quantity.is_negative() { Err("must not be negative".to_owned()) } else { Ok(quantity) }
}

/// A quantity above zero.
pub(super) fn positive(text: &str) -> Result<Positive, String> {
    Positive::new(not_negative(text)?).ok_or_else(|| "must be above zero".to_owned())
}
