/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Starting the task's command. The child shares the shim's memory until it executes (CLONE_VM | CLONE_VFORK),
 * so that starting costs no copy of page tables and the child can say directly what failed and what its pid
 * is on the host: a process in a pid namespace can learn the latter only of itself, from the host's /proc.
 * Everything that needs memory (names, environment, users) is made before; the child does system calls alone.
 *
 * Raw calls for the ids: the C library's change all threads of a process, and one with shared memory is not
 * alone. Their change makes the shared memory undumpable, which keeps the user's other processes from tracing
 * the child.
 */

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE   16384 /* bytes, a multiple of 16 */
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define NOFILE_SOFT                                                                                          \
    1024 /* what select() can hold; a program that wants more raises it, up to the hard limit */

struct child {
    const struct spawn *spawn;
    char **argv;
    char **envp;
    char **paths; /* to try, in order; ends with NULL */
    const char *directory;
    const struct user *user; /* NULL: the shim's own */
    const char **procs;      /* files cgroup.procs to enter; ends with NULL */
    int output_fds[2];
    /* What the child says. */
    pid_t host_pid;
    int error;          /* errno */
    const char *failed; /* what could not be done; NULL: the command could not be executed */
    const char *object; /* ... with this */
};

/* ---- before -------------------------------------------------------------------------------------------- */

static char *text_copy(struct arena *a, struct bytes text) {
    return arena_printf(a, "%.*s", BYTES_FMT(text));
}

static char **argv_make(struct arena *a, const struct wire_shim_spec *spec) {
    char **argv = arena_alloc(a, (spec->args_count + 2) * sizeof *argv);
    argv[0] = text_copy(a, spec->command);
    for (size_t i = 0; i < spec->args_count; i++)
        argv[i + 1] = text_copy(a, spec->args[i]);
    return argv;
}

static char **env_make(struct arena *a, const struct wire_shim_spec *spec, const char **ret_path) {
    char **envp = arena_alloc(a, (spec->env_count + 2) * sizeof *envp);
    *ret_path = NULL;
    for (size_t i = 0; i < spec->env_count; i++) {
        const struct wire_pair *pair = &spec->env[i];
        envp[i] = arena_printf(a, "%.*s=%.*s", BYTES_FMT(pair->name), BYTES_FMT(pair->value));
        if (bytes_is(pair->name, "PATH"))
            *ret_path = envp[i] + strlen("PATH=");
    }
    if (!*ret_path) {
        envp[spec->env_count] = arena_printf(a, "PATH=%s", PATH_DEFAULT);
        *ret_path = envp[spec->env_count] + strlen("PATH=");
    }
    return envp;
}

/* As execvp: a command without a slash is looked for along the PATH; an empty part of it is the working
 * directory. */
static char **paths_make(struct arena *a, const char *command, const char *search) {
    size_t count = 2;
    for (const char *at = search; *at; at++)
        count += *at == ':';
    char **paths = arena_alloc(a, (count + 1) * sizeof *paths);
    if (strchr(command, '/') || !*command) {
        paths[0] = arena_printf(a, "%s", command);
        return paths;
    }
    for (size_t i = 0;; search++) {
        size_t size = strcspn(search, ":");
        paths[i++] = arena_printf(a, "%.*s%s%s", (int)size, search, size ? "/" : "", command);
        search += size;
        if (!*search)
            return paths;
    }
}

static int groups_make(struct arena *a, const struct spawn *s, const char ***ret_procs, struct buf *text) {
    const char **procs = arena_alloc(a, (s->groups_count + 1) * sizeof *procs);
    for (size_t i = 0; i < s->groups_count; i++) {
        int error = cgroup_make(&s->groups[i], s->spec->cpu_mhz, s->spec->memory_mib);
        if (error) {
            buf_printf(text, "cannot set up the control group %s: %s", s->groups[i].path, errno_text(-error));
            return ERR_FAILED;
        }
        procs[i] = arena_printf(a, "%s/cgroup.procs", s->groups[i].path);
    }
    *ret_procs = procs;
    return 0;
}

static int user_make(struct bytes name, struct user *user, struct buf *text) {
    int error = user_find("/etc/passwd", "/etc/group", name, user);
    if (error == ERR_NOT_FOUND)
        buf_printf(text, "user %.*s is not in /etc/passwd", BYTES_FMT(name));
    else if (error)
        buf_printf(text, "cannot look for user %.*s: /etc/passwd or /etc/group cannot be read",
                   BYTES_FMT(name));
    return error ? ERR_FAILED : 0;
}

/* ---- in the child -------------------------------------------------------------------------------------- */

static bool fail(struct child *c, const char *failed, const char *object) {
    c->error = errno;
    c->failed = failed;
    c->object = object;
    return false;
}

static bool poke(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) >= 0;
    fd_close(&fd);
    return done;
}

static bool enter_groups(struct child *c) {
    for (const char **procs = c->procs; *procs; procs++)
        if (!poke(*procs, "0"))
            return fail(c, "cannot enter", *procs);
    return true;
}

static bool streams_set(struct child *c) {
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
        return fail(c, "cannot open", "/dev/null");
    for (int i = 0; i < 2; i++)
        if (dup2(c->output_fds[i], STDOUT_FILENO + i) < 0)
            return fail(c, "cannot set up", "the standard streams");
    return true;
}

