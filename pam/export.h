/* SPDX-License-Identifier: ISC */
#ifndef EXPORT_H
#define EXPORT_H

/* Marks the entry points that libpam looks up: all else in the .so is hidden. */
#define EXPORT __attribute__((visibility("default")))

#endif
