/* SPDX-License-Identifier: ISC */

/*
 * What of sshd_config(5) decides whether tokens come to PAM at all, read as sshd does: the first
 * value counts, Include stands for what it names, and what is below Match counts for some only.
 */

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "doctor.h"
#include "tell.h"

#define CONFIG "/etc/ssh/sshd_config"
#define CONFIG_DIR "/etc/ssh/"
#define DEPTH 16
#define BLANKS " \t\r\n"

enum key { USE_PAM, PASSWORD, INTERACTIVE, METHODS, USE_DNS, KEYS };

static const struct {
	const char *name;
	enum key key;
} names[] = {
	{"UsePAM", USE_PAM},
	{"PasswordAuthentication", PASSWORD},
	{"KbdInteractiveAuthentication", INTERACTIVE},
	{"ChallengeResponseAuthentication", INTERACTIVE},
	{"AuthenticationMethods", METHODS},
	{"UseDNS", USE_DNS},
};

struct setting {
	char *value; /* NULL: sshd's own */
	char *file;
	unsigned line;
	bool for_some; /* Match turns it on */
};

struct config {
	struct doctor *doctor;
	struct setting settings[KEYS];
	bool unseen; /* a part of it could not be read */
};

static bool read_config(struct config *config, const char *path, bool conditional, int depth);

static char *must(char *text)
{
	if (text == NULL)
		out_of_memory();
	return text;
}

static void set(struct config *config, const char *name, const char *text, const char *file,
		unsigned line, bool conditional)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct setting *setting = &config->settings[names[i].key];

		if (strcasecmp(name, names[i].name) != 0)
			continue;
		if (conditional) {
			setting->for_some = setting->for_some || strncasecmp(text, "yes", 3) == 0 ||
					    names[i].key == METHODS;
		} else if (setting->value == NULL) {
			setting->value = must(strdup(text));
			setting->file = must(strdup(file));
			setting->line = line;
		}
		return;
	}
}

/* One pattern of an Include: patterns in its last part only, as everybody has them. */
static void include(struct config *config, const char *pattern, bool conditional, int depth)
{
	char *path = doctor_text("%s%s", pattern[0] == '/' ? "" : CONFIG_DIR, pattern);
	char *slash = strrchr(path, '/');
	char **files;
	size_t count;

	*slash = '\0';
	files = doctor_names(&config->doctor->root, path[0] != '\0' ? path : "/", &count);
	if (files == NULL && errno != ENOENT) {
		doctor_unseen(&config->doctor->findings, path, strerror(errno));
		config->unseen = true;
	}
	for (size_t i = 0; files != NULL && i < count; i++) {
		char *file = doctor_text("%s/%s", path, files[i]);

		if (fnmatch(slash + 1, files[i], FNM_PERIOD) == 0)
			(void)read_config(config, file, conditional, depth + 1);
		free(file);
	}
	doctor_names_free(files);
	free(path);
}

/* Takes a word off the line, with its quotes off, or NULL. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, BLANKS "=");
	const char *ends = BLANKS;

	if (*word == '\0')
		return NULL;
	if (*word == '"') {
		ends = "\"";
		word++;
	}
	*rest = word + strcspn(word, ends);
	if (**rest != '\0')
		*(*rest)++ = '\0';
	return word;
}

static void read_line(struct config *config, const char *path, unsigned number, char *line,
		      bool outer, bool *conditional, int depth)
{
	char *rest = line, *key, *pattern;

	rest += strspn(rest, BLANKS);
	if (*rest == '#' || *rest == '\0')
		return;
	key = rest;
	rest += strcspn(rest, BLANKS "=");
	if (*rest != '\0')
		*rest++ = '\0';
	if (strcasecmp(key, "Match") == 0) {
		pattern = next_word(&rest);
		*conditional = outer || pattern == NULL || strcasecmp(pattern, "all") != 0;
	} else if (strcasecmp(key, "Include") == 0) {
		while ((pattern = next_word(&rest)) != NULL)
			include(config, pattern, *conditional, depth);
	} else {
		rest += strspn(rest, BLANKS "=\"");
		set(config, key, rest, path, number, *conditional);
	}
}

static bool read_config(struct config *config, const char *path, bool conditional, int depth)
{
	const bool outer = conditional;
	unsigned number = 0;
	char *text, *line, *next;
	size_t len;

	if (depth > DEPTH)
		return false;
	text = doctor_read(&config->doctor->root, path, &len);
	if (text == NULL) {
		if (errno != ENOENT) {
			doctor_unseen(&config->doctor->findings, path, strerror(errno));
			config->unseen = true;
		}
		return false;
	}
	for (line = text; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		read_line(config, path, ++number, line, outer, &conditional, depth);
	}
	free(text);
	return true;
}

static bool is_on(const struct config *config, enum key key, bool otherwise)
{
	const char *text = config->settings[key].value;

	return text != NULL ? strncasecmp(text, "yes", 3) == 0 : otherwise;
}

static void find(struct config *config, const char *id, enum key key, char *what, char *remedy)
{
	const struct setting *setting = &config->settings[key];

	doctor_find(&config->doctor->findings, id, "sshd",
		    setting->file != NULL ? setting->file : CONFIG, setting->line, what, remedy);
}

/* Whether a password is asked for, of anybody. */
static void judge_methods(struct config *config)
{
	const char *methods = config->settings[METHODS].value;
	bool asks = is_on(config, PASSWORD, true) || is_on(config, INTERACTIVE, true) ||
		    config->settings[PASSWORD].for_some || config->settings[INTERACTIVE].for_some;

	if (!asks)
		find(config, "sshd/no-password", PASSWORD,
		     doctor_text(
			     "sshd asks nobody for a password, and so for no token: both "
			     "PasswordAuthentication and KbdInteractiveAuthentication are off."),
		     doctor_text(
			     "Turn one of them on, or take pam_pat.so out of /etc/pam.d/sshd."));
	else if (methods != NULL && !config->settings[METHODS].for_some &&
		 strcasestr(methods, "password") == NULL &&
		 strcasestr(methods, "keyboard-interactive") == NULL &&
		 strncasecmp(methods, "any", 3) != 0)
		find(config, "sshd/no-password", METHODS,
		     doctor_text("sshd asks nobody for a password, and so for no token: "
				 "AuthenticationMethods names neither password nor "
				 "keyboard-interactive."),
		     doctor_text("Add one of them, or take pam_pat.so out of /etc/pam.d/sshd."));
}

static void judge(struct config *config)
{
	if (!is_on(config, USE_PAM, false)) {
		find(config, "sshd/no-pam", USE_PAM,
		     doctor_text("sshd does not ask PAM (UsePAM is off): it takes no token."),
		     doctor_text("Set: UsePAM yes"));
		return;
	}
	judge_methods(config);
	if (is_on(config, USE_DNS, false))
		find(config, "sshd/use-dns", USE_DNS,
		     doctor_text("With UseDNS, sshd tells PAM the name of the client, not its "
				 "address. Tokens with sources (--from) hold addresses, and are "
				 "refused."),
		     doctor_text("Set: UseDNS no"));
}

void doctor_judge_sshd(struct doctor *doctor)
{
	struct config config = {.doctor = doctor};

	if (doctor_covered(doctor, "sshd") == NULL)
		return;
	/* Of a half, nothing can be said: the first value may stand in the other. */
	if (read_config(&config, CONFIG, false, 0) && !config.unseen)
		judge(&config);
	for (int key = 0; key < KEYS; key++) {
		free(config.settings[key].value);
		free(config.settings[key].file);
	}
}
