/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Flags and operands: one table of all flags; each verb names those that it takes. */
#include "internal.h"

enum flag_kind { FLAG_BOOL, FLAG_TEXT, FLAG_DURATION, FLAG_SIZE, FLAG_CHECK, FLAG_NUMBER };

struct flag {
    const char *name;
    char letter; /* 0: none */
    unsigned bit;
    enum flag_kind kind;
    size_t offset; /* in cli_options */
    const char *value, *help;
};

#define AT(field) offsetof(struct cli_options, field)
static const struct flag flags[] = {
    {"detach", 'd', CLI_DETACH, FLAG_BOOL, AT(detach), NULL, "do not wait"},
    {"timeout", 0, CLI_TIMEOUT, FLAG_DURATION, AT(timeout_us), "D", "wait at most this long [5m]"},
    {"all", 'a', CLI_ALL, FLAG_BOOL, AT(all), NULL, "finished and stopped instances too"},
    {"job", 0, CLI_JOB, FLAG_TEXT, AT(job), "JOB", "only those of this job"},
    {"node", 0, CLI_NODE, FLAG_TEXT, AT(node), "NODE",
     "only those on this host: a name, or the beginning of an id"},
    {"follow", 'f', CLI_FOLLOW, FLAG_BOOL, AT(follow), NULL, "go on with what comes"},
    {"stderr", 0, CLI_STDERR, FLAG_BOOL, AT(is_stderr), NULL, "standard error instead of standard output"},
    {"tail", 0, CLI_TAIL, FLAG_SIZE, AT(tail_bytes), "BYTES", "begin at most so far before the end; 64k, 1M"},
    {"task", 0, CLI_TASK, FLAG_TEXT, AT(task), "TASK", "which task of the group [the first]"},
    {"prefix", 0, CLI_WATCH, FLAG_BOOL, AT(prefix), NULL, "watch: all variables whose key begins with KEY"},
    {"from", 0, CLI_WATCH, FLAG_NUMBER, AT(from), "INDEX",
     "watch: go on behind this log index [begin with what there is]"},
    {"once", 0, CLI_WATCH, FLAG_BOOL, AT(once), NULL, "watch: end after the first change"},
    {"force", 0, CLI_FORCE, FLAG_BOOL, AT(force), NULL,
     "do it all the same: overwrite what differs; take out a host that is alive"},
    {"matrix", 0, CLI_MATRIX, FLAG_BOOL, AT(matrix), NULL, "who sees whom, from every host's own view"},
    {"off", 0, CLI_OFF, FLAG_BOOL, AT(off), NULL, "take the word back"},
    {"for", 0, CLI_FOR, FLAG_DURATION, AT(for_us), "D",
     "announce an absence of at most so long; 90s, 10m; an hour at most"},
    {"kind", 0, CLI_KIND, FLAG_TEXT, AT(kind), "KIND",
     "only events whose kind begins so: member, instance, ..."},
    {"prometheus", 0, CLI_PROMETHEUS, FLAG_BOOL, AT(prometheus), NULL, "in Prometheus's text format"},
    {"cas", 0, CLI_CHECK, FLAG_CHECK, AT(check), "VERSION",
     "only if the variable has this version; 0: if it does not exist"},
    {"consistent", 0, CLI_CONSISTENT, FLAG_BOOL, AT(consistent), NULL,
     "as new as the leader's: needs a quorum [this host's copy, however old]"},
    {"socket", 0, CLI_AGENT, FLAG_TEXT, AT(socket), "PATH",
     "the agent's socket [$COVEY_SOCKET, /run/covey/covey.sock]"},
    {"json", 0, CLI_ALWAYS, FLAG_BOOL, AT(json), NULL, "for programs: one JSON object a line"},
    {"help", 'h', CLI_ALWAYS, FLAG_BOOL, AT(help), NULL, "this text"},
};
#define FLAGS_COUNT (sizeof flags / sizeof flags[0])

