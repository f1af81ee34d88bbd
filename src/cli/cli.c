/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The verbs, and what all of them need: the agent, errors, output. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <covey/cli.h>
#include <covey/client.h>

#define SOCKET_DEFAULT  "/run/covey/covey.sock"
#define READER_CHECK_MS 500

const struct cli_verb cli_verbs[] = {
    {"run", "FILE|-", "Submit the jobs of a file and wait until they run, or have completed",
     "\nA job that is there already is changed to what the file says; the same file again changes nothing.\n"
     "Ends with 0 when all instances run (service) or are complete (batch), with 1 when a batch job will\n"
     "not complete; when time is up with 9 if one fits no host, with 1 if one failed, else with 5.\n"
     "What was submitted stays submitted in any case.\n",
     CLI_AGENT | CLI_DETACH | CLI_TIMEOUT, 1, 1, cli_run},
    {"stop", "JOB", "Stop a job and wait until nothing of it runs", "", CLI_AGENT | CLI_DETACH | CLI_TIMEOUT,
     1, 1, cli_stop},
    {"status", "[JOB]", "Show how the cluster is, or a job with its instances and why some are not placed",
     "", CLI_AGENT | CLI_ALL | CLI_CONSISTENT, 0, 1, cli_status},
    {"ps", "[JOB]", "List instances: where they run, how they are, their ports", "",
     CLI_AGENT | CLI_ALL | CLI_JOB | CLI_NODE | CLI_CONSISTENT, 0, 1, cli_ps},
    {"nodes", "[forget HOST]", "List the hosts of the cluster, or take one out that will not come back",
     "\nHEARD is how long ago a packet came from the host itself; INC its incarnation, the run of its agent "
     "and how often it\n"
     "had to refute. With --matrix every host is asked how it sees the others, which shows links that pass "
     "packets one way\n"
     "only; it works on any side of a split. A host that is taken out loses its vote and what it ran is "
     "placed elsewhere; one\n"
     "that is alive is refused without --force: run `covey leave` there.\n",
     CLI_AGENT | CLI_CONSISTENT | CLI_MATRIX | CLI_FORCE | CLI_DETACH | CLI_TIMEOUT, 0, 2, cli_nodes},
    {"drain", "HOST", "Move everything off a host, and place nothing new there",
     "\nServices move one by one: the replacement runs before the old instance is stopped. Batch instances "
     "run to their end.\n"
     "Its vote and leadership move, too. It waits until the host is empty; the word holds until --off.\n",
     CLI_AGENT | CLI_OFF | CLI_DETACH | CLI_TIMEOUT, 1, 1, cli_drain},
    {"agent", "restart | away [HOST] | back [HOST]", "Run the agent of this host (see `covey agent --help`)",
     "\nSpeaks to the agent that runs. `restart` starts it anew in its place, with the program that stands "
     "at "
     "its path by\n"
     "now; tasks run on. With --for the others are told first: for so long nothing of the host is replaced. "
     "`away` announces\n"
     "an absence without a restart, before a reboot say; `back` ends it. It ends by itself when the agent is "
     "back, or when\n"
     "the time is up.\n",
     CLI_AGENT | CLI_FOR | CLI_DETACH | CLI_TIMEOUT, 1, 2, cli_agent},
    {"logs", "JOB|INSTANCE", "Print the output of a task, on whatever host it runs",
     "\nAn instance is named by its id or the first four or more digits of it. Of a job's instances a "
     "running one is taken.\n",
     CLI_AGENT | CLI_FOLLOW | CLI_STDERR | CLI_TAIL | CLI_TASK, 1, 1, cli_logs},
    {"events", "", "Print what this agent saw happen lately",
     "\nKinds: member.joined, .suspected, .refuted, .died, .away, .left, .changed, .forgotten, "
     "self.refuted, .stalled,\n"
     ".duplicate, node.drain, .forget, .away, leader.*, voters.*, join.*, instance, and more.\n",
     CLI_AGENT | CLI_FOLLOW | CLI_KIND, 0, 0, cli_events},
    {"counters", "", "Count what this agent has been through: elections, suspicions, damaged disks, ...",
     "\nCounted from the agent's start. With --all also what never happened.\n",
     CLI_AGENT | CLI_ALL | CLI_PROMETHEUS, 0, 0, cli_counters},
    {"var", "get KEY | put KEY VALUE|- | list [PREFIX] | rm KEY | watch [KEY]",
     "Read, write and watch the variables of the cluster",
     "\nThe value `-` is read from standard input. Every write gives the variable a higher version; with "
     "--cas it is done only\n"
     "if nobody else wrote in between (exit status 4 otherwise). A watch prints what there is, then every "
     "change, none left out.\n"
     "Locks, counters and configuration are made of these: see covey(1).\n",
     CLI_AGENT | CLI_CHECK | CLI_CONSISTENT | CLI_WATCH, 1, 3, cli_var},
    {"voters", "[pin|exclude|auto NODE]",
     "Show which hosts vote, why, and what may be lost; or say who should",
     "\nThe hosts choose 1, 3, 5 or 7 voters among themselves. A pinned host votes and is never replaced, an "
     "excluded one never\n"
     "votes; auto takes either back.\n",
     CLI_AGENT, 0, 2, cli_voters},
    {"backup", "FILE|-", "Save jobs and variables to a file",
     "\nAll as of one moment. No secrets, no hosts: another cluster can take it, too.\n", CLI_AGENT, 1, 1,
     cli_backup},
    {"restore", "FILE|-", "Submit the jobs and write the variables of a backup",
     "\nWhat is there already is left alone; what is there and differs is an error (status 4), or "
     "overwritten "
     "with --force.\n",
     CLI_AGENT | CLI_FORCE, 1, 1, cli_restore},
    {"log", "verify|dump DIR|FILE", "Check or show the log in a data directory; needs no agent",
     "\nReads only, while an agent writes there, too. A directory, or one file of it. verify ends with 0 "
     "when "
     "the log is good or\n"
     "has the torn tail that a crash leaves, 1 when it is damaged, saying where and what to do, 2 when it "
     "cannot be read. dump\n"
     "shows it record by record, without secrets.\n",
     0, 2, 2, cli_log},
    {"validate", "FILE...", "Check job files; needs no agent", "", 0, 1, 1000, cli_validate},
    {"token", "", "Print the join token, and what to type on the next host", "", CLI_AGENT, 0, 0, cli_token},
    {"leave", "", "Take this host out of the cluster: its instances are moved, its agent ends", "", CLI_AGENT,
     0, 0, cli_leave},
    {"version", "", "Print the version", "", 0, 0, 0, cli_version},
    {"help", "[VERB]", "Explain covey, or a verb", "", 0, 0, 1, cli_help},
};
const size_t cli_verbs_count = sizeof cli_verbs / sizeof cli_verbs[0];

