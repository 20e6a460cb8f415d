/* SPDX-License-Identifier: ISC */

/* create and rotate: the commands that mint. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "commands.h"
#include "mint.h"
#include "moment.h"
#include "pat/when.h"
#include "request.h"
#include "taken.h"
#include "tell.h"

int command_create(const struct options *options)
{
	json_t *parameters;
	int status = request_begin(options, &parameters);

	if (status != STATUS_OK)
		return status;
	status = request_set_name(parameters, options->operands[0]);
	if (status == STATUS_OK)
		status = request_set_terms(parameters, options);
	/* Before the password is asked for, so that a slip can be taken back. */
	if (status == STATUS_OK && !given(options, OPTION_QUIET))
		tell_of_untaken(json_object_get(parameters, "services"));
	if (status == STATUS_OK)
		status = mint(options, "Create", parameters, NULL);
	json_decref(parameters);
	return status;
}

/* Adds `overlap`, and makes the sentence that tells of it, which the caller frees. */
static int set_overlap(json_t *parameters, const struct options *options, char **sentence)
{
	char local[PAT_LOCALTIME_MAX];
	int64_t span;
	int len;

	if (!given(options, OPTION_OVERLAP)) {
		len = asprintf(sentence, "The one before has ended.");
	} else {
		int status = span_of(value(options, OPTION_OVERLAP), &span);

		if (status != STATUS_OK)
			return status;
		request_set(parameters, "overlap", json_integer(span));
		len = asprintf(sentence, "The one before ends by %s.",
			       pat_localtime(local, time(NULL) + span));
	}
	if (len < 0)
		out_of_memory();
	return STATUS_OK;
}

int command_rotate(const struct options *options)
{
	json_t *parameters;
	char *sentence = NULL;
	int status = request_begin(options, &parameters);

	if (status != STATUS_OK)
		return status;
	status = request_set_selector(parameters, options->operands[0]);
	if (status == STATUS_OK)
		status = set_overlap(parameters, options, &sentence);
	if (status == STATUS_OK)
		status = mint(options, "Rotate", parameters, sentence);
	free(sentence);
	json_decref(parameters);
	return status;
}
