/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Before the tests' own main: the same program is the shim. */
__attribute__((constructor)) static void shim_hook(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "shim"))
        _exit(proc_shim_main(argc, argv));
}

int64_t rig_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool rig_is_root(void) { return geteuid() == 0; }

bool rig_exists(const char *path) {
    struct stat stat;
    return lstat(path, &stat) == 0;
}

bool rig_process_lives(pid_t pid) {
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    const char *state = got > 0 ? strrchr(text, ')') : NULL;
    return state && state[2] != 'Z' && state[2] != 'X';
}

unsigned rig_processes(const char *word) {
    DIR *directory = opendir("/proc");
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[300], text[4096];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        ssize_t got = read(fd, text, sizeof text);
        close(fd);
        count += got > 0 && memmem(text, (size_t)got, word, strlen(word)) != NULL;
    }
    closedir(directory);
    return count;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static struct rig *unfinished;

void rig_init(struct rig *r) {
    const char *top = getenv("TMPDIR");
    memset(r, 0, sizeof *r);
    r->log_credit = 1 << 20;
    snprintf(r->root, sizeof r->root, "%s/covey-proc-XXXXXX", top ? top : "/tmp");
    cr_assert(mkdtemp(r->root));
    unfinished = r;
    chmod(r->root, 0711);
    snprintf(r->cgroup, sizeof r->cgroup, "covey-test-%d", (int)getpid());
    rig_attach(r);
    RIG_WAIT(r, r->scan_done);
}

void rig_attach(struct rig *r) {
    char text[256] = "";
    struct proc_options options = {.root = r->root, .cgroup = r->cgroup, .boot = {{7}}};
    r->proc = proc_new(&options, text, sizeof text);
    cr_assert(r->proc, "%s", text);
    memset(r->seen, 0, sizeof r->seen);
    r->seen_count = 0;
    r->scan_done = false;
    r->damaged_count = 0;
}

void rig_detach(struct rig *r) {
    proc_free(r->proc);
    r->proc = NULL;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *place) {
    (void)stat;
    (void)kind;
    (void)place;
    remove(path);
    return 0;
}

static void shims_kill(const struct rig *r) {
    for (size_t i = 0; i < r->shims_count; i++)
        if (rig_process_lives(r->shims[i]))
            kill(r->shims[i], SIGKILL);
}

