/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Starting a shim: its directory, the file `spec`, and a process. The child shares the agent's memory until
 * it executes, which costs the same for an agent of 20 MB and of 2 GB, and is pid 1 of a new pid namespace.
 * It inherits its directory, open and locked, and one end of a socket pair.
 *
 * Nothing is synced: if the power goes, the task goes with it, and a directory that was half written is found
 * damaged or lost, which is what its instance is then.
 */

#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE     16384 /* bytes, a multiple of 16 */
#define WORDS_MAX      (6 + CGROUPS_MAX)
#define STARTS_TURN_US (5 * US_PER_MS) /* after this a turn begins no further start */

struct launch {
    const struct proc *proc;
    char *argv[WORDS_MAX + 1];
    int directory_fd, link_fd;
    int error; /* errno, from the child */
};

/* ---- the process --------------------------------------------------------------------------------------- */

/* Signals stay blocked until the shim has set up its own. */
static int child_main(void *argument) {
    struct launch *l = argument;
    char *const envp[] = {NULL};
    /* By the system call: the C library keeps two signals to itself and would leave those ignored. */
    static const unsigned long by_default[4];
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        syscall(SYS_rt_sigaction, signal_number, by_default, NULL, 8);
    setsid();
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        dup2(l->proc->null_fd, fd);
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    fcntl(l->directory_fd, F_SETFD, 0);
    fcntl(l->link_fd, F_SETFD, 0);
    execveat(l->proc->executable_fd, "", l->argv, envp, AT_EMPTY_PATH);
    l->error = errno;
    return 127;
}

static int launch(struct launch *l, int *ret_pid_fd) {
    uint8_t *stack = mem_alloc(STACK_SIZE);
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    sigset_t all, before;
    if (l->proc->features.pid_namespace)
        flags |= CLONE_NEWPID;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int pid = clone(child_main, stack + STACK_SIZE, flags, l, ret_pid_fd);
    int error = pid < 0 ? -errno : 0;
    mem_free(stack);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error && l->error) {
        waitpid(pid, NULL, 0);
        fd_close(ret_pid_fd);
        error = -l->error;
    }
    return error;
}

/* The groups that the driver needs: limits for exec, and where there are no pid namespaces a certain end for
 * all. */
static unsigned abilities_wanted(const struct proc *p, const struct wire_shim_spec *spec) {
    if (spec->driver == DRIVER_KIND_EXEC)
        return ~0U;
    return p->features.pid_namespace ? 0 : CGROUP_KILL;
}

static void words_make(struct launch *l, const struct proc_task *t, unsigned abilities, struct arena *a) {
    const struct proc *p = l->proc;
    size_t count = 0;
    l->argv[count++] = arena_printf(a, "covey");
    l->argv[count++] = arena_printf(a, "shim");
    l->argv[count++] = arena_printf(a, "%s/%s", p->root, t->path);
    l->argv[count++] = arena_printf(a, "fds=%d,%d", l->directory_fd, l->link_fd);
    l->argv[count++] = arena_printf(a, "boot=%s", p->boot_text);
    if (p->oom_reset)
        l->argv[count++] = arena_printf(a, "oom");
    for (size_t i = 0; t->group && i < p->sites_count; i++)
        if (p->sites[i].abilities & abilities)
            l->argv[count++] = arena_printf(a, "group=%u:%s/%s", p->sites[i].abilities & abilities,
                                            p->sites[i].path, t->group);
    assert(count <= WORDS_MAX);
}

/* ---- its directory ------------------------------------------------------------------------------------- */

static int refuse(struct buf *text, int error, const char *what, const char *path) {
    buf_printf(text, "%s %s: %s", what, path, errno_text(errno));
    return error;
}

static int io_error(void) { return errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_IO; }

static int rename_in(const struct proc *p, const struct proc_task *t, const char *from, const char *to) {
    char old[TASK_PATH_MAX + 32], new[TASK_PATH_MAX + 32];
    snprintf(old, sizeof old, "%s/%s", t->path, from);
    snprintf(new, sizeof new, "%s/%s", t->path, to);
    return renameat(p->root_fd, old, p->root_fd, new);
}

