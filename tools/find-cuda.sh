#!/bin/sh
# Print the folder that holds cuda.h. In this order: the folder given (the meson option toolkit),
# CUDA_HOME, /usr/local/cuda, where nvcc lies, the pip package nvidia-cuda-runtime, and the folder
# into which tools/setup.sh fetches that package (--cache prints it).
# A folder given by name is used or refused, never passed over. Exit 1 with a remedy.
set -u

oldest=13000  # the simulated device implements what CUDA 13.0 declares

usable() {  # DIR: is there a cuda.h that is new enough?
    [ -r "$1/include/cuda.h" ] || return 1
    version=$(sed -n 's/^#define CUDA_VERSION  *\([0-9][0-9]*\).*/\1/p' "$1/include/cuda.h")
    [ "${version:-0}" -ge "$oldest" ] && return 0
    echo "find-cuda: $1/include/cuda.h is of version ${version:-unknown}; $oldest is needed" >&2
    return 1
}

beside_nvcc() {
    nvcc=$(command -v nvcc 2>/dev/null) || return 0
    dirname "$(dirname "$(readlink -f "$nvcc")")"
}

from_pip() {
    python3 - <<'PY' 2>/dev/null
import importlib.util, os
for name in ("nvidia.cu13", "nvidia.cuda_runtime"):
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        continue
    for place in (spec.submodule_search_locations if spec else ()) or ():
        if os.path.exists(os.path.join(place, "include", "cuda.h")):
            print(place)
            raise SystemExit
PY
}

cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/memtrace/cuda
[ "${1:-}" = --cache ] && echo "$cache" && exit 0
if [ -n "${1:-}" ]; then
    usable "$1" && echo "$1/include" && exit 0
    echo "find-cuda: $1 is no CUDA toolkit: $1/include/cuda.h is missing or too old;" \
         "set the option toolkit to one, or leave it empty" >&2
    exit 1
fi
for home in "${CUDA_HOME:-}" /usr/local/cuda "$(beside_nvcc)" "$(from_pip)" \
            "$cache/nvidia/cu13"; do
    [ -n "$home" ] && usable "$home" && echo "$home/include" && exit 0
done
echo "find-cuda: cuda.h not found: set CUDA_HOME to a CUDA toolkit," \
     "or: pip install nvidia-cuda-runtime" >&2
exit 1
