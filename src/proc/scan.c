/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What an earlier agent left: each task's directory is told as FOUND, and a shim that lives is connected to.
 * A directory that cannot be understood is moved aside for an operator, never removed, and never when a shim
 * lives in it.
 */

#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_INSTANCES 32             /* looked at in one poll */
#define SPARE_FDS      6              /* for looking at a task; two of them it keeps */
#define SPARE_WAIT_US  US_PER_S       /* where there are none: to look again */
#define ADOPT_WAIT_US  (5 * US_PER_S) /* for shims that live but do not answer (stopped, no disk) */
#define PATH_SIZE      (TASK_PATH_MAX + 300)

static bool is_dots(const char *name) { return !strcmp(name, ".") || !strcmp(name, ".."); }

static DIR *directory_open(int parent_fd, const char *path) {
    int fd = openat(parent_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory)
        fd_close(&fd);
    return directory;
}

/* ---- what cannot be understood ------------------------------------------------------------------------- */

/* "a/b" goes to .damaged/a-b, or to .damaged/a-b.1 and so on when that is taken. */
static bool move_aside(const struct proc *p, const char *path, struct buf *ret_to) {
    struct stat stat;
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        buf_clear(ret_to);
        buf_printf(ret_to, "%s/", DIR_DAMAGED);
        for (const char *at = path; *at; at++)
            buf_append_byte(ret_to, *at == '/' ? '-' : (uint8_t)*at);
        if (attempt)
            buf_printf(ret_to, ".%u", attempt);
        if (fstatat(p->root_fd, buf_str(ret_to), &stat, AT_SYMLINK_NOFOLLOW) < 0)
            return renameat(p->root_fd, path, p->root_fd, buf_str(ret_to)) == 0;
    }
    return false;
}

static void damaged(struct proc *p, const struct instance_id *instance, const char *name, const char *path,
                    const char *why) {
    struct buf to = {0};
    bool moved = move_aside(p, path, &to);
    int number = errno;
    struct queued *q = proc_queue(p, PROC_DAMAGED, NULL);
    if (instance)
        q->instance = *instance;
    if (name && strlen(name) <= WIRE_NAME_MAX)
        memcpy(q->task, name, strlen(name));
    q->error = ERR_CORRUPT;
    buf_printf(&q->text, "%s/%s: %s; ", p->root, path, why);
    if (moved)
        buf_printf(&q->text, "moved to %s/%s", p->root, buf_str(&to));
    else
        buf_printf(&q->text, "it could not be moved aside: %s", errno_text(number));
    buf_done(&to);
}

static void task_damaged(struct proc *p, struct instance_id instance, const char *name, const char *path,
                         const char *why) {
    if (!shim_lives_in(p->root_fd, path)) {
        damaged(p, &instance, name, path, why);
        return;
    }
    struct queued *q = proc_queue(p, PROC_DAMAGED, NULL);
    q->instance = instance;
    memcpy(q->task, name, strlen(name));
    q->error = ERR_CORRUPT;
    buf_printf(&q->text, "%s/%s: %s; left alone, its shim lives", p->root, path, why);
}

/* ---- a task's directory -------------------------------------------------------------------------------- */

static int part_read(const struct proc *p, const char *path, const char *name, size_t size_max,
                     struct buf *out) {
    char file[PATH_SIZE];
    snprintf(file, sizeof file, "%s/%s", path, name);
    return file_read(p->root_fd, file, size_max, out);
}

static const char *spec_fault(struct instance_id instance, const char *name, const struct buf *data,
                              struct arena *a, struct wire_shim_spec *ret) {
    struct codec_fault fault;
    if (codec_decode(&wire_shim_spec_type, buf_bytes(data), a, ret, &fault))
        return arena_printf(a, "%s: %s: %s", FILE_SPEC, fault.path, fault.what);
    if (!ID_EQUAL(ret->instance, instance) || !bytes_is(ret->task, name))
        return "spec: it is of another instance or task";
    return NULL;
}

/* A damaged status of a good spec: the task is known, but not how it went. */
static void status_load(struct proc *p, struct proc_task *t, struct arena *a) {
    struct wire_shim_status status;
    struct codec_fault fault;
    int error = part_read(p, t->path, FILE_STATUS, FRAME_MAX, &t->status);
    if (!error && codec_decode(&wire_shim_status_type, buf_bytes(&t->status), a, &status, &fault) == 0) {
        t->final = status.fact.state == TASK_STATE_DEAD;
        return;
    }
    buf_clear(&t->status);
    if (error == ERR_NOT_FOUND)
        return;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", t->path, FILE_STATUS);
    damaged(p, &t->instance, t->name, path, error ? err_str(error) : fault.what);
}

static void task_found(struct proc *p, struct instance_id instance, const char *name, const struct buf *data,
                       const struct wire_shim_spec *spec, struct arena *a) {
    struct proc_task *t = task_new(p, instance, bytes_str(name));
    task_group_set(p, t, spec->cgroup);
    status_load(p, t, a);
    struct queued *q = proc_queue(p, PROC_FOUND, t);
    buf_append(&q->spec, data->data, data->size);
    buf_append(&q->status, t->status.data, t->status.size);
    t->adopted = true;
    p->adopting++;
    task_adopt(p, t);
}

