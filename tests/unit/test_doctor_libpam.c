/* SPDX-License-Identifier: ISC */

/*
 * Whether patctl doctor reads stacks as libpam does, and makes of them what libpam makes: thousands
 * of random ones, with everything that may stand in them, right and wrong, are given to both.
 */

#include "unit.h"

#include <sched.h>
#include <security/pam_appl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "../../helper/patctl/doctor_models.h"
#include "../../helper/patctl/doctor_modules.h"
#include "../../helper/patctl/doctor_walk.h"
#include "pat/token.h"

#define SERVICE "doctored"
#define STACKS 1200

/* What is in a file of libpam's. */
static const char *const code_names[] = {"success",      "service_err",       "system_err",
					 "perm_denied",  "auth_err",          "authinfo_unavail",
					 "user_unknown", "new_authtok_reqd",  "ignore",
					 "abort",        "cred_insufficient", "module_unknown"};
static const int codes[] = {PAMD_SUCCESS,      PAMD_SERVICE_ERR,       PAMD_SYSTEM_ERR,
			    PAMD_PERM_DENIED,  PAMD_AUTH_ERR,          PAMD_AUTHINFO_UNAVAIL,
			    PAMD_USER_UNKNOWN, PAMD_NEW_AUTHTOK_REQD,  PAMD_IGNORE,
			    PAMD_ABORT,        PAMD_CRED_INSUFFICIENT, PAMD_MODULE_UNKNOWN};

static char pat_path[4096];

static const char *one_of(const char *const *words, size_t count)
{
	return words[unit_below((unsigned)count)];
}
#define ONE_OF(words) one_of(words, COUNT(words))

/* --- random stacks */

static void put_control(FILE *file)
{
	static const char *const plain[] = {"required", "requisite", "sufficient",
					    "optional", "Required",  "OPTIONAL"};
	static const char *const actions[] = {"ok",    "done", "bad", "die", "ignore",
					      "reset", "1",    "1",   "2",   "3"};
	static const char *const wrong[] = {
		"[success=]",     "[succes=ok]", "[success=0]",  "[success=ok default]",
		"[default=okay]", "require",     "[success=1x]", "[]",
		"[success=ok"};

	if (unit_below(24) == 0) {
		fputs(ONE_OF(wrong), file);
	} else if (unit_below(3) > 0) {
		fputs(ONE_OF(plain), file);
	} else {
		fputc('[', file);
		for (unsigned i = unit_below(4); i > 0; i--)
			fprintf(file, "%s%s=%s ", unit_below(2) ? " " : "", ONE_OF(code_names),
				ONE_OF(actions));
		if (unit_below(4) > 0)
			fprintf(file, "default%s=%s", unit_below(8) ? "" : " \t", ONE_OF(actions));
		fputs(unit_below(8) ? "]" : " ]", file);
	}
}

/* A module of which is known what it answers. */
static void put_module(FILE *file, bool auth)
{
	static const char *const simple[] = {"pam_permit.so", "pam_permit.so", "pam_permit.so",
					     "pam_permit.so", "pam_deny.so",   "pam_nowhere.so"};

	switch (unit_below(auth ? 4 : 2)) {
	case 0:
		fputs(ONE_OF(simple), file);
		break;
	case 1:
		fprintf(file, "pam_debug.so auth=%s acct=%s", ONE_OF(code_names),
			ONE_OF(code_names));
		break;
	default:
		fprintf(file, "%s store=/nowhere/store socket=/nowhere/verify", pat_path);
	}
}

/* A line that includes a file that comes later, so that none includes itself. */
static void put_include(FILE *file, const char *type, unsigned number)
{
	unsigned to = number + 1 + unit_below(3);

	switch (unit_below(6)) {
	case 0:
		fprintf(file, "@include part%u\n", to);
		break;
	case 1:
		fprintf(file, "%s include /etc/pam.d/part%u\n", type, to);
		break;
	case 2:
	case 3:
		fprintf(file, "%s include part%u\n", type, to);
		break;
	default:
		/* What is behind a success, and must not be called. */
		if (unit_below(4) == 0)
			fputs("auth sufficient pam_permit.so\n", file);
		fprintf(file, "%s substack part%u\n", type, to);
	}
}

