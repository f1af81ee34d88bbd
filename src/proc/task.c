/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One shim, seen from the agent. Three things tell of it, in order of trust: the lock on its directory (held
 * for the whole life of the shim, so a directory that can be locked has none), the pidfd (readable when the
 * process is gone, and as pid 1 of a namespace it goes after the last process of its task), and the link,
 * which may break and come back without anything having happened to the task.
 */

#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define RETRY_MIN_US   (10 * US_PER_MS) /* a shim makes its socket when it sees that its agent has gone */
#define RETRY_MAX_US   US_PER_S
#define GROUP_RETRY_US (20 * US_PER_MS)
#define GROUP_WAIT_US  (10 * US_PER_S) /* for processes that take their SIGKILL late */
#define READS_MAX      16              /* of one link in one poll */

/* ---- names --------------------------------------------------------------------------------------------- */

bool task_name_valid(struct bytes name) {
    return name.size > 0 && name.size <= WIRE_NAME_MAX && name.data[0] != '.' &&
           !memchr(name.data, '/', name.size) && !memchr(name.data, 0, name.size);
}

void task_path(struct instance_id instance, struct bytes name, char out[TASK_PATH_MAX]) {
    char id[ID_TEXT_SIZE];
    id_text(instance.b, id);
    snprintf(out, TASK_PATH_MAX, "%s/%.*s", id, BYTES_FMT(name));
}

static size_t key_make(struct instance_id instance, struct bytes name, uint8_t key[TASK_KEY_MAX]) {
    memcpy(key, instance.b, ID_SIZE);
    memcpy(key + ID_SIZE, name.data, name.size);
    return ID_SIZE + name.size;
}

struct proc_task *task_find(const struct proc *p, struct instance_id instance, struct bytes name) {
    uint8_t key[TASK_KEY_MAX];
    if (!task_name_valid(name))
        return NULL;
    return map_get(&p->tasks, bytes_of(key, key_make(instance, name, key)));
}

/* ---- descriptors --------------------------------------------------------------------------------------- */

/*
 * A shim that is being started has copies of all descriptors for a moment longer than the agent waits for it
 * (they go at the end of its exec). Closing alone would leave epoll with an event for a task that is gone.
 */
