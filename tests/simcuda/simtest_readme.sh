#!/bin/sh
# simtest_readme.sh DIR: every setting that the code reads stands in README.md, and conversely.
set -eu
cd "$1"
settings='SIM\(CUDA\|C10\)_[A-Z_]*[A-Z]'
code=$(grep -oh "\"$settings\"" sim_config.c simc10_cuda.c | tr -d '"' | sort -u)
page=$(grep -o "\`$settings[\`=]" README.md | tr -d '`=' | sort -u)
[ "$code" = "$page" ] || {
    printf 'settings in the code:\n%s\nin README.md:\n%s\n' "$code" "$page"
    exit 1
}
echo "ok: $(echo "$code" | wc -l) settings"