static void unlink_in(const struct proc *p, const struct proc_task *t, const char *name) {
    char path[TASK_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", t->path, name);
    unlinkat(p->root_fd, path, 0);
}

/*
 * A directory that is there already is used again in two cases: its task was released with its output kept,
 * or its shim was lost and the task is started anew (`again`). Either way output and working directory go on.
 */
static int directory_reuse(const struct proc *p, const struct proc_task *t, bool again, struct buf *text) {
    char path[TASK_PATH_MAX + 32];
    struct stat stat;
    if (again) {
        rename_in(p, t, FILE_SPEC, FILE_RELEASED);
        unlink_in(p, t, FILE_STATUS);
        unlink_in(p, t, FILE_SOCKET);
    }
    snprintf(path, sizeof path, "%s/%s", t->path, FILE_SPEC);
    if (fstatat(p->root_fd, path, &stat, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    buf_printf(text, "%s is there already", path);
    return ERR_EXISTS;
}

/*
 * What the tasks of an instance share, with the parts that job files written for Nomad expect. It is this
 * agent's user's, as its tasks are; once one of them is another user's all may write there, and each remove
 * its own alone, as in /tmp.
 */
static int shared_make(const struct proc *p, const struct proc_task *t, struct bytes user, struct buf *text) {
    static const char *const parts[] = {"", "/data", "/logs", "/tmp"};
    char id[ID_TEXT_SIZE], path[TASK_PATH_MAX];
    id_text(t->instance.b, id);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        snprintf(path, sizeof path, "%s/" DIR_SHARED "%s", id, parts[i]);
        if (mkdirat(p->root_fd, path, 0755) < 0 && errno != EEXIST)
            return refuse(text, io_error(), "cannot make", path);
        if (user.size > 0 && geteuid() == 0 && fchmodat(p->root_fd, path, 01777, 0) < 0)
            return refuse(text, ERR_IO, "cannot open to all", path);
    }
    return 0;
}

static int directory_make(const struct proc *p, const struct proc_task *t, struct bytes user, bool again,
                          struct buf *text) {
    char id[ID_TEXT_SIZE], path[TASK_PATH_MAX + 16];
    id_text(t->instance.b, id);
    if (mkdirat(p->root_fd, id, 0711) < 0 && errno != EEXIST)
        return refuse(text, io_error(), "cannot make", id);
    if (mkdirat(p->root_fd, t->path, 0711) < 0) {
        int error = errno == EEXIST ? directory_reuse(p, t, again, text)
                                    : refuse(text, io_error(), "cannot make", t->path);
        if (error)
            return error;
    }
    snprintf(path, sizeof path, "%s/%s", t->path, FILE_WORK);
    /* The user's whom it is given to; all who know the way could look into it otherwise. */
    if (mkdirat(p->root_fd, path, 0750) < 0 && errno != EEXIST)
        return refuse(text, io_error(), "cannot make", path);
    return shared_make(p, t, user, text);
}

static int spec_write(const struct launch *l, const struct wire_shim_spec *spec, struct buf *text) {
    struct buf data = {0};
    int fd = openat(l->directory_fd, FILE_SPEC, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    codec_encode(&wire_shim_spec_type, spec, &data);
    int error = 0;
    if (fd < 0 || write(fd, data.data, data.size) != (ssize_t)data.size)
        error = refuse(text, io_error(), "cannot write", FILE_SPEC);
    fd_close(&fd);
    buf_done(&data);
    return error;
}

/* ---- together ------------------------------------------------------------------------------------------ */

/* What the caller leaves open: where the task works, and its control groups. */
static int spec_complete(struct proc *p, struct proc_task *t, struct wire_shim_spec *spec, struct arena *a,
                         struct buf *text) {
    struct codec_fault fault;
    bool groups = abilities_wanted(p, spec) && p->sites_count > 0;
    if (spec->directory.size == 0)
        spec->directory = bytes_str(arena_printf(a, "%s/%s/%s", p->root, t->path, FILE_WORK));
    if (groups && spec->cgroup.size == 0) {
        char id[ID_TEXT_SIZE];
        id_text(t->instance.b, id);
        spec->cgroup = bytes_str(arena_printf(a, "%s/%s.%s", p->cgroup_name, id, t->name));
    }
    if (spec->cgroup.size > 0 && !task_group_set(p, t, spec->cgroup)) {
        buf_printf(text, "control group %.*s is not directly below this agent's own",
                   BYTES_FMT(spec->cgroup));
        return ERR_INVALID;
    }
    int error = codec_check(&wire_shim_spec_type, spec, &fault);
    if (error)
        buf_printf(text, "%s: %s", fault.path, fault.what);
    return error;
}

static int begin(struct proc *p, struct proc_task *t, struct launch *l, const struct wire_shim_spec *spec,
                 struct buf *text) {
    struct arena arena = {0};
    int fds[2], pid_fd = -1;
    if (flock(l->directory_fd, LOCK_EX | LOCK_NB) < 0)
        return refuse(text, ERR_EXISTS, "a shim lives in", t->path);
    int error = spec_write(l, spec, text);
    if (error)
        return error;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return refuse(text, ERR_IO, "cannot make", "a socket pair");
    l->link_fd = fd_above_stdio(fds[1]);
    words_make(l, t, abilities_wanted(p, spec), &arena);
    int failed = launch(l, &pid_fd);
    arena_done(&arena);
    fd_close(&l->link_fd);
    if (failed) {
        close(fds[0]);
        errno = -failed;
        return refuse(text, ERR_IO, "cannot start", "a shim");
    }
    task_connect(p, t, fds[0], pid_fd);
    return 0;
}

/* What remains of a start that failed is no task's: its output is kept if there was any, as after a release.
 */
static void start_undo(struct proc *p, struct proc_task *t, int error) {
    char path[TASK_PATH_MAX + 32];
    if (error == ERR_EXISTS || error == ERR_INVALID)
        return;
    unlink_in(p, t, FILE_SPEC);
    snprintf(path, sizeof path, "%s/%s", t->path, FILE_RELEASED);
    if (faccessat(p->root_fd, path, F_OK, 0) < 0)
        tree_discard(p, t->path);
}

static int start(struct proc *p, struct proc_task *t, const struct wire_shim_spec *asked, bool again,
                 struct buf *text) {
    struct arena arena = {0};
    struct wire_shim_spec spec = *asked;
    struct launch l = {.proc = p, .directory_fd = -1, .link_fd = -1};
    int error = spec_complete(p, t, &spec, &arena, text);
    if (!error)
        error = directory_make(p, t, spec.user, again, text);
    if (!error) {
        l.directory_fd = fd_above_stdio(openat(p->root_fd, t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        error =
            l.directory_fd < 0 ? refuse(text, ERR_IO, "cannot open", t->path) : begin(p, t, &l, &spec, text);
        if (error)
            start_undo(p, t, error);
        else
            unlink_in(p, t, FILE_RELEASED);
    }
    fd_close(&l.directory_fd);
    arena_done(&arena);
    return error;
}

static int start_named(struct proc *p, const struct wire_shim_spec *spec, struct buf *text) {
    if (!task_name_valid(spec->task)) {
        buf_printf(text, "a task's name cannot be \"%.*s\"", BYTES_FMT(spec->task));
        return ERR_INVALID;
    }
    struct proc_task *t = task_find(p, spec->instance, spec->task);
    bool again = t && t->lost && !t->released;
    if (t && !again) {
        buf_printf(text, "the task is there already");
        return ERR_EXISTS;
    }
    if (again)
        task_remove(p, t);
    t = task_new(p, spec->instance, spec->task);
    int error = start(p, t, spec, again, text);
    if (error) {
        task_remove(p, t);
        instance_directory_remove(p, spec->instance);
    }
    return error;
}

static void start_or_refuse(struct proc *p, const struct wire_shim_spec *spec) {
    struct buf text = {0};
    int error = start_named(p, spec, &text);
    if (!error)
        return;
    struct queued *q = proc_queue(p, PROC_REFUSED, NULL);
    q->instance = spec->instance;
    snprintf(q->task, sizeof q->task, "%.*s", BYTES_FMT(spec->task));
    q->error = error;
    q->text = text;
}

/* ---- one after the other ------------------------------------------------------------------------------- */

/*
 * A start takes milliseconds, most of them waiting for the disk's tables and for the new process to execute.
 * Hundreds at once would keep the agent from its heartbeats for so long that it lost the lead; so what does
 * not fit into a turn waits for the next.
 */
struct start_waiting {
    struct start_waiting *next;
    struct arena arena;
    struct wire_shim_spec spec;
};

static void waiting_take(struct proc *p, struct start_waiting **place) {
    struct start_waiting *w = *place;
    *place = w->next;
    if (p->starts_end == &w->next)
        p->starts_end = place;
    start_or_refuse(p, &w->spec);
    arena_done(&w->arena);
    mem_free(w);
}

void starts_hurry(struct proc *p, struct instance_id instance) {
    for (struct start_waiting **place = &p->starts; *place;) {
        if (ID_EQUAL((*place)->spec.instance, instance))
            waiting_take(p, place);
        else
            place = &(*place)->next;
    }
}

bool starts_step(struct proc *p) {
    p->starts_until_us = lease_now_us() + STARTS_TURN_US;
    while (p->starts) {
        waiting_take(p, &p->starts);
        if (lease_now_us() >= p->starts_until_us)
            break;
    }
    return p->starts != NULL;
}

void starts_free(struct proc *p) {
    for (struct start_waiting *w = p->starts, *next; w; w = next) {
        next = w->next;
        arena_done(&w->arena);
        mem_free(w);
    }
    p->starts = NULL;
}

void proc_start(struct proc *p, const struct wire_shim_spec *spec) {
    if (!p->starts && lease_now_us() < p->starts_until_us) {
        start_or_refuse(p, spec);
        return;
    }
    struct start_waiting *w = mem_alloc(sizeof *w);
    codec_copy(&wire_shim_spec_type, spec, &w->arena, &w->spec);
    if (!p->starts)
        p->starts_end = &p->starts;
    *p->starts_end = w;
    p->starts_end = &w->next;
    proc_wake(p);
}
