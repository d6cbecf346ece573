//! Tests of `app::service::listener`.

use super::*;

#[test]
fn soft_limit_on_open_files_is_parsed() {
    let text = "Max processes             1000       2000       processes\n\
                Max open files            1024       524288     files     \n";
    assert_eq!(soft_open_file_limit(text), Some(1024));
    assert_eq!(
        soft_open_file_limit("Max open files            unlimited       unlimited     files"),
        None
    );
    assert_eq!(soft_open_file_limit(""), None);
}
