#!/usr/bin/env bash
# Trains with a live line of progress; at the end the answer, without its state, goes to standard output.
#
#   examples/watch.sh [REQUEST]
#
# Needs curl 7.82 or later, jq, and a running gradd: at $GRADD, or else at http://127.0.0.1:8080. The last state is kept in the file that STATE names, if it is set: put it into the request as `state`,
# with a larger `steps` or `epochs`, and the run goes on.
set -euo pipefail
request=${1:-$(dirname "$0")/moons.json}
gradd=${GRADD:-http://127.0.0.1:8080}

curl --silent --show-error --no-buffer --header 'Accept: text/event-stream' --json @"$request" "$gradd/v1/train" |
    while IFS= read -r line; do
        case $line in
            'event: '*) event=${line#event: } ;;
            'data: '*)
                data=${line#data: }
                case $event in
                    progress)
                        jq --raw-output --join-output '
                            "\r\u001b[Kstep \(.step) of \(.steps), epoch \(.epoch), loss \(.loss)",
                            (if .validation_loss then ", validation \(.validation_loss)" else "" end),
                            ", \(.steps_per_second | floor) steps/s, \(.seconds_left | ceil) s left"' <<<"$data" >&2
                        ;;
                    checkpoint) [ -z "${STATE:-}" ] || jq .state <<<"$data" >"$STATE" ;;
                    result)
                        printf '\n' >&2
                        [ -z "${STATE:-}" ] || jq .state <<<"$data" >"$STATE"
                        jq --compact-output 'del(.state)' <<<"$data"
                        ;;
                    problem)
                        printf '\n' >&2
                        jq . <<<"$data" >&2
                        exit 1
                        ;;
                esac
                ;;
            '{'*) # A problem from the start comes as such.
                printf '%s\n' "$line" >&2
                exit 1
                ;;
        esac
    done
