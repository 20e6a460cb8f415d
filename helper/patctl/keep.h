/* SPDX-License-Identifier: ISC */
#ifndef KEEP_H
#define KEEP_H

/*
 * A token in a file: mode 0600, the caller's own, made beside its place and renamed, so that
 * whoever reads it finds the whole of the one before or the whole of the new one.
 */

/* Makes sure, as far as that can be known, that keep_secret() will succeed. Leaves nothing behind.
 */
int keep_possible(const char *path);

/* Writes the text. When it returns STATUS_FAILED, which it does not say, the reason is in errno. */
int keep_secret(const char *path, const char *text);

#endif