static bool flag_is_of(const struct flag *f, const struct cli_verb *verb) {
    return ((verb->flags | CLI_ALWAYS) & f->bit) != 0;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool number_read(struct bytes text, uint64_t *ret) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret = value;
    return text.size > 0;
}

static bool size_read(struct bytes text, uint64_t *ret) {
    unsigned shift = 0;
    if (text.size > 0) {
        uint8_t unit = text.data[text.size - 1] | 0x20;
        shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
    }
    text.size -= shift > 0;
    if (!number_read(text, ret) || *ret > UINT64_MAX >> shift)
        return false;
    *ret <<= shift;
    return true;
}

static int value_set(const struct flag *f, const char *value, struct cli_options *o, struct buf *ret_text) {
    uint8_t *field = (uint8_t *)o + f->offset;
    const char *wanted = NULL;
    int64_t us = 0;
    uint64_t number = 0;
    switch (f->kind) {
    case FLAG_BOOL: break;
    case FLAG_TEXT: /* the empty text of a variable that is not set must not mean all there is */
        if (value[0] == 0)
            wanted = f->value;
        memcpy(field, &value, sizeof value);
        break;
    case FLAG_DURATION:
        if (duration_parse(bytes_str(value), &us) != 0)
            wanted = "a duration such as 30s or 5m";
        memcpy(field, &us, sizeof us);
        o->has_timeout |= f->bit == CLI_TIMEOUT;
        break;
    case FLAG_SIZE:
        if (!size_read(bytes_str(value), &number))
            wanted = "a number of bytes such as 4096, 64k or 1M";
        memcpy(field, &number, sizeof number);
        break;
    case FLAG_CHECK:
        if (!number_read(bytes_str(value), &number))
            wanted = "a version as `covey var list` shows it, or 0";
        memcpy(field, &number, sizeof number);
        o->has_check = true;
        break;
    case FLAG_NUMBER:
        if (!number_read(bytes_str(value), &number))
            wanted = "a number";
        memcpy(field, &number, sizeof number);
        break;
    }
    if (wanted == NULL)
        return 0;
    buf_printf(ret_text, "--%s needs %s, not \"%s\"", f->name, wanted, value);
    return ERR_INVALID;
}

static int flag_unknown(const struct cli_verb *verb, const char *arg, struct bytes name,
                        struct buf *ret_text) {
    const char *names[FLAGS_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < FLAGS_COUNT; i++)
        if (flag_is_of(&flags[i], verb))
            names[count++] = flags[i].name;
    const char *nearest = text_nearest(name, names, count);
    buf_printf(ret_text, "there is no flag %s", arg);
    if (nearest != NULL)
        buf_printf(ret_text, "; did you mean --%s?", nearest);
    else
        buf_printf(ret_text, "; `covey help %s` lists them", verb->name);
    return ERR_INVALID;
}

static const struct flag *flag_find(const struct cli_verb *verb, struct bytes name, bool is_letter) {
    for (size_t i = 0; i < FLAGS_COUNT; i++) {
        const struct flag *f = &flags[i];
        bool same =
            is_letter ? f->letter != 0 && name.data[0] == (uint8_t)f->letter : bytes_is(name, f->name);
        if (same && flag_is_of(f, verb))
            return f;
    }
    return NULL;
}

/* One flag at argv[*at]; moves *at over a value that stands by itself. */
static int flag_read(const struct cli_verb *verb, int argc, char **argv, int *at, struct cli_options *o,
                     struct buf *ret_text) {
    const char *arg = argv[*at];
    bool is_letter = arg[1] != '-';
    const char *equals = is_letter ? NULL : strchr(arg, '=');
    struct bytes name = bytes_str(arg + (is_letter ? 1 : 2));
    if (equals != NULL)
        name.size = (size_t)(equals - arg) - 2;
    const struct flag *f = is_letter && name.size != 1 ? NULL : flag_find(verb, name, is_letter);
    if (f == NULL)
        return flag_unknown(verb, arg, name, ret_text);
    if (f->kind == FLAG_BOOL) {
        if (equals != NULL) {
            buf_printf(ret_text, "--%s takes no value", f->name);
            return ERR_INVALID;
        }
        *((bool *)((uint8_t *)o + f->offset)) = true;
        return 0;
    }
    if (equals == NULL && *at + 1 == argc) {
        buf_printf(ret_text, "--%s needs a value: --%s %s", f->name, f->name, f->value);
        return ERR_INVALID;
    }
    return value_set(f, equals != NULL ? equals + 1 : argv[++*at], o, ret_text);
}

