//! What a call reports, read: ids and times are stamped first, then every field is checked.

use crate::decide::Refused;
use bytes::Bytes;
use domain::id::PulseId;
use domain::pulse::{PULSE_BYTES_MAX, Pulse, RawPulse, Rejects};
use domain::reject::{Reject, RejectReason};

/// One report as it came through a door.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Its fields.
    pub raw: RawPulse,
    /// How many bytes it took on the wire.
    pub bytes: usize,
    /// What its door found wrong with it: it is refused for that.
    pub fault: Option<Reject>,
    /// Its bytes, where nothing could be read of it.
    pub untouched: Option<Bytes>,
}

/// Where a pulse without id gets one from; `None`: ids are required.
pub(crate) type Mint<'a> = Option<&'a mut dyn FnMut() -> PulseId>;

/// The pulses of a call that can be read, each with its place in the call, and the refusals of the others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Intake {
    /// The places of the pulses.
    pub indexes: Vec<usize>,
    /// Valid by type.
    pub pulses: Vec<Pulse>,
    /// By rising index.
    pub refused: Vec<Refused>,
}

/// Stamps every report in place and reads it. Returns the ids that were minted, in their order, too.
pub(crate) fn read(reports: &mut [Report], mut mint: Mint<'_>) -> (Intake, Vec<String>) {
    let mut intake = Intake { pulses: Vec::with_capacity(reports.len()), ..Intake::default() };
    let mut minted = Vec::new();
    for (index, report) in reports.iter_mut().enumerate() {
        let id = mint.as_mut().filter(|_| report.raw.id.is_empty()).map(|mint| mint());
        minted.extend(id.as_ref().map(ToString::to_string));
        report.raw.stamp(id);
        match parse(report, intake.pulses.last()) {
            Ok(pulse) => {
                intake.indexes.push(index);
                intake.pulses.push(pulse);
            }
            Err(rejects) => {
                intake.refused.push(Refused { index, tenant: None, reject: rejects.into_first() });
            }
        }
    }
    (intake, minted)
}

fn parse(report: &Report, before: Option<&Pulse>) -> Result<Pulse, Rejects> {
    if report.bytes > PULSE_BYTES_MAX {
        return Err(Reject::new(RejectReason::TooLarge, "pulse", "must be at most 16 KiB").into());
    }
    match &report.fault {
        Some(fault) => Err(fault.clone().into()),
        None => report.raw.parse_after(before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::pulse::RawTime;

    const V7: &str = "018f4e2a-0000-7000-8000-00000000abcd";

    fn report(id: &str) -> Report {
        let raw = RawPulse {
            id: id.into(),
            tenant: "acme".into(),
            sku: "llm.input".into(),
            quantity: "1".into(),
            unit: "token".into(),
            event_time: Some(RawTime { seconds: 1_700_000_000, nanos: 0 }),
            ..RawPulse::default()
        };
        Report { raw, bytes: 100, ..Report::default() }
    }

    fn reasons(intake: &Intake) -> Vec<(usize, &str, &str)> {
        intake.refused.iter().map(|r| (r.index, r.reject.field.as_str(), r.reject.reason.name())).collect()
    }

    #[test]
    fn without_a_mint_an_id_is_required() {
        let mut reports = [report(""), report("a-1")];
        let (intake, minted) = read(&mut reports, None);
        assert_eq!(reasons(&intake), [(0, "id", "INVALID_ID")]);
        assert_eq!(intake.indexes, [1]);
        assert!(minted.is_empty() && reports[0].raw.id.is_empty());
    }

    #[test]
    fn a_minted_id_and_its_time_are_stamped_also_where_the_pulse_is_refused() {
        let mut broken = report("");
        broken.raw.event_time = None;
        broken.raw.quantity = "1e3".into();
        let mut reports = [report("a-1"), broken];
        let mut mint = || PulseId::parse(V7, "id").unwrap();
        let (intake, minted) = read(&mut reports, Some(&mut mint));
        assert_eq!(minted, [V7]);
        assert_eq!(reasons(&intake), [(1, "quantity", "INVALID_QUANTITY")]);
        assert_eq!(reports[1].raw.id, V7);
        assert_eq!(reports[1].raw.event_time.unwrap().seconds, 0x018f_4e2a_0000 / 1_000);
    }

    #[test]
    fn what_its_door_found_wrong_comes_before_what_its_fields_say() {
        let fault = Reject::new(RejectReason::InvalidField, "colour", "is no field of a pulse");
        let mut reports = [Report { fault: Some(fault.clone()), ..report("") }, report("a-1")];
        let (intake, _) = read(&mut reports, None);
        assert_eq!(
            (intake.refused, intake.indexes),
            (vec![Refused { index: 0, tenant: None, reject: fault }], vec![1])
        );
    }

    #[test]
    fn a_pulse_over_16_kib_is_refused_whatever_it_says() {
        let at = |bytes| Report { bytes, ..report("a-1") };
        let (intake, _) = read(&mut [at(16 * 1024), at(16 * 1024 + 1)], None);
        assert_eq!(reasons(&intake), [(1, "pulse", "TOO_LARGE")]);
        assert_eq!(intake.indexes, [0]);
    }
}