static void unwatch(struct proc *p, int fd) {
    if (fd >= 0)
        epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void link_end(struct proc *p, struct proc_task *t) {
    unwatch(p, t->link.fd);
    link_close(&t->link);
}

static void death_unwatch(struct proc *p, struct proc_task *t) {
    unwatch(p, t->pid_fd);
    fd_close(&t->pid_fd);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

struct proc_task *task_new(struct proc *p, struct instance_id instance, struct bytes name) {
    struct proc_task *t = mem_alloc(sizeof *t);
    assert(task_name_valid(name) && !task_find(p, instance, name));
    t->instance = instance;
    memcpy(t->name, name.data, name.size);
    t->key_size = key_make(instance, name, t->key);
    task_path(instance, name, t->path);
    t->link.fd = t->pid_fd = -1;
    t->retry_at_us = TIME_NEVER_US;
    t->link_watch = (struct watch){.kind = WATCH_LINK, .task = t};
    t->death_watch = (struct watch){.kind = WATCH_DEATH, .task = t};
    map_put(&p->tasks, bytes_of(t->key, t->key_size), t);
    return t;
}

void task_free(struct proc_task *t) {
    link_close(&t->link);
    fd_close(&t->pid_fd);
    buf_done(&t->status);
    mem_free(t->group);
    mem_free(t);
}

void task_remove(struct proc *p, struct proc_task *t) {
    map_remove(&p->tasks, bytes_of(t->key, t->key_size));
    link_end(p, t);
    death_unwatch(p, t);
    VEC_PUSH(&p->graves, t);
    if (!p->polling)
        proc_wake(p);
}

bool task_group_set(const struct proc *p, struct proc_task *t, struct bytes cgroup) {
    size_t own = p->cgroup_name ? strlen(p->cgroup_name) : 0;
    if (own == 0 || cgroup.size <= own + 1 || memcmp(cgroup.data, p->cgroup_name, own) ||
        cgroup.data[own] != '/')
        return false;
    struct bytes leaf = bytes_of(cgroup.data + own + 1, cgroup.size - own - 1);
    if (memchr(leaf.data, '/', leaf.size) || leaf.data[0] == '.')
        return false;
    t->group = mem_alloc(leaf.size + 1);
    mem_copy(t->group, leaf.data, leaf.size);
    return true;
}

static void retry_in(struct proc *p, struct proc_task *t, int64_t delay_us) {
    t->retry_at_us = lease_now_us() + delay_us;
    proc_timer_at(p, t->retry_at_us);
}

/* ---- what a shim tells --------------------------------------------------------------------------------- */

static bool status_read(const struct proc_task *t, struct arena *a, struct wire_shim_status *ret) {
    return t->status.size > 0 &&
           codec_decode(&wire_shim_status_type, buf_bytes(&t->status), a, ret, NULL) == 0;
}

static void queue_status(struct proc *p, enum proc_event_kind kind, const struct proc_task *t) {
    struct queued *q = proc_queue(p, kind, t);
    buf_append(&q->status, t->status.data, t->status.size);
}

static void adopted(struct proc *p, struct proc_task *t) {
    if (t->adopted)
        p->adopting--;
    t->adopted = false;
}

static void flush(struct proc *p, struct proc_task *t);

static void command_send(struct proc *p, struct proc_task *t, const struct wire_shim_command *command) {
    link_put(&t->link, &wire_shim_command_type, command);
    flush(p, t);
}

static void release_send(struct proc *p, struct proc_task *t) {
    struct wire_shim_command command = {.release = true};
    command_send(p, t, &command);
}

/* False: that is no status. */
static bool status_told(struct proc *p, struct proc_task *t, struct bytes message) {
    struct arena arena = {0};
    struct wire_shim_status status;
    bool good = codec_decode(&wire_shim_status_type, message, &arena, &status, NULL) == 0;
    bool final = good && status.fact.state == TASK_STATE_DEAD;
    if (good && (!t->told || status.sequence != t->sequence)) {
        t->told = true;
        t->sequence = status.sequence;
        t->stop_pending = t->stop_pending && !status.stop_asked && !final;
        buf_clear(&t->status);
        buf_append(&t->status, message.data, message.size);
        queue_status(p, PROC_STATUS, t);
        adopted(p, t);
    }
    arena_done(&arena);
    if (final) {
        t->final = true;
        readers_task_ended(p, t);
        if (t->released)
            release_send(p, t);
    }
    return good;
}

/* ---- the link ------------------------------------------------------------------------------------------ */

static void link_wait(struct proc *p, struct proc_task *t) {
    uint32_t wanted = EPOLLIN | (t->link.out.size > 0 ? (uint32_t)EPOLLOUT : 0);
    if (t->link.fd < 0 || wanted == t->link_events)
        return;
    struct epoll_event event = {.events = wanted, .data = {.ptr = &t->link_watch}};
    epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, t->link.fd, &event);
    t->link_events = wanted;
}

/* What a shim that is about to exit closes; or one that did not understand; or one that was killed. */
static void link_lost(struct proc *p, struct proc_task *t) {
    link_end(p, t);
    t->retry_delay_us = RETRY_MIN_US;
    if (t->shim_lives && (!t->released || !t->final || t->pid_fd < 0))
        retry_in(p, t, t->retry_delay_us);
}

static void flush(struct proc *p, struct proc_task *t) {
    if (t->link.fd < 0)
        return;
    if (link_flush(&t->link))
        link_lost(p, t);
    else
        link_wait(p, t);
}

static int messages_read(struct proc *p, struct proc_task *t) {
    struct bytes message;
    int error;
    while ((error = link_peek(&t->link, &message)) == 0) {
        if (!status_told(p, t, message))
            return ERR_INVALID;
        if (t->link.fd < 0)
            return ERR_CLOSED;
        link_pop(&t->link);
    }
    return error == ERR_BUSY ? 0 : error;
}

/* What was sent before the other end went is read before that is seen. */
static int link_drain(struct proc *p, struct proc_task *t) {
    int error = 0;
    for (int i = 0; i < READS_MAX && !error; i++) {
        error = link_read(&t->link);
        if (!error)
            error = messages_read(p, t);
    }
    return error == ERR_BUSY ? 0 : error;
}

void task_link_ready(struct proc *p, struct proc_task *t, uint32_t events) {
    if (t->link.fd < 0)
        return;
    if (events & EPOLLOUT)
        flush(p, t);
    if (t->link.fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && link_drain(p, t))
        link_lost(p, t);
}

static void death_watch(struct proc *p, struct proc_task *t, int pid_fd) {
    if (pid_fd < 0)
        return;
    t->pid_fd = pid_fd;
    proc_watch(p, pid_fd, EPOLLIN, &t->death_watch);
}

void task_connect(struct proc *p, struct proc_task *t, int link_fd, int pid_fd) {
    t->shim_lives = true;
    t->link.fd = link_fd;
    t->link_events = EPOLLIN;
    t->retry_at_us = TIME_NEVER_US;
    proc_watch(p, link_fd, EPOLLIN, &t->link_watch);
    death_watch(p, t, pid_fd);
    if (t->stop_pending && t->link.out.size == 0)
        link_put(&t->link, &wire_shim_command_type, &t->stop);
    flush(p, t);
}

/* ---- the end ------------------------------------------------------------------------------------------- */

/* False: processes of a shim that was killed are left in a control group. */
static bool groups_clear(struct proc *p, struct proc_task *t) {
    bool clear = true;
    for (size_t i = 0; t->group && i < p->sites_count; i++) {
        struct buf path = {0};
        buf_printf(&path, "%s/%s", p->sites[i].path, t->group);
        struct cgroup group = {.abilities = p->sites[i].abilities, .path = buf_str(&path)};
        if (!cgroup_remove(group.path)) {
            cgroup_kill(&group);
            clear = cgroup_remove(group.path) && clear;
        }
        buf_done(&path);
    }
    return clear;
}

/* The file may know an end that the link did not bring. */
static void last_word_tell(struct proc *p, struct proc_task *t) {
    struct arena arena = {0};
    struct wire_shim_status status;
    char path[TASK_PATH_MAX + sizeof "/" FILE_STATUS];
    struct buf data = {0};
    snprintf(path, sizeof path, "%s/%s", t->path, FILE_STATUS);
    if (file_read(p->root_fd, path, FRAME_MAX, &data) == 0 &&
        codec_decode(&wire_shim_status_type, buf_bytes(&data), &arena, &status, NULL) == 0) {
        buf_clear(&t->status);
        buf_append(&t->status, data.data, data.size);
    }
    buf_done(&data);
    t->final = status_read(t, &arena, &status) && status.fact.state == TASK_STATE_DEAD;
    t->lost = !t->final;
    queue_status(p, t->final ? PROC_STATUS : PROC_LOST, t);
    arena_done(&arena);
}

static void files_drop(struct proc *p, struct proc_task *t) {
    struct instance_id instance = t->instance;
    task_files_remove(p, t->path, t->keep_output);
    task_remove(p, t);
    instance_directory_remove(p, instance);
}

/* The shim is gone. */
static void conclude(struct proc *p, struct proc_task *t) {
    int64_t now_us = lease_now_us();
    if (t->shim_lives || !t->give_up_us)
        t->give_up_us = now_us + GROUP_WAIT_US;
    t->shim_lives = false;
    t->retry_at_us = TIME_NEVER_US;
    if (!groups_clear(p, t) && now_us < t->give_up_us) {
        retry_in(p, t, GROUP_RETRY_US);
        return;
    }
    if (!t->final && !t->lost)
        last_word_tell(p, t);
    adopted(p, t);
    readers_task_ended(p, t);
    if (t->released)
        files_drop(p, t);
}

void task_death_ready(struct proc *p, struct proc_task *t) {
    siginfo_t info;
    if (t->pid_fd < 0)
        return;
    if (t->link.fd >= 0)
        link_drain(p, t);
    link_end(p, t);
    /* Only a shim that this agent started is its child; the others' init collects them. */
    waitid(P_PIDFD, (id_t)t->pid_fd, &info, WEXITED | WNOHANG);
    death_unwatch(p, t);
    conclude(p, t);
}

void task_release(struct proc *p, struct proc_task *t, bool keep_output) {
    t->released = true;
    t->keep_output = keep_output;
    if (!t->shim_lives && t->retry_at_us == TIME_NEVER_US)
        files_drop(p, t);
    else if (t->shim_lives && t->final)
        release_send(p, t);
}

/* ---- shims of an earlier agent ------------------------------------------------------------------------- */

/* The directory, open, if a shim has locked it; else -1. Where it cannot be asked, that is no sign of death.
 */
static int locked_open(int parent_fd, const char *path, bool *ret_lives) {
    int fd = openat(parent_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    *ret_lives = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM);
    if (fd >= 0 && (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK))
        fd_close(&fd);
    *ret_lives = *ret_lives || fd >= 0;
    return fd;
}

bool shim_lives_in(int parent_fd, const char *path) {
    bool lives;
    int fd = locked_open(parent_fd, path, &lives);
    fd_close(&fd);
    return lives;
}

/* The path to the directory may be longer than an address. */
static int socket_connect(int directory_fd) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory_fd, FILE_SOCKET);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        fd_close(&fd);
    return fd;
}

