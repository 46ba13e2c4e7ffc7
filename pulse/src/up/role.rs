//! What a process can be, what each role serves, and what must be well for it to work.

use clap::ValueEnum;
use proto::usage::usage_service_server;
use proto::v1::{catalog_service_server, ingest_service_server, registry_service_server};

/// A part of the house that can run in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Takes pulses in
    IngestorApi,
    /// Counts them
    IngestorConsumer,
    /// Keeps the catalogue, and prices
    Catalog,
    /// Answers questions
    QueryApi,
}

impl Role {
    /// All of them: what `up` runs.
    pub const ALL: [Self; 4] = [Self::IngestorApi, Self::IngestorConsumer, Self::Catalog, Self::QueryApi];

    /// The gRPC services it serves.
    pub const fn services(self) -> &'static [&'static str] {
        match self {
            Self::IngestorApi => &[ingest_service_server::SERVICE_NAME, usage_service_server::SERVICE_NAME],
            Self::Catalog => &[catalog_service_server::SERVICE_NAME, registry_service_server::SERVICE_NAME],
            Self::IngestorConsumer | Self::QueryApi => &[],
        }
    }

    /// Whether it cannot work where this check of readiness fails. The edge acknowledges without the store, and
    /// whatever the counting is at.
    pub fn needs(self, check: &str) -> bool {
        let needed: &[&str] = match self {
            Self::IngestorApi => &["log", "disk", "clock"],
            Self::IngestorConsumer => &["log", "store", "disk", "clock", "lag", "consumer"],
            Self::Catalog => &["log", "store", "disk", "clock", "pricing"],
            Self::QueryApi => &["store"],
        };
        needed.contains(&check) || ["catalog", "memory", "drain"].contains(&check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_on_the_command_line_are_those_of_the_folders() {
        let names: Vec<String> =
            Role::ALL.iter().map(|role| role.to_possible_value().unwrap().get_name().to_owned()).collect();
        assert_eq!(names, ["ingestor-api", "ingestor-consumer", "catalog", "query-api"]);
    }

    #[test]
    fn each_service_is_served_by_one_role() {
        let services: Vec<&str> = Role::ALL.iter().flat_map(|role| role.services()).copied().collect();
        assert_eq!(
            services,
            [
                "pulse.v1.IngestService",
                "yourpackage.UsageService",
                "pulse.v1.CatalogService",
                "pulse.v1.RegistryService"
            ]
        );
    }

    #[test]
    fn pulses_are_taken_in_without_the_store_and_answers_are_given_without_the_logs_writer() {
        for (role, check, needed) in [
            (Role::IngestorApi, "log", true),
            (Role::IngestorApi, "store", false),
            (Role::IngestorApi, "lag", false),
            (Role::IngestorConsumer, "store", true),
            (Role::IngestorConsumer, "consumer", true),
            (Role::Catalog, "consumer", false),
            (Role::Catalog, "log", true),
            (Role::QueryApi, "store", true),
            (Role::QueryApi, "log", false),
        ] {
            assert_eq!(role.needs(check), needed, "{role:?} {check}");
        }
        for check in ["catalog", "memory", "drain"] {
            assert!(Role::ALL.iter().all(|role| role.needs(check)), "{check}");
        }
    }
}
