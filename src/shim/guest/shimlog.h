/* One line on stderr, by one write(2): safe in any thread of a foreign process, under any lock.
 * Keeps errno. Only for what the person at the terminal must know (recording is off, and why). */
#ifndef MT_SHIMLOG_H
#define MT_SHIMLOG_H

/* At load time: what standard error is. Another file in its place is not written to. */
void mt_shim_remember_stderr(void);

void mt_shim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
