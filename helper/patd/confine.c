/* SPDX-License-Identifier: ISC */
#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter.h"
#include "pat/error.h"

#define CAP(name) (UINT64_C(1) << (name))

/*
 * For readers: an id that no account has anywhere (65535 was -1 when ids had 16 bits). Not 65534:
 * other programs run as that nobody, and could stop or end what has their uid.
 */
#define NOBODYS_ID 65535

/* What to become nobody takes; and to end one who has. */
#define BECOMING (CAP(CAP_SETUID) | CAP(CAP_SETGID) | CAP(CAP_KILL))

/* A reader parses messages of 16 KiB one after the other. */
enum { READER_MEMORY = 256 << 20, READER_CPU_SECONDS = 10, READER_DESCRIPTORS = 2 };

/* Found and made by confine_prepare(), the same in every child. */
static struct {
	uint64_t parent; /* capabilities of each kind */
	uint64_t session;
	uint64_t alone;
	uint64_t inheritable; /* those that the session passes on to the programs that it runs */
	uint64_t bounding;    /* as far as it has been cut */
	bool becomes_nobody;
	struct filter common;
	struct filter lonely;
	struct filter reader;
} rights;

/* ---- Capabilities -------------------------------------------------------------------------------
 */

static int get_capabilities(uint64_t *permitted, uint64_t *inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return PAT_E_IO;
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	*inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return PAT_OK;
}

/* Where there is nothing to give up, a sandbox may refuse the very call. */
static int set_capabilities(uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct data[2] = {
		{(uint32_t)permitted, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(permitted >> 32), (uint32_t)(permitted >> 32),
		 (uint32_t)(inheritable >> 32)},
	};
	uint64_t has, passes_on;
	int error = get_capabilities(&has, &passes_on);

	if (error || (has == permitted && passes_on == inheritable))
		return error;
	return syscall(SYS_capset, &header, data) == 0 ? PAT_OK : PAT_E_IO;
}

/*
 * The bounding set takes CAP_SETPCAP to be made smaller. Without it, it stays: no program can win
 * anything from it, because there are no new privileges.
 */
static int bound_capabilities(uint64_t keep)
{
	for (int capability = 0; capability < 64; capability++) {
		if ((rights.bounding & ~keep & CAP(capability)) == 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return errno == EPERM ? PAT_OK : PAT_E_IO;
		rights.bounding &= ~CAP(capability);
	}
	return PAT_OK;
}

/* ---- Each kind of process -----------------------------------------------------------------------
 */

int confine_prepare(void)
{
	const uint64_t for_pam = CAP(CAP_AUDIT_WRITE) | CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE);
	uint64_t permitted, inheritable;
	int error = get_capabilities(&permitted, &inheritable);

	if (error)
		return error;
	for (int capability = 0; capability < 64; capability++)
		if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
			rights.bounding |= CAP(capability);
	rights.becomes_nobody = (permitted & BECOMING) == BECOMING;
	rights.inheritable = inheritable & permitted;
	rights.session = permitted & (for_pam | inheritable);
	/* A reader that is somebody else takes this to be ended. */
	if (rights.becomes_nobody)
		rights.session |= CAP(CAP_KILL);
	/* Where /etc/shadow has mode 0000, to read it takes the one or the other. */
	rights.alone = permitted & CAP(CAP_DAC_READ_SEARCH);
	if (rights.alone == 0)
		rights.alone = permitted & CAP(CAP_DAC_OVERRIDE);
	rights.parent = rights.session | rights.alone | (permitted & (BECOMING | CAP(CAP_SETPCAP)));
	error = filter_make_common(&rights.common);
	if (!error)
		error = filter_make_alone(&rights.lonely);
	return error ? error : filter_make_reader(&rights.reader);
}

static int no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? PAT_OK : PAT_E_IO;
}

int confine_service(void)
{
	int error = no_new_privileges();

	if (!error)
		error = bound_capabilities(rights.parent);
	if (!error)
		error = set_capabilities(rights.parent, rights.inheritable);
	return error ? error : filter_load(&rights.common);
}

int confine_session(void)
{
	int error = bound_capabilities(rights.session);

	return error ? error : set_capabilities(rights.session, rights.inheritable);
}

int confine_alone(void)
{
	int error = set_capabilities(rights.alone, 0);

	return error ? error : filter_load(&rights.lonely);
}

/* ---- The reader ---------------------------------------------------------------------------------
 */

/* Its two descriptors, and no more. */
static int keep_descriptors(int client, int session)
{
	if ((client >= 0 ? dup2(client, READER_CLIENT) : close(READER_CLIENT)) < 0 ||
	    dup2(session, READER_SESSION) < 0 ||
	    syscall(SYS_close_range, READER_DESCRIPTORS, ~0U, 0) < 0)
		return PAT_E_IO;
	return PAT_OK;
}

static int become_nobody(void)
{
	if (!rights.becomes_nobody)
		return PAT_OK;
	if (setgroups(0, NULL) == 0 && setresgid(NOBODYS_ID, NOBODYS_ID, NOBODYS_ID) == 0 &&
	    setresuid(NOBODYS_ID, NOBODYS_ID, NOBODYS_ID) == 0)
		return PAT_OK;
	/* Where there is no such id, as in a user namespace, or a sandbox forbids to take it, a
	 * reader stays who it is, without capabilities. */
	return errno == EINVAL || errno == EPERM ? PAT_OK : PAT_E_IO;
}

static int limit(int resource, rlim_t most)
{
	const struct rlimit limit = {most, most};

	return setrlimit((__rlimit_resource_t)resource, &limit) == 0 ? PAT_OK : PAT_E_IO;
}

static int limit_resources(void)
{
	int error = limit(RLIMIT_CPU, READER_CPU_SECONDS);

	if (!error)
		error = limit(RLIMIT_CORE, 0);
	if (!error)
		error = limit(RLIMIT_NPROC, 0);
	/* Sanitizers need terabytes, and files to report to. */
	if (!FILTERS)
		return error;
	if (!error)
		error = limit(RLIMIT_NOFILE, READER_DESCRIPTORS);
	if (!error)
		error = limit(RLIMIT_FSIZE, 0);
	return error ? error : limit(RLIMIT_AS, READER_MEMORY);
}

int confine_reader(int client, int session)
{
	int error;

	clearenv();
	error = keep_descriptors(client, session);
	if (!error)
		error = no_new_privileges();
	if (!error)
		error = bound_capabilities(0);
	if (!error)
		error = become_nobody();
	if (!error)
		error = set_capabilities(0, 0);
	/* Whoever changes their uid loses the one, and may lose the other. */
	if (!error && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0))
		error = PAT_E_IO;
	if (!error)
		error = limit_resources();
	return error ? error : filter_load(&rights.reader);
}
