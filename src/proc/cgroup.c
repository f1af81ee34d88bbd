/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One control group of one task, in one hierarchy. The shim makes it and removes it; the agent only when the
 * shim was killed. cpu_mhz becomes cpu.shares of v1 one to one, as Nomad does it, and cpu.weight of v2 by the
 * conversion that the OCI runtimes share: [2, 262144] to [1, 10000].
 */

#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARES_MIN 2u
#define SHARES_MAX 262144u
#define DEPTH_MAX  8 /* of groups that a task makes in its own */

static int poke_number(const char *directory, const char *file, uint64_t value) {
    struct buf path = {0};
    char text[32];
    buf_printf(&path, "%s/%s", directory, file);
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    int error = file_poke(buf_str(&path), text);
    buf_done(&path);
    return error;
}

/* A kernel that does not count a group's swap has no such file: there a task may be swapped out. */
static int swap_deny(const char *directory, const char *file, uint64_t value) {
    int error = poke_number(directory, file, value);
    return error == -ENOENT ? 0 : error;
}

static int limits_set(const struct cgroup *group, uint32_t cpu_mhz, uint32_t memory_mib) {
    uint64_t shares = cpu_mhz < SHARES_MIN ? SHARES_MIN : cpu_mhz > SHARES_MAX ? SHARES_MAX : cpu_mhz;
    uint64_t weight = 1 + (shares - SHARES_MIN) * 9999 / (SHARES_MAX - SHARES_MIN);
    uint64_t memory = (uint64_t)memory_mib << 20;
    int error = 0;
    if (cpu_mhz && group->abilities & CGROUP_SHARES)
        error = poke_number(group->path, "cpu.shares", shares);
    if (!error && cpu_mhz && group->abilities & CGROUP_CPU)
        error = poke_number(group->path, "cpu.weight", weight);
    if (!error && memory_mib && group->abilities & CGROUP_LIMIT)
        error = poke_number(group->path, "memory.limit_in_bytes", memory);
    if (!error && memory_mib && group->abilities & CGROUP_LIMIT)
        error = swap_deny(group->path, "memory.memsw.limit_in_bytes", memory);
    if (!error && memory_mib && group->abilities & CGROUP_MEMORY)
        error = poke_number(group->path, "memory.max", memory);
    if (!error && memory_mib && group->abilities & CGROUP_MEMORY)
        error = swap_deny(group->path, "memory.swap.max", 0);
    return error;
}

int cgroup_make(const struct cgroup *group, uint32_t cpu_mhz, uint32_t memory_mib) {
    if (mkdir(group->path, 0755) < 0 && errno != EEXIST)
        return -errno;
    return limits_set(group, cpu_mhz, memory_mib);
}

bool cgroup_kill(const struct cgroup *group) {
    return group->abilities & CGROUP_KILL && poke_number(group->path, "cgroup.kill", 1) == 0;
}

static bool remove_below(int parent_fd, const char *name, int depth) {
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    int fd =
        depth == DEPTH_MAX ? -1 : openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory) {
        fd_close(&fd);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            remove_below(fd, entry->d_name, depth + 1);
    closedir(directory);
    return unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool cgroup_remove(const char *path) { return remove_below(AT_FDCWD, path, 0); }
