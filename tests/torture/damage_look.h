/* SPDX-License-Identifier: ISC */
#ifndef DAMAGE_LOOK_H
#define DAMAGE_LOOK_H

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <shadow.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

#include "../../helper/patd/sweep.h"
#include "damage_harm.h"
#include "pat/verify.h"

/* What every reader does with a damaged store, and what it must not do. */

enum reader {
	READER_OPEN,
	READER_VERIFY,
	READER_LIST,
	READER_GET,
	READER_CHECK,
	READER_MINT,
	READER_REVOKE,
	READER_SWEEP,
	READER_AGAIN,
	READER_REBUILD,
	READERS,
};
static const char *const reader_names[READERS] = {
	"opening", "verifying", "listing",  "getting",         "patstore",
	"minting", "revoking",  "sweeping", "verifying again", "rebuilding",
};

#define READER_CPU_SECONDS 5 /* more than that is a hang */
#define LOGIN_MS 2000        /* what a login waits */

/* What one look found; shared with the parent, which may be left alone with it. */
struct look {
	enum reader reader;
	char why[400];
	unsigned slow;            /* readers that took longer than a login waits */
	unsigned accepted, named; /* logins; damage that was told of */
	bool opened, mended;
};

enum fate { FATE_WHOLE, FATE_DAMAGED, FATE_CUT_OFF, FATE_GONE };

/* One damaged store. */
struct patient {
	const struct good *good;
	struct harm *harm;
	const char *path, *policy, *patstore;
	int64_t now;
	uint64_t seed;
	bool ask_patstore, can_rebuild;
	struct look *look;
	struct reader_file file;
	enum fate *fates; /* of the good store's records */
};

/* --- a machine of our own: its users, and its log */

static int fill_passwd(const char *name, struct passwd *pw, char *buf, size_t size,
		       struct passwd **found)
{
	unsigned user = GOOD_USERS_MAX;
	char back[32] = "";

	*found = NULL;
	if (strcmp(name, "root") != 0) {
		if (sscanf(name, "user%u", &user) == 1)
			good_user(back, sizeof(back), user);
		if (user >= GOOD_USERS_MAX || strcmp(back, name) != 0)
			return 0;
	}
	if (size < 32)
		return ERANGE;
	snprintf(buf, size, "%s", name);
	*pw = (struct passwd){.pw_name = buf,
			      .pw_passwd = buf + strlen(buf),
			      .pw_uid = user == GOOD_USERS_MAX ? 0 : GOOD_FIRST_UID + user};
	*found = pw;
	return 0;
}

#define OWN __attribute__((visibility("default")))

OWN int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size,
		   struct passwd **found)
{
	return fill_passwd(name, pw, buf, size, found);
}

OWN int getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, struct passwd **found)
{
	char name[32] = "root";

	if (uid != 0)
		good_user(name, sizeof(name), uid - GOOD_FIRST_UID);
	return fill_passwd(name, pw, buf, size, found);
}

OWN int getspnam_r(const char *name, struct spwd *sp, char *buf, size_t size, struct spwd **found)
{
	(void)name;
	(void)sp;
	(void)buf;
	(void)size;
	*found = NULL;
	return 0;
}

/* What patd's parts log: by other names, because the headers have inline functions of these. */
void swallow(int priority, const char *format, va_list arguments) __asm__("vsyslog");
void swallow_checked(int priority, int flag, const char *format,
		     va_list arguments) __asm__("__vsyslog_chk");

OWN void swallow(int priority, const char *format, va_list arguments)
{
	(void)priority;
	(void)format;
	(void)arguments;
}

OWN void swallow_checked(int priority, int flag, const char *format, va_list arguments)
{
	(void)flag;
	swallow(priority, format, arguments);
}

/* --- saying what is wrong */

