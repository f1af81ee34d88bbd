# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Fifty agents of ours and fifty of serf, each in a network of their own: how they find each other and miss one, and at what cost."""
import json
import os
import re
import selectors
import signal
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

import bench_cluster as bc
import bench_swim
import rpc
from bench_table import Row

ABOUT = "fifty real agents beside fifty of serf: detection, packets, memory, CPU; none dead that was only stopped"
ROUNDS = 1
N, KILLS, KILLS_SERF, IDLE_BEFORE_S, IDLE_S = 50, 15, 3, 60, 30
STOP_N, STOP_C, STOP_S, RUN_S, STOP_TOTAL_S = 64, 16, 8.192, 0.064, 120
STREAMS = 6  # with one that has no vote, of fifty; as counted by ss
CREDIT = 1 << 20  # of a stream of events
COUNTED = """%d agents each, of ours whole ones (with log, streams and admin socket), in two network namespaces of one host; ours and serf's take turns.
all see all: from the start of the others, when the first is up. killed: SIGKILL of one, %d times (serf: %d), not of a voter; to the first
and the last survivor that holds it dead. idle: %d s, %d s after the forming; UDP with headers, counted by nftables; TCP: streams of members, of
ours with those of the log. simulated: the same of swim cores alone, of which %d are told that a
stream to it has closed, median of 100. stopped: %d of %d agents stopped for %.3f s, running
%.3f s, for %d s; deaths as seen anywhere, false ones are of the others (serf's only with --full, else as recorded).""" % (
    N, KILLS, KILLS_SERF, IDLE_S, IDLE_BEFORE_S, STREAMS, STOP_C, STOP_N, STOP_S, RUN_S, STOP_TOTAL_S)
ROWS = [
    Row("all see all", "s", "less", 5, 2, {"serf": 1.8}),
    Row("killed, first knows", "s", "less", None, None, {"serf": 7.9}),
    Row("killed, all know", "s", "less", 5.5, None, {"serf": 8.2}),
    Row("killed, all know, of serf's", "x", "less", 0.75, 0.33, {}),
    Row("killed, all know, simulated", "s", "less", None, None, {}),
    Row("killed, real off simulated", "%", "less", 20, 10, {}),
    Row("idle, UDP datagrams", "/s", "less", None, 2, {"serf": 2.0}),
    Row("idle, UDP bytes", "B/s", "less", 600, 269, {"serf": 269}),
    Row("idle, TCP bytes", "B/s", "less", None, None, {"serf": 45}),
    Row("idle, memory", "MB", "less", 3, 1.75, {"serf": 7}),
    Row("idle, CPU", "%", "less", 0.2, 0.105, {"serf": 0.21}),
    Row("stopped, false deaths", "", "less", 0, 0, {"serf": 54}),
    Row("stopped, deaths of the stopped", "", "less", None, None, {"serf": 4321}),
]


