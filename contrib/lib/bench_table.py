# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""What a benchmark collects, and how it is told."""
import statistics


class Row:
    """A measure. better: "less" or "more". aim, goal: None if there is none. peers: name to the figure that was recorded of
    it on another day on a machine of two processors, or None if it is measured each time."""

    def __init__(self, name, unit, better, aim, goal, peers):
        self.name, self.unit, self.better, self.aim, self.goal, self.peers = name, unit, better, aim, goal, peers

    def reaches(self, value, bound):
        if bound is None or value is None:
            return None
        return value <= bound if self.better == "less" else value >= bound

    def advantage(self, ours, theirs):
        """How many times better we are."""
        if not ours or not theirs:
            return None
        return theirs / ours if self.better == "less" else ours / theirs


class Samples:
    """Figures by (measure, peer); one round's many are one: their median."""

    def __init__(self):
        self.rounds = []

    def begin(self):
        self.rounds.append({})

    def all_rounds(self):
        """What is added now is of all rounds so far."""
        self.rounds = [{}]

    def add(self, name, value, peer=None):
        self.rounds[-1].setdefault((name, peer), []).append(value)

    def each(self, name, peer=None):
        return [statistics.median(r[name, peer]) for r in self.rounds if (name, peer) in r]

    def value(self, name, peer=None):
        each = self.each(name, peer)
        return statistics.median(each) if each else None


def judge(rows, samples):
    """The table as data."""
    told = []
    for row in rows:
        ours = samples.value(row.name)
        peers = []
        for peer, recorded in row.peers.items():
            measured = samples.value(row.name, peer)
            theirs = recorded if measured is None else measured
            if theirs is not None:
                peers.append({"name": peer, "value": theirs, "recorded": measured is None, "times_better": row.advantage(ours, theirs),
                              "rounds": samples.each(row.name, peer)})
        told.append({"measure": row.name, "unit": row.unit, "better": row.better, "value": ours, "rounds": samples.each(row.name),
                     "peers": peers, "aim": row.aim, "aim_met": row.reaches(ours, row.aim), "goal": row.goal,
                     "goal_met": row.reaches(ours, row.goal)})
    return told


def figure(value, unit=""):
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    text = "%.*f" % (digits, value)
    return (text.rstrip("0").rstrip(".") if "." in text else text) + (" " + unit if unit else "")


def bound(value, met):
    return "-" if value is None else figure(value) + {True: " met", False: " NOT met", None: " ?"}[met]


def lines(rows):
    table = [["", "covey", "least-most", "peer", "", "times better", "aim", "goal"]]
    for r in rows:
        ours = [r["measure"], figure(r["value"], r["unit"]),
                "%s-%s" % (figure(min(r["rounds"])), figure(max(r["rounds"]))) if r["rounds"] else "-"]
        rest = [bound(r["aim"], r["aim_met"]), bound(r["goal"], r["goal_met"])]
        for p in r["peers"] or [None]:
            peer = ["-", "", "-"] if p is None else [p["name"], figure(p["value"]) + (" recorded" if p["recorded"] else ""),
                                                     figure(p["times_better"])]
            table.append(ours + peer + rest)
            ours, rest = ["", "", ""], ["", ""]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table]
