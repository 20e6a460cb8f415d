/* SPDX-License-Identifier: ISC */

/* Services that go together, and the one in which tokens are minted. */

#include <stdlib.h>
#include <string.h>

#include "doctor_logins.h"

/* Each of these pairs is one command to those who use it. */
void doctor_judge_services(struct doctor *doctor)
{
	static const char *const pairs[][3] = {
		{"sudo", "sudo-i", "sudo -i"},
		{"su", "su-l", "su -"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct pamd_stack *one = doctor_covered(doctor, pairs[i][0]);
		const struct pamd_handler *pat;
		struct pamd_stack *other;

		if (one == NULL)
			continue;
		pat = doctor_find_pat(&one->chains[PAMD_AUTH]);
		other = pamd_stack_read(&doctor->root, doctor->dialect, pairs[i][1]);
		if (pat != NULL && other->found && !other->unseen && !other->refused &&
		    doctor_find_pat(&other->chains[PAMD_AUTH]) == NULL)
			doctor_find(
				&doctor->findings, "stack/half-covered", pairs[i][1], pat->at.file,
				pat->at.line,
				doctor_text("%s takes tokens, and '%s' does not: its stack is "
					    "that of the service %s.",
					    pairs[i][0], pairs[i][2], pairs[i][1]),
				doctor_text("Put the same line into /etc/pam.d/%s.", pairs[i][1]));
		pamd_stack_free(other);
	}
}

/* The line of pam_pat.so that stands in the file of patd's own stack. */
static void judge_named(const struct logins *l)
{
	static const char end_of_name[] = "/patd";
	const char *file = l->pat != NULL ? l->pat->at.file : "";
	const size_t len = strlen(file);

	if (len < sizeof(end_of_name) || strcmp(file + len - strlen(end_of_name), end_of_name) != 0)
		return;
	logins_find(
		l, "mint/open-to-token", l->pat,
		doctor_text(
			"pam_pat.so stands in the stack in which users prove who they are before "
			"a token is minted. It refuses every token there, so the line does "
			"nothing."),
		doctor_text("Remove the line."));
}

static void judge_mint_logins(struct doctor *doctor, const struct pamd_stack *stack)
{
	struct logins l;

	logins_begin(&l, doctor, stack);
	judge_named(&l);
	if (!l.unknown && l.chain->count > 0) {
		logins_judge_open_door(&l, "mint/always-succeeds");
		if (!logins_let_in(&l.of[PAMD_RIGHT_PASSWORD]))
			logins_find(
				&l, "mint/refuses-passwords", &l.chain->list[0],
				doctor_text(
					"A right password does not do in the stack of patd: users "
					"can mint no tokens."),
				doctor_text(
					"See that the password modules (@include common-auth, or "
					"auth substack system-auth) stand in /etc/pam.d/patd."));
	}
	logins_end(&l);
}

void doctor_judge_mint(struct doctor *doctor)
{
	struct pamd_stack *stack = pamd_stack_read(&doctor->root, doctor->dialect, "patd");
	char *module = doctor_module_file(&doctor->root, &doctor->modules, "pam_pat.so");

	doctor_judge_lines(doctor, stack);
	/* Where pam_pat is not installed, nobody misses it. */
	if (!stack->found && !stack->unseen && (module != NULL || doctor->count > 0))
		doctor_find(
			&doctor->findings, "mint/no-stack", "patd", NULL, 0,
			doctor_text("There is no /etc/pam.d/patd, in which users prove who they "
				    "are before a token is minted. What /etc/pam.d/other says "
				    "holds instead."),
			doctor_text("Install etc/patd.pam.debian or etc/patd.pam.fedora of "
				    "pam_pat as /etc/pam.d/patd, mode 644."));
	else if (stack->found && !stack->refused && !stack->unseen)
		judge_mint_logins(doctor, stack);
	free(module);
	pamd_stack_free(stack);
}
