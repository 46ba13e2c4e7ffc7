//! One dead letter with its later state, and how it is shown.

use super::{DeadLetterItem, StatusName};
use crate::meta::damaged;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::dead_letter::{DeadLetter, DeadLetterId, DeadLetterState, PayloadKind, Status};
use domain::generation::Registry;
use domain::id::PulseId;
use domain::port::{CellStore, Query, StoreError, read_all};
use domain::pulse::{Identity, RawPulse};
use domain::table::CellKey;
use domain::time::Timestamp;
use prost::Message;
use proto::blob::Blob;
use rest::Time;
use serde_json::Value;

/// A dead letter with its later state.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What was kept.
    pub letter: DeadLetter,
    /// What became of it.
    pub state: DeadLetterState,
    /// The fields of its pulse, where the payload is one.
    raw: Option<RawPulse>,
}

impl Kept {
    /// Puts the two cells together.
    pub fn new(letter: DeadLetter, state: DeadLetterState) -> Self {
        let pulse = (letter.kind == PayloadKind::Pulse)
            .then(|| proto::v1::Pulse::decode(letter.payload.clone()).ok());
        Self { raw: pulse.flatten().map(proto::pulse::from_wire), letter, state }
    }

    /// The dead letter of that id.
    pub async fn find(store: &dyn CellStore, id: &DeadLetterId) -> Result<Option<Self>, StoreError> {
        let Some(letter) = read_one::<DeadLetter>(store, &id.cell_key()).await? else { return Ok(None) };
        let state = read_one::<DeadLetterState>(store, &id.state_key()).await?;
        Ok(Some(Self::new(letter, state.unwrap_or_default())))
    }

    /// For whom it was sent, where that is known.
    pub fn tenant(&self) -> Option<&str> {
        self.raw.as_ref().map(|raw| raw.tenant.as_str()).filter(|tenant| !tenant.is_empty())
    }

    /// Whether it is a report of that pulse.
    pub fn is_of(&self, identity: &Identity<'_>) -> bool {
        let Some(raw) = &self.raw else { return false };
        let minute = raw.event_time.and_then(|time| Timestamp::from_unix(time.seconds, time.nanos));
        let id = PulseId::parse(&raw.id, "id");
        raw.tenant == identity.tenant
            && raw.source == identity.source
            && minute.is_some_and(|time| time.minute() == identity.minute)
            && id.is_ok_and(|id| id.as_bytes() == identity.id)
    }

    /// As answers show it.
    pub fn item(&self, registry: &Registry) -> DeadLetterItem {
        let letter = &self.letter;
        DeadLetterItem {
            id: letter.id.to_string(),
            reason: letter.reason.name().to_owned(),
            field: letter.field.clone(),
            message: letter.message.clone(),
            tenant: self.tenant().map(str::to_owned),
            received_time: Time(letter.received_time),
            replay_until: self.replay_until(registry).map(Time),
            status: StatusName::from(self.state.status),
            attempts: self.state.attempts,
            replayed_time: self.state.replayed_time.map(Time),
            payload: self.is_whole().then(|| self.payload()),
        }
    }

    /// Whether its payload is there to be shown. A replay under way while it was given up leaves it `replayed`, without.
    fn is_whole(&self) -> bool {
        self.state.status != Status::Purged && !self.letter.payload.is_empty()
    }

    /// The last instant at which the edge still takes its event time.
    fn replay_until(&self, registry: &Registry) -> Option<Timestamp> {
        let decided = self.state.decided.as_ref().map(|identity| identity.event_time);
        let sent =
            || self.raw.as_ref()?.event_time.and_then(|time| Timestamp::from_unix(time.seconds, time.nanos));
        let event_time = decided.or_else(sent)?;
        let valid = registry.generations().filter(|generation| generation.valid_from <= event_time);
        let generation = valid.max_by_key(|generation| generation.valid_from)?;
        Some(event_time.plus_seconds(generation.horizon.past_seconds))
    }

    fn payload(&self) -> Value {
        match &self.raw {
            Some(raw) => proto::json::to_json(raw),
            None => STANDARD.encode(&self.letter.payload).into(),
        }
    }
}

async fn read_one<T: Blob>(store: &dyn CellStore, key: &CellKey) -> Result<Option<T>, StoreError> {
    let cells = read_all(store, Query::one(key)).await?;
    cells.first().map(|cell| T::from_blob(&cell.value).map_err(|_| damaged(key))).transpose()
}
