#!/usr/bin/env bash
# Trains the Iris classifier of iris_train.json and counts how many of the returned outputs are right.
# Needs curl 7.82 or later, jq, and a running gradd: at $GRADD, or else at http://127.0.0.1:8080.
set -euo pipefail
cd "$(dirname "$0")"
gradd=${GRADD:-http://127.0.0.1:8080}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

post() { curl --silent --show-error --fail-with-body --json "@$1" "$gradd$2"; }

post iris_train.json /v1/train >"$work/trained.json" || { cat "$work/trained.json" >&2; exit 1; }

# The same network, with the trained parameters instead of a seed for initial ones.
jq --slurpfile trained "$work/trained.json" \
    '{mlp: (.mlp | del(.seed) | .parameters = $trained[0].parameters), data: {x: .data.x}}' \
    iris_train.json >"$work/evaluate.json"
post "$work/evaluate.json" /v1/evaluate >"$work/evaluated.json" || { cat "$work/evaluated.json" >&2; exit 1; }

# The predicted class of a flower is the place of the largest of its three outputs.
jq --raw-output --slurpfile evaluated "$work/evaluated.json" --slurpfile trained "$work/trained.json" '
    [.data.y, [$evaluated[0].outputs[] | index(max)]] | transpose
    | (map(select(.[0] == .[1])) | length) as $right
    | "loss \($trained[0].loss)", "accuracy \($right / length) (\($right) of \(length))"' iris_train.json
