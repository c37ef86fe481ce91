#!/usr/bin/env bash
# The story of README.md with curl and jq: a gradient, a training run that is cut off and goes on, a fit, a problem.
# Needs curl 7.82 or later, jq, and a running gradd: at $GRADD, or else at http://127.0.0.1:8080.
set -euo pipefail
export LC_ALL=C # printf would read and write numbers with the comma of other countries.
cd "$(dirname "$0")"
gradd=${GRADD:-http://127.0.0.1:8080}

post() { curl --silent --show-error --fail-with-body --json @- "$gradd$1"; }
# The first line is a format for printf, the others are its arguments.
print() { local lines; mapfile -t lines; printf "$1\n" "${lines[@]}"; }

neuron=$(post /v1/gradient <neuron.json)
jq .outputs.output <<<"$neuron" | print 'output %.6f'
jq --raw-output '.gradients | to_entries[] | .key, .value' <<<"$neuron" | print 'd/d%s %.6f'

# A run of 60 steps is left at its first checkpoint; the state that this holds goes on from there, on any server. curl fails
# because sed hangs up, which stops the run.
training=$(jq '.epochs = 60 | .checkpoint = {steps: 40}' moons.json)
state=$(curl --silent --no-buffer --header 'Accept: text/event-stream' --json @- "$gradd/v1/train" <<<"$training" |
    sed --quiet '/^event: checkpoint/ { n; s/^data: //p; q }' | jq .state) || true
jq .step <<<"$state" | print 'left at step %d'
trained=$(jq --slurpfile state <(cat <<<"$state") '.state = $state[0]' <<<"$training" | post /v1/train)
jq '.steps, .loss, .metrics.accuracy' <<<"$trained" | print 'at step %d: loss %.6f, accuracy %.2f'

fit=$(post /v1/fit <misra1a.json)
jq '.parameters.b1, .standard_errors.b1' <<<"$fit" | print 'b1 = %.4f +- %.4f'
jq '.parameters.b2, .standard_errors.b2' <<<"$fit" | print 'b2 = %.8f +- %.8f'

# With --fail-with-body a problem is printed, and the exit status of curl says that it is one.
if problem=$(post /v1/gradient <<<'{"expression": "tahn(x)", "inputs": {"x": 1}}' 2>/dev/null); then
    echo "there is no tahn, but an answer: $problem" >&2
    exit 1
fi
jq --raw-output '"\(.status) \(.type) at \(.errors[0].pointer): \(.errors[0].detail)"' <<<"$problem"
