# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Groups of a thousand members and more: how they form, what they cost, and what faults do to them."""
import sys

import bench_swim
from bench_table import Row

ABOUT = "simulation: groups of 1,000, 2,000 and 10,000 members, beside memberlist and Rapid"
ROUNDS = 1
SCENARIOS = ("idle", "restart", "flap", "loss", "half")
# What is gone through one after the other, each line of it by a group of its own.
ONE_GROUP = [("bootstrap", *SCENARIOS)]
SIZES = {1000: ONE_GROUP, 2000: [("bootstrap",)], 10000: [("introduced", "idle")]}
FULL = {1000: ONE_GROUP, 2000: ONE_GROUP, 10000: [("bootstrap",), *(("introduced", s) for s in SCENARIOS)]}
# Seconds, and how many group sizes were seen on the way; by size, of memberlist and Rapid (Rapid, figure 5 and table 1).
BOOTSTRAP = {1000: ((46, 30), (901, 4)), 2000: ((98, 54), (1858, 4))}
COUNTED = """Simulated: swim cores alone in default mode, 0.2 to 1 ms one way, streams of 100 MB/s; bytes with envelope, UDP and IP
headers; all views are looked at each second. bootstrap: all start within a second and know the same one; its peers' figures are of
real processes (Rapid, 2018, section 7). idle: 60 s, 2 min after that. 2,000 only start and 10,000 are only idle; with --full they
go through all of it, for hours, 10,000 each scenario with a group of its own whose members know each other from the start: cut in
half it takes two hours and 26 GB. What was found is kept, and a run that is begun anew goes on with the rest. memory: resident, of
all, by member and view of a member; what members say of themselves is kept once. restart: each host is away for 2 s once within 10
s; the time is from the last one's return. flap: 1 % are deaf for 20 s and well for 20 s, for 5 min (10,000: 1 min); loss: as long,
1 % lose 80 % of what they send; false deaths: verdicts of the well about the well; turns: how often a faulty one goes or comes
back, in each view. half: cut in two for an hour. healed: from the end of a fault until all see all."""


def rows_of(n):
    def row(name, unit, aim=None, goal=None, peers=None):
        return Row("%d: %s" % (n, name), unit, "less", aim, goal, peers or {})
    times, sizes = BOOTSTRAP.get(n, ((None, None), (None, None)))
    return [
        row("bootstrap, all see all", "s", times[0] or 98, times[1] or 54, dict(zip(("memberlist", "Rapid"), times))),
        row("bootstrap, sizes seen", "", sizes[0], None, dict(zip(("memberlist", "Rapid"), sizes))),
        row("bootstrap, false deaths", "", 0),
        row("bootstrap, datagram bytes", "B/s"),
        row("bootstrap, stream bytes", "B/s"),
        row("idle, datagrams", "/s"),
        row("idle, datagram bytes", "B/s", None, 269, {"serf": 269}),
        row("idle, stream bytes", "B/s", None, None, {"serf": 45}),
        row("idle, resident memory of a view", "B", *((80, 64) if n >= 10000 else ())),
        row("restart, all see all", "s", 30, 10),
        row("restart, deaths seen, a host", "", None, 0),
        row("flap, false deaths", "", 0, 0),
        row("flap, sizes seen", ""),
        row("flap, turns of a faulty one in a view", "", None, 1),
        row("flap, datagram bytes", "B/s"),
        row("flap, healed, all see all", "s", 60, 10),
        row("loss, false deaths", "", 0, 0),
        row("loss, sizes seen", ""),
        row("loss, turns of a faulty one in a view", "", None, 1),
        row("loss, datagram bytes", "B/s"),
        row("loss, healed, all see all", "s", 60, 10),
        row("half, each side agrees", "s", 120, 30),
        row("half, false deaths", "", 0, 0),
        row("half, stream bytes", "B/s"),
        row("half, healed, all see all", "s", 60, 10),
        row("half, healed, false deaths", "", 0, 0),
        row("half, healed, datagram bytes", "B/s"),
    ]


def rows(sizes):
    return [row for n, groups in sizes.items() for row in rows_of(n) if row.name.split(": ")[1].split(",")[0] in sum(groups, ())]


ROWS = rows(SIZES)


def round(bench, samples):
    sizes = FULL if bench.full else SIZES
    kept = bench_swim.Kept(bench, "swim-scale")
    ROWS[:] = rows(sizes)
    for n, groups in sizes.items():
        for scenarios in groups:
            print("swim-scale: %d members: %s" % (n, ", ".join(scenarios)), file=sys.stderr, flush=True)
            text = kept.run("scale", n, bench.number + 1, *scenarios, seconds=8 * 3600)
            for name, value in bench_swim.measures(text):
                if value == value:
                    samples.add("%d: %s" % (n, name), value)
