//! Settings of log sinks beside stdout: CloudWatch Logs and Elasticsearch.

use clap::{ArgAction, Args};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::config::error::ConfigError;
use crate::config::non_empty::non_empty;

/// Default of `ELASTICSEARCH_URL`.
pub(super) const ELASTICSEARCH_URL: &str = "http://localhost:9200";

/// Which sinks receive log events, and how they are reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Shipping logs")]
pub struct ShippingConfig {
    /// Ship log events to CloudWatch Logs, with credentials from the default AWS provider chain
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set,
          value_name = "AWS_CLOUDWATCH_ENABLED")]
    pub aws_cloudwatch_enabled: bool,
    /// Log group; created if it does not exist
    #[arg(
        long,
        env,
        global = true,
        default_value = "mdl-api",
        value_name = "AWS_CLOUDWATCH_GROUP"
    )]
    pub aws_cloudwatch_group: String,
    /// AWS region of the log group
    #[arg(long, env, global = true, default_value = "us-east-1", value_name = "AWS_REGION")]
    pub aws_region: String,
    /// URL of the AWS services, for private endpoints
    #[arg(long, env, global = true, value_name = "AWS_ENDPOINT_URL")]
    pub aws_endpoint_url: Option<String>,
    /// Ship log events to Elasticsearch or OpenSearch
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set,
          value_name = "ELASTICSEARCH_ENABLED")]
    pub elasticsearch_enabled: bool,
    /// Value of `ELASTICSEARCH_URL`.
    #[arg(skip)]
    pub(super) elasticsearch_url: Option<SecretString>,
    /// Index or data stream
    #[arg(
        long,
        env,
        global = true,
        default_value = "mdl-logs",
        value_name = "ELASTICSEARCH_INDEX"
    )]
    elasticsearch_index: String,
    /// Value of `ELASTICSEARCH_API_KEY`.
    #[arg(skip)]
    pub(super) elasticsearch_api_key: Option<SecretString>,
}

impl ShippingConfig {
    /// Checks the settings of CloudWatch Logs.
    ///
    /// # Errors
    /// When the variable cannot be used.
    pub fn check_cloudwatch(&self) -> Result<(), ConfigError> {
        let group = &self.aws_cloudwatch_group;
        let known = |c: char| c.is_ascii_alphanumeric() || "_-/.#".contains(c);
        if group.is_empty() || group.len() > 512 || !group.chars().all(known) {
            return Err(ConfigError::new(
                "AWS_CLOUDWATCH_GROUP",
                "must be 1 to 512 letters, digits, '_', '-', '/', '.' or '#'",
            ));
        }
        if self.aws_region.is_empty()
            || !self.aws_region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            return Err(ConfigError::new("AWS_REGION", "must be a region such as us-east-1"));
        }
        // Not even an empty value is accepted: the SDK reads the variable, too, and would use it.
        match self.aws_endpoint_url.as_deref().map(Url::parse) {
            Some(url)
                if !url.as_ref().is_ok_and(|url| {
                    is_http(url) && url.username().is_empty() && url.password().is_none()
                }) =>
            {
                Err(ConfigError::new(
                    "AWS_ENDPOINT_URL",
                    "must be an http or https address without a user name, or not be set",
                ))
            }
            _ => Ok(()),
        }
    }

    /// URL of Elasticsearch, without a slash at the end.
    ///
    /// # Errors
    /// When the variable cannot be used.
    pub fn elasticsearch_url(&self) -> Result<SecretString, ConfigError> {
        let url = non_empty(self.elasticsearch_url.as_ref())
            .map_or(ELASTICSEARCH_URL, ExposeSecret::expose_secret);
        let url = Url::parse(url).ok().filter(is_http);
        let url = url.filter(|url| url.query().is_none() && url.fragment().is_none());
        let url = url.ok_or_else(|| {
            ConfigError::new("ELASTICSEARCH_URL", "must be an http or https address")
        })?;
        Ok(url.as_str().trim_end_matches('/').into())
    }

    /// Name of the index or data stream.
    ///
    /// # Errors
    /// When the variable cannot be used.
    pub fn elasticsearch_index(&self) -> Result<String, ConfigError> {
        let index = &self.elasticsearch_index;
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
        let begins = index.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if index.len() > 255 || !begins || !index.chars().all(known) {
            return Err(ConfigError::new(
                "ELASTICSEARCH_INDEX",
                "must be lower case letters, digits, '-', '_' or '.'",
            ));
        }
        Ok(index.clone())
    }

    /// API key of Elasticsearch, if it is set.
    ///
    /// # Errors
    /// When the variable cannot be used.
    pub fn elasticsearch_api_key(&self) -> Result<Option<&SecretString>, ConfigError> {
        let key = non_empty(self.elasticsearch_api_key.as_ref());
        match key.map(|key| key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic())) {
            Some(false) => Err(ConfigError::new(
                "ELASTICSEARCH_API_KEY",
                "must be printable ASCII without spaces",
            )),
            _ => Ok(key),
        }
    }
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}
