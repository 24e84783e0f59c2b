#!/bin/sh
# Build, and run the tests that need a real GPU.
#   sh tests/gpu/run.sh LOGDIR [NAME...]        names: python3 tests/gpu/suite.py --list
# The last lines are a table; LOGDIR gets table.txt, figures.json, logs.tar.gz and the candidates
# for golden traces. Without a GPU it says so and exits 0. BUILD_DIR names another build folder than
# build-gpu, LIMIT_S the seconds that all tests may take together.
set -eu

[ $# -ge 1 ] || { echo "usage: sh tests/gpu/run.sh LOGDIR [NAME...]" >&2; exit 2; }
logdir=$(mkdir -p "$1" && cd "$1" && pwd)
shift
cd "$(dirname "$0")/../.."
BUILD_DIR=${BUILD_DIR:-build-gpu}
export BUILD_DIR

if ! device=$(python3 tests/gpu/gpu_device.py); then
    echo "skipped: $device"
    exit 0
fi
echo "on $device"

# Packages that the machine lacks may lie in .debs; they are unpacked, not installed.
unpack_packages() {
    deps=$PWD/$BUILD_DIR.deps
    for package in .debs/*.deb; do
        [ -f "$package" ] || return 0
        dpkg -x "$package" "$deps"
    done
    find "$deps" -name '*.pc' -exec sed -i "s|=/usr|=$deps/usr|" {} +
    folders=$(find "$deps" -type d -name pkgconfig | paste -s -d : -)
    export PKG_CONFIG_PATH="$folders${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
}

build() {
    [ -f "$BUILD_DIR/build.ninja" ] || meson setup "$BUILD_DIR" -Dtests=false || return 1
    ninja -C "$BUILD_DIR"
}

unpack_packages
if ! build </dev/null >"$logdir/build.log" 2>&1; then
    tail -n 40 "$logdir/build.log"
    echo "the build failed"
    exit 1
fi
exec python3 tests/gpu/suite.py "$logdir" "$@"
