//! Tests of `embedded`.

use super::*;
use std::os::unix::fs::symlink;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

#[test]
fn folder_is_created_private_and_refused_when_open_to_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("a").join("b");
    ensure_private_folder(&inner).expect("created");
    assert_eq!((mode(&inner), mode(&folder.path().join("a"))), (0o700, 0o700));
    for open in [0o755, 0o710, 0o701, 0o770, 0o702] {
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(open)).expect("changed");
        let message = ensure_private_folder(&inner).expect_err("refused").to_string();
        assert!(message.starts_with("DATA_DIR: ") && message.contains("`chmod 700 "), "{message}");
    }
}

#[test]
fn private_file_replaces_a_link_without_following_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, other) = (folder.path().join("file"), folder.path().join("other"));
    std::fs::write(&other, "untouched").expect("written");
    symlink(&other, &path).expect("a link");
    write_private_file(&path, b"content").expect("written");
    assert_eq!((std::fs::read(&path).expect("read"), mode(&path)), (b"content".to_vec(), 0o600));
    assert_eq!(std::fs::read(&other).expect("read"), b"untouched");
}
