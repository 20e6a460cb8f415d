/* SPDX-License-Identifier: ISC */
#ifndef FILTER_H
#define FILTER_H

#include <linux/filter.h>

/*
 * The system calls that patd's processes may make, as filters of seccomp(2). They are made once, by
 * libseccomp, and each process loads the finished program: confine.h says which.
 *
 * There is none in a build with AddressSanitizer or ThreadSanitizer. To report, their runtimes open
 * files, start programs and look into their own process, and the leak checker is a tracer.
 */

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define FILTERS 0
#else
#define FILTERS 1
#endif

struct filter {
	struct sock_fprog program;
};

/* For all processes of patd: what neither it nor any PAM or NSS module has to do with. */
int filter_make_common(struct filter *filter);

/* On top of it, for those that run no other program: no new processes. */
int filter_make_alone(struct filter *filter);

/* For the reader: what reading from a socket, jansson and malloc(3) need, and death for all else.
 */
int filter_make_reader(struct filter *filter);

/* The calling process is under the filter for good, and so are its children. 0, or PAT_E_IO
 * (errno). The one place where a filter is loaded, in a file that has no caller of it: the linker
 * can put another in its place (--wrap=filter_load) where what is measured could not work. */
int filter_load(const struct filter *filter);

#endif
