/* SPDX-License-Identifier: ISC */
#ifndef POWER_DISK_H
#define POWER_DISK_H

#include <stdio.h>
#include <stdlib.h>

#include "power_log.h"

/*
 * What a disk may hold after a power cut, given what was written and synced: of each file what was
 * synced, and any of the rest, sector by sector; of each directory likewise, name by name.
 *
 *  - fsync() and fdatasync() of a file put its contents and its length on disk, not its name;
 *  - fsync() of a directory puts its names there;
 *  - of writes to one sector, some of the first ones have arrived; sectors know nothing of each
 *    other, nor do the length of a file and what is in it: where it grew, but nothing arrived,
 * there are zeros, or what was on the disk before;
 *  - changes of names arrive in their order, or not in any.
 */

#define SECTOR 512
#define DISK_NAME_MAX 64

struct disk_write {
	enum power_kind kind; /* POWER_WRITE or POWER_SIZE */
	uint64_t at, len;
	const unsigned char *bytes;
};

struct disk_file {
	uint64_t ino;
	bool directory;
	unsigned char *data; /* what is synced */
	uint64_t size;
	struct disk_write *writes; /* what is not */
	size_t write_count, write_room;
};

struct disk_name {
	uint64_t dir, ino;
	char name[DISK_NAME_MAX];
};

struct disk_names {
	size_t count;
	struct disk_name list[64];
};

/* A change of names: ends `gone`, if it is set, and makes `made`, if that is. */
struct disk_change {
	uint64_t dir;
	struct disk_name made[2];
	char gone[DISK_NAME_MAX];
	unsigned made_count;
};

struct disk {
	uint64_t root; /* the inode of the directory that is recorded */
	struct disk_file *files;
	size_t file_count;
	struct disk_names synced, seen; /* on disk; and as programs see it */
	struct disk_change changes[256];
	size_t change_count;
	const char *fault; /* what the model could not follow */
};

static inline void *disk_more(void *list, size_t count, size_t size)
{
	void *more = reallocarray(list, count, size);

	if (more == NULL)
		abort();
	return more;
}

static inline struct disk_file *disk_file(struct disk *disk, uint64_t ino)
{
	for (size_t i = 0; i < disk->file_count; i++)
		if (disk->files[i].ino == ino)
			return &disk->files[i];
	return NULL;
}

static inline struct disk_file *disk_add_file(struct disk *disk, uint64_t ino, bool directory)
{
	disk->files = disk_more(disk->files, disk->file_count + 1, sizeof(*disk->files));
	disk->files[disk->file_count] = (struct disk_file){.ino = ino, .directory = directory};
	return &disk->files[disk->file_count++];
}

static inline void disk_free(struct disk *disk)
{
	for (size_t i = 0; i < disk->file_count; i++) {
		free(disk->files[i].data);
		free(disk->files[i].writes);
	}
	free(disk->files);
}

/* --- names */

static inline struct disk_name *names_find(struct disk_names *names, uint64_t dir, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (names->list[i].dir == dir && strcmp(names->list[i].name, name) == 0)
			return &names->list[i];
	return NULL;
}

static inline void names_remove(struct disk_names *names, uint64_t dir, const char *name)
{
	struct disk_name *found = names_find(names, dir, name);

	if (found != NULL)
		*found = names->list[--names->count];
}

static inline void names_apply(struct disk_names *names, const struct disk_change *change)
{
	if (change->gone[0] != '\0')
		names_remove(names, change->dir, change->gone);
	for (unsigned i = 0; i < change->made_count; i++) {
		names_remove(names, change->dir, change->made[i].name);
		if (names->count == sizeof(names->list) / sizeof(names->list[0]))
			abort();
		names->list[names->count++] = change->made[i];
	}
}

static inline void change_make(struct disk_change *change, const char *name, uint64_t ino)
{
	struct disk_name *made = &change->made[change->made_count++];

	made->dir = change->dir;
	made->ino = ino;
	snprintf(made->name, sizeof(made->name), "%.63s", name);
}

