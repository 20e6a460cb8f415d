/* SPDX-License-Identifier: ISC */

/*
 * Makes of a log (tests/preload/record.c) the disks that a power cut may have left, and looks at
 * each with the product's own code: the store can be opened, and has every grant, revocation and
 * counted use that was acknowledged before the cut, none that was never asked for, and no half of
 * one; and the next mint works. What is written while it recovers is recorded, and cut, too.
 *
 *	power_check LOG STORE WORK-DIRECTORY IMAGES SEED
 *
 * LOG was recorded below the directory of the directory of STORE, which has what was left in the
 * end. Prints what is wrong, and then one line: images, nested ones, faults. Wants record.so in
 * LD_PRELOAD.
 */

#include <dlfcn.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "../../helper/patd/grants.h"
#include "power_image.h"
#include "power_log.h"
#include "power_state.h"
#include "power_story.h"

/* How deep a power cut in the recovery from a power cut goes. */
#define DEPTH 2
#define HANG_SECONDS 20
#define TESTER_UID 4000000000u

struct report {
	char why[400];
};

static struct {
	char work[256], store[320];
	uint64_t wanted, images, nested, faults, seed;
	struct report *report; /* shared with the child that looks */
	void (*record_begin)(struct power_log *log, const char *dir);
	void (*record_end)(void);
	struct power_log *inner[DEPTH]; /* what recoveries write */
	size_t seen_count, seen_room;
	uint64_t *seen; /* hashes of images, each with what is due in it */
} all;

/* --- one image */

static bool wrong(const char *what, const char *why)
{
	snprintf(all.report->why, sizeof(all.report->why), "%s: %s", what, why);
	return false;
}

/* What is in the store, opened as it is for this mode. */
static bool load(enum pat_store_mode mode, const char *what, bool may_be_absent,
		 struct state *state)
{
	struct pat_store *store;
	int error = pat_store_open(&store, all.store, mode, pat_deadline_in(3000));

	*state = (struct state){0};
	if (error == PAT_E_NOSTORE && may_be_absent) {
		state->absent = true;
		return true;
	}
	if (error)
		return wrong(what, pat_error_text(error));
	error = state_load(store, all.store, state);
	pat_store_close(store);
	return !error || wrong(what, pat_error_text(error));
}

static bool see(struct due *due, enum pat_store_mode mode, const char *what, struct state *state)
{
	char why[300];

	if (!load(mode, what, due_nothing(due), state))
		return false;
	return state->absent || due_met(due, state, why, sizeof(why)) || wrong(what, why);
}

/* A token minted after the power came back is there, and nothing else has changed. */
static bool mint(const struct state *before)
{
	struct pat_grant grant = {.uid = TESTER_UID, .created_at = time(NULL), .name = "after"};
	struct pat_token token;
	struct state after;
	bool good;
	int error;

	snprintf(grant.user, sizeof(grant.user), "tester");
	snprintf(grant.services, sizeof(grant.services), "sshd");
	error = grants_create(all.store, 10, &grant, &token);
	if (error)
		return wrong("minting", pat_error_text(error));
	if (!load(PAT_STORE_READ, "after minting", false, &after))
		return false;
	/* Grant, use record and index; and of a new store, what each has. */
	good = after.fault[0] == '\0' && state_has_all(before, &after, 0, true) &&
	       after.count == before->count + 3 + (before->absent ? 2 : 0);
	if (!good)
		snprintf(all.report->why, sizeof(all.report->why),
			 "after minting: %zu records, where there were %zu; %s%s", after.count,
			 before->count, after.fault,
			 state_has_all(before, &after, 0, true) ? "" : ", not all of them");
	state_free(&after);
	return good;
}

static void look(struct due *due, struct power_log *inner)
{
	struct state first, second;

	alarm(HANG_SECONDS);
	if (inner != NULL)
		all.record_begin(inner, all.work);
	if (!see(due, PAT_STORE_READ, "reading", &first))
		_exit(1);
	if (!see(due, PAT_STORE_CHANGE, "changing", &second))
		_exit(1);
	if (inner != NULL)
		all.record_end();
	if (!state_same(&first, &second, 0, true)) {
		(void)wrong("changing", "not what reading found");
		_exit(1);
	}
	_exit(mint(&second) ? 0 : 1);
}