static int pid_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

/* The process that the status names, if it is still that one: looked at after it is held, so that it cannot
 * change. */
static int shim_pid_open(const struct proc *p, const struct proc_task *t) {
    struct arena arena = {0};
    struct wire_shim_status status;
    pid_t pid = 0;
    uint64_t start = 0;
    int fd = -1;
    if (status_read(t, &arena, &status) && status.shim_pid > 1 && ID_EQUAL(status.boot, p->boot)) {
        fd = pid_open((pid_t)status.shim_pid);
        if (fd >= 0 && (process_stat((pid_t)status.shim_pid, &pid, &start) || start != status.pid_start))
            fd_close(&fd);
    }
    arena_done(&arena);
    return fd;
}

static int peer_pid_open(int link_fd) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(link_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 1)
        return -1;
    return pid_open(peer.pid);
}

static void retry_later(struct proc *p, struct proc_task *t) {
    t->retry_delay_us *= 2;
    if (t->retry_delay_us < RETRY_MIN_US)
        t->retry_delay_us = RETRY_MIN_US;
    if (t->retry_delay_us > RETRY_MAX_US)
        t->retry_delay_us = RETRY_MAX_US;
    retry_in(p, t, t->retry_delay_us);
}

/* The lock goes before the last process of the task does; so a shim that can be held is waited for to its
 * very end. */
