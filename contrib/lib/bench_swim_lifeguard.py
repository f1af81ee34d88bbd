# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The experiments of the Lifeguard paper: false positives, latency and load of 128 agents of which some stop now and then."""
import concurrent.futures
import itertools
import os
import statistics
import sys

import bench_swim
from bench_table import Row

ABOUT = "simulation: false positives, latency and load against the Lifeguard paper"
ROUNDS = 3
C = (1, 4, 8, 12, 16, 20, 24, 28, 32)
D_MS = (128, 512, 2048, 8192, 16384, 32768)
I_MS = (1, 4, 16, 64, 256, 1024, 4096, 16384)
FULL_RUNS = 10
DETECTING = list(itertools.product(C, D_MS[-2:], (0,)))
COLUMNS = ("median first", "median all", "99 % first", "99 % all", "99.9 % first", "99.9 % all", "FP", "FP at healthy")
SLACK = (1, 1, 5, 5, 10, 10, 1, 2)
TABLE_VII = {
    (2, 2): (53.14, 55.12, 69.81, 73.07, 76.08, 76.20, 98.37, 31.15),
    (2, 4): (54.10, 56.28, 72.88, 76.96, 75.41, 75.11, 43.64, 22.47),
    (2, 6): (54.34, 56.74, 75.53, 79.15, 80.36, 78.58, 24.16, 13.65),
    (4, 2): (82.96, 84.42, 94.28, 97.05, 99.07, 92.17, 37.72, 20.29),
    (4, 4): (83.04, 84.03, 96.17, 96.69, 93.71, 95.14, 8.04, 9.50),
    (4, 6): (83.12, 84.42, 96.82, 96.52, 94.69, 92.71, 3.18, 4.83),
    (5, 2): (99.76, 99.92, 104.95, 105.73, 112.32, 107.64, 26.61, 15.38),
    (5, 4): (99.52, 99.61, 102.71, 105.08, 111.44, 107.93, 5.43, 5.05),
    (5, 6): (100.08, 100.08, 105.54, 106.62, 109.28, 107.49, 1.53, 1.89),
}
SWIM, SWIM_IO = ("memberlist", 5, 1), ("memberlist", 5, 1, "io")
DEFAULT, DEFAULT_IO = ("default", 0, 0), ("default", 0, 0, "io")
COUNTED = """Simulated: 128 agents, of which C stop for D, go on for I, and so on for 120 s (FP: verdicts about others, FP at healthy: at others,
too); or stop once (latency from then to the first verdict and to the last healthy agent to know). An agent stops just before it sends
a message or after it has received one. The paper's agents have a thread each that probes and gossips, reads datagrams, or serves a
stream, and each stops by itself; all of ours does, as it has one thread. 8 agents share a processor core, as the paper's did; a
datagram takes 55 us to receive and 60 us to send (measured: serf, in bursts), 20 us each in default mode (ours take a seventh of
serf's time), and a socket holds what Linux' default lets it hold: with I = 1 ms hardly any of what waits is read.
io: its timers run on and only its messages wait, so that it cannot know; SWIM's, too. The paper's grid of C, D, I has 432 cells of
10 runs; without --full a round is one run of each of the 48 pairs of D and I with one C, another C each round, so that nine rounds
are one run of each cell, and of all cells that can detect (D >= 16384) for the latency; what is told is of all runs together.
SWIM: the paper's baseline, alpha 5, and its constants: period 1 s, timeout 500 ms, 3 helpers, retransmission 4 log10, gossip to 3
members each 0.2 s, whole tables each 90 s, a failed member tried again by serf's rule; no TCP ping and no gossip to the dead. FP
at healthy come by the hundred, in one of a hundred runs: their share needs all nine rounds and more. What was simulated is kept in
the build folder and not run again. Aims of the rows of table VII: the paper's and, in points of a percentage, %s.""" % (
    ", ".join("%d (%s)" % pair for pair in zip(SLACK, COLUMNS)))
