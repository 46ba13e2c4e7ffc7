//! Resources in the form in which they come in and go out: the same over HTTP, over gRPC and in files.

mod contract;
mod plan;
mod sku;
mod tenant;
mod unit;

pub(crate) use contract::{ContractBody, ContractItem};
pub(crate) use plan::{PlanItem, PlanVersionItem};
pub(crate) use sku::{AggregationText, SkuBody, SkuItem};
pub(crate) use tenant::{StatusText, TenantBody, TenantItem};
pub(crate) use unit::{UnitBody, UnitItem};

use crate::command::Change;
use crate::resource::ResourceName;
use crate::state::{Resources, State};
use ::rest::{Count, Problem};
use domain::reject::Reject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;

/// A kind of thing that is read one by one and in lists.
pub(crate) trait Shown {
    /// What names one.
    type Id: Ord + Clone + Display;
    /// What is shown of one.
    type Item: Serialize;
    /// What one is called.
    const NAME: &'static str;

    /// Reads an id.
    fn parse_id(text: &str) -> Result<Self::Id, Reject>;
    /// One that is there, with its revision.
    fn find(state: &State, id: &Self::Id) -> Option<(u64, Self::Item)>;
    /// Those that are there, by rising id, from the first one after `id` on.
    fn after(state: &State, id: Option<&Self::Id>) -> impl Iterator<Item = (Self::Id, Self::Item)>;
}

/// A kind of resource: one that is put whole, and deleted.
pub(crate) trait Resource: Clone + PartialEq + 'static {
    /// What names one.
    type Id: Ord + Clone + Display + 'static;
    /// What is said of one when it is put.
    type Body: DeserializeOwned;
    /// What is shown of one.
    type Item: Serialize;
    /// What one is called.
    const NAME: &'static str;

    /// Reads an id.
    fn parse_id(text: &str) -> Result<Self::Id, Reject>;
    /// Reads what is said of one.
    fn read(body: &Self::Body) -> Result<Self, Problem>;
    /// Shows one as it stands since a revision.
    fn show(id: &Self::Id, value: &Self, revision: u64) -> Self::Item;
    /// All of them.
    fn all(state: &State) -> &Resources<Self::Id, Self>;
    /// The wish that one is so.
    fn put(id: Self::Id, value: Self) -> Change;
    /// The name of one among all kinds.
    fn name(id: Self::Id) -> ResourceName;
}

impl<R: Resource> Shown for R {
    type Id = R::Id;
    type Item = R::Item;
    const NAME: &'static str = <R as Resource>::NAME;

    fn parse_id(text: &str) -> Result<Self::Id, Reject> {
        <R as Resource>::parse_id(text)
    }

    fn find(state: &State, id: &Self::Id) -> Option<(u64, Self::Item)> {
        let found = R::all(state).find(id)?;
        Some((found.revision, R::show(id, &found.value, found.revision)))
    }

    fn after(state: &State, id: Option<&Self::Id>) -> impl Iterator<Item = (Self::Id, Self::Item)> {
        let rest = R::all(state).after(id);
        rest.map(|(id, found)| (id.clone(), R::show(id, &found.value, found.revision)))
    }
}

/// The catalogue offset that a request names to see a change.
pub(crate) fn offset_after(revision: u64) -> Count {
    Count(revision + 1)
}
