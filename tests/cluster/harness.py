# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Real agents in network namespaces: a bridge in one namespace, a host in each of the others.

A test file calls main(NAME, STORY): one line `ok NAME`, `not ok NAME` or `skip NAME: why` tells how the story ended.
Whatever happens, everything that was made is removed, and only processes inside our own namespaces are ever ended.
"""
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PORT = 7370


class Failure(Exception):
    pass


class Skip(Exception):
    pass


class Ended(Exception):
    """A verb of the CLI ended with another status than was asked for."""

    def __init__(self, args, code, out, err):
        super().__init__("covey %s ended with %d: %s" % (" ".join(args), code, (err or out).strip()))
        self.code, self.out, self.err = code, out, err


def note(text):
    print("# %6.1f %s" % (time.monotonic() - note.began, text), flush=True)


note.began = time.monotonic()


def check(condition, what):
    if not condition:
        raise Failure(what)


def until(what, look, seconds=20, every=0.05):
    """Polls until look() gives something true, and returns it."""
    end, last = time.monotonic() + seconds, None
    while True:
        try:
            last = look()
            if last:
                return last
        except (Ended, Failure, OSError, KeyError, ValueError, IndexError, StopIteration,
                subprocess.TimeoutExpired) as e:
            last = e
        if time.monotonic() > end:
            raise Failure("not within %g s: %s (last seen: %.600s)" % (seconds, what, last))
        time.sleep(every)


def holds(what, look, seconds, every=0.1):
    """The opposite: look() must be true at every poll."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        check(look(), "did not stay so: " + what)
        time.sleep(every)


def command(*args, **more):
    r = subprocess.run(args, capture_output=True, text=True, timeout=20, **more)
    if r.returncode != 0:
        raise Failure("%s: %s" % (" ".join(args), r.stderr.strip()))
    return r.stdout


def job(name, script, count=1, kind="service", group="", task="", shell=True, driver="raw_exec"):
    """The text of a job with one group of one task, all of one name."""
    argv = ["/bin/sh", "-c", script] if shell else script
    quoted = ", ".join(json.dumps(a).replace("${", "$${") for a in argv)
    return """job "%s" {
  type = "%s"
  group "%s" {
    count = %d
    %s
    task "%s" {
      driver  = "%s"
      command = [%s]
      %s
      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
""" % (name, kind, name, count, group, name, driver, quoted, task)


def at(addr):
    """Where an agent with this address is reached."""
    return "%s:%d" % ("[%s]" % addr if ":" in addr else addr, PORT)


