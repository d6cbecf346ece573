//! Tests of `model::json`.

use super::*;

/// Parses as from a format that has no budget of its own.
fn parse_freely(text: &str) -> serde_json::Result<Value> {
    let budget = ValueBudget::new(usize::MAX);
    BudgetedValue::new(&budget).deserialize(&mut serde_json::Deserializer::from_str(text))
}

#[test]
fn duplicate_keys_and_invalid_texts_are_refused() {
    for bad in [
        r#"{"a":1,"a":1}"#,
        r#"[{"b":{"a":1,"a":2}}]"#,
        "1e999",
        r#""\ud800""#,
        "{",
        &"[".repeat(1000),
    ] {
        assert!(parse_freely(bad).is_err(), "{bad}");
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn text_with_too_many_values_is_refused() {
    let list = |item: &str, count: usize| format!("[{}0]", format!("{item},").repeat(count));
    assert!(parse(list("0", 100_000).as_bytes()).is_ok());
    for dense in [list("0", 300_000), list("{}", 20_000), list("{\"\":0}", 20_000)] {
        let error = parse(dense.as_bytes()).expect_err("too dense");
        assert_eq!(error_message(&error), "must not hold more values than its length allows");
    }
}

#[test]
fn accepted_text_means_the_same_as_to_serde_json() -> serde_json::Result<()> {
    let text = r#"{"a":[1,-2,0.5,"x\n",null,true,{"b":{}}],"c":18446744073709551615}"#;
    assert_eq!(parse_freely(text)?, serde_json::from_str::<Value>(text)?);
    assert_eq!(parse(text.as_bytes())?, serde_json::from_str::<Value>(text)?);
    assert!(parse(b"1 2").is_err());
    Ok(())
}

#[test]
fn texts_and_objects_are_weighed() {
    let weight = |text: &str| {
        let budget = ValueBudget::new(1_000);
        let mut parser = serde_json::Deserializer::from_str(text);
        let parsed = BudgetedValue::new(&budget).deserialize(&mut parser);
        assert_eq!(parsed.is_err(), budget.is_exceeded());
        parsed.ok().map(|_| budget.used())
    };
    assert_eq!(weight("[1,2]"), Some(3));
    assert_eq!(weight("{\"a\":1}"), Some(10));
    assert_eq!(weight(&format!("\"{}\"", "x".repeat(160))), Some(11));
    assert_eq!(weight(&format!("\"{}\"", "x".repeat(16_000))), None);
}
