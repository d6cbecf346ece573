//! Tests of `app::service::listener`.

use super::*;

#[test]
fn the_soft_limit_on_open_files_is_read() {
    let text = "Max processes             1000       2000       processes\n\
                Max open files            1024       524288     files     \n";
    assert_eq!(open_files(text), Some(1024));
    assert_eq!(open_files("Max open files            unlimited       unlimited     files"), None);
    assert_eq!(open_files(""), None);
}