PERCENT = "% of SWIM"
ROWS = [
    Row("SWIM, FP", "a run", "less", None, None, {"paper": 78.5}),
    Row("SWIM, FP at healthy", "a run", "less", None, None, {"paper": 0.307}),
    Row("SWIM, median first", "s", "less", None, None, {"paper": 12.44}),
    Row("SWIM, median all", "s", "less", None, None, {"paper": 12.90}),
    Row("SWIM, messages", "/s an agent", "less", None, None, {}),
    *[Row("%d,%d, %s" % (*key, column), PERCENT, "less", theirs + slack, None, {"paper": theirs})
      for key, row in TABLE_VII.items() for column, theirs, slack in zip(COLUMNS, row, SLACK)],
    *[Row("%d,%d, FP, I >= 4 ms" % key, PERCENT, "less", None, None, {"paper, any I": row[6]}) for key, row in TABLE_VII.items()],
    Row("5,6, messages", PERCENT, "less", 110.59, None, {"paper": 110.59}),
    Row("5,6, bytes", PERCENT, "less", None, None, {"paper": 97.97}),
    Row("default, FP", PERCENT, "less", 0.77, None, {"Lifeguard": 1.53}),
    Row("default, FP at healthy", PERCENT, "less", 1.89, None, {"Lifeguard": 1.89}),
    Row("default, median first", PERCENT, "less", 50, None, {"Lifeguard": 100.08}),
    Row("default, median all", PERCENT, "less", 50, None, {"Lifeguard": 100.08}),
    Row("default, 99 % first", PERCENT, "less", None, None, {"Lifeguard": 105.54}),
    Row("default, 99 % all", PERCENT, "less", None, None, {"Lifeguard": 106.62}),
    Row("default, messages", PERCENT, "less", 111, None, {"Lifeguard": 110.59}),
    Row("default, bytes", PERCENT, "less", None, None, {"Lifeguard": 97.97}),
    Row("default io, FP", "% of SWIM io", "less", 0.77, None, {"Lifeguard": 1.53}),
    Row("default io, FP at healthy", "% of SWIM io", "less", 1.89, None, {"Lifeguard": 1.89}),
]


def lines(kept, experiment, config, cell, first, runs):
    return kept.run("lifeguard", experiment, *config[:3], *cell, first, runs, *config[3:]).splitlines()


def quantile(values, share):
    values = sorted(values)
    if not values:
        return None
    at = share * (len(values) - 1)
    low = int(at)
    return values[low] + (at - low) * (values[min(low + 1, len(values) - 1)] - values[low])


def latencies(kept, config, turns):
    firsts, alls = [], []
    for cell, (_, first, runs) in itertools.product(DETECTING, turns):
        for line in lines(kept, "threshold", config, cell, first, runs):
            words = line.split()
            firsts += [float(w) for w in words[0::2] if w != "-"]
            alls += [float(w) for w in words[1::2] if w != "-"]
    return [quantile(values, share) for share in (0.5, 0.99, 0.999) for values in (firsts, alls)]


def sample(turn):
    """Each D with each I, as that decides most, and one C each; another one each turn, all after as many turns as there are."""
    return [(C[(turn - 3 * d - 2 * i) % len(C)], D_MS[d], I_MS[i]) for d in range(len(D_MS)) for i in range(len(I_MS))]


def intervals(kept, config, turns):
    """Means over runs: FP, FP at healthy; messages and bytes, a second and agent; FP without I = 1 ms."""
    rows = [[*map(float, line.split()), cell[2] > I_MS[0]] for cells, first, runs in turns
            for cell in cells for line in lines(kept, "interval", config, cell, first, runs)]
    return [statistics.mean(r[0] for r in rows), statistics.mean(r[1] for r in rows),
            statistics.mean((r[2] + r[4]) / r[6] / 128 for r in rows),
            statistics.mean((r[3] + r[5]) / r[6] / 128 for r in rows), statistics.mean(r[0] for r in rows if r[7])]


def measure(kept, config, turns):
    """All of COLUMNS, messages, bytes, FP without I = 1 ms. turns: cells, the first run and how many."""
    print("lifeguard: %s" % " ".join(map(str, config)), file=sys.stderr, flush=True)
    jobs = [(kind, cell, first, runs) for cells, first, runs in turns
            for kind, some in (("threshold", DETECTING), ("interval", cells)) for cell in some]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(lambda job: lines(kept, job[0], config, *job[1:]), jobs))
    return latencies(kept, config, turns) + intervals(kept, config, turns)


def shares(ours, swim):
    """None where there is nothing to compare with; but 0 of 0 is 0."""
    return [None if o is None else 100 * o / s if s else 0 if o == 0 else None for o, s in zip(ours, swim)]


def tell(samples, name, percents):
    for column, percent in zip((*COLUMNS, "messages", "bytes", "FP, I >= 4 ms"), percents):
        if percent is not None:
            samples.add("%s, %s" % (name, column), percent)


def round(bench, samples):
    kept = bench_swim.Kept(bench, "lifeguard")
    turns = [(sample(turn), turn, 1) for turn in range(bench.number + 1)]
    if bench.full:
        turns = [(list(itertools.product(C, D_MS, I_MS)), turn * FULL_RUNS, FULL_RUNS) for turn in range(bench.number + 1)]
    samples.all_rounds()

    def each(config):
        return measure(kept, config, turns)
    swim = each(SWIM)
    for name, at in (("FP", 6), ("FP at healthy", 7), ("median first", 0), ("median all", 1), ("messages", 8)):
        samples.add("SWIM, " + name, swim[at])
    for key in TABLE_VII:
        tell(samples, "%d,%d" % key, shares(each(("lifeguard", *key)), swim))
    tell(samples, "default", shares(each(DEFAULT), swim))
    tell(samples, "default io", shares(each(DEFAULT_IO), each(SWIM_IO)))