static int operands_check(const struct cli_verb *verb, const struct cli_options *o, struct buf *ret_text) {
    if (o->help)
        return 0;
    const char *gap = verb->operands[0] != 0 ? " " : "";
    if (o->operands_count < verb->operands_min)
        buf_printf(ret_text, "not enough is given; usage: covey %s%s%s", verb->name, gap, verb->operands);
    else if (o->operands_count > verb->operands_max)
        buf_printf(ret_text, "\"%s\" is one too many; usage: covey %s%s%s", o->operands[verb->operands_max],
                   verb->name, gap, verb->operands);
    else
        return 0;
    return ERR_INVALID;
}

int cli_args(const struct cli_verb *verb, int argc, char **argv, struct arena *a, struct cli_options *ret,
             struct buf *ret_text) {
    struct cli_options o = {.timeout_us = 300 * US_PER_S};
    bool flags_over = false;
    o.operands = arena_alloc(a, ((size_t)argc + 1) * sizeof *o.operands);
    for (int i = 1; i < argc; i++) {
        if (!flags_over && strcmp(argv[i], "--") == 0) {
            flags_over = true;
            continue;
        }
        if (flags_over || argv[i][0] != '-' || argv[i][1] == 0) {
            o.operands[o.operands_count++] = argv[i];
            continue;
        }
        int error = flag_read(verb, argc, argv, &i, &o, ret_text);
        if (error != 0)
            return error;
    }
    int error = operands_check(verb, &o, ret_text);
    if (error == 0)
        *ret = o;
    return error;
}

const struct cli_verb *cli_verb_find(const struct cli_verb *verbs, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

void cli_view_unknown(const struct cli_verb *verbs, size_t count, const char *name, struct buf *out) {
    const char *names[32] = {"agent"};
    size_t known = 1;
    for (size_t i = 0; i < count && known < sizeof names / sizeof names[0]; i++)
        names[known++] = verbs[i].name;
    const char *nearest = text_nearest(bytes_str(name), names, known);
    buf_printf(out, "there is no verb %s; ", name);
    if (nearest != NULL)
        buf_printf(out, "did you mean `covey %s`?", nearest);
    else
        buf_printf(out, "`covey help` lists them");
}

/* ---- showing ------------------------------------------------------------------------------------------- */

void cli_view_usage(const struct cli_verb *verb, struct buf *out) {
    size_t size = strlen(verb->summary);
    const char *end = size > 0 && verb->summary[size - 1] == '.' ? "" : ".";
    buf_printf(out, "usage: covey %s [flags]%s%s\n\n%s%s\n%s\n", verb->name,
               verb->operands[0] != 0 ? " " : "", verb->operands, verb->summary, end, verb->more);
    for (size_t i = 0; i < FLAGS_COUNT; i++) {
        const struct flag *f = &flags[i];
        struct buf left = {0};
        if (!flag_is_of(f, verb))
            continue;
        if (f->letter != 0)
            buf_printf(&left, "-%c, ", f->letter);
        buf_printf(&left, "--%s%s%s", f->name, f->value != NULL ? " " : "", f->value != NULL ? f->value : "");
        buf_printf(out, "  %-18s %s\n", buf_str(&left), f->help);
        buf_done(&left);
    }
}

void cli_view_help(const struct cli_verb *verbs, size_t count, struct buf *out) {
    buf_printf(out, "usage: covey VERB [flags] [operands]\n\n");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "  %-9s %s\n", verbs[i].name, verbs[i].summary);
    buf_printf(out, "\n`covey help VERB` says more. Manual pages: covey(1), covey-agent(8), covey-job(5).\n");
}