/* ---- time and chance ----------------------------------------------------------------------------------- */

static int64_t clock_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

int64_t cli_now_us(void) { return clock_us(CLOCK_MONOTONIC); }
int64_t cli_now_ms(void) { return clock_us(CLOCK_REALTIME) / US_PER_MS; }

struct request_id cli_request_id(void) {
    struct request_id id;
    ssize_t size;
    do {
        size = getrandom(id.b, sizeof id.b, 0);
    } while (size < 0 && errno == EINTR);
    assert(size == (ssize_t)sizeof id.b);
    return id;
}

/* ---- errors -------------------------------------------------------------------------------------------- */

int cli_fail(struct cli *c, int code, const char *format, ...) {
    struct buf text = {0}, line = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    buf_printf(&line, "covey %s: ", c->verb->name);
    cli_put(&line, buf_bytes(&text));
    fprintf(stderr, "%s\n", buf_str(&line));
    buf_done(&text);
    buf_done(&line);
    return err_exit(code);
}

/* For errors whose text cannot know the command line. */
static const char *hint_of(int code) {
    switch (code) {
    case ERR_NO_AGENT: return " (--socket PATH, or the environment variable COVEY_SOCKET)";
    case ERR_NO_LEADER:
    case ERR_NOT_LEADER: return "; `covey status` shows the voters";
    case ERR_TIMEOUT:
    case ERR_BUSY: return "; try again";
    case ERR_CLOSED: return "; is the agent still running? Try again";
    case ERR_VERSION: return "; do this program and the agent have the same version?";
    default: return "";
    }
}

