# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The swim core, without what covey has added, against the points of the paper of 2002; and the group under loss."""
import bench_swim
from bench_table import Row

ABOUT = "simulation: detection, dissemination and load against the SWIM paper"
ROUNDS = 1
TRIALS = 300
LOAD = {5: 2.08, 13: 2.11, 21: 2.10, 28: 2.00, 36: 2.02, 44: 1.98, 51: 2.13, 55: 1.98, 1000: None, 10000: None}
DISSEMINATION = {6: 1.029, 13: 1.266, 20: 3.019, 28: 3.030, 35: 1.974, 43: 2.487, 52: 1.509, 56: 2.260}
COUNTED = """Simulated: cores without what covey has added, with the paper's constants (section 5: a period of 2 s, one helper, suspicion and
retransmission 3 ceil(ln(n + 1))), 0.1 to 0.3 ms one way. detection: periods from a crash to the first verdict (suspected), mean of
%d crashes in each of the groups of 28 to 56. aligned: all periods begin together and the crash is just before, as the formula
1 / (1 - 1/e) = 1.582 counts (paper: 1.746, mean of 28). not aligned: the crash is at any time, each member has its own phase: 1 period
to the first probe and the whole of that one's, 2.0. dissemination: periods from the first verdict to each other member's knowing, the
median; the paper's is of one crash each. between probes: the longest time between two probes of one member by one other in 4000
periods, n = 19 others, as a share of 2n - 1. load: datagrams sent by a member in a period without news. 10 %% loss: 17 join, one each
5 s; what any of them sees of the 17 from 120 s to 600 s (default mode: 3600 s).""" % TRIALS
ROWS = [
    Row("detection, aligned", "periods", "less", None, None, {"formula": 1.582, "paper": 1.746}),
    Row("detection, aligned, off e/(e-1)", "%", "less", 5, 2, {}),
    Row("detection, not aligned", "periods", "less", 2.1, None, {}),
    Row("detection, not aligned, p99", "periods", "less", None, None, {}),
    *[Row("dissemination, N = %d" % n, "periods", "less", None, None, {"paper": theirs}) for n, theirs in DISSEMINATION.items()],
    Row("dissemination, mean of the medians", "periods", "less", 2.07, None, {"paper": 2.072}),
    Row("between probes of one, of 2n-1", "x", "less", 1, None, {}),
    *[Row("load, N = %d" % n, "/period", "less", 2.1, None, {"paper": theirs} if theirs else {}) for n, theirs in LOAD.items()],
    Row("load, farthest from 2.0", "/period", "less", 0.1, None, {}),
    Row("10 % loss, dsn2002, least seen of 17", "", "more", None, None, {"paper": 12}),
    Row("10 % loss, dsn2002, seen of 17", "", "more", None, None, {"paper": 12}),
    Row("10 % loss, lifeguard, least seen of 17", "", "more", 17, None, {"paper": 12}),
    Row("10 % loss, default, least seen of 17", "", "more", 17, 17, {"paper": 12}),
    Row("10 % loss, default, false deaths an hour", "", "less", 0, 0, {}),
]


def round(bench, samples):
    for name, value in bench_swim.measures(bench_swim.run(bench, "paper", bench.number + 1, TRIALS, 10000)):
        samples.add(name, value)
