#!/bin/sh
# Build memtrace for aarch64 and run its tests under qemu-user, where the cross compiler and qemu
# are installed: apt-get install gcc-aarch64-linux-gnu qemu-user. Libraries for aarch64 are unpacked
# into the build folder; nothing on this machine changes. Exit 77 (skipped) where something is
# missing.
#   sh tests/cross/aarch64.sh [MESON-TEST-ARGUMENT...]
set -eu
cd "$(dirname "$0")/../.."
build=build-aarch64
root=$PWD/$build/root
suites=${*:---suite shim --suite unit --suite simcuda}

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
}

if [ ! -e "$root/fetched" ]; then
    mkdir -p "$root"
    fetch >"$root/fetch.log" 2>&1 || skip "no packages for aarch64 (see $root/fetch.log)"
    : >"$root/fetched"
fi

lib=$root/usr/lib/aarch64-linux-gnu
cat >"$root/cross.ini" <<INI
[binaries]
c = ['aarch64-linux-gnu-gcc', '-idirafter', '$root/usr/include', '-L$lib', '-Wl,-rpath-link,$lib']
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu', '-E', 'LD_LIBRARY_PATH=$lib']
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
# shellcheck disable=SC2086
meson test -C $build/meson --timeout-multiplier 10 $suites
