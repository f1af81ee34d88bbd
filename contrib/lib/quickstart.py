# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The show of contrib/quickstart: every step is checked, and the first that does not happen ends it with status 1."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

HOSTS = ("a", "b", "c")
ADDRESS = {"a": "127.0.0.1", "b": "127.0.0.2", "c": "127.0.0.3"}
PORT = 7470
JOB = """job "web" {
  group "web" {
    count = 3
    network {
      port "http" {}
    }
    task "httpd" {
      driver  = "raw_exec"
      command = ["/bin/busybox", "httpd", "-f", "-p", "${NOMAD_ADDR_http}", "-h", "%s"]
      resources {
        cpu    = 50
        memory = 16
      }
    }
  }
}
"""
SECOND = """job "clock" {
  group "clock" {
    task "clock" {
      driver  = "raw_exec"
      command = ["/bin/busybox", "sh", "-c", "while true; do date; sleep 1; done"]
      resources {
        cpu    = 50
        memory = 16
      }
    }
  }
}
"""


class Failure(Exception):
    pass


def say(text):
    print(text, flush=True)


class Show:
    def __init__(self, run, covey=None):
        self.run = run
        self.covey = covey
        self.started = time.monotonic()

    # ---- processes ----

    def path(self, *parts):
        return os.path.join(self.run, *parts)

    def pids(self, *words):
        """Processes whose arguments have all these words: only ones whose data lies in our folder are ever asked for."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open("/proc/%s/cmdline" % name, "rb") as f:
                    line = f.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if all(word in line for word in words):
                found.append(int(name))
        return found

    def agent_pids(self, host):
        return self.pids(" agent ", "--data-dir " + self.path(host) + " ")

    def shim_pids(self, host):
        return self.pids(" shim ", self.path(host) + "/")

    @staticmethod
    def kill(pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def start(self, host, *extra):
        log = open(self.path(host + ".log"), "ab")
        args = [self.covey, "agent", "--data-dir", self.path(host), "--bind", "%s:%d" % (ADDRESS[host], PORT),
                "--socket", self.path(host + ".sock"), "--name", host, "--raw-exec",
                "--ports", "%d-%d" % (21000 + 1000 * HOSTS.index(host), 21999 + 1000 * HOSTS.index(host)), *extra]
        subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()

    # ---- talking to agents ----

    def cli(self, host, *args, timeout=60):
        r = subprocess.run([self.covey, args[0], "--socket", self.path(host + ".sock"), *args[1:]], capture_output=True,
                           text=True, timeout=timeout)
        if r.returncode != 0:
            raise Failure("covey %s on %s ended with %d: %s" % (" ".join(args), host, r.returncode, r.stderr.strip()))
        return r.stdout

    def json(self, host, *args):
        return json.loads(self.cli(host, args[0], "--json", *args[1:], timeout=20))

    def until(self, what, check, seconds=30):
        end = time.monotonic() + seconds
        last = "nothing was seen"
        while time.monotonic() < end:
            try:
                value = check()
                if value:
                    return value
            except (Failure, subprocess.TimeoutExpired, OSError, KeyError, ValueError) as e:
                last = str(e)
            time.sleep(0.05)
        raise Failure("%s did not happen within %d s (%s)" % (what, seconds, last))

    def status(self, host):
        return self.json(host, "status")

    def running(self, host, job):
        """Instances of the job that run on hosts in sight."""
        rows = self.json(host, "ps", "--job", job)["instances"]
        return [r for r in rows if r["record"]["state"] == "running" and r["node_state"] in ("alive", "suspect")
                and r["record"]["desired"] == "run"]

    def url(self, row):
        return "http://%s:%d/" % (row["addr"], row["record"]["ports"][0]["port"])

    def answers(self, row):
        with urllib.request.urlopen(self.url(row), timeout=3) as r:
            return b"hello from covey" in r.read()

    def show_all_answer(self, host, count=3):
        rows = self.until("%d web servers running" % count,
                          lambda: (lambda r: r if len(r) == count else None)(self.running(host, "web")))
        for row in rows:
            self.until(self.url(row) + " answering", lambda row=row: self.answers(row), 10)
            say("   %s on host %s answers" % (self.url(row), row["node_name"]))
        return rows

    def voters(self, host, count):
        def check():
            s = self.status(host)
            return s if s["voters_live"] == count and len(s["voters"]) == count and s["leader_name"] else None
        return self.until("%d live voters" % count, check, 60)

    # ---- the steps ----

    def form(self):
        say("== starting three agents: a on 127.0.0.1, b on 127.0.0.2, c on 127.0.0.3")
        self.start("a", "--bootstrap")
        self.until("host a ready", lambda: self.status("a")["role"] == "leader")
        token = self.json("a", "token")["token"]
        with open(os.open(self.path("token"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(token + "\n")
        for host in ("b", "c"):
            self.start(host, "--join", "127.0.0.1:%d" % PORT, "--secret-file", self.path("token"))
        s = self.voters("a", 3)
        say("   %d hosts, 3 live voters, %s leads; the cluster survives the loss of one host" % (s["nodes"], s["leader_name"]))

    def first_job(self):
        say("== running the job `web`: three web servers on ports picked by their hosts")
        with open(self.path("web.hcl"), "w") as f:
            f.write(JOB % self.path("www"))
        print("".join("   " + line + "\n" for line in self.cli("b", "run", self.path("web.hcl")).splitlines()), end="")
        return self.show_all_answer("a")

    def lose_host(self):
        leader = self.status("a")["leader_name"]
        victim = [h for h in HOSTS if h != leader][0]
        witness = [h for h in HOSTS if h not in (leader, victim)][0]
        say("== host %s is lost: its agent and its shims (and so its tasks) are killed with SIGKILL" % victim)
        self.kill(self.agent_pids(victim))
        self.kill(self.shim_pids(victim))
        began = time.monotonic()
        self.until("a replacement on another host",
                   lambda: len([r for r in self.running(witness, "web") if r["node_name"] != victim]) == 3, 40)
        say("   %.1f s later its web server runs elsewhere" % (time.monotonic() - began))
        self.show_all_answer(witness)
        say("== host %s comes back" % victim)
        self.start(victim)
        self.voters(witness, 3)
        say("   3 live voters again")
        self.until("exactly three web servers", lambda: len(self.running(witness, "web")) == 3 and len(
            [r for r in self.json(witness, "ps", "--job", "web")["instances"]]) == 3, 60)
        say("   and exactly three web servers")

    def lose_leader(self):
        leader = self.status("a")["leader_name"]
        other = [h for h in HOSTS if h != leader][0]
        say("== the leader, %s, loses its agent (SIGKILL); another job is run at once" % leader)
        with open(self.path("clock.hcl"), "w") as f:
            f.write(SECOND)
        self.kill(self.agent_pids(leader))
        began = time.monotonic()
        self.cli(other, "run", self.path("clock.hcl"))
        row = self.until("the job `clock` running", lambda: self.running(other, "clock"))[0]
        say("   `clock` runs on host %s %.1f s after the kill; %s leads now"
            % (row["node_name"], time.monotonic() - began, self.status(other)["leader_name"]))
        self.start(leader)
        self.voters(other, 3)
        say("   %s is back: 3 live voters" % leader)

    def lose_agent(self):
        row = self.show_all_answer("a")[0]
        host = row["node_name"]
        pid = row["record"]["tasks"][0]["pid"]
        say("== the agent of host %s alone is killed; its web server (pid %d) goes on" % (host, pid))
        self.kill(self.agent_pids(host))
        if not self.answers(row):
            raise Failure("the web server stopped with its agent")
        self.start(host)
        self.until("the agent adopting its tasks",
                   lambda: self.status(host)["role"] in ("leader", "follower") and len(self.running(host, "web")) == 3)
        now = [r for r in self.running(host, "web") if r["record"]["id"] == row["record"]["id"]]
        if not now or now[0]["record"]["tasks"][0]["pid"] != pid or now[0]["record"]["tasks"][0]["restarts"] != row["record"]["tasks"][0]["restarts"]:
            raise Failure("the web server was not adopted as it was")
        self.answers(row)
        say("   adopted: same instance, same pid %d, nothing restarted" % pid)
        self.voters("a", 3)

    def up(self):
        self.down(quiet=True)
        os.makedirs(self.path("www"))
        with open(self.path("www", "index.html"), "w") as f:
            f.write("hello from covey\n")
        self.form()
        self.first_job()
        self.lose_host()
        self.lose_leader()
        self.lose_agent()
        say("""
