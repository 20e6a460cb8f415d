# SPDX-License-Identifier: ISC
"""What is refused, and what is no token, against what is accepted."""

import functools
import os
import time

import peers

TITLE = "Refusals, and plain passwords, in a long-lived process"
COUNT = 400
ACCEPTED, REFUSED = 0, 7  # PAM_SUCCESS, PAM_AUTH_ERR
NOISE = 1.05
RHOST = "198.51.100.1"
FORGE = os.path.join(os.environ["LIB"], "forge.py")


def tokens(bench):
    """{kind: token}; all but the first are refused."""
    good = bench.token("alice", "--service", "pat")
    expired = bench.token("alice", "--service", "pat", "--expires", "1s")
    revoked = bench.token("alice", "--service", "pat")
    bench.run("patctl", "revoke", "-q", "--user", "alice", revoked[7:15])
    time.sleep(1.1)
    return {
        "accepted": good,
        "unknown id": bench.run(FORGE, "00000000").strip(),
        "wrong secret": bench.run(FORGE, good[7:15]).strip(),
        "another user's": bench.token("bob", "--service", "pat"),
        "expired": expired,
        "revoked": revoked,
        "out of scope": bench.token("alice", "--service", "other"),
        "from elsewhere": bench.token("alice", "--service", "pat", "--from", "192.0.2.0/24"),
        "misspelt": good[:-1] + ("A" if good[-1] != "A" else "B"),
    }


def run(bench):
    peers.pat(bench)
    peers.permit(bench)
    bench.service("passing", "auth [success=done authinfo_unavail=ignore default=die] pam_pat.so",
                  "auth required pam_permit.so")
    subjects = {kind: functools.partial(bench.loop, "pat", "alice", token, COUNT,
                                        answer=ACCEPTED if kind == "accepted" else REFUSED, rhost=RHOST)
                for kind, token in tokens(bench).items()}
    subjects["passing"] = functools.partial(bench.loop, "passing", "alice", "a plain password", COUNT)
    subjects["pam_permit"] = functools.partial(bench.loop, "permit", "alice", "a plain password", COUNT)
    samples = bench.interleave(subjects)
    for kind in list(subjects)[1:-2]:
        bench.row(kind, samples[kind], samples["accepted"], ("<=", NOISE), name="accepted")
    own = [above["p50"] - below["p50"] for above, below in zip(samples["passing"], samples["pam_permit"])]
    bench.row("a plain password, what we add to the stack", own, limit=("<=", 5))
    bench.note("No slower than acceptance, that is, within what the noise is. The last row is the difference of a "
               "stack with pam_pat above pam_permit to one of pam_permit alone.")
