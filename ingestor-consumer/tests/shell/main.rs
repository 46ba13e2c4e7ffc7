//! The shell on memory ports: records in, rows, revisions and checkpoints out, while calls fail and partitions move.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without, it may insist on")]

mod house;
mod seen;

use backends::memory::{AppendFault, ReadFault, WriteFault};
use domain::port::{Assignment, AssignmentChange, TopicPartition};
use domain::reject::RejectReason;
use domain::time::Timestamp;
use house::House;
use ingestor_consumer::alarm::Alarm;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn pulses_are_counted_published_and_checkpointed() {
    let house = House::start().await;
    house.append(&["a", "b", "a"]).await;
    house.append_refused("c").await;
    house.counted(4).await;
    assert_eq!(house.usage(), ("3".to_owned(), 2));
    let totals = house.checkpoint().totals;
    assert_eq!((totals.applied, totals.duplicate, totals.refused, totals.read), (2, 1, 1, 4));
    assert_eq!(house.dead_letters(), [RejectReason::UnknownSku]);
    assert_eq!(house.published_usage().await, ("3".to_owned(), 2));
    assert_eq!(house.mirrored().await, 1);
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_watermark_reaches_what_the_clock_said_before_the_log_was_asked() {
    let house = House::start().await;
    house.append(&["a"]).await;
    house.counted(1).await;
    let now = house.clock_now();
    house.watermark_reaches(now).await;
    house.advance(60);
    house.watermark_reaches(now.plus_seconds(60)).await;
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn writes_and_appends_of_unknown_outcome_are_made_again_until_they_are_durable() {
    let house = House::start().await;
    house.store.script_writes([
        Some(WriteFault::Unknown([true, false, false])),
        Some(WriteFault::Overloaded),
        Some(WriteFault::Unknown([false, false, false])),
    ]);
    house.append(&["a", "b"]).await;
    house.append_refused("c").await;
    house.log.script_appends([Some(AppendFault::UnknownStored), Some(AppendFault::UnknownNotStored)]);
    house.counted(3).await;
    assert_eq!(house.usage(), ("3".to_owned(), 2));
    assert_eq!(house.published_usage().await, ("3".to_owned(), 2));
    assert_eq!(house.dead_letters(), [RejectReason::UnknownSku], "a failed write makes no dead letter");
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_comes_back_goes_on_where_its_checkpoint_is() {
    let house = House::start().await;
    house.append(&["a"]).await;
    house.counted(1).await;
    let ours = || Assignment { generation: Arc::clone(&house.generation), partitions: vec![0] };
    house.log.change(AssignmentChange::Revoked(ours()));
    house.settle().await;
    house.append(&["a", "b"]).await;
    house.settle().await;
    assert_eq!(house.checkpoint().totals.read, 1, "nobody owns it");
    house.log.change(AssignmentChange::Assigned(ours()));
    house.counted(3).await;
    assert_eq!(house.usage(), ("3".to_owned(), 2));
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_flushes_what_was_read() {
    let house = House::start().await;
    // Half a tick after one.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    house.append(&["a", "b"]).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(house.find_checkpoint(), None, "the flush is not due for a second");
    house.stop().await;
    assert_eq!((house.checkpoint().totals.read, house.usage()), (2, ("3".to_owned(), 2)));
}

#[tokio::test(start_paused = true)]
async fn damage_that_the_store_finds_raises_an_alarm() {
    let house = House::start().await;
    house.append(&["a"]).await;
    house.counted(1).await;
    house.store.script_reads([Some(ReadFault::Damaged)]);
    house.append_later(&["b"]).await;
    let alarms = house.alarms_raised().await;
    assert!(matches!(alarms.as_slice(), [((1, 0), Alarm::DamagedCell { .. })]), "{alarms:?}");
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_foreign_record_of_any_size_is_kept_and_passed() {
    let house = House::start().await;
    house.append_foreign_of(600_000);
    house.append(&["a"]).await;
    house.counted(2).await;
    assert_eq!(house.usage(), ("1".to_owned(), 1));
    assert_eq!(house.mirrored().await, 1);
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_bytes_are_kept_and_damage_raises_an_alarm_that_names_it() {
    let house = House::start().await;
    house.append(&["a"]).await;
    house.append_foreign();
    house.append(&["b"]).await;
    house.counted(3).await;
    assert_eq!(house.usage(), ("3".to_owned(), 2));
    assert_eq!(house.dead_letters(), [RejectReason::Undecodable]);
    house.append(&["c"]).await;
    house.damage_last();
    let alarms = house.alarms_raised().await;
    assert_eq!(alarms, [((1, 0), Alarm::DamagedRecord { offset: 3 })]);
    assert_eq!(house.usage(), ("3".to_owned(), 2), "what is damaged is never summed");
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_that_lost_its_end_is_not_read_again_from_the_start() {
    let house = House::start().await;
    house.append(&["a"]).await;
    house.counted(1).await;
    house.restart_with_truncated_log().await;
    let alarms = house.alarms_raised().await;
    assert_eq!(alarms, [((1, 0), Alarm::LogTooShort { next: 1, high: 0 })]);
    assert_eq!(house.usage(), ("1".to_owned(), 1));
    house.stop().await;
    assert!(house.clock_now() > Timestamp::EPOCH);
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_gone_stops_its_generation_also_when_it_comes_back() {
    let house = House::start().await;
    house.append(&["a"]).await;
    house.counted(1).await;
    house.log.delete(&house.generation.topic);
    let partition = TopicPartition::new(house.generation.topic.clone(), 0);
    let gone = [((1, 0), Alarm::TopicGone { partition })];
    assert_eq!(house.alarms_raised().await, gone);
    house.log.recreate(&house.generation.topic, 1, vec![0]);
    house.append(&["b"]).await;
    house.settle().await;
    assert_eq!(house.alarms_raised().await, gone);
    assert_eq!(house.usage(), ("1".to_owned(), 1));
    house.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_was_added_stops_and_the_others_go_on() {
    let house = House::start().await;
    house.append(&["a"]).await;
    house.counted(1).await;
    let added = Assignment { generation: Arc::clone(&house.generation), partitions: vec![1] };
    house.log.change(AssignmentChange::Assigned(added));
    let partition = TopicPartition::new(house.generation.topic.clone(), 1);
    let alarm = Alarm::PartitionAdded { partition, partitions: 1 };
    assert_eq!(house.alarms_raised().await, [((1, 1), alarm)]);
    house.append(&["b"]).await;
    house.counted(2).await;
    house.stop().await;
}