__attribute__((format(printf, 2, 3), noreturn)) static void wrong(const struct patient *patient,
								  const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(patient->look->why, sizeof(patient->look->why), format, arguments);
	va_end(arguments);
	for (char *line = patient->look->why; (line = strchr(line, '\n')) != NULL;)
		*line = ' ';
	_exit(1);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* From here on this reader reads; a hang is its fault. */
static void turn_to(struct patient *patient, enum reader reader)
{
	static double began;
	struct itimerval limit = {.it_value = {.tv_sec = READER_CPU_SECONDS}};

	if (reader > 0 && seconds_now() - began > LOGIN_MS / 1e3)
		patient->look->slow++;
	patient->look->reader = reader;
	began = seconds_now();
	setitimer(ITIMER_PROF, &limit, NULL);
}

/* --- what can be reached */

static const unsigned char *find_value(const struct reader_file *file, struct pat_key key,
				       uint32_t *len, bool *broken)
{
	TDB_DATA tdb_key = {.dptr = (unsigned char *)key.bytes, .dsize = key.len};

	return reader_find(file, key.bytes, key.len, tdb_jenkins_hash(&tdb_key), len, broken);
}

static const struct good_record *good_record(const struct good *good, struct pat_key key)
{
	for (size_t i = 0; i < good->record_count; i++)
		if (good->records[i].key.len == key.len &&
		    memcmp(good->records[i].key.bytes, key.bytes, key.len) == 0)
			return &good->records[i];
	return NULL;
}

/* A use record of which one copy is whole, whatever became of its events, still counts. */
static bool still_told(struct pat_key key, const unsigned char *value, uint32_t len)
{
	struct pat_use use;

	return key.bytes[0] == 'u' && pat_use_decode(key.bytes + 1, value, len, &use) == PAT_OK;
}

/* As it is to be, or as it was before the change that was cut off was rolled back: nobody can do
 * that when the mark of it is lost, nor tell that it was to be. */
static bool is_as_it_was(const struct good *good, const struct good_record *was,
			 const unsigned char *value, uint32_t len)
{
	const struct reader_file unsettled = {good->data, good->size};
	const unsigned char *other;
	uint32_t other_len;
	bool broken;

	if (len == was->len && memcmp(value, good->settled + value_at(was), len) == 0)
		return true;
	other = find_value(&unsettled, was->key, &other_len, &broken);
	return other != NULL && len == other_len && memcmp(value, other, len) == 0;
}

/* What has become of a record: as it was; another; not reached for damage on the way; not found. */
static enum fate find_fate(const struct patient *patient, const struct good_record *was)
{
	struct pat_key key = was->key;
	bool broken;
	uint32_t len;
	const unsigned char *value = find_value(&patient->file, key, &len, &broken);

	if (value == NULL)
		return broken ? FATE_CUT_OFF : FATE_GONE;
	return is_as_it_was(patient->good, was, value, len) || still_told(key, value, len)
		       ? FATE_WHOLE
		       : FATE_DAMAGED;
}

/* Before anybody stamps or changes anything. */
static void find_fates(struct patient *patient)
{
	for (size_t i = 0; i < patient->good->record_count; i++)
		patient->fates[i] = find_fate(patient, &patient->good->records[i]);
}

/* Whether anything can be reached: what has not one whole record may be another program's file. */
static bool is_worth_opening(const struct patient *patient)
{
	for (size_t i = 0; i < patient->good->record_count; i++)
		if (patient->fates[i] == FATE_WHOLE)
			return true;
	return false;
}

static enum fate fate_of(const struct patient *patient, struct pat_key key)
{
	const struct good_record *record = good_record(patient->good, key);

	return record ? patient->fates[record - patient->good->records] : FATE_GONE;
}

/* Whether the head of the file is as it was, so that it can be opened, whatever else is in it. */
static bool head_is_whole(const struct patient *patient)
{
	struct harm *harm = patient->harm;

	return !patient->good->shape->recovery && harm->sparse == 0 &&
	       harm->size >= patient->good->size &&
	       memcmp(harm->data, patient->good->data, READER_HEADER) == 0 &&
	       get_word(harm, get_word(harm, READER_RECOVERY_AT) + 20) != READER_RECOVERY;
}

/* --- logins */

static enum pat_outcome log_in(const struct patient *patient, const struct pat_token *token,
			       const char *user, const char *service, struct pat_verdict *verdict)
{
	struct pat_attempt attempt = {
		.token = token, .user = user, .service = service, .rhost = "192.0.2.1"};

	pat_verify(patient->path, &attempt, patient->now, pat_deadline_in(LOGIN_MS), verdict);
	patient->look->accepted += verdict->outcome == PAT_ACCEPTED;
	return verdict->outcome;
}

static void must_refuse(const struct patient *patient, const struct pat_token *token,
			const char *user, const char *service, const char *what)
{
	struct pat_verdict verdict;

	if (log_in(patient, token, user, service, &verdict) == PAT_ACCEPTED)
		wrong(patient, "accepted: %s, id %s", what, verdict.id);
}

/* Damage that was met is told, and loudly. */
static void must_tell(const struct patient *patient, const struct pat_verdict *verdict)
{
	struct pat_attempt attempt = {.user = "somebody"};
	char line[PAT_LOG_LINE_MAX];

	pat_verdict_line(line, sizeof(line), &attempt, verdict);
	if ((verdict->outcome != PAT_REFUSED_DAMAGED && verdict->outcome != PAT_UNAVAILABLE) ||
	    pat_verdict_priority(verdict) != LOG_CRIT ||
	    (strstr(line, "reason=damaged") == NULL && strstr(line, "reason=unavailable") == NULL))
		wrong(patient, "a damaged record is not told of: %s", line);
	patient->look->named++;
}

/* A good token of the store: accepted if TDB can reach its records and they are whole. */
static void try_good(const struct patient *patient, const struct good_token *token)
{
	struct pat_key key = pat_key_grant(token->grant.id);
	bool counted = token->worth == WORTH_COUNTED;
	enum fate grant = fate_of(patient, key);
	enum fate use = fate_of(patient, pat_key_use(token->grant.id));
	struct pat_verdict verdict;

	(void)log_in(patient, &token->token, token->grant.user, GOOD_SERVICE, &verdict);
	if (verdict.outcome == PAT_ACCEPTED || patient->harm->replayed)
		return;
	if (grant == FATE_WHOLE && (!counted || use == FATE_WHOLE))
		wrong(patient, "an undamaged token is refused: %s: %s, %s", token->grant.id,
		      pat_outcome_text(verdict.outcome), pat_error_text(verdict.error));
	if (grant == FATE_DAMAGED || grant == FATE_CUT_OFF ||
	    (grant == FATE_WHOLE && use != FATE_WHOLE))
		must_tell(patient, &verdict);
}

/* A token where it belongs. */
static void try_own(const struct patient *patient, const struct good_token *token)
{
	bool replayed = patient->harm->replayed;

	if (token->worth <= WORTH_COUNTED)
		try_good(patient, token);
	else if (!replayed || token->worth == WORTH_EXPIRED)
		must_refuse(patient, &token->token, token->grant.user, GOOD_SERVICE,
			    token->worth == WORTH_REVOKED     ? "a revoked token"
			    : token->worth == WORTH_EXPIRED   ? "an expired token"
			    : token->worth == WORTH_SUSPENDED ? "a suspended token"
							      : "a spent token");
}

static void try_token(const struct patient *patient, const struct good_token *token, uint64_t *seed)
{
	struct pat_token forged = token->token, stranger;
	char other[16];

	try_own(patient, token);
	good_user(other, sizeof(other), (token->user + 1) % patient->good->shape->users);
	if (patient->good->shape->users > 1)
		must_refuse(patient, &token->token, other, GOOD_SERVICE, "another's token");
	must_refuse(patient, &token->token, token->grant.user, "sudo",
		    "a token at another service");
	/* The same id with another secret, and its checksum. */
	make_token(seed, &stranger);
	memcpy(forged.text + PAT_TOKEN_PREFIX_LEN + PAT_ID_LEN,
	       stranger.text + PAT_TOKEN_PREFIX_LEN + PAT_ID_LEN, PAT_SECRET_LEN);
	set_checksum(&forged);
	must_refuse(patient, &forged, token->grant.user, GOOD_SERVICE, "a wrong secret");
	must_refuse(patient, &stranger, token->grant.user, GOOD_SERVICE, "an unknown token");
}

static const struct good_token *any_token(const struct patient *patient, uint64_t *seed)
{
	return &patient->good->tokens[below(seed, patient->good->count)];
}

static void try_tokens(const struct patient *patient, uint64_t seed, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		try_token(patient, any_token(patient, &seed), &seed);
	/* One of each kind that must stay out. */
	for (unsigned worth = WORTH_REVOKED; worth < WORTHS; worth++)
		for (unsigned i = 0; i < patient->good->count; i++)
			if (patient->good->tokens[i].worth == worth) {
				try_own(patient, &patient->good->tokens[i]);
				break;
			}
}

/* --- patd */

struct listing {
	const struct patient *patient;
	const struct pat_account *owner;
	unsigned count;
};

/* Nothing is shown that was not granted, and nobody is shown another's. */
static int see_listed(const struct grant_view *view, void *data)
{
	struct listing *listing = data;
	const struct pat_grant *grant = &view->grant, *was = NULL;

	if (++listing->count > 100000)
		wrong(listing->patient, "a list without an end");
	for (unsigned i = 0; was == NULL && i < listing->patient->good->count; i++)
		if (strcmp(listing->patient->good->tokens[i].grant.id, grant->id) == 0)
			was = &listing->patient->good->tokens[i].grant;
	if (was == NULL || was->uid != grant->uid || strcmp(was->user, grant->user) != 0 ||
	    strcmp(was->services, grant->services) != 0 || was->expires_at != grant->expires_at)
		wrong(listing->patient, "a token is listed that nobody minted: %s", grant->id);
	if (listing->owner != NULL &&
	    (listing->owner->uid != grant->uid || strcmp(listing->owner->name, grant->user) != 0))
		wrong(listing->patient, "%s is shown %s of %s", listing->owner->name, grant->id,
		      grant->user);
	return 0;
}

static struct pat_account account_of(unsigned user)
{
	struct pat_account account = {.exists = true, .uid = GOOD_FIRST_UID + user};

	good_user(account.name, sizeof(account.name), user);
	return account;
}

static void list(const struct patient *patient, uint64_t *seed)
{
	struct pat_account owner = account_of((unsigned)below(seed, patient->good->shape->users));
	struct listing mine = {patient, &owner, 0}, everybodys = {patient, NULL, 0};

	(void)grants_list(patient->path, &owner, see_listed, &mine);
	(void)grants_list(patient->path, NULL, see_listed, &everybodys);
}

static void get(const struct patient *patient, uint64_t *seed)
{
	const struct good_token *token = any_token(patient, seed);
	struct pat_account owner = account_of(token->user);
	struct listing mine = {patient, &owner, 0};
	struct grant_choice choice;
	struct grant_view view;

	if (grants_get(patient->path, &owner, token->grant.id, patient->now, &view, &choice) == 0)
		(void)see_listed(&view, &mine);
	if (grants_get_by_secret(patient->path, &token->token, &view) == 0)
		(void)see_listed(&view, &mine);
}

/* What was minted, and acknowledged, logs in. */
static void mint(const struct patient *patient, uint64_t *seed)
{
	struct pat_account owner = account_of((unsigned)below(seed, patient->good->shape->users));
	struct pat_grant grant = {.uid = owner.uid,
				  .created_at = patient->now,
				  .expires_at = patient->now + 1000,
				  .services = GOOD_SERVICE,
				  .name = "minted on a damaged store"};
	struct pat_verdict verdict;
	struct pat_token token;

	memcpy(grant.user, owner.name, sizeof(grant.user));
	if (grants_create(patient->path, 1000, &grant, &token) != 0)
		return;
	if (log_in(patient, &token, owner.name, GOOD_SERVICE, &verdict) != PAT_ACCEPTED)
		wrong(patient, "a token that was just minted is refused: %s, %s",
		      pat_outcome_text(verdict.outcome), pat_error_text(verdict.error));
}

static int apply_end(struct pat_grant *grant, bool live, const struct grant_census *others,
		     void *data)
{
	(void)others;
	if (!live)
		return 1;
	grant_end(grant, 0, *(const int64_t *)data);
	return 0;
}

static void end_some(const struct patient *patient, uint64_t *seed)
{
	const struct good_token *token = any_token(patient, seed);
	struct pat_account owner = account_of(token->user);
	int64_t now = patient->now;
	struct grant_change change = {.apply = apply_end, .data = &now};
	struct grant_choice choice;
	struct grant_view view;
	bool done;

	if (grants_change(patient->path, &owner, token->grant.id, now, &change, &view, &choice,
			  &done) == 0 &&
	    done)
		must_refuse(patient, &token->token, owner.name, GOOD_SERVICE,
			    "a token that was just revoked");
	token = any_token(patient, seed);
	if (grants_revoke_by_secret(patient->path, &token->token, 0, now, &view, &done) == 0 &&
	    done)
		must_refuse(patient, &token->token, token->grant.user, GOOD_SERVICE,
			    "a token that was just revoked by its secret");
}

static void sweep(const struct patient *patient)
{
	const struct settings settings = {.store = patient->path, .policy = patient->policy};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	(void)sweep_run(&settings);
	fflush(stdout);
}

/* --- patstore */

#define RECORD_NAME_MAX 64

/* Runs it; returns its status, or -1 when a signal ended it, and what it said. */
static int run_patstore(const struct patient *patient, const char *command, const char *operand,
			char *said, size_t size)
{
	const struct rlimit limit = {READER_CPU_SECONDS, READER_CPU_SECONDS};
	int ends[2], status;
	size_t used = 0;
	ssize_t got;
	pid_t pid;

	if (pipe(ends) < 0)
		abort();
	/* A machine that is busy may have no process left for a moment. */
	for (unsigned tries = 0; (pid = fork()) < 0 && tries < 100; tries++)
		usleep(50000);
	if (pid < 0)
		abort();
	if (pid == 0) {
		setrlimit(RLIMIT_CPU, &limit);
		alarm(60);
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		execl(patient->patstore, "patstore", command, "--store", patient->path, operand,
		      NULL);
		_exit(127);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + used, size - 1 - used)) > 0 && used < size - 1)
		used += (size_t)got;
	said[used] = '\0';
	close(ends[0]);
	if (waitpid(pid, &status, 0) < 0)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* How patstore(8) calls the record. */