/* Shims first: with them goes what they run. Then the groups, by an agent that finds nothing. */
void rig_done(struct rig *r) {
    char text[256];
    unfinished = NULL;
    if (r->proc)
        rig_detach(r);
    int64_t deadline_ms = rig_now_ms() + 10000;
    if (rig_processes(r->root) > 0)
        shims_kill(r);
    while (rig_processes(r->root) > 0 && rig_now_ms() < deadline_ms)
        poll(NULL, 0, 5);
    struct proc_options options = {.root = r->root, .cgroup = r->cgroup, .boot = {{7}}};
    struct proc *p = proc_new(&options, text, sizeof text);
    for (bool done = false; p && !done && rig_now_ms() < deadline_ms;) {
        struct proc_event e;
        proc_poll(p);
        while (proc_next(p, &e))
            done = done || e.kind == PROC_SCAN_DONE;
    }
    proc_free(p);
    nftw(r->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    buf_done(&r->log);
    cr_expect_eq(rig_processes(r->root), 0, "a shim outlived its test");
}

void rig_fini(void) {
    if (unfinished)
        rig_done(unfinished);
}

/* ---- tasks --------------------------------------------------------------------------------------------- */

struct instance_id rig_instance(unsigned number) {
    struct instance_id id = {{0xab}};
    id.b[14] = (uint8_t)(number >> 8);
    id.b[15] = (uint8_t)number;
    return id;
}

/* The root as an argument that does nothing lets rig_processes(root) find all that belongs to the test. */
struct wire_shim_spec rig_spec(struct rig *r, unsigned number, const char *script) {
    static struct bytes args[4];
    args[0] = bytes_str("-c");
    args[1] = bytes_str(script);
    args[2] = bytes_str("sh");
    args[3] = bytes_str(r->root);
    return (struct wire_shim_spec){
        .instance = rig_instance(number),
        .node = {{1}},
        .task = bytes_str("t"),
        .type = JOB_TYPE_BATCH,
        .driver = DRIVER_KIND_RAW_EXEC,
        .command = bytes_str("/bin/sh"),
        .args = args,
        .args_count = 4,
        .kill_timeout_ms = 5000,
        .kill_signal = SIGTERM,
    };
}

static struct seen *seen_of(struct rig *r, struct instance_id instance, struct bytes task) {
    for (size_t i = 0; i < r->seen_count; i++)
        if (ID_EQUAL(r->seen[i].instance, instance) && bytes_is(task, r->seen[i].task))
            return &r->seen[i];
    cr_assert(r->seen_count < TASKS_SEEN_MAX);
    struct seen *s = &r->seen[r->seen_count++];
    s->instance = instance;
    snprintf(s->task, sizeof s->task, "%.*s", BYTES_FMT(task));
    return s;
}

struct seen *rig_seen(struct rig *r, unsigned number) {
    return seen_of(r, rig_instance(number), bytes_str("t"));
}

void rig_start(struct rig *r, const struct wire_shim_spec *spec) { proc_start(r->proc, spec); }

void rig_command(struct rig *r, unsigned number, struct wire_shim_command command) {
    cr_assert_eq(proc_command(r->proc, rig_instance(number), bytes_str("t"), &command), 0);
}

void rig_stop(struct rig *r, unsigned number) {
    rig_command(r, number, (struct wire_shim_command){.stop = true});
}

/* ---- events -------------------------------------------------------------------------------------------- */

static void take_status(struct rig *r, struct seen *s, const struct wire_shim_status *status) {
    const struct wire_task_fact *fact = &status->fact;
    s->state = fact->state;
    s->sequence = status->sequence;
    s->pid = fact->pid;
    s->shim_pid = status->shim_pid;
    s->restarts = fact->restarts;
    s->exit_code = fact->exit_code;
    s->exit_signal = fact->exit_signal;
    s->failed = fact->failed;
    s->stop_asked = status->stop_asked;
    snprintf(s->reason, sizeof s->reason, "%.*s", BYTES_FMT(fact->reason));
    for (size_t i = 0; i < r->shims_count; i++)
        if (r->shims[i] == (pid_t)status->shim_pid)
            return;
    cr_assert(r->shims_count < sizeof r->shims / sizeof *r->shims);
    r->shims[r->shims_count++] = (pid_t)status->shim_pid;
}

static void take_log(struct rig *r, const struct proc_event *e) {
    cr_assert_eq(e->handle, 1);
    cr_assert(!r->log_end, "nothing comes after the end");
    buf_append(&r->log, e->data.data, e->data.size);
    r->log_end = e->end;
    r->log_error = e->error;
    r->log_events++;
    if (r->log_credit && !e->end)
        proc_log_credit(r->proc, 1, e->data.size);
}

static void take(struct rig *r, const struct proc_event *e) {
    struct seen *s;
    switch (e->kind) {
    case PROC_FOUND:
        s = seen_of(r, e->instance, e->task);
        cr_assert(e->spec);
        s->found = true;
        s->found_status = e->status != NULL;
        if (e->status)
            s->found_state = e->status->fact.state;
        break;
    case PROC_SCAN_DONE:
        cr_assert(!r->scan_done);
        r->scan_done = true;
        break;
    case PROC_STATUS:
        s = seen_of(r, e->instance, e->task);
        cr_assert_gt(e->status->sequence, s->sequence, "statuses come in order and once");
        s->statuses++;
        take_status(r, s, e->status);
        break;
    case PROC_LOST:
        s = seen_of(r, e->instance, e->task);
        cr_assert(!s->lost);
        s->lost = true;
        s->sequence = 0;
        break;
    case PROC_REFUSED:
        s = seen_of(r, e->instance, e->task);
        s->refused = true;
        s->error = e->error;
        snprintf(s->text, sizeof s->text, "%.*s", BYTES_FMT(e->text));
        break;
    case PROC_LOG_DATA: take_log(r, e); break;
    case PROC_KEPT: seen_of(r, e->instance, bytes_str("t"))->kept = true; break;
    case PROC_DAMAGED:
        r->damaged_count++;
        snprintf(r->damaged_text, sizeof r->damaged_text, "%.*s", BYTES_FMT(e->text));
        break;
    }
}

void rig_poll(struct rig *r, int wait_ms) {
    struct pollfd fd = {.fd = proc_fd(r->proc), .events = POLLIN};
    struct proc_event e;
    poll(&fd, 1, wait_ms);
    proc_poll(r->proc);
    while (proc_next(r->proc, &e))
        take(r, &e);
}

/* ---- files --------------------------------------------------------------------------------------------- */

const char *rig_path(struct rig *r, unsigned number, const char *name) {
    static char path[512];
    char id[ID_TEXT_SIZE];
    struct instance_id instance = rig_instance(number);
    id_text(instance.b, id);
    snprintf(path, sizeof path, "%s/%s/t%s%s", r->root, id, *name ? "/" : "", name);
    return path;
}

const char *rig_file(struct rig *r, unsigned number, const char *name) {
    static char text[1 << 20];
    int fd = open(rig_path(r, number, name), O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    for (ssize_t got; fd >= 0 && (got = read(fd, text + size, sizeof text - 1 - size)) > 0;)
        size += (size_t)got;
    if (fd >= 0)
        close(fd);
    text[size] = 0;
    return text;
}

/* A process that changed its user may else not look at its own /proc/self/exe. */
void rig_stay_dumpable(void) { prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
