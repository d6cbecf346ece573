//! Where log events go beside stdout.

use clap::{ArgAction, Args};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Where Elasticsearch is when `ELASTICSEARCH_URL` is not set.
pub(super) const ELASTICSEARCH_URL: &str = "http://localhost:9200";

/// Which sinks get log events, and how they are reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Shipping logs")]
pub struct ShippingConfig {
    /// Whether log events go to CloudWatch Logs; credentials as every tool of AWS finds them
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set, value_name = "AWS_CLOUDWATCH_ENABLED")]
    pub aws_cloudwatch_enabled: bool,
    /// Log group; it is made if it is missing
    #[arg(
        long,
        env,
        global = true,
        default_value = "mdl-api",
        value_name = "AWS_CLOUDWATCH_GROUP"
    )]
    pub aws_cloudwatch_group: String,
    /// Region of AWS
    #[arg(long, env, global = true, default_value = "us-east-1", value_name = "AWS_REGION")]
    pub aws_region: String,
    /// Another address of AWS' services, for tests and private endpoints
    #[arg(long, env, global = true, value_name = "AWS_ENDPOINT_URL")]
    pub aws_endpoint_url: Option<String>,
    /// Whether log events go to Elasticsearch or OpenSearch
    #[arg(long, env, global = true, default_value_t = false, action = ArgAction::Set, value_name = "ELASTICSEARCH_ENABLED")]
    pub elasticsearch_enabled: bool,
    /// `ELASTICSEARCH_URL`: its address.
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
    /// `ELASTICSEARCH_API_KEY`: its API key.
    #[arg(skip)]
    pub(super) elasticsearch_api_key: Option<SecretString>,
}

impl ShippingConfig {
    /// Whether what is said of CloudWatch can be used.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn check_cloudwatch(&self) -> Result<(), String> {
        let group = &self.aws_cloudwatch_group;
        let known = |c: char| c.is_ascii_alphanumeric() || "_-/.#".contains(c);
        if group.is_empty() || group.len() > 512 || !group.chars().all(known) {
            return Err(
                "AWS_CLOUDWATCH_GROUP must be 1 to 512 letters, digits, '_', '-', '/', '.' or '#'"
                    .into(),
            );
        }
        if self.aws_region.is_empty()
            || !self.aws_region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            return Err("AWS_REGION must be a region's name, such as us-east-1".into());
        }
        // Not even empty: the SDK reads it, too, and takes that for an address.
        match self.aws_endpoint_url.as_deref().map(Url::parse) {
            Some(url)
                if !url
                    .as_ref()
                    .is_ok_and(|url| is_http(url) && url.username().is_empty() && url.password().is_none()) =>
            {
                Err("AWS_ENDPOINT_URL must be an http or https address without a user, or not be set".into())
            }
            _ => Ok(()),
        }
    }

    /// The address of Elasticsearch, without a slash at the end.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn elasticsearch_url(&self) -> Result<SecretString, String> {
        let url = super::given(self.elasticsearch_url.as_ref())
            .map_or(ELASTICSEARCH_URL, ExposeSecret::expose_secret);
        let url = Url::parse(url).ok().filter(is_http);
        let url = url.filter(|url| url.query().is_none() && url.fragment().is_none());
        let url = url.ok_or("ELASTICSEARCH_URL must be an http or https address")?;
        Ok(url.as_str().trim_end_matches('/').into())
    }

    /// Index or data stream.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn elasticsearch_index(&self) -> Result<String, String> {
        let index = &self.elasticsearch_index;
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
        let begins = index.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if index.len() > 255 || !begins || !index.chars().all(known) {
            return Err(
                "ELASTICSEARCH_INDEX must be lower case letters, digits, '-', '_' or '.'".into()
            );
        }
        Ok(index.clone())
    }

    /// The API key of Elasticsearch, where one is given.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn elasticsearch_api_key(&self) -> Result<Option<&SecretString>, String> {
        let key = super::given(self.elasticsearch_api_key.as_ref());
        match key.map(|key| key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic())) {
            Some(false) => {
                Err("ELASTICSEARCH_API_KEY must be printable ASCII without spaces".into())
            }
            _ => Ok(key),
        }
    }
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}