static void name_record(const struct pat_key *key, char text[RECORD_NAME_MAX])
{
	char digits[PAT_KEY_MAX] = "";

	memcpy(digits, key->bytes + 1, key->len - 1);
	switch (key->bytes[0]) {
	case 't':
	case 'u':
		snprintf(text, RECORD_NAME_MAX, "%s%s",
			 strcmp(digits, PAT_STRANGERS_ID) ? "token " : "the count of unknown ids",
			 strcmp(digits, PAT_STRANGERS_ID) ? digits : "");
		break;
	case 'i':
		snprintf(text, RECORD_NAME_MAX, "tokens of uid %lu", strtoul(digits, NULL, 16));
		break;
	default:
		snprintf(text, RECORD_NAME_MAX, "the store itself");
	}
}

static void ask_patstore(const struct patient *patient)
{
	static char said[1 << 20];
	int status = run_patstore(patient, "check", NULL, said, sizeof(said));
	size_t lost = 0, damaged = 0, named = 0;
	char first[RECORD_NAME_MAX] = "";

	if (status != 0 && status != 1)
		wrong(patient, "patstore check ends with %d: %.200s", status, said);
	for (size_t i = 0; i < patient->good->record_count; i++) {
		struct pat_key key = patient->good->records[i].key;
		enum fate fate = patient->fates[i];
		char text[RECORD_NAME_MAX];

		name_record(&key, text);
		if (fate != FATE_WHOLE && lost++ == 0)
			memcpy(first, text, sizeof(first));
		damaged += fate == FATE_DAMAGED;
		named += fate == FATE_DAMAGED && strstr(said, text) != NULL;
	}
	if (lost > 0 && status == 0 && !patient->harm->replayed)
		wrong(patient,
		      "%zu records (%s …) are damaged or gone, and patstore check is content: %s",
		      lost, first, said);
	if (damaged > 0 && named == 0 && !patient->harm->replayed &&
	    strstr(said, "damaged") == NULL && strstr(said, "lead nowhere") == NULL)
		wrong(patient, "patstore check does not name what is damaged (%s …): %.200s", first,
		      said);
	status = run_patstore(patient, "stats", NULL, said, sizeof(said));
	if (status != 0 && status != 1)
		wrong(patient, "patstore stats ends with %d: %.200s", status, said);
}

#endif
