use std::fmt;

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};

use crate::admission::Known;

/// The header that carries the id of a request, in and out.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from a request, in characters.
const LONGEST: usize = 128;

const DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The id of a request: [in its extensions](Self::of_extensions), in the `x-request-id` of its response, in the body of a
/// refusal and in the tracing span.
///
/// One that the client or a proxy sent is kept if it came in one header and is 1–128 characters of
/// `A-Z a-z 0-9 . _ -`. It ends up in logs, so nothing else is let through: otherwise a new one is
/// made, `req_` and 20 random characters of `A-Z a-z 0-9`.
///
/// It proves nothing: a client can send the same one twice.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(
    // As the header that it becomes, which shares its text with every clone.
    HeaderValue,
);

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id that a request came with, if it can be kept; else a new one.
    ///
    /// For what stands outside of the layer and wants to know the id, such as a log of all
    /// requests: put it into the extensions of the request, and the layer keeps to it.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        // A constant of its own would be made and dropped each time.
        static NAME: HeaderName = X_REQUEST_ID;
        let mut sent = headers.get_all(&NAME).iter();
        match (sent.next(), sent.next()) {
            (Some(one), None) if is_harmless(one.as_bytes()) => Self(one.clone()),
            _ => Self::made(),
        }
    }

    /// The id of a request that went through a layer, or that somebody put among its extensions.
    #[must_use]
    pub fn of_extensions(extensions: &Extensions) -> Option<&Self> {
        match extensions.get::<Known>() {
            Some(known) => Some(&known.id),
            None => extensions.get(),
        }
    }

    /// The id as the value of [`X_REQUEST_ID`].
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }

    fn made() -> Self {
        let mut text = *b"req_00000000000000000000";
        // Ten digits take less than 60 bits. That some are a little more frequent makes no two ids
        // alike.
        for (half, random) in text[4..]
            .chunks_exact_mut(10)
            .zip(rand::random::<[u64; 2]>())
        {
            let mut rest = random;
            for byte in half {
                *byte = DIGITS[(rest % 62) as usize];
                rest /= 62;
            }
        }
        // Letters and digits are always good for a header.
        let value = HeaderValue::from_maybe_shared(Bytes::from_owner(text));
        Self(value.unwrap_or(HeaderValue::from_static("req_unknown")))
    }
}

fn is_harmless(text: &[u8]) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'.' | b'_' | b'-');
    // Without an early end, so that many are looked at together.
    (1..=LONGEST).contains(&text.len()) && text.iter().fold(true, |all, &byte| all & allowed(byte))
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}
