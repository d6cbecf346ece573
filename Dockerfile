# Built without the embedded database: containers use a PostgreSQL server. `scripts/image-steps` replays the steps of this file
# where there is no container engine.
FROM rust:1.93-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /src

# The dependencies alone, around an empty program: this layer is built again only if one of the two files changes.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
RUN mkdir src benches && echo 'fn main() {}' >src/main.rs && touch src/lib.rs \
    && sed -n '/^\[\[bench\]\]/{n;s/^name = "\(.*\)"$/\1/p}' Cargo.toml | while read -r bench; do touch "benches/$bench.rs"; done \
    && cargo build --locked --release --no-default-features --features cloudwatch,elasticsearch,otlp --bin mdl \
    && rm -r src benches

COPY build.rs ./
COPY assets assets
COPY benches benches
COPY examples examples
COPY migrations migrations
COPY src src
# For mdl_build_info: docker build --build-arg MDL_REVISION=$(git rev-parse --short HEAD) .
ARG MDL_REVISION=unknown
# The files are older than the empty program that was built above.
RUN touch src/main.rs src/lib.rs build.rs \
    && cargo build --locked --release --no-default-features --features cloudwatch,elasticsearch,otlp --bin mdl

# The C library, the certificate authorities that verify TLS to other hosts, and a user: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/mdl /usr/local/bin/mdl
USER 65532:65532
# Nothing needs to be written (docker run --read-only). The socket of `mdl circuits` needs a writable /tmp (--tmpfs /tmp); the
# service also runs without it.
# SHUTDOWN_DELAY: load balancers see /health/ready turn 503 before connections are refused. Give the container at least 50 s to
# stop (docker stop --timeout 50): 5 s of this, 30 s for requests, 10 s for mails, and the logs.
ENV HOST=0.0.0.0 PORT=3000 LOG_FORMAT=json ADMIN_SOCKET=/tmp/mdl-admin.sock SHUTDOWN_DELAY=5000
EXPOSE 3000 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s --retries=3 CMD ["/usr/local/bin/mdl", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/mdl"]
CMD ["serve"]
