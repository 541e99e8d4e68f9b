use std::net::IpAddr;

use ipnet::IpNet;

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address and a length, such as 192.0.2.0/24 or 2001:db8::/32")]
pub struct NetworkError;

/// Reads a network: an address and the length of its prefix in bits, or one address, which is a
/// network by itself.
///
/// Use it in place of the `FromStr` and `Deserialize` of [`IpNet`], which take `010.0.0.0/8` for
/// `10.0.0.0/8`. To others that is an octal number (RFC 6943 §3.1.1), and then the key is good in
/// another network than its owner meant. Here no decimal number has a zero before it.
///
/// # Errors
///
/// [`NetworkError`].
///
/// ```
/// use ringyo_store::parse_network;
///
/// assert_eq!(parse_network("192.0.2.7")?, parse_network("192.0.2.7/32")?);
/// assert!(parse_network("010.0.0.0/8").is_err());
/// # Ok::<(), ringyo_store::NetworkError>(())
/// ```
pub fn parse_network(text: &str) -> Result<IpNet, NetworkError> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse().map(IpAddr::into).map_err(|_| NetworkError);
    };
    let is_decimal = match length.as_bytes() {
        [b'0', _, ..] => false,
        digits => digits.iter().all(u8::is_ascii_digit),
    };
    let length = length.parse().ok().filter(|_| is_decimal);
    let (Ok(address), Some(length)) = (address.parse(), length) else {
        return Err(NetworkError);
    };
    IpNet::new(address, length).map_err(|_| NetworkError)
}

#[cfg(test)]
mod tests {
    use super::parse_network;

    #[test]
    fn only_what_every_reader_reads_alike_is_a_network() {
        for (text, shown) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7/24", "192.0.2.7/24"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("2001:0db8::1", "2001:db8::1/128"),
            ("::ffff:192.0.2.1/128", "::ffff:192.0.2.1/128"),
        ] {
            let network = parse_network(text).map(|network| network.to_string());
            assert_eq!(network.as_deref(), Ok(shown));
        }
        for text in [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/256",
            "10.0.0.0/08",
            "10.0.0.0/00",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "010.0.0.0/8",
            "10.0.0.00/8",
            "10.0.0/8",
            "0x0a.0.0.0/8",
            " 10.0.0.0/8",
            "10.0.0.0 /8",
            "2001:db8::/129",
            "fe80::1%eth0",
            "[::1]",
            "localhost",
        ] {
            assert!(parse_network(text).is_err(), "{text:?}");
        }
    }
}
