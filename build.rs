//! Finds the commit of this build for `mdl_build_info{revision}`: `MDL_REVISION` if it is set, else
//! that of the git repository in this folder. Its files are read without git, which need not be
//! installed. A source archive has neither: the revision is then `unknown`. Changes that are
//! not committed do not show.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Shown digits of a commit id.
const DIGITS: usize = 12;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "cargo::rerun-if-env-changed=MDL_REVISION")?;
    writeln!(out, "cargo::rerun-if-changed=build.rs")?;
    let given = std::env::var("MDL_REVISION").ok().filter(|revision| !revision.is_empty());
    let revision = if given.is_some() {
        given
    } else {
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let git = folder.as_deref().and_then(git_folder);
        for file in git.iter().flat_map(Git::watched) {
            writeln!(out, "cargo::rerun-if-changed={}", file.display())?;
        }
        git.and_then(|git| git.commit())
    };
    let revision = revision.unwrap_or_else(|| "unknown".to_owned());
    writeln!(out, "cargo::rustc-env=MDL_BUILD_REVISION={revision}")
}

/// The files of a repository: those of this work tree, and those that all its work trees share.
struct Git {
    own: PathBuf,
    shared: PathBuf,
}

/// Returns the repository whose work tree is exactly this folder. An archive that was unpacked
/// inside another repository does not have its revision.
fn git_folder(folder: &Path) -> Option<Git> {
    let dot_git = folder.join(".git");
    if dot_git.is_dir() {
        return Some(Git { own: dot_git.clone(), shared: dot_git });
    }
    // In a linked work tree it is a file that names the folder.
    let text = fs::read_to_string(&dot_git).ok()?;
    let own = folder.join(text.strip_prefix("gitdir:")?.trim());
    let shared = match fs::read_to_string(own.join("commondir")) {
        Ok(text) => own.join(text.trim()),
        Err(_) => own.clone(),
    };
    Some(Git { own, shared })
}

impl Git {
    /// Returns the name of the checked-out branch, such as `refs/heads/main`.
    fn branch(&self) -> Option<String> {
        let head = fs::read_to_string(self.own.join("HEAD")).ok()?;
        head.strip_prefix("ref:").map(|name| name.trim().to_owned())
    }

    /// Returns the beginning of the id of the checked-out commit.
    fn commit(&self) -> Option<String> {
        let id = match self.branch() {
            Some(branch) => self.loose(&branch).or_else(|| self.packed(&branch)),
            None => fs::read_to_string(self.own.join("HEAD")).ok(),
        }?;
        let id = id.trim();
        let is_id = id.len() >= DIGITS && id.chars().all(|c| c.is_ascii_hexdigit());
        is_id.then(|| id.chars().take(DIGITS).collect())
    }

    fn loose(&self, branch: &str) -> Option<String> {
        fs::read_to_string(self.shared.join(branch)).ok()
    }

    fn packed(&self, branch: &str) -> Option<String> {
        let packed = fs::read_to_string(self.shared.join("packed-refs")).ok()?;
        let mut refs = packed.lines().filter_map(|line| line.split_once(' '));
        refs.find(|(_, name)| *name == branch).map(|(id, _)| id.to_owned())
    }

    /// Returns the files that change with the checked-out commit, of those that exist: one that is
    /// missing would run this script at each build. The log of HEAD changes with every commit, also
    /// with one that creates the file of a packed branch.
    fn watched(&self) -> Vec<PathBuf> {
        let branch = self.branch().map(|branch| self.shared.join(branch));
        let fixed = [
            self.own.join("HEAD"),
            self.own.join("logs").join("HEAD"),
            self.shared.join("packed-refs"),
        ];
        fixed.into_iter().chain(branch).filter(|path| path.exists()).collect()
    }
}
