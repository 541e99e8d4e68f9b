use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};

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
    client: Option<Address>,
}

/// An address as two numbers, one of IPv4 within those of IPv6 (RFC 4291 §2.5.5.2). An [`IpAddr`] is
/// written piece by piece and copied as a whole, for which the processor waits each time.
#[derive(Clone, Copy)]
struct Address {
    upper: u64,
    lower: u64,
}

impl From<IpAddr> for Address {
    #[inline]
    fn from(address: IpAddr) -> Self {
        let address = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let bits = address.to_bits();
        Self {
            upper: (bits >> 64) as u64,
            lower: bits as u64,
        }
    }
}

impl From<Address> for IpAddr {
    fn from(Address { upper, lower }: Address) -> Self {
        let bits = u128::from(upper) << 64 | u128::from(lower);
        // An IPv4 client of a dual-stack socket comes as ::ffff:a.b.c.d, and is meant as a.b.c.d.
        Ipv6Addr::from_bits(bits).to_canonical()
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Presented<'a> {
    Nothing,
    Ambiguous,
    Key(&'a [u8]),
    /// The same, unless there is a comma in it: what a proxy makes of two headers (RFC 9110 §5.3).
    /// No key has one, so that it need not be looked for in what turns out to be a key.
    KeyOrList(&'a [u8]),
}

impl<'a> Presented<'a> {
    /// What may be a key.
    #[inline]
    pub(crate) fn text(&self) -> Option<&'a [u8]> {
        match self {
            Self::Key(text) | Self::KeyOrList(text) => Some(text),
            Self::Nothing | Self::Ambiguous => None,
        }
    }

    /// Whether what is no key is more than one credential.
    pub(crate) fn is_list(&self) -> bool {
        self.is_list_from(0)
    }

    /// The same, where it is known that there is no comma before that place.
    pub(crate) fn is_list_from(&self, start: usize) -> bool {
        match self {
            Self::KeyOrList(text) => text.len() <= LONGEST && text[start..].contains(&b','),
            Self::Ambiguous => true,
            Self::Nothing | Self::Key(_) => false,
        }
    }
}

/// No key is as long: what is, is looked at no further.
const LONGEST: usize = 1_024;

impl<'a> Credential<'a> {
    /// The value of an `Authorization` header: `Bearer` in any case, one or more spaces, the key
    /// (RFC 6750 §2.1, RFC 9110 §11.4). Another scheme counts as no credential, whatever follows it;
    /// a list that starts with `Bearer` counts as an ambiguous one.
    #[must_use]
    #[inline]
    pub fn bearer(value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        let value = value.as_ref();
        let (is_bearer, rest) = match value.split_first_chunk() {
            // As nearly everybody writes it, in one comparison.
            Some((b"Bearer ", rest)) => (true, rest),
            _ => {
                let scheme_len = value.iter().position(|&byte| byte == b' ');
                let (scheme, rest) = value.split_at(scheme_len.unwrap_or(value.len()));
                (scheme.eq_ignore_ascii_case(b"bearer"), rest)
            }
        };
        let key = &rest[rest.iter().take_while(|&&byte| byte == b' ').count()..];
        Self::of(if is_bearer && !key.is_empty() {
            Presented::KeyOrList(key)
        } else {
            Presented::Nothing
        })
    }

    /// The one `Authorization` header of a request. Two are ambiguous, even if they agree. For
    /// other places see [`CredentialSources`].
    #[must_use]
    pub fn from_headers(headers: &'a HeaderMap) -> Self {
        CredentialSources::bearer().find(headers, None)
    }

    /// A key alone, from wherever it came.
    #[must_use]
    pub fn key(key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::of(Presented::Key(key.as_ref()))
    }

    /// Says which address the request came from, for keys that are bound to networks. Without it
    /// such a key is refused.
    #[must_use]
    #[inline]
    pub fn client(self, address: IpAddr) -> Self {
        Self {
            client: Some(address.into()),
            ..self
        }
    }

    /// Which address that is.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.client.map(IpAddr::from)
    }

    fn of(presented: Presented<'a>) -> Self {
        Self {
            presented,
            client: None,
        }
    }
}

/// Where a request may carry its key: the `Authorization` header, and what a service adds to it.
///
/// A key in more than one place is ambiguous, also when it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialSources {
    header: Option<HeaderName>,
    parameter: Option<String>,
}

impl CredentialSources {
    /// `Authorization: Bearer …` and nothing else.
    #[must_use]
    pub const fn bearer() -> Self {
        Self {
            header: None,
            parameter: None,
        }
    }

    /// Also a header of its own that holds the key alone, such as `x-api-key`.
    #[must_use]
    pub fn or_header(self, name: HeaderName) -> Self {
        Self {
            header: Some(name),
            ..self
        }
    }

    /// Also a parameter of the query string. RFC 6750 §2.3 says why not: addresses are logged,
    /// kept in histories and sent along as `Referer`, and the key with them.
    #[must_use]
    pub fn or_query_parameter_that_ends_up_in_logs(self, name: impl Into<String>) -> Self {
        Self {
            parameter: Some(name.into()),
            ..self
        }
    }

    /// The key of a request, with the query string of its address.
    #[must_use]
    pub fn find<'a>(&self, headers: &'a HeaderMap, query: Option<&'a str>) -> Credential<'a> {
        let mut of_scheme = headers
            .get_all(AUTHORIZATION)
            .iter()
            .map(|value| Credential::bearer(value.as_bytes()).presented);
        let of_header = self
            .header
            .iter()
            .flat_map(|name| headers.get_all(name))
            .map(|value| Presented::Key(value.as_bytes()));
        let of_query = self
            .parameter
            .iter()
            .flat_map(|name| parameters(query.unwrap_or_default(), name))
            .map(|value| Presented::Key(value.as_bytes()));
        let mut elsewhere = of_header.chain(of_query);

        let first = of_scheme.next().unwrap_or(Presented::Nothing);
        if of_scheme.next().is_some() {
            return Credential::of(Presented::Ambiguous);
        }
        Credential::of(match (first, elsewhere.next(), elsewhere.next()) {
            (found, None, _) => found,
            (Presented::Nothing, Some(Presented::Key(b"")), None) => Presented::Nothing,
            (Presented::Nothing, Some(found), None) => found,
            _ => Presented::Ambiguous,
        })
    }
}

/// The values of a parameter as they stand. A key holds nothing that would have to be decoded.
fn parameters<'a>(query: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    query
        .split('&')
        .filter_map(move |pair| pair.strip_prefix(name)?.strip_prefix('='))
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let presented = match self.presented {
            Presented::Nothing => "nothing",
            list if list.is_list() => "ambiguous",
            _ => "a key",
        };
        f.debug_struct("Credential")
            .field("presented", &presented)
            .field("client", &self.address())
            .finish()
    }
}
