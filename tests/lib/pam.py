#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A login in one process, with the machine's own libpam, that says what the stack answered.

pam.py SERVICE USER [RHOST]: authenticates with the one line on standard input as the answer to
every prompt without echo, then asks for the account. Prints the name of the code of the step that
failed, or PAM_SUCCESS and the PAM environment. Exits with 0 only if both succeeded.
"""

import ctypes
import ctypes.util
import sys

PROMPT_ECHO_OFF = 1
RHOST, CONV = 4, 5
NAMES = {
    0: "PAM_SUCCESS", 2: "PAM_SYMBOL_ERR", 3: "PAM_SERVICE_ERR", 4: "PAM_SYSTEM_ERR",
    5: "PAM_BUF_ERR", 6: "PAM_PERM_DENIED", 7: "PAM_AUTH_ERR", 8: "PAM_CRED_INSUFFICIENT",
    9: "PAM_AUTHINFO_UNAVAIL", 10: "PAM_USER_UNKNOWN", 11: "PAM_MAXTRIES",
    12: "PAM_NEW_AUTHTOK_REQD", 13: "PAM_ACCT_EXPIRED", 19: "PAM_CONV_ERR", 25: "PAM_IGNORE",
    26: "PAM_ABORT", 28: "PAM_MODULE_UNKNOWN",
}


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)),
    ctypes.POINTER(ctypes.POINTER(Response)), ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]


libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
libc.strdup.restype = ctypes.c_void_p
libc.strdup.argtypes = [ctypes.c_char_p]
pam = ctypes.CDLL("libpam.so.0")
for name in ("pam_authenticate", "pam_acct_mgmt", "pam_end"):
    getattr(pam, name).argtypes = [ctypes.c_void_p, ctypes.c_int]
pam.pam_set_item.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
pam.pam_getenvlist.restype = ctypes.POINTER(ctypes.c_char_p)
pam.pam_getenvlist.argtypes = [ctypes.c_void_p]


def main():
    service, user, *rhost = sys.argv[1:]
    secret = sys.stdin.buffer.readline().rstrip(b"\n")

    @CONVERSE
    def converse(count, messages, responses, _data):
        answers = ctypes.cast(
            libc.calloc(count, ctypes.sizeof(Response)), ctypes.POINTER(Response))
        for i in range(count):
            if messages[i].contents.style == PROMPT_ECHO_OFF:
                answers[i].text = libc.strdup(secret)
        responses[0] = answers
        return 0

    handle = ctypes.c_void_p()
    conversation = Conversation(converse, None)
    code = pam.pam_start(
        service.encode(), user.encode(), ctypes.byref(conversation), ctypes.byref(handle))
    if code == 0 and rhost:
        code = pam.pam_set_item(handle, RHOST, rhost[0].encode())
    if code == 0:
        code = pam.pam_authenticate(handle, 0)
    if code == 0:
        code = pam.pam_acct_mgmt(handle, 0)
    print(NAMES.get(code, code))
    if code == 0:
        for entry in pam.pam_getenvlist(handle):
            if entry is None:
                break
            print(entry.decode())
    pam.pam_end(handle, code)
    return code != 0


sys.exit(main())
