#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Makes C structs, field tables and Markdown tables from a schema.

The language, one definition after another, white space free, `#` begins a comment:

    limit NAME VALUE "doc"
    enum NAME [open] { value NUMBER "doc" ... }
    message NAME [max BYTES] "doc" { ID field TYPE [required] [secret] "doc" ... }

TYPE is bool, u8, u16, u32, u64, i32, i64, addr, str<=N, bytes<=N, id KIND, enum NAME, the NAME of a message
(inline), NAME? (by pointer, may be absent) or list<=N TYPE. N and BYTES are numbers or limits, also as
products.
Equal schemas give equal files.
"""

import argparse
import os
import re
import sys
import textwrap

FIELD_ID_MAX = 127
DEPTH_MAX = 16
ENUM_MAX = 0x7FFFFFFF
SIZE_MAX = 0xFFFFFFFF
WIDTH = 110

SCALARS = {
    "bool": ("bool", "CODEC_BOOL"),
    "u8": ("uint8_t", "CODEC_U8"),
    "u16": ("uint16_t", "CODEC_U16"),
    "u32": ("uint32_t", "CODEC_U32"),
    "u64": ("uint64_t", "CODEC_U64"),
    "i32": ("int32_t", "CODEC_I32"),
    "i64": ("int64_t", "CODEC_I64"),
    "addr": ("struct addr", "CODEC_ADDR"),
}
# The kinds of id that covey/base.h defines, with their size in bytes.
IDS = {
    "node_id": 16,
    "cluster_id": 16,
    "instance_id": 16,
    "log_id": 16,
    "request_id": 16,
    "recovery_id": 16,
    "boot_id": 16,
    "raft_id": 32,
    "public_key": 32,
}
KEYWORDS = set(
    "auto break case char const continue default do double else enum extern float for goto if inline int "
    "long register restrict return short signed sizeof static struct switch typedef union unsigned void "
    "volatile while bool true false asm typeof".split()
)
LICENSE = "/* SPDX-License-Identifier: Apache-2.0\n * Copyright the covey authors */\n"

TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)|(?P<line>\n)|"(?P<text>[^"\n]*)"|(?P<number>0x[0-9a-fA-F]+|[0-9]+)"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign><=|[{}?*])"""
)


class SchemaError(Exception):
    """A mistake in the schema; its text begins with file and line."""


class Type:
    """The type of a field. base: scalar, str, bytes, id, enum or message."""

    def __init__(self, base, name=None, size_max=0):
        self.base = base
        self.name = name
        self.max = size_max
        self.optional = False
        self.list_max = None


class Field:
    def __init__(self, number, name, kind, flags, doc, where):
        self.number = number
        self.name = name
        self.c_name = name + "_" if name in KEYWORDS else name
        self.type = kind
        self.flags = flags
        self.doc = doc
        self.where = where


class Enum:
    def __init__(self, name, is_open, values, doc, where):
        self.name = name
        self.open = is_open
        self.values = values
        self.doc = doc
        self.where = where


class Message:
    def __init__(self, name, max_bytes, doc, where):
        self.name = name
        self.max = max_bytes
        self.doc = doc
        self.where = where
        self.fields = []


class Schema:
    def __init__(self):
        self.limits = {}
        self.enums = {}
        self.messages = {}


