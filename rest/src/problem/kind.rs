//! The kinds of problems: the codes of the common table, and what only HTTP knows.

use domain::code::Code;

/// What is wrong, with its stable name and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A code that gRPC knows too.
    Code(Code),
    /// The path is there, this method on it is not.
    MethodNotAllowed,
    /// None of the formats asked for can be answered.
    NotAcceptable,
    /// The body is of another format than this resource reads.
    UnsupportedMediaType,
    /// The body did not come to its end in time.
    RequestTimeout,
}

impl From<Code> for Kind {
    fn from(code: Code) -> Self {
        Self::Code(code)
    }
}

impl Kind {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let http =
            [Self::MethodNotAllowed, Self::NotAcceptable, Self::RequestTimeout, Self::UnsupportedMediaType];
        Code::ALL.iter().copied().map(Self::Code).chain(http)
    }

    /// The kind of that outward name.
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name() == name)
    }

    /// The kind that such a status stands for where nothing more is known.
    pub fn of_status(status: u16) -> Option<Self> {
        Self::all().find(|kind| kind.status() == status)
    }

    /// The outward name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code(code) => code.name(),
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Code(code) => code.http(),
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::UnsupportedMediaType => 415,
            Self::RequestTimeout => 408,
        }
    }

    /// What it means, in one line.
    pub fn title(self) -> &'static str {
        match self {
            Self::Code(code) => code.title(),
            Self::MethodNotAllowed => "the resource does not know this method",
            Self::NotAcceptable => "the resource has none of these formats",
            Self::UnsupportedMediaType => "the resource does not read this format",
            Self::RequestTimeout => "the request did not arrive in time",
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Code(code) => code.is_retryable(),
            Self::RequestTimeout => true,
            Self::MethodNotAllowed | Self::NotAcceptable | Self::UnsupportedMediaType => false,
        }
    }

    /// Whether the answer carries `Retry-After`.
    pub(super) fn tells_when_to_retry(self) -> bool {
        matches!(self.status(), 429 | 503)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in Kind::all() {
            assert_eq!(Kind::find(kind.name()), Some(kind));
        }
        assert_eq!(Kind::find("TEAPOT"), None);
        assert_eq!(Kind::all().count(), Code::ALL.len() + 4);
    }

    #[test]
    fn a_status_stands_for_the_first_of_its_kinds() {
        let name = |status| Kind::of_status(status).map(Kind::name);
        assert_eq!(name(400), Some("INVALID_ARGUMENT"));
        assert_eq!(name(413), Some("TOO_LARGE"));
        assert_eq!(name(415), Some("UNSUPPORTED_MEDIA_TYPE"));
        assert_eq!((name(200), name(418)), (None, None));
    }

    #[test]
    fn of_what_only_http_knows_slowness_alone_is_worth_a_retry() {
        for (name, status, retryable) in [
            ("METHOD_NOT_ALLOWED", 405, false),
            ("NOT_ACCEPTABLE", 406, false),
            ("UNSUPPORTED_MEDIA_TYPE", 415, false),
            ("REQUEST_TIMEOUT", 408, true),
        ] {
            let kind = Kind::find(name).unwrap();
            assert_eq!((kind.status(), kind.is_retryable()), (status, retryable), "{name}");
        }
    }
}
