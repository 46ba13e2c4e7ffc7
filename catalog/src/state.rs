//! The catalogue as of an offset of its log: cheap to share, looked up by id.

use crate::fold::idempotency::Keys;
use crate::lint::{KnownSkus, SkuFacts};
use crate::plan::PlanVersion;
use crate::resource::{Contract, Sku, Tenant};
use domain::calendar::Calendar;
use domain::checkpoint::Closings;
use domain::generation::{Incarnation, Registry};
use domain::id::{ContractId, PlanId, SkuId, TenantId, UnitId};
use domain::time::Timestamp;
use domain::unit::{Unit, Units};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything the catalogue says after the commands below an offset.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub(crate) next: u64,
    pub(crate) now: Timestamp,
    pub(crate) born: Option<Timestamp>,
    pub(crate) rules: u32,
    pub(crate) registry: Option<Arc<Registry>>,
    pub(crate) tenants: Resources<TenantId, Tenant>,
    pub(crate) skus: Resources<SkuId, Sku>,
    pub(crate) units: Resources<UnitId, Unit>,
    pub(crate) conversions: Arc<Units>,
    pub(crate) plans: Arc<BTreeMap<PlanId, PublishedPlan>>,
    pub(crate) contracts: Resources<ContractId, Contract>,
    pub(crate) accounts: Arc<BTreeMap<TenantId, Account>>,
    pub(crate) closings: Arc<Closings>,
    pub(crate) keys: Keys,
}

impl Default for State {
    fn default() -> Self {
        Self {
            next: 0,
            now: Timestamp::from_nanos(i64::MIN),
            born: None,
            rules: 0,
            registry: None,
            tenants: Resources::default(),
            skus: Resources::default(),
            units: Resources::default(),
            conversions: Arc::new(Units::built_in()),
            plans: Arc::default(),
            contracts: Resources::default(),
            accounts: Arc::default(),
            closings: Arc::default(),
            keys: Keys::default(),
        }
    }
}

impl State {
    /// The catalogue offset this is the state at: everything below it is folded in.
    pub const fn offset(&self) -> u64 {
        self.next
    }

    /// When the last command arrived; it never goes back.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// When the first command arrived: no usage is older than the horizon before it.
    pub const fn born(&self) -> Option<Timestamp> {
        self.born
    }

    /// The rules version in force; 0 before the first.
    pub const fn rules(&self) -> u32 {
        self.rules
    }

    /// The registry of generations; `None` before the first record of a new log.
    pub const fn registry(&self) -> Option<&Arc<Registry>> {
        self.registry.as_ref()
    }

    /// Where each topic that was registered or moved lives now: what a log must be told before it is read.
    pub fn incarnations(&self) -> impl Iterator<Item = (&Arc<str>, &Incarnation)> {
        self.registry.iter().flat_map(|registry| registry.places())
    }

    /// The tenants.
    pub const fn tenants(&self) -> &Resources<TenantId, Tenant> {
        &self.tenants
    }

    /// The SKUs.
    pub const fn skus(&self) -> &Resources<SkuId, Sku> {
        &self.skus
    }

    /// The units, built-in ones among them.
    pub const fn units(&self) -> &Resources<UnitId, Unit> {
        &self.units
    }

    /// Every unit there ever was, for conversion: usage in a unit that is gone is still worth what it was.
    pub const fn conversions(&self) -> &Arc<Units> {
        &self.conversions
    }

    /// The contracts.
    pub const fn contracts(&self) -> &Resources<ContractId, Contract> {
        &self.contracts
    }

    /// The contracts of a tenant, by start.
    pub fn contracts_of(&self, tenant: &TenantId) -> Vec<(&ContractId, &Contract)> {
        let ids = self.accounts.get(tenant).into_iter().flat_map(|account| &account.contracts);
        let mut of: Vec<_> = ids.filter_map(|id| Some((id, &self.contracts.find(id)?.value))).collect();
        of.sort_by_key(|(_, contract)| contract.term.start());
        of
    }

    /// The billing calendar of a tenant: its contracts', or UTC.
    pub fn calendar_of(&self, tenant: &TenantId) -> Calendar {
        self.find_calendar_of(tenant).cloned().unwrap_or_else(Calendar::utc)
    }

    /// The calendar of a tenant's contracts, where it ever had one.
    pub fn find_calendar_of(&self, tenant: &TenantId) -> Option<&Calendar> {
        self.accounts.get(tenant).map(|account| &account.calendar)
    }

    /// The plans, by rising id.
    pub fn plans(&self) -> impl Iterator<Item = (&PlanId, &PublishedPlan)> {
        self.plans.iter()
    }