class Parser:
    def __init__(self, path, text):
        self.path = path
        self.schema = Schema()
        self.tokens = list(self.tokenise(text))
        self.at = 0

    def tokenise(self, text):
        line, at = 1, 0
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise SchemaError(f"{self.path}:{line}: unexpected {text[at]!r}")
            kind = match.lastgroup
            if kind == "line":
                line += 1
            elif kind != "space":
                yield kind, match.group(kind), line
            at = match.end()
        yield "end", "end of file", line

    # -- tokens

    def where(self):
        return f"{self.path}:{self.tokens[self.at][2]}"

    def fail(self, text, where=None):
        raise SchemaError(f"{where or self.where()}: {text}")

    def peek(self, kind, value=None):
        token = self.tokens[self.at]
        return token[0] == kind and (value is None or token[1] == value)

    def accept(self, kind, value=None):
        if not self.peek(kind, value):
            return None
        self.at += 1
        return self.tokens[self.at - 1][1]

    def expect(self, kind, value=None):
        got = self.accept(kind, value)
        if got is None:
            self.fail(f"expected {value or kind}, found {self.tokens[self.at][1]!r}")
        return got

    def number(self):
        """A number, a limit, or a product of such."""
        result = self.factor()
        while self.accept("sign", "*"):
            result *= self.factor()
        return result

    def factor(self):
        word = self.accept("word")
        if word is None:
            return int(self.expect("number"), 0)
        if word not in self.schema.limits:
            self.at -= 1
            self.fail(f"no limit {word} before this line")
        return self.schema.limits[word][0]

    def bound(self):
        value = self.number()
        if not 0 < value <= SIZE_MAX:
            self.fail(f"{value} is no bound")
        return value

    def doc(self):
        parts = []
        while self.peek("text"):
            parts.append(self.accept("text"))
        return " ".join(parts)

    # -- definitions

    def parse(self):
        while not self.accept("end"):
            word = self.expect("word")
            if word == "limit":
                self.parse_limit()
            elif word == "enum":
                self.parse_enum()
            elif word == "message":
                self.parse_message()
            else:
                self.at -= 1
                self.fail(f"expected limit, enum or message, found {word!r}")
        return self.schema

    def parse_limit(self):
        name = self.expect("word")
        if name in self.schema.limits:
            self.fail(f"limit {name} is there already")
        value = self.number()
        self.schema.limits[name] = (value, self.doc())

    def parse_enum(self):
        where = self.where()
        name = self.expect("word")
        if name in self.schema.enums:
            self.fail(f"enum {name} is there already", where)
        is_open = self.accept("word", "open") is not None
        doc = self.doc()
        values = []
        self.expect("sign", "{")
        while not self.accept("sign", "}"):
            value = self.expect("word")
            number = int(self.expect("number"), 0)
            if number > ENUM_MAX:
                self.fail(f"{number} is too large for an enum")
            if any(value == other[0] or number == other[1] for other in values):
                self.fail(f"{value} {number} is there already")
            values.append((value, number, self.doc()))
        if not values:
            self.fail(f"enum {name} has no value", where)
        values.sort(key=lambda value: value[1])
        self.schema.enums[name] = Enum(name, is_open, values, doc, where)

    def parse_message(self):
        where = self.where()
        name = self.expect("word")
        if name in self.schema.messages:
            self.fail(f"message {name} is there already", where)
        if name in SCALARS or name in ("str", "bytes", "id", "enum", "list"):
            self.fail(f"{name} is the name of a type", where)
        max_bytes = self.bound() if self.accept("word", "max") else None
        message = Message(name, max_bytes, self.doc(), where)
        self.expect("sign", "{")
        while not self.accept("sign", "}"):
            message.fields.append(self.parse_field(message))
        message.fields.sort(key=lambda field: field.number)
        self.schema.messages[name] = message

    def parse_field(self, message):
        where = self.where()
        number = int(self.expect("number"), 0)
        if not 1 <= number <= FIELD_ID_MAX:
            self.fail(f"field number {number} is not between 1 and {FIELD_ID_MAX}", where)
        name = self.expect("word")
        for other in message.fields:
            if number == other.number or name in (other.name, other.name + "_count"):
                self.fail(f"{message.name}: {number} {name} is there already", where)
        kind = self.parse_type()
        flags = set()
        while self.peek("word"):
            flag = self.accept("word")
            if flag not in ("required", "secret") or flag in flags:
                self.fail(f"unexpected {flag!r}")
            flags.add(flag)
        return Field(number, name, kind, flags, self.doc(), where)

    def parse_type(self):
        word = self.expect("word")
        if word == "list":
            self.expect("sign", "<=")
            count = self.bound()
            kind = self.parse_type()
            if kind.list_max is not None or kind.optional:
                self.fail("a list of lists or of optional messages cannot be")
            kind.list_max = count
            return kind
        if word in ("str", "bytes"):
            self.expect("sign", "<=")
            return Type(word, size_max=self.bound())
        if word == "id":
            return Type("id", self.expect("word"))
        if word == "enum":
            return Type("enum", self.expect("word"))
        if word in SCALARS:
            return Type("scalar", word)
        kind = Type("message", word)
        kind.optional = self.accept("sign", "?") is not None
        return kind


