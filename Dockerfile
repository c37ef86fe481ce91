# syntax=docker/dockerfile:1

# Built for glibc and linked statically: the final image holds the one binary and nothing else.
FROM rust:1.95-bookworm AS build
WORKDIR /src
# Addresses to be set at the start are kept packed: a third of a megabyte less. Of equal functions one is kept, where the linker
# is LLVM's, as Rust's is for x86-64: about as much. The places of sources, which panics tell, are those of any other
# reproducible build.
ARG FLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs --remap-path-prefix=/usr/local/cargo=/cargo"
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="$FLAGS -C link-arg=-Wl,--icf=all" \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="$FLAGS"

# Those of Cargo.toml that are wanted, such as `--build-arg FEATURES=mcp`, which makes the image two megabytes larger.
ARG FEATURES=""

# Dependencies first, from the manifests alone, so that a change of the code does not build them again. Empty sources
# stand in for ours, and for the benchmarks, whose files cargo looks for as the manifest names them.
COPY Cargo.toml Cargo.lock ./
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    mkdir src benches && touch src/lib.rs && echo 'fn main() {}' > src/main.rs \
    && awk -F'"' '/^\[/ { table = $0 } table == "[[bench]]" && /^name/ { print "benches/" $2 ".rs" }' Cargo.toml \
       | xargs --no-run-if-empty touch \
    && cargo build --release --locked --no-default-features --features "$FEATURES" --target "$(rustc --print host-tuple)"

# Of the names of functions only our own are kept, for the backtraces in the log, and neither those of traits nor those of
# others' generics with our types in them, which are long.
# The stand-ins have been built later than what is copied was changed, so cargo must be told to look again.
COPY src src
ARG GRADD_COMMIT=""
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    touch src/lib.rs src/main.rs \
    && cargo build --release --locked --no-default-features --features "$FEATURES" --target "$(rustc --print host-tuple)" \
    && strip --wildcard --strip-all --keep-symbol='_ZN5gradd*' \
       -o /gradd "target/$(rustc --print host-tuple)/release/gradd"

FROM scratch
ARG GRADD_COMMIT=""
LABEL org.opencontainers.image.title="gradd" \
      org.opencontainers.image.description="Gradients over HTTP: exact derivatives and small trained models from one JSON request" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.revision="${GRADD_COMMIT}"
COPY --from=build /gradd /gradd
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
ENV GRADD_LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s CMD ["/gradd", "healthcheck"]
ENTRYPOINT ["/gradd"]
CMD ["serve"]