static void put_line(FILE *file, unsigned number)
{
	static const char *const types[] = {"auth", "auth",  "auth",    "auth",    "account",
					    "Auth", "-auth", "session", "account", "auth"};
	static const char *const odd[] = {"# a comment\n",
					  "\n",
					  "   \t \n",
					  "auth\n",
					  "auth required\n",
					  "author required x.so\n",
					  "auth required \\\n pam_deny.so # and so on\n",
					  "auth \\\n\\\n# none\n\n sufficient pam_permit.so\n",
					  "auth include\tnowhere\n",
					  "auth substack nowhere\n",
					  "-auth required pam_nowhere.so\n",
					  "auth [success=ok # default=ignore]\n",
					  "auth optional pam_permit.so [a b] \\\n c\n"};
	const char *type = ONE_OF(types);

	if (unit_below(12) == 0) {
		fputs(ONE_OF(odd), file);
	} else if (unit_below(80) == 0) {
		/* Too long for a buffer of libpam's, in one piece or in two. */
		fprintf(file, "auth optional pam_permit.so %0*d\n", 980 + (int)unit_below(30), 0);
	} else if (unit_below(80) == 0) {
		fprintf(file, "auth optional pam_permit.so \\\n%0*d\n", 980 + (int)unit_below(20),
			0);
	} else if (number < 6 && unit_below(5) == 0) {
		put_include(file, type, number);
	} else {
		fprintf(file, "%s%s\t", unit_below(6) ? "" : "  ", type);
		put_control(file);
		fputs(unit_below(9) ? " " : " \\\n\t", file);
		put_module(file, strcasestr(type, "auth") != NULL);
		fputc('\n', file);
	}
}

static void put_file(const char *dir, const char *name, unsigned number)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	for (unsigned lines = unit_below(7); lines > 0; lines--)
		put_line(file, number);
	/* Now and then a file that ends in the middle of a line. */
	if (unit_below(60) == 0)
		fputs("auth required pam_permit.so \\\n", file);
	assert_int_equal(fclose(file), 0);
}

static void put_stack(void)
{
	static const char *const dirs[] = {"/etc/pam.d", "/etc/pam.d", "/usr/lib/pam.d"};
	char name[16];

	assert_int_equal(system("rm -f /etc/pam.d/* /usr/lib/pam.d/*"), 0);
	if (unit_below(12) > 0)
		put_file(ONE_OF(dirs), SERVICE, 0);
	if (unit_below(8) > 0)
		put_file(ONE_OF(dirs), "other", 0);
	for (unsigned i = 1; i <= 8; i++) {
		snprintf(name, sizeof(name), "part%u", i);
		if (unit_below(15) > 0)
			put_file(ONE_OF(dirs), name, i);
	}
}

/* --- what libpam makes of it */

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *secret)
{
	struct pam_response *answers = calloc((size_t)count, sizeof(*answers));

	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			answers[i].resp = strdup(secret);
	*responses = answers;
	return PAM_SUCCESS;
}

static void ignore_leaks(bool on)
{
#ifdef __SANITIZE_ADDRESS__
	if (on)
		__lsan_disable();
	else
		__lsan_enable();
#else
	(void)on;
#endif
}

static int real_answer(enum pamd_type type, char *secret)
{
	struct pam_conv conv = {converse, secret};
	pam_handle_t *pamh = NULL;
	int code;

	/* Where it cannot read a stack, it leaves something behind. */
	ignore_leaks(true);
	code = pam_start(SERVICE, "root", &conv, &pamh);
	if (code == PAM_SUCCESS)
		code = type == PAMD_AUTH ? pam_authenticate(pamh, PAM_SILENT)
					 : pam_acct_mgmt(pamh, PAM_SILENT);
	if (pamh != NULL)
		pam_end(pamh, code);
	ignore_leaks(false);
	return code;
}

/* --- and what we do */

static pamd_codes debug_answer(const struct pamd_handler *handler, const char *event)
{
	for (size_t a = 0; a < handler->count; a++)
		for (size_t i = 0; i < COUNT(codes); i++)
			if (strncmp(handler->arguments[a], event, strlen(event)) == 0 &&
			    strcmp(handler->arguments[a] + strlen(event), code_names[i]) == 0)
				return PAMD_CODE(codes[i]);
	return PAMD_CODE(PAMD_SUCCESS);
}

