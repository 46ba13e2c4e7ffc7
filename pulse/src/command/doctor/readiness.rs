//! What the server says of itself: each check of its readiness that fails, with what to do.

use super::Finding;
use serde_json::Value;

/// A line for each check that fails, alarms among them; one line where none does.
pub(super) fn look(answer: &Value) -> Vec<Finding> {
    let checks = answer["checks"].as_object().into_iter().flatten();
    let failed = checks.filter(|(_, found)| *found != "ok");
    let mut findings: Vec<Finding> = failed.map(|(name, found)| ill(name, found)).collect();
    if findings.is_empty() && answer["status"] == "ready" {
        findings.push(Finding::well("readiness", "ready"));
    }
    if findings.is_empty() {
        findings.push(Finding::ill(
            "readiness",
            answer.to_string(),
            "use one version of pulse on both sides",
        ));
    }
    findings
}

fn ill(name: &str, found: &Value) -> Finding {
    let found = format!("{name}: {}", found.as_str().unwrap_or_default());
    Finding::ill("readiness", found, advice(name))
}

/// The same as the operations page says at length.
fn advice(check: &str) -> &'static str {
    match check {
        "log" | "store" => {
            "start what does not answer, give it room, and mend what is wrong in the lines above"
        }
        "disk" => "make room, or move the data directory to a larger disk",
        "catalog" => "look at the server's log; what a newer version wrote needs a newer process",
        "clock" => "set the clock of the server's machine right",
        "lag" => "look at the server's log and its metrics: a slow store, or too few consumers",
        "consumer" => {
            "do what the alarm says: its partition waits for it; docs/operations.md has all of them"
        }
        "pricing" => "restore the topic that is named: charges stay as they are until it is read on",
        "memory" => "raise memory_bytes_max, or start another process",
        "drain" => "nothing: it is on its way down",
        _ => "look at the server's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_server_that_is_ready_is_one_line() {
        let findings = look(&json!({"status": "ready", "checks": {"log": "ok", "store": "ok"}}));
        assert_eq!(findings, [Finding::well("readiness", "ready")]);
    }

    #[test]
    fn each_check_that_fails_is_a_line_with_what_to_do() {
        let alarm = "partition 1/3: LOG_TOO_SHORT: the log ends at offset 0";
        let checks = json!({"log": "ok", "consumer": alarm, "memory": "memory_bytes_max is passed"});
        let findings = look(&json!({"status": "not ready", "checks": checks}));
        let told: Vec<(&str, bool)> =
            findings.iter().map(|finding| (finding.found.as_str(), finding.is_well)).collect();
        let alarm = format!("consumer: {alarm}");
        assert_eq!(told, [(alarm.as_str(), false), ("memory: memory_bytes_max is passed", false)]);
        assert!(findings[0].advice.starts_with("do what the alarm says"));
        for check in ["log", "store", "disk", "catalog", "clock", "lag", "consumer", "memory", "drain", "x"] {
            assert!(!advice(check).is_empty(), "{check}");
        }
    }

    #[test]
    fn an_answer_of_another_kind_is_no_good_sign() {
        assert!(!look(&json!({"status": "not ready"}))[0].is_well);
        assert!(!look(&Value::Null)[0].is_well);
    }
}
