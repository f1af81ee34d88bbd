/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Removing what a task left. Most directories are empty but for our own files and go at once; what a task
 * wrote may be any number of files, so it is renamed out of the way and goes bit by bit.
 */

#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_FILES 256 /* removed in one poll */
#define DEPTH_MAX  32  /* of directories gone down into; deeper ones are moved up first */

static void trash_push(struct proc *p, const char *path) {
    struct buf copy = {0};
    size_t size;
    buf_printf(&copy, "%s", path);
    buf_append_byte(&copy, 0);
    VEC_PUSH(&p->trash, (char *)buf_take(&copy, &size));
    if (!p->polling)
        proc_wake(p);
}

static int trash_move(struct proc *p, int parent_fd, const char *name) {
    char to[64];
    int error;
    do {
        snprintf(to, sizeof to, "%s/%llu", DIR_TRASH, (unsigned long long)p->trash_count++);
        error = renameat(parent_fd, name, p->root_fd, to) < 0 ? -errno : 0;
    } while (error == -EEXIST || error == -ENOTEMPTY || error == -ENOTDIR);
    if (!error)
        trash_push(p, to);
    return error;
}

int tree_discard(struct proc *p, const char *path) { return trash_move(p, p->root_fd, path); }

/* ---- a task's directory -------------------------------------------------------------------------------- */

static void file_remove(const struct proc *p, const char *path, const char *name, int flags) {
    char file[TASK_PATH_MAX + 32];
    snprintf(file, sizeof file, "%s/%s", path, name);
    unlinkat(p->root_fd, file, flags);
}

static void output_keep(struct proc *p, const char *path) {
    char from[TASK_PATH_MAX + 32], to[TASK_PATH_MAX + 32];
    snprintf(from, sizeof from, "%s/%s", path, FILE_WORK);
    if (unlinkat(p->root_fd, from, AT_REMOVEDIR) < 0 && errno != ENOENT)
        tree_discard(p, from);
    snprintf(from, sizeof from, "%s/%s", path, FILE_SPEC);
    snprintf(to, sizeof to, "%s/%s", path, FILE_RELEASED);
    renameat(p->root_fd, from, p->root_fd, to);
}

void task_files_remove(struct proc *p, const char *path, bool keep_output) {
    file_remove(p, path, FILE_STATUS, 0);
    file_remove(p, path, FILE_SOCKET, 0);
    if (keep_output) {
        output_keep(p, path);
        return;
    }
    file_remove(p, path, FILE_WORK, AT_REMOVEDIR);
    file_remove(p, path, FILE_SPEC, 0);
    if (unlinkat(p->root_fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
        tree_discard(p, path);
}

static void shared_discard(struct proc *p, const char *id) {
    char path[TASK_PATH_MAX];
    snprintf(path, sizeof path, "%s/" DIR_SHARED, id);
    tree_discard(p, path);
}

static bool instance_is_known(const struct proc *p, struct instance_id instance) {
    for (size_t i = 0; i < p->tasks.count; i++) {
        const struct proc_task *t = p->tasks.entries[i].value;
        if (ID_EQUAL(t->instance, instance))
            return true;
    }
    return false;
}

void instance_directory_remove(struct proc *p, struct instance_id instance) {
    char id[ID_TEXT_SIZE];
    id_text(instance.b, id);
    if (!instance_is_known(p, instance))
        shared_discard(p, id);
    unlinkat(p->root_fd, id, AT_REMOVEDIR);
}

/* A shim that was released may be about to exit: then its directory goes when it has. */
static void task_discard(struct proc *p, struct instance_id instance, int directory_fd, const char *name) {
    char path[TASK_PATH_MAX];
    struct proc_task *t = task_find(p, instance, bytes_str(name));
    if (t && t->released)
        t->keep_output = false;
    if (t && (t->shim_lives || t->retry_at_us != TIME_NEVER_US))
        return;
    if (t)
        task_remove(p, t);
    else if (shim_lives_in(directory_fd, name))
        return;
    task_path(instance, bytes_str(name), path);
    tree_discard(p, path);
}

void proc_remove(struct proc *p, struct instance_id instance) {
    char id[ID_TEXT_SIZE];
    starts_hurry(p, instance);
    id_text(instance.b, id);
    int fd = openat(p->root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory) {
        fd_close(&fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (task_name_valid(bytes_str(entry->d_name)))
            task_discard(p, instance, fd, entry->d_name);
    closedir(directory);
    instance_directory_remove(p, instance);
}

/* ---- bit by bit ---------------------------------------------------------------------------------------- */

/* What somebody has mounted there is his, even if it is another place of the same disk. */
static bool is_mount(int fd) {
    struct statx status;
    return statx(fd, "", AT_EMPTY_PATH, 0, &status) < 0 || status.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* True: it is gone. */
static bool remove_some(struct proc *p, int parent_fd, const char *name, int depth, int *budget) {
    if (--*budget < 0)
        return false;
    if (unlinkat(parent_fd, name, 0) == 0 || unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    if (depth == DEPTH_MAX)
        return trash_move(p, parent_fd, name) == 0;
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 || is_mount(fd) ? NULL : fdopendir(fd);
    if (!directory) {
        fd_close(&fd);
        return false;
    }
    bool all = true;
    for (struct dirent *entry; *budget > 0 && (entry = readdir(directory)) != NULL;)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            all = remove_some(p, fd, entry->d_name, depth + 1, budget) && all;
    closedir(directory);
    return all && *budget > 0 && unlinkat(parent_fd, name, AT_REMOVEDIR) == 0;
}

/* What cannot be removed (a mount, an immutable file) stays in the trash till the next start. */
bool trash_step(struct proc *p) {
    int budget = STEP_FILES;
    while (p->trash.count > 0 && budget > 0) {
        char *path = p->trash.data[--p->trash.count];
        bool gone = remove_some(p, p->root_fd, path, 0, &budget);
        if (!gone && budget <= 0)
            VEC_PUSH(&p->trash, path);
        else
            mem_free(path);
    }
    return p->trash.count > 0;
}
