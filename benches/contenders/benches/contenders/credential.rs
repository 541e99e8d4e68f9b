//! Who is it, and may they read agents?

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use api_keys_simplified::{
    ApiKeyManagerV0, Environment, ExposeSecret as _, KeyStatus, SecureString,
};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use biscuit_auth::datalog::RunLimits;
use biscuit_auth::macros::{authorizer, biscuit};
use biscuit_auth::{Biscuit, KeyPair};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pem::Pem;
use prefixed_api_key::{PrefixedApiKey, PrefixedApiKeyController};
use ringyo::preset::ringyo::BRAND;
use ringyo::{Credential, KeyFormat, Mode, Pepper, PepperId, PepperRing};
use ringyo_bench::{Question, Service, decide, poll_now};
use serde::{Deserialize, Serialize};

use crate::named;

pub(crate) fn measure(service: &Service) {
    let mut question = Question::new("contenders: credential");
    let mut hot = service.workload("credential", 1_000);
    question.case("ringyo: find, prove, limit, check the scope", || {
        decide(service, hot.header())
    });
    question.yardstick();
    let mistyped = Service::mistyped(hot.header());
    question.case("ringyo: a bad checksum", || {
        let credential = Credential::bearer(black_box(&mistyped));
        assert!(poll_now(service.authenticator.authenticate(credential)).is_err());
    });
    ringyo_key(&mut question);
    prefixed_api_key(&mut question);
    api_keys_simplified(&mut question);
    jwt_hs256(&mut question);
    jwt_eddsa(&mut question);
    jwt_rs256(&mut question);
    biscuit(&mut question);
    question.answer();
}

/// Only what those do that know nothing of stores, limits and scopes.
fn ringyo_key(question: &mut Question) {
    let format = KeyFormat::new(BRAND);
    let peppers = PepperRing::new(Pepper::generate(PepperId::new(1)));
    let minted = format.mint(Mode::Live, &peppers);
    let text = minted.key.expose();
    question.case("ringyo: parse and check against a digest", || {
        let parsed = format.parse(black_box(text.as_bytes())).unwrap();
        let proof = peppers.prove(&parsed).unwrap();
        assert!(proof.digest.matches(&minted.digest));
    });
}

fn prefixed_api_key(question: &mut Question) {
    let controller = PrefixedApiKeyController::configure()
        .prefix("rg".to_owned())
        .seam_defaults()
        .finalize()
        .unwrap();
    let (key, hash) = controller.try_generate_key_and_hash().unwrap();
    let text = key.to_string();
    let case = named("prefixed-api-key", "parse and check against a hash");
    question.case(&case, || {
        let key = PrefixedApiKey::from_string(black_box(&text)).unwrap();
        assert!(controller.check_hash(&key, &hash));
    });
}

/// It hashes keys as one does passwords, which is what it advises.
fn api_keys_simplified(question: &mut Question) {
    let manager = ApiKeyManagerV0::init_default_config("rg").unwrap();
    let key = manager.generate(Environment::production()).unwrap();
    let hash = key.expose_hash().hash();
    question.case(&named("api-keys-simplified", "verify"), || {
        let status = manager.verify(black_box(key.key()), hash).unwrap();
        assert_eq!(status, KeyStatus::Valid);
    });
    let mut mistyped = key.key().expose_secret().to_owned();
    let last = mistyped.pop().unwrap();
    mistyped.push(if last == '0' { '1' } else { '0' });
    let mistyped = SecureString::from(mistyped);
    question.case(&named("api-keys-simplified", "a bad checksum"), || {
        assert!(!manager.verify_checksum(black_box(&mistyped)).unwrap());
    });
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    sub: String,
    scope: String,
    iss: String,
    aud: String,
    exp: u64,
}

fn jwt_hs256(question: &mut Question) {
    jwt(question, &Verifier::hs256(), "HS256");
}

fn jwt_eddsa(question: &mut Question) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    let keys = (
        EncodingKey::from_ed_der(private.as_ref()),
        DecodingKey::from_ed_der(pair.public_key().as_ref()),
    );
    jwt(question, &Verifier::new(Algorithm::EdDSA, keys), "EdDSA");
}

fn jwt_rs256(question: &mut Question) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // Its DER is that of PKCS #8, which is taken only in this form.
    let private = Pem::new("PRIVATE KEY", pair.as_der().unwrap().as_ref());
    let keys = (
        EncodingKey::from_rsa_pem(pem::encode(&private).as_bytes()).unwrap(),
        DecodingKey::from_rsa_der(pair.public_key().as_ref()),
    );
    jwt(question, &Verifier::new(Algorithm::RS256, keys), "RS256");
}

fn jwt(question: &mut Question, verifier: &Verifier, algorithm: &str) {
    let what = format!("{algorithm}, verify and find the scope");
    question.case(&named("jsonwebtoken", &what), || {
        assert!(verifier.lets_in(black_box(&verifier.token)));
    });
}

/// What looks whether a token is good, and holds the scope to read agents.
pub(crate) struct Verifier {
    /// One that is and does.
    pub(crate) token: String,
    decoding: DecodingKey,
    validation: Validation,
}

impl Verifier {
    pub(crate) fn hs256() -> Self {
        let secret = [7; 32];
        let keys = (
            EncodingKey::from_secret(&secret),
            DecodingKey::from_secret(&secret),
        );
        Self::new(Algorithm::HS256, keys)
    }

    fn new(algorithm: Algorithm, keys: (EncodingKey, DecodingKey)) -> Self {
        let (encoding, decoding) = keys;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let claims = Claims {
            sub: "acct_1".to_owned(),
            scope: "agents:read calls:read".to_owned(),
            iss: "https://issuer.example".to_owned(),
            aud: "https://api.example".to_owned(),
            exp: now.unwrap().as_secs() + 86_400,
        };
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &encoding).unwrap();
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&[&claims.aud]);
        validation.set_issuer(&[&claims.iss]);
        Self {
            token,
            decoding,
            validation,
        }
    }

    pub(crate) fn lets_in(&self, token: &str) -> bool {
        let told = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation);
        told.is_ok_and(|told| {
            told.claims
                .scope
                .split(' ')
                .any(|scope| scope == "agents:read")
        })
    }
}

fn biscuit(question: &mut Question) {
    let root = KeyPair::new();
    let facts = biscuit!(r#"user("acct_1"); right("agents", "read"); right("calls", "read");"#);
    let token = facts.build(&root).unwrap().to_base64().unwrap();
    let public = root.public();
    // Not its own limit of a millisecond, by the clock on the wall: a busy machine reaches that.
    let limits = RunLimits {
        max_time: Duration::from_secs(60),
        ..RunLimits::default()
    };
    let case = named("biscuit-auth", "verify and authorize");
    question.case(&case, || {
        let token = Biscuit::from_base64(black_box(&token), public).unwrap();
        let policy = authorizer!(r#"allow if right("agents", "read");"#);
        let policy = policy.set_limits(limits.clone());
        policy.build(&token).unwrap().authorize().unwrap()
    });
}
