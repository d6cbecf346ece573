//! Options of a service for tests. Secrets are no options of the binary; here they may be written
//! as such (`--jwt-secret`).

use clap::Parser;
use mdl::app::cli::Cli;
use mdl::config::{Config, secrets};

/// The configuration of a command line, the name of the program first.
pub fn parse<'a>(arguments: impl IntoIterator<Item = &'a &'a str>) -> Config {
    let (mut options, mut given) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match secrets::named_by(argument.as_ref()) {
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
