#!/bin/sh
# Install what a build of memtrace needs and is missing, configure and build.
#   sh tools/setup.sh [-q] [-t TARGET] [BUILD_DIR]      (default: build, beside the sources)
# -q: the output of the programs it starts goes to BUILD_DIR/setup.log, and is shown when one fails.
# -t: build TARGET and what it needs, which is nothing that only tests need. Without it: everything.
# Asks nothing. Where all is there it installs nothing and needs no root. Debian 12, Ubuntu 24.04 or
# later; elsewhere it says what is missing.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
quiet=
target=
while getopts qt: option; do
    case $option in
    q) quiet=yes ;;
    t) target=$OPTARG ;;
    *) echo "usage: sh tools/setup.sh [-q] [-t TARGET] [BUILD_DIR]" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
build=${1:-$root/build}
log=$build/setup.log
cuda_packages="nvidia-cuda-runtime==13.0.* nvidia-cuda-crt==13.0.* nvidia-cuda-profiler-api==13.0.*"

say() { echo "setup: $*"; }
die() { echo "setup: $*" >&2; exit 1; }

# Run a command that never asks; with -q its output is kept for the case that it fails.
run() {
    if [ -z "$quiet" ]; then
        "$@" </dev/null
    elif ! "$@" </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        return 1
    fi
}

have_command() { command -v "$1" >/dev/null 2>&1; }
have_header() { echo "#include <$1>" | cc -E -o /dev/null - 2>/dev/null; }
have_library() { have_command pkg-config && pkg-config --exists "$1"; }

# One line a need: is it there, and if not, which Debian package carries it.
needed_packages() {
    have_command cc && have_header stdio.h || echo build-essential
    have_command pkg-config     || echo pkg-config
    have_command meson          || echo meson
    have_command ninja          || echo ninja-build
    have_command python3        || echo python3
    have_library libzstd        || echo libzstd-dev
    [ -n "$target" ] || have_library check || echo check
}

# What makes reports better: names of native functions, and C++ names as they are written; and for
# tests an unwinder to compare with the recorder's, and a client of debuginfod.
wished_packages() {
    have_header libiberty/demangle.h || echo libiberty-dev
    have_library libdw && have_library libelf || echo libdw-dev
    [ -n "$target" ] || have_library libunwind || echo libunwind-dev
    [ -n "$target" ] || ls /usr/lib/*/libdebuginfod.so.1 >/dev/null 2>&1 || echo libdebuginfod1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        run "$@"
    elif have_command sudo; then
        # Its question for a password needs the terminal; without one it must not hang.
        if [ -t 0 ]; then sudo -v; fi
        run sudo -n "$@"
    else
        die "not root and no sudo; as root run: $*"
    fi
}

install_packages() {  # PACKAGE...
    have_command apt-get || die "no apt-get here; please install: $*"
    say "installing with apt-get: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
        say "apt-get update failed; going on with the package lists that are there"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 \
        --no-install-recommends "$@" || die "apt-get could not install: $*"
}

# What is wished is installed along with what is needed, or where everything is built; by itself it
# is worth no call of apt, which needs root and the network.
install_missing() {
    needed=$(needed_packages)
    wished=$(wished_packages)
    if [ -n "$needed" ] || [ -z "$target" ]; then
        # shellcheck disable=SC2086 # one word a package
        [ -z "$needed$wished" ] || install_packages $needed $wished
    elif [ -n "$wished" ]; then
        # shellcheck disable=SC2086
        say "going on without" $wished: native functions in reports have no names, or mangled ones
    fi
}

# Headers are all that is needed of a CUDA toolkit: cuda.h to build, some more for the tests. pip's
# packages with them weigh 4 MB. --target keeps them out of every Python installation; meson
# wants them outside the source tree.
fetch_cuda_headers() {
    headers=$(sh "$root/tools/find-cuda.sh" --cache)
    python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip
    say "installing CUDA's headers with pip into $headers: $cuda_packages"
    # shellcheck disable=SC2086 # one word a package
    run python3 -m pip install --quiet --no-deps --no-input --root-user-action=ignore --upgrade \
        --target "$headers" $cuda_packages && return
    sh "$root/tools/find-cuda.sh" >/dev/null ||
        die "no CUDA headers: install a CUDA toolkit and set CUDA_HOME to it"
    say "going on with cuda.h alone; tests that need more are left out"
}

have_cuda_headers() {
    if [ -n "$target" ]; then
        sh "$root/tools/find-cuda.sh" >/dev/null 2>&1
    else
        sh "$root/tools/find-cuda.sh" --whole >/dev/null
    fi
}

builds_tests() {
    meson introspect --buildoptions "$build" 2>/dev/null | python3 -c '
import json, sys
sys.exit(not any(o["name"] == "tests" and o["value"] for o in json.load(sys.stdin)))'
}

# A build folder that was made for a target alone gets the tests when everything is asked for.
configure() {
    if [ -f "$build/build.ninja" ]; then
        [ -n "$target" ] || builds_tests || run meson configure "$build" -Dtests=true
        return
    fi
    have_cuda_headers || fetch_cuda_headers
    set -- "$build" "$root"
    [ "${CI:-}" != true ] || set -- "$@" --werror
    [ -z "$target" ] || have_library check || set -- "$@" -Dtests=false
    say "configuring $build"
    run meson setup "$@"
}

mkdir -p "$build"
install_missing
configure
say "building"
# shellcheck disable=SC2086 # none, or one word
run ninja -C "$build" $target
