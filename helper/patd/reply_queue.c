/* SPDX-License-Identifier: ISC */
#include "reply_queue.h"

#include <stdlib.h>
#include <string.h>

#include "pat/error.h"

void reply_queue_begin(struct reply_queue *queue, int fd)
{
	*queue = (struct reply_queue){.link = {.fd = fd, .other = -1}};
}

void reply_queue_end(struct reply_queue *queue)
{
	pat_varlink_discard(&queue->waiting);
}

int reply_queue_send(struct reply_queue *queue)
{
	struct pat_varlink_text *waiting = &queue->waiting;
	int error = PAT_OK;

	if (waiting->len > 0) {
		error = pat_varlink_send(&queue->link, waiting, pat_deadline_in(REPLY_WRITE_MS));
		explicit_bzero(waiting->bytes, waiting->len);
	}
	waiting->len = 0;
	return error;
}

int reply_queue_send_with(struct reply_queue *queue, const struct pat_varlink_text *text)
{
	int error = reply_queue_send(queue);

	if (!error)
		error = pat_varlink_send(&queue->link, text, pat_deadline_in(REPLY_WRITE_MS));
	return error;
}

int reply_queue_add(struct reply_queue *queue, const struct pat_varlink_text *text)
{
	struct pat_varlink_text *waiting = &queue->waiting;
	int error = PAT_OK;

	if (waiting->bytes == NULL)
		waiting->bytes = malloc(PAT_VARLINK_MESSAGE_MAX);
	if (waiting->bytes == NULL)
		return PAT_E_NOMEM;
	if (waiting->len + text->len > PAT_VARLINK_MESSAGE_MAX)
		error = reply_queue_send(queue);
	if (error)
		return error;
	memcpy(waiting->bytes + waiting->len, text->bytes, text->len);
	waiting->len += text->len;
	return PAT_OK;
}
