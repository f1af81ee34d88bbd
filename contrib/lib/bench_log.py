# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The log of three voters beside etcd's."""
import re
import statistics
import subprocess
import time

import bench_cluster as bc
import bench_etcd
from bench_table import Row

ABOUT = "writes through the log: latency, throughput, failover, memory; beside etcd"
TURNS, SECONDS, KILLS, STARTS = 5, 1.5, 3, 1
# Name, connections, writes under way on each.
LOADS = [("sequential", 1, 1), ("64 clients", 64, 1), ("256 clients", 256, 1), ("64 on 8 connections", 8, 8),
         ("256 on 8 connections", 8, 32)]
COUNTED = """Three voters on loopback, data on the disk of the build; a value of 256 bytes a write, each client's to a key of its
own, through the leader: covey's admin socket, etcd's gRPC over TCP. One client program for both
(tests/bench/bench_log_client.c) speaks either protocol by itself: with it etcd took about twice the writes that were recorded
with its own tool. The systems take turns, %d of %.1f s for each load, the first fifth not counted; of a round's turns the
median. leader lost: from SIGKILL to the first write accepted by a survivor, each asked every 25 ms; after word of it: counted
from the first survivor that held the leader dead, 0 if the vote came first. start: three processes with the data of before, to
the first write accepted. memory: resident, mean of the three. Ratios: median of the rounds'.""" % (TURNS, SECONDS)


def pair(name, unit, better, goal):
    """The figures of both, and how ours stands to etcd's."""
    return [Row(name, unit, better, None, None, {"etcd": None}),
            Row(name + ", of etcd's", "x", better, None, goal, {})]


ROWS = pair("sequential p50", "ms", "less", 0.5) + pair("sequential p99", "ms", "less", 0.5)
for _name, _, _ in LOADS:
    ROWS += pair(_name, "1/s", "more", None if _name == "sequential" else 3)
ROWS += [Row("leader lost", "ms", "less", None, 300, {"etcd": None}),
         Row("leader lost, after word of it", "ms", "less", None, 100, {})]
ROWS += pair("start", "ms", "less", None) + pair("memory, idle", "MB", "less", 1 / 3) + pair("memory, loaded", "MB", "less", 1 / 3)


class Covey:
    """Ours, with the words that etcd's cluster has, too."""
    name, peer = "covey", None

    def __init__(self, bench):
        self.cluster = bc.Cluster(bench.covey, bench.dir)
        self.cluster.form()

    def leader(self):
        """Nobody but the load is connected meanwhile: as many clients as may are."""
        host = self.cluster.leader()
        for h in bc.HOSTS:
            self.cluster.forget(h)
        return host

    def endpoint(self, host):
        return self.cluster.socket(host)

    def pids(self):
        return {h: a.pid for h, a in self.cluster.agents.items()}

    def again(self, host):
        self.cluster.reap(host)
        self.cluster.start(host)
        self.cluster.settled()

    def word_ms(self, survivors, since_ms):
        """When the first of them held a member dead, on the wall clock."""
        times = []
        for h in survivors:
            events = subprocess.run([self.cluster.covey, "events", "--json", "--socket", self.cluster.socket(h)], capture_output=True,
                                    text=True, timeout=10).stdout
            times += [int(t) for line in events.splitlines() if '"member.died"' in line for t in re.findall(r'"time_ms":(\d+)', line)]
        times = [t for t in times if t >= since_ms]
        return min(times) if times else None

    def stop(self):
        for h in list(self.cluster.agents):
            self.cluster.kill_agent(h)
        for h in list(self.cluster.agents):
            self.cluster.reap(h)

    def start(self):
        for h in bc.HOSTS:
            self.cluster.start(h)

    def done(self):
        self.cluster.down()


def client(bench, *args):
    r = subprocess.run([bench.program("bench_log_client"), *map(str, args)], capture_output=True, text=True, timeout=90)
    if r.returncode != 0:
        raise bc.Failure(r.stderr.strip())
    return [float(word) for word in r.stdout.split()]


def resident_mb(system):
    sizes = [int(re.search(r"^VmRSS:\s+(\d+)", bc.read(pid, "status"), re.M).group(1)) for pid in system.pids().values()]
    return sum(sizes) * 1024 / 1e6 / len(sizes)


def turn(bench, system, endpoint, load):
    name, connections, depth = load
    rate, p50, p99, _ = client(bench, "load", system.name, endpoint, connections, depth, SECONDS)
    return {name: rate, name + " p50": p50 / 1000, name + " p99": p99 / 1000}


def loads(bench, samples, systems):
    """Short turns, so that both meet the same moments of a host that others use, too."""
    for load in LOADS:
        endpoints = [system.endpoint(system.leader()) for system in systems]
        turns = [[turn(bench, system, endpoint, load) for system, endpoint in zip(systems, endpoints)] for _ in range(TURNS)]
        names = [load[0]] + [n for n in (load[0] + " p50", load[0] + " p99") if any(r.name == n for r in ROWS)]
        tell(samples, {system.name: {n: statistics.median(t[i][n] for t in turns) for n in names} for i, system in enumerate(systems)},
             systems)


def tell(samples, found, systems):
    for what in found["covey"]:
        for system in systems:
            samples.add(what, found[system.name][what], system.peer)
        if "etcd" in found and any(r.name == what + ", of etcd's" for r in ROWS):
            samples.add(what + ", of etcd's", found["covey"][what] / found["etcd"][what])


def memory(samples, systems, when):
    tell(samples, {s.name: {"memory, " + when: resident_mb(s)} for s in systems}, systems)


def leader_lost(bench, samples, system):
    victim = system.leader()
    survivors = [h for h in system.pids() if h != victim]
    killed_ms = time.time() * 1000
    took, at_ms = client(bench, "kill", system.name, system.pids()[victim], *map(system.endpoint, survivors))
    samples.add("leader lost", took, system.peer)
    if system.peer is None:
        word_ms = bc.until("a word of the death", lambda: system.word_ms(survivors, killed_ms), 20)
        samples.add("leader lost, after word of it", max(0, at_ms - word_ms))
    system.again(victim)


def starts(bench, samples, systems):
    found = {}
    for system in systems:
        system.stop()
        began_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        system.start()
        took, _ = client(bench, "first", system.name, began_us, *map(system.endpoint, system.pids()))
        found[system.name] = {"start": took}
    tell(samples, found, systems)


def round(bench, samples):
    systems = []
    try:
        systems.append(Covey(bench))
        if bench.peer("etcd"):
            systems.append(bench_etcd.Etcd(bench))
        time.sleep(2)
        memory(samples, systems, "idle")
        loads(bench, samples, systems)
        memory(samples, systems, "loaded")
        for _ in range(KILLS):
            for system in systems:
                leader_lost(bench, samples, system)
        for _ in range(STARTS):
            starts(bench, samples, systems)
    finally:
        for system in systems:
            system.done()
