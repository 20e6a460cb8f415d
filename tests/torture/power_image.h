/* SPDX-License-Identifier: ISC */
#ifndef POWER_IMAGE_H
#define POWER_IMAGE_H

#include <dirent.h>

#include "power_disk.h"

/* One of the disks that a power cut may leave: chosen, put together, and laid out as files. */

/* What of the unsynced arrived. */
enum power_cut {
	CUT_ALL,         /* everything: the prefix of the record */
	CUT_NONE,        /* nothing */
	CUT_LAST,        /* the last write alone */
	CUT_ALL_BUT_ONE, /* all but one write */
	CUT_UNSIZED,     /* all writes, but of the lengths that were set only what they need */
	CUT_SOME,        /* some writes */
	CUT_TORN,        /* some sectors, and the length as it was at some time */
	CUT_GARBAGE,     /* the same, with what was on the disk before where nothing arrived */
	CUT_KINDS,
};

struct image_file {
	char path[2 * DISK_NAME_MAX];
	bool directory;
	unsigned char *data;
	uint64_t size;
};

struct image {
	size_t count;
	struct image_file files[64];
};

/* splitmix64: small, and the same everywhere. */
static inline uint64_t chance(uint64_t *seed)
{
	uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t chance_below(uint64_t *seed, uint64_t limit)
{
	return limit ? chance(seed) % limit : 0;
}

/* How many of the writes to a sector have arrived, the same for every question about it. */
static inline uint64_t arrived(uint64_t seed, uint64_t sector, uint64_t count)
{
	uint64_t own = seed ^ (sector * UINT64_C(0xd1342543de82ef95));

	switch (chance_below(&own, 3)) {
	case 0:
		return 0;
	case 1:
		return count;
	default:
		return chance_below(&own, count + 1);
	}
}

/* The length that a file has when `count` of its writes have arrived. */
static inline uint64_t size_after(const struct disk_file *file, size_t count)
{
	uint64_t size = file->size;

	for (size_t i = 0; i < count; i++) {
		uint64_t end = file->writes[i].at + file->writes[i].len;

		if (file->writes[i].kind == POWER_SIZE || end > size)
			size = end;
	}
	return size;
}

static inline void cut_sectors(const struct disk_file *file, bool garbage, uint64_t *seed,
			       struct image_file *out)
{
	uint64_t size = size_after(file, arrived(chance(seed), 0, file->write_count));
	uint64_t own = chance(seed);

	bytes_fit(&out->data, &out->size, size);
	for (uint64_t at = file->size; garbage && at < size; at++)
		out->data[at] = (unsigned char)chance(seed);
	for (size_t i = 0; i < file->write_count; i++) {
		const struct disk_write *write = &file->writes[i];

		for (uint64_t done = 0, some; done < write->len; done += some) {
			uint64_t at = write->at + done;

			some = SECTOR - at % SECTOR;
			if (some > write->len - done)
				some = write->len - done;
			if (i < arrived(own, at / SECTOR, file->write_count) && at + some <= size)
				memcpy(out->data + at, write->bytes + done, some);
		}
	}
}

static inline bool write_arrived(enum power_cut cut, size_t i, size_t count, size_t one,
				 uint64_t *seed)
{
	switch (cut) {
	case CUT_NONE:
		return false;
	case CUT_LAST:
		return i + 1 == count;
	case CUT_ALL_BUT_ONE:
		return i != one;
	case CUT_SOME:
		return chance_below(seed, 2) == 0;
	default:
		return true;
	}
}

static inline void cut_file(const struct disk_file *file, enum power_cut cut, uint64_t *seed,
			    struct image_file *out)
{
	size_t one = chance_below(seed, file->write_count);

	out->data = NULL;
	out->size = 0;
	bytes_fit(&out->data, &out->size, file->size);
	if (file->size > 0)
		memcpy(out->data, file->data, file->size);
	if (cut == CUT_TORN || cut == CUT_GARBAGE) {
		cut_sectors(file, cut == CUT_GARBAGE, seed, out);
		return;
	}
	for (size_t i = 0; i < file->write_count; i++) {
		const struct disk_write *write = &file->writes[i];
		uint64_t end = write->at + write->len;

		if (!write_arrived(cut, i, file->write_count, one, seed) ||
		    (cut == CUT_UNSIZED && write->kind == POWER_SIZE))
			continue;
		if (write->kind == POWER_SIZE || end > out->size)
			bytes_fit(&out->data, &out->size, end);
		if (write->len > 0)
			memcpy(out->data + write->at, write->bytes, write->len);
	}
}

/* Names: all, none, the first so many, or any. */
static inline void cut_names(const struct disk *disk, enum power_cut cut, uint64_t *seed,
			     struct disk_names *names)
{
	size_t count = disk->change_count, first = count;
	bool any = false;

	*names = disk->synced;
	if (cut == CUT_NONE)
		first = 0;
	else if (cut != CUT_ALL && chance_below(seed, 2) == 0)
		first = chance_below(seed, count + 1);
	else if (cut != CUT_ALL)
		any = chance_below(seed, 2) == 0;
	for (size_t i = 0; i < first; i++)
		if (!any || chance_below(seed, 2) == 0)
			names_apply(names, &disk->changes[i]);
}

static inline void gather_dir(struct disk *disk, const struct disk_names *names, uint64_t dir,
			      const char *path, enum power_cut cut, uint64_t *seed,
			      struct image *image)
{
	for (size_t i = 0; i < names->count; i++) {
		struct disk_file *file = disk_file(disk, names->list[i].ino);
		struct image_file *out = &image->files[image->count];
		char inner[sizeof(out->path)];

		if (names->list[i].dir != dir || file == NULL)
			continue;
		if (image->count == sizeof(image->files) / sizeof(image->files[0]))
			abort();
		image->count++;
		snprintf(inner, sizeof(inner), "%.60s/%.60s", path, names->list[i].name);
		memcpy(out->path, inner, sizeof(inner));
		out->directory = file->directory;
		out->data = NULL;
		out->size = 0;
		if (file->directory)
			gather_dir(disk, names, file->ino, inner, cut, seed, image);
		else
			cut_file(file, cut, seed, out);
	}
}

static inline void image_make(struct disk *disk, enum power_cut cut, uint64_t seed,
			      struct image *image)
{
	struct disk_names names;

	image->count = 0;
	cut_names(disk, cut, &seed, &names);
	gather_dir(disk, &names, disk->root, "", cut, &seed, image);
}

static inline void image_free(struct image *image)
{
	for (size_t i = 0; i < image->count; i++)
		free(image->files[i].data);
	image->count = 0;
}

/* --- as files below a directory */

/* Without the zeros at the end, of which there are many in a store. */
static inline void write_file(int fd, const unsigned char *data, uint64_t size)
{
	uint64_t len = size;

	while (len > 0 && data[len - 1] == 0)
		len--;
	if (write(fd, data, len) != (ssize_t)len || ftruncate(fd, (off_t)size) < 0)
		abort();
}

static inline void image_lay_out(const struct image *image, const char *below)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < image->count; i++) {
		const struct image_file *file = &image->files[i];
		int fd;

		snprintf(path, sizeof(path), "%s%s", below, file->path);
		if (file->directory) {
			if (mkdir(path, 0700) < 0)
				abort();
			continue;
		}
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			abort();
		write_file(fd, file->data, file->size);
		close(fd);
	}
}

