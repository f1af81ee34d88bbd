# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""What an agent costs that does nothing: size, memory, processor, and the time until it is ready."""
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request

import bench_cluster as bc
import rpc
from bench_table import Row

ABOUT = "size, memory and CPU of an idle agent, start to ready"
IDLE_BEFORE_S, IDLE_S, STARTS = 10, 30, 5
COUNTED = """binary: stripped, MB = 10^6 bytes. memory: proportional (PSS), of each agent of an idle cluster of three after %d s, and
of the shims of three sleeping tasks; of serf: three agents, too. idle CPU: all threads of an agent over %d s, of one core.
ready: from the exec to the answer of the admin socket that this host leads; of etcd: to /health being true."""  % (
    IDLE_BEFORE_S, IDLE_S)
ROWS = [
    Row("binary", "MB", "less", 3, 3, {"Nomad": 58, "serf": 8.5}),
    Row("agent memory", "MB", "less", 10, 6, {"Nomad": 56, "serf": 6.8}),
    Row("shim memory", "MB", "less", 1, 0.3, {"Nomad": 6.9}),
    Row("idle CPU", "%", "less", 0.3, 0.1, {"Nomad": 0.63, "serf": 0.24}),
    Row("ready, host known", "ms", "less", 100, 50, {"Nomad": 1500, "etcd": 240}),
    Row("ready, new cluster", "ms", "less", 100, 50, {"Nomad": 1500, "etcd": 240}),
]


def stripped_mb(path):
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(["strip", "-o", f.name, path], check=True)
        return os.path.getsize(f.name) / 1e6


def idle_percent(pids, before, seconds):
    return statistics.mean(bc.cpu_ns(p) - b for p, b in zip(pids, before)) / (seconds * 1e7)


def serf_start(program):
    found = []
    for n in (1, 2, 3):
        args = [program, "agent", "-node=s%d" % n, "-bind=127.0.0.%d:%d" % (n, bc.PORT + 1),
                "-rpc-addr=127.0.0.%d:%d" % (n, bc.PORT + 2)]
        args += ["-retry-join=127.0.0.1:%d" % (bc.PORT + 1)] if n > 1 else []
        found.append(subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    return found


def idle(bench, samples):
    """Ours and serf's agents idle beside each other, so that both meet the same host."""
    program = bench.peer("serf")
    serfs = serf_start(program) if program else []
    try:
        with bc.Cluster(bench.covey, bench.dir) as c:
            c.form()
            ours, theirs = [a.pid for a in c.agents.values()], [s.pid for s in serfs]
            time.sleep(IDLE_BEFORE_S)
            samples.add("agent memory", statistics.mean(map(bc.pss_mb, ours)))
            if theirs:
                samples.add("agent memory", statistics.mean(map(bc.pss_mb, theirs)), "serf")
                samples.add("binary", stripped_mb(program), "serf")
            before, before_theirs = list(map(bc.cpu_ns, ours)), list(map(bc.cpu_ns, theirs))
            began = time.monotonic()
            time.sleep(IDLE_S)
            seconds = time.monotonic() - began
            samples.add("idle CPU", idle_percent(ours, before, seconds))
            if theirs:
                samples.add("idle CPU", idle_percent(theirs, before_theirs, seconds), "serf")
            c.run("a", bc.job("sleep", "service", 3, "/bin/sleep", "600"))
            c.wait("a", "sleep", lambda s: s["groups"][0].get("running") == 3)
            time.sleep(0.5)
            samples.add("shim memory", statistics.mean(bc.pss_mb(p) for h in bc.HOSTS for p in c.shims(h)))
    finally:
        for s in serfs:
            bc.end(s)


# ---- start to ready ----

def leads(path):
    with rpc.Client(path) as client:
        while client.call("status").get("role") != "leader":
            pass


def health(url):
    with urllib.request.urlopen(url, timeout=1) as r:
        if b"true" not in r.read():
            raise OSError


def ready_ms(args, look, dir):
    """Asks every fifth of a millisecond; ends the process as an operator would."""
    with open(os.path.join(dir, "log"), "ab") as log:
        began = time.monotonic()
        process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        while True:
            try:
                look()
                return (time.monotonic() - began) * 1000
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() - began > 30:
                raise bc.Failure("%s did not become ready" % args[0])
            time.sleep(0.0002)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            bc.end(process)


def ready_ours(bench, samples, peer=None):
    with bc.Cluster(bench.covey, bench.dir) as c:
        def look():
            leads(c.socket("a"))
        samples.add("ready, new cluster", ready_ms(c.args("a", "--bootstrap"), look, c.dir), peer)
        samples.add("ready, host known", ready_ms(c.args("a"), look, c.dir), peer)


def ready_etcd(bench, samples):
    program = bench.peer("etcd")
    if not program:
        return
    dir = tempfile.mkdtemp(prefix="etcd-", dir=bench.dir)
    urls = ["http://127.0.0.1:%d" % (bc.PORT + n) for n in (3, 4)]
    args = [program, "--data-dir", os.path.join(dir, "data"), "--listen-client-urls", urls[0], "--advertise-client-urls",
            urls[0], "--listen-peer-urls", urls[1], "--initial-advertise-peer-urls", urls[1],
            "--initial-cluster", "default=" + urls[1]]
    try:
        for name in ("ready, new cluster", "ready, host known"):
            samples.add(name, ready_ms(args, lambda: health(urls[0] + "/health"), dir), "etcd")
    finally:
        shutil.rmtree(dir)


def round(bench, samples):
    samples.add("binary", stripped_mb(bench.covey))
    for _ in range(STARTS):
        ready_ours(bench, samples)
        ready_etcd(bench, samples)
    idle(bench, samples)
