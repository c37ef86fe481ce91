# `just` lists these; https://just.systems

[private]
default:
    @just --list

# build the optimised binary
build:
    cargo build --release

# serve on 127.0.0.1:8080
serve *flags:
    cargo run --release -- serve {{ flags }}

# run the tests
test *arguments:
    cargo test {{ arguments }}

# run the benchmarks
bench *arguments:
    cargo bench {{ arguments }}

# build and open the documentation
docs:
    cargo doc --no-deps --open

# format the code
format:
    cargo fmt

# write openapi.yaml anew from the code
openapi:
    cargo run --quiet -- openapi > openapi.yaml

# build the container image
image tag="gradd":
    docker build --build-arg GRADD_COMMIT="$(git rev-parse HEAD)" --tag {{ tag }} .

# build the container image and check how it runs
container:
    tests/container/run

# keep replicas under load while they are killed, with nginx from Debian
soak seconds="600":
    tests/soak/run {{ seconds }}

# show the metrics to Prometheus
prometheus:
    tests/prometheus/run

# render the Kubernetes manifests and validate them
deploy:
    tests/deploy/run

# kill replicas in turn behind nginx, and measure what a request costs
replicas:
    tests/replicas/run

# build the release twice, far apart, and compare bit by bit
reproducible:
    tests/release/reproducible

# print the bill of materials
sbom:
    .ci/sbom

# fuzz each target for so many seconds, with Debian's libFuzzer
fuzz seconds="60" *targets:
    tests/fuzz/run {{ seconds }} {{ targets }}

# everything that must hold before a change is merged
ci:
    .ci/run