# ---- checks --------------------------------------------------------------------------------------


def check(schema):
    for message in schema.messages.values():
        names = {field.name for field in message.fields}
        for field in message.fields:
            kind = field.type
            if kind.base == "id" and kind.name not in IDS:
                raise SchemaError(f"{field.where}: no id {kind.name}; known: {', '.join(IDS)}")
            if kind.base == "enum" and kind.name not in schema.enums:
                raise SchemaError(f"{field.where}: no enum {kind.name}")
            if kind.base == "message" and kind.name not in schema.messages:
                raise SchemaError(f"{field.where}: no message {kind.name}")
            if kind.list_max is not None and field.name + "_count" in names:
                raise SchemaError(f"{field.where}: {field.name}_count is the list's own count")
    ordered(schema)
    depths(schema)


def ordered(schema):
    """The messages so that what is inline comes first; otherwise in the order of the schema."""
    result, state = [], {}

    def visit(message, path):
        if state.get(message.name) == "done":
            return
        if state.get(message.name) == "open":
            raise SchemaError(f"{message.where}: {' > '.join(path + [message.name])} contains itself")
        state[message.name] = "open"
        for field in message.fields:
            if field.type.base == "message" and not field.type.optional and field.type.list_max is None:
                visit(schema.messages[field.type.name], path + [message.name])
        state[message.name] = "done"
        result.append(message)

    for message in schema.messages.values():
        visit(message, [])
    return result


def depths(schema):
    """Containers within containers of each message; a message that may hold itself counts once around."""
    known = {}

    def depth(message, above):
        if message.name in known:
            return known[message.name]
        deepest = 0
        for field in message.fields:
            inner = 1 if field.type.list_max is not None else 0
            if field.type.base == "message" and field.type.name not in above:
                inner += depth(schema.messages[field.type.name], above | {message.name})
            deepest = max(deepest, inner)
        if not above:
            known[message.name] = deepest + 1
        return deepest + 1

    for message in schema.messages.values():
        if depth(message, frozenset()) > DEPTH_MAX:
            raise SchemaError(f"{message.where}: {message.name} nests deeper than {DEPTH_MAX}")


# ---- C -------------------------------------------------------------------------------------------


def comment(text, indent=""):
    if not text:
        return ""
    one = f"{indent}/* {text} */"
    if len(one) <= WIDTH:
        return one + "\n"
    lines = textwrap.wrap(text, WIDTH - len(indent) - 3)
    body = "".join(f"{indent} * {line}\n" for line in lines)
    return f"{indent}/*\n{body}{indent} */\n"


def with_doc(code, doc, indent):
    if doc and len(code) + len(doc) + 7 <= WIDTH:
        return f"{code} /* {doc} */\n"
    return comment(doc, indent) + code + "\n"


def c_item(field, prefix):
    """The C type of the field, or of one item of its list."""
    kind = field.type
    if kind.base == "scalar":
        return SCALARS[kind.name][0]
    if kind.base in ("str", "bytes"):
        return "struct bytes"
    if kind.base == "id":
        return f"struct {kind.name}"
    if kind.base == "enum":
        return f"enum {kind.name}"
    return f"struct {prefix}_{kind.name}"


def c_member(field, prefix):
    item = c_item(field, prefix)
    if field.type.list_max is not None or field.type.optional:
        return f"    {item} *{field.c_name};"
    return f"    {item} {field.c_name};"


