//! What `/v1/usage` and `/v1/costs` are asked: the same parameters, resolved once.

use crate::group::{Filter, FilterText, GroupBy};
use crate::range::{self, RangeText};
use crate::top::{Place, Top, Weighed};
use crate::window::{Grid, WindowSize};
use catalog::state::State;
use domain::calendar::Calendar;
use domain::code::Code;
use domain::id::TenantId;
use domain::time::{Timestamp, Window};
use rest::Problem;
use rest::page::PageSize;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::IntoParams;

/// What is kept apart where nothing is asked.
const GROUP_BY_DEFAULT: &str = "sku";

/// The parameters of a question about usage.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct AskParams {
    /// Whose usage; all tenants there ever were where absent.
    #[param(style = Form, explode, example = json!(["acme"]))]
    pub tenant: Vec<String>,
    /// Of what.
    #[param(style = Form, explode)]
    pub sku: Vec<String>,
    /// Reported in which unit; of costs: priced in which.
    #[param(style = Form, explode)]
    pub unit: Vec<String>,
    /// With which dimension: `region:eu-1`.
    #[param(style = Form, explode)]
    pub dimension: Vec<String>,
    /// The first instant, RFC 3339 on a quarter of an hour, or a span back from now such as `-24h`; the month's start
    /// where absent.
    #[param(pattern = r"^(-[0-9]{1,6}[mhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))$")]
    pub from: Option<String>,
    /// The first instant after; now, rounded up to the quarter, where absent.
    #[param(pattern = r"^(-[0-9]{1,6}[mhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))$")]
    pub to: Option<String>,
    /// `2026-01`, `month` or `last-month`, instead of `from` and `to`.
    #[param(pattern = r"^([0-9]{4}-(0[1-9]|1[0-2])|month|last-month)$")]
    pub period: Option<String>,
    /// How long each window is; one window where absent.
    #[param(inline)]
    pub window: Option<WindowSize>,
    /// IANA name of the zone that windows and periods are aligned in, such as `Europe/Berlin`; the tenants' billing
    /// calendar where they share one, else UTC.
    pub time_zone: Option<String>,
    /// What to keep apart: `tenant`, `sku` and declared dimensions such as `dim.region`, joined by commas.
    #[param(
        example = "tenant,sku",
        pattern = r"^((tenant|sku|dim\.[a-z][a-z0-9_]*)(,(tenant|sku|dim\.[a-z][a-z0-9_]*))*)?$"
    )]
    pub group_by: Option<String>,
    /// How many groups to keep apart, the largest over the whole range in each unit or currency; the others are one row.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    pub top: Option<Top>,
    /// Answer only when everything below this catalogue offset is seen: read your own writes.
    pub catalog_offset: Option<u64>,
    /// Items a page, 1 to 1,000; 100 where absent.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    pub page_size: Option<PageSize>,
    /// `next_page_token` of the page before.
    pub page_token: Option<String>,
}

/// A question, resolved.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whose usage.
    pub tenants: Vec<TenantId>,
    /// Which of it.
    pub filter: Filter,
    /// When, cut into windows.
    pub grid: Grid,
    /// What is kept apart.
    pub group_by: GroupBy,
    /// How many groups are.
    pub top: Option<Top>,
}

impl Ask {
    /// Resolves the parameters; a page after the first keeps the range of the first.
    pub fn resolve(
        params: &AskParams,
        state: &State,
        page: Option<Window>,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let tenants = tenants(&params.tenant, state)?;
        let calendar = calendar(params.time_zone.as_deref(), &tenants, state)?;
        let text = RangeText {
            from: params.from.as_deref(),
            to: params.to.as_deref(),
            period: params.period.as_deref(),
        };
        let range = page.map_or_else(|| range::resolve(text, &calendar, now), Ok)?;
        let declared = declared(state);
        let asked = FilterText { skus: &params.sku, units: &params.unit, dimensions: &params.dimension };
        let group_by = params.group_by.as_deref().unwrap_or(GROUP_BY_DEFAULT);
        Ok(Self {
            tenants,
            filter: Filter::parse(&asked, &declared)?,
            grid: Grid::new(range, params.window, &calendar),
            group_by: GroupBy::parse(group_by, &declared)?,
            top: params.top,
        })
    }

    /// The largest groups, where only they are asked for, and the rest of them as one.
    pub fn fold_to_top<P: Place, V: Weighed>(&self, items: BTreeMap<P, V>) -> BTreeMap<P, V> {
        match self.top {
            Some(top) => top.fold(items),
            None => items,
        }
    }
}

/// The tenants named, or all there ever were: what a deleted one used stays in every total.
pub fn tenants(named: &[String], state: &State) -> Result<Vec<TenantId>, Problem> {
    if named.is_empty() {
        return Ok(state.tenants().all().map(|(id, _)| id.clone()).collect());
    }
    let ids: Result<BTreeSet<TenantId>, _> = named.iter().map(|name| TenantId::parse(name)).collect();
    Ok(ids?.into_iter().collect())
}

fn calendar(zone: Option<&str>, tenants: &[TenantId], state: &State) -> Result<Calendar, Problem> {
    if let Some(name) = zone {
        let refuse = |_| {
            Problem::field(Code::InvalidTimeZone, "time_zone", "must be an IANA name such as Europe/Berlin")
        };
        return Calendar::parse(name).map_err(refuse);
    }
    let mut calendars = tenants.iter().map(|tenant| state.calendar_of(tenant));
    let first = calendars.next().unwrap_or_else(Calendar::utc);
    Ok(if calendars.all(|other| other == first) { first } else { Calendar::utc() })
}

fn declared(state: &State) -> BTreeSet<String> {
    state.skus().all().flat_map(|(_, sku)| sku.value.dimensions.keys().iter().cloned()).collect()
}

#[cfg(test)]
mod tests;
