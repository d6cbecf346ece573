//! `kill -9` during writes: every acknowledged write is stored.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving};

const ROUNDS: usize = 3;
const WRITERS: usize = 4;

async fn kill_and_look(folder: &Path, environment: &[(&str, &str)]) {
    let mut acknowledged: Vec<(String, i64)> = Vec::new();
    for round in 0..ROUNDS {
        let mut serving = Serving::start(folder, environment, &[]).await;
        let token = serving.login(ADMIN_PASSWORD).await;
        for (id, version) in &acknowledged {
            let stored = serving.get(&format!("/api/v1/domains/{id}"), &token).await;
            let found = stored["data"]["version"]
                .as_i64()
                .unwrap_or_else(|| panic!("{id} is lost: {stored}"));
            // One more may have been written without a response.
            assert!(found == *version || found == version + 1, "{id}: {found} after {version}");
        }
        let killed = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (http, base, token) =
                    (serving.http.clone(), serving.base.clone(), token.clone());
                let killed = Arc::clone(&killed);
                tokio::spawn(async move {
                    let mut done = Vec::new();
                    for number in 0.. {
                        let id = format!("r{round}w{writer}n{number}");
                        let (path, body) = (
                            format!("{base}/api/v1/domains"),
                            json!({"domain_id": id, "name": id}),
                        );
                        let created = http.post(&path).bearer_auth(&token).json(&body).send().await;
                        let Ok(created) = created else { break };
                        assert_eq!(created.status(), 201);
                        done.push((id.clone(), 1));
                        let change = http
                            .put(format!("{path}/{id}"))
                            .bearer_auth(&token)
                            .json(&json!({"color": "red"}));
                        let Ok(changed) = change.send().await else { break };
                        assert_eq!(changed.status(), 200);
                        if let Some(last) = done.last_mut() {
                            last.1 = 2;
                        }
                    }
                    assert!(killed.load(Ordering::SeqCst), "a writer gave up too early");
                    done
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(700)).await;
        killed.store(true, Ordering::SeqCst);
        serving.child.kill().unwrap();
        let mut written = 0;
        for writer in writers {
            let done = writer.await.unwrap();
            written += done.len();
            acknowledged.extend(done);
        }
        assert!(written > 0, "nothing was written in time");
    }
    let serving = Serving::start(folder, environment, &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    for (id, version) in &acknowledged {
        let found =
            serving.get(&format!("/api/v1/domains/{id}"), &token).await["data"]["version"].as_i64();
        assert!(found >= Some(*version), "{id}");
    }
    println!("kill -9 x {ROUNDS}: {} acknowledged writes, none lost", acknowledged.len());
}

#[tokio::test]
async fn acknowledged_writes_survive_kill_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::support::database::fresh().await;
    let environment =
        [&SECRETS[..], &[("DATABASE_URL", &url), ("ADMIN_PASSWORD", ADMIN_PASSWORD)]].concat();
    kill_and_look(folder.path(), &environment).await;
}

#[tokio::test]
async fn acknowledged_writes_survive_kill_embedded() {
    let folder = tempfile::tempdir().unwrap();
    kill_and_look(folder.path(), &[("ADMIN_PASSWORD", ADMIN_PASSWORD)]).await;
}
