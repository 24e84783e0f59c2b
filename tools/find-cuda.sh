#!/bin/sh
# Print the folder that holds cuda.h. In this order: the folder given (the meson option toolkit),
# CUDA_HOME, /usr/local/cuda, where nvcc lies, Python's packages, and the folder into which
# tools/setup.sh fetches such packages (--cache prints it). Of those that nobody named, one with all
# the headers that the tests use goes before one with cuda.h alone; --whole takes no other and is
# silent where there is none.
# A folder given as an argument is used or refused, never passed over. Exit 1 with a remedy.
set -u

oldest=13000  # the simulated device implements what CUDA 13.0 declares
for_tests="cudaProfiler.h cuda_runtime_api.h crt/host_defines.h"

usable() {  # DIR: is there a cuda.h that is new enough?
    [ -r "$1/include/cuda.h" ] || return 1
    version=$(sed -n 's/^#define CUDA_VERSION  *\([0-9][0-9]*\).*/\1/p' "$1/include/cuda.h")
    [ "${version:-0}" -ge "$oldest" ]
}

# shellcheck disable=SC2317 # called by try_all
whole() {  # DIR: are the headers for the tests there as well?
    usable "$1" || return 1
    for header in $for_tests; do
        [ -r "$1/include/$header" ] || return 1
    done
}

beside_nvcc() {
    nvcc=$(command -v nvcc 2>/dev/null) || return 0
    dirname "$(dirname "$(readlink -f "$nvcc")")"
}

from_pip() {
    python3 - <<'PY' 2>/dev/null
import importlib.util, os
try:
    spec = importlib.util.find_spec("nvidia.cu13")
except ImportError:
    spec = None
for place in (spec.submodule_search_locations if spec else ()) or ():
    if os.path.exists(os.path.join(place, "include", "cuda.h")):
        print(place)
        break
PY
}

try_all() {  # CHECK: print the first place that passes it
    for home in /usr/local/cuda "$(beside_nvcc)" "$(from_pip)" "$cache/nvidia/cu13"; do
        [ -n "$home" ] && "$1" "$home" && echo "$home/include" && return 0
    done
    return 1
}

cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/memtrace/cuda
case ${1:-} in
--cache)
    echo "$cache"
    exit 0 ;;
--whole | '') ;;
*)
    usable "$1" && echo "$1/include" && exit 0
    echo "find-cuda: $1 is no toolkit of CUDA 13 or later: $1/include/cuda.h is missing or older;" \
         "set the option toolkit to one, or leave it empty" >&2
    exit 1 ;;
esac
if [ -n "${CUDA_HOME:-}" ]; then
    usable "$CUDA_HOME" && echo "$CUDA_HOME/include" && exit
    echo "find-cuda: CUDA_HOME=$CUDA_HOME is passed over: no cuda.h of CUDA 13 or later there" >&2
fi
try_all whole && exit
[ "${1:-}" != --whole ] || exit 1
try_all usable && exit
echo "find-cuda: no cuda.h of CUDA 13 or later: set CUDA_HOME to a toolkit," \
     "or run sh tools/setup.sh, which fetches the headers" >&2
exit 1
