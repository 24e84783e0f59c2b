#!/bin/sh
# Build memtrace for aarch64 and run its tests under qemu-user, where the cross compiler and qemu
# are installed: apt-get install gcc-aarch64-linux-gnu qemu-user. Libraries for aarch64 are fetched
# with apt and unpacked into the folder build-aarch64; nothing on this machine changes. Exit 77
# (skipped) where something is missing.
#   sh tests/cross/aarch64.sh [MESON-TEST-ARGUMENT...]    (default: the suites below)
#
# Left out, and said so: the sanitizers, Python's stacks and programs without CUDA (they are of this
# machine), exec of the victims' own files (the kernel cannot start them), the page that is wiped in
# a child of a raw clone (qemu does not wipe it), races at a pause's end (qemu's counter moves once
# in a microsecond, and what happens in one has no order).
set -eu
cd "$(dirname "$0")/../.."
build=build-aarch64
root=$PWD/$build/root
lib=$root/usr/lib/aarch64-linux-gnu
suites=${*:---suite shim --suite unit --suite simcuda --suite golden}

skip() {
    echo "aarch64: skipped: $*"
    exit 77
}

for tool in aarch64-linux-gnu-gcc qemu-aarch64 apt-get dpkg; do
    command -v $tool >/dev/null 2>&1 || skip "$tool is not installed"
done

# A package index of its own, so that the machine's foreign architectures stay as they are.
fetch() {
    apt="-oAPT::Architecture=arm64 -oAPT::Architectures=arm64 -oDir::State::Lists=$root/lists"
    mkdir -p "$root/lists/partial" "$root/deb"
    # shellcheck disable=SC2086
    apt-get -qq $apt update || return 1
    # shellcheck disable=SC2086
    (cd "$root/deb" && apt-get -qq $apt download libc6 libgcc-s1 libzstd1 libzstd-dev check \
        libsubunit0 libsubunit-dev libelf1 libelf-dev zlib1g zlib1g-dev libiberty-dev) || return 1
    for deb in "$root"/deb/*.deb; do
        dpkg -x "$deb" "$root" || return 1
    done
    # Debian's page of libzstd names the folder above, where the archive is not found: the recorder
    # would need the shared one.
    sed -i 's|^libdir=.*|libdir=/usr/lib/aarch64-linux-gnu|' "$lib/pkgconfig/libzstd.pc"
}

if [ ! -e "$root/fetched" ]; then
    mkdir -p "$root"
    fetch >"$root/fetch.log" 2>&1 || skip "no packages for aarch64 (see $root/fetch.log)"
    : >"$root/fetched"
fi

cat >"$root/cross.ini" <<INI
[binaries]
c = ['aarch64-linux-gnu-gcc', '-idirafter', '$root/usr/include', '-L$lib', '-Wl,-rpath-link,$lib']
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', '$root']
[properties]
sys_root = '$root'
pkg_config_libdir = '$lib/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
INI
[ -e $build/meson/build.ninja ] || meson setup $build/meson --cross-file "$root/cross.ini"
ninja -C $build/meson
# For tests that start programs themselves; meson's own word for it.
export MESON_EXE_WRAPPER="qemu-aarch64 -L '$root'" CK_TIMEOUT_MULTIPLIER=10
# shellcheck disable=SC2086
meson test -C $build/meson --no-rebuild --timeout-multiplier 10 $suites
