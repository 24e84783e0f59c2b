#!/bin/sh
# Print the folder that holds cuda.h: CUDA_HOME, the toolkit's usual place, where nvcc lies, or the
# pip package nvidia-cuda-runtime. Exit 1 with a remedy where there is none.
set -u
nvcc=$(command -v nvcc 2>/dev/null) && nvcc=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
pip_dir=$(python3 -c '
import importlib.util, os
for name in ("nvidia.cu13", "nvidia.cuda_runtime"):
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        continue
    for place in (spec.submodule_search_locations if spec else ()):
        if os.path.exists(os.path.join(place, "include", "cuda.h")):
            print(place)
            raise SystemExit
' 2>/dev/null)
for home in "${1:-}" "${CUDA_HOME:-}" /usr/local/cuda "$nvcc" "$pip_dir"; do
    [ -n "$home" ] && [ -r "$home/include/cuda.h" ] && echo "$home/include" && exit 0
done
echo "cuda.h not found: set CUDA_HOME to a CUDA toolkit, or: pip install nvidia-cuda-runtime" >&2
exit 1