void task_adopt(struct proc *p, struct proc_task *t) {
    if (t->pid_fd < 0)
        death_watch(p, t, shim_pid_open(p, t));
    bool locked;
    int directory_fd = locked_open(p->root_fd, t->path, &locked);
    t->shim_lives = locked || t->pid_fd >= 0;
    if (!t->shim_lives)
        conclude(p, t);
    if (!locked)
        return;
    int link_fd = directory_fd < 0 ? -1 : socket_connect(directory_fd);
    fd_close(&directory_fd);
    if (link_fd < 0)
        retry_later(p, t);
    else
        task_connect(p, t, link_fd, t->pid_fd < 0 ? peer_pid_open(link_fd) : -1);
}

void task_retry(struct proc *p, struct proc_task *t) {
    t->retry_at_us = TIME_NEVER_US;
    if (t->shim_lives)
        task_adopt(p, t);
    else
        conclude(p, t);
}

/* ---- doorway ------------------------------------------------------------------------------------------- */

int proc_command(struct proc *p, struct instance_id instance, struct bytes task,
                 const struct wire_shim_command *command) {
    starts_hurry(p, instance);
    struct proc_task *t = task_find(p, instance, task);
    if (!t || !t->shim_lives)
        return ERR_NOT_FOUND;
    if (t->link.out.size > FRAME_MAX)
        return ERR_BUSY;
    if (command->stop) {
        t->stop = *command;
        t->stop_pending = true;
    }
    command_send(p, t, command);
    return 0;
}

void proc_release(struct proc *p, struct instance_id instance, struct bytes task, bool keep_output) {
    starts_hurry(p, instance);
    struct proc_task *t = task_find(p, instance, task);
    if (t)
        task_release(p, t, keep_output);
}
