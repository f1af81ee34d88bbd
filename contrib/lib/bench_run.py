# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""How fast jobs run, and how fast they run again after a loss."""
import os
import subprocess
import time

import bench_cluster as bc
import rpc
from bench_table import Row

ABOUT = "submit to running, a batch of 500, failover; beside a bare loop of processes"
SINGLES, BATCH, SPREAD = 15, 500, 6
COUNTED = """Three agents on 127.0.0.1 to .3, raw_exec. submit to running: one sleep; from sending `run`, to each host in turn, until a long
poll tells that it runs; %d a round. batch: %d times /bin/true, from `run` until all are complete; the bare loop starts as many
in pid namespaces of their own, each below a static parent, as many at a time as there are processors; the two take turns.
leader lost: SIGKILL of the leader, until another host has a `run` accepted. host lost: SIGKILL of a follower and its shims,
until its tasks run elsewhere.""" % (SINGLES, BATCH)
ROWS = [
    Row("submit to running", "ms", "less", 50, 25, {"Nomad": 253, "Swarm": 313}),
    Row("batch", "tasks/s", "more", 500, 1000, {"Nomad": 38.5, "Swarm": 13.5, "bare loop": None}),
    Row("batch, of the bare loop", "x", "more", None, 0.5, {}),
    Row("batch, CPU of a task", "ms", "less", None, None, {"bare loop": None}),
    Row("leader lost", "s", "less", 1, 0.3, {"Nomad": 3.1, "Swarm": 13}),
    Row("host lost", "s", "less", 8, 4, {"Nomad": 19.6, "Swarm": 18}),
]


def singles(c, samples):
    names = ["one%d" % i for i in range(SINGLES)]
    for i, name in enumerate(names):
        host = list(bc.HOSTS)[i % 3]
        c.call(host, "status")
        began = time.monotonic()
        index = c.run(host, bc.job(name, "service", 1, "/bin/sleep", "600"))["index"]
        c.wait(host, name, lambda s: s["groups"][0].get("running") == 1, index)
        samples.add("submit to running", (time.monotonic() - began) * 1000)
    for name in names:
        c.call("a", "stop", request=os.urandom(16), name=name)
    bc.until("stopped", lambda: not any(r["record"].get("state") == "running" for r in c.call("a", "ps").get("instances", ())), 60)


def batch(c, samples):
    before, began = c.group.ns(), time.monotonic()
    c.run("a", bc.job("batch", "batch", BATCH, "/bin/true"))

    def look():
        row = next(j for j in c.call("a", "jobs")["jobs"] if j["name"] == "batch")
        if row.get("failed"):
            raise bc.Failure("%d tasks of the batch failed" % row["failed"])
        return row.get("complete") == BATCH
    bc.until("the batch complete", look, 120, 0.01)
    rate = BATCH / (time.monotonic() - began)
    samples.add("batch", rate)
    if before is not None:
        samples.add("batch, CPU of a task", (c.group.ns() - before) / 1e6 / BATCH)
    return rate


def bare(bench, samples):
    group = bc.Group("covey-bench-bare-%d" % os.getpid())
    try:
        before = group.ns()
        r = subprocess.run(group.inside([bench.program("bench_spawn"), str(BATCH)]), capture_output=True, text=True, timeout=120)
        if r.returncode != 0:
            raise bc.Failure(r.stderr.strip())
        rate = float(r.stdout.split()[0])
        samples.add("batch", rate, "bare loop")
        if before is not None:
            samples.add("batch, CPU of a task", (group.ns() - before) / 1e6 / BATCH, "bare loop")
        return rate
    finally:
        group.done()


def leader_lost(c, samples):
    victim = c.leader()
    other = next(h for h in bc.HOSTS if h != victim)
    request = {"request": os.urandom(16), "job": bc.job("next", "batch", 1, "/bin/true")}
    c.call(other, "status")
    c.kill_agent(victim)
    began = time.monotonic()

    def look():
        try:
            return c.call(other, "run", **request)
        except rpc.Error:
            return None
    bc.until("a `run` accepted", look, 60, 0.002)
    samples.add("leader lost", time.monotonic() - began)
    c.reap(victim)
    c.start(victim)
    c.settled()


def elsewhere(status, victim):
    return SPREAD == sum(i["record"].get("state") == "running" and i["record"].get("desired", "run") == "run" and i["node_name"] != victim
                         for i in status.get("instances", ()))


def host_lost(c, samples):
    c.run("a", bc.job("spread", "service", SPREAD, "/bin/sleep", "600"))
    at = c.wait("a", "spread", lambda s: s["groups"][0].get("running") == SPREAD and s["instances"])
    leader = c.leader()
    victims = {i["node_name"] for i in at} - {leader}
    if not victims:
        raise bc.Failure("every task runs on the leader's host")
    victim = sorted(victims)[0]
    witness = next(h for h in bc.HOSTS if h not in (leader, victim))
    c.kill_agent(victim)
    c.kill_shims(victim)
    began = time.monotonic()
    c.wait(witness, "spread", lambda s: elsewhere(s, victim))
    samples.add("host lost", time.monotonic() - began)


def round(bench, samples):
    with bc.Cluster(bench.covey, bench.dir) as c:
        c.form()
        singles(c, samples)
        samples.add("batch, of the bare loop", batch(c, samples) / bare(bench, samples))
        leader_lost(c, samples)
        host_lost(c, samples)
