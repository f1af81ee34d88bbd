/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The room's own words. A verb is a file: it asks the agent (cli_call), hands the answer to a cli_view_*
 * function and prints what that made. Views and the reading of arguments are pure and have tests; they refer
 * to no client.
 */
#ifndef COVEY_CLI_INTERNAL_H
#define COVEY_CLI_INTERNAL_H

#include <covey/base.h>
#include <covey/wire.h>

struct client;
struct codec_type;

/* ---- arguments ----------------------------------------------------------------------------------------- */

/* What the flags of all verbs set. */
struct cli_options {
    bool help, json, detach, all, follow, is_stderr, has_check, has_timeout, consistent, prefix, once, force;
    bool matrix, off, prometheus;
    const char *socket, *job, *node, *task, *kind; /* NULL: not given */
    int64_t timeout_us, for_us;
    uint64_t tail_bytes, check, from;
    const char **operands; /* in the arena, with a NULL behind the last */
    size_t operands_count;
};

#define CLI_DETACH     (1u << 0)
#define CLI_TIMEOUT    (1u << 1)
#define CLI_ALL        (1u << 2)
#define CLI_JOB        (1u << 3)
#define CLI_NODE       (1u << 4)
#define CLI_FOLLOW     (1u << 5)
#define CLI_STDERR     (1u << 6)
#define CLI_TAIL       (1u << 7)
#define CLI_TASK       (1u << 8)
#define CLI_CHECK      (1u << 9)
#define CLI_AGENT      (1u << 10) /* it talks to the agent: --socket */
#define CLI_ALWAYS     (1u << 11) /* --json, --help */
#define CLI_CONSISTENT (1u << 12)
#define CLI_WATCH      (1u << 13)
#define CLI_FORCE      (1u << 14)
#define CLI_MATRIX     (1u << 15)
#define CLI_OFF        (1u << 16)
#define CLI_FOR        (1u << 17)
#define CLI_KIND       (1u << 18)
#define CLI_PROMETHEUS (1u << 19)

struct cli;
struct cli_verb {
    const char *name, *operands, *summary;
    const char *more; /* below the usage; whole lines */
    unsigned flags;   /* CLI_* */
    size_t operands_min, operands_max;
    int (*run)(struct cli *c); /* the exit status */
};

extern const struct cli_verb cli_verbs[];
extern const size_t cli_verbs_count;

const struct cli_verb *cli_verb_find(const struct cli_verb *verbs, size_t count, const char *name);
/*
 * argv[0] is the verb. Flags may stand before, between and after the operands; `--` ends them. ERR_INVALID
 * with a text that says what to do.
 */
int cli_args(const struct cli_verb *verb, int argc, char **argv, struct arena *a, struct cli_options *ret,
             struct buf *ret_text);
/* "there is no verb NAME; ..." */
void cli_view_unknown(const struct cli_verb *verbs, size_t count, const char *name, struct buf *out);
void cli_view_usage(const struct cli_verb *verb, struct buf *out);
void cli_view_help(const struct cli_verb *verbs, size_t count, struct buf *out);

/* ---- one run of a verb --------------------------------------------------------------------------------- */

struct cli {
    const struct cli_verb *verb;
    struct cli_options options;
    bool is_tty; /* stdout */
    struct arena arena;
    struct client *client; /* NULL until the first call */
    char text[1024];       /* of the last call that failed */
};

int64_t cli_now_us(void); /* monotonic */
int64_t cli_now_ms(void); /* wall clock */
struct request_id cli_request_id(void);

