# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Clients write and read variables on every host of a real cluster while its hosts are killed, stopped, cut off and
turned off; what they saw must have an order that explains it (tests/sim/judge.c says how it is judged)."""
import itertools
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time

from harness import Failure, check, job, note, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib", "lib"))
import rpc  # noqa: E402

KEYS = 3           # at a time
KEYS_SECONDS = 4   # then others: the search is for one key at a time, and short histories are quickly judged
ANSWER_SECONDS = 6
TRIES = 3          # of one write, each with the same request id, on hosts drawn anew
NOT_FOUND, CONFLICT = -3, -5


class History:
    """Moments are numbers in the order in which things happened here."""

    def __init__(self, path):
        self.file = open(path, "w")
        self.path, self.lock, self.moments = path, threading.Lock(), itertools.count(1)
        self.keys, self.count = [], 0

    def moment(self):
        with self.lock:
            return next(self.moments)

    def tell(self, key, kind, outcome, call, answer, value="-", expect="-", version="-"):
        with self.lock:
            self.file.write("%s %s %s %s %s %s %s %s\n" % (key, kind, outcome, call, answer, value, expect, version))
            self.count += 1

    def key(self, number):
        key = "k%d-%d" % (time.monotonic() // KEYS_SECONDS, number)
        with self.lock:
            if key not in self.keys[-2 * KEYS:]:
                self.keys.append(key)
        return key


class Client(threading.Thread):
    def __init__(self, hosts, history, seed):
        super().__init__(daemon=True)
        self.hosts, self.history, self.random = hosts, history, random.Random(seed)
        self.connections, self.ended, self.trouble = {}, threading.Event(), None
        self.seen = {}  # the last version that was seen of a key
        self.values = itertools.count(seed << 40)

    def ask(self, host, method, **params):
        """The answer, or None if there is none, and an error's code."""
        try:
            if host not in self.connections:
                self.connections[host] = rpc.Client(host.socket, ANSWER_SECONDS)
            return self.connections[host].call(method, **params), 0
        except rpc.Error as e:
            return None, e.code
        except (OSError, ValueError, rpc.Short):
            if host in self.connections:
                self.connections.pop(host).close()
            return None, None

    def read(self, host, key, call):
        answer, code = self.ask(host, "vars", key=key, consistent=True)
        now = self.history.moment()
        if code == NOT_FOUND:
            self.seen.pop(key, None)
            self.history.tell(key, "read", "absent", call, now)
        elif answer:
            var = answer["vars"][0]
            self.seen[key] = var["version"]
            self.history.tell(key, "read", "ok", call, now, int(var["value"]), version=var["version"])
        return answer is not None or code == NOT_FOUND

    def write(self, key, call):
        var = {"key": key, "value": b"%d" % next(self.values), "remove": self.random.random() < 0.1}
        if self.random.random() < 0.4:
            var.update(check=True, version=self.seen.get(key, 0))
        kind, request = "remove" if var["remove"] else "write", secrets.token_bytes(16)
        expect = var["version"] if "check" in var else "-"
        value = "-" if var["remove"] else int(var["value"])
        for _ in range(TRIES):
            answer, code = self.ask(self.random.choice(self.hosts), "var.put", request=request, var=var)
            if answer is not None:
                self.seen[key] = answer["version"]
                self.history.tell(key, kind, "ok", call, self.history.moment(), value, expect, answer["version"])
                return
            if code in (CONFLICT, NOT_FOUND):
                self.seen.pop(key, None)
                outcome = "conflict" if code == CONFLICT else "absent"
                self.history.tell(key, kind, outcome, call, self.history.moment(), value, expect)
                return
        self.history.tell(key, kind, "unknown", call, "-", value, expect)

    def run(self):
        try:
            while not self.ended.is_set():
                key, call = self.history.key(self.random.randrange(KEYS)), self.history.moment()
                if self.random.random() < 0.5:
                    self.read(self.random.choice(self.hosts), key, call)
                else:
                    self.write(key, call)
                self.ended.wait(self.random.uniform(0, 0.02))
        except Exception as e:  # told by the main thread
            self.trouble = e


