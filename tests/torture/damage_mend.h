/* SPDX-License-Identifier: ISC */
#ifndef DAMAGE_MEND_H
#define DAMAGE_MEND_H

#include <sys/stat.h>

#include "../../lib/tdbfile.h"
#include "damage_look.h"

/* A damaged store as a file, and what `patstore rebuild`, `backup` and `restore` make of it. */

static inline void write_patient(const struct patient *patient)
{
	const struct harm *harm = patient->harm;
	int fd;

	(void)unlink(patient->path);
	fd = open(patient->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, harm->data, harm->size) != (ssize_t)harm->size ||
	    (harm->sparse > 0 && ftruncate(fd, (off_t)harm->sparse) < 0))
		abort();
	close(fd);
}

/* Maps the file, as far as it may have contents: what can be reached in it is to be seen. */
static inline void map_patient(struct patient *patient)
{
	int fd = open(patient->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map = MAP_FAILED;

	patient->file = (struct reader_file){NULL, 0};
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
		uint64_t size = (uint64_t)st.st_size;

		if (size > patient->harm->room)
			size = patient->harm->room;
		map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED)
			patient->file = (struct reader_file){map, size};
	}
	if (fd >= 0)
		close(fd);
	find_fates(patient);
}

/* Lets go of the file: nobody can reach anything in it. */
static inline void forget_patient(struct patient *patient)
{
	if (patient->file.data != NULL)
		reader_close(&patient->file);
	patient->file = (struct reader_file){NULL, 0};
	find_fates(patient);
}

/* Those that must stay out, once more, after all that was done to the store. */
static inline void try_outsiders(const struct patient *patient, uint64_t seed)
{
	(void)seed;
	for (unsigned i = 0, tried = 0; i < patient->good->count && tried < 8; i++) {
		const struct good_token *token = &patient->good->tokens[i];

		if (token->worth <= WORTH_COUNTED ||
		    (patient->harm->replayed && token->worth != WORTH_EXPIRED))
			continue;
		tried++;
		must_refuse(patient, &token->token, token->grant.user, GOOD_SERVICE,
			    "one that was to stay out");
	}
}

static inline bool patstore_can(const char *patstore, const char *command)
{
	static char said[65536];
	int ends[2];
	size_t used = 0;
	ssize_t got;

	if (pipe(ends) < 0)
		return false;
	if (fork() == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execl(patstore, "patstore", "--help", NULL);
		_exit(127);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + used, sizeof(said) - 1 - used)) > 0)
		used += (size_t)got;
	close(ends[0]);
	(void)wait(NULL);
	said[used] = '\0';
	return strstr(said, command) != NULL;
}

/* Lets go of the file, and looks at the new one that has its name. */
static inline void map_again(struct patient *patient, bool opened)
{
	forget_patient(patient);
	if (opened)
		map_patient(patient);
}

/* Whether the head of the file tells another number of chains: then hardly any chain leads to
 * anything, and who is met by one is there by chance. */
static inline bool has_other_chains(const struct patient *patient)
{
	const uint64_t at = offsetof(struct tdbfile_header, hash_size);
	const struct reader_file good = {patient->good->data, patient->good->size};

	return get_word(patient->harm, at) != reader_word(&good, at);
}

/* Whether it came back as what may be an older copy: the same but that it is suspended. */
static inline bool came_back_suspended(const struct patient *patient,
				       const struct good_record *record)
{
	const char *id = record->key.bytes + 1;
	struct pat_grant was, is;
	const unsigned char *value;
	uint32_t len;
	bool broken;

	value = find_value(&patient->file, record->key, &len, &broken);
	if (value == NULL || pat_grant_decode(id, value, len, &is) != PAT_OK ||
	    pat_grant_decode(id, patient->good->settled + value_at(record), record->len, &was) !=
		    PAT_OK)
		return false;
	return is.suspended_at != 0 && memcmp(is.hash, was.hash, sizeof(is.hash)) == 0 &&
	       is.uid == was.uid && strcmp(is.user, was.user) == 0 &&
	       strcmp(is.name, was.name) == 0;
}

/* Whether a record of the good store, that was whole before, is there after it. */
static inline void must_be_kept(const struct patient *patient, const bool *was_whole)
{
	for (size_t i = 0; i < patient->good->record_count; i++) {
		const struct good_record *record = &patient->good->records[i];

		if (was_whole[i] && record->key.bytes[0] == 't' &&
		    patient->fates[i] != FATE_WHOLE &&
		    !(has_other_chains(patient) && came_back_suspended(patient, record)))
			wrong(patient, "a record that could be read is lost: %.*s",
			      (int)record->key.len, record->key.bytes);
	}
}

/* Makes the store whole by one of two ways. */
static inline void rebuild(const struct patient *patient, bool by_backup)
{
	static char said[1 << 20];
	int status;

	if (!by_backup) {
		status = run_patstore(patient, "rebuild", NULL, said, sizeof(said));
		if (status != 0 && status != 1)
			wrong(patient, "patstore rebuild ends with %d: %.200s", status, said);
	} else {
		char copy[400];

		snprintf(copy, sizeof(copy), "%s.backup", patient->path);
		(void)unlink(copy);
		status = run_patstore(patient, "backup", copy, said, sizeof(said));
		if (status != 0 && status != 1)
			wrong(patient, "patstore backup ends with %d: %.200s", status, said);
		if (access(copy, F_OK) < 0)
			return;
		(void)unlink(patient->path);
		status = run_patstore(patient, "restore", copy, said, sizeof(said));
		(void)unlink(copy);
		if (status != 0 && status != 1)
			wrong(patient, "patstore restore ends with %d: %.200s", status, said);
	}
}

/* From the damaged file on: rebuilt, it has all that could be read, and is without a fault. */
static inline void mend(struct patient *patient)
{
	static char said[1 << 20];
	bool *was_whole = calloc(patient->good->record_count, sizeof(*was_whole));
	uint64_t seed = patient->seed;
	struct pat_store *store;
	int error;

	if (was_whole == NULL)
		abort();
	write_patient(patient);
	error = pat_store_open(&store, patient->path, PAT_STORE_READ, pat_deadline_in(LOGIN_MS));
	pat_store_close(store);
	map_again(patient, error == 0);
	for (size_t i = 0; i < patient->good->record_count; i++)
		was_whole[i] = patient->fates[i] == FATE_WHOLE;
	rebuild(patient, below(&seed, 3) == 0);
	error = pat_store_open(&store, patient->path, PAT_STORE_READ, pat_deadline_in(LOGIN_MS));
	pat_store_close(store);
	map_again(patient, error == 0);
	if (!patient->harm->replayed)
		must_be_kept(patient, was_whole);
	try_outsiders(patient, seed);
	if (error == 0 && run_patstore(patient, "check", NULL, said, sizeof(said)) != 0)
		wrong(patient, "after a rebuild, patstore check finds: %.300s", said);
	patient->look->mended += error == 0;
	free(was_whole);
}

#endif
