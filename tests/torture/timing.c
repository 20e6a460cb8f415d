/* SPDX-License-Identifier: ISC */

/*
 * How long it takes to refuse a token, by what is wrong with it: Welch's t for each kind against
 * the first.
 *
 *	timing once LEVEL CLASS
 *	timing race LEVEL SECONDS COUNT CLASS CLASS...
 *
 * `once` makes one attempt, after one that is not counted; for strace and callgrind. `race`
 * measures, kinds in a random order, until SECONDS are over and there are COUNT of each, but not
 * more than three times as long. Then it prints for each kind but the first:
 *
 *	NAME t=T difference=NS median=NS count=COUNT
 *
 * LEVEL is `store` (pat_verify with the store), `module` (a PAM transaction of the service
 * `probe`) or `patd` (a question to its socket). A CLASS is NAME:KIND:USER:FILE. FILE has a token a
 * line. KIND is `unknown` (an id that nobody has, and any secret), `wrong` (the id of one of the
 * tokens, and any secret) or `right` (one of the tokens).
 */

#include <inttypes.h>
#include <security/pam_appl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pat/crc32.h"
#include "pat/deadline.h"
#include "pat/store.h"
#include "pat/token.h"
#include "pat/verify.h"
#include "pat/wire.h"
#include "timing_stats.h"

#define SERVICE "probe"
#define CLASSES 8

struct class
{
	char *name, *kind, *user;
	struct pat_token *tokens;
	size_t count;
	struct samples samples;
};

typedef void attempt_function(const struct pat_token *token, const char *user);

static _Noreturn void give_up(const char *why)
{
	perror(why);
	exit(2);
}

/* ---- One attempt, at each level
 * ------------------------------------------------------------------- */

static __attribute__((noinline)) void attempt_store(const struct pat_token *token, const char *user)
{
	struct pat_attempt attempt = {.token = token,
				      .user = user,
				      .service = SERVICE,
				      .rhost = "192.0.2.1",
				      .tty = "ssh"};
	struct pat_verdict verdict;

	pat_verify(PAT_STORE_PATH, &attempt, (int64_t)time(NULL), pat_deadline_in(2000), &verdict);
	if (verdict.outcome == PAT_UNAVAILABLE)
		give_up("the store cannot be used");
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	struct pam_response *replies = calloc((size_t)count, sizeof(*replies));

	(void)messages;
	if (replies == NULL)
		return PAM_BUF_ERR;
	replies[0].resp = strdup(data);
	*out = replies;
	return PAM_SUCCESS;
}

static __attribute__((noinline)) void attempt_module(const struct pat_token *token,
						     const char *user)
{
	struct pat_token copy = *token;
	struct pam_conv conversation = {.conv = converse, .appdata_ptr = copy.text};
	pam_handle_t *pamh = NULL;
	int answer = pam_start(SERVICE, user, &conversation, &pamh);

	if (answer == PAM_SUCCESS)
		answer = pam_authenticate(pamh, 0);
	if (answer != PAM_AUTH_ERR && answer != PAM_SUCCESS)
		give_up("the module did not decide");
	pam_end(pamh, answer);
}

static __attribute__((noinline)) void attempt_patd(const struct pat_token *token, const char *user)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = PAT_VERIFY_SOCKET};
	struct pat_wire_request request = {.magic = PAT_WIRE_MAGIC, .service = SERVICE};
	struct pat_wire_reply reply;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(request.token, token->text, sizeof(token->text));
	(void)snprintf(request.user, sizeof(request.user), "%s", user);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    send(fd, &request, sizeof(request), MSG_NOSIGNAL) != sizeof(request) ||
	    recv(fd, &reply, sizeof(reply), 0) != sizeof(reply))
		give_up("patd does not answer");
	close(fd);
}

static attempt_function *attempt_at(const char *level)
{
	if (strcmp(level, "store") == 0)
		return attempt_store;
	if (strcmp(level, "module") == 0)
		return attempt_module;
	if (strcmp(level, "patd") == 0)
		return attempt_patd;
	give_up("no such level");
}

/* ---- What is presented
 * ---------------------------------------------------------------------------- */

/* Puts the right checksum behind what was changed. */
static void seal(struct pat_token *token)
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const size_t body = PAT_TOKEN_LEN - PAT_CHECKSUM_LEN;
	uint32_t rest = pat_crc32(token->text, body);

	for (size_t i = PAT_TOKEN_LEN; i-- > body; rest /= 62)
		token->text[i] = digits[rest % 62];
}

