/* libvictim-late.so: calls back when it ends, which is after the recorder has ended: what a program
 * loads itself comes after what was preloaded. */
__attribute__((visibility("default"))) extern void (*victim_late_call)(void);
void (*victim_late_call)(void);

__attribute__((destructor)) static void end(void)
{
    if (victim_late_call)
        victim_late_call();
}
