//! A state as the message `pulse.log.v1.CatalogSnapshot`, and back.

use super::Unusable;
use super::kept::{Kept, all, put_back};
use crate::command::wire::{from, to};
use crate::fold::idempotency::{Keys, Remembered};
use crate::fold::{Effect, RULES_KNOWN, Settled};
use crate::state::State;
use domain::time::Timestamp;
use prost::Message;
use proto::blob::BlobError;
use proto::log;

/// The content of a state's snapshot; equal states have equal contents.
pub(super) fn write(state: &State) -> Vec<u8> {
    let snapshot = log::CatalogSnapshot {
        now: state.now.nanos(),
        born: state.born.map(Timestamp::nanos),
        rules: state.rules,
        things: all(state).iter().map(write_thing).collect(),
        keys: state.keys.iter().map(write_key).collect(),
    };
    snapshot.encode_to_vec()
}

/// The state at an offset, of its snapshot's content.
pub(super) fn read(content: &[u8], offset: u64) -> Result<State, Unusable> {
    let snapshot = log::CatalogSnapshot::decode(content).map_err(|_| BlobError::Damaged)?;
    if snapshot.rules > RULES_KNOWN {
        return Err(Unusable::NewerRules(snapshot.rules));
    }
    let mut state = State {
        next: offset,
        now: Timestamp::from_nanos(snapshot.now),
        born: snapshot.born.map(Timestamp::from_nanos),
        rules: snapshot.rules,
        keys: snapshot.keys.into_iter().map(read_key).collect::<Result<Keys, _>>()?,
        ..State::default()
    };
    for thing in snapshot.things {
        put_back(&mut state, read_thing(thing)?)?;
    }
    Ok(state)
}

fn write_thing(kept: &Kept) -> log::CatalogThing {
    let command = log::CatalogCommand {
        arrival_time: kept.time.nanos(),
        change: Some(to::change(&kept.change)),
        ..log::CatalogCommand::default()
    };
    log::CatalogThing { revision: kept.revision, deleted: kept.deleted, command: Some(command) }
}

fn read_thing(thing: log::CatalogThing) -> Result<Kept, Unusable> {
    let command = thing.command.ok_or(BlobError::Damaged)?;
    Ok(Kept {
        change: from::change(command.change.ok_or(BlobError::Damaged)?)?,
        revision: thing.revision,
        deleted: thing.deleted,
        time: Timestamp::from_nanos(command.arrival_time),
    })
}

fn write_key(((author, key), remembered): (&(String, String), &Remembered)) -> log::CatalogKey {
    let Remembered { arrival, request, settled } = remembered;
    log::CatalogKey {
        author: author.clone(),
        key: key.clone(),
        arrival: arrival.nanos(),
        request: request.to_le_bytes().to_vec().into(),
        applied: settled.effect == Effect::Applied,
        revision: settled.revision,
        plan_version: settled.plan_version,
    }
}

fn read_key(key: log::CatalogKey) -> Result<((String, String), Remembered), BlobError> {
    let request = key.request.as_ref().try_into().map_err(|_| BlobError::Damaged)?;
    let effect = if key.applied { Effect::Applied } else { Effect::Unchanged };
    let settled = Settled { effect, revision: key.revision, plan_version: key.plan_version, replayed: false };
    let remembered = Remembered {
        arrival: Timestamp::from_nanos(key.arrival),
        request: u128::from_le_bytes(request),
        settled,
    };
    Ok(((key.author, key.key), remembered))
}
