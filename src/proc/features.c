/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What this host can do, by trying it. Control groups are made below the group that the agent itself is in
 * (or, if the name of its own group begins with '/', at the top of the hierarchy), each hierarchy on its own,
 * since a host may have v1, v2 or some of both.
 *
 * Controllers of v2 are passed down group by group, and only a group without processes of its own (or the
 * top) may pass them. So an agent in a group of its own, as under systemd, cannot limit its tasks unless it
 * is given a group name at the top.
 */

#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOUNTS_MAX (UINT64_C(4) << 20) /* bytes of mountinfo */
#define STACK_SIZE 16384               /* bytes, a multiple of 16 */
#define PROBE_NAME "probe"

/* ---- pid namespaces ------------------------------------------------------------------------------------ */

static int probe_main(void *argument) {
    (void)argument;
    return 0;
}

static bool pid_namespace_try(void) {
    uint8_t *stack = mem_alloc(STACK_SIZE);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int pid = clone(probe_main, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_NEWPID | SIGCHLD, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    mem_free(stack);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return pid > 0;
}

/* ---- words of the kernel's files ----------------------------------------------------------------------- */

/* The next part of *rest, which a separator ends; NULL at the end. Changes the text. */
static char *part_take(char **rest, char separator) {
    char *part = *rest;
    if (!part)
        return NULL;
    char *end = strchr(part, separator);
    if (end)
        *end = 0;
    *rest = end ? end + 1 : NULL;
    return part;
}

static bool list_has(const char *list, const char *word) {
    size_t size = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += size)
        if ((at == list || at[-1] == ',') && (at[size] == ',' || !at[size]))
            return true;
    return false;
}

/* The agent's own group in the hierarchy that has this controller ("" for v2), from /proc/self/cgroup. */
static bool own_group(const char *controller, struct buf *ret_path) {
    struct buf text = {0};
    bool found = false;
    int error = file_read(AT_FDCWD, "/proc/self/cgroup", MOUNTS_MAX, &text);
    char *rest = error ? NULL : (char *)(uintptr_t)buf_str(&text), *line;
    while (!found && (line = part_take(&rest, '\n')) != NULL) {
        part_take(&line, ':');
        const char *controllers = part_take(&line, ':');
        found = controllers && line && (*controller ? list_has(controllers, controller) : !*controllers);
        if (found)
            buf_printf(ret_path, "%s", line);
    }
    buf_done(&text);
    return found;
}

struct mount {
    const char *root, *point;
};

/* "id parent device root point options [fields] - type source super-options" */
static bool mount_parse(char *line, const char *type, const char *controller, struct mount *ret) {
    char *separator = strstr(line, " - "), *fields = line;
    if (!separator)
        return false;
    *separator = 0;
    char *rest = separator + 3;
    const char *mount_type = part_take(&rest, ' ');
    part_take(&rest, ' ');
    if (strcmp(mount_type, type) || !rest || (*controller && !list_has(rest, controller)))
        return false;
    for (int i = 0; i < 3; i++)
        part_take(&fields, ' ');
    ret->root = part_take(&fields, ' ');
    ret->point = part_take(&fields, ' ');
    return ret->root && ret->point;
}

/* The directory of the agent's own group, or the hierarchy's top. */
static bool hierarchy_find(const char *controller, bool top, struct buf *ret_path) {
    struct buf text = {0}, group = {0};
    bool found = false;
    int error = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX, &text);
    char *rest = error ? NULL : (char *)(uintptr_t)buf_str(&text), *line;
    while (!found && (line = part_take(&rest, '\n')) != NULL) {
        struct mount mount;
        if (!mount_parse(line, *controller ? "cgroup" : "cgroup2", controller, &mount))
            continue;
        found = true;
        buf_printf(ret_path, "%s", mount.point);
        if (top || !own_group(controller, &group))
            continue;
        /* In a container the mount may begin at the agent's own group or above it. */
        const char *own = buf_str(&group);
        size_t root_size = strcmp(mount.root, "/") ? strlen(mount.root) : 0;
        if (!strncmp(own, mount.root, root_size) && strcmp(own + root_size, "/"))
            buf_printf(ret_path, "%s", own + root_size);
    }
    buf_done(&group);
    buf_done(&text);
    return found;
}

/* ---- sites --------------------------------------------------------------------------------------------- */

static bool file_there(const char *directory, const char *name) {
    struct buf path = {0};
    buf_printf(&path, "%s/%s", directory, name);
    bool there = access(buf_str(&path), W_OK) == 0;
    buf_done(&path);
    return there;
}

