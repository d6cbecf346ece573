//! Tests of `credentials::api_keys`.

use super::*;
use proptest::prelude::*;

#[test]
fn generated_key_is_well_formed_and_is_not_printed() {
    let key = ApiKey::generate();
    assert_eq!(key.expose().len(), 50);
    assert!(key.expose().starts_with(key.prefix()) && key.prefix().len() == 8);
    assert!(!key.is_legacy());
    assert_ne!(ApiKey::generate().hash(), key.hash());
    assert_eq!(ApiKey::parse(key.expose()).unwrap().hash(), key.hash());
    let printed = format!("{key:?} {:?}", key.hash());
    assert!(
        !printed.contains(key.expose().get(4..).unwrap()) && !printed.contains(&key.hash().hex())
    );
}

#[test]
fn checksum_is_crc32_in_base62() {
    // Python: zlib.crc32(b"mdl_" + b"0" * 40) in base62 of 0-9A-Za-z.
    let key = format!("mdl_{}", "0".repeat(40));
    let sum: String = checksum(&key).collect();
    assert_eq!(sum, "0GdRQp");
    assert!(ApiKey::parse(&format!("{key}{sum}")).is_ok());
}

#[test]
fn legacy_key_is_64_lower_case_hexadecimal_digits() {
    assert!(ApiKey::parse(&format!("mdl_{}", "0123456789abcdef".repeat(4))).unwrap().is_legacy());
    for bad in
        ["ABCDEF0123456789".repeat(4), "0123456789abcdef".repeat(3), "g".repeat(64), String::new()]
    {
        assert!(ApiKey::parse(&format!("mdl_{bad}")).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn one_wrong_character_is_always_detected(at in 4_usize..50, to in 0_usize..62) {
        let key = ApiKey::generate();
        let mut text = key.expose().to_owned().into_bytes();
        text[at] = BASE62[to];
        let text = String::from_utf8(text).unwrap();
        prop_assert_eq!(ApiKey::parse(&text).is_ok(), text == key.expose());
    }

    #[test]
    fn parsing_never_panics(text in "\\PC{0,80}") {
        let _ = ApiKey::parse(&text);
        let _ = ApiKey::parse(&format!("mdl_{text}"));
    }
}