/* Prints `covey VERB: text`; the exit status of the code. */
int cli_fail(struct cli *c, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same for the last call, with what to do next. */
int cli_fail_call(struct cli *c, int code);
/* Connects when that is needed. On failure c->text says why; nothing is printed. */
int cli_connect(struct cli *c);
void cli_disconnect(struct cli *c);
int cli_call(struct cli *c, const char *method, const struct codec_type *params_type, const void *params,
             const struct codec_type *result_type, void *ret_result, int timeout_ms);
/* Connects, and opens a stream. */
int cli_stream(struct cli *c, const char *method, const struct codec_type *type, const void *params,
               uint64_t *ret_id);
/* The next chunk of a stream. An error, the stream's own with which it ends among them, is told in c->text.
 */
int cli_chunk(struct cli *c, uint64_t id, struct arena *a, struct wire_admin_chunk *ret, int timeout_ms);
/* The same, however long it takes. Who follows `| head` in vain ends, too: when nobody reads the output any
 * more, as by a write that nobody takes (SIGPIPE). */
int cli_chunk_follow(struct cli *c, uint64_t id, struct arena *a, struct wire_admin_chunk *ret);
/* Whether another try on a new connection may succeed: it broke, or the agent is not there (any more). */
bool cli_is_broken(int code);
void cli_print(const struct buf *out);
/* One JSON object and a newline on stdout. */
void cli_print_json(const struct codec_type *type, const void *obj);
/* A line on stderr when the answer is old. */
void cli_warn_stale(const struct wire_admin_freshness *f);
/* A whole file, `-` for stdin; at most size_max bytes (ERR_LIMIT). On failure c->text says why. */
int cli_read_file(struct cli *c, const char *path, size_t size_max, struct bytes *ret);

/* ---- text (text.c, table.c) ---------------------------------------------------------------------------- */

/* Text from elsewhere, fit for a terminal: control characters become `?`. */
void cli_put(struct buf *out, struct bytes text);
void cli_put_age(struct buf *out, uint64_t age_ms);          /* "0.2 s", "14 min", "3 h", "5 days" */
void cli_put_age_short(struct buf *out, uint64_t age_ms);    /* "12s", "14m", "3h", "5d" */
void cli_put_size(struct buf *out, uint64_t size_bytes);     /* "312 B", "7.7 GiB" */
void cli_put_time(struct buf *out, int64_t time_ms);         /* local time, "2026-11-21 03:40:55" */
void cli_put_id(struct buf *out, const uint8_t id[ID_SIZE]); /* 8 digits */
void cli_put_freshness(struct buf *out, const struct wire_admin_freshness *f);

/* Rows of cells, columns aligned, two spaces apart. */
#define CLI_COLUMNS_MAX 12
struct cli_table {
    struct arena arena;
    VEC(struct bytes) cells;
    size_t columns;
};
void cli_table_init(struct cli_table *t, const char *const *headers, size_t columns);
void cli_table_cell(struct cli_table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for what a put function made; the buffer is cleared. An empty one becomes `-`. */
void cli_table_buf(struct cli_table *t, struct buf *cell);
void cli_table_text(struct cli_table *t, struct bytes text);
/* Prints and frees. */
void cli_table_end(struct cli_table *t, struct buf *out);

/* ---- views --------------------------------------------------------------------------------------------- */

/* now_ms: wall clock, for ages. */
void cli_view_status(const struct wire_admin_status *s, struct buf *out);
void cli_view_jobs(const struct wire_admin_jobs *jobs, struct buf *out);
void cli_json_status(const struct wire_admin_status *s, const struct wire_admin_jobs *jobs, struct buf *out);
void cli_view_job(const struct wire_admin_job_status *s, bool all, int64_t now_ms, struct buf *out);
void cli_view_voters(const struct wire_admin_voters *voters, struct buf *out);
void cli_view_nodes(const struct wire_admin_nodes *nodes, struct buf *out);
/* By name, or by the beginning of its id; NULL: none, or several begin so. */
const struct wire_admin_node *cli_node_in(const struct wire_admin_nodes *nodes, const char *name);
bool cli_node_called(const struct wire_admin_node *n, const char *name);  /* so, or so its id begins */
void cli_view_draining(const struct wire_admin_node *n, struct buf *out); /* one line, without its end */
void cli_view_matrix(const struct wire_admin_matrix *m, struct buf *out);
void cli_view_ps(const struct wire_admin_ps *ps, int64_t now_ms, struct buf *out);
void cli_view_vars(const struct wire_admin_vars *vars, struct buf *out);
void cli_view_var_change(const struct wire_admin_var_change *change, struct buf *out);
void cli_view_event(const struct wire_event *e, struct buf *out);
/* Of those that are 0 only with `all`. */
void cli_view_counters(const struct wire_admin_counters *counters, bool all, struct buf *out);
/* The text exposition format of Prometheus, version 0.0.4. */
void cli_view_prometheus(const struct wire_admin_counters *counters, struct buf *out);
/* What to type on the next host. */
void cli_view_token(const struct wire_admin_token *t, struct buf *out);
/* "running", "stopping", "unknown" for one whose host is out of sight, ... */
const char *cli_instance_str(const struct wire_admin_instance *i);
bool cli_instance_live(const struct wire_admin_instance *i);
/* Live, and on a host that is held dead: nobody here knows how it is. */
bool cli_instance_unseen(const struct wire_admin_instance *i);
struct bytes cli_instance_reason(const struct wire_admin_instance *i, struct arena *a);

/* ---- waiting for a job --------------------------------------------------------------------------------- */

enum cli_verdict {
    CLI_WAIT,
    CLI_DONE,
    CLI_FAILED,   /* a batch job that will not complete */
    CLI_REPLACED, /* somebody submitted another version, or stopped the job */
};
struct cli_ids {
    struct instance_id *data;
    size_t count, capacity;
};
/* Watches a job come up. Zero-initialise, with job (borrowed) and version. */
struct cli_watch {
    struct bytes job;
    uint64_t version;
    int64_t unplaced_since_us, calm_since_us, there_since_us; /* 0: not so */
    bool is_unplaced_told;
    bool no_fit;     /* as of the last feed, a slot has waited for 10 s */
    bool has_failed; /* an instance of this version did */
    struct cli_ids told, troubled;
    struct buf progress; /* one line without its end, as of the last feed */
    struct buf notices;  /* whole lines, new with the last feed */
};
enum cli_verdict cli_watch_feed(struct cli_watch *w, const struct wire_admin_job_status *s, int64_t now_us);
void cli_watch_done(struct cli_watch *w);

/* How far a stop is; whether nothing that is in sight runs. */
bool cli_view_stopping(const struct wire_admin_job_status *s, struct buf *out);

/* ---- verbs --------------------------------------------------------------------------------------------- */

int cli_run(struct cli *c);
int cli_stop(struct cli *c);
int cli_ps(struct cli *c);
int cli_status(struct cli *c);
int cli_nodes(struct cli *c);
int cli_logs(struct cli *c);
int cli_var(struct cli *c);
int cli_var_watch(struct cli *c, const char *key);
int cli_voters(struct cli *c);
int cli_backup(struct cli *c);
int cli_restore(struct cli *c);
int cli_validate(struct cli *c);
int cli_events(struct cli *c);
int cli_counters(struct cli *c);
int cli_leave(struct cli *c);
int cli_log(struct cli *c);
int cli_drain(struct cli *c);
int cli_agent(struct cli *c);
int cli_token(struct cli *c);
int cli_version(struct cli *c);
int cli_help(struct cli *c);

/* ---- var_watch.c --------------------------------------------------------------------------------------- */

/* How far a watch of variables has been told. */
struct cli_told {
    uint64_t from; /* up to this index; 0: nothing yet */
    bool is_reset; /* what there is is being told, from the beginning */
    bool is_same;  /* ... and the one variable is as it was */
};
/* The next change; true: something is, or may be, other than it was told before. */
bool cli_var_told(struct cli_told *t, const struct wire_admin_var_change *change, bool is_prefix);

#endif
