/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the host offers: control groups, users, ports. */

#include "rig.h"

#include "../../../src/proc/host.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(proc_host, .timeout = 120, .fini = rig_fini);

/* ---- control groups ------------------------------------------------------------------------------------ */

static const char *groups_of(uint32_t pid) {
    static char text[8192];
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/cgroup", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[got < 0 ? 0 : got] = 0;
    if (fd >= 0)
        close(fd);
    return text;
}

static unsigned count_of(const char *text, const char *word) {
    unsigned count = 0;
    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        count++;
    return count;
}

/* Each test has a name of its own, and other tests run beside it. */
static void no_groups(const char *name, const char *leaf) {
    struct buf command = {0};
    buf_printf(&command, "test -z \"$(find /sys/fs/cgroup -type d -path '*/%s%s')\"", name, leaf);
    cr_assert_eq(system(buf_str(&command)), 0, "groups %s%s are left", name, leaf);
    buf_done(&command);
}

Test(proc_host, the_exec_driver_has_control_groups_which_go_with_the_task) {
    static struct rig r;
    rig_init(&r);
    if (!proc_features(r.proc)->cgroup_kill && !proc_features(r.proc)->limit_cpu)
        cr_skip_test("this host has no control groups for us");
    struct wire_shim_spec spec = rig_spec(&r, 1, "exec sleep 1000");
    spec.driver = DRIVER_KIND_EXEC;
    spec.cpu_mhz = 500;
    spec.memory_mib = 64;
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
    cr_assert_geq(count_of(groups_of(rig_seen(&r, 1)->pid), r.cgroup), 1);
    cr_assert_eq(count_of(groups_of(rig_seen(&r, 1)->shim_pid), r.cgroup), 0);
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    proc_release(r.proc, rig_instance(1), bytes_str("t"), false);
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "..")));
    no_groups(r.cgroup, "/*");
    char name[64];
    snprintf(name, sizeof name, "%s", r.cgroup);
    rig_done(&r);
    no_groups(name, "");
}

Test(proc_host, raw_exec_has_none_where_there_are_pid_namespaces) {
    static struct rig r;
    rig_init(&r);
    if (!proc_features(r.proc)->pid_namespace)
        cr_skip_test("this host makes no pid namespaces");
    struct wire_shim_spec spec = rig_spec(&r, 1, "exec sleep 1000");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
    cr_assert_eq(count_of(groups_of(rig_seen(&r, 1)->pid), r.cgroup), 0);
    rig_done(&r);
}

Test(proc_host, the_memory_limit_is_enforced) {
    static struct rig r;
    rig_init(&r);
    if (!proc_features(r.proc)->limit_memory)
        cr_skip_test("this host cannot limit memory");
    struct wire_shim_spec spec =
        rig_spec(&r, 1, "head -c 300000000 /dev/zero | tail -c 300000000 > /dev/null");
    spec.driver = DRIVER_KIND_EXEC;
    spec.memory_mib = 32;
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert_eq(rig_seen(&r, 1)->exit_code, 137);
    rig_done(&r);
}

/* Where there is swap, a task would go there instead of being ended. */
Test(proc_host, a_task_gets_no_swap_beside_its_memory) {
    static struct rig r;
    rig_init(&r);
    if (!proc_features(r.proc)->limit_memory)
        cr_skip_test("this host cannot limit memory");
    struct wire_shim_spec spec = rig_spec(&r, 1, "exec sleep 1000");
    spec.driver = DRIVER_KIND_EXEC;
    spec.memory_mib = 32;
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
    struct buf command = {0};
    buf_printf(&command,
               "for file in $(find /sys/fs/cgroup -path '*/%s/*/*' -name memory.memsw.limit_in_bytes "
               "-o -path '*/%s/*/*' -name memory.swap.max); do"
               "    read -r value <$file; test $value = 33554432 || test $value = 0 || exit 1; done",
               r.cgroup, r.cgroup);
    cr_assert_eq(system(buf_str(&command)), 0, "%s", buf_str(&command));
    buf_done(&command);
    rig_done(&r);
}

Test(proc_host, groups_of_a_killed_shim_are_removed_by_the_agent) {
    static struct rig r;
    rig_init(&r);
    if (!proc_features(r.proc)->cgroup_kill && !proc_features(r.proc)->limit_cpu)
        cr_skip_test("this host has no control groups for us");
    struct wire_shim_spec spec = rig_spec(&r, 1, "exec sleep 1000");
    spec.driver = DRIVER_KIND_EXEC;
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
    kill((pid_t)rig_seen(&r, 1)->shim_pid, SIGKILL);
    RIG_WAIT(&r, rig_seen(&r, 1)->lost);
    no_groups(r.cgroup, "/*");
    rig_done(&r);
}

Test(proc_host, a_group_outside_of_the_agents_own_is_refused) {
    static struct rig r;
    rig_init(&r);
    static const char *const groups[] = {"other/group", "/", "..", "%s", "%s/", "%s/..", "%s/a/b"};
    for (unsigned i = 0; i < sizeof groups / sizeof *groups; i++) {
        struct buf name = {0};
        const char *percent = strstr(groups[i], "%s");
        buf_printf(&name, "%s%s", percent ? r.cgroup : "", percent ? percent + 2 : groups[i]);
        struct wire_shim_spec spec = rig_spec(&r, 10 + i, "true");
        spec.driver = DRIVER_KIND_EXEC;
        spec.cgroup = buf_bytes(&name);
        rig_start(&r, &spec);
        RIG_WAIT(&r, rig_seen(&r, 10 + i)->refused);
        cr_assert_eq(rig_seen(&r, 10 + i)->error, ERR_INVALID);
        buf_done(&name);
    }
    rig_done(&r);
}

