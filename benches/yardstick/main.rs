//! Yardsticks of `scripts/bench`, which starts this program and measures the service against it.
//! Without a command it does nothing, so that `cargo bench` passes over it.
//!
//!     yardstick answers FILE          fixed answers on bare actix-web
//!     yardstick queries FILE URL      the same, after the statements of the service on a bare pool
//!     yardstick pace ADDRESS RATE SECONDS CONNECTIONS FIRST VALUES REQUEST
//!                                     latency at a fixed rate (`pace`)
//!
//! It does not use the library, so that none of the service's code is measured and link time
//! optimisation of it is quick; the tables are those of `src/storage/schema.rs`.

#![allow(missing_docs, unreachable_pub, clippy::print_stdout, clippy::print_stderr)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answers;
mod change;
mod pace;
mod queries;
mod rows;
#[path = "../../src/storage/schema.rs"]
#[allow(unused_imports, dead_code, clippy::all, clippy::pedantic)]
mod schema;

/// The allocator of the service, so that the comparison is of the code above it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["answers", file] => {
            actix_web::rt::System::new().block_on(answers::serve(answers::read(file)));
        }
        ["queries", file, url] => {
            actix_web::rt::System::new().block_on(queries::serve(answers::read(file), url));
        }
        ["pace", address, rate, seconds, connections, first, values, request] => {
            let plan = pace::Plan {
                rate: rate.parse().expect("a rate"),
                seconds: seconds.parse().expect("seconds"),
                connections: connections.parse().expect("connections"),
                first: first.parse().expect("a number"),
                values: values.parse().expect("values"),
            };
            println!("{}", pace::run(address, request, &plan));
        }
        _ => eprintln!("yardstick: started by scripts/bench; nothing to do"),
    }
}