static uint64_t mix(uint64_t sum, const void *data, size_t len)
{
	const unsigned char *bytes = data;
	uint64_t word = 0;

	for (; len > 0; bytes += sizeof(word)) {
		size_t some = len < sizeof(word) ? len : sizeof(word);

		memcpy(&word, bytes, some);
		sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 29;
		len -= some;
	}
	return sum;
}

/* Whether this image, with the same due, was looked at before. */
static bool known(const struct image *image, const struct due *due)
{
	uint64_t hash = mix(1, &due->last, sizeof(due->last));

	hash = mix(hash, &due->next, sizeof(due->next));
	hash = mix(hash, due->spenders, due->spender_count * sizeof(due->spenders[0]));
	for (size_t i = 0; i < image->count; i++) {
		hash = mix(hash, image->files[i].path, strlen(image->files[i].path));
		hash = mix(hash, &image->files[i].size, sizeof(image->files[i].size));
		hash = mix(hash, image->files[i].data, image->files[i].size);
	}
	for (size_t i = 0; i < all.seen_count; i++)
		if (all.seen[i] == hash)
			return true;
	if (all.seen_count == all.seen_room) {
		all.seen_room = all.seen_room ? 2 * all.seen_room : 4096;
		all.seen = disk_more(all.seen, all.seen_room, sizeof(*all.seen));
	}
	all.seen[all.seen_count++] = hash;
	return false;
}

static void cut_all(struct disk *disk, struct due *due, uint64_t *seed, const char *where,
		    unsigned depth);

/* Cuts the recovery that was recorded, from the image that it began with on. */
static void cut_recovery(struct disk *disk, const struct power_log *log, struct due *due,
			 uint64_t *seed, const char *where, unsigned depth)
{
	const struct power_event *event;
	uint64_t at = 0;
	char deeper[200];

	while ((event = power_log_next(log, &at)) != NULL) {
		if (!disk_event(disk, event) || chance_below(seed, 3) != 0)
			continue;
		snprintf(deeper, sizeof(deeper), "%.100s, recovery at %llu", where,
			 (unsigned long long)at);
		cut_all(disk, due, seed, deeper, depth);
	}
}

static void fault(const char *where, enum power_cut cut, uint64_t seed, int status)
{
	char text[80] = "";

	all.faults++;
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "ended by signal %d ", WTERMSIG(status));
	if (all.faults <= 20)
		printf("%s, cut %d, seed %llu: %s%s\n", where, (int)cut, (unsigned long long)seed,
		       text, all.report->why);
}

static void try_image(struct image *image, struct due *due, enum power_cut cut, uint64_t seed,
		      const char *where, unsigned depth)
{
	struct power_log *inner = depth < DEPTH ? all.inner[depth] : NULL;
	struct disk begun = {0};
	struct stat st;
	int status;
	pid_t pid;

	empty_directory(all.work);
	image_lay_out(image, all.work);
	if (inner != NULL && stat(all.work, &st) == 0) {
		inner->used = 0;
		begun.root = st.st_ino;
		disk_add_file(&begun, begun.root, true);
		disk_read(&begun, begun.root, all.work);
	}
	*all.report = (struct report){0};
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		look(due, inner);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		abort();
	all.images++;
	all.nested += depth > 0;
	if (status != 0)
		fault(where, cut, seed, status);
	else if (inner != NULL && inner->used > 0 && all.nested < all.wanted / 3)
		cut_recovery(&begun, inner, due, &seed, where, depth + 1);
	disk_free(&begun);
}

/* The images of one moment. Each is told by its seed. */
static void cut_all(struct disk *disk, struct due *due, uint64_t *seed, const char *where,
		    unsigned depth)
{
	for (int cut = CUT_ALL; cut < CUT_KINDS; cut++) {
		uint64_t own = chance(seed);
		struct image image;

		image_make(disk, (enum power_cut)cut, own, &image);
		if (!known(&image, due))
			try_image(&image, due, (enum power_cut)cut, own, where, depth);
		image_free(&image);
	}
}

/* --- the whole log */

