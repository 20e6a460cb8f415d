# SPDX-License-Identifier: ISC
"""One login after another in one process."""

import peers

TITLE = "A long-lived process: pam_start, pam_authenticate, pam_end, again and again"

LIMITS = {
    "pam_permit": ("<=", 0.9),
    "pam_unix, yescrypt": ("faster", 500),
    "pam_userdb": ("faster", 5),
}


def run(bench):
    subjects = peers.everyone(bench)
    samples = bench.interleave({name: peer.loop(bench) for name, peer in subjects.items()})
    for name in peers.ALL:
        bench.row("pam_pat", samples["pam_pat"], samples[name], LIMITS.get(name, ("faster", 1)), name=name)