def header(schema, prefix):
    upper = prefix.upper()
    out = [LICENSE, "\n/* Made by proto/gen.py from the schema: change that. */\n"]
    out.append(f"#ifndef COVEY_{upper}_H\n#define COVEY_{upper}_H\n\n")
    out.append('#include "covey/base.h"\n#include "covey/codec.h"\n\n')
    for name, (value, doc) in schema.limits.items():
        text = str(value) if value <= ENUM_MAX else f"INT64_C({value})"
        out.append(with_doc(f"#define {upper}_{name} {text}", doc, ""))
    for enum in schema.enums.values():
        out.append("\n" + comment(enum.doc) + f"enum {enum.name} {{\n")
        for value, number, doc in enum.values:
            out.append(with_doc(f"    {enum.name.upper()}_{value.upper()} = {number},", doc, "    "))
        out.append("};\n")
        out.append(f"extern const struct codec_enum {enum.name}_enum;\n")
        out.append(f"const char *{enum.name}_str(enum {enum.name} value);\n")
        out.append(f"int {enum.name}_parse(struct bytes name, enum {enum.name} *ret_value);\n")
    out.append("\n")
    for message in schema.messages.values():
        out.append(f"struct {prefix}_{message.name};\n")
    for message in ordered(schema):
        out.append("\n" + comment(message.doc) + f"struct {prefix}_{message.name} {{\n")
        for field in message.fields:
            out.append(with_doc(c_member(field, prefix), field.doc, "    "))
            if field.type.list_max is not None:
                out.append(f"    size_t {field.name}_count;\n")
        if not message.fields:
            out.append("    uint8_t nothing; /* C has no empty struct */\n")
        out.append("};\n")
    out.append("\n")
    for message in schema.messages.values():
        out.append(f"extern const struct codec_type {prefix}_{message.name}_type;\n")
    out.append("\n/* Every message, in the order of the schema. */\n")
    out.append(f"extern const struct codec_type *const {prefix}_types[];\n")
    out.append(f"extern const size_t {prefix}_types_count;\n")
    out.append("\n#endif\n")
    return "".join(out)


def c_enum(enum):
    out = [f"\nstatic const struct codec_enum_value {enum.name}_values[] = {{\n"]
    out += [f'    {{"{value}", {number}}},\n' for value, number, _ in enum.values]
    out.append("};\n")
    out.append(f"const struct codec_enum {enum.name}_enum = {{\n")
    out.append(f'    .name = "{enum.name}",\n    .values = {enum.name}_values,\n')
    out.append(f"    .values_count = {len(enum.values)},\n")
    out.append(f"    .open = {'true' if enum.open else 'false'},\n}};\n")
    out.append(f"_Static_assert(sizeof(enum {enum.name}) == sizeof(int32_t), \"an enum has 32 bits\");\n")
    out.append(f"const char *{enum.name}_str(enum {enum.name} value) {{\n")
    out.append(f"    return codec_enum_str(&{enum.name}_enum, (int32_t)value);\n}}\n")
    out.append(f"int {enum.name}_parse(struct bytes name, enum {enum.name} *ret_value) {{\n")
    out.append("    int32_t number;\n")
    out.append(f"    int error = codec_enum_parse(&{enum.name}_enum, name, &number);\n")
    out.append("    if (error)\n        return error;\n")
    out.append(f"    *ret_value = (enum {enum.name})number;\n    return 0;\n}}\n")
    return "".join(out)


def c_field(message, field, prefix):
    kind = field.type
    struct = f"struct {prefix}_{message.name}"
    if kind.base == "scalar":
        kind_name = SCALARS[kind.name][1]
    else:
        kind_name = f"CODEC_{kind.base.upper()}"
    parts = [
        f'.name = "{field.name}"',
        f".id = {field.number}",
        f".kind = {kind_name}",
        f".offset = offsetof({struct}, {field.c_name})",
        f".size = sizeof({c_item(field, prefix)})",
    ]
    flags = []
    if kind.list_max is not None:
        flags.append("CODEC_LIST")
        parts.append(f".count_offset = offsetof({struct}, {field.name}_count)")
        parts.append(f".list_max = {kind.list_max}u")
    if kind.max:
        parts.append(f".max = {kind.max}u")
    if kind.base == "message":
        parts.append(f".sub = &{prefix}_{kind.name}_type")
    if kind.base == "enum":
        parts.append(f".table = &{kind.name}_enum")
    if kind.optional:
        flags.append("CODEC_OPTIONAL")
    flags += [f"CODEC_{flag.upper()}" for flag in sorted(field.flags)]
    if flags:
        parts.append(f".flags = {' | '.join(flags)}")
    return textwrap.fill(
        "{" + ", ".join(parts) + "},", WIDTH, initial_indent="    ", subsequent_indent="     ",
        break_long_words=False, break_on_hyphens=False,
    ) + "\n"


