# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Measures covey against its peers: medians of interleaved rounds. Without a name: lists the benchmarks. The exit status is
0 when every aim is met, 1 when one is not, 2 when it could not be measured."""
import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import bench_elections
import bench_footprint
import bench_learners
import bench_log
import bench_run
import bench_swim_lifeguard
import bench_swim_paper
import bench_swim_scale
import bench_swim_serf
import bench_table
import bench_wal
from bench_cluster import Failure

BENCHMARKS = {"elections": bench_elections, "footprint": bench_footprint, "learners": bench_learners, "log": bench_log,
              "run": bench_run, "wal": bench_wal,
              "swim-paper": bench_swim_paper, "lifeguard": bench_swim_lifeguard, "swim-scale": bench_swim_scale, "gossip": bench_swim_serf}


class Bench:
    def __init__(self, build, dir, vs=None, full=False):
        self.build, self.dir, self.vs, self.full = build, dir, vs, full
        self.number = 0  # of the round, from 0: what is simulated takes its seeds from it
        self.covey = os.path.join(build, "plain", "covey")

    def program(self, name):
        return os.path.join(self.build, "plain", "tests", "bench", name)

    def peer(self, name):
        if self.vs not in (None, name):
            return None
        path = os.path.join(self.build, "peers", "usr", "bin", name)
        return path if os.access(path, os.X_OK) else shutil.which(name)


def sync_ms(dir):
    """What the disk takes for the least write that lasts: much of what is measured waits for it."""
    with tempfile.TemporaryFile(dir=dir) as f:
        f.write(bytes(1 << 20))
        f.flush()
        os.fsync(f.fileno())
        took = []
        for i in range(20):
            began = time.monotonic()
            os.pwrite(f.fileno(), b"x" * 512, i * 512)
            os.fdatasync(f.fileno())
            took.append((time.monotonic() - began) * 1000)
    return statistics.median(took)


def machine(dir):
    load = os.getloadavg()[0]
    return {"processors": os.cpu_count(), "kernel": platform.release(), "load": load, "sync_ms": sync_ms(dir)}


def measure(name, bench, rounds):
    samples = bench_table.Samples()
    before = machine(bench.dir)
    for number in range(rounds):
        samples.begin()
        bench.number = number
        began = time.monotonic()
        BENCHMARKS[name].round(bench, samples)
        print("round %d of %d took %.0f s" % (number + 1, rounds, time.monotonic() - began), file=sys.stderr, flush=True)
    rows = bench_table.judge(BENCHMARKS[name].ROWS, samples)
    return {"benchmark": name, "rounds": rounds, "machine": before, "rows": rows,
            "aims_met": all(r["aim_met"] for r in rows if r["aim"] is not None)}


def tell(result):
    m = result["machine"]
    print("%s: medians of %d rounds; %d processors, kernel %s, load %.1f before, fdatasync of a sector %.1f ms\n" % (
        result["benchmark"], result["rounds"], m["processors"], m["kernel"], m["load"], m["sync_ms"]))
    print("\n".join(bench_table.lines(result["rows"])))
    print("\n%s\nrecorded: measured on another day on a machine of two processors; tells the order of magnitude only."
          % BENCHMARKS[result["benchmark"]].COUNTED)
    print("every aim is met" if result["aims_met"] else "not every aim is met")


def arguments():
    parser = argparse.ArgumentParser(prog="contrib/bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=BENCHMARKS)
    parser.add_argument("--rounds", type=int, help="5 if not given; of what is simulated 1, lifeguard 3")
    parser.add_argument("--vs", choices=("etcd", "serf"), help="the one peer to measure; all that are here if not given")
    parser.add_argument("--full", action="store_true",
                        help="lifeguard: the whole grid of the paper; swim-scale: 2,000 and 10,000 members go through all of it; both "
                        "take hours, and go on where they were ended. gossip: serf in the test of stopped agents, too")
    parser.add_argument("--json", action="store_true", help="for programs; all figures of all rounds")
    parser.add_argument("--build", help=argparse.SUPPRESS)
    return parser.parse_args()


def stop(*_):
    raise KeyboardInterrupt


def main():
    options = arguments()
    if options.name is None:
        for name, module in BENCHMARKS.items():
            print("%-10s %s" % (name, module.ABOUT))
        return 0
    if options.rounds is None:
        options.rounds = getattr(BENCHMARKS[options.name], "ROUNDS", 5)
    if options.rounds < 1:
        print("contrib/bench: --rounds: at least 1", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, stop)
    os.makedirs(os.path.join(options.build, "bench"), exist_ok=True)
    dir = tempfile.mkdtemp(prefix=options.name + "-", dir=os.path.join(options.build, "bench"))
    try:
        result = measure(options.name, Bench(options.build, dir, options.vs, options.full), options.rounds)
    except (Failure, OSError, subprocess.SubprocessError) as e:
        print("contrib/bench: %s" % e, file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(dir, ignore_errors=True)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        tell(result)
    return 0 if result["aims_met"] else 1


sys.exit(main())
