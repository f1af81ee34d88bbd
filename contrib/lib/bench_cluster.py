# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Processes to measure: three agents on 127.0.0.1 to .3, and what /proc tells of a process."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

import rpc

HOSTS = {"a": "127.0.0.1", "b": "127.0.0.2", "c": "127.0.0.3"}
PORT = 7670
TASK = {"name": "t", "driver": "raw_exec", "cpu_mhz": 1, "memory_mib": 1, "kill_timeout_ms": 1000,
        "kill_signal": int(signal.SIGTERM)}
RESTART = {"attempts": 0, "interval_ms": 1800000, "delay_ms": 1000, "mode": "fail"}


class Failure(Exception):
    pass


def job(name, kind, count, command, *args):
    return {"name": name, "type": kind, "groups": [{"name": "g", "count": count, "restart": RESTART, "tasks": [
        dict(TASK, command=command, args=list(args))]}]}


def until(what, look, seconds=30, every=0.02):
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            value = look()
            if value:
                return value
        except (OSError, rpc.Error, ValueError, KeyError) as e:
            last = e
        time.sleep(every)
    raise Failure("not within %d s: %s (%s)" % (seconds, what, last))


# ---- what the kernel counts ----

def read(*path):
    with open(os.path.join("/proc", *map(str, path)), encoding="utf-8", errors="replace") as f:
        return f.read()


def pss_mb(pid):
    """Proportional memory: a page that n processes share counts as a part of n of each."""
    return next(int(line.split()[1]) for line in read(pid, "smaps_rollup").splitlines() if line.startswith("Pss:")) * 1024 / 1e6


def cpu_ns(pid):
    """Of all threads that it has, from the scheduler's counter: ticks are too coarse for an idle process."""
    return sum(int(read(pid, "task", tid, "schedstat").split()[0]) for tid in os.listdir("/proc/%d/task" % pid))


def commands():
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield int(name), read(name, "cmdline").split("\0")
        except OSError:
            pass


def end(process):
    if process.poll() is None:
        process.kill()
    process.wait()


class Group:
    """A control group whose nanoseconds of CPU can be read, for what ends before it can be asked; or nothing."""

    def __init__(self, tag):
        self.dir = None
        v1 = os.path.isdir("/sys/fs/cgroup/cpuacct")
        self.usage = "cpuacct.usage" if v1 else "cpu.stat"
        path = os.path.join("/sys/fs/cgroup/cpuacct" if v1 else "/sys/fs/cgroup", tag)
        try:
            os.mkdir(path)
            self.dir = path
            self.ns()
        except (OSError, ValueError):
            self.done()

    def ns(self):
        if not self.dir:
            return None
        with open(os.path.join(self.dir, self.usage), encoding="ascii") as f:
            words = f.read().split()
        return int(words[0]) if len(words) == 1 else int(words[words.index("usage_usec") + 1]) * 1000

    def inside(self, args):
        if not self.dir:
            return args
        return ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', os.path.join(self.dir, "cgroup.procs"), *args]

    def done(self):
        """What the kernel still counts in it goes within moments."""
        for _ in range(100):
            try:
                if self.dir:
                    os.rmdir(self.dir)
                break
            except OSError:
                time.sleep(0.02)
        self.dir = None


# ---- agents ----

class Cluster:
    def __init__(self, covey, parent):
        self.covey = covey
        self.dir = tempfile.mkdtemp(prefix="hosts-", dir=parent)
        # The path of a socket may have 107 bytes, so it cannot lie just anywhere.
        self.sockets = tempfile.mkdtemp(prefix="covey-bench-")
        self.agents, self.clients = {}, {}
        self.group = Group(os.path.basename(self.sockets))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def data(self, host):
        return os.path.join(self.dir, host)

    def socket(self, host):
        return os.path.join(self.sockets, host)

    def args(self, host, *extra):
        number = list(HOSTS).index(host)
        return [self.covey, "agent", "--data-dir", self.data(host), "--bind", "%s:%d" % (HOSTS[host], PORT), "--socket",
                self.socket(host), "--name", host, "--raw-exec", "--resources", "cpu=100000,memory=100000",
                "--ports", "%d-%d" % (24000 + 1000 * number, 24999 + 1000 * number), *extra]

    def start(self, host, *extra):
        with open(self.data(host) + ".log", "ab") as log:
            self.agents[host] = subprocess.Popen(self.group.inside(self.args(host, *extra)), stdin=subprocess.DEVNULL,
                                                 stdout=log, stderr=log, start_new_session=True)

    def form(self):
        self.start("a", "--bootstrap")
        until("host a leads", lambda: self.call("a", "status").get("role") == "leader")
        with open(os.open(self.data("token"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(self.call("a", "token")["token"] + "\n")
        for host in ("b", "c"):
            self.start(host, "--join", "%s:%d" % (HOSTS["a"], PORT), "--secret-file", self.data("token"))
        self.settled()
        return self

    def settled(self):
        """All three say the same of a leader and three voters in sight that have the log."""
        def look():
            states = [self.call(h, "status") for h in HOSTS]
            return len({s.get("leader_name") for s in states}) == 1 and states[0].get("leader_name") and all(
                s.get("voters_live") == len(s["voters"]) == 3 and all(v.get("caught_up") for v in s["voters"]) for s in states)
        until("three live voters that agree", look, 60)

    def client(self, host):
        if host not in self.clients:
            self.clients[host] = rpc.Client(self.socket(host))
        return self.clients[host]

    def call(self, host, method, **params):
        """Over the connection that there is; a broken one is made anew at the next call."""
        try:
            return self.client(host).call(method, **params)
        except OSError:
            self.forget(host)
            raise

    def forget(self, host):
        if host in self.clients:
            self.clients.pop(host).close()

    def leader(self):
        return until("a leader", lambda: next(filter(None, (self.call(h, "status").get("leader_name") for h in self.agents))))

    def run(self, host, what):
        return self.call(host, "run", request=os.urandom(16), job=what)

    def wait(self, host, name, look, index=0, seconds=60):
        """Long polls of the job until look(its status) gives something."""
        end_at = time.monotonic() + seconds
        while time.monotonic() < end_at:
            status = self.call(host, "job", name=name, min_index=index, wait_ms=1000)
            value = look(status)
            if value:
                return value
            index = status.get("index", 0)
        raise Failure("job %s: not within %d s; last: %s" % (name, seconds, status["groups"]))

    def shims(self, host):
        return [pid for pid, words in commands() if words[1:2] == ["shim"] and len(words) > 2 and
                words[2].startswith(os.path.realpath(self.data(host)) + "/")]

    def kill_agent(self, host):
        self.agents[host].kill()

    def kill_shims(self, host):
        """Each is pid 1 of its tasks' namespace: they go with it."""
        for pid in self.shims(host):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def reap(self, host):
        self.agents.pop(host).wait()
        self.forget(host)

    def down(self):
        for agent in self.agents.values():
            end(agent)
        for client in self.clients.values():
            client.close()
        end_at = time.monotonic() + 10
        while any([self.kill_shims(h), self.shims(h)][1] for h in HOSTS) and time.monotonic() < end_at:
            time.sleep(0.02)
        self.group.done()
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.sockets, ignore_errors=True)
