//! A headless Chromium, driven by chromedriver with the W3C `WebDriver` protocol. `scripts/test`
//! installs both.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

/// Ends the driver of a test that hangs.
const LONGEST_SECONDS: &str = "300";
const STARTED: &str = "ChromeDriver was started successfully on port ";
/// Nothing but the pages of the test: no request of the browser's own, no state of a user.
const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with a new profile; its processes end when it is dropped.
pub struct Browser {
    driver: Child,
    process: Option<u64>,
    /// URL of the `WebDriver` session.
    session: String,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let kill = |target: String| Command::new("kill").args(["-KILL", "--", &target]).status();
        let _ = self.process.map(|process| kill(process.to_string()));
        let _ = kill(format!("-{}", self.driver.id()));
        let _ = self.driver.wait();
    }
}

impl Browser {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let output = std::fs::File::create(&log).unwrap();
        let mut command = Command::new("timeout");
        command.args([LONGEST_SECONDS, "chromedriver", "--port=0"]).process_group(0);
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let driver = command.spawn().unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(2));
        let http = http.build().unwrap();
        let mut browser =
            Self { driver, process: None, session: String::new(), http, _folder: folder };
        let port = within_a_minute("a driver; scripts/test installs chromium-driver", async || {
            let text = std::fs::read_to_string(&log).unwrap();
            let port = text.split_once(STARTED)?.1.split_once('.')?.0;
            Some(port.to_owned())
        });
        let driver_url = format!("http://127.0.0.1:{}", port.await);
        let profile = log.with_file_name("profile").display().to_string();
        let flags = FLAGS.iter().map(|flag| (*flag).to_owned());
        let flags: Vec<_> = flags.chain([format!("--user-data-dir={profile}")]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": flags},
        }}});
        let session = browser.send(Method::POST, format!("{driver_url}/session"), &wanted).await;
        browser.process = session["capabilities"]["goog:processID"].as_u64();
        let id = session["sessionId"].as_str().unwrap();
        browser.session = format!("{driver_url}/session/{id}");
        browser
    }

    async fn send(&self, method: Method, url: String, body: &Value) -> Value {
        let answer = self.http.request(method, &url).json(body).send().await.unwrap();
        let (status, mut body) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert!(status.is_success(), "{url}: {body}");
        body["value"].take()
    }

    async fn post(&self, command: &str, body: &Value) -> Value {
        self.send(Method::POST, format!("{}/{command}", self.session), body).await
    }

    /// Sends a command of the browser's protocol for developer tools.
    pub async fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await
    }

    /// Runs a script at the beginning of every document that is opened from now on.
    pub async fn run_in_every_document(&self, source: &str) {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        self.devtools(command, &json!({"source": source})).await;
    }

    /// Opens a page and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        self.post("url", &json!({"url": url})).await;
    }

    /// Returns the URL of the page.
    pub async fn url(&self) -> String {
        let url = self.http.get(format!("{}/url", self.session)).send().await.unwrap();
        url.json::<Value>().await.unwrap()["value"].as_str().unwrap().to_owned()
    }

    /// Runs a script in the page and returns what it returns.
    pub async fn run(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": arguments})).await
    }

    /// Runs a script in the page and returns what it passes to its last argument, a function.
    pub async fn run_async(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/async", &json!({"script": script, "args": arguments})).await
    }

    /// Directs what follows to a frame of the page, by its position, or to the page itself.
    pub async fn frame(&self, position: Option<usize>) {
        self.post("frame", &json!({"id": position})).await;
    }

    /// Returns the messages that were written to the console since the last call, with level.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "browser"})).await;
        let line = |entry: &Value| {
            format!("{} {}", entry["level"].as_str().unwrap(), entry["message"].as_str().unwrap())
        };
        entries.as_array().unwrap().iter().map(line).collect()
    }
}

/// Waits until there is a result.
pub async fn within_a_minute<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
