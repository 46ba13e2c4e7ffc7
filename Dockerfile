# Built in two steps, so that the image holds the binary and nothing to build with.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p pulse

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -qy --no-install-recommends curl && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home pulse
COPY --from=build /src/target/release/pulse /usr/local/bin/pulse
USER pulse
VOLUME /data
EXPOSE 8080 50051
ENV PULSE_DATA_DIR=/data PULSE_LISTEN_HTTP=0.0.0.0:8080 PULSE_LISTEN_GRPC=0.0.0.0:50051
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD curl -sf http://127.0.0.1:8080/readyz
ENTRYPOINT ["pulse"]
CMD ["up", "--no-open"]
