/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Flags and the configuration file: one table for both. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <covey/hcl.h>

#include "config.h"

enum key {
    KEY_BOOTSTRAP,
    KEY_DEV,
    KEY_RAW_EXEC,
    KEY_JOIN,
    KEY_DATA_DIR,
    KEY_BIND,
    KEY_ADVERTISE,
    KEY_SOCKET,
    KEY_SOCKET_GROUP,
    KEY_NAME,
    KEY_META,
    KEY_SECRET_FILE,
    KEY_RESOURCES,
    KEY_PORTS,
    KEY_SWIM_PERIOD,
    KEY_HEARTBEAT,
    KEY_ELECTION_TIMEOUT,
    KEY_REPLACE_AFTER,
    KEY_HEAL_STABLE,
    KEYS,
};

#define MS(x) ((x)*US_PER_MS)
static const struct hcl_config_key keys[KEYS] = {
    [KEY_BOOTSTRAP] = {"bootstrap", HCL_CONFIG_BOOL, 0, 0},
    [KEY_DEV] = {"dev", HCL_CONFIG_BOOL, 0, 0},
    [KEY_RAW_EXEC] = {"raw-exec", HCL_CONFIG_BOOL, 0, 0},
    [KEY_JOIN] = {"join", HCL_CONFIG_LIST, 0, 0},
    [KEY_DATA_DIR] = {"data-dir", HCL_CONFIG_STRING, 0, 0},
    [KEY_BIND] = {"bind", HCL_CONFIG_STRING, 0, 0},
    [KEY_ADVERTISE] = {"advertise", HCL_CONFIG_STRING, 0, 0},
    [KEY_SOCKET] = {"socket", HCL_CONFIG_STRING, 0, 0},
    [KEY_SOCKET_GROUP] = {"socket-group", HCL_CONFIG_STRING, 0, 0},
    [KEY_NAME] = {"name", HCL_CONFIG_STRING, 0, 0},
    [KEY_META] = {"meta", HCL_CONFIG_MAP, 0, 0},
    [KEY_SECRET_FILE] = {"secret-file", HCL_CONFIG_STRING, 0, 0},
    [KEY_RESOURCES] = {"resources", HCL_CONFIG_MAP, 0, 0},
    [KEY_PORTS] = {"ports", HCL_CONFIG_STRING, 0, 0},
    [KEY_SWIM_PERIOD] = {"swim-period", HCL_CONFIG_DURATION, MS(50), MS(60000)},
    [KEY_HEARTBEAT] = {"heartbeat", HCL_CONFIG_DURATION, MS(5), MS(10000)},
    [KEY_ELECTION_TIMEOUT] = {"election-timeout", HCL_CONFIG_DURATION, MS(20), MS(60000)},
    [KEY_REPLACE_AFTER] = {"replace-after", HCL_CONFIG_DURATION, MS(100), MS(86400000)},
    [KEY_HEAL_STABLE] = {"heal-stable", HCL_CONFIG_DURATION, MS(100), MS(86400000)},
};

void config_help(void) {
    fputs("usage: covey agent [--dev | --bootstrap | --join ADDR...] [options]\n"
          "\n"
          "Runs the agent of this host in the foreground. A host that was a member before needs none of the "
          "first three.\n"
          "\n"
          "  --dev                    one host on 127.0.0.1, data in a temporary folder, raw_exec allowed\n"
          "  --bootstrap              make a new cluster of this host alone, unless the data directory has "
          "one\n"
          "  --join ADDR              a host to join at, name or address, [:7370]; may be repeated\n"
          "  --secret-file FILE       the join token (`covey token` on a member prints it)\n"
          "  --config FILE            HCL file with the same names [/etc/covey/agent.hcl, if it is there]\n"
          "  --data-dir DIR           [/var/lib/covey]\n"
          "  --bind ADDR[:PORT]       UDP and TCP [0.0.0.0:7370]\n"
          "  --advertise ADDR[:PORT]  the address that others reach this host at\n"
          "  --socket PATH            admin socket [/run/covey/covey.sock]\n"
          "  --socket-group GROUP     whose members may use the socket besides root and the agent's user\n"
          "  --name NAME              [the host name]\n"
          "  --meta KEY=VALUE         may be repeated\n"
          "  --resources cpu=MHZ,memory=MIB  [what the host has]\n"
          "  --ports LOW-HIGH         dynamic ports of tasks [20000-32000]\n"
          "  --raw-exec               allow the raw_exec driver\n"
          "  --swim-period D --heartbeat D --election-timeout D --replace-after D --heal-stable D\n",
          stdout);
}

