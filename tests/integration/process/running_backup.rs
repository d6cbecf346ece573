//! `mdl backup` of the embedded mode while the service runs and is written to, and after it was
//! killed; the original is destroyed, and each backup restored.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mdl::actors::db_breaker::Circuit;
use mdl::http::connections::local::serve_local;
use mdl::http::local_admin;
use serde_json::json;

use crate::process::binary::{ADMIN_PASSWORD, Serving, command, failure, run, success};
use crate::support::Server;

const WRITERS: usize = 3;
/// Domains that are written in one transaction.
const BATCH: usize = 4;
const BACKUPS: usize = 3;
/// Size of a file that makes the copy take longer than anything else of the request.
const LARGE: u64 = 100 * 1024 * 1024;

/// Runs the command beside the runtime, which drives the writers.
async fn backup(command: Command) -> Output {
    tokio::task::spawn_blocking(move || run(command, "")).await.unwrap()
}

fn backup_command(folder: &Path, serving: &Serving, file: &str) -> Command {
    let mut command = command(folder, &["backup", file]);
    command.env("PORT", serving.base.rsplit_once(':').unwrap().1);
    command
}

/// The batches that each writer has an answer for.
#[derive(Default)]
struct Acknowledged([AtomicUsize; WRITERS]);

impl Acknowledged {
    fn now(&self) -> Vec<usize> {
        self.0.iter().map(|count| count.load(Ordering::SeqCst)).collect()
    }
}

/// Imports batches until it is stopped; every one must succeed.
async fn write(
    serving: (reqwest::Client, String, String),
    writer: usize,
    done: Arc<Acknowledged>,
    stop: Arc<AtomicBool>,
) {
    let (http, base, token) = serving;
    for batch in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let domains: Vec<_> = (0..BATCH)
            .map(|item| {
                let id = format!("w{writer}-{batch}-{item}");
                json!({"domain_id": id, "name": id})
            })
            .collect();
        let request = http.post(format!("{base}/api/v1/import")).bearer_auth(&token);
        let answer = request.json(&json!({"domains": domains})).send().await.unwrap();
        let status = answer.status();
        assert_eq!(status, 200, "{}", answer.text().await.unwrap());
        done.0[writer].store(batch + 1, Ordering::SeqCst);
    }
}

/// How many domains of each batch the service has, by writer and number.
async fn batches(serving: &Serving, token: &str) -> BTreeMap<(usize, usize), usize> {
    let request = serving.http.get(format!("{}/api/v1/export?format=json", serving.base));
    let document: serde_json::Value =
        request.bearer_auth(token).send().await.unwrap().json().await.unwrap();
    let mut batches = BTreeMap::new();
    for domain in document["domains"].as_array().unwrap_or_else(|| panic!("{document}")) {
        let id = domain["domain_id"].as_str().unwrap().trim_start_matches('w');
        let mut parts = id.split('-').map(|part| part.parse().unwrap());
        let key = (parts.next().unwrap(), parts.next().unwrap());
        *batches.entry(key).or_default() += 1;
    }
    batches
}

