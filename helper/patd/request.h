/* SPDX-License-Identifier: ISC */
#ifndef REQUEST_H
#define REQUEST_H

#include "pat/record.h"
#include "session.h"

/* What Create and Edit are asked for, parsed: form alone, no policy. Pointers are into the request.
 */
struct request {
	const char *name;        /* or NULL */
	const char *description; /* or NULL */
	bool has_services, has_sources, has_expiry;
	char services[PAT_SERVICES_MAX + 1]; /* with groups, `@name`, where they are allowed */
	char sources[PAT_SOURCES_MAX + 1];
	const char *expires_text; /* as given, or NULL */
	int64_t expires_at;
	uint32_t max_uses; /* 0: not given */
	int64_t now;
};

/* 0, or a negative error once the error that says what is wrong was sent. */
int request_read(struct session *session, const json_t *parameters, struct request *request);

#endif
