/* SPDX-License-Identifier: ISC */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "patctl.h"

/* One function for each command of patctl(1), to be called with options that were checked. */
int command_create(const struct options *options);
int command_rotate(const struct options *options);
int command_edit(const struct options *options);
int command_suspend(const struct options *options);
int command_resume(const struct options *options);
int command_list(const struct options *options);
int command_show(const struct options *options);
int command_why(const struct options *options);
int command_policy(const struct options *options);
int command_revoke(const struct options *options);
int command_verify(const struct options *options);
int command_doctor(const struct options *options);

#endif
