#!/bin/sh
# Compare stacks with what Python says (python_stacks.py), also for the interpreters of Debian's
# other suites: they are fetched with apt and unpacked into the folder build-pythons; nothing on
# this machine changes. By hand, after a build. Exit 77 (skipped) where they cannot be had.
# With `free-threaded` one of those is built too, of Debian's source, since no package holds one:
# five minutes, and libffi-dev is needed.
#   sh tests/stacks/pythons.sh [BUILD_DIR [free-threaded]]
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build}
root=$PWD/build-pythons
suites="trixie sid"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
libraries="libc6 libgcc-s1 zlib1g libexpat1 libffi8 libuuid1 libbz2-1.0 liblzma5 libzstd1"

skip() {
    echo "pythons: skipped: $*"
    exit 77
}

set_apt() {
    # shellcheck disable=SC2034
    apt="-oDir::Etc::sourcelist=$root/sources.list -oDir::Etc::sourceparts=/dev/null
         -oDir::State::Lists=$root/lists -oDir::State::status=/dev/null -oDir::Cache=$root/cache"
}

# An index of its own, of the place that this machine's packages come from.
fetch() {
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' |
        sort -u | head -n 1)
    [ -n "$mirror" ] || return 1
    mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/deb"
    for suite in $suites; do
        for kind in deb deb-src; do
            echo "$kind [signed-by=$keyring] $mirror $suite main"
        done
    done >"$root/sources.list"
    set_apt
    # shellcheck disable=SC2086 # one word an option
    apt-get -qq $apt update || return 1
    # shellcheck disable=SC2086
    versions=$(apt-cache $apt search '^python3\.[0-9]+$' | cut -d ' ' -f 1)
    packages=$libraries
    for version in $versions; do
        packages="$packages $version-minimal lib$version-minimal lib$version-stdlib"
    done
    # shellcheck disable=SC2086
    (cd "$root/deb" && apt-get -qq $apt download $packages) || return 1
    for deb in "$root"/deb/*.deb; do
        dpkg -x "$deb" "$root/root" || return 1
    done
    mkdir -p "$root/bin"
    lib=$root/root/usr/lib/$(uname -m)-linux-gnu
    for version in $versions; do
        # Their C library is newer than this machine's.
        # shellcheck disable=SC2016
        printf '#!/bin/sh\nPYTHONHOME=%s exec %s --library-path "$LD_LIBRARY_PATH:%s" %s "$@"\n' \
            "$root/root/usr" "$(echo "$lib"/ld-linux-*)" "$lib" "$root/root/usr/bin/$version" \
            >"$root/bin/$version"
        chmod 700 "$root/bin/$version"
    done
}

# An archive may name sources that it does not have any more.
fetch_source() {
    for name in python3.14 python3.13; do
        # shellcheck disable=SC2086
        for version in $(apt-cache $apt showsrc --only-source $name | sed -n 's/^Version: //p'); do
            # shellcheck disable=SC2086
            apt-get -qq $apt source --download-only --tar-only --only-source \
                "$name=$version" && return 0
        done
    done
    return 1
}

# python3.Nt, of a version of which the source is there.
build_free() {
    set_apt
    mkdir -p "$root/free" && cd "$root/free" && fetch_source || return 1
    tar -xf "$name"_*.orig.tar.xz && cd Python-3* || return 1
    ./configure --disable-gil --disable-test-modules --without-ensurepip \
        --prefix="$root/free" && make -j"$(nproc)" && make altinstall &&
        ln -sf "$root"/free/bin/python3.*[0-9]t "$root/bin"
}

for tool in apt-get apt-cache dpkg; do
    command -v $tool >/dev/null 2>&1 || skip "$tool is not here"
done
if [ ! -e "$root/fetched" ]; then
    mkdir -p "$root"
    fetch >"$root/fetch.log" 2>&1 || skip "no interpreters to be had (see $root/fetch.log)"
    : >"$root/fetched"
fi
if [ "${2:-}" = free-threaded ] && [ ! -e "$root/built" ]; then
    (build_free) >"$root/free.log" 2>&1 ||
        { echo "pythons: no free-threaded one (see $root/free.log)"; exit 1; }
    : >"$root/built"
fi
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}" PATH="$root/bin:$PATH"
exec python3 tests/stacks/python_stacks.py \
    "$PWD/$build/src/shim/libmemtrace.so" "$PWD/$build/tests/simcuda" "$build/tools/memtrace-dump"
