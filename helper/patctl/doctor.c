/* SPDX-License-Identifier: ISC */
#include "doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "tell.h"

static int open_root(struct doctor *doctor)
{
	const char *dir = value(doctor->options, OPTION_ROOT);
	struct stat st;

	if (!doctor_root_open(&doctor->root, dir)) {
		complain("%s: %s", dir, strerror(errno));
		return STATUS_FAILED;
	}
	/* An image that a user has unpacked is that user's. */
	if (doctor->root.remote && doctor_stat(&doctor->root, "/", false, &st))
		doctor->owner = st.st_uid;
	return STATUS_OK;
}

/* Nothing that could be wrong: is that what was meant? */
static void note_uncovered(struct doctor *doctor)
{
	const char *list = value(doctor->options, OPTION_SERVICE);
	char *words, *word, *rest;

	if (doctor->count == 0 && list == NULL)
		doctor_find(&doctor->findings, "stack/none", NULL, NULL, 0,
			    doctor_text("No service takes tokens: no stack names pam_pat.so."),
			    doctor_text("pam_pat(8), STACKS, has the line, and where it goes."));
	if (list == NULL)
		return;
	words = rest = strdup(list);
	if (words == NULL)
		out_of_memory();
	while ((word = strsep(&rest, ",")) != NULL)
		if (doctor_covered(doctor, word) == NULL)
			doctor_find(&doctor->findings, "stack/none", word, NULL, 0,
				    doctor_text("No stack of this service names pam_pat.so: it "
						"takes no tokens."),
				    doctor_text("pam_pat(8), STACKS, has the line, and where it "
						"goes."));
	free(words);
}

static void examine(struct doctor *doctor)
{
	doctor_modules_find(&doctor->root, &doctor->modules);
	doctor->dialect = doctor_dialect(&doctor->root, &doctor->modules);
	doctor_look_for_stacks(doctor);
	for (size_t i = 0; i < doctor->count; i++) {
		doctor_judge_lines(doctor, doctor->stacks[i]);
		doctor_judge_logins(doctor, doctor->stacks[i]);
	}
	doctor_judge_services(doctor);
	doctor_judge_sshd(doctor);
	note_uncovered(doctor);
	if (given(doctor->options, OPTION_SERVICE))
		return;
	doctor_judge_mint(doctor);
	doctor_judge_files(doctor);
	if (!doctor->root.remote)
		doctor_judge_patd(doctor);
}

static int status_of(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->findings.count; i++)
		if (doctor->findings.list[i].rule->severity < DOCTOR_HINT)
			return STATUS_FAILED;
	return STATUS_OK;
}

int command_doctor(const struct options *options)
{
	struct doctor doctor = {.options = options};
	int status = open_root(&doctor);

	if (status != STATUS_OK)
		return status;
	examine(&doctor);
	doctor_sort(&doctor.findings);
	if (given(options, OPTION_JSON))
		doctor_tell_json(&doctor);
	else
		doctor_tell(&doctor);
	status = status_of(&doctor);
	for (size_t i = 0; i < doctor.count; i++)
		pamd_stack_free(doctor.stacks[i]);
	free(doctor.stacks);
	doctor_modules_free(&doctor.modules);
	doctor_findings_free(&doctor.findings);
	doctor_root_close(&doctor.root);
	return status;
}
