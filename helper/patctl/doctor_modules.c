/* SPDX-License-Identifier: ISC */
#include "doctor_modules.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tell.h"

/* What every Linux-PAM has. */
#define WITNESS "pam_permit.so"

static char *join(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		out_of_memory();
	return path;
}

static bool exists(const struct doctor_root *root, const char *dir, const char *name)
{
	char *path = join(dir, name);
	struct stat st;
	bool found = doctor_stat(root, path, false, &st) || errno == EACCES;

	free(path);
	return found;
}

/* DIR/security, if there are modules in it. */
static void try(const struct doctor_root *root, struct doctor_modules *modules, const char *dir)
{
	char *security = join(dir, "security");

	if (!exists(root, security, WITNESS)) {
		free(security);
		return;
	}
	modules->dirs = reallocarray(modules->dirs, modules->count + 1, sizeof(*modules->dirs));
	if (modules->dirs == NULL)
		out_of_memory();
	modules->dirs[modules->count++] = security;
}

void doctor_modules_find(const struct doctor_root *root, struct doctor_modules *modules)
{
	static const char *const plain[] = {"/usr/lib64", "/lib64", "/usr/lib", "/lib"};
	static const char *const multiarch[] = {"/usr/lib", "/lib"};

	*modules = (struct doctor_modules){.count = 0};
	for (size_t i = 0; i < sizeof(multiarch) / sizeof(multiarch[0]); i++) {
		size_t count;
		char **names = doctor_names(root, multiarch[i], &count);

		for (size_t n = 0; names != NULL && n < count; n++) {
			char *dir = join(multiarch[i], names[n]);

			if (strstr(names[n], "-linux-") != NULL)
				try(root, modules, dir);
			free(dir);
		}
		doctor_names_free(names);
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		try(root, modules, plain[i]);
}

void doctor_modules_free(struct doctor_modules *modules)
{
	for (size_t i = 0; i < modules->count; i++)
		free(modules->dirs[i]);
	free(modules->dirs);
}

/* `$ISA` is, everywhere, the directory itself. */
static char *without_isa(const char *name)
{
	static const char isa[] = "$ISA/";
	const char *found = strstr(name, isa);
	char *path;

	if (found == NULL)
		return strdup(name);
	if (asprintf(&path, "%.*s%s", (int)(found - name), name, found + sizeof(isa) - 1) < 0)
		return NULL;
	return path;
}

char *doctor_module_file(const struct doctor_root *root, const struct doctor_modules *modules,
			 const char *name)
{
	char *path = without_isa(name);
	struct stat st;

	if (path == NULL)
		out_of_memory();
	for (size_t i = 0; path[0] != '/' && i < modules->count; i++)
		if (exists(root, modules->dirs[i], path)) {
			char *file = join(modules->dirs[i], path);

			free(path);
			return file;
		}
	if (path[0] == '/' && (doctor_stat(root, path, false, &st) || errno == EACCES))
		return path;
	free(path);
	return NULL;
}

/* What of an ELF file says for which machine it is. */
static bool same_machine(const char *a, const char *b)
{
	return memcmp(a, b, EI_VERSION) == 0 &&
	       memcmp(a + offsetof(Elf64_Ehdr, e_machine), b + offsetof(Elf64_Ehdr, e_machine),
		      sizeof(Elf64_Half)) == 0;
}

/* The table of sections is the last thing in a file, so one that was cut short lacks it. Read as
 * this machine has it: another's was refused before. */
static bool is_whole(const char *text, size_t len)
{
	if (text[EI_CLASS] == ELFCLASS64) {
		Elf64_Ehdr head;

		memcpy(&head, text, sizeof(head));
		return head.e_type == ET_DYN && head.e_shoff <= len &&
		       (size_t)head.e_shnum * head.e_shentsize <= len - head.e_shoff;
	} else {
		Elf32_Ehdr head;

		memcpy(&head, text, sizeof(head));
		return head.e_type == ET_DYN && head.e_shoff <= len &&
		       (size_t)head.e_shnum * head.e_shentsize <= len - head.e_shoff;
	}
}

/* Beside the module there should be one of Linux-PAM's own, which is right. */
static char *read_witness(const struct doctor_root *root, const char *file, size_t *len)
{
	char *dir = strdup(file), *path, *text;

	if (dir == NULL)
		out_of_memory();
	*strrchr(dir, '/') = '\0';
	path = join(dir, WITNESS);
	text = doctor_read(root, path, len);
	free(path);
	free(dir);
	return text;
}

bool doctor_module_loads(const struct doctor_root *root, const char *file)
{
	size_t len, witness_len;
	char *text = doctor_read(root, file, &len), *witness;
	bool good;

	if (text == NULL)
		return errno == EACCES || errno == EFBIG;
	good = len >= sizeof(Elf64_Ehdr) && memcmp(text, ELFMAG, SELFMAG) == 0;
	witness = good ? read_witness(root, file, &witness_len) : NULL;
	if (witness != NULL && witness_len >= sizeof(Elf64_Ehdr))
		good = same_machine(text, witness) && is_whole(text, len);
	free(witness);
	free(text);
	return good;
}

/* Whether the word is in the file: what libpam understands, stands in it. */
static bool holds(const struct doctor_root *root, const char *file, const char *word, bool *known)
{
	size_t len;
	char *text = doctor_read(root, file, &len);
	bool found = text != NULL && memmem(text, len, word, strlen(word)) != NULL;

	*known = text != NULL;
	free(text);
	return found;
}

struct pamd_dialect doctor_dialect(const struct doctor_root *root,
				   const struct doctor_modules *modules)
{
	struct pamd_dialect dialect = {false};
	bool known = false;
	struct stat st;

	for (size_t i = 0; i < modules->count && !known; i++) {
		char *file = join(modules->dirs[i], "../libpam.so.0");

		dialect.debian = holds(root, file, "@include", &known);
		free(file);
	}
	if (!known)
		dialect.debian = doctor_stat(root, "/etc/debian_version", false, &st) ||
				 doctor_stat(root, "/etc/pam.d/common-auth", false, &st);
	return dialect;
}
