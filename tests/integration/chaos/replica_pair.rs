//! A primary and a streaming standby of a test's own, made from the binaries of the shared cluster.
//! They listen on loopback, wait for no disk (fsync=off), and end with the value.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::database::{self, sql};

/// Longest wait for a server to start, stop or follow.
const LIMIT: Duration = Duration::from_secs(30);
pub(super) const DATABASE: &str = "mdl";

/// One server.
pub(super) struct Instance {
    folder: PathBuf,
    pub(super) port: u16,
}

/// Two servers, of which one follows the other.
pub(super) struct ReplicaPair {
    pub(super) primary: Instance,
    pub(super) standby: Instance,
    hosts: [u16; 2],
    _folder: tempfile::TempDir,
}

fn variable(name: &str) -> PathBuf {
    std::env::var(name).expect("run the tests with scripts/with-postgres or scripts/test").into()
}

/// Runs a program of PostgreSQL, which refuses to run as root, and returns whether it succeeded.
/// Its output goes into a file beside the folder, because a server that outlives `pg_ctl` would
/// keep a pipe open.
fn succeeds(folder: &Path, program: &str, arguments: &[&str]) -> bool {
    let program = variable("MDL_TEST_POSTGRES_BIN").join(program);
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(&program);
        command
    } else {
        Command::new(&program)
    };
    let output = folder.with_extension("out");
    let file = std::fs::File::options().create(true).append(true).open(output).unwrap();
    command.args(arguments).stdin(Stdio::null()).current_dir("/");
    command.stdout(file.try_clone().unwrap()).stderr(file);
    command.status().unwrap().success()
}

/// Runs a program of PostgreSQL; if it fails, shows its output and the log of the server.
fn run(folder: &Path, program: &str, arguments: &[&str]) {
    if !succeeds(folder, program, arguments) {
        let text = |extension| std::fs::read_to_string(folder.with_extension(extension));
        let [output, log] = ["out", "log"].map(|kind| text(kind).unwrap_or_default());
        panic!("{program} {arguments:?} failed:\n{output}\n{log}");
    }
}

