/* SPDX-License-Identifier: ISC */
#include "log.h"

#include <stdarg.h>
#include <syslog.h>

void log_open(bool also_stderr)
{
	openlog("patd", LOG_PID | LOG_NDELAY | (also_stderr ? LOG_PERROR : 0), LOG_AUTHPRIV);
}

void log_line(int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsyslog(priority, format, arguments);
	va_end(arguments);
}