/* What the log says was written is what there is: the record has no gap. */
static bool record_is_whole(struct disk *disk, const char *dir)
{
	struct disk found = {.root = disk->root};
	struct image wanted, there;
	size_t same = 0;

	disk_add_file(&found, found.root, true);
	disk_read(&found, found.root, dir);
	image_make(disk, CUT_ALL, 0, &wanted);
	image_make(&found, CUT_ALL, 0, &there);
	for (size_t i = 0; i < wanted.count; i++)
		for (size_t j = 0; j < there.count; j++)
			same += strcmp(wanted.files[i].path, there.files[j].path) == 0 &&
				wanted.files[i].size == there.files[j].size &&
				(wanted.files[i].size == 0 ||
				 memcmp(wanted.files[i].data, there.files[j].data,
					wanted.files[i].size) == 0);
	if (disk->fault == NULL && (same != wanted.count || same != there.count))
		disk->fault = "not everything that was written was recorded";
	image_free(&wanted);
	image_free(&there);
	disk_free(&found);
	return disk->fault == NULL;
}

/* The directory that was recorded: the first name was made in it. */
static uint64_t root_of(const struct power_log *log)
{
	const struct power_event *event;
	uint64_t at = 0;

	while ((event = power_log_next(log, &at)) != NULL)
		if (event->kind == POWER_MKDIR || event->kind == POWER_CREATE)
			return event->dir;
	return 0;
}

/* How many events change what a power cut may leave. */
static uint64_t count_moments(const struct power_log *log)
{
	const struct power_event *event;
	uint64_t at = 0, count = 0;

	while ((event = power_log_next(log, &at)) != NULL)
		count += event->kind <= POWER_EXCHANGE;
	return count;
}

static void replay(const struct power_log *log, const struct story *story, struct disk *disk)
{
	static struct due due;
	const struct power_event *event;
	uint64_t at = 0, seed = all.seed, moments = count_moments(log), passed = 0;
	char where[200];

	due.last = &story->operations[0];
	while ((event = power_log_next(log, &at)) != NULL) {
		due_event(&due, story, event, at);
		if (!disk_event(disk, event))
			continue;
		passed++;
		/* As many as are wanted, over the whole log; chance makes others each time. */
		for (int i = 0; i < 8 && all.images * moments <= all.wanted * passed; i++) {
			snprintf(where, sizeof(where), "at %llu, %s %s", (unsigned long long)at,
				 due.next ? "in" : "after",
				 due.next ? due.next->name : due.last->name);
			cut_all(disk, &due, &seed, where, 0);
		}
	}
}

static void *shared(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		abort();
	return map;
}

static bool prepare(char **argv)
{
	void *begin = dlsym(RTLD_DEFAULT, "record_begin"), *end = dlsym(RTLD_DEFAULT, "record_end");

	memcpy(&all.record_begin, &begin, sizeof(begin));
	memcpy(&all.record_end, &end, sizeof(end));
	all.wanted = strtoull(argv[4], NULL, 10);
	all.seed = strtoull(argv[5], NULL, 10);
	snprintf(all.work, sizeof(all.work), "%.200s", argv[3]);
	all.report = shared(sizeof(*all.report));
	for (int i = 0; i < DEPTH; i++)
		all.inner[i] = shared(POWER_LOG_SIZE);
	return begin != NULL && end != NULL && sodium_init() >= 0;
}

int main(int argc, char **argv)
{
	struct disk disk = {0};
	const struct power_log *log;
	struct story story;
	char root[PATH_MAX];

	if (argc != 6 || !prepare(argv) || (log = power_log_open(argv[1], false)) == NULL) {
		fputs("power_check: wants its five arguments, and record.so in LD_PRELOAD\n",
		      stderr);
		return 2;
	}
	/* STORE is ROOT/DIRECTORY/FILE. */
	snprintf(root, sizeof(root), "%.4000s", argv[2]);
	*strrchr(root, '/') = '\0';
	snprintf(all.store, sizeof(all.store), "%s%.60s", all.work,
		 argv[2] + (strrchr(root, '/') - root));
	*strrchr(root, '/') = '\0';
	story_read(&story, log);
	disk.root = root_of(log);
	disk_add_file(&disk, disk.root, true);
	replay(log, &story, &disk);
	if (!record_is_whole(&disk, root) || story.fault != NULL) {
		printf("the record: %s\n", disk.fault ? disk.fault : story.fault);
		all.faults++;
	}
	disk_free(&disk);
	empty_directory(all.work);
	printf("images %llu nested %llu moments %llu operations %zu faults %llu\n",
	       (unsigned long long)all.images, (unsigned long long)all.nested,
	       (unsigned long long)count_moments(log), story.count - 1,
	       (unsigned long long)all.faults);
	return all.faults != 0;
}
