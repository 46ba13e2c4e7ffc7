//! Versions of plans as messages.

use super::message::revision;
use crate::form::PlanVersionItem;
use crate::plan::{PlanBody, PriceBody, TierBody};
use domain::time::Timestamp;
use proto::instant::to_wire;
use proto::v1;

/// A version as a message.
pub(super) fn plan_version(item: PlanVersionItem) -> v1::PlanVersion {
    v1::PlanVersion {
        plan: item.plan,
        version: item.version,
        published_time: Some(to_wire(item.published_time.0)),
        document: Some(document(item.document)),
        revision: revision(item.catalog_offset),
        catalog_offset: item.catalog_offset.0,
    }
}

fn document(body: PlanBody) -> v1::PlanDocument {
    let effective_time = Timestamp::parse(&body.effective_time).expect("a plan shows an instant");
    v1::PlanDocument {
        plan: body.plan,
        currency: body.currency,
        effective_time: Some(to_wire(effective_time)),
        prices: body.prices.into_iter().map(price).collect(),
    }
}

fn price(body: PriceBody) -> v1::Price {
    let model = v1::PriceModel::from_str_name(&format!("PRICE_MODEL_{}", body.model.to_uppercase()));
    v1::Price {
        id: body.id,
        sku: body.sku,
        unit: body.unit,
        per: body.per,
        model: model.expect("every model has its number").into(),
        r#match: body.dimensions,
        free: body.free.unwrap_or_default(),
        minimum: body.minimum.unwrap_or_default(),
        price: body.price.unwrap_or_default(),
        tiers: body.tiers.unwrap_or_default().into_iter().map(tier).collect(),
        description: body.description.unwrap_or_default(),
    }
}

fn tier(body: TierBody) -> v1::Tier {
    v1::Tier { up_to: body.up_to.unwrap_or_default(), price: body.price }
}