static int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("covey agent: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return ERR_INVALID;
}

/* ---- values ---- */

static const char *text_of(struct config *c, struct bytes in) {
    return (const char *)arena_copy(&c->arena, in).data;
}

static bool number(struct bytes text, uint64_t max, uint64_t *ret) {
    uint64_t value = 0;
    if (text.size == 0)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
        if (value > max)
            return false;
    }
    *ret = value;
    return true;
}

static bool split(struct bytes text, char at, struct bytes *left, struct bytes *right) {
    const uint8_t *p = memchr(text.data, at, text.size);
    if (p == NULL)
        return false;
    *left = bytes_of(text.data, (size_t)(p - text.data));
    *right = bytes_of(p + 1, text.size - left->size - 1);
    return true;
}

static int set_ports(struct config *c, struct bytes text) {
    struct bytes low, high;
    uint64_t a, b;
    if (!split(text, '-', &low, &high) || !number(low, 65535, &a) || !number(high, 65535, &b) || a == 0 ||
        a > b)
        return complain("ports: \"%.*s\" is no range like 20000-32000", BYTES_FMT(text));
    c->ports_low = (uint32_t)a;
    c->ports_high = (uint32_t)b;
    return 0;
}

static int set_resource(struct config *c, struct bytes name, struct bytes value) {
    uint64_t v;
    if (!number(value, 1u << 30, &v))
        return complain("resources: %.*s = \"%.*s\" is no number", BYTES_FMT(name), BYTES_FMT(value));
    if (bytes_is(name, "cpu"))
        c->cpu_mhz = (uint32_t)v;
    else if (bytes_is(name, "memory"))
        c->memory_mib = (uint32_t)v;
    else
        return complain("resources: \"%.*s\" is not one of cpu, memory", BYTES_FMT(name));
    return 0;
}

static int set_meta(struct config *c, struct bytes name, struct bytes value) {
    if (c->meta_count == WIRE_PAIRS_MAX)
        return complain("meta: more than %d", WIRE_PAIRS_MAX);
    c->meta[c->meta_count++] =
        (struct wire_pair){.name = arena_copy(&c->arena, name), .value = arena_copy(&c->arena, value)};
    return 0;
}

static int set_pair(struct config *c, enum key key, struct bytes name, struct bytes value) {
    return key == KEY_META ? set_meta(c, name, value) : set_resource(c, name, value);
}

static int set_join(struct config *c, struct bytes text) {
    if (c->joins_count == CONFIG_JOINS_MAX)
        return complain("join: more than %d", CONFIG_JOINS_MAX);
    c->joins[c->joins_count++] = arena_copy(&c->arena, text);
    return 0;
}

static int set_text(struct config *c, enum key key, struct bytes text) {
    struct bytes copy = arena_copy(&c->arena, text);
    const char *s = (const char *)copy.data;
    switch ((int)key) {
    case KEY_JOIN: return set_join(c, text);
    case KEY_DATA_DIR: c->data_dir = s; break;
    case KEY_BIND: c->bind = copy; break;
    case KEY_ADVERTISE: c->advertise = copy; break;
    case KEY_SOCKET: c->socket = s; break;
    case KEY_SOCKET_GROUP: c->socket_group = s; break;
    case KEY_NAME: c->name = copy; break;
    case KEY_SECRET_FILE: c->secret_file = s; break;
    case KEY_PORTS: return set_ports(c, text);
    default: return ERR_INVALID;
    }
    return 0;
}

static void set_flag(struct config *c, enum key key, bool value) {
    if (key == KEY_BOOTSTRAP)
        c->bootstrap = value;
    if (key == KEY_DEV)
        c->dev = value;
    if (key == KEY_RAW_EXEC)
        c->raw_exec = value;
}

