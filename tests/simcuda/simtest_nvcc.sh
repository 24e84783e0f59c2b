#!/bin/sh
# simtest_nvcc.sh NVCC SOURCE DIR: compiles a CUDA program for the simulated runtime, runs it there,
# and compares what the driver was called for with what the program calls.
set -eu
nvcc=$1 source=$2 dir=$3
"$nvcc" --version | grep -q 'release 13\.' || {
    echo "skipped: $nvcc is not of CUDA 13, whose runtime this is"
    exit 77
}
rm -rf "$dir"
mkdir -p "$dir"
"$nvcc" -arch=sm_90 --no-compress -cudart shared -o "$dir/program" "$source"
SIMCUDA_COUNTS=$dir/counts "$dir/program" >"$dir/out"
grep -q '^device Simulated GPU (no hardware)$' "$dir/out"
expect() {
    grep -q "^$1\$" "$dir/counts" || {
        echo "expected: $1; counted:"
        cat "$dir/counts"
        exit 1
    }
}
expect 'cuMemAlloc_v2 2 2048'
expect 'cuMemFree_v2 2 2048'
expect 'cuMemcpyHtoD_v2 2 1064'
expect 'cuMemcpyDtoH_v2 2 1064'
expect 'cuLaunchKernel 3 0'
expect 'cuLibraryLoadData 1 0'
expect 'cuLibraryGetKernel 3 0'
echo ok
