#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A host of PAM's modules that asks for what ordinary programs do not.

pamhost.py WHAT SERVICE [USER]: authenticates with the first line of standard input as the answer to every
prompt, that for the user's name too if there is none, and prints the number that PAM answered. WHAT is

delay     and for how many microseconds the stack would have the client wait, which nobody does here
again     the program has no answer yet (PAM_CONV_AGAIN)
nothing   the program answers without an answer
silent    then opens a session with PAM_SILENT, and prints that, and what a module said
"""

import ctypes
import sys

PAM_USER, PAM_CONV, PAM_FAIL_DELAY = 2, 5, 10
PAM_SUCCESS, PAM_CONV_AGAIN = 0, 30
PAM_SILENT = 0x8000


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)),
    ctypes.POINTER(ctypes.POINTER(Response)), ctypes.c_void_p)
DELAY = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]


libc = ctypes.CDLL(None)
libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
libc.strdup.argtypes = [ctypes.c_char_p]
pam = ctypes.CDLL("libpam.so.0")
for name in ("pam_authenticate", "pam_open_session", "pam_end"):
    getattr(pam, name).argtypes = [ctypes.c_void_p, ctypes.c_int]
pam.pam_set_item.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]


def main():
    what, service, *user = sys.argv[1:]
    secret = sys.stdin.buffer.readline().rstrip(b"\n")
    said, delays = [], []

    @CONVERSE
    def converse(count, messages, responses, _data):
        if what == "again":
            return PAM_CONV_AGAIN
        answers = ctypes.cast(
            libc.calloc(count, ctypes.sizeof(Response)), ctypes.POINTER(Response))
        for i in range(count):
            if messages[i].contents.style <= 2:
                answers[i].text = None if what == "nothing" else libc.strdup(secret)
            else:
                said.append(messages[i].contents.text.decode())
        responses[0] = answers
        return PAM_SUCCESS

    @DELAY
    def delay(_answer, microseconds, _data):
        delays.append(microseconds)

    handle = ctypes.c_void_p()
    conversation = Conversation(converse, None)
    answer = pam.pam_start(
        service.encode(), user[0].encode() if user else None, ctypes.byref(conversation), ctypes.byref(handle))
    if answer == PAM_SUCCESS:
        answer = pam.pam_set_item(handle, PAM_FAIL_DELAY, ctypes.cast(delay, ctypes.c_void_p))
    if answer == PAM_SUCCESS:
        answer = pam.pam_authenticate(handle, 0)
    words = [answer]
    if what == "delay" and answer != PAM_SUCCESS:
        words += delays
    if what == "silent" and answer == PAM_SUCCESS:
        words += [pam.pam_open_session(handle, PAM_SILENT)] + said
    print(*words)
    pam.pam_end(handle, answer)


main()
