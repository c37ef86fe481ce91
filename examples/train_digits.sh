#!/usr/bin/env bash
# Trains the digit classifier of digits_train.json and counts how many images that it has not seen it reads rightly.
# Needs curl 7.82 or later, jq, and a running gradd: at $GRADD, or else at http://127.0.0.1:8080.
set -euo pipefail
cd "$(dirname "$0")"
gradd=${GRADD:-http://127.0.0.1:8080}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

post() { curl --silent --show-error --fail-with-body --json "@$1" "$gradd$2"; }

post digits_train.json /v1/train >"$work/trained.json" || { cat "$work/trained.json" >&2; exit 1; }

# The same network, with the trained parameters instead of a seed for initial ones.
jq --slurpfile trained "$work/trained.json" --slurpfile test digits_test.json \
    '{mlp: (.mlp | del(.seed) | .parameters = $trained[0].parameters), data: {x: $test[0].x}}' \
    digits_train.json >"$work/evaluate.json"
post "$work/evaluate.json" /v1/evaluate >"$work/evaluated.json" || { cat "$work/evaluated.json" >&2; exit 1; }

# The predicted class of an image is the place of the largest of its ten outputs.
jq --raw-output --slurpfile evaluated "$work/evaluated.json" --slurpfile trained "$work/trained.json" '
    [.y, [$evaluated[0].outputs[] | index(max)]] | transpose
    | (map(select(.[0] == .[1])) | length) as $right
    | "loss \($trained[0].loss)", "accuracy \($right / length) (\($right) of \(length))"' digits_test.json
