//! No files of `src` import each other in a cycle. Imports are the `use` declarations and the paths
//! that begin with `crate`, `self`, `super`, a child module or an imported module. A `mod` line is
//! no import, and a name that a module re-exports belongs to the file that it comes from. Unit
//! tests are left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::{Source, assert_none, code, files, is_word, paths, without_tests};

/// A module path without `crate`.
type Path = Vec<String>;

struct Import {
    exported: bool,
    path: Path,
    /// The name in this module; `*` for all names.
    alias: String,
}

struct Module {
    file: String,
    code: String,
    /// The code without its `use` declarations.
    body: String,
    imports: Vec<Import>,
}

struct Modules(BTreeMap<Path, Module>);

/// Where a path leads: a module, and whether it is the module itself or one of its items.
struct Target {
    module: Path,
    is_module: bool,
}

impl Module {
    fn new(source: &Source) -> Self {
        let code = code(&source.text);
        let code = without_visibilities(without_tests(&code));
        let (mut body, mut imports) = (String::new(), Vec::new());
        let mut rest = code.as_str();
        while let Some((start, tree, exported)) = next_use(rest) {
            body.push_str(&rest[..start]);
            let end = rest[tree..].find(';').map_or(rest.len(), |end| tree + end);
            leaves(&rest[tree..end], &[], exported, &mut imports);
            rest = &rest[end..];
        }
        body.push_str(rest);
        Self { file: source.path.clone(), code, body, imports }
    }

    fn declares(&self, name: &str) -> bool {
        let keywords = ["fn", "struct", "enum", "trait", "const", "static", "type"];
        keywords.iter().any(|keyword| has_word(&self.code, &format!("{keyword} {name}")))
    }
}

/// Removes the paths of visibilities such as `pub(in crate::app)`, which are no imports.
fn without_visibilities(code: &str) -> String {
    let mut parts = code.split("pub(in ");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    rest.fold(first, |code, rest| code + "pub " + rest)
}

/// Finds the next `use` declaration: where it begins, where its tree begins, and whether it is
/// exported.
fn next_use(code: &str) -> Option<(usize, usize, bool)> {
    let mut line_start = 0;
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let (exported, declaration) = match trimmed.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => {
                (true, rest.split_once(')').map_or("", |(_, rest)| rest).trim_start())
            }
            Some(rest) => (true, rest.trim_start()),
            None => (false, trimmed),
        };
        if let Some(tree) = declaration.strip_prefix("use ") {
            return Some((line_start, line_start + line.len() - tree.len(), exported));
        }
        line_start += line.len();
    }
    None
}

/// Flattens the tree of a `use` declaration.
fn leaves(tree: &str, prefix: &[String], exported: bool, imports: &mut Vec<Import>) {
    let tree = tree.trim();
    let segments = |text: &str| {
        let segments = text.split("::").map(str::trim).filter(|segment| !segment.is_empty());
        prefix.iter().cloned().chain(segments.map(str::to_owned)).collect::<Path>()
    };
    if let Some((head, group)) = tree.split_once('{') {
        let group = group.trim_end().trim_end_matches('}');
        let (mut depth, mut start) = (0_usize, 0);
        let ends = group.char_indices().filter_map(|(at, c)| {
            depth = match c {
                '{' => depth + 1,
                '}' => depth - 1,
                _ => depth,
            };
            (c == ',' && depth == 0).then_some(at)
        });
        // The last closing braces may belong to an inner group.
        let ends: Vec<usize> = ends.chain([group.len()]).collect();
        for end in ends {
            if !group[start..end].trim().is_empty() {
                leaves(&group[start..end], &segments(head), exported, imports);
            }
            start = end + 1;
        }
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(p, a)| (p, Some(a.trim())));
    let mut path = segments(path);
    path.pop_if(|last| *last == "self");
    if let Some(last) = path.last().cloned() {
        imports.push(Import { exported, path, alias: alias.map_or(last, str::to_owned) });
    }
}

fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(start, _)| {
        !code[..start].ends_with(is_word) && !code[start + word.len()..].starts_with(is_word)
    })
}

impl Modules {
    fn new(sources: &[Source]) -> Self {
        let modules = sources.iter().filter(|source| !source.is_unit_test()).map(|source| {
            let path = source.path.trim_start_matches("src/").trim_end_matches(".rs");
            let mut path: Path = path.split('/').map(str::to_owned).collect();
            path.pop_if(|last| *last == "mod" || *last == "lib");
            (path, Module::new(source))
        });
        Self(modules.collect())
    }

    /// The module in which this path of `module` begins, and the segments that follow. `None` for
    /// paths that begin with a library or a local name.
    fn anchor<'a>(&self, module: &[String], path: &'a [String]) -> Option<(Path, &'a [String])> {
        match path.first()?.as_str() {
            "crate" => Some((Vec::new(), &path[1..])),
            "self" => Some((module.to_vec(), &path[1..])),
            "super" => {
                let up = path.iter().take_while(|segment| *segment == "super").count();
                Some((module[..module.len().checked_sub(up)?].to_vec(), &path[up..]))
            }
            child => {
                let is_child = self.0.contains_key(&[module, &[child.to_owned()][..]].concat());
                is_child.then(|| (module.to_vec(), path))
            }
        }
    }

    fn resolve(&self, start: Path, path: &[String], depth: u32) -> Target {
        let (mut module, mut rest) = (start, path);
        while let Some((next, further)) = rest.split_first() {
            let child = [&module[..], std::slice::from_ref(next)].concat();
            if !self.0.contains_key(&child) {
                break;
            }
            (module, rest) = (child, further);
        }
        let Some((name, further)) = rest.split_first() else {
            return Target { module, is_module: true };
        };
        let imports = self.0.get(&module).map_or(&[][..], |found| &found.imports);
        // Imports of imports; a cycle of them would not compile.
        for import in imports.iter().filter(|import| depth < 8 && import.alias == *name) {
            if let Some((start, path)) = self.anchor(&module, &import.path) {
                let target = self.resolve(start, path, depth + 1);
                return if target.is_module && !further.is_empty() {
                    self.resolve(target.module, further, depth + 1)
                } else {
                    Target { is_module: false, ..target }
                };
            }
        }
        for import in imports.iter().filter(|import| depth < 8 && import.alias == "*") {
            let parent = &import.path[..import.path.len() - 1];
            if let Some((start, path)) = self.anchor(&module, parent) {
                let target = self.resolve(start, path, depth + 1);
                if self.0.get(&target.module).is_some_and(|found| found.declares(name)) {
                    return Target { is_module: false, ..target };
                }
            }
        }
        Target { module, is_module: false }
    }

    fn imports_of(&self, path: &[String], module: &Module) -> BTreeSet<Path> {
        let mut found = BTreeSet::new();
        let used = paths(&module.body);
        for Import { exported, path: imported, alias } in &module.imports {
            let glob = alias == "*";
            let imported = if glob { &imported[..imported.len() - 1] } else { &imported[..] };
            let Some((start, segments)) = self.anchor(path, imported) else { continue };
            let target = self.resolve(start, segments, 0);
            let through: Vec<&Path> = used.iter().filter(|used| used[0] == *alias).collect();
            if target.is_module && !through.is_empty() {
                let inner = through.iter().map(|used| &used[1..]);
                found.extend(inner.map(|rest| self.resolve(target.module.clone(), rest, 0).module));
            } else if !exported || (!glob && !target.is_module && has_word(&module.body, alias)) {
                found.insert(target.module);
            }
        }
        let anchored = used.iter().filter_map(|used| self.anchor(path, used));
        found.extend(anchored.map(|(start, rest)| self.resolve(start, rest, 0).module));
        found.retain(|target| target != path && self.0.contains_key(target));
        found
    }

    /// All imports that are part of a cycle, as `from -> to`.
    fn cyclic_imports(&self) -> Vec<String> {
        let imports: BTreeMap<&Path, BTreeSet<Path>> =
            self.0.iter().map(|(path, module)| (path, self.imports_of(path, module))).collect();
        let reaches = |from: &Path, to: &Path| {
            let (mut seen, mut next) = (BTreeSet::from([from]), vec![from]);
            while let Some(module) = next.pop() {
                if module == to {
                    return true;
                }
                next.extend(imports[module].iter().filter(|module| seen.insert(*module)));
            }
            false
        };
        let edges = imports.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, to)));
        let cyclic = edges.filter(|(from, to)| reaches(to, from));
        cyclic.map(|(from, to)| format!("{} -> {}", self.0[from].file, self.0[to].file)).collect()
    }
}

