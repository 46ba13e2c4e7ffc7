//! The CSV spelling: any header and any rows are pulses or refusals.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::csv::Columns;

fuzz_target!(|data: &[u8]| {
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(data);
    let mut rows = reader.records().map_while(Result::ok);
    let Some(header) = rows.next() else { return };
    let Ok(columns) = Columns::parse(header.iter()) else { return };
    for row in rows {
        match columns.read(row.iter()) {
            Ok(raw) => {
                assert_eq!(row.len(), header.len());
                let _ = raw.parse();
            }
            Err(reject) => assert!(!reject.message.is_empty()),
        }
    }
});