def c_message(schema, message, prefix):
    out = []
    fields = "NULL"
    if message.fields:
        fields = f"{prefix}_{message.name}_fields"
        out.append(f"\nstatic const struct codec_field {fields}[] = {{\n")
        out += [c_field(message, field, prefix) for field in message.fields]
        out.append("};")
    max_bytes = message.max or schema.limits.get("MESSAGE_MAX", (1 << 20, ""))[0]
    out.append(f"\nconst struct codec_type {prefix}_{message.name}_type = {{\n")
    out.append(f'    .name = "{prefix}_{message.name}",\n    .fields = {fields},\n')
    out.append(f"    .fields_count = {len(message.fields)},\n")
    out.append(f"    .size = sizeof(struct {prefix}_{message.name}),\n    .max_bytes = {max_bytes}u,\n}};\n")
    return "".join(out)


def source(schema, prefix):
    out = [LICENSE, "\n/* Made by proto/gen.py from the schema: change that. */\n"]
    out.append(f'#include "covey/{prefix}.h"\n')
    used = {f.type.name for m in schema.messages.values() for f in m.fields if f.type.base == "id"}
    if used:
        out.append("\n")
    for name in IDS:
        if name in used:
            size = IDS[name]
            out.append(f'_Static_assert(sizeof(struct {name}) == {size}, "the wire has {size} bytes");\n')
    out += [c_enum(enum) for enum in schema.enums.values()]
    out += [c_message(schema, message, prefix) for message in schema.messages.values()]
    out.append(f"\nconst struct codec_type *const {prefix}_types[] = {{\n")
    out += [f"    &{prefix}_{message.name}_type,\n" for message in schema.messages.values()]
    out.append("};\n")
    out.append(f"const size_t {prefix}_types_count = sizeof {prefix}_types / sizeof {prefix}_types[0];\n")
    return "".join(out)


# ---- Markdown ------------------------------------------------------------------------------------


def type_text(kind):
    if kind.base in ("str", "bytes"):
        text = f"{kind.base}, at most {kind.max}"
    elif kind.base in ("id", "enum"):
        text = f"{kind.base} {kind.name}"
    else:
        text = kind.name + ("?" if kind.optional else "")
    return text if kind.list_max is None else f"list of at most {kind.list_max}: {text}"


def row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |\n"


def markdown(schema):
    out = ["## Limits\n\n", row("limit", "value", ""), "|---|---|---|\n"]
    out += [row(f"`{name}`", value, doc) for name, (value, doc) in schema.limits.items()]
    out.append("\n## Enums\n")
    for enum in schema.enums.values():
        out.append(f"\n### enum {enum.name}{' (open)' if enum.open else ''}\n\n")
        out.append(f"{enum.doc}\n\n" if enum.doc else "")
        out += [row("number", "name", ""), "|---|---|---|\n"]
        out += [row(number, f"`{value}`", doc) for value, number, doc in enum.values]
    out.append("\n## Messages\n")
    for message in schema.messages.values():
        size = f" At most {message.max} bytes." if message.max else ""
        text = f"{message.doc}.{size}".lstrip(".").strip()
        out.append(f"\n### {message.name}\n\n" + (f"{text}\n\n" if text else ""))
        if not message.fields:
            continue
        out += [row("id", "field", "type", "", ""), "|---|---|---|---|---|\n"]
        for field in message.fields:
            flags = ", ".join(sorted(field.flags))
            out.append(row(field.number, f"`{field.name}`", type_text(field.type), flags, field.doc))
    return "".join(out)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schema", required=True, help="the file to read")
    parser.add_argument("--out", help="write DIR/covey/NAME.h and DIR/NAME.c", metavar="DIR")
    parser.add_argument("--name", default="wire", help="of the files, and the prefix of structs and limits")
    parser.add_argument("--check", action="store_true", help="only say whether the schema is right")
    parser.add_argument("--doc", action="store_true", help="print tables in Markdown")
    options = parser.parse_args()
    try:
        with open(options.schema, encoding="utf-8") as file:
            schema = Parser(options.schema, file.read()).parse()
        check(schema)
    except (SchemaError, OSError) as error:
        print(f"gen.py: {error}", file=sys.stderr)
        return 1
    if options.doc:
        sys.stdout.write(markdown(schema))
    if options.out and not options.check:
        write(os.path.join(options.out, "covey", options.name + ".h"), header(schema, options.name))
        write(os.path.join(options.out, options.name + ".c"), source(schema, options.name))
    if not (options.out or options.doc or options.check):
        parser.error("one of --out, --doc and --check is needed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
