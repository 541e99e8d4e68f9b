//! Whose key it may be, and whether it was minted here: what a decision asks before any record. It is
//! inlined into each way to ask, so that results are used where they are made.

use ringyo_key::{Digest, KeyId, ParseError, ParsedKey, PepperId, Proof};

use crate::core::Core;
use crate::error::{InvalidKey, Unavailable};
use crate::imported::{Claim, LookUp};
use crate::{AuthError, Credential};

/// A key that was minted here.
pub(crate) struct Proven<'a> {
    parsed: ParsedKey<'a>,
    proof: Proof,
}

/// Questions 1 to 3: no I/O, and no HMAC before the checksum is right.
#[inline(always)]
pub(crate) fn prove<'a>(core: &Core, credential: &Credential<'a>) -> Result<Proven<'a>, Unproven> {
    let presented = &credential.presented;
    let Some(text) = presented.text() else {
        return Err(match presented.is_list() {
            true => Unproven::Ambiguous,
            false => Unproven::Missing,
        });
    };
    Proven::new(core, text).map_err(|invalid| {
        // What looks like a key up to some place has no comma before it.
        let is_list = match invalid {
            InvalidKey::Malformed(ParseError::Checksum) => false,
            InvalidKey::Malformed(ParseError::Character { position }) => {
                presented.is_list_from(position)
            }
            InvalidKey::Malformed(_) => presented.is_list(),
            _ => false,
        };
        match is_list {
            true => Unproven::Ambiguous,
            false => Unproven::Invalid(invalid),
        }
    })
}

/// Why nothing is proven. Unlike the error that becomes of it where that is returned, it fits the
/// registers: an error in memory is waited for each time that it is handed on.
#[derive(Clone, Copy)]
pub(crate) enum Unproven {
    Missing,
    Ambiguous,
    Invalid(InvalidKey),
}

impl Unproven {
    #[inline(always)]
    pub(crate) fn error(self) -> AuthError {
        match self {
            Self::Missing => AuthError::MissingCredential,
            Self::Ambiguous => AuthError::AmbiguousCredential,
            Self::Invalid(invalid) => invalid.into(),
        }
    }
}

impl<'a> Proven<'a> {
    #[inline(always)]
    pub(crate) fn new(core: &Core, text: &'a [u8]) -> Result<Self, InvalidKey> {
        let parsed = core.format.parse(text)?;
        let proof = core.peppers.prove(&parsed).ok_or(InvalidKey::Forged)?;
        Ok(Self { parsed, proof })
    }
}

impl Claim for Proven<'_> {
    #[inline(always)]
    fn id(&self) -> KeyId {
        self.parsed.id()
    }

    #[inline(always)]
    fn is_of(&self, core: &Core, pepper: Option<PepperId>, digest: &Digest) -> bool {
        let Self { parsed, proof } = self;
        match pepper {
            Some(pepper) if pepper == proof.pepper => proof.digest.matches(digest),
            // The tag happened to fit another pepper first, which one key in 57 thousand million
            // does.
            Some(pepper) => core
                .peppers
                .prove_under(pepper, parsed)
                .is_some_and(|proof| proof.digest.matches(digest)),
            // The record of a foreign key has no business with a key of this format.
            None => false,
        }
    }

    fn look_up(&self, _: &Core) -> Result<LookUp, Unavailable> {
        Ok(LookUp::Free)
    }
}
