/* SPDX-License-Identifier: ISC */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

/*
 * patd's log: syslog(3) at authpriv, and standard error too if `also_stderr`. Whoever calls passes
 * text from outside through pat_escape() first.
 */
void log_open(bool also_stderr);
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
