/* SPDX-License-Identifier: ISC */
#ifndef VARLINK_MEMORY_H
#define VARLINK_MEMORY_H

/* The memory that jansson has: wiped when it is freed; and a parse ends where there is none left.
 */

#include <jansson.h>
#include <stdbool.h>

/*
 * json_loadb(). While it reads a string, jansson (2.14, lex_save()) passes over a failed
 * allocation, and leaves out what it had no memory for; it may then read and write behind the end
 * of what it has. So the parse is left at the first allocation that fails, what it had is freed,
 * and NULL returned with an error of the code json_error_out_of_memory. That needs
 * varlink_memory_take_over().
 */
json_t *varlink_memory_parse(const char *text, size_t len, json_error_t *why);

/*
 * Whether there was no memory for something since this was asked last, or since the last parse. Who
 * makes a message of many parts need not look at each: what was made meanwhile may lack some.
 */
bool varlink_memory_ran_out(void);

/* From now on jansson's memory comes from here. Nothing may be left of what it had before. */
void varlink_memory_take_over(void);

#endif
