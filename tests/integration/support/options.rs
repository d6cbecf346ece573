//! Configuration for tests. The binary refuses secrets as options; here they are accepted
//! (`--jwt-secret`).

use clap::Parser;
use mdl::app::cli::Cli;
use mdl::config::{Config, secrets};

/// Parses a command line that starts with the program's name.
pub fn parse<'a>(arguments: impl IntoIterator<Item = &'a &'a str>) -> Config {
    let (mut options, mut given) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match secrets::secret_in_argument(argument.as_ref()) {
            Some(name) => given.push((name, *arguments.next().expect("a value"))),
            None => options.push(*argument),
        }
    }
    let mut config = Cli::parse_from(options).config;
    for (name, value) in given {
        config.set_secret(name, value.into()).unwrap();
    }
    config
}
