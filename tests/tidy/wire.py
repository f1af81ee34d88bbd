# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""proto/schema and the pages of proto/: no message or field is left without a word."""
import re

import common


def schema_messages(text):
    """The messages of a schema with the names of their fields."""
    messages, fields = {}, None
    for line in text.splitlines():
        line = re.sub(r'"(\\.|[^"\\])*"', '""', line).split("#")[0]
        opened = re.match(r"\s*message\s+(\w+)", line)
        if opened:
            fields = messages.setdefault(opened.group(1), [])
        field = re.match(r"\s*\d+\s+(\w+)\s+\S", line)
        if fields is not None and field:
            fields.append(field.group(1))
        if "}" in line:
            fields = None
    return messages


def pages_check(messages, pages):
    """pages maps a page's name to its text. A message's fields stand on one page that names the message."""
    words = {name: set(re.findall(r"\w+", text)) for name, text in pages.items()}
    complaints = []
    for message, fields in messages.items():
        about = [words[name] for name in pages if message in words[name]]
        if not about:
            complaints.append(f"no page of proto/ names the message {message}")
            continue
        missing = min(([f for f in fields if f not in page] for page in about), key=len)
        complaints += [f"no page about {message} names its field {field}" for field in missing]
    return complaints


def main():
    tap = common.Tap()
    messages = schema_messages((common.SOURCE / "proto/schema").read_text())
    tap.result("the schema has messages", [] if messages else ["none found in proto/schema"])
    pages = {p.name: p.read_text() for p in sorted((common.SOURCE / "proto").glob("*.md"))}
    tap.result("the pages of proto/ name every message and field of the schema", pages_check(messages, pages))
    tap.done()


if __name__ == "__main__":
    main()