Test(proc_host, what_kills_for_certain_is_told) {
    static struct rig r;
    rig_init(&r);
    const struct proc_features *f = proc_features(r.proc);
    cr_assert_eq(f->kill_certain, f->pid_namespace || f->cgroup_kill);
    cr_assert(!strcmp(f->cgroup_version, "v1") || !strcmp(f->cgroup_version, "v2") ||
              !strcmp(f->cgroup_version, "none"));
    if (rig_is_root())
        cr_assert(f->kill_certain);
    rig_done(&r);
}

/* ---- users --------------------------------------------------------------------------------------------- */

static char passwd_path[] = "/tmp/covey-passwd-XXXXXX", group_path[] = "/tmp/covey-group-XXXXXX";

static void files_write(const char *passwd, const char *group) {
    int fd = mkstemp(passwd_path);
    cr_assert_eq(write(fd, passwd, strlen(passwd)), (ssize_t)strlen(passwd));
    close(fd);
    fd = mkstemp(group_path);
    cr_assert_eq(write(fd, group, strlen(group)), (ssize_t)strlen(group));
    close(fd);
}

static int find(const char *name, struct user *ret) {
    return user_find(passwd_path, group_path, bytes_str(name), ret);
}

Test(proc_host, users_and_their_groups_are_read_from_the_files) {
    struct user user;
    files_write(
        "root:x:0:0:root:/root:/bin/sh\n\n# comment\nbroken\nbad:x:abc:1::/:\nover:x:4294967295:1::/:\n"
        "web:x:1001:1002:Web:/srv:/bin/false\nweb2:x:1003:1002::/:",
        "root:x:0:\nwebs:x:1002:web,other\nlogs:x:50:other,web\nvideo:x:44:web2\ncdrom:x:24:web\nbroken:x\n");
    cr_assert_eq(find("web", &user), 0);
    cr_assert_eq(user.uid, 1001);
    cr_assert_eq(user.gid, 1002);
    cr_assert_eq(user.groups_count, 3);
    cr_assert_arr_eq(user.groups, ((gid_t[]){1002, 50, 24}), 3 * sizeof(gid_t));
    cr_assert_eq(find("1001", &user), 0);
    cr_assert_eq(user.groups_count, 3, "a number has the groups of its name");
    cr_assert_eq(find("web2", &user), 0, "the last line needs no end");
    cr_assert_eq(find("root", &user), 0);
    cr_assert_eq(find("we", &user), ERR_NOT_FOUND);
    cr_assert_eq(find("bad", &user), ERR_NOT_FOUND);
    cr_assert_eq(find("over", &user), ERR_NOT_FOUND, "that number means no change to the kernel");
    cr_assert_eq(find("", &user), ERR_NOT_FOUND);
    cr_assert_eq(find("1004", &user), ERR_NOT_FOUND);
    cr_assert_eq(user_find("/no/such", group_path, bytes_str("root"), &user), ERR_IO);
    cr_assert_eq(user_find(passwd_path, "/no/such", bytes_str("root"), &user), ERR_IO);
    unlink(passwd_path);
    unlink(group_path);
}

/* ---- ports --------------------------------------------------------------------------------------------- */

Test(proc_host, a_port_is_free_when_nobody_listens_on_it) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    uint16_t port = ntohs(address.sin_port);
    cr_assert(!proc_port_free("127.0.0.1", port));
    cr_assert(!proc_port_free("0.0.0.0", port));
    cr_assert(!proc_port_free("", port));
    cr_assert(!proc_port_free("192.0.2.1", port));
    close(fd);
    cr_assert(proc_port_free("127.0.0.1", port));
    cr_assert(proc_port_free("192.0.2.1", port), "an address before the host: the port of all its own");
    cr_assert(!proc_port_free("localhost", port), "no name is looked up");
}

/* That it cannot be told is nobody's holding it: the task itself says what is wrong, or may what we may not.
 */
Test(proc_host, a_port_that_only_root_may_bind_is_not_said_to_be_held) {
    if (rig_is_root())
        cr_assert_eq(setuid(65534), 0);
    int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY);
    char text[16] = "";
    cr_assert(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    if (atoi(text) <= 809)
        cr_skip_test("every port may be bound here");
    cr_assert(proc_port_free("127.0.0.1", 809));
}

/* A limit of each user, which no look at the open files explains. As a user whom nobody else here is. */
Test(proc_host, too_many_inotify_instances_are_told_as_such) {
    char text[256] = "", root[] = "/tmp/covey-proc-XXXXXX";
    if (rig_is_root())
        cr_assert_eq(setuid(65000), 0);
    cr_assert(mkdtemp(root));
    while (inotify_init1(IN_CLOEXEC) >= 0)
        ;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        cr_skip_test("there are fewer open files than inotify instances");
    struct proc_options options = {.root = root};
    struct proc *p = proc_new(&options, text, sizeof text);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
    cr_assert(!p && strstr(text, "max_user_instances"), "%s", text);
}
