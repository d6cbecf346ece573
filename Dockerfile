# Built without the embedded database: containers use a PostgreSQL server.
FROM rust:1.93-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY assets assets
COPY benches benches
COPY examples examples
COPY migrations migrations
COPY src src
# For mdl_build_info: docker build --build-arg MDL_REVISION=$(git rev-parse --short HEAD) .
ARG MDL_REVISION=unknown
RUN cargo build --locked --release --no-default-features --features cloudwatch,elasticsearch --bin mdl

FROM debian:bookworm-slim
# The system's certificate authorities, which verify TLS to the database and other hosts.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home mdl
COPY --from=build /src/target/release/mdl /usr/local/bin/mdl
USER 10001
# The working directory is not writable: the socket of `mdl circuits` is elsewhere.
# SHUTDOWN_DELAY: load balancers see /health/ready turn 503 before connections are refused. Give the container at least 50 s to
# stop (docker stop --timeout 50): 5 s of this, 30 s for requests, 10 s for mails, and the logs.
ENV HOST=0.0.0.0 PORT=3000 LOG_FORMAT=json ADMIN_SOCKET=/tmp/mdl-admin.sock SHUTDOWN_DELAY=5000
EXPOSE 3000 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s --retries=3 CMD ["mdl", "healthcheck"]
ENTRYPOINT ["mdl"]
CMD ["serve"]
