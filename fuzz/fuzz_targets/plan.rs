//! Plan documents: what is a plan has one canonical document, which is that plan.
#![no_main]

use catalog::plan::PlanDocument;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match PlanDocument::parse(text) {
        Ok(document) => {
            let canonical = document.plan().canonical();
            let again = PlanDocument::parse(&canonical).expect("the canonical document is one");
            assert_eq!(again.plan(), document.plan());
            assert_eq!(again.plan().canonical(), canonical);
        }
        Err(faults) => assert!(!faults.to_string().is_empty()),
    }
});
