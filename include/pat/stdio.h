/* SPDX-License-Identifier: ISC */
#ifndef PAT_STDIO_H
#define PAT_STDIO_H

/*
 * Opens /dev/null where descriptor 0, 1 or 2 is closed, so that no file of ours becomes one of them
 * and takes what a program prints. The first thing that a main() does; not for the module.
 */
void pat_stdio_fill(void);

#endif
