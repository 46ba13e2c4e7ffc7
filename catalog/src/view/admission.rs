//! The edge's question, answered from memory; nothing is refused before the view has caught up with the log's end.

use super::View;
use crate::admission::decide;
use crate::state::State;
use async_trait::async_trait;
use domain::port::{Admission, AdmissionError, Admitted};
use domain::pulse::Pulse;
use domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// For so long a confirmed view may answer: less than a third of the notice a new registry gives.
const CONFIRMED_SECONDS: i64 = 5 * 60;
const CATCH_UP_MAX: Duration = Duration::from_secs(1);

#[async_trait]
impl Admission for View {
    async fn admit(&self, now: Timestamp, pulses: &[Pulse]) -> Result<Admitted, AdmissionError> {
        if self.confirmed() >= now.plus_seconds(-CONFIRMED_SECONDS) {
            let admitted = admit(&self.state(), pulses)?;
            if admitted.decisions.iter().all(Result::is_ok) {
                return Ok(admitted);
            }
        }
        let caught_up = tokio::time::timeout(CATCH_UP_MAX, self.confirm()).await;
        let late = |_| AdmissionError("it did not catch up within a second".to_owned());
        let state = caught_up.map_err(late)?.map_err(|error| AdmissionError(error.to_string()))?;
        admit(&state, pulses)
    }
}

fn admit(state: &State, pulses: &[Pulse]) -> Result<Admitted, AdmissionError> {
    let registry = state.registry().ok_or_else(|| AdmissionError("its log is empty".to_owned()))?;
    Ok(Admitted { registry: Arc::clone(registry), decisions: decide(state, pulses) })
}