class Faults:
    """One after the other begins; each lasts its own time, at most one a host but for what the network does."""

    def __init__(self, hosts, seed):
        self.hosts, self.random = hosts, random.Random(seed)
        self.ends = []     # (when, what to do)
        self.busy = set()  # hosts whose agent does not run as it should
        self.blocked, self.loss = {h: set() for h in hosts}, {h: 0 for h in hosts}
        self.counts = {}

    def network(self, host):
        rules = ["flush ruleset", "add table inet cut"]
        for chain, way, hook in (("in", "saddr", "input"), ("out", "daddr", "output")):
            rules.append("add chain inet cut %s { type filter hook %s priority 0; }" % (chain, hook))
            rules += ["add rule inet cut %s ip %s %s drop" % (chain, way, o.addr) for o in self.blocked[host]]
            if self.loss[host]:
                rules.append("add rule inet cut %s numgen random mod 100 < %d drop" % (chain, self.loss[host]))
        r = subprocess.run(host.inside("nft", "-f", "-"), input="\n".join(rules) + "\n", text=True, capture_output=True)
        check(r.returncode == 0, "nft: " + r.stderr)

    def later(self, seconds, what):
        self.ends.append((time.monotonic() + seconds, what))

    def pick(self):
        """Every second time the leader, if somebody knows one."""
        free = [h for h in self.hosts if h not in self.busy]
        if not free:
            return None
        if self.random.random() < 0.5:
            try:
                name = free[0].json("status")["leader_name"]
                return next((h for h in free if h.name == name), free[0])
            except Exception:  # whoever was asked is in trouble just now
                pass
        return self.random.choice(free)

    def back(self, host):
        host.start()
        self.busy.discard(host)

    def kill(self, host):
        self.busy.add(host)
        host.kill_agent()
        self.later(self.random.uniform(0, 3), lambda: self.back(host))

    def power(self, host):
        self.busy.add(host)
        host.power_off()
        self.later(self.random.uniform(0.5, 5), lambda: self.back(host))

    def stop(self, host):
        self.busy.add(host)
        os.kill(host.agent.pid, signal.SIGSTOP)

        def go_on():
            os.kill(host.agent.pid, signal.SIGCONT)
            self.busy.discard(host)
        self.later(self.random.uniform(0.1, 6), go_on)

    def cut(self, host):
        """Into two sides; now and then it is one way, or only one link."""
        kind, others = self.random.random(), [h for h in self.hosts if h is not host]
        side = [host] + (self.random.sample(others, self.random.randrange(0, 2)) if kind < 0.7 else [])
        far = [h for h in self.hosts if h not in side] if kind < 0.85 else [self.random.choice(others)]
        for h in side:
            self.blocked[h] = set(far)
            self.network(h)

        def heal():
            for h in side:
                self.blocked[h] = set()
                self.network(h)
        self.later(self.random.uniform(0.5, 8), heal)

    def lose(self, host):
        self.loss[host] = self.random.choice((5, 20, 50))
        self.network(host)

        def heal():
            self.loss[host] = 0
            self.network(host)
        self.later(self.random.uniform(1, 8), heal)

    def due(self, everything=False):
        for end in list(self.ends):
            if everything or end[0] <= time.monotonic():
                self.ends.remove(end)
                end[1]()

    def step(self):
        self.due()
        name = self.random.choice(("kill", "power", "stop", "cut", "cut", "lose"))
        host = self.pick()
        if host is not None:
            self.counts[name] = self.counts.get(name, 0) + 1
            getattr(self, name)(host)

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()
            pause = min(end, time.monotonic() + self.random.uniform(0.2, 4))
            while time.monotonic() < pause:
                time.sleep(0.05)
                self.due()
        self.due(everything=True)
        return ", ".join("%d %s" % (n, name) for name, n in sorted(self.counts.items()))


def judge_find():
    build = os.environ.get("COVEY_BUILD", "")
    path = os.environ.get("COVEY_SIM") or os.path.join(build, "plain", "tests", "sim", "covey-sim")
    check(os.access(path, os.X_OK), "no covey-sim to judge the history with: set COVEY_SIM to it")
    return path


def last_reads(hosts, history):
    """What was acknowledged is there in the end, whoever is asked."""
    client = Client(hosts, history, 999)
    for at, key in enumerate(history.keys):
        host = hosts[at % len(hosts)]
        if not client.read(host, key, history.moment()):
            raise Failure("%s does not answer a consistent read of %s" % (host.name, key))


def story(cluster, seconds, seed):
    judge = judge_find()
    note("seed %d, %d seconds" % (seed, seconds))
    hosts = cluster.form("abcde")
    hosts[0].run(job("web", "exec sleep infinity", count=5))
    hosts[1].run(job("one", "exec sleep infinity"))
    until("six instances", lambda: len(hosts[2].running("web")) == 5 and len(hosts[2].running("one")) == 1)
    history = History(cluster.path("history"))
    clients = [Client(hosts, history, seed * 100 + i) for i in range(len(hosts))]
    for c in clients:
        c.start()
    told = Faults(hosts, seed).run(seconds)
    for c in clients:
        c.ended.set()
    for c in clients:
        c.join(TRIES * 20)
        check(c.trouble is None, "a client failed: %r" % c.trouble)
    cluster.settled(len(hosts), 90)
    until("the workloads", lambda: len(hosts[2].running("web")) == 5 and len(hosts[2].running("one")) == 1, 60)
    last_reads(hosts, history)
    history.file.close()
    note("faults: %s; %d operations" % (told, history.count))
    r = subprocess.run([judge, "--history", history.path], capture_output=True, text=True, timeout=600)
    for line in r.stdout.splitlines():
        note(line)
    if r.returncode != 0:
        kept = "/tmp/covey-history-%d" % os.getpid()
        os.replace(history.path, kept)
        raise Failure("the history is not linearizable; it is kept in " + kept)
