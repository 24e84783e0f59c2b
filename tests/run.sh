#!/bin/sh
# Install what is missing, build, run every test. The last line says how it went:
#   tests: N passed, N failed[, N skipped]
# Exit 0 when nothing failed. BUILD_DIR names another build folder than build.
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$root/build}

if ! sh "$root/tools/setup.sh" "$build"; then
    echo "the build failed, and with it every test"
    echo "tests: 0 passed, 1 failed"
    exit 1
fi
log=$build/meson-logs/testlog.json
rm -f "$log"
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 3 "$@" </dev/null
status=$?
python3 "$root/tests/count.py" "$log" "$status"