static void limits_set(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != NOFILE_SOFT) {
        limit.rlim_cur = limit.rlim_max < NOFILE_SOFT ? limit.rlim_max : NOFILE_SOFT;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur != 0) {
        limit.rlim_cur = 0;
        setrlimit(RLIMIT_CORE, &limit);
    }
}

static bool user_become(struct child *c) {
    const struct user *user = c->user;
    if (!user || (user->uid == geteuid() && user->uid != 0))
        return true;
    if (syscall(SYS_setgroups, user->groups_count, user->groups) < 0 ||
        syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
        syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
        return fail(c, "cannot become the user of", "the task");
    return true;
}

static pid_t host_pid(void) {
    char text[24];
    ssize_t size = readlink("/proc/self", text, sizeof text - 1);
    pid_t pid = 0;
    for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; i++)
        pid = pid * 10 + (text[i] - '0');
    return pid;
}

/* A missing file is less telling than one that may not be executed. */
static void execute(struct child *c) {
    int error = ENOENT;
    for (char **path = c->paths; *path; path++) {
        execve(*path, c->argv, c->envp);
        if (errno != ENOENT && errno != ENOTDIR)
            error = errno;
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            break;
    }
    errno = error;
    fail(c, NULL, NULL);
}

static bool prepare(struct child *c) {
    sigset_t none;
    sigemptyset(&none);
    if (setsid() < 0)
        return fail(c, "cannot begin", "a session");
    if (!enter_groups(c) || !streams_set(c))
        return false;
    if (chdir(c->directory) < 0)
        return fail(c, "cannot enter", c->directory);
    umask(022);
    limits_set();
    if (c->spawn->oom_reset)
        poke("/proc/self/oom_score_adj", "0");
    if (!user_become(c))
        return false;
    /* The last resort where the shim is not pid 1; a change of ids clears it, so it comes after. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (c->spawn->spec->driver == DRIVER_KIND_EXEC && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(c, "cannot set", "no_new_privs");
    c->host_pid = host_pid();
    sigprocmask(SIG_SETMASK, &none, NULL);
    return true;
}

static int child_main(void *argument) {
    struct child *c = argument;
    if (prepare(c))
        execute(c);
    return 127;
}

/* ---- around -------------------------------------------------------------------------------------------- */

static int failure_tell(const struct child *c, struct buf *text) {
    if (c->failed)
        buf_printf(text, "%s %s: %s", c->failed, c->object, errno_text(c->error));
    else
        buf_printf(text, "cannot execute %s: %s", c->argv[0], errno_text(c->error));
    return ERR_FAILED;
}

static int run(struct child *c, pid_t *ret_pid, struct buf *text) {
    uint8_t *stack = mem_alloc(STACK_SIZE);
    pid_t pid = clone(child_main, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, c);
    int number = errno;
    mem_free(stack);
    if (pid < 0) {
        buf_printf(text, "cannot make a process: %s", errno_text(number));
        return ERR_FAILED;
    }
    if (c->error) {
        waitpid(pid, NULL, 0);
        return failure_tell(c, text);
    }
    *ret_pid = pid;
    return 0;
}

static int outputs_open(const struct spawn *s, struct child *c, struct buf *text) {
    c->output_fds[0] = c->output_fds[1] = -1;
    for (int i = 0; i < 2; i++) {
        int error = output_open(&s->outputs[i], &c->output_fds[i]);
        if (error) {
            buf_printf(text, "cannot make a pipe: %s", errno_text(-error));
            return ERR_FAILED;
        }
    }
    return 0;
}

static int start(const struct spawn *s, struct child *c, struct arena *a, pid_t *ret_pid, struct buf *text) {
    const char *search;
    struct user user;
    int error = groups_make(a, s, &c->procs, text);
    if (error)
        return error;
    if (s->spec->user.size > 0) {
        if ((error = user_make(s->spec->user, &user, text)) != 0)
            return error;
        c->user = &user;
        /* Its own directory; one that the job names is not ours to give away. */
        if (lchown(FILE_WORK, user.uid, user.gid) < 0 && geteuid() == 0) {
            buf_printf(text, "cannot give the working directory to user %.*s: %s", BYTES_FMT(s->spec->user),
                       errno_text(errno));
            return ERR_FAILED;
        }
    }
    c->argv = argv_make(a, s->spec);
    c->envp = env_make(a, s->spec, &search);
    c->paths = paths_make(a, c->argv[0], search);
    c->directory = s->spec->directory.size ? text_copy(a, s->spec->directory) : FILE_WORK;
    if ((error = outputs_open(s, c, text)) == 0)
        error = run(c, ret_pid, text);
    fd_close(&c->output_fds[0]);
    fd_close(&c->output_fds[1]);
    return error;
}

int spawn_start(const struct spawn *s, pid_t *ret_pid, pid_t *ret_host_pid, struct buf *text) {
    struct arena arena = {0};
    struct child c = {.spawn = s, .output_fds = {-1, -1}};
    int error = start(s, &c, &arena, ret_pid, text);
    *ret_host_pid = c.host_pid;
    for (int i = 0; error && i < 2; i++)
        fd_close(&s->outputs[i].pipe_fd);
    arena_done(&arena);
    return error;
}