int cli_fail_call(struct cli *c, int code) {
    return cli_fail(c, code, "%s%s", c->text[0] != 0 ? c->text : err_str(code), hint_of(code));
}

bool cli_is_broken(int code) { return code == ERR_CLOSED || code == ERR_NO_AGENT || code == ERR_IO; }

/* ---- the agent ----------------------------------------------------------------------------------------- */

static const char *socket_path(const struct cli *c) {
    const char *path = c->options.socket != NULL ? c->options.socket : getenv("COVEY_SOCKET");
    return path != NULL && path[0] != 0 ? path : SOCKET_DEFAULT;
}

int cli_connect(struct cli *c) {
    if (c->client != NULL)
        return 0;
    c->text[0] = 0;
    return client_connect(socket_path(c), &c->client, c->text, sizeof c->text);
}

void cli_disconnect(struct cli *c) {
    if (c->client != NULL)
        client_free(c->client);
    c->client = NULL;
}

int cli_call(struct cli *c, const char *method, const struct codec_type *params_type, const void *params,
             const struct codec_type *result_type, void *ret_result, int timeout_ms) {
    int error = cli_connect(c);
    if (error != 0)
        return error;
    error =
        client_call(c->client, method, params_type, params, result_type, ret_result, &c->arena, timeout_ms);
    if (error == 0)
        return 0;
    const char *text = client_text(c->client);
    snprintf(c->text, sizeof c->text, "%s", text != NULL ? text : "");
    /* An answer that comes after all must not be taken for that of the next call. */
    if (cli_is_broken(error) || error == ERR_TIMEOUT)
        cli_disconnect(c);
    return error;
}

int cli_stream(struct cli *c, const char *method, const struct codec_type *type, const void *params,
               uint64_t *ret_id) {
    int error = cli_connect(c);
    if (error != 0)
        return error;
    error = client_stream(c->client, method, type, params, ret_id);
    if (error != 0)
        snprintf(c->text, sizeof c->text, "%s", client_text(c->client));
    return error;
}

int cli_chunk(struct cli *c, uint64_t id, struct arena *a, struct wire_admin_chunk *ret, int timeout_ms) {
    int error = client_chunk(c->client, id, a, ret, timeout_ms);
    if (error != 0)
        snprintf(c->text, sizeof c->text, "%s", client_text(c->client));
    else if (ret->error != 0)
        snprintf(c->text, sizeof c->text, "%.*s", BYTES_FMT(ret->text));
    return error != 0 ? error : ret->error;
}

int cli_chunk_follow(struct cli *c, uint64_t id, struct arena *a, struct wire_admin_chunk *ret) {
    struct pollfd out = {.fd = STDOUT_FILENO}; /* errors are told without being asked for */
    for (;;) {
        int error = cli_chunk(c, id, a, ret, READER_CHECK_MS);
        if (error != ERR_TIMEOUT || ret->error != 0)
            return error;
        if (poll(&out, 1, 0) != 1 || (out.revents & (POLLERR | POLLHUP)) == 0)
            continue;
        raise(SIGPIPE);
        *ret = (struct wire_admin_chunk){.end = true};
        return 0;
    }
}

