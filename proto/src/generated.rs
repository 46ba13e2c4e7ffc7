//! The generated code, nested as its packages are.

#[expect(missing_docs, clippy::allow_attributes, clippy::pedantic, reason = "generated code")]
pub mod pulse {
    pub mod v1 {
        tonic::include_proto!("pulse.v1");
    }
    pub mod log {
        pub mod v1 {
            tonic::include_proto!("pulse.log.v1");
        }
    }
}

#[expect(missing_docs, clippy::allow_attributes, clippy::pedantic, reason = "generated code")]
pub mod usage {
    tonic::include_proto!("yourpackage");
}