/// Runs what takes long on another thread: the service's actors run on the thread of the test.
async fn run_beside(folder: &Path, program: &'static str, arguments: &[&str]) {
    let folder = folder.to_owned();
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let job = move || {
        run(&folder, program, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    };
    tokio::task::spawn_blocking(job).await.unwrap();
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends a signal to one process.
fn signal(name: &str, process: &str) {
    let _ = Command::new("kill").args([name, process]).stderr(Stdio::null()).status();
}

impl Instance {
    fn folder(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    /// Returns the URL of a database on this server.
    pub(super) fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    async fn start(&self) {
        // Without Unix sockets, whose lock file a killed server leaves behind.
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
             -c shared_buffers=32MB -c wal_retrieve_retry_interval=100ms -c max_connections=60 \
             -c dynamic_shared_memory_type=mmap",
            self.port
        );
        let log = self.folder.with_extension("log");
        let arguments =
            ["-D", self.folder(), "-l", log.to_str().unwrap(), "-w", "-o", &options, "start"];
        run_beside(&self.folder, "pg_ctl", &arguments).await;
    }

    /// Stops the server as for a switchover: what was committed reaches the standby.
    pub(super) async fn stop(&self) {
        let arguments = ["-D", self.folder(), "-m", "fast", "-w", "stop"];
        run_beside(&self.folder, "pg_ctl", &arguments).await;
    }

    /// The main process and its children.
    fn processes(&self) -> Vec<String> {
        let lock = std::fs::read_to_string(self.folder.join("postmaster.pid")).unwrap_or_default();
        let Some(main) = lock.lines().next() else { return Vec::new() };
        let children = Command::new("pgrep").args(["-P", main]).output().unwrap().stdout;
        let children = String::from_utf8(children).unwrap();
        [main].into_iter().chain(children.lines()).map(ToOwned::to_owned).collect()
    }

    /// Stops all its processes: the server keeps its sockets open, and is silent.
    pub(super) fn pause(&self) {
        // The main process first, so that it starts no others meanwhile.
        if let Some(process) = self.processes().first() {
            signal("-STOP", process);
        }
        for process in self.processes() {
            signal("-STOP", &process);
        }
    }

    /// Lets all its processes go on after [`Self::pause`].
    pub(super) fn resume(&self) {
        for process in self.processes() {
            signal("-CONT", &process);
        }
    }

    /// Ends all its processes at once, and waits until they have ended.
    pub(super) fn kill(&self) {
        let processes = self.processes();
        for process in &processes {
            signal("-KILL", process);
        }
        let began = Instant::now();
        // A process that has ended and still has an entry has no program any more.
        let runs = |process: &String| std::fs::read_link(format!("/proc/{process}/exe")).is_ok();
        while processes.iter().any(runs) {
            assert!(began.elapsed() < LIMIT, "{}: still running", self.folder());
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = std::fs::remove_file(self.folder.join("postmaster.pid"));
    }

    /// Makes a standby the primary; it accepts writes when this returns.
    pub(super) async fn promote(&self) {
        let promoted = sql(&self.url("postgres"), "SELECT pg_promote(true, 30)").await;
        assert_eq!(promoted[0][0], "t");
    }

    /// Waits until a query returns true.
    async fn until(&self, question: &str) {
        let began = Instant::now();
        while sql(&self.url("postgres"), question).await[0][0] != "t" {
            assert!(began.elapsed() < LIMIT, "never: {question}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let processes = self.processes();
        for process in &processes {
            signal("-CONT", process);
        }
        if processes.is_empty() {
            return;
        }
        let stop = ["-D", self.folder(), "-m", "immediate", "-w", "-t", "10", "stop"];
        if !succeeds(&self.folder, "pg_ctl", &stop) {
            for process in &processes {
                signal("-KILL", process);
            }
        }
    }
}

impl ReplicaPair {
    /// Starts both servers with an empty database [`DATABASE`]; the standby is asynchronous.
    pub(super) async fn start() -> Self {
        let folder = tempfile::Builder::new().tempdir_in(variable("MDL_TEST_POSTGRES_RUN"));
        let folder = folder.unwrap();
        let owner = std::fs::metadata(folder.path().parent().unwrap()).unwrap();
        std::os::unix::fs::chown(folder.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
        let instance = |name| Instance { folder: folder.path().join(name), port: free_port() };
        let (primary, standby) = (instance("a"), instance("b"));
        let initdb = ["-D", primary.folder(), "-U", "postgres", "-A", "trust", "-E", "UTF8"];
        let initdb = [&initdb[..], &["--locale=C.UTF-8", "--no-sync"]].concat();
        run_beside(&primary.folder, "initdb", &initdb).await;
        primary.start().await;
        sql(&primary.url("postgres"), &format!("CREATE DATABASE {DATABASE}")).await;
        let hosts = [primary.port, standby.port];
        let pair = Self { primary, standby, hosts, _folder: folder };
        pair.start_standby().await;
        pair
    }

    /// Returns the URL that names both servers, the first primary first.
    pub(super) fn url(&self) -> String {
        let [first, second] = self.hosts;
        format!("postgres://postgres@127.0.0.1:{first},127.0.0.1:{second}/{DATABASE}")
    }

    /// Copies the primary, starts the copy as its standby, and waits until it follows.
    async fn start_standby(&self) {
        let (port, folder) = (self.primary.port.to_string(), self.standby.folder());
        let arguments = ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-D", folder, "-R"];
        let arguments = [&arguments[..], &["-X", "stream", "-c", "fast", "--no-sync"]].concat();
        run_beside(&self.standby.folder, "pg_basebackup", &arguments).await;
        self.standby.start().await;
        self.caught_up().await;
    }

    /// Waits until the standby has applied all that the primary has written.
    pub(super) async fn caught_up(&self) {
        let question = "SELECT count(*) = 1 AND bool_and(state = 'streaming' \
                        AND replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication";
        self.primary.until(question).await;
    }

    /// From now on a commit on the primary waits for the standby.
    pub(super) async fn make_synchronous(&self) {
        let url = self.primary.url("postgres");
        sql(&url, "ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        sql(&url, "SELECT pg_reload_conf()").await;
        self.primary.until("SELECT bool_and(sync_state = 'sync') FROM pg_stat_replication").await;
    }

    /// Cuts the standby from the primary. Returns the setting with which [`Self::reconnect`]
    /// connects it again.
    pub(super) async fn cut(&self) -> String {
        let url = self.standby.url("postgres");
        let before = sql(&url, "SHOW primary_conninfo").await[0][0].clone();
        self.set_primary("").await;
        self.standby.until("SELECT count(*) = 0 FROM pg_stat_wal_receiver").await;
        self.primary.until("SELECT count(*) = 0 FROM pg_stat_replication").await;
        before
    }

    pub(super) async fn reconnect(&self, setting: &str) {
        self.set_primary(setting).await;
        self.caught_up().await;
    }

    async fn set_primary(&self, setting: &str) {
        let url = self.standby.url("postgres");
        let quoted = setting.replace('\'', "''");
        sql(&url, &format!("ALTER SYSTEM SET primary_conninfo = '{quoted}'")).await;
        sql(&url, "SELECT pg_reload_conf()").await;
    }

    /// After the standby was promoted: it is the primary now, and the old primary, which has ended,
    /// comes back on its old port as a standby.
    pub(super) async fn rejoin(&mut self) {
        std::mem::swap(&mut self.primary, &mut self.standby);
        std::fs::remove_dir_all(&self.standby.folder).unwrap();
        self.start_standby().await;
    }

    /// Number of connections of the service to a server.
    pub(super) async fn connections(instance: &Instance) -> String {
        let question = "SELECT count(*) FROM pg_stat_activity \
                        WHERE application_name LIKE 'mdl/%' AND datname = current_database()";
        database::sql(&instance.url(DATABASE), question).await[0][0].clone()
    }
}