It took %.0f s. What you saw: three hosts made a cluster by themselves, ran a job, replaced what a lost host had run,
went on when the leader was lost, and a killed agent took its tasks over again without touching them.
The cluster is up. How to go on:
   export COVEY_SOCKET=%s PATH=%s:$PATH
   covey status; covey nodes; covey ps; covey logs clock; covey events
   covey run %s          # after changing it
   contrib/quickstart --down""" % (time.monotonic() - self.started, self.path("a.sock"), os.path.dirname(self.covey),
                                   self.path("web.hcl")))

    def down(self, quiet=False):
        for host in HOSTS:
            self.kill(self.agent_pids(host))
        for host in HOSTS:
            self.kill(self.shim_pids(host))
        end = time.monotonic() + 10
        while any(self.agent_pids(h) + self.shim_pids(h) for h in HOSTS) and time.monotonic() < end:
            time.sleep(0.02)
        if os.path.isdir(self.run):
            shutil.rmtree(self.run)
        if not quiet:
            say("the three agents, their tasks and %s are gone" % self.run)


def main():
    show = Show(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
    if sys.argv[1] == "down":
        show.down()
        return 0
    try:
        show.up()
    except (Failure, subprocess.TimeoutExpired) as e:
        say("\nquickstart: this did not happen: %s\nThe agents' own words are in %s; `contrib/quickstart --down` cleans up."
            % (e, show.path("*.log")))
        return 1
    return 0


sys.exit(main())
