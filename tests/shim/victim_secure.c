/* libvictim-secure.so: makes the recorder believe that the kernel runs a setuid program. A real one
 * would not even load it, unless it lay among the system's libraries. */
#include <stddef.h>
#include <sys/auxv.h>

__attribute__((visibility("default"))) unsigned long getauxval(unsigned long type)
{
    return type == AT_SECURE;
}