static struct pat_token presented(const struct class *class)
{
	struct pat_token token;
	const struct pat_token *one = &class->tokens[randombytes_uniform((uint32_t) class->count)];

	if (strcmp(class->kind, "right") == 0)
		return *one;
	if (pat_token_generate(&token) != 0)
		give_up("no randomness");
	if (strcmp(class->kind, "wrong") == 0) {
		memcpy(token.text + PAT_TOKEN_PREFIX_LEN, one->text + PAT_TOKEN_PREFIX_LEN,
		       PAT_ID_LEN);
		seal(&token);
	}
	return token;
}

static void read_tokens(struct class *class, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[128];

	if (file == NULL)
		give_up(path);
	while (fgets(line, sizeof(line), file) != NULL) {
		class->tokens =
			realloc(class->tokens, (class->count + 1) * sizeof(struct pat_token));
		if (class->tokens == NULL ||
		    (line[strcspn(line, "\n")] = '\0',
		     pat_token_parse(line, &class->tokens[class->count])) != PAT_FORM_TOKEN)
			give_up("not a token");
		class->count++;
	}
	(void)fclose(file);
	if (class->count == 0)
		give_up("no tokens");
}

/* Takes NAME:KIND:USER:FILE apart, in place. */
static struct class read_class(char *text)
{
	struct class class = {.name = strsep(&text, ":")};

	class.kind = strsep(&text, ":");
	class.user = strsep(&text, ":");
	if (text == NULL)
		give_up("no class");
	read_tokens(&class, text);
	return class;
}

/* ---- Measuring
 * ------------------------------------------------------------------------------------ */

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void keep(struct samples *samples, double ns)
{
	if ((samples->count & (samples->count + 1)) == 0) {
		samples->ns = realloc(samples->ns, 2 * (samples->count + 1) * sizeof(double));
		if (samples->ns == NULL)
			give_up("out of memory");
	}
	samples->ns[samples->count++] = ns;
}

static bool enough(const struct class *classes, unsigned count, size_t wanted)
{
	for (unsigned i = 0; i < count; i++)
		if (classes[i].samples.count < wanted)
			return false;
	return true;
}

static void measure(attempt_function *attempt, struct class *class, bool keep_it)
{
	struct pat_token token = presented(class);
	double before = now_ns();

	attempt(&token, class->user);
	if (keep_it)
		keep(&class->samples, now_ns() - before);
}

static void report(const struct class *classes, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		double difference;
		double t = timing_worst_t(&classes[i].samples, &classes[0].samples, &difference);

		printf("%s t=%.1f difference=%.0f median=%.0f count=%zu\n", classes[i].name, t,
		       difference,
		       timing_percentile(&classes[i].samples, &(struct samples){NULL, 0}, 0.5),
		       classes[i].samples.count);
	}
}

static int race(attempt_function *attempt, double seconds, size_t wanted, char **texts,
		unsigned count)
{
	enum { WARM = 200 };
	struct class classes[CLASSES];
	double began = now_ns(), end = began + seconds * 1e9, limit = began + 3 * seconds * 1e9;

	if (count < 2 || count > CLASSES)
		give_up("how many classes?");
	for (unsigned i = 0; i < count; i++)
		classes[i] = read_class(texts[i]);
	for (unsigned long i = 0;
	     now_ns() < end || (now_ns() < limit && !enough(classes, count, wanted)); i++)
		measure(attempt, &classes[randombytes_uniform(count)], i >= WARM);
	report(classes, count);
	return 0;
}

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return 2;
	if (argc == 4 && strcmp(argv[1], "once") == 0) {
		struct class class = read_class(argv[3]);
		struct pat_token first = presented(&class), second = presented(&class);
		attempt_function *attempt = attempt_at(argv[2]);

		attempt(&first, class.user);
		/* What stands between the two is found in what strace shows. */
		(void)getpgid(1);
		attempt(&second, class.user);
		(void)getpgid(1);
		return 0;
	}
	if (argc > 5 && strcmp(argv[1], "race") == 0)
		return race(attempt_at(argv[2]), strtod(argv[3], NULL), strtoul(argv[4], NULL, 10),
			    argv + 5, (unsigned)argc - 5);
	(void)fprintf(
		stderr,
		"usage: timing once LEVEL CLASS | timing race LEVEL SECONDS COUNT CLASS...\n");
	return 2;
}
