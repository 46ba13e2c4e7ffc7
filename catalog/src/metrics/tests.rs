//! What a recorder shows after something happened.

use super::*;
use crate::fixture::*;
use metrics_exporter_prometheus::PrometheusBuilder;

/// What a recorder shows after that work.
fn shown(work: impl Future<Output = ()>) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        describe();
        runtime.block_on(work);
    });
    handle.render()
}

fn assert_shows(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|shown| shown == *line), "{line}:\n{text}");
    }
}

#[test]
fn commands_are_counted_by_kind_and_outcome() {
    let text = shown(async {
        let house = House::begun().await;
        house.submit(tenant("globex")).await;
        house.submit(tenant("globex")).await;
        let keyed = || crate::catalog::Wish { idempotency_key: Some("k".into()), ..wish(tenant("initech")) };
        house.catalog.submit(keyed()).await.unwrap().unwrap();
        house.catalog.submit(keyed()).await.unwrap().unwrap();
        let mismatch = crate::catalog::Wish { expected_revision: Some(1), ..wish(tenant("globex")) };
        house.catalog.submit(mismatch).await.unwrap().unwrap_err();
    });
    assert_shows(
        &text,
        &[
            r#"pulse_catalog_commands_total{kind="put_tenant",outcome="applied"} 3"#,
            r#"pulse_catalog_commands_total{kind="put_tenant",outcome="unchanged"} 1"#,
            r#"pulse_catalog_commands_total{kind="put_tenant",outcome="replayed"} 1"#,
            r#"pulse_catalog_commands_total{kind="put_tenant",outcome="revision_mismatch"} 1"#,
            r#"pulse_catalog_commands_total{kind="put_sku",outcome="applied"} 1"#,
            r#"pulse_catalog_commands_total{kind="publish_plan",outcome="applied"} 1"#,
            "pulse_catalog_fold_offset 7",
            "pulse_catalog_fold_lag_records 0",
        ],
    );
    assert!(!text.contains("globex") && !text.contains("acme"), "tenants are never labels:\n{text}");
}

#[test]
fn a_command_whose_outcome_is_unknown_has_failed() {
    let text = shown(async {
        let house = House::begun().await;
        house.log.script_appends([Some(backends::memory::AppendFault::UnknownNotStored)]);
        house.catalog.submit(wish(tenant("globex"))).await.unwrap_err();
    });
    assert_shows(&text, &[r#"pulse_catalog_commands_total{kind="put_tenant",outcome="failed"} 1"#]);
}

#[test]
fn a_run_that_is_dropped_has_failed_and_leaves_its_triggers_pending() {
    let text = shown(async {
        drop(Run::begin(3, 17));
        Run::begin(2, 5).end(Timestamp::from_seconds(10), Timestamp::from_seconds(12));
        charged(4);
        looked(9, 7);
    });
    assert_shows(
        &text,
        &[
            r#"pulse_catalog_pricing_runs_total{outcome="failed"} 1"#,
            r#"pulse_catalog_pricing_runs_total{outcome="done"} 1"#,
            r#"pulse_catalog_pricing_pending_triggers{partition="3"} 17"#,
            r#"pulse_catalog_pricing_pending_triggers{partition="2"} 0"#,
            "pulse_catalog_pricing_seconds_sum 2",
            "pulse_catalog_charges_total 4",
            "pulse_catalog_fold_lag_records 2",
        ],
    );
}
