/* SPDX-License-Identifier: ISC */
#ifndef INTERFACE_H
#define INTERFACE_H

/* io.pampat.Tokens.varlink, as the build made it a string. */
extern const char interface_text[];

#endif
