//! The outward contracts: names, numbers and types as they were promised, checked against the compiled descriptors.

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use proto::FILE_DESCRIPTOR_SET;

fn file(name: &str) -> FileDescriptorProto {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    set.file.into_iter().find(|file| file.name() == name).unwrap()
}

/// `Message: number name type, …` for every message of a file, in its order.
fn messages(file: &FileDescriptorProto) -> Vec<String> {
    file.message_type.iter().map(message).collect()
}

fn message(message: &DescriptorProto) -> String {
    let fields: Vec<String> = message.field.iter().map(field).collect();
    format!("{}: {}", message.name(), fields.join(", "))
}

fn field(field: &FieldDescriptorProto) -> String {
    let scalar = format!("{:?}", field.r#type()).to_lowercase();
    let named = field.type_name().rsplit('.').next().unwrap();
    let kind = if matches!(field.r#type(), Type::Message | Type::Enum) { named } else { &scalar };
    let many = if field.label() == Label::Repeated { "*" } else { "" };
    format!("{} {} {kind}{many}", field.number(), field.name())
}

/// `rpc(request) answer` for every call of a file's service; a star marks a stream.
fn calls(file: &FileDescriptorProto) -> Vec<String> {
    let star = |stream: bool| if stream { "*" } else { "" };
    let last = |name: &str| name.rsplit('.').next().unwrap().to_owned();
    let calls = file.service.iter().flat_map(|service| &service.method);
    let call = calls.map(|call| {
        let (asked, answered) = (star(call.client_streaming()), star(call.server_streaming()));
        format!("{}({}{asked}) {}{answered}", call.name(), last(call.input_type()), last(call.output_type()))
    });
    call.collect()
}

#[test]
fn pulses_come_in_as_promised() {
    let file = file("pulse/v1/ingest.proto");
    assert_eq!((file.package(), file.service[0].name()), ("pulse.v1", "IngestService"));
    assert_eq!(
        calls(&file),
        [
            "StreamPulses(StreamPulsesRequest*) StreamPulsesResponse*",
            "WritePulses(WritePulsesRequest) WritePulsesResponse"
        ]
    );
    let pulse = "Pulse: 1 id string, 2 source string, 3 tenant string, 4 sku string, 5 quantity string, \
                 6 unit string, 7 event_time Timestamp, 8 interval_end_time Timestamp, \
                 9 dimensions DimensionsEntry*, 10 resource_id string, 11 corrects_id string";
    let answer = "StreamPulsesResponse: 1 batch_sequence int64, 2 result BatchResult, 3 not_taken NotTaken, \
                  4 limits StreamLimits";
    let result = "BatchResult: 1 accepted_count int32, 2 duplicate_count int32, 3 rejections RejectedPulse*, \
                  4 minted_ids string*, 5 received_time Timestamp";
    let rejected = "RejectedPulse: 1 index int32, 2 id string, 3 reason RejectReason, 4 field string, \
                    5 message string, 6 dead_letter_id string";
    let expected = [
        pulse,
        "StreamPulsesRequest: 1 batch_sequence int64, 2 pulses Pulse*",
        answer,
        "WritePulsesRequest: 1 pulses Pulse*",
        "WritePulsesResponse: 1 result BatchResult",
        result,
        rejected,
        "NotTaken: 1 code string, 2 message string, 3 retry_delay Duration",
        "StreamLimits: 1 max_batches_in_flight int32, 2 max_pulses_per_batch int32",
    ];
    assert_eq!(messages(&file), expected);
}

/// A change names its resource, the revision it expects and its key; a read names instant and least offset; a list
/// is paged. So for every kind of resource, under the same numbers.
#[test]
fn the_catalogue_treats_all_kinds_of_resources_alike() {
    let file = file("pulse/v1/catalog.proto");
    assert_eq!((file.package(), file.service[0].name()), ("pulse.v1", "CatalogService"));
    let (calls, messages) = (calls(&file), messages(&file));
    for (kind, field) in [("Tenant", "tenant"), ("Sku", "sku"), ("Unit", "unit"), ("Contract", "contract")] {
        for call in [
            format!("Put{kind}(Put{kind}Request) {kind}"),
            format!("Get{kind}(Get{kind}Request) {kind}"),
            format!("List{kind}s(List{kind}sRequest) List{kind}sResponse"),
            format!("Delete{kind}(Delete{kind}Request) DeletedResource"),
        ] {
            assert!(calls.contains(&call), "{call}");
        }
        let condition = "2 expected_revision uint64, 3 idempotency_key string";
        for message in [
            format!("Put{kind}Request: 1 {field} {kind}, {condition}"),
            format!("Delete{kind}Request: 1 id string, {condition}"),
            format!("Get{kind}Request: 1 id string, 2 as_of Timestamp, 3 catalog_offset uint64"),
            format!("List{kind}sRequest: {PAGE}, 3 as_of Timestamp, 4 catalog_offset uint64"),
            format!("List{kind}sResponse: 1 {field}s {kind}*, {NEXT}"),
        ] {
            assert!(messages.contains(&message), "{message}");
        }
    }
}

const PAGE: &str = "1 page_size int32, 2 page_token string";
const NEXT: &str = "2 next_page_token string, 3 catalog_offset uint64";

#[test]
fn the_catalogue_says_what_rest_says() {
    let output = |first: u32| format!("{first} revision uint64, {} catalog_offset uint64", first + 1);
    let price = "Price: 1 id string, 2 sku string, 3 unit string, 4 per string, 5 model PriceModel, \
                 6 match MatchEntry*, 7 free string, 8 minimum string, 9 price string, 10 tiers Tier*, \
                 11 description string";
    let expected = [
        format!("Tenant: 1 id string, 2 name string, 3 status TenantStatus, {}", output(4)),
        format!(
            "Sku: 1 id string, 2 unit string, 3 description string, 4 service_category string, \
             5 dimensions string*, 6 aggregation Aggregation, {}",
            output(7)
        ),
        format!("Unit: 1 id string, 2 dimension string, 3 factor string, {}, 6 built_in bool", output(4)),
        format!(
            "Contract: 1 id string, 2 tenant string, 3 plan string, 4 plan_version uint32, \
             5 start_time Timestamp, 6 end_time Timestamp, 7 time_zone string, {}",
            output(8)
        ),
        format!("Plan: 1 id string, 2 currency string, 3 newest_version uint32, {}", output(4)),
        format!(
            "PlanVersion: 1 plan string, 2 version uint32, 3 published_time Timestamp, \
             4 document PlanDocument, {}",
            output(5)
        ),
        "PlanDocument: 1 plan string, 2 currency string, 3 effective_time Timestamp, 4 prices Price*"
            .to_owned(),
        price.to_owned(),
        "Tier: 1 up_to string, 2 price string".to_owned(),
    ];
    assert_eq!(messages(&file("pulse/v1/catalog.proto"))[..expected.len()], expected);
}

#[test]
fn the_layout_of_the_log_is_told_and_added_to() {
    let file = file("pulse/v1/registry.proto");
    assert_eq!(
        calls(&file),
        [
            "GetRegistry(GetRegistryRequest) Registry",
            "AddGeneration(AddGenerationRequest) Registry",
            "SplitTenant(SplitTenantRequest) Registry"
        ]
    );
    let expected = [
        "GetRegistryRequest: 1 catalog_offset uint64",
        "AddGenerationRequest: 1 partitions uint32, 2 valid_from Timestamp",
        "SplitTenantRequest: 1 tenant string, 2 shards uint32, 3 valid_from Timestamp",
        "Registry: 1 generations Generation*, 2 splits Split*, 3 catalog_offset uint64",
        "Generation: 1 number uint32, 2 topic string, 3 partitions uint32, 4 valid_from Timestamp, \
         5 incarnation uint32",
        "Split: 1 tenant string, 2 shards uint32, 3 valid_from Timestamp",
    ];
    assert_eq!(messages(&file), expected);
}

#[test]
fn every_part_of_a_service_is_explained() {
    for name in
        ["pulse/v1/ingest.proto", "pulse/v1/catalog.proto", "pulse/v1/registry.proto", "usage/v1/usage.proto"]
    {
        let file = file(name);
        let places = file.source_code_info.unwrap().location;
        let silent =
            places.iter().filter(|place| is_named(&place.path) && place.leading_comments().is_empty());
        let silent: Vec<_> = silent.map(|place| &place.span).collect();
        assert!(silent.is_empty(), "{name}: {silent:?}");
    }
}

/// Whether a path of a descriptor leads to a message, field, oneof, enum, value, service or call, at the top or one
/// below.
fn is_named(path: &[i32]) -> bool {
    matches!(path, [4..=6, _] | [4, _, 2 | 8, _] | [5 | 6, _, 2, _])
}

#[test]
fn the_first_service_stays_as_it_was() {
    let file = file("usage/v1/usage.proto");
    assert_eq!((file.package(), file.service[0].name()), ("yourpackage", "UsageService"));
    assert_eq!(calls(&file), ["Consume(UsageInfoRequest) Empty"]);
    let request =
        "UsageInfoRequest: 1 tenant string, 2 product_sku string, 3 used_amount int32, 4 use_unity string";
    assert_eq!(messages(&file), [request]);
}

#[test]
fn what_others_read_stays_as_it_was() {
    let aggregate = "Aggregate: 1 tenant string, 2 sku string, 3 unit string, 4 group string, \
                     5 start_time Timestamp, 6 posted string, 7 generation uint32, 8 partition uint32, \
                     9 position int64, 10 quarters Quarter*, 11 ranges OffsetRange*";
    let expected = [
        aggregate,
        "Quarter: 1 quantity string, 2 count uint64, 3 min string, 4 max string",
        "OffsetRange: 1 start uint64, 2 end uint64",
        "Rerate: 1 tenant string, 2 period string, 3 catalog_offset uint64",
    ];
    assert_eq!(messages(&file("pulse/log/v1/aggregate.proto"))[..4], expected);
    let letter = "DeadLetter: 1 id string, 2 reason RejectReason, 3 field string, 4 message string, \
                  5 received_time Timestamp, 6 payload_kind PayloadKind, 7 payload bytes";
    assert_eq!(messages(&file("pulse/log/v1/dead_letter.proto"))[0], letter);
}

#[test]
fn every_file_names_its_go_package() {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let ours: Vec<_> = set.file.iter().filter(|file| !file.name().starts_with("google/")).collect();
    assert!(ours.len() >= 9);
    for file in ours {
        assert!(file.options.as_ref().is_some_and(|options| options.go_package.is_some()), "{}", file.name());
    }
}

/// A message whose bytes are checked, or are one function of its content, has no map: only pulses on the wire do.
#[test]
fn nothing_in_the_log_or_a_cell_holds_a_map() {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let stored = set.file.iter().filter(|file| file.package() == "pulse.log.v1");
    for message in stored.flat_map(|file| &file.message_type) {
        assert!(message.nested_type.is_empty(), "{}", message.name());
        let numbers: Vec<i32> = message.field.iter().map(FieldDescriptorProto::number).collect();
        assert!(numbers.is_sorted(), "{}", message.name());
    }
}

/// What reflection answers must stand alone: a client that lists and describes asks for nothing else.
#[test]
fn the_descriptors_hold_everything_they_speak_of() {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let names: Vec<&str> = set.file.iter().map(FileDescriptorProto::name).collect();
    for (place, file) in set.file.iter().enumerate() {
        for dependency in &file.dependency {
            let defined = names.iter().position(|name| name == dependency);
            assert!(defined.is_some_and(|defined| defined < place), "{} needs {dependency}", file.name());
        }
    }
    let mut services: Vec<String> = set
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(|service| format!("{}.{}", file.package(), service.name())))
        .collect();
    services.sort();
    assert_eq!(
        services,
        [
            "pulse.v1.CatalogService",
            "pulse.v1.IngestService",
            "pulse.v1.RegistryService",
            "yourpackage.UsageService"
        ]
    );
}

/// Field numbers are for ever: within a message none stands twice, and enums begin with what is never sent.
#[test]
fn numbers_are_distinct_and_zero_is_never_sent() {
    for name in ["pulse/v1/ingest.proto", "pulse/v1/catalog.proto", "pulse/v1/registry.proto"] {
        let file = file(name);
        for message in &file.message_type {
            let mut numbers: Vec<i32> = message.field.iter().map(FieldDescriptorProto::number).collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count, "{}", message.name());
        }
        for kind in &file.enum_type {
            let zero = kind.value.iter().find(|value| value.number() == 0).unwrap();
            assert!(zero.name().ends_with("_UNSPECIFIED"), "{}", zero.name());
        }
    }
}
