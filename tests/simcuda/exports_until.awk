# awk -v last=VERSION -f exports_until.awk sim_functions.def: a linker script that exports what
# the driver of that version does.
BEGIN { print "{\n  global: simcuda_*; cuMemAlloc_v3; cuMemcpyOfTomorrowAsync;" }
{ row = row $0 }
/\)[ \t]*$/ && row ~ /^(FN|PT)\(/ {
    sub(/^(FN|PT)\(/, "", row)
    sub(/\)[ \t]*$/, "", row)
    n = split(row, field, /,[ \t]*/)
    if (field[2] <= last)
        print "    " field[3] ";"
    if (n == 5 && field[5] <= last)
        print "    " field[3] field[4] ";"
}
/\)[ \t]*$/ || !/^[FP]/ && row !~ /^(FN|PT)\(/ { row = "" }
END { print "  local: *;\n};" }