/* Adds what is below a directory to a disk, all of it synced. */
static inline void disk_read(struct disk *disk, uint64_t dir_ino, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct disk_change change = {.dir = dir_ino};
		struct disk_file *file;
		char inner[PATH_MAX];
		struct stat st;

		snprintf(inner, sizeof(inner), "%.3000s/%s", path, entry->d_name);
		if (entry->d_name[0] == '.' || lstat(inner, &st) < 0)
			continue;
		change_make(&change, entry->d_name, st.st_ino);
		names_apply(&disk->synced, &change);
		file = disk_add_file(disk, st.st_ino, S_ISDIR(st.st_mode));
		if (file->directory) {
			disk_read(disk, st.st_ino, inner);
			continue;
		}
		bytes_fit(&file->data, &file->size, (uint64_t)st.st_size);
		int fd = open(inner, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || read(fd, file->data, file->size) != (ssize_t)file->size)
			abort();
		close(fd);
	}
	if (dir != NULL)
		closedir(dir);
	disk->seen = disk->synced;
}

static inline void empty_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char inner[PATH_MAX];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(inner, sizeof(inner), "%.3000s/%s", path, entry->d_name);
		if (unlink(inner) < 0) {
			empty_directory(inner);
			(void)rmdir(inner);
		}
	}
	if (dir != NULL)
		closedir(dir);
}

#endif
