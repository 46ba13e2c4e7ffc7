//! The id of a charge: base64url of its key's bytes, which are one function of the key.

use super::ChargeKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::calendar::Period;
use domain::id::{ContractId, PlanId, PriceId, TenantId};
use prost::Message;
use proto::log;

impl ChargeKey {
    /// Its id, as it stands in REST.
    pub fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_wire().encode_to_vec())
    }

    /// The key of that id; `None`: it is the id of no charge.
    pub fn from_id(id: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        let key = Self::from_wire(&log::ChargeKey::decode(bytes.as_slice()).ok()?)?;
        (key.id() == id).then_some(key)
    }

    pub(super) fn to_wire(&self) -> log::ChargeKey {
        log::ChargeKey {
            tenant: self.tenant.to_string(),
            period: self.period.to_string(),
            contract: self.contract.to_string(),
            plan: self.plan.to_string(),
            plan_version: self.plan_version,
            price: self.price.to_string(),
            adjusts: self.adjusts.map_or_else(String::new, |period| period.to_string()),
        }
    }

    pub(super) fn from_wire(wire: &log::ChargeKey) -> Option<Self> {
        let adjusts = match wire.adjusts.as_str() {
            "" => None,
            period => Some(Period::parse(period)?),
        };
        Some(Self {
            tenant: TenantId::parse(&wire.tenant).ok()?,
            period: Period::parse(&wire.period)?,
            contract: ContractId::parse(&wire.contract).ok()?,
            plan: PlanId::parse(&wire.plan).ok()?,
            plan_version: wire.plan_version,
            price: PriceId::parse(&wire.price).ok()?,
            adjusts,
        })
    }
}