static inline void disk_rename(struct disk *disk, const struct power_event *event,
			       struct disk_change *change)
{
	const char *from = power_event_text(event), *to = from + strlen(from) + 1;
	struct disk_name *old = names_find(&disk->seen, event->dir, from);
	struct disk_name *other = names_find(&disk->seen, event->dir, to);

	if (old == NULL || (event->kind == POWER_EXCHANGE && other == NULL)) {
		disk->fault = "a rename of what was not seen made";
		return;
	}
	change_make(change, to, old->ino);
	if (event->kind == POWER_EXCHANGE)
		change_make(change, from, other->ino);
	else
		snprintf(change->gone, sizeof(change->gone), "%.63s", from);
}

static inline void disk_names_event(struct disk *disk, const struct power_event *event)
{
	struct disk_change change = {.dir = event->dir};

	if (disk->change_count == sizeof(disk->changes) / sizeof(disk->changes[0])) {
		disk->fault = "too many names that nobody syncs";
		return;
	}
	if (event->kind == POWER_CREATE || event->kind == POWER_MKDIR) {
		change_make(&change, power_event_text(event), event->ino);
		if (disk_file(disk, event->ino) == NULL)
			disk_add_file(disk, event->ino, event->kind == POWER_MKDIR);
	} else if (event->kind == POWER_UNLINK) {
		snprintf(change.gone, sizeof(change.gone), "%.63s", power_event_text(event));
	} else {
		disk_rename(disk, event, &change);
	}
	names_apply(&disk->seen, &change);
	disk->changes[disk->change_count++] = change;
}

/* --- contents */

static inline void bytes_fit(unsigned char **data, uint64_t *size, uint64_t wanted)
{
	if (wanted > *size) {
		*data = disk_more(*data, wanted, 1);
		memset(*data + *size, 0, wanted - *size);
	}
	*size = wanted;
}

static inline void disk_write_event(struct disk *disk, const struct power_event *event)
{
	struct disk_file *file = disk_file(disk, event->ino);

	if (file == NULL) {
		disk->fault = "a write to what was not seen made";
		return;
	}
	if (file->write_count == file->write_room) {
		file->write_room = file->write_room ? 2 * file->write_room : 64;
		file->writes = disk_more(file->writes, file->write_room, sizeof(*file->writes));
	}
	file->writes[file->write_count++] =
		(struct disk_write){event->kind, event->at, event->len, power_event_bytes(event)};
}

static inline void disk_sync(struct disk *disk, struct disk_file *file)
{
	size_t kept = 0;

	for (size_t i = 0; i < file->write_count; i++) {
		const struct disk_write *write = &file->writes[i];
		uint64_t end = write->at + write->len;

		if (write->kind == POWER_SIZE || end > file->size)
			bytes_fit(&file->data, &file->size, end);
		if (write->len > 0)
			memcpy(file->data + write->at, write->bytes, write->len);
	}
	file->write_count = 0;
	if (!file->directory)
		return;
	for (size_t i = 0; i < disk->change_count; i++) {
		if (disk->changes[i].dir == file->ino)
			names_apply(&disk->synced, &disk->changes[i]);
		else
			disk->changes[kept++] = disk->changes[i];
	}
	disk->change_count = kept;
}

/* Takes in what was done. True if it changed what a power cut may leave. */
static inline bool disk_event(struct disk *disk, const struct power_event *event)
{
	switch (event->kind) {
	case POWER_CREATE:
	case POWER_MKDIR:
	case POWER_UNLINK:
	case POWER_RENAME:
	case POWER_EXCHANGE:
		disk_names_event(disk, event);
		return true;
	case POWER_WRITE:
	case POWER_SIZE:
		disk_write_event(disk, event);
		return true;
	case POWER_SYNC:
		for (size_t i = 0; i < disk->file_count; i++)
			if (event->ino == 0 || disk->files[i].ino == event->ino)
				disk_sync(disk, &disk->files[i]);
		return true;
	case POWER_FOREIGN:
		disk->fault = power_event_text(event);
		return false;
	default:
		return false;
	}
}

#endif