/* ---- files and output ---------------------------------------------------------------------------------- */

static int fd_read(int fd, size_t size_max, struct buf *ret) {
    ssize_t size = 1;
    while (size > 0 && ret->size <= size_max) {
        buf_reserve(ret, 65536);
        size = read(fd, ret->data + ret->size, 65536);
        if (size < 0 && errno == EINTR)
            size = 1;
        else if (size > 0)
            ret->size += (size_t)size;
    }
    return size < 0 ? ERR_IO : ret->size > size_max ? ERR_LIMIT : 0;
}

int cli_read_file(struct cli *c, const char *path, size_t size_max, struct bytes *ret) {
    struct buf text = {0};
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? ERR_IO : fd_read(fd, size_max, &text);
    if (error == ERR_IO)
        snprintf(c->text, sizeof c->text, "%s: %s", path, strerror(errno));
    else if (error == ERR_LIMIT)
        snprintf(c->text, sizeof c->text, "%s: larger than %zu bytes", path, size_max);
    else
        *ret = arena_copy(&c->arena, buf_bytes(&text));
    if (fd > STDIN_FILENO)
        close(fd);
    buf_done(&text);
    return error;
}

void cli_print(const struct buf *out) {
    fwrite(out->data, 1, out->size, stdout);
    fflush(stdout);
}

void cli_print_json(const struct codec_type *type, const void *obj) {
    struct buf out = {0};
    codec_to_json(type, obj, &out);
    buf_append_byte(&out, '\n');
    cli_print(&out);
    buf_done(&out);
}

void cli_warn_stale(const struct wire_admin_freshness *f) {
    struct buf line = {0};
    if (f->age_ms < 10000 && !f->isolated)
        return;
    cli_put_freshness(&line, f);
    fprintf(stderr, "%s\n", buf_str(&line));
    buf_done(&line);
}

/* ---- main ---------------------------------------------------------------------------------------------- */

static int verb_unknown(const char *name) {
    struct buf text = {0}, line = {0};
    cli_view_unknown(cli_verbs, cli_verbs_count, name, &text);
    cli_put(&line, buf_bytes(&text));
    fprintf(stderr, "covey: %s\n", buf_str(&line));
    buf_done(&text);
    buf_done(&line);
    return err_exit(ERR_INVALID);
}

static int verb_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli c = {.verb = verb, .is_tty = isatty(STDOUT_FILENO) == 1};
    struct buf text = {0};
    int status;
    int error = cli_args(verb, argc, argv, &c.arena, &c.options, &text);
    if (error != 0) {
        status = cli_fail(&c, error, "%s", buf_str(&text));
    } else if (c.options.help) {
        cli_view_usage(verb, &text);
        cli_print(&text);
        status = 0;
    } else {
        status = verb->run(&c);
    }
    if (status == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        status = cli_fail(&c, ERR_IO, "cannot write the output: %s", strerror(errno));
    cli_disconnect(&c);
    arena_done(&c.arena);
    buf_done(&text);
    return status;
}

int cli_main(int argc, char **argv) {
    char help[] = "help", version[] = "version";
    char *fallback[] = {help, NULL};
    if (argc < 2) {
        struct buf out = {0};
        cli_view_help(cli_verbs, cli_verbs_count, &out);
        fprintf(stderr, "%s", buf_str(&out));
        buf_done(&out);
        return err_exit(ERR_INVALID);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return verb_run(cli_verb_find(cli_verbs, cli_verbs_count, "help"), 1, fallback);
    fallback[0] = version;
    if (strcmp(argv[1], "--version") == 0)
        return verb_run(cli_verb_find(cli_verbs, cli_verbs_count, "version"), 1, fallback);
    const struct cli_verb *verb = cli_verb_find(cli_verbs, cli_verbs_count, argv[1]);
    return verb != NULL ? verb_run(verb, argc - 1, argv + 1) : verb_unknown(argv[1]);
}
