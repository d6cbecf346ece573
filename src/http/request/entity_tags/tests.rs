//! Tests of `http::request::entity_tags`.

use actix_web::http::header::IF_MATCH;
use proptest::prelude::*;

use super::*;

fn read(lines: &[&[u8]]) -> Option<EntityTags> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(IF_MATCH, HeaderValue::from_bytes(line).unwrap());
    }
    EntityTags::from_headers(&headers, &IF_MATCH).unwrap()
}

fn is_refused(line: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    headers.append(IF_MATCH, HeaderValue::from_bytes(line).unwrap());
    EntityTags::from_headers(&headers, &IF_MATCH).is_err()
}

fn strong(opaque: &str) -> EntityTag {
    EntityTag { is_weak: false, opaque: opaque.into() }
}

#[test]
fn lists_are_read_to_the_letter() {
    let weak = |opaque: &str| EntityTag { is_weak: true, opaque: opaque.into() };
    for (line, expected) in [
        (&b"\"1\""[..], vec![strong("1")]),
        (b"\"\"", vec![strong("")]),
        (b"W/\"1\" , \"2\"", vec![weak("1"), strong("2")]),
        (b", ,\t\"1\",, \"2\" ,", vec![strong("1"), strong("2")]),
        (b"\"a,b\",\"W/\"", vec![strong("a,b"), strong("W/")]),
        (b"\"caf\xe9\",\"*\"", vec![strong("caf\u{e9}"), strong("*")]),
        (b"\"a\\\"", vec![strong("a\\")]),
    ] {
        assert_eq!(read(&[line]), Some(EntityTags::Listed(expected)), "{line:?}");
    }
    assert_eq!(read(&[b" * "]), Some(EntityTags::Any));
    assert_eq!(read(&[]), None);
    let both = EntityTags::Listed(vec![strong("1"), strong("2")]);
    assert_eq!(read(&[b"\"1\"", b"\"2\""]), Some(both));
}

#[test]
fn what_is_no_list_of_tags_is_refused() {
    for line in [
        &b""[..],
        b",",
        b"1",
        b"\"1",
        b"1\"",
        b"\"1\" \"2\"",
        b"\"1\"x",
        b"w/\"1\"",
        b"W/ \"1\"",
        b"W/1",
        b"\"a b\"",
        b"*, \"1\"",
        b"\"1\", *",
        b"**",
        b"'1'",
    ] {
        assert!(is_refused(line), "{line:?}");
    }
}

#[test]
fn tags_name_a_version_whatever_its_representation() {
    for (opaque, identity, version) in [
        ("1.0.0", "1.0.0", "1.0.0"),
        ("1.0.0;gzip", "1.0.0", "1.0.0"),
        ("1.0.0+ab12", "1.0.0+ab12", "1.0.0"),
        ("1.0.0+ab12;br", "1.0.0+ab12", "1.0.0"),
        // No tag of ours.
        ("1.0.0;other", "1.0.0;other", "1.0.0;other"),
        ("1.0.0;br;gzip", "1.0.0;br", "1.0.0;br"),
    ] {
        let tag = strong(opaque);
        assert_eq!((tag.identity(), tag.version()), (identity, version), "{opaque}");
    }
}

proptest! {
    #[test]
    fn every_list_of_tags_is_read_as_it_was_written(
        tags in prop::collection::vec((any::<bool>(), "[!#-~]{0,12}"), 1..8),
        gaps in prop::collection::vec("[ ,\t]{0,3}", 8),
    ) {
        let mut line = String::new();
        for ((is_weak, opaque), gap) in tags.iter().zip(&gaps) {
            let mark = if *is_weak { "W/" } else { "" };
            line.extend([gap.as_str(), mark, "\"", opaque.as_str(), "\","]);
        }
        let expected = tags.iter().map(|(is_weak, opaque)| {
            EntityTag { is_weak: *is_weak, opaque: opaque.clone() }
        });
        prop_assert_eq!(read(&[line.as_bytes()]), Some(EntityTags::Listed(expected.collect())));
    }

    #[test]
    fn no_header_value_causes_a_panic(line in prop::collection::vec(prop::sample::select(
        b"\"\"W/,* \ta\x80\xff".to_vec()), 0..24)) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            headers.append(IF_MATCH, value);
            let _ = EntityTags::from_headers(&headers, &IF_MATCH);
        }
    }
}
