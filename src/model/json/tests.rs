//! Tests of `model::json`.

use super::*;

#[test]
fn what_two_readers_would_disagree_about_is_refused() {
    for bad in [
        r#"{"a":1,"a":1}"#,
        r#"[{"b":{"a":1,"a":2}}]"#,
        "1e999",
        r#""\ud800""#,
        "{",
        &"[".repeat(1000),
    ] {
        assert!(serde_json::from_str::<Strict>(bad).is_err(), "{bad}");
        assert!(read(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn dense_texts_are_refused() {
    let list = |item: &str, count: usize| format!("[{}0]", format!("{item},").repeat(count));
    assert!(read(list("0", 100_000).as_bytes()).is_ok());
    for dense in [list("0", 300_000), list("{}", 20_000), list("{\"\":0}", 20_000)] {
        let error = read(dense.as_bytes()).expect_err("too dense");
        assert_eq!(flaw(&error), "must not hold more values than its length allows");
    }
}

#[test]
fn anything_else_is_what_serde_json_reads() -> serde_json::Result<()> {
    let text = r#"{"a":[1,-2,0.5,"x\n",null,true,{"b":{}}],"c":18446744073709551615}"#;
    assert_eq!(serde_json::from_str::<Strict>(text)?.0, serde_json::from_str::<Value>(text)?);
    assert_eq!(read(text.as_bytes())?, serde_json::from_str::<Value>(text)?);
    assert!(read(b"1 2").is_err());
    Ok(())
}
