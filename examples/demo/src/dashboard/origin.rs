//! Which site a request was sent from. A browser sends the cookie of a session whoever made it
//! send the request, and `SameSite` alone trusts every port of a host.

use axum::http::{HeaderMap, Uri, header};

/// What the headers that only a browser can set say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It comes from a page of this very site.
    Own,
    /// It comes from somewhere else, or from who knows where.
    Foreign,
    /// There is no such header: it comes from a program, or from a page in an old browser.
    Unsaid,
}

/// Looks at `Origin` (RFC 6454 §7) and `Sec-Fetch-Site` (W3C Fetch Metadata). Where both are
/// there, both must agree.
pub(super) fn origin(headers: &HeaderMap) -> Origin {
    let site = headers.get("sec-fetch-site").map(|site| {
        let site = site.as_bytes();
        site == b"same-origin" || site == b"same-site"
    });
    let origin = headers.get(header::ORIGIN).map(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse().ok());
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        origin.is_some_and(|origin: Uri| {
            let authority = origin.authority().map(|authority| authority.as_str());
            let is_web = matches!(origin.scheme_str(), Some("http" | "https"));
            is_web && authority.is_some() && authority == host
        })
    });
    match (site, origin) {
        (None, None) => Origin::Unsaid,
        (Some(false), _) | (_, Some(false)) => Origin::Foreign,
        _ => Origin::Own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    #[test]
    fn only_the_own_site_is_own() {
        use Origin::{Foreign, Own, Unsaid};
        let cases: [(&[(&str, &str)], Origin); 13] = [
            (&[], Unsaid),
            (&[("origin", "http://localhost:8787")], Own),
            (&[("origin", "https://localhost:8787")], Own),
            (&[("origin", "http://localhost:3000")], Foreign),
            (&[("origin", "http://localhost")], Foreign),
            (&[("origin", "http://localhost:8787.evil.example")], Foreign),
            (&[("origin", "null")], Foreign),
            (&[("origin", "localhost:8787")], Foreign),
            (&[("sec-fetch-site", "same-origin")], Own),
            (&[("sec-fetch-site", "same-site")], Own),
            (&[("sec-fetch-site", "none")], Foreign),
            (&[("sec-fetch-site", "cross-site")], Foreign),
            (
                &[
                    ("sec-fetch-site", "same-site"),
                    ("origin", "http://localhost:3000"),
                ],
                Foreign,
            ),
        ];
        for (sent, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert("host", "localhost:8787".parse().unwrap());
            for (name, value) in sent {
                let name: HeaderName = name.parse().unwrap();
                headers.insert(name, value.parse().unwrap());
            }
            assert_eq!(origin(&headers), expected, "{sent:?}");
        }
    }
}
