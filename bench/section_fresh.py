# SPDX-License-Identifier: ISC
"""Each login in a process that has not loaded a module before, as sshd and sudo do it."""

import peers

TITLE = "A fresh process: fork, pam_start, pam_authenticate, pam_end, exit"


def limit_of(name, peer):
    if name == "pam_permit":
        return ("<=", 2.2)
    return ("faster", 1) if peer.stores else None


def run(bench):
    subjects = peers.everyone(bench)
    for peer in subjects.values():
        peer.count = max(5, peer.count // 2)
    samples = bench.interleave({name: peer.loop(bench, fresh=True) for name, peer in subjects.items()})
    for name in peers.ALL:
        bench.row("pam_pat", samples["pam_pat"], samples[name], limit_of(name, subjects[name]), name=name)
    bench.row("pam_pat, in libpam alone", samples["pam_pat"], samples["pam_permit"], key="inside_p50",
              name="pam_permit")
    bench.note("The limit against peers is for those that store or count a use: google-authenticator's HOTP, "
               "and pam_oath.")