static void set_duration(struct config *c, enum key key, int64_t us) {
    if (key == KEY_SWIM_PERIOD)
        c->swim_period_us = us;
    if (key == KEY_HEARTBEAT)
        c->heartbeat_us = us;
    if (key == KEY_ELECTION_TIMEOUT)
        c->election_us = us;
    if (key == KEY_REPLACE_AFTER)
        c->replace_after_us = us;
    if (key == KEY_HEAL_STABLE)
        c->heal_stable_us = us;
}

/* ---- the file ---- */

static int set_value(struct config *c, enum key key, const struct hcl_config_value *v) {
    int error = 0;
    switch (keys[key].kind) {
    case HCL_CONFIG_STRING: return set_text(c, key, v->text);
    case HCL_CONFIG_BOOL: set_flag(c, key, v->flag); break;
    case HCL_CONFIG_DURATION: set_duration(c, key, v->integer); break;
    case HCL_CONFIG_LIST:
        for (size_t i = 0; i < v->count && error == 0; i++)
            error = set_text(c, key, v->list[i]);
        break;
    case HCL_CONFIG_MAP:
        for (size_t i = 0; i < v->count && error == 0; i++)
            error = set_pair(c, key, v->pairs[i].key, v->pairs[i].value);
        break;
    case HCL_CONFIG_INT: break;
    }
    return error;
}

static int read_file(struct config *c, const char *path, struct bytes *ret) {
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return complain("%s: %s", path, strerror(errno));
    struct buf text = {0};
    char part[4096];
    size_t n;
    while ((n = fread(part, 1, sizeof part, f)) > 0 && text.size < (1u << 20))
        buf_append(&text, part, n);
    int error = ferror(f) ? complain("%s: %s", path, strerror(errno)) : 0;
    fclose(f);
    *ret = arena_copy(&c->arena, buf_bytes(&text));
    buf_done(&text);
    return error;
}

static int config_file(struct config *c, const char *path) {
    struct hcl_config_value values[KEYS];
    struct hcl_diags diags;
    struct bytes text;
    int error = read_file(c, path, &text);
    if (error != 0)
        return error;
    memset(values, 0, sizeof values);
    hcl_diags_init(&diags, path, text, &c->arena);
    error = hcl_config_parse(keys, KEYS, &c->arena, &diags, values);
    if (error != 0) {
        struct buf out = {0};
        hcl_diags_print(&diags, &out);
        fwrite(out.data, 1, out.size, stderr);
        buf_done(&out);
        return error;
    }
    for (int key = 0; key < KEYS && error == 0; key++)
        if (values[key].at.line != 0)
            error = set_value(c, (enum key)key, &values[key]);
    return error;
}

/* ---- flags ---- */

static int flag_pairs(struct config *c, enum key key, struct bytes text) {
    struct bytes item = text, rest = {0}, name, value;
    do {
        rest = (struct bytes){0};
        if (key == KEY_RESOURCES)
            (void)split(item, ',', &item, &rest);
        if (!split(item, '=', &name, &value))
            return complain("--%s: \"%.*s\" is not NAME=VALUE", keys[key].name, BYTES_FMT(item));
        int error = set_pair(c, key, name, value);
        if (error != 0)
            return error;
        item = rest;
    } while (rest.size > 0);
    return 0;
}

static int flag_value(struct config *c, enum key key, struct bytes text) {
    int64_t us;
    switch (keys[key].kind) {
    case HCL_CONFIG_MAP: return flag_pairs(c, key, text);
    case HCL_CONFIG_DURATION:
        if (duration_parse(text, &us) != 0 || us < keys[key].integer_min || us > keys[key].integer_max)
            return complain("--%s: \"%.*s\" is no duration in its range", keys[key].name, BYTES_FMT(text));
        set_duration(c, key, us);
        return 0;
    case HCL_CONFIG_STRING:
    case HCL_CONFIG_LIST: return set_text(c, key, text);
    case HCL_CONFIG_BOOL:
    case HCL_CONFIG_INT: break;
    }
    return ERR_INVALID;
}

