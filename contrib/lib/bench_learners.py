# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""What a thousand hosts that follow the log cost its leader, in simulated time."""
import os
import re
import subprocess

import bench_cluster as bc
from bench_table import Row

ABOUT = "1,000 hosts without a vote take 1,000 entries a second: a tree, beside a leader that feeds everyone"
ROUNDS = 1
COUNTED = """3 voters (raft alone) and 1,000 learners (the choice of whom to ask alone) in simulated time: 1,000 entries of 100 bytes a
second for 5 s, after 3 s; one way takes 0.1 to 0.5 ms, an uplink carries 1 Gbit/s, checkpoints are 50 ms apart, processors
and disks cost nothing. Bytes are those of the encoded messages, before encryption. Star: all learners ask the leader, and it serves
all. Delay: from the proposal until 99 % of the learners have the entry."""
ROWS = [Row("leader sends", "MB/s", "less", 5, 2, {"star": None}),
        Row("busiest learner sends", "MB/s", "less", 5, 2, {}),
        Row("depth", "hosts", "less", 8, None, {"star": None}),
        Row("delay, median", "ms", "less", 100, 60, {"star": None}),
        Row("delay, 99 % of entries below", "ms", "less", 250, None, {"star": None})]
LINE = re.compile(r"^(tree|star) +leader +([\d.]+) MB/s +busiest learner +([\d.]+) MB/s +depth +(\d+) +99 % have it: median +([\d.]+) ms "
                  r"+99 % below +([\d.]+)", re.M)


def round(bench, samples):
    r = subprocess.run([bench.program("bench_learners"), "1000", "5", str(bench.number + 1)], capture_output=True, text=True, timeout=600)
    found = LINE.findall(r.stdout)
    if r.returncode != 0 or len(found) != 2:
        raise bc.Failure(r.stderr.strip() or r.stdout)
    for name, leader, busiest, depth, median, most in found:
        peer = "star" if name == "star" else None
        samples.add("leader sends", float(leader), peer)
        if peer is None:
            samples.add("busiest learner sends", float(busiest))
        samples.add("depth", float(depth), peer)
        samples.add("delay, median", float(median), peer)
        samples.add("delay, 99 % of entries below", float(most), peer)