static void controller_pass(const char *directory, const char *word) {
    struct buf path = {0};
    buf_printf(&path, "%s/cgroup.subtree_control", directory);
    file_poke(buf_str(&path), word);
    buf_done(&path);
}

static const struct ability {
    unsigned flag;
    const char *file;
} abilities[] = {
    {CGROUP_KILL, "cgroup.kill"},
    {CGROUP_CPU, "cpu.weight"},
    {CGROUP_MEMORY, "memory.max"},
    {CGROUP_SHARES, "cpu.shares"},
    {CGROUP_LIMIT, "memory.limit_in_bytes"},
};

/* Looks at a group like a task's: what its files are is what can be done. */
static unsigned abilities_probe(const char *site, unsigned wanted) {
    struct buf path = {0};
    unsigned found = 0;
    buf_printf(&path, "%s/%s", site, PROBE_NAME);
    if (mkdir(buf_str(&path), 0755) == 0 || errno == EEXIST) {
        for (size_t i = 0; i < sizeof abilities / sizeof *abilities; i++)
            if (wanted & abilities[i].flag && file_there(buf_str(&path), abilities[i].file))
                found |= abilities[i].flag;
        rmdir(buf_str(&path));
    }
    buf_done(&path);
    return found;
}

static unsigned site_add(struct proc *p, const char *controller, bool top, unsigned wanted) {
    static const char *const passed[] = {"+cpu", "+memory"};
    struct buf path = {0};
    unsigned found = 0;
    size_t size;
    if (wanted && hierarchy_find(controller, top, &path)) {
        for (size_t i = 0; !*controller && i < 2; i++)
            controller_pass(buf_str(&path), passed[i]);
        buf_printf(&path, "/%s", p->cgroup_name);
        if (mkdir(buf_str(&path), 0755) == 0 || errno == EEXIST) {
            for (size_t i = 0; !*controller && i < 2; i++)
                controller_pass(buf_str(&path), passed[i]);
            found = abilities_probe(buf_str(&path), wanted);
            if (!found)
                rmdir(buf_str(&path));
        }
    }
    if (found) {
        buf_append_byte(&path, 0);
        struct cgroup *site = &p->sites[p->sites_count++];
        site->abilities = found;
        site->path = (const char *)buf_take(&path, &size);
    }
    buf_done(&path);
    return found;
}

static void sites_find(struct proc *p, bool top) {
    unsigned found = site_add(p, "", top, CGROUP_KILL | CGROUP_CPU | CGROUP_MEMORY);
    bool second = found & (CGROUP_CPU | CGROUP_MEMORY);
    found |= site_add(p, "cpu", top, found & CGROUP_CPU ? 0 : CGROUP_SHARES);
    found |= site_add(p, "memory", top, found & CGROUP_MEMORY ? 0 : CGROUP_LIMIT);
    bool first = found & (CGROUP_SHARES | CGROUP_LIMIT);
    p->features.cgroup_kill = found & CGROUP_KILL;
    p->features.limit_cpu = found & (CGROUP_CPU | CGROUP_SHARES);
    p->features.limit_memory = found & (CGROUP_MEMORY | CGROUP_LIMIT);
    const char *version = first ? "v1" : second || found & CGROUP_KILL ? "v2" : "none";
    snprintf(p->features.cgroup_version, sizeof p->features.cgroup_version, "%s", version);
}

void features_find(struct proc *p, const char *cgroup_name) {
    bool top = cgroup_name && *cgroup_name == '/';
    struct buf name = {0};
    size_t size;
    p->features.pid_namespace = pid_namespace_try();
    snprintf(p->features.cgroup_version, sizeof p->features.cgroup_version, "none");
    buf_printf(&name, "%s", cgroup_name ? cgroup_name + top : "");
    if (name.size > 0) {
        buf_append_byte(&name, 0);
        p->cgroup_name = (char *)buf_take(&name, &size);
        sites_find(p, top);
    }
    buf_done(&name);
    p->features.kill_certain = p->features.pid_namespace || p->features.cgroup_kill;
}

/* The agent's own group goes when no task is in it; else it is found again by the next agent. */
void features_done(struct proc *p) {
    for (size_t i = 0; i < p->sites_count; i++) {
        rmdir(p->sites[i].path);
        mem_free((void *)(uintptr_t)p->sites[i].path);
    }
    mem_free(p->cgroup_name);
}
