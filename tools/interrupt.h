/* Ctrl-C, kill and the end of a terminal leave no unfinished files. */
#ifndef MT_INTERRUPT_H
#define MT_INTERRUPT_H

/* From now on SIGINT, SIGTERM and SIGHUP remove what is unfinished (report/output.h), and then end
 * the program as they always do. One that is ignored, as by nohup, stays ignored. To be called by
 * the thread that writes, before there are others; those must block signals. */
void mt_interrupt_cleanly(void);

#endif
