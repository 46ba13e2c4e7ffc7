//! What tools such as grpcurl ask for: which services are here, and what their messages look like.

use super::role::Role;
use tonic_health::pb::health_server;
use tonic_reflection::server::Builder;
use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};

/// Names the services of the roles.
pub fn of(roles: &[Role]) -> ServerReflectionServer<impl ServerReflection + use<>> {
    let services = roles.iter().flat_map(|role| role.services()).copied();
    services
        .chain([health_server::SERVICE_NAME])
        .fold(Builder::configure(), Builder::with_service_name)
        .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("the descriptors were written by the compiler of the messages")
}
