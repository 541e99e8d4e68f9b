use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A telephone number in the form of E.164: `+`, a country code, 7 to 15 digits in all.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(
    value_type = String,
    pattern = r"^\+[1-9][0-9]{6,14}$",
    example = "+14155550123",
)]
pub(crate) struct E164(String);

impl TryFrom<String> for E164 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_number = text.strip_prefix('+').is_some_and(|digits| {
            (7..=15).contains(&digits.len())
                && !digits.starts_with('0')
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        match is_number {
            true => Ok(Self(text)),
            false => Err("must be a number in the form of E.164, e.g. +14155550123"),
        }
    }
}

impl From<E164> for String {
    fn from(E164(number): E164) -> Self {
        number
    }
}
