#!/bin/sh
# From nothing to a report: install what is missing, build, record a training job, analyze it.
#   sh examples/quickstart.sh     (traces and reports go to out/quickstart, which is emptied before;
#                                  OUT_DIR names another folder, BUILD_DIR another than build)
# Without a GPU, or with SIMULATED=1, the job runs on the simulated device of the tests, and the
# first and the last line say so. With one it runs on that; a PyTorch job follows where PyTorch can
# be imported (by $PYTHON, else python3).
set -eu

cd "$(dirname "$0")/.."
out=${OUT_DIR:-out/quickstart}
python=${PYTHON:-python3}
build=${BUILD_DIR:-build}

# A GPU is there when the driver lists one, or when its device file and its library are.
have_gpu() {
    if command -v nvidia-smi >/dev/null 2>&1; then
        nvidia-smi -L 2>/dev/null | grep -q '^GPU ' && return 0
    fi
    [ -e /dev/nvidia0 ] && "$python" -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null
}

have_torch() {
    "$python" -c 'import torch; raise SystemExit(not torch.cuda.is_available())' 2>/dev/null
}

heading() { printf '\n== %s\n' "$*"; }

# Show a command as it can be typed, and run it.
show_and_run() {
    printf '$ %s\n' "$*"
    "$@"
}

record_and_analyze() {  # NAME COMMAND...
    name=$1
    shift
    heading "Recording: $name"
    show_and_run ${simulated:+env "$simulated"} "$build"/tools/memtrace -o "$out/$name.mtrace" \
        -- "$@"
    heading "Analyzing: $name"
    show_and_run "$build"/tools/memtrace-analyze "$out/$name.mtrace"
    show_and_run "$build"/tools/memtrace-analyze -q --csv "$out/$name" --plots "$out/$name" \
        "$out/$name.mtrace"
}

simulated=LD_LIBRARY_PATH=$build/tests/simcuda
if [ -n "${SIMULATED:-}" ]; then
    where="on the simulated device, as asked for"
elif have_gpu; then
    where="on the GPU of this machine"
    simulated=
else
    where="on the simulated device: there is no GPU here"
fi

echo "memtrace quickstart, $where"
heading "Building"
sh tools/setup.sh -q -t quickstart "$build"
rm -rf "$out"
mkdir -p "$out"
record_and_analyze mlp "$build"/examples/mlp/mlp
if [ -z "$simulated" ] && have_torch; then
    record_and_analyze pytorch "$python" examples/pytorch/train.py
fi
heading "Reports"
find "$out" -type f | sort
echo
echo "memtrace quickstart: done, $where"
