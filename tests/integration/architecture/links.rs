//! The pages of the documentation: their links lead to files and headings that exist, the paths
//! that they name exist, and the index of each folder lists all its pages.

use std::path::Path;

use crate::architecture::plan::spans;
use crate::architecture::{Source, assert_none, file, files};

/// Folders of this repository in which a path that a page names must exist.
const FOLDERS: [&str; 8] =
    ["src/", "tests/", "benches/", "docs/", "deploy/", "scripts/", "migrations/", "examples/"];
/// Where a page may leave out the beginning of a path to a file.
const BEGINNINGS: [&str; 4] = ["", "src/", "src/actors/", "tests/integration/"];

fn exists(path: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists()
}

fn pages() -> Vec<Source> {
    let mut pages = files("docs", "md");
    let names = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "migrations/README.md"];
    pages.extend(names.map(file));
    pages
}

/// The targets of links in a page, each with its fragment. External ones are left out.
fn targets(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let internal = links.map(|(target, _)| target).filter(|target| !target.contains(':'));
    internal.map(|target| target.split_once('#').unwrap_or((target, "")))
}

/// Whether a page has a heading with this fragment, as GitHub makes it.
fn has_heading(page: &str, fragment: &str) -> bool {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let mut fragments = headings.map(|heading| {
        let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.replace(|c: char| !c.is_alphanumeric() && !"-_".contains(c), "")
    });
    fragments.any(|found| found == fragment)
}

fn broken_links(page: &Source) -> Vec<String> {
    let folder = Path::new(&page.path).parent().unwrap();
    let is_broken = |(target, fragment): &(&str, &str)| {
        let path = if target.is_empty() { page.path.as_str().into() } else { folder.join(target) };
        let path = path.to_str().unwrap();
        !exists(path) || (!fragment.is_empty() && !has_heading(&file(path).text, fragment))
    };
    let broken = targets(&page.text).filter(is_broken);
    broken.map(|(target, fragment)| format!("{}: {target}#{fragment}", page.path)).collect()
}

/// Paths in code spans that do not exist. Of a pattern (`*`, `<`) only the folder is checked.
fn missing_paths(page: &Source) -> Vec<String> {
    // Indented lines are commands and trees.
    let lines = page.text.lines().filter(|line| !line.starts_with("    "));
    let text = lines.collect::<Vec<_>>().join("\n");
    let is_path = |span: &&str| {
        let in_folder = FOLDERS.iter().any(|folder| span.starts_with(folder));
        let is_source = Path::new(span).extension().is_some_and(|found| found == "rs");
        (in_folder || (is_source && span.contains('/'))) && !span.contains(' ')
    };
    let known = |span: &&str| {
        let fixed = span.split(['*', '<', '…']).next().unwrap_or_default();
        let fixed = if fixed == *span { fixed } else { fixed.rsplit_once('/').unwrap().0 };
        BEGINNINGS.iter().any(|beginning| exists(&format!("{beginning}{fixed}")))
    };
    let unknown = spans(&text).filter(is_path).filter(|span| !known(span));
    unknown.map(|span| format!("{}: {span}", page.path)).collect()
}

#[test]
fn links_lead_to_files() {
    assert_none(&pages().iter().flat_map(broken_links).collect::<Vec<_>>());
}

#[test]
fn paths_in_pages_exist() {
    assert_none(&pages().iter().flat_map(missing_paths).collect::<Vec<_>>());
}

#[test]
fn every_page_is_in_the_index() {
    for folder in ["docs/", "docs/runbooks/", "docs/adr/"] {
        let index = file(&format!("{folder}README.md"));
        let targets: Vec<&str> = targets(&index.text).map(|(target, _)| target).collect();
        let pages = files(folder, "md").into_iter().filter_map(|page| {
            let name = page.path.strip_prefix(folder)?.to_owned();
            (!name.contains('/') && name != "README.md").then_some(name)
        });
        let absent = pages.filter(|name| !targets.contains(&name.as_str()));
        assert_none(&absent.map(|name| format!("{folder}{name}")).collect::<Vec<_>>());
    }
}

#[test]
fn broken_link_and_invented_path_are_found() {
    let page = |text| Source::new("docs/a.md", text);
    let links = "[a](api.md#lists) [b](../README.md) [c](invented.md) [d](https://example.com/x)";
    assert_eq!(broken_links(&page(links)), ["docs/a.md: invented.md#"]);
    assert_eq!(broken_links(&page("[a](api.md#invented)")), ["docs/a.md: api.md#invented"]);
    let paths = "`http/server.rs` `src/http` `deploy/prometheus/tests/*.yml` `GET /x` `a.rs`";
    assert!(missing_paths(&page(paths)).is_empty());
    let invented = "`src/invented` `http/invented.rs` `docs/invented/*.md`\n    `src/invented`";
    assert_eq!(missing_paths(&page(invented)).len(), 3);
}
