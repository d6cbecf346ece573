//! The findings of the scans by the two lists of OWASP, as a readable summary. What a scanner
//! cannot see names the tests that look at it.

use std::fmt::Write;

use super::wapiti::{Finding, Report, reports};

/// A category of a list of OWASP.
pub struct Risk {
    pub name: &'static str,
    /// Modules of wapiti that look for it.
    pub modules: &'static [&'static str],
    /// Whether internal errors and responses that take too long count.
    pub anomalies: bool,
    /// Modules of `tests/integration`, and the test command, that look for it, too.
    pub tests: &'static [&'static str],
}

const fn risk(
    name: &'static str,
    modules: &'static [&'static str],
    tests: &'static [&'static str],
) -> Risk {
    Risk { name, modules, anomalies: false, tests }
}

pub const API_TOP_10: [Risk; 10] = [
    risk(
        "API1:2023 Broken Object Level Authorization",
        &[],
        &["api::authorisation", "api::authority_recheck", "api::key_authority"],
    ),
    risk(
        "API2:2023 Broken Authentication",
        &[],
        &["api::login_limits", "api::session_families", "hostile::tokens"],
    ),
    risk(
        "API3:2023 Broken Object Property Level Authorization",
        &[],
        &["api::authorisation", "api::users", "api::bad_input"],
    ),
    Risk {
        name: "API4:2023 Unrestricted Resource Consumption",
        modules: &[],
        anomalies: true,
        tests: &["api::limits", "api::bounds", "api::body_deadlines", "process::bodies"],
    },
    risk(
        "API5:2023 Broken Function Level Authorization",
        &["htaccess"],
        &["api::authorisation", "api::authority_recheck"],
    ),
    risk(
        "API6:2023 Unrestricted Access to Sensitive Business Flows",
        &[],
        &["api::limits", "api::caller_quota", "api::password_resets"],
    ),
    risk("API7:2023 Server Side Request Forgery", &["ssrf", "xxe", "file"], &[]),
    // The list of 2023 has no category for injection.
    risk(
        "API8:2023 Security Misconfiguration, with injection",
        &[
            "http_headers",
            "csp",
            "cookieflags",
            "sql",
            "timesql",
            "xss",
            "permanentxss",
            "exec",
            "crlf",
            "redirect",
        ],
        &["api::security_headers", "hostile::csp", "hostile::html", "hostile::queries"],
    ),
    risk("API9:2023 Improper Inventory Management", &["backup"], &["api::openapi"]),
    risk("API10:2023 Unsafe Consumption of APIs", &[], &["process::transport"]),
];

pub const TOP_10: [Risk; 10] = [
    risk(
        "A01:2025 Broken Access Control",
        &["htaccess", "file", "redirect", "ssrf"],
        &["api::authorisation", "api::path_spelling"],
    ),
    risk(
        "A02:2025 Security Misconfiguration",
        &["http_headers", "csp", "cookieflags", "xxe", "backup"],
        &["api::security_headers", "hostile::csp"],
    ),
    risk("A03:2025 Software Supply Chain Failures", &[], &["scripts/test"]),
    risk("A04:2025 Cryptographic Failures", &[], &["process::tls", "process::transport"]),
    risk(
        "A05:2025 Injection",
        &["sql", "timesql", "xss", "permanentxss", "exec", "crlf"],
        &["hostile::html", "hostile::queries"],
    ),
    risk("A06:2025 Insecure Design", &[], &["api::bounds", "api::limits", "api::races"]),
    risk(
        "A07:2025 Authentication Failures",
        &[],
        &["api::login_limits", "api::sessions", "api::unknown_keys"],
    ),
    risk(
        "A08:2025 Software or Data Integrity Failures",
        &[],
        &["hostile::tokens", "api::audit_append_only", "scripts/test"],
    ),
    risk("A09:2025 Security Logging and Alerting Failures", &[], &["observability", "api::audit"]),
    Risk {
        name: "A10:2025 Mishandling of Exceptional Conditions",
        modules: &[],
        anomalies: true,
        tests: &["api::errors", "api::outage", "chaos"],
    },
];

impl Risk {
    pub fn includes(&self, finding: &Finding) -> bool {
        if finding.is_anomaly() { self.anomalies } else { self.modules.contains(&&*finding.module) }
    }
}

/// Describes a finding in one line.
pub fn line(finding: &Finding) -> String {
    let (method, path) = (finding.method.as_deref(), finding.path.as_deref());
    format!(
        "{} ({}): {}; {} {}",
        finding.category,
        finding.module,
        finding.info.replace('\n', " "),
        method.unwrap_or_default(),
        path.unwrap_or_default()
    )
}

/// Writes the summary into the folder of the reports; returns where it is.
pub fn write_summary(scans: &[Report], requests: usize) -> String {
    let findings: Vec<_> = scans.iter().flat_map(|scan| &scan.findings).collect();
    let mut text = "# Security scan of the running service\n\nBy wapiti; written by the test \
        `hostile::scan`. The JSON report and the log of each \
        scan are in this folder.\n\n"
        .to_owned();
    let _ = writeln!(text, "**{} findings** in {requests} requests.\n", findings.len());
    text += "| scan | starts at | caller | operations | modules | not finished in time | seconds \
        | findings |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for scan in scans {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            scan.name,
            scan.start,
            if scan.signed_in { "administrator" } else { "none" },
            scan.operations,
            scan.modules.join(" "),
            if scan.unfinished.is_empty() { "–".to_owned() } else { scan.unfinished.join(" ") },
            scan.took.as_secs(),
            scan.findings.len()
        );
    }
    let ran = |module: &str| scans.iter().any(|scan| scan.modules.contains(&module));
    let lists = [("API Security Top 10", &API_TOP_10), ("Top 10", &TOP_10)];
    for (title, risks) in lists {
        let _ = write!(text, "\n## OWASP {title}\n\n");
        text += "| category | modules of the scanner | findings | tests that look for it, too |\n\
            | --- | --- | --- | --- |\n";
        for risk in risks {
            let mut modules: Vec<_> = risk.modules.iter().copied().filter(|m| ran(m)).collect();
            if risk.anomalies {
                modules.push("all (errors 5xx, time-outs)");
            }
            let found = findings.iter().filter(|finding| risk.includes(finding)).count();
            let found = if modules.is_empty() { "–".to_owned() } else { found.to_string() };
            let (name, modules, tests) = (risk.name, modules.join(" "), risk.tests.join(" "));
            let _ = writeln!(text, "| {name} | {modules} | {found} | {tests} |");
        }
    }
    text += "\n## Findings\n\n";
    if findings.is_empty() {
        text += "None.\n";
    }
    for finding in findings {
        let _ = writeln!(text, "- {}", line(finding));
    }
    let path = reports().join("summary.md");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}
