# What scripts beside this file share. To be sourced in the root of the repository, with `set -euo pipefail`.

target=$(realpath "${CARGO_TARGET_DIR:-target}")
work=$(mktemp -d)
servers=()

end() {
    if ((${#servers[@]})); then
        kill "${servers[@]}" 2>/dev/null || true
        wait "${servers[@]}" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap end EXIT

# environment NAME REQUIREMENTS
#
# Sets `environment` to a virtual environment in the target directory that has these packages. Needs PyPI once. Ends the script
# without a failure where that cannot be reached.
environment() {
    environment=$target/$1
    local requirements=$2
    if cmp --silent "$requirements" "$environment/installed.txt"; then return; fi
    rm -rf "$environment"
    if ! python3 -m venv "$environment"; then
        echo "$1: python3 has no venv; install python3-venv" >&2
        exit 1
    fi
    local pip=("$environment/bin/python" -m pip --quiet --disable-pip-version-check)
    if ! "${pip[@]}" install --requirement "$requirements"; then
        # A missing package is a fault of this script, a missing network is not.
        if "${pip[@]}" download --no-deps --dest "$environment/probe" packaging; then
            echo "$1: the packages could not be installed" >&2
            exit 1
        fi
        echo "$1: SKIPPED, BECAUSE PyPI CANNOT BE REACHED; nothing was tested" >&2
        exit 0
    fi
    cp "$requirements" "$environment/installed.txt"
}

# serve [ARGUMENT...]
#
# Starts a server on a free port of this machine, which ends with the script, and sets `address` to where it listens.
serve() {
    local log=$work/server${#servers[@]}
    touch "$log" # The loop below may look before the server has made it.
    "$target/debug/gradd" serve --listen 127.0.0.1:0 "$@" >"$log" 2>&1 &
    servers+=($!)
    for _ in $(seq 100); do
        address=$(sed -n 's/.*listening address=\([0-9.:]*\).*/\1/p' "$log")
        if [ -n "$address" ]; then return; fi
        sleep 0.1
    done
    echo "the server did not start:" >&2
    cat "$log" >&2
    exit 1
}
