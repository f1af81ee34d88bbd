# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""How long a cluster is without a leader, in simulated time."""
import os
import re
import subprocess

import bench_cluster as bc
from bench_table import Row

ABOUT = "elections: the thesis's wide area, and with gossip's word that the leader is dead"
COUNTED = """10000 elections of five voters a case and round, raft alone: no time for disks or processors. Wide: 30 to 40 ms one way,
timeouts of 300 to 600 ms, as in chapter 9 of Ongaro's thesis, whose servers take 475 and 650 ms on average and 1.5 and
3 s at most in 99.9 %. Ours ask for pre-votes first, so a round trip (70 ms) is added to those means, and to what 99.9 %
stay below one for each attempt, which takes half a second. Told: from the first word of gossip on, which reaches the
voters within 200 ms (wide) or 20 ms (local, 0.1 to 0.5 ms one way)."""
ROUND_TRIP = 70
THESIS = {"wide, 1 failed": (475, 1500), "wide, 2 failed": (650, 3000)}
ROWS = []
for name, (mean, most) in THESIS.items():
    ROWS += [Row(name + ", mean", "ms", "less", None, None, {"thesis": mean}),
             Row(name + ", mean beside thesis + 70 ms", "%", "less", 10, None, {}),
             Row(name + ", 99.9 % below", "ms", "less", most + most // 500 * ROUND_TRIP, None, {"thesis": most})]
for name in ("wide, told", "local, 1 failed", "local, told"):
    ROWS += [Row(name + ", mean", "ms", "less", None, None, {}), Row(name + ", 99.9 % below", "ms", "less", None, None, {})]


def round(bench, samples):
    seed = str(int.from_bytes(os.urandom(4), "big"))
    r = subprocess.run([bench.program("bench_elections"), "10000", seed], capture_output=True, text=True, timeout=120)
    found = re.findall(r"^(.*\S) +mean +([\d.]+) ms +median +[\d.]+ +99.9 % below +([\d.]+)", r.stdout, re.M)
    if r.returncode != 0 or len(found) != 5:
        raise bc.Failure(r.stderr.strip() or r.stdout)
    for name, mean, most in found:
        samples.add(name + ", mean", float(mean))
        samples.add(name + ", 99.9 % below", float(most))
        if name in THESIS:
            expected = THESIS[name][0] + ROUND_TRIP
            samples.add(name + ", mean beside thesis + 70 ms", abs(float(mean) / expected - 1) * 100)