static int our_answer(enum pamd_type type, enum pamd_typed typed, struct pamd_dialect dialect,
		      bool *unsure)
{
	const struct doctor_root root = {.fd = -1};
	struct pamd_stack *stack = pamd_stack_read(&root, dialect, SERVICE);
	const struct pamd_chain *chain = &stack->chains[type];
	pamd_codes *answers = calloc(chain->count + 1, sizeof(*answers));
	bool *there = calloc(chain->count + 1, sizeof(*there));
	struct pamd_outcome outcome;
	int code = PAM_ABORT;

	*unsure = stack->unsure && !stack->refused;
	for (size_t i = 0; i < chain->count; i++)
		there[i] = chain->list[i].kind == PAMD_MODULE &&
			   !pamd_is_module(&chain->list[i], "pam_nowhere");
	pamd_answers(chain, typed, there, false, answers);
	for (size_t i = 0; i < chain->count; i++)
		if (there[i] && pamd_is_module(&chain->list[i], "pam_debug"))
			answers[i] = debug_answer(&chain->list[i],
						  type == PAMD_AUTH ? "auth=" : "acct=");
	/* Asked about an account, with no login by token before. */
	for (size_t i = 0; i < chain->count && type == PAMD_ACCOUNT; i++)
		if (there[i] && pamd_is_module(&chain->list[i], "pam_pat"))
			answers[i] = PAMD_CODE(PAMD_IGNORE);
	pamd_walk(chain, answers, NULL, &outcome);
	assert_false(outcome.unknown);
	if (!stack->refused) {
		code = 0;
		while (outcome.codes != PAMD_CODE(code) && code < PAMD_CODES)
			code++;
	}
	free(outcome.called);
	free(answers);
	free(there);
	pamd_stack_free(stack);
	return code;
}

/* --- side by side */

static void show_stack(void)
{
	assert_int_equal(system("cd / && head -n 50 etc/pam.d/* usr/lib/pam.d/* >&2"), 0);
}

/* Stacks of our own over the machine's, nobody to log to, and no audit: in this process alone. */
static bool enter(void)
{
	struct stat st;

	if (geteuid() != 0 || unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	if (stat("/dev/log", &st) == 0 && mount("/dev/null", "/dev/log", NULL, MS_BIND, NULL) != 0)
		return false;
	return stat("/usr/lib/pam.d", &st) == 0 &&
	       mount("tmpfs", "/etc/pam.d", "tmpfs", 0, "size=1m") == 0 &&
	       mount("tmpfs", "/usr/lib/pam.d", "tmpfs", 0, "size=1m") == 0;
}

static void find_module(void)
{
	ssize_t len = readlink("/proc/self/exe", pat_path, sizeof(pat_path) - 32);

	assert_true(len > 0);
	pat_path[len] = '\0';
	for (int up = 0; up < 3; up++)
		*strrchr(pat_path, '/') = '\0';
	strcat(pat_path, "/pam_pat.so");
	assert_int_equal(access(pat_path, R_OK), 0);
}

static void test_stacks_mean_what_libpam_makes_of_them(void **state)
{
	static const enum pamd_typed typed[] = {PAMD_WRONG_PASSWORD, PAMD_BAD_TOKEN,
						PAMD_UNCHECKED_TOKEN};
	const struct doctor_root root = {.fd = -1};
	struct doctor_modules modules;
	struct pamd_dialect dialect;
	struct pat_token good, bad;
	char *secrets[] = {(char[]){"a password"}, bad.text, good.text};
	unsigned in = 0, refused = 0, left_out = 0;

	(void)state;
	find_module();
	if (!enter())
		unit_skip("needs root, and the right to make namespaces");
	doctor_modules_find(&root, &modules);
	dialect = doctor_dialect(&root, &modules);
	doctor_modules_free(&modules);
	assert_int_equal(pat_token_generate(&good), 0);
	bad = good;
	bad.text[20] = bad.text[20] == 'x' ? 'y' : 'x';
	for (unsigned i = 0; i < STACKS; i++) {
		enum pamd_type type = i % 4 == 3 ? PAMD_ACCOUNT : PAMD_AUTH;
		unsigned which = i % 3;
		bool unsure;
		int real, ours;

		put_stack();
		real = real_answer(type, secrets[which]);
		ours = our_answer(type, typed[which], dialect, &unsure);
		in += real == PAM_SUCCESS;
		refused += real == PAM_ABORT;
		left_out += unsure;
		if (real != ours && !unsure) {
			show_stack();
			fail_msg("stack %u, '%s': libpam answers %d, we say %d", i, secrets[which],
				 real, ours);
		}
	}
	print_message("# %u let in, %u not read, %u left to chance, of %u\n", in, refused, left_out,
		      STACKS);
	/* Of all kinds there were many. */
	assert_true(in > STACKS / 25 && refused > STACKS / 100 && in + refused < STACKS);
	assert_true(left_out < STACKS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stacks_mean_what_libpam_makes_of_them),
	};

	return unit_run(tests);
}
