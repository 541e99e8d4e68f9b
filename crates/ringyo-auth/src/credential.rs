use std::net::IpAddr;

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// What a request brings to prove who sent it.
///
/// ```
/// use ringyo_auth::Credential;
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("authorization", "Bearer rg_test_…".parse()?);
/// let credential = Credential::from_headers(&headers).client("192.0.2.7".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    pub(crate) presented: Presented<'a>,
    pub(crate) client: Option<IpAddr>,
}

#[derive(Clone, Copy)]
pub(crate) enum Presented<'a> {
    Nothing,
    Ambiguous,
    Key(&'a [u8]),
}

impl<'a> Credential<'a> {
    /// The value of an `Authorization` header: `Bearer` in any case, one or more spaces, the key
    /// (RFC 6750 §2.1, RFC 9110 §11.4). Another scheme counts as no credential, whatever follows it;
    /// a list that starts with `Bearer` counts as an ambiguous one.
    #[must_use]
    pub fn bearer(value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        let value = value.as_ref();
        let scheme_len = value.iter().position(|&byte| byte == b' ');
        let (scheme, rest) = value.split_at(scheme_len.unwrap_or(value.len()));
        let key = &rest[rest.iter().take_while(|&&byte| byte == b' ').count()..];
        let presented = if !scheme.eq_ignore_ascii_case(b"bearer") || key.is_empty() {
            Presented::Nothing
        } else if key.contains(&b',') {
            // What a proxy makes of two headers (RFC 9110 §5.3); no key has a comma.
            Presented::Ambiguous
        } else {
            Presented::Key(key)
        };
        Self::of(presented)
    }

    /// The one `Authorization` header of a request. Two are ambiguous, even if they agree.
    #[must_use]
    pub fn from_headers(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::of(Presented::Nothing),
            (Some(value), None) => Self::bearer(value.as_bytes()),
            (Some(_), Some(_)) => Self::of(Presented::Ambiguous),
        }
    }

    /// A key alone, from wherever it came.
    #[must_use]
    pub fn key(key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::of(Presented::Key(key.as_ref()))
    }

    /// Says which address the request came from, for keys that are bound to networks. Without it
    /// such a key is refused.
    #[must_use]
    pub fn client(self, address: IpAddr) -> Self {
        Self {
            client: Some(address),
            ..self
        }
    }

    fn of(presented: Presented<'a>) -> Self {
        Self {
            presented,
            client: None,
        }
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let presented = match self.presented {
            Presented::Nothing => "nothing",
            Presented::Ambiguous => "ambiguous",
            Presented::Key(_) => "a key",
        };
        f.debug_struct("Credential")
            .field("presented", &presented)
            .field("client", &self.client)
            .finish()
    }
}
