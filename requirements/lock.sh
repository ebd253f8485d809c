#!/bin/sh
# Write the hashed lists anew: `make lock`. The list of everything first; the others follow its versions.
set -eu
cd "$(dirname "$0")/.."
uv=$1
upgrade=${UPGRADE:+--upgrade}

compile() {
    out=$1
    shift
    "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
        --no-emit-index-url --no-emit-find-links $upgrade pyproject.toml "$@" -o "$out"
}

compile requirements/dev.txt --extra embedded --extra dev
compile requirements/base.txt -c requirements/dev.txt
compile requirements/embedded.txt --extra embedded -c requirements/dev.txt
compile requirements/spark.txt --extra spark -c requirements/dev.txt
! grep -n '://' requirements/*.txt
