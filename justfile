# Shortcuts for https://just.systems; nothing requires them.

# List the recipes
default:
    @just --list

# Run the service with the sample catalogue
run *arguments:
    cargo run -- serve --sample {{arguments}}

# Run all checks and tests
test:
    scripts/test

# Run integration tests whose names contain the filter
integration filter="api::":
    scripts/with-postgres cargo test --test integration {{filter}}

# Check formatting and lints
check:
    cargo fmt --all --check
    cargo clippy --locked --all-targets -- -D warnings

# Run one benchmark
bench name="catalogue":
    scripts/with-postgres cargo bench --profile dev --bench {{name}}

# Format the code
fmt:
    cargo fmt --all