    /// A plan by id.
    pub fn find_plan(&self, id: &PlanId) -> Option<&PublishedPlan> {
        self.plans.get(id)
    }

    /// Which periods are closed.
    pub const fn closings(&self) -> &Arc<Closings> {
        &self.closings
    }

    /// A unit a pulse may be reported in: built in, put and not deleted, or a product of such.
    pub fn find_unit(&self, id: &UnitId) -> Option<Unit> {
        let gone = |name: &str| {
            let part = UnitId::parse(name).ok();
            part.and_then(|part| self.units.find_any(&part)).is_some_and(|unit| unit.deleted)
        };
        let unit = self.conversions.find(id)?;
        (!id.as_str().split('.').any(gone)).then_some(unit)
    }

    /// Notes a contract with its tenant; the first fixes the calendar.
    pub(crate) fn bind(&mut self, id: &ContractId, contract: &Contract) {
        let accounts = Arc::make_mut(&mut self.accounts);
        let account = accounts.entry(contract.tenant.clone());
        let fresh = || Account { calendar: contract.calendar.clone(), contracts: BTreeSet::new() };
        account.or_insert_with(fresh).contracts.insert(id.clone());
    }
}

impl KnownSkus for State {
    fn find_sku(&self, id: &SkuId) -> Option<SkuFacts<'_>> {
        let sku = &self.skus.find(id)?.value;
        Some(SkuFacts { unit: &sku.unit, dimensions: sku.dimensions.keys() })
    }
}

/// What the contracts of a tenant have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Fixed by the first of them.
    pub(crate) calendar: Calendar,
    /// Their ids, deleted ones among them.
    pub(crate) contracts: BTreeSet<ContractId>,
}

/// The versions of a plan, at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedPlan(Vec<VersionRecord>);

/// A version of a plan, with what the catalogue knows of its publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRecord {
    /// Number and content.
    pub version: Arc<PlanVersion>,
    /// The content's one spelling.
    pub canonical: Arc<str>,
    /// The catalogue offset of its publication.
    pub revision: u64,
    /// When it was published.
    pub published: Timestamp,
}

impl PublishedPlan {
    /// The versions, oldest first.
    pub fn versions(&self) -> &[VersionRecord] {
        &self.0
    }

    /// The version published last.
    pub fn newest(&self) -> &VersionRecord {
        self.0.last().expect("a plan is there from its first version on")
    }

    /// A version by number.
    pub fn find_version(&self, number: u32) -> Option<&VersionRecord> {
        self.0.iter().find(|record| record.version.number == number)
    }

    pub(crate) fn find_canonical(&self, canonical: &str) -> Option<&VersionRecord> {
        self.0.iter().find(|record| &*record.canonical == canonical)
    }

    pub(crate) fn push(&mut self, record: VersionRecord) {
        self.0.push(record);
    }
}

/// A resource as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// What it is.
    pub value: T,
    /// The catalogue offset of its last change.
    pub revision: u64,
    /// Whether it was deleted; its id may be put again.
    pub deleted: bool,
}

/// The resources of one kind, by id; a clone shares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources<K, T>(Arc<BTreeMap<K, Arc<Versioned<T>>>>);

impl<K, T> Default for Resources<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Ord + Clone, T> Resources<K, T> {
    /// A resource that is not deleted.
    pub fn find(&self, id: &K) -> Option<&Arc<Versioned<T>>> {
        self.find_any(id).filter(|resource| !resource.deleted)
    }

    /// A resource, deleted or not.
    pub fn find_any(&self, id: &K) -> Option<&Arc<Versioned<T>>> {
        self.0.get(id)
    }

    /// Those that are not deleted, by rising id.
    pub fn live(&self) -> impl Iterator<Item = (&K, &Arc<Versioned<T>>)> {
        self.all().filter(|(_, resource)| !resource.deleted)
    }

    /// All there ever were, by rising id, deleted ones among them: what they used stays.
    pub fn all(&self) -> impl Iterator<Item = (&K, &Arc<Versioned<T>>)> {
        self.0.iter()
    }

    /// Those that are not deleted and come after an id.
    pub fn after(&self, id: Option<&K>) -> impl Iterator<Item = (&K, &Arc<Versioned<T>>)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = id.map_or(Unbounded, Excluded);
        self.0.range((start, Unbounded)).filter(|(_, resource)| !resource.deleted)
    }

    pub(crate) fn set(&mut self, id: K, resource: Versioned<T>) {
        Arc::make_mut(&mut self.0).insert(id, Arc::new(resource));
    }
}
