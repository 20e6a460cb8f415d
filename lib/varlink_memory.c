/* SPDX-License-Identifier: ISC */
#include "varlink_memory.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One of the blocks that jansson has, newest first. */
struct block {
	struct block *newer, *older;
	size_t size;
	_Alignas(max_align_t) char bytes[];
};

static struct block *newest;

/* Where a parse goes when there is no memory; NULL while there is none to leave. */
static jmp_buf *way_out;

static bool ran_out;

/* json_malloc_t */
static void *take(size_t size)
{
	struct block *block = NULL;

	if (size <= SIZE_MAX - sizeof(*block))
		block = malloc(sizeof(*block) + size);
	if (block == NULL) {
		ran_out = true;
		if (way_out != NULL)
			longjmp(*way_out, 1);
		return NULL;
	}
	block->size = size;
	block->newer = NULL;
	block->older = newest;
	if (newest != NULL)
		newest->newer = block;
	newest = block;
	return block->bytes;
}

static void drop(struct block *block)
{
	if (block->newer != NULL)
		block->newer->older = block->older;
	else
		newest = block->older;
	if (block->older != NULL)
		block->older->newer = block->newer;
	explicit_bzero(block->bytes, block->size);
	free(block);
}

/* json_free_t */
static void give_back(void *bytes)
{
	if (bytes != NULL)
		drop((struct block *)((char *)bytes - offsetof(struct block, bytes)));
}

json_t *varlink_memory_parse(const char *text, size_t len, json_error_t *why)
{
	struct block *const before = newest;
	json_t *json;
	jmp_buf here;

	ran_out = false;
	if (setjmp(here) != 0) {
		way_out = NULL;
		ran_out = false;
		while (newest != before)
			drop(newest);
		memset(why, 0, sizeof(*why));
		/* Where json_error_code() looks for it. */
		why->text[sizeof(why->text) - 1] = (char)json_error_out_of_memory;
		return NULL;
	}
	way_out = &here;
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, why);
	way_out = NULL;
	return json;
}

bool varlink_memory_ran_out(void)
{
	bool was = ran_out;

	ran_out = false;
	return was;
}

void varlink_memory_take_over(void)
{
	json_set_alloc_funcs(take, give_back);
}