static int unknown_flag(const char *flag) {
    const char *names[KEYS + 1];
    for (int i = 0; i < KEYS; i++)
        names[i] = keys[i].name;
    names[KEYS] = "config";
    const char *near = text_nearest(bytes_str(flag + 2), names, KEYS + 1);
    if (near != NULL)
        return complain("there is no flag %s; did you mean --%s?", flag, near);
    return complain("there is no flag %s; `covey agent --help` lists them", flag);
}

static int config_flags(struct config *c, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        struct bytes name = bytes_str(arg), value = {0};
        bool joined = false;
        int key = 0;
        if (strncmp(arg, "--", 2) != 0)
            return complain("\"%s\" is not a flag", arg);
        joined = split(name, '=', &name, &value);
        name = bytes_of(name.data + 2, name.size - 2);
        if (bytes_is(name, "config")) {
            if (!joined && ++i == argc)
                return complain("%s needs a value", arg);
            continue; /* read before the flags */
        }
        while (key < KEYS && !bytes_is(name, keys[key].name))
            key++;
        if (key == KEYS)
            return unknown_flag(arg);
        if (keys[key].kind == HCL_CONFIG_BOOL) {
            if (joined && !bytes_is(value, "true") && !bytes_is(value, "false"))
                return complain("--%s: \"%.*s\" is neither true nor false", keys[key].name, BYTES_FMT(value));
            set_flag(c, (enum key)key, !joined || bytes_is(value, "true"));
            continue;
        }
        if (!joined && ++i == argc)
            return complain("%s needs a value", arg);
        if (!joined)
            value = bytes_str(argv[i]);
        int error = flag_value(c, (enum key)key, value);
        if (error != 0)
            return error;
    }
    return 0;
}

static const char *config_path(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            return argv[i + 1];
        if (strncmp(argv[i], "--config=", 9) == 0)
            return argv[i] + 9;
    }
    return access("/etc/covey/agent.hcl", R_OK) == 0 ? "/etc/covey/agent.hcl" : NULL;
}

/* ---- defaults ---- */

static int config_defaults(struct config *c) {
    char host[WIRE_NAME_MAX + 1] = "";
    if (c->name.size == 0) {
        (void)gethostname(host, sizeof host - 1);
        c->name = arena_copy(&c->arena, bytes_str(c->dev ? "dev" : host[0] != 0 ? host : "host"));
    }
    if (c->dev) {
        c->bootstrap = c->raw_exec = true;
        if (c->bind.size == 0)
            c->bind = bytes_str("127.0.0.1:7370");
        if (c->data_dir == NULL) {
            char dir[] = "/tmp/covey-dev-XXXXXX";
            if (mkdtemp(dir) == NULL || chmod(dir, 0711) != 0)
                return complain("cannot make a temporary folder: %s", strerror(errno));
            c->data_dir = text_of(c, bytes_str(dir));
        }
    }
    if (c->bind.size == 0)
        c->bind = bytes_str("0.0.0.0:7370");
    if (c->data_dir == NULL)
        c->data_dir = "/var/lib/covey";
    if (c->socket == NULL)
        c->socket = "/run/covey/covey.sock";
    if (c->ports_high == 0) {
        c->ports_low = 20000;
        c->ports_high = 32000;
    }
    if (c->secret_file == NULL)
        return 0;
    struct bytes token;
    int error = read_file(c, c->secret_file, &token);
    if (error == 0 && token.size == 0)
        error = complain("%s is empty: `covey token` on a member prints what belongs there", c->secret_file);
    if (error == 0)
        c->token = token;
    return error;
}

int config_load(struct config *c, int argc, char **argv) {
    memset(c, 0, sizeof *c);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            config_help();
            return 1;
        }
    c->file = config_path(argc, argv);
    int error = c->file != NULL ? config_file(c, c->file) : 0;
    if (error == 0)
        error = config_flags(c, argc, argv);
    if (error == 0)
        error = config_defaults(c);
    return error;
}

void config_done(struct config *c) { arena_done(&c->arena); }
