# syntax=docker/dockerfile:1
# Built apart from what runs it, so that the image holds the binary and nothing to build with. Registry and target are
# caches of the builder: a change of the code compiles the code, not its dependencies.
FROM rust:1.95.0-bookworm AS build
ARG SOURCE_DATE_EPOCH=0
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p pulse \
    && install -D target/release/pulse /image/usr/local/bin/pulse \
    && install -D /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && install -d -o 10001 -g 10001 /image/data

FROM debian:12.13-slim
LABEL org.opencontainers.image.title="pulse" \
      org.opencontainers.image.description="Meters usage: takes pulses in, counts each exactly once, prices them" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
USER 10001:10001
VOLUME /data
EXPOSE 8080 50051
ENV PULSE_DATA_DIR=/data PULSE_LISTEN_HTTP=0.0.0.0:8080 PULSE_LISTEN_GRPC=0.0.0.0:50051
# Asks /readyz by the shell's own means.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [[ $status == 200 ]]"]
ENTRYPOINT ["pulse"]
CMD ["up", "--no-open"]
