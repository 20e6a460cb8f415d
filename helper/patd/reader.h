/* SPDX-License-Identifier: ISC */
#ifndef READER_H
#define READER_H

/*
 * The reader of a connection: a process with no privilege, which alone reads what a Varlink client
 * sends, takes it apart, and hands each call to the session as a flat record (flat.h).
 *
 * MUST:
 *  - give up everything before there is a client (confine.h);
 *  - read no further than the session has asked for, and no longer;
 *  - end when the session does.
 *
 * `session` is a socket of type SOCK_SEQPACKET: first the client's socket comes in (spare_pass());
 * then a struct flat_question, and a record goes out. Exits with 0, or with the errno that says why
 * it could not begin.
 */
_Noreturn void reader_run(int session, unsigned seconds);

#endif