#[tokio::test]
async fn running_service_is_backed_up_under_writers_and_restored() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path();
    let mut serving = Serving::start(folder, &[("ADMIN_PASSWORD", ADMIN_PASSWORD)], &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let (done, stop) = (Arc::<Acknowledged>::default(), Arc::<AtomicBool>::default());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let to = (serving.http.clone(), serving.base.clone(), token.clone());
            tokio::spawn(write(to, writer, Arc::clone(&done), Arc::clone(&stop)))
        })
        .collect();
    let mut before = Vec::new();
    for number in 0..BACKUPS {
        let least = 2 * (number + 1);
        while done.now().iter().any(|count| *count < least) {
            assert!(writers.iter().all(|writer| !writer.is_finished()), "a writer failed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        before.push(done.now());
        let said = backup(backup_command(folder, &serving, &format!("{number}.tar.gz"))).await;
        assert!(success(&said).starts_with(&format!("{number}.tar.gz written: ")));
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let last = done.now();
    // The copies have no name, and are gone.
    let mut names: Vec<_> =
        std::fs::read_dir(folder.join("data")).unwrap().map(|entry| entry.unwrap()).collect();
    names.retain(|name| !name.file_type().unwrap().is_socket());
    assert!(names.iter().all(|name| !name.file_name().to_string_lossy().starts_with(".tmp")));
    serving.child.kill().unwrap();
    serving.wait();
    // What a killed service has left behind can be backed up, too.
    success(&run(command(folder, &["backup", &format!("{BACKUPS}.tar.gz")]), ""));
    before.push(last.clone());
    std::fs::remove_dir_all(folder.join("data")).unwrap();

    for (number, before) in before.iter().enumerate() {
        success(&run(command(folder, &["restore", &format!("{number}.tar.gz")]), ""));
        let mut restored = Serving::start(folder, &[], &[]).await;
        let found = batches(&restored, &token).await;
        assert!(found.values().all(|items| *items == BATCH), "half a transaction: {found:?}");
        for writer in 0..WRITERS {
            let has = found.keys().filter(|(of, _)| *of == writer).count();
            assert!(has >= before[writer], "backup {number}, {writer}: {has} of {before:?}");
            // What came later is there in order, or not at all.
            assert!((0..has).all(|batch| found.contains_key(&(writer, batch))), "{found:?}");
            assert!(has <= last[writer], "{has} of {last:?}");
        }
        println!("backup {number}: acknowledged before {before:?}, {} in it", found.len());
        // It can be written to, and its counters go on.
        let (stop, more) = (Arc::<AtomicBool>::default(), Arc::<Acknowledged>::default());
        let to = (restored.http.clone(), restored.base.clone(), token.clone());
        let writer = tokio::spawn(write(to, 0, Arc::clone(&more), Arc::clone(&stop)));
        while more.now()[0] == 0 && !writer.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.store(true, Ordering::SeqCst);
        writer.await.unwrap();
        assert_eq!(restored.terminate(), Some(0));
        std::fs::remove_dir_all(folder.join("data")).unwrap();
    }
}

#[tokio::test]
async fn only_the_local_socket_of_this_data_makes_a_backup() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path();
    let mut serving = Serving::start(folder, &[("ADMIN_PASSWORD", ADMIN_PASSWORD)], &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    // An administrator who comes over the network has no such route.
    let data = folder.join("data").canonicalize().unwrap();
    let remote = serving.http.post(format!("{}/backup", serving.base)).bearer_auth(&token);
    let remote = remote.json(&json!({"data_folder": data.to_str().unwrap()})).send().await.unwrap();
    assert_eq!(remote.status(), 404);

    // The socket of a service with other data: another process has locked these.
    let other = folder.join("other");
    std::fs::create_dir_all(other.join("postgres")).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&other, private).unwrap();
    let lock = std::fs::File::create(other.join("lock")).unwrap();
    lock.lock().unwrap();
    let port = serving.base.rsplit_once(':').unwrap().1;
    let socket = data.join(format!("admin-{port}.sock"));
    let mut wrong = backup_command(folder, &serving, "wrong.tar.gz");
    wrong.env("DATA_DIR", &other).env("ADMIN_SOCKET", &socket);
    let refused = failure(&backup(wrong).await);
    assert!(refused.contains("This service has other data"), "{refused}");
    // No socket at all: what to do is said.
    let mut nobody = backup_command(folder, &serving, "wrong.tar.gz");
    nobody.env("ADMIN_SOCKET", folder.join("none.sock"));
    let refused = failure(&backup(nobody).await);
    assert!(refused.contains("with its PORT or its ADMIN_SOCKET"), "{refused}");
    assert!(!folder.join("wrong.tar.gz").exists());

    // An older backup is never replaced, and asks the service for nothing.
    std::fs::write(folder.join("old.tar.gz"), "old").unwrap();
    failure(&backup(backup_command(folder, &serving, "old.tar.gz")).await);
    assert_eq!(std::fs::read(folder.join("old.tar.gz")).unwrap(), b"old");
    success(&backup(backup_command(folder, &serving, "new.tar.gz")).await);
    assert_eq!(serving.terminate(), Some(0));
}

/// The copy has the only connection of the database from its beginning to its end: it waits for
/// the call that has it, and is itself the longest part of a call.
#[actix_web::test]
async fn copy_is_made_while_no_statement_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::embedded(folder.path()).await;
    let large = std::fs::File::create(folder.path().join("postgres/large")).unwrap();
    large.set_len(LARGE).unwrap();
    let socket = folder.path().join("test.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let (owner, state) = (std::fs::metadata("/proc/self").unwrap().uid(), server.state());
    let app = move || local_admin::app(state.clone());
    let serving = serve_local(listener, owner, app).unwrap();
    let handle = serving.handle();
    actix_web::rt::spawn(serving);

    let (held, is_held) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let db = server.state().db.clone();
    let holder = actix_web::rt::spawn(async move {
        let hold = async |_: &mut _| {
            held.send(()).unwrap();
            released.await.unwrap();
            Ok(())
        };
        db.run(Circuit::Metrics, "server.ping", hold).await.unwrap();
    });
    is_held.await.unwrap();
    let http = reqwest::Client::builder().unix_socket(socket.as_path()).no_proxy().build().unwrap();
    let data = folder.path().canonicalize().unwrap();
    let body = json!({"data_folder": data.to_str().unwrap()});
    let request = http.post("http://localhost/backup").json(&body).send();
    let mut request = std::pin::pin!(request);
    let early = tokio::time::timeout(Duration::from_secs(2), &mut request).await;
    assert!(early.is_err(), "it did not wait for the connection: {early:?}");
    let began = Instant::now();
    release.send(()).unwrap();
    let answer = request.await.unwrap();
    let took = began.elapsed().as_secs_f64();
    holder.await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.unwrap().len() as u64 > LARGE);
    let series = "db_query_duration_seconds_sum{operation=\"back_up\",table=\"server\"}";
    let call = server.reading(series).await;
    println!("the call took {call:.3} s of {took:.3} s");
    assert!(call > took * 0.6, "{call} of {took}");
    handle.stop(false).await;
    server.stop().await;
}
