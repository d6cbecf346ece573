//! Tests of files of versions, line by line.

use serde_json::{Value, json};

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn header() -> String {
    serde_json::to_string(&RecordFileHeader::new(None)).unwrap()
}

/// A present domain in its first version, with some fields replaced.
fn domain(fields: &Value) -> Value {
    let mut record = json!({
        "kind": "domain", "id": "d1", "revision": 1, "version": "1",
        "changed_at": "2026-01-01T00:00:00Z", "changed_by": "alice", "change_type": "create",
        "channel": "api", "fields_changed": [], "changes_summary": "Created", "present": true,
        "content": {
            "domain_id": "d1", "name": "Finance", "tier_focus": {}, "key_areas": [], "version": 1,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        },
    });
    for (name, value) in fields.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

fn check_lines(lines: &[String]) -> Result<RecordTotals, Vec<Violation>> {
    let mut checker = RecordChecker::new(now());
    for line in lines {
        checker.line(line);
    }
    checker.finish()
}

/// Checks a complete file of these changes; returns the paths that are wrong.
fn wrong(records: &[Value]) -> Vec<String> {
    let mut lines = vec![header()];
    lines.extend(records.iter().map(Value::to_string));
    lines.push(json!({"changes": records.len()}).to_string());
    let found = check_lines(&lines).err().unwrap_or_default();
    found.into_iter().map(|violation| violation.field).collect()
}

#[test]
fn complete_file_is_accepted_and_counted() {
    let former = json!({"present": false, "revision": 1});
    let present = json!({"revision": 2, "version": "2", "change_type": "update",
        "content": domain(&json!({}))["content"]});
    let mut present = domain(&present);
    present["content"]["version"] = json!(2);
    let lines = [
        header(),
        domain(&former).to_string(),
        present.to_string(),
        json!({"changes": 2}).to_string(),
    ];
    let totals = check_lines(&lines).unwrap();
    assert_eq!((totals.changes, totals.domains, totals.metrics, totals.deleted), (2, 1, 0, 0));
    assert_eq!(totals.versions_since, None);
}

#[test]
fn instant_of_kept_contents_follows_the_last_content_that_was_not_kept() {
    let mut lost = domain(&json!({"present": false}));
    lost.as_object_mut().unwrap().remove("content");
    let mut present = domain(&json!({"revision": 2, "version": "2",
        "changed_at": "2026-01-02T00:00:00Z", "change_type": "update"}));
    present["content"]["version"] = json!(2);
    let lines =
        [header(), lost.to_string(), present.to_string(), json!({"changes": 2}).to_string()];
    let since = check_lines(&lines).unwrap().versions_since;
    assert_eq!(since.unwrap().to_rfc3339(), "2026-01-02T00:00:00+00:00");
}

#[test]
fn each_wrong_field_is_named_with_its_line() {
    for (field, value, path) in [
        ("id", json!("a b"), "line 2.id"),
        ("version", json!("1.0.0"), "line 2.version"),
        ("version", json!("2"), "line 2.content.version"),
        ("revision", json!(0), "line 2.revision"),
        ("changed_at", json!("2099-01-01T00:00:00Z"), "line 2.changed_at"),
        ("changed_at", json!("2025-01-01T00:00:00Z"), "line 2.content.created_at"),
        ("changed_at", json!("yesterday"), "line 2.changed_at"),
        ("changed_by", json!("a\nb"), "line 2.changed_by"),
        ("changes_summary", json!("\0"), "line 2.changes_summary"),
        ("fields_changed", json!(["\0"]), "line 2.fields_changed"),
        ("channel", json!("fax"), "line 2"),
        ("change_type", json!("delete"), "line 2.content"),
        ("more", json!(1), "line 2"),
        ("content", json!({}), "line 2.content.version"),
        ("content", json!([]), "line 2.content.version"),
    ] {
        let found = wrong(&[domain(&json!({field: value.clone()}))]);
        assert_eq!(found.first().map(String::as_str), Some(path), "{field} {value}: {found:?}");
    }
    for (pointer, value) in [
        ("name", json!("")),
        ("name", json!("a\0")),
        ("description", json!("<script>x</script>")),
        ("color", json!(1)),
        ("domain_id", json!("d2")),
        ("extra", json!(1)),
    ] {
        let mut record = domain(&json!({}));
        record["content"][pointer] = value;
        let found = wrong(&[record]);
        assert!(found.first().is_some_and(|path| path.starts_with("line 2.content")), "{found:?}");
    }
}

#[test]
fn changes_of_an_item_follow_each_other() {
    let former = domain(&json!({"present": false}));
    for (second, path) in [
        (json!({}), "line 3.revision"),
        (json!({"revision": 2}), "line 3.version"),
        (
            json!({"revision": 2, "version": "2", "changed_at": "2025-12-31T23:59:59Z"}),
            "line 3.changed_at",
        ),
    ] {
        assert_eq!(wrong(&[former.clone(), domain(&second)])[0], path, "{second}");
    }
    let present = domain(&json!({}));
    assert_eq!(wrong(&[present.clone(), domain(&json!({"revision": 2}))])[0], "line 3");
    // Two domains with one name.
    let mut other = domain(&json!({"id": "d2"}));
    other["content"]["domain_id"] = json!("d2");
    assert_eq!(wrong(&[present, other]), ["line 3.content.name"]);
}

#[test]
fn incomplete_and_foreign_files_are_refused() {
    let record = domain(&json!({})).to_string();
    let end = json!({"changes": 1}).to_string();
    for (lines, message) in [
        (vec![header(), record.clone()], "incomplete"),
        (vec![header()], "incomplete"),
        (vec![], "incomplete"),
        (vec![header(), end.clone()], "number of changes"),
        (vec![record.clone(), end.clone()], "header"),
        (vec![header().replace(":1,", ":2,"), record.clone(), end.clone()], "newer version"),
        (vec![header(), record.clone(), end.clone(), record.clone()], "follow the end"),
        (vec![header(), record[..50].to_owned(), end.clone()], "no change"),
    ] {
        let found = check_lines(&lines).unwrap_err();
        assert!(found[0].message.contains(message), "{lines:?}: {found:?}");
    }
    assert!(RecordFileHeader::begins(header().as_bytes()));
    assert!(RecordFileHeader::begins(b"{ \"format\": \"mdl-versions\", "));
    assert!(!RecordFileHeader::begins(b"{\"domains\": []}") && !RecordFileHeader::begins(b"{"));
}

#[test]
fn violations_are_bounded() {
    let mut checker = RecordChecker::new(now());
    let mut lines = 0_u32;
    while checker.line("{}") {
        lines += 1;
        assert!(lines < 1_000);
    }
    assert_eq!(checker.finish().unwrap_err().len(), MAX_SHOWN);
}
