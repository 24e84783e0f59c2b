/* usage: known-trace PATH [cut]: the trace that test_engine knows all about. */
#include "knowntrace.h"

#include <stddef.h>

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    knowntrace_write(argv[1], "python train.py", argv[2] != NULL);
    return 0;
}