/* True: only its output is there. */
static bool task_look(struct proc *p, struct instance_id instance, const char *name) {
    struct arena arena = {0};
    struct buf data = {0};
    struct wire_shim_spec spec;
    char path[TASK_PATH_MAX];
    bool kept = false;
    task_path(instance, bytes_str(name), path);
    int error = part_read(p, path, FILE_SPEC, wire_shim_spec_type.max_bytes, &data);
    if (error == ERR_NOT_FOUND &&
        part_read(p, path, FILE_RELEASED, wire_shim_spec_type.max_bytes, &data) == 0) {
        kept = true;
    } else if (error) {
        task_damaged(p, instance, name, path,
                     error == ERR_NOT_FOUND ? "there is no spec" : "spec cannot be read");
    } else {
        const char *fault = spec_fault(instance, name, &data, &arena, &spec);
        if (fault)
            task_damaged(p, instance, name, path, fault);
        else
            task_found(p, instance, name, &data, &spec, &arena);
    }
    buf_done(&data);
    arena_done(&arena);
    return kept;
}

/* ---- descriptors --------------------------------------------------------------------------------------- */

/* Whether so many more can be opened now. */
static bool descriptors_spare(const struct proc *p, size_t count) {
    VEC(int) fds = {0};
    int fd = -1;
    while (fds.count < count && (fd = fcntl(p->null_fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        VEC_PUSH(&fds, fd);
    bool spare = fds.count == count;
    while (fds.count > 0)
        close(fds.data[--fds.count]);
    VEC_DONE(&fds);
    return spare;
}

/*
 * What cannot be opened for want of descriptors looks like what is damaged or gone, and a task that is taken
 * for lost would run twice. So the scan waits; an agent with a lower limit than the one before it waits for
 * ever, and says why.
 */
static void scan_wait(struct proc *p) {
    p->scan_again_us = lease_now_us() + SPARE_WAIT_US;
    proc_timer_at(p, p->scan_again_us);
    if (p->scan_short)
        return;
    p->scan_short = true;
    struct queued *q = proc_queue(p, PROC_DAMAGED, NULL);
    q->error = ERR_LIMIT;
    buf_printf(&q->text, "%s: too few open files are allowed to look at the tasks that run here: waiting",
               p->root);
}

/* ---- directories of instances -------------------------------------------------------------------------- */

/* Names are gathered first: looking at a task may move its directory away. */
static bool instance_look(struct proc *p, struct instance_id instance, const char *id) {
    struct arena arena = {0};
    VEC(char *) names = {0};
    bool kept = false, all_good = true;
    DIR *directory = directory_open(p->root_fd, id);
    if (!directory && errno == ENOENT)
        return true;
    if (!directory) {
        damaged(p, &instance, NULL, id, "it is no directory that can be read");
        return true;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (!is_dots(entry->d_name))
            VEC_PUSH(&names, arena_printf(&arena, "%s", entry->d_name));
    closedir(directory);
    bool spare = descriptors_spare(p, SPARE_FDS + 2 * names.count);
    for (size_t i = 0; i < names.count && spare; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", id, names.data[i]);
        if (!strcmp(names.data[i], DIR_SHARED))
            continue;
        if (!task_name_valid(bytes_str(names.data[i]))) {
            damaged(p, &instance, NULL, path, "that is no task's name");
        } else if (!task_find(p, instance, bytes_str(names.data[i]))) {
            bool only_output = task_look(p, instance, names.data[i]);
            kept |= only_output;
            all_good &= only_output || task_find(p, instance, bytes_str(names.data[i]));
        }
    }
    if (kept)
        proc_queue(p, PROC_KEPT, NULL)->instance = instance;
    if (spare && all_good) /* nobody unknown may be using what it shares */
        instance_directory_remove(p, instance);
    VEC_DONE(&names);
    arena_done(&arena);
    return spare;
}

/* False: there are too few descriptors to look at it. */
static bool root_entry_look(struct proc *p, const char *name) {
    struct instance_id instance;
    char id[ID_TEXT_SIZE];
    if (name[0] == '.')
        return true;
    if (!descriptors_spare(p, SPARE_FDS))
        return false;
    if (hex_decode(bytes_str(name), instance.b, ID_SIZE) == 0) {
        id_text(instance.b, id);
        if (!strcmp(id, name))
            return instance_look(p, instance, name);
    }
    damaged(p, NULL, NULL, name, "that is no instance's id");
    return true;
}

/* ---- the scan ------------------------------------------------------------------------------------------ */

/* What was being removed is removed on; names of later trash must not meet these. */
static void trash_find(struct proc *p) {
    DIR *directory = directory_open(p->root_fd, DIR_TRASH);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (!is_dots(entry->d_name)) {
            struct buf path = {0};
            size_t size;
            buf_printf(&path, "%s/%s", DIR_TRASH, entry->d_name);
            buf_append_byte(&path, 0);
            VEC_PUSH(&p->trash, (char *)buf_take(&path, &size));
        }
    closedir(directory);
}

int scan_begin(struct proc *p) {
    trash_find(p);
    p->scan = directory_open(p->root_fd, ".");
    return p->scan ? 0 : -1;
}

bool scan_step(struct proc *p) {
    if (p->scan && lease_now_us() < p->scan_again_us) {
        proc_timer_at(p, p->scan_again_us);
        return false;
    }
    for (int i = 0; p->scan && i < STEP_INSTANCES; i++) {
        long place = telldir(p->scan);
        struct dirent *entry = readdir(p->scan);
        if (entry && !root_entry_look(p, entry->d_name)) {
            seekdir(p->scan, place);
            scan_wait(p);
            return false;
        }
        if (entry)
            continue;
        closedir(p->scan);
        p->scan = NULL;
        p->scan_until_us = lease_now_us() + ADOPT_WAIT_US;
        if (p->adopting > 0)
            proc_timer_at(p, p->scan_until_us);
    }
    return p->scan != NULL;
}

void scan_conclude(struct proc *p) {
    if (p->scan || p->scan_told || (p->adopting > 0 && lease_now_us() < p->scan_until_us))
        return;
    p->scan_told = true;
    proc_queue(p, PROC_SCAN_DONE, NULL);
}