class Host:
    def __init__(self, cluster, name, number):
        self.cluster, self.name = cluster, name
        self.addr = cluster.net % number
        self.ns = "%s-%s" % (cluster.tag, name)
        self.dir = cluster.path(name)
        self.socket = cluster.path(name + ".run", "covey.sock")
        os.mkdir(cluster.path(name + ".run"))
        self.log = cluster.path(name + ".log")
        self.agent = None
        ns, port = self.ns, "port-" + name
        command("ip", "netns", "add", ns)
        command("ip", "-n", cluster.hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", ns)
        command("ip", "-n", cluster.hub, "link", "set", port, "master", "br0", "up")
        command("ip", "-n", ns, "link", "set", "lo", "up")
        command("ip", "-n", ns, "link", "set", "eth0", "up")
        self.has(self.addr)

    # ---- processes ----

    def inside(self, *args):
        """nsenter, not `ip netns exec`: that one mounts a /sys of its own, without the cgroups."""
        return ["nsenter", "--net=/run/netns/" + self.ns, *args]

    def start(self, *flags):
        check(self.agent is None or self.agent.poll() is not None, "the agent of %s runs already" % self.name)
        args = self.inside(self.cluster.covey, "agent", "--data-dir", self.dir, "--bind", at(self.addr),
                           "--socket", self.socket, "--name", self.name, "--raw-exec",
                           "--resources", "cpu=4000,memory=2000", *flags)
        with open(self.log, "ab") as log:
            self.agent = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def up(self):
        return self.agent is not None and self.agent.poll() is None

    def pids(self):
        """Every process in our namespace: the agent, shims and tasks."""
        wanted, found = os.stat("/run/netns/" + self.ns).st_ino, []
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and os.stat("/proc/%s/ns/net" % name).st_ino == wanted:
                    found.append(int(name))
            except OSError:
                pass
        return found

    def kill_agent(self):
        self.agent.kill()
        self.agent.wait()

    def stop_agent(self):
        self.agent.terminate()
        return self.agent.wait(timeout=20)

    def power_off(self):
        """Nothing of the host is left, at once."""
        if self.up():
            self.kill_agent()
        end = time.monotonic() + 10
        while self.pids() and time.monotonic() < end:
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)

    def rss_kib(self):
        with open("/proc/%d/status" % self.agent.pid) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    # ---- the network ----

    def has(self, addr):
        long, more = ("/64", ["nodad"]) if ":" in addr else ("/24", [])
        command("ip", "-n", self.ns, "addr", "add", addr + long, "dev", "eth0", *more)

    def move(self, addr):
        command("ip", "-n", self.ns, "addr", "flush", "dev", "eth0")
        self.has(addr)
        self.addr = addr

    def cut(self, others):
        rules = "".join("add rule inet cut %s %s %s %s drop\n" % (chain, "ip6" if ":" in o.addr else "ip", way, o.addr)
                        for o in others for chain, way in (("in", "saddr"), ("out", "daddr")))
        command(*self.inside("nft", "-f", "-"), input="""add table inet cut
add chain inet cut in { type filter hook input priority 0; }
add chain inet cut out { type filter hook output priority 0; }
""" + rules)

    def heal(self):
        command(*self.inside("nft", "flush", "ruleset"))

    # ---- the CLI ----

    def cli(self, *args, expect=0, timeout=60, stdin=None):
        """Runs a verb; expect is the exit status wanted, or None for any. Gives (stdout, stderr, status)."""
        r = subprocess.run([self.cluster.covey, args[0], "--socket", self.socket, *args[1:]], capture_output=True,
                           text=True, timeout=timeout, input=stdin)
        if expect is not None and r.returncode != expect:
            raise Ended(args, r.returncode, r.stdout, r.stderr)
        return r.stdout, r.stderr, r.returncode

    def json(self, *args):
        return json.loads(self.cli(args[0], "--json", *args[1:], timeout=20)[0])

    def status(self):
        answer = self.json("status")
        self.cluster.cgroups.add("covey-" + answer["id"][:12])
        return answer

    def run(self, text, *flags, expect=0, timeout=60):
        return self.cli("run", *flags, "-", stdin=text, expect=expect, timeout=timeout)

    def rows(self, name, everything=False):
        return self.json("ps", *(["--all"] if everything else []), "--job", name)["instances"]

    def running(self, name):
        """Instances of the job that run on hosts in sight and shall run."""
        return [r for r in self.rows(name) if r["record"]["state"] == "running" and r["record"]["desired"] == "run" and
                r["node_state"] in ("alive", "suspect")]

    def put_many(self, key, count, width=500):
        """Writes a variable so often, many requests under way at once, over the admin socket itself."""
        def text(s):
            return b"\xd9" + bytes([len(s)]) + s.encode()

        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.socket)
            for at in range(0, count, width):
                for i in range(at, at + width):
                    value = b"%d" % i
                    var = b"\x82" + text("key") + text(key) + text("value") + b"\xc4" + bytes([len(value)]) + value
                    s.sendall(b"\x94\0\xce" + (i + 1).to_bytes(4, "big") + text("var.put") + b"\x81" + text("var") + var)
                until("answers", lambda: s.recv(1 << 20) and self.json("var", "get", key)["value"] == str(at + width - 1),
                      20, 0)

    def words(self, lines=12):
        with open(self.log, errors="replace") as f:
            return f.read().splitlines()[-lines:]

    def said(self, *parts):
        with open(self.log, errors="replace") as f:
            return [line for line in f.read().splitlines() if all(p in line for p in parts)]