fn cycles(sources: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> = sources.iter().map(|(path, text)| Source::new(path, text)).collect();
    Modules::new(&sources).cyclic_imports()
}

#[test]
fn files_do_not_import_each_other_in_a_cycle() {
    let mut sources = files("src", "rs");
    sources.retain(|source| source.path != "src/main.rs");
    assert_none(&Modules::new(&sources).cyclic_imports());
}

#[test]
fn planted_cycle_is_found() {
    let a = ("src/a.rs", "use crate::b::{self, B};\npub struct A(B);");
    let c = ("src/b/c.rs", "fn f() -> crate::a::A { todo!() }");
    let uses_c = ("src/b/mod.rs", "mod c;\npub struct B;\nfn g() { c::f(); }");
    let b = ("src/b/mod.rs", "mod c;\npub struct B;");
    let expected = ["src/a.rs -> src/b/mod.rs", "src/b/mod.rs -> src/b/c.rs"];
    assert_eq!(cycles(&[a, uses_c, c])[..2], expected);
    assert_eq!(cycles(&[a, uses_c, c])[2..], ["src/b/c.rs -> src/a.rs"]);
    assert!(cycles(&[a, b, c]).is_empty(), "a mod line is no import");
}

#[test]
fn parent_and_child_may_form_a_cycle() {
    let parent = ("src/a/mod.rs", "mod b;\npub struct A;\nfn f() { self::b::g(); }");
    let child = ("src/a/b.rs", "use super::A;\npub fn g() -> A { A }");
    assert_eq!(cycles(&[parent, child]).len(), 2);
}

#[test]
fn re_exported_name_belongs_to_its_file() {
    let parent = ("src/a/mod.rs", "mod b;\nmod c;\npub use self::b::B;\npub use self::c::*;");
    let b = ("src/a/b.rs", "pub struct B;");
    let c = ("src/a/c.rs", "use super::B;\npub struct C(B);");
    let d = ("src/d.rs", "use crate::a::{B, C};\nuse crate::a;\nfn f(_: a::B, _: C) {}");
    let uses_d = ("src/a/b.rs", "use crate::d::f;\npub struct B;");
    assert!(cycles(&[parent, b, c, d]).is_empty());
    let expected = ["src/a/b.rs -> src/d.rs", "src/a/c.rs -> src/a/b.rs"];
    assert_eq!(cycles(&[parent, uses_d, c, d])[..2], expected);
}

#[test]
fn visibility_is_no_import() {
    let a = ("src/a/mod.rs", "mod b;\nfn f() { b::f(); }");
    let visible = "pub(in crate::a) fn f() {}\npub(in crate::a) use self::c::C;";
    assert!(cycles(&[a, ("src/a/b.rs", visible)]).is_empty());
    assert_eq!(cycles(&[a, ("src/a/b.rs", "fn f() { crate::a::g() }")]).len(), 2);
}

#[test]
fn unit_tests_and_libraries_are_left_out() {
    let a = ("src/a.rs", "use b::x;\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}");
    let b = ("src/b.rs", "use crate::a::A;");
    let tests = ("src/a/tests.rs", "use crate::b::B;");
    assert!(cycles(&[a, b, tests]).is_empty());
}