class Network:
    """A network namespace with nothing but its loopback, and counters of what goes out."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self.holder.stdout.readline() != b"up\n":
            self.done()
            raise bc.Failure("no network namespace: it takes root, ip and unshare")
        rules = "table inet count { chain out { type filter hook output priority 0; meta l4proto udp counter; meta l4proto tcp counter; }; }"
        if subprocess.run(self.inside(["nft", "-f", "-"]), input=rules.encode(), check=False).returncode != 0:
            self.done()
            raise bc.Failure("nft does not count packets")

    def inside(self, args):
        return ["nsenter", "--net=/proc/%d/ns/net" % self.holder.pid, *args]

    def counters(self):
        """Datagrams, their bytes, bytes over TCP."""
        out = subprocess.run(self.inside(["nft", "-j", "list", "ruleset"]), capture_output=True, check=True).stdout
        rules = [item["rule"]["expr"] for item in json.loads(out)["nftables"] if "rule" in item]
        udp, tcp = [next(e["counter"] for e in expr if "counter" in e) for expr in rules]
        return udp["packets"], udp["bytes"], tcp["bytes"]

    def done(self):
        bc.end(self.holder)
        self.holder.stdout.close()


class Reader(threading.Thread):
    """Reads from many sources as it comes; what follows the events of a cluster."""

    def __init__(self):
        super().__init__(daemon=True)
        self.selector, self.going, self.lock = selectors.DefaultSelector(), True, threading.Lock()

    def add(self, file, take):
        with self.lock:
            self.selector.register(file, selectors.EVENT_READ, take)

    def run(self):
        while self.going:
            for key, _ in self.selector.select(0.2):
                try:
                    data = os.read(key.fd, 1 << 16)
                except OSError:
                    data = b""
                if data:
                    key.data(data, time.time())
                else:
                    with self.lock:
                        self.selector.unregister(key.fileobj)

    def end(self):
        self.going = False
        self.join()
        self.selector.close()


class Side:
    """The agents of one program. joined, died: by agent, the others and when."""

    def __init__(self, bench, count):
        self.network, self.reader = Network(), Reader()
        self.dir = tempfile.mkdtemp(prefix="many-", dir=bench.dir)
        self.count, self.agents, self.began = count, {}, 0
        self.joined, self.died, self.deaths = {}, {}, []
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for agent in self.agents.values():
            bc.end(agent)
        self.reader.end()
        self.network.done()
        shutil.rmtree(self.dir, ignore_errors=True)

    def spawn(self, n, args, output):
        self.agents[n] = subprocess.Popen(self.network.inside(args), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                          start_new_session=True)
        self.joined[n], self.died[n] = {}, {}

    def address(self, n):
        return "127.0.0.%d" % (n + 1)

    def heard(self, n, what, other, at):
        """what: joined or died."""
        what[n].setdefault(other, at)
        if what is self.died:
            self.deaths.append(other)

    def all_see_all(self):
        def look():
            return all(len(set(seen) - {n}) == self.count - 1 for n, seen in self.joined.items())
        bc.until("%d agents that see each other" % self.count, look, 120)
        return max(at for n, seen in self.joined.items() for other, at in seen.items() if other != n) - self.began

    def kill(self, victim):
        """Seconds to the first and the last survivor that holds it dead."""
        for seen in self.died.values():
            seen.pop(victim, None)
        began = time.time()
        self.agents.pop(victim).send_signal(signal.SIGKILL)
        bc.until("all know", lambda: all(victim in self.died[n] for n in self.agents), 60)
        times = [self.died[n][victim] - began for n in self.agents]
        return min(times), max(times)

    def measure(self):
        return time.monotonic(), self.network.counters(), [bc.cpu_ns(a.pid) for a in self.agents.values()]

    def stop_test(self, victims):
        """Stops them again and again. Deaths of the others and of them, whoever says so."""
        self.deaths.clear()
        end = time.monotonic() + STOP_TOTAL_S
        while time.monotonic() < end:
            for n in victims:
                self.agents[n].send_signal(signal.SIGSTOP)
            time.sleep(STOP_S)
            for n in victims:
                self.agents[n].send_signal(signal.SIGCONT)
            time.sleep(RUN_S)
        time.sleep(20)
        return sum(n not in victims for n in self.deaths), sum(n in victims for n in self.deaths)


class Ours(Side):
    def __init__(self, bench, count):
        super().__init__(bench, count)
        self.covey, self.names = bench.covey, {}
        self.sockets = tempfile.mkdtemp(prefix="covey-bench-")
        self.clients, self.owed = [], dict.fromkeys(range(count), 0)

    def __exit__(self, *_):
        super().__exit__()
        for client in self.clients:
            client.close()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def start(self, n, *extra):
        with open(os.path.join(self.dir, "log%d" % n), "wb") as log:
            self.spawn(n, [self.covey, "agent", "--data-dir", os.path.join(self.dir, str(n)), "--bind",
                           "%s:%d" % (self.address(n), bc.PORT), "--socket", self.socket(n), "--name", "n%d" % n,
                           "--resources", "cpu=1000,memory=1000", *extra], log)

    def socket(self, n):
        return os.path.join(self.sockets, str(n))

    def form(self):
        self.start(0, "--bootstrap")

        def leads():
            with rpc.Client(self.socket(0)) as client:
                return client.call("status").get("role") == "leader" and client.call("token")["token"]
        token = os.path.join(self.dir, "token")
        with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(bc.until("the first leads", leads) + "\n")
        self.began = time.time()
        for n in range(1, self.count):
            self.start(n, "--join", "%s:%d" % (self.address(0), bc.PORT), "--secret-file", token)
        for n in range(self.count):
            self.follow(n, bc.until("socket of agent %d" % n, lambda n=n: rpc.Client(self.socket(n)), 60))
        return self.all_see_all()

    def follow(self, n, client):
        self.clients.append(client)
        client.call("events", follow=True, credit=CREDIT)
        self.take(n, client, b"")
        self.reader.add(client.socket, lambda data, at: self.take(n, client, data))

    def take(self, n, client, data):
        client.data += data
        while client.data:
            unpacker = rpc.Unpacker(client.data)
            try:
                frame = unpacker.value()
            except rpc.Short:
                return
            client.data = client.data[unpacker.at:]
            if frame[0] != 2 or frame[1] != "chunk" or "event" not in frame[2]:
                continue
            event = frame[2]["event"]
            self.event(n, event)
            # Not for each: an agent that is stopped reads none, and its socket would be full.
            self.owed[n] += 64 + len(event.get("text", ""))
            if self.owed[n] > CREDIT // 4:
                client.socket.sendall(rpc.pack([2, "credit", {"id": frame[2]["id"], "bytes": self.owed[n]}]))
                self.owed[n] = 0

    def event(self, n, event):
        name = re.match(r"n(\d+) ", event.get("text", ""))
        kind = {"member.joined": self.joined, "member.died": self.died}.get(event.get("kind"))
        if name and kind is not None:
            self.heard(n, kind, int(name.group(1)), event["time_ms"] / 1000)

    def voters(self):
        with rpc.Client(self.socket(0)) as client:
            return {int(v["name"][1:]) for v in client.call("status")["voters"] if v.get("name")}


class Serf(Side):
    def __init__(self, bench, count):
        super().__init__(bench, count)
        self.program = bench.peer("serf")
        self.lines = {}

    def start(self, n, *extra):
        ours, theirs = os.pipe()
        self.spawn(n, [self.program, "agent", "-node=n%d" % n, "-bind=%s:%d" % (self.address(n), bc.PORT + 1),
                       "-rpc-addr=%s:%d" % (self.address(n), bc.PORT + 2), *extra], theirs)
        os.close(theirs)
        self.lines[n] = b""
        self.reader.add(os.fdopen(ours, "rb", 0), lambda data, at: self.take(n, data, at))

    def form(self):
        self.start(0)
        bc.until("the first is up", lambda: 0 in self.joined[0], 30)
        self.began = time.time()
        for n in range(1, self.count):
            self.start(n, "-join=%s:%d" % (self.address(0), bc.PORT + 1))
        return self.all_see_all()

    def take(self, n, data, at):
        *lines, self.lines[n] = (self.lines[n] + data).split(b"\n")
        for line in lines:
            event = re.search(rb"EventMember(Join|Failed): n(\d+) ", line)
            if event:
                kind = self.joined if event.group(1) == b"Join" else self.died
                self.heard(n, kind, int(event.group(2)), at)


def idle(samples, sides):
    before = [side.measure() for side in sides]
    time.sleep(IDLE_S)
    for side, (began, counters, cpu), peer in zip(sides, before, (None, "serf")):
        now, counters_now, cpu_now = side.measure()
        share = side.count * (now - began)
        packets, bytes_udp, bytes_tcp = [(after - b) / share for after, b in zip(counters_now, counters)]
        samples.add("idle, UDP datagrams", packets, peer)
        samples.add("idle, UDP bytes", bytes_udp, peer)
        samples.add("idle, TCP bytes", bytes_tcp, peer)
        samples.add("idle, CPU", statistics.mean(a - b for a, b in zip(cpu_now, cpu)) / ((now - began) * 1e7), peer)
        samples.add("idle, memory", statistics.mean(bc.pss_mb(a.pid) for a in side.agents.values()), peer)


def kills(samples, ours, serf):
    victims = [n for n in range(ours.count - 1, 0, -1) if n not in ours.voters()]
    times = {}
    for i, victim in enumerate(victims[:KILLS]):
        for side, peer, count in ((ours, None, KILLS), (serf, "serf", KILLS_SERF)):
            if side and i < count:
                first, last = side.kill(victim)
                samples.add("killed, first knows", first, peer)
                samples.add("killed, all know", last, peer)
                times.setdefault(peer, []).append(last)
    return {peer: statistics.median(values) for peer, values in times.items()}


def together(bench, samples):
    program = bench.peer("serf")
    with Ours(bench, N) as ours:
        serf = Serf(bench, N) if program else None
        try:
            samples.add("all see all", ours.form())
            if serf:
                samples.add("all see all", serf.form(), "serf")
            time.sleep(IDLE_BEFORE_S)
            idle(samples, [side for side in (ours, serf) if side])
            return kills(samples, ours, serf)
        finally:
            if serf:
                serf.__exit__()


def stopped(bench, samples):
    for kind, peer in ((Ours, None), *(((Serf, "serf"),) if bench.full and bench.peer("serf") else ())):
        with kind(bench, STOP_N) as side:
            side.form()
            time.sleep(10)
            wrong, right = side.stop_test(range(STOP_N - STOP_C, STOP_N))
            samples.add("stopped, false deaths", wrong, peer)
            samples.add("stopped, deaths of the stopped", right, peer)


def round(bench, samples):
    times = together(bench, samples)
    if "serf" in times:
        samples.add("killed, all know, of serf's", times[None] / times["serf"])
    simulated = dict(bench_swim.measures(bench_swim.run(bench, "kill", N, bench.number + 1, 100, STREAMS)))["all know"]
    samples.add("killed, all know, simulated", simulated)
    samples.add("killed, real off simulated", 100 * abs(times[None] / simulated - 1))
    stopped(bench, samples)