class Cluster:
    net = "10.77.0.%d"  # addresses of hosts, by number

    def __init__(self):
        self.covey = os.environ.get("COVEY") or shutil.which("covey")
        self.tag = "cv" + secrets.token_hex(3)
        self.hub = self.tag + "-hub"
        self.hosts, self.mounts, self.others, self.cgroups = {}, [], [], set()
        if os.geteuid() != 0:
            raise Skip("not root")
        for tool in ("ip", "nft", "nsenter"):
            if shutil.which(tool) is None:
                raise Skip("no %s here" % tool)
        if not self.covey or not os.access(self.covey, os.X_OK):
            raise Skip("no binary: set COVEY to it")
        self.dir = tempfile.mkdtemp(prefix="covey-%s-" % self.tag)
        r = subprocess.run(["ip", "netns", "add", self.hub], capture_output=True, text=True)
        if r.returncode != 0:
            os.rmdir(self.dir)
            raise Skip("no network namespaces here: " + r.stderr.strip())
        command("ip", "-n", self.hub, "link", "add", "br0", "type", "bridge")
        command("ip", "-n", self.hub, "link", "set", "br0", "up")

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def add(self, name):
        self.hosts[name] = Host(self, name, len(self.hosts) + 1)
        return self.hosts[name]

    def join(self, host, *flags):
        """With the token in a file, as an operator who knows a member brings it."""
        token = self.path("token-" + host.name)
        with open(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
            f.write(self.hosts["a"].json("token")["token"] + "\n")
        host.start("--join", at(self.hosts["a"].addr), "--secret-file", token, *flags)

    def form(self, names="abc"):
        """A cluster of these hosts, settled: all of them alive, as many voters as there can be. Gives the hosts."""
        a = self.add(names[0])
        a.start("--bootstrap")
        until("host a leads", lambda: a.status()["role"] == "leader")
        for name in names[1:]:
            self.join(self.add(name))
        self.settled(len(names))
        return [self.hosts[n] for n in names]

    def settled(self, nodes, seconds=40, seen_by=None):
        """Everybody has the same leader and knows of so many hosts, and those who vote say so themselves."""
        voters = 5 if nodes > 4 else 3 if nodes > 2 else 1

        def look():
            states = [h.status() for h in (seen_by or self.hosts.values()) if h.up()]
            leaders = {s["leader_name"] for s in states}
            voting = [s for s in states if s["role"] in ("leader", "follower")]
            return len(leaders) == 1 and leaders.pop() and len(voting) == voters and all(
                s["voters_live"] == voters and len(s["voters"]) == voters and s["nodes"] == nodes for s in states)
        until("%d hosts, %d live voters, one leader" % (nodes, voters), look, seconds)

    def leader(self, seen_by=None):
        for h in seen_by or self.hosts.values():
            if h.up():
                name = h.status()["leader_name"]
                if name:
                    return self.hosts[name]
        raise Failure("nobody leads")

    def remove(self):
        for o in self.others:
            if o.poll() is None:
                o.kill()
            o.wait()
        for h in self.hosts.values():
            h.power_off()
        for m in self.mounts:
            subprocess.run(["umount", "-l", m], capture_output=True)
        for ns in [n for n in os.listdir("/run/netns") if n.startswith(self.tag)]:
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)
        for at, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
            if self.cgroups.intersection(at.split("/")):
                subprocess.run(["rmdir", at], capture_output=True)
        shutil.rmtree(self.dir, ignore_errors=True)


def task(row, number=0):
    """As its host says by gossip; the log hears of restarts now and then only."""
    tasks = (row.get("reported") or {}).get("tasks")
    return (tasks or row["record"]["tasks"])[number]


def identity(rows):
    """What must not change while nothing is restarted."""
    return {(r["record"]["id"], task(r)["pid"], task(r)["restarts"]) for r in rows}


def alive(pid):
    return os.path.exists("/proc/%d/stat" % pid)


def _stop(number, _):
    raise KeyboardInterrupt("signal %d" % number if number != signal.SIGALRM else "out of time")


def main(name, story, limit=90):
    """Runs one story within its limit of seconds; its line is the last thing told."""
    cluster, status = None, 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _stop)
    signal.alarm(limit)
    try:
        cluster = Cluster()
        story(cluster)
        print("ok " + name)
        status = 0
    except Skip as e:
        print("skip %s: %s" % (name, e))
        status = 0
    except (Exception, KeyboardInterrupt) as e:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        at = sys.exc_info()[2]
        while at.tb_next and "harness" not in at.tb_next.tb_frame.f_code.co_filename:
            at = at.tb_next
        note("line %d: %s: %s" % (at.tb_lineno, type(e).__name__, e))
        for h in cluster.hosts.values() if cluster else ():
            if os.path.exists(h.log):
                print("# last words of %s (%s):" % (h.name, "up" if h.up() else "down"))
                print("\n".join("#   " + line for line in h.words()))
        print("not ok " + name)
    finally:
        signal.alarm(0)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if cluster and os.environ.get("COVEY_KEEP") != "1":
            cluster.remove()
    sys.exit(status)
