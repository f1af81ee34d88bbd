/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The agent's loop: shells tell what happened, node says what to do, effects go back to the shells.
 * Everything is done in one place, daemon_turn(), once per round of the loop; what it asks the disk for is
 * done behind it, by the same thread as long as the disk is quick about it (drive.h).
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include <covey/daemon.h>

#include "daemon.h"
#include "drive.h"
#include "host.h"

#define RESOLVE_EVERY_US (15 * US_PER_S) /* seed names are looked up again: addresses change */
#define SHUTDOWN_MAX_US  (1 * US_PER_S)  /* for a leader to hand over */
#define LOAD_LOOK_US     (100 * US_PER_MS)

void daemon_say(struct daemon *d, enum node_level level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say_line(&d->say, level, format, args);
    va_end(args);
}

/* Effects may feed again (a start that is refused at once): the queue of node is drained by the outermost
 * call. */
void daemon_feed(struct daemon *d, struct node_input *input) {
    d->now_us = host_now_us();
    input->wall_ms = host_wall_ms();
    d->turn_due = input->more;
    node_feed(d->node, d->now_us, input);
    struct node_effect e;
    while (node_drain(d->node, &e))
        daemon_effect(d, &e);
}

/* ---- what the shells tell ---- */

static void net_events(struct daemon *d) {
    struct net_event e;
    while (net_next(d->net, &e)) {
        struct node_input in = {.kind = NODE_TICK};
        switch (e.kind) {
        case NET_DATAGRAM:
            in = (struct node_input){.kind = NODE_DATAGRAM, .addr = e.addr, .data = e.data};
            daemon_feed(d, &in);
            break;
        case NET_RESOLVED:
            in = (struct node_input){.kind = NODE_SEED, .addr = e.addr};
            daemon_feed(d, &in);
            break;
        case NET_RESOLVE_FAILED:
            daemon_say(d, NODE_WARNING, "cannot resolve %.*s: %.*s; trying again", BYTES_FMT(e.name),
                       BYTES_FMT(e.text));
            break;
        case NET_ACCEPTED:
        case NET_CONNECTED:
        case NET_BYTES:
        case NET_CLOSED: stream_link_event(d, &e); break;
        }
    }
}

static void admin_events(struct daemon *d) {
    struct admin_event e;
    while (admin_next(d->admin, &e)) {
        struct node_input in = {.request = e.request, .more = true};
        if (e.kind == ADMIN_REQUEST) {
            in.kind = NODE_REQUEST;
            in.method = e.method;
            in.data = e.params;
        } else if (e.kind == ADMIN_CLOSED)
            in.kind = NODE_REQUEST_CLOSED;
        else {
            in.kind = NODE_CREDIT;
            in.bytes = e.bytes;
        }
        daemon_feed(d, &in);
    }
}

static void proc_events(struct daemon *d) {
    static const enum node_input_kind kinds[] = {
        [PROC_FOUND] = NODE_TASK_FOUND, [PROC_SCAN_DONE] = NODE_SCAN_DONE,  [PROC_STATUS] = NODE_TASK_STATUS,
        [PROC_LOST] = NODE_TASK_LOST,   [PROC_REFUSED] = NODE_TASK_REFUSED, [PROC_LOG_DATA] = NODE_LOG_DATA,
        [PROC_KEPT] = NODE_TASK_KEPT,
    };
    struct proc_event e;
    while (proc_next(d->proc, &e)) {
        if (e.kind == PROC_DAMAGED) {
            daemon_say(d, NODE_ERROR, "%.*s", BYTES_FMT(e.text));
            continue;
        }
        struct node_input in = {.kind = kinds[e.kind],
                                .instance = e.instance,
                                .task = e.task,
                                .spec = e.spec,
                                .status = e.status,
                                .error = e.error,
                                .text = e.text,
                                .handle = e.handle,
                                .data = e.data,
                                .end = e.end};
        daemon_feed(d, &in);
    }
}

static void store_events(struct daemon *d) {
    struct store_done done;
    while (store_poll(d->store, &done)) {
        if (done.ticket == 0 && done.error == 0) {
            daemon_say(d, NODE_WARNING, "%s; there is room for the log until the files that it has are full",
                       done.text);
            continue;
        }
        struct node_input in = {.kind = NODE_DISK_DONE, .ticket = done.ticket};
        if (done.error != 0)
            in = (struct node_input){
                .kind = NODE_DISK_FAILED, .error = done.error, .text = bytes_str(done.text)};
        daemon_feed(d, &in);
    }
}

/* ---- the loop ---- */

static void resolve_seeds(struct daemon *d) {
    if (d->now_us < d->resolve_at_us)
        return;
    d->resolve_at_us = d->now_us + RESOLVE_EVERY_US;
    for (size_t i = 0; i < d->config.joins_count; i++)
        net_resolve(d->net, d->config.joins[i], 7370);
}

static bool is_over(const struct daemon *d) {
    bool handed_over = d->shutdown_at_us != 0 && (d->now_us >= d->shutdown_at_us || !node_leads(d->node));
    return d->ending || handed_over;
}

static bool take(bool *flag) {
    bool was = *flag;
    *flag = false;
    return was;
}

/*
 * To be let in at once is for those who are done at once. While the loop computes much itself (a leader of
 * very many clients, a large plan) it takes its turn like everybody else.
 */
static void look_at_load(struct daemon *d) {
    int64_t past_us = d->now_us - d->load_at_us;
    bool light = d->light;
    if (past_us >= LOAD_LOOK_US) {
        int64_t cpu_us = host_cpu_us();
        light = (cpu_us - d->load_cpu_us) * 4 < past_us * 3;
        d->load_at_us = d->now_us;
        d->load_cpu_us = cpu_us;
    }
    if (light != d->light || !pthread_equal(pthread_self(), d->driver))
        store_wake_soon(light);
    d->driver = pthread_self();
    d->light = light;
}

static void daemon_turn(struct daemon *d) {
    d->now_us = host_now_us();
    look_at_load(d);
    /* A shell is asked only when it has something: a heartbeat should cost a few system calls, not a dozen.
     */
    if (take(&d->net_woken) || net_deadline(d->net) <= d->now_us)
        net_poll(d->net, d->now_us);
    net_events(d);
    if (take(&d->admin_woken) || admin_deadline(d->admin) <= d->now_us)
        admin_poll(d->admin, d->now_us);
    admin_events(d);
    if (take(&d->proc_woken))
        proc_poll(d->proc);
    proc_events(d);
    if (take(&d->store_woken))
        store_events(d);
    resolve_seeds(d);
    if (d->now_us >= d->sweep_at_us) {
        d->sweep_at_us = d->now_us + US_PER_S;
        links_sweep(d);
    }
    if (d->turn_due || node_deadline(d->node) <= host_now_us())
        daemon_feed(d, &(struct node_input){.kind = NODE_TICK});
    admin_flush(d->admin);
}

static int64_t daemon_deadline(const struct daemon *d) {
    int64_t at = node_deadline(d->node);
    if (net_deadline(d->net) < at)
        at = net_deadline(d->net);
    if (admin_deadline(d->admin) < at)
        at = admin_deadline(d->admin);
    if (d->config.joins_count > 0 && d->resolve_at_us < at)
        at = d->resolve_at_us;
    if (d->links.count > 0 && d->sweep_at_us < at)
        at = d->sweep_at_us;
    if (d->shutdown_at_us != 0 && d->shutdown_at_us < at)
        at = d->shutdown_at_us;
    return at;
}

/* Waking, and by whom, is all that is wanted of these: the work is done in daemon_turn. */
static void on_io(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    *(bool *)w->data = true;
}
static void on_timer(struct ev_loop *loop, ev_timer *w, int events) { (void)loop, (void)w, (void)events; }

static void wake_in_time(struct daemon *d) {
    int64_t at = daemon_deadline(d), now = host_now_us();
    double after = at <= now ? 0 : (double)(at - now) / 1e6;
    if (at == TIME_NEVER_US || after > 60)
        after = 60;
    ev_timer_stop(d->loop, &d->timer);
    ev_timer_set(&d->timer, after, 0);
    ev_now_update(d->loop);
    ev_timer_start(d->loop, &d->timer);
}

static bool daemon_round(void *daemon, bool may_wait) {
    struct daemon *d = daemon;
    bool waits = may_wait && !is_over(d);
    if (waits)
        wake_in_time(d);
    ev_run(d->loop, waits ? EVRUN_ONCE : EVRUN_NOWAIT);
    daemon_turn(d);
    return !is_over(d);
}

static bool disk_waits(void *daemon) { return store_waits(((struct daemon *)daemon)->store); }
static void disk_run(void *daemon) { store_run(((struct daemon *)daemon)->store); }
static void disk_tell(void *daemon) { store_tell(((struct daemon *)daemon)->store); }
/* Others wait for just this. */
static void disk_told(void *daemon) {
    struct daemon *d = daemon;
    store_events(d);
    admin_flush(d->admin);
}

/* Ends the loop once leadership is handed over, or not in time. */
static void shut_down(struct daemon *d) {
    d->shutdown_at_us = host_now_us() + SHUTDOWN_MAX_US;
    daemon_feed(d, &(struct node_input){.kind = NODE_SHUTDOWN});
}

void daemon_restart(struct daemon *d) {
    d->again = true;
    if (d->shutdown_at_us == 0)
        shut_down(d);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int events) {
    struct daemon *d = w->data;
    (void)loop, (void)events;
    d->again = false; /* whoever ends it does not want another */
    if (d->shutdown_at_us != 0) {
        d->ending = true;
        return;
    }
    daemon_say(d, NODE_INFO, "told to end; tasks go on running");
    shut_down(d);
}

static void watch_io(struct daemon *d, ev_io *w, int fd, bool *woken) {
    *woken = true;
    w->data = woken;
    ev_io_init(w, on_io, fd, EV_READ);
    ev_io_start(d->loop, w);
}

static void watch(struct daemon *d) {
    watch_io(d, &d->net_io, net_fd(d->net), &d->net_woken);
    watch_io(d, &d->admin_io, admin_fd(d->admin), &d->admin_woken);
    watch_io(d, &d->proc_io, proc_fd(d->proc), &d->proc_woken);
    watch_io(d, &d->store_io, store_fd(d->store), &d->store_woken);
    ev_timer_init(&d->timer, on_timer, 0, 0);
    ev_signal_init(&d->sigint, on_signal, SIGINT);
    ev_signal_init(&d->sigterm, on_signal, SIGTERM);
    d->sigint.data = d->sigterm.data = d;
    ev_signal_start(d->loop, &d->sigint);
    ev_signal_start(d->loop, &d->sigterm);
}

/* ---- start ---- */

static int fail(const char *text) {
    fprintf(stderr, "covey agent: %s\n", text);
    return ERR_INVALID;
}

static int advertised(const struct config *c, const struct addr *bound, struct addr *ret) {
    *ret = *bound;
    if (c->advertise.size > 0) {
        if (addr_parse(c->advertise, addr_port(bound), ret) != 0)
            return fail("--advertise: not a numeric address");
        return 0;
    }
    bool any = true;
    for (size_t i = 0; i + 2 < bound->size; i++)
        any &= bound->b[i] == 0;
    if (!any)
        return 0;
    if (!host_address(ret))
        return fail("this host has no address but loopback: say --advertise or --bind");
    addr_set_port(ret, addr_port(bound));
    return 0;
}

static size_t attributes(const struct proc *proc, struct wire_pair out[8]) {
    const struct proc_features *f = proc_features(proc);
    size_t n = 0;
    out[n++] = (struct wire_pair){.name = bytes_str("kernel.name"), .value = bytes_str("linux")};
    out[n++] = (struct wire_pair){.name = bytes_str("cgroup.version"), .value = bytes_str(f->cgroup_version)};
    out[n++] = (struct wire_pair){.name = bytes_str("kill.certain"),
                                  .value = bytes_str(f->kill_certain ? "true" : "false")};
    out[n++] = (struct wire_pair){.name = bytes_str("limit.cpu"),
                                  .value = bytes_str(f->limit_cpu ? "true" : "false")};
    out[n++] = (struct wire_pair){.name = bytes_str("limit.memory"),
                                  .value = bytes_str(f->limit_memory ? "true" : "false")};
    out[n++] = (struct wire_pair){.name = bytes_str("namespace.pid"),
                                  .value = bytes_str(f->pid_namespace ? "true" : "false")};
    return n;
}

/* /run is empty after a boot; what cannot be made is told by admin_new, with its path. */
static void socket_folder_make(const char *socket) {
    const char *slash = strrchr(socket, '/');
    if (slash == NULL || slash == socket)
        return;
    struct buf folder = {0};
    buf_append(&folder, socket, (size_t)(slash - socket));
    (void)host_make_dirs(buf_str(&folder), 0755);
    buf_done(&folder);
}

static int open_shells(struct daemon *d, const char *task_root, const struct node_id *id) {
    char text[512], cgroup[64], hex[ID_TEXT_SIZE];
    struct config *c = &d->config;
    struct store_options store = {.directory = c->data_dir};
    if (store_open(&store, &d->store, text, sizeof text) != 0)
        return fail(text);
    struct net_options net = {0};
    if (addr_parse(c->bind, 7370, &net.bind) != 0)
        return fail("--bind: not a numeric address with an optional port");
    d->net = net_new(&net, text, sizeof text);
    if (d->net == NULL)
        return fail(text);
    id_text(id->b, hex);
    snprintf(cgroup, sizeof cgroup, "covey-%.12s", hex);
    struct proc_options proc = {.root = task_root, .cgroup = cgroup, .boot = host_boot_id()};
    d->proc = proc_new(&proc, text, sizeof text);
    if (d->proc == NULL)
        return fail(text);
    socket_folder_make(c->socket);
    struct admin_options admin = {.path = c->socket, .group = c->socket_group};
    d->admin = admin_new(&admin, text, sizeof text);
    return d->admin == NULL ? fail(text) : 0;
}

static int open_node(struct daemon *d, const struct secret *seed, const char *task_root) {
    char text[512];
    struct config *c = &d->config;
    struct wire_pair attrs[8];
    struct addr bound = net_bound(d->net);
    struct node_options o = {
        .identity_seed = *seed,
        .name = c->name,
        .meta = c->meta,
        .meta_count = c->meta_count,
        .attributes = attrs,
        .cpu_mhz = c->cpu_mhz != 0 ? c->cpu_mhz : host_cpu_mhz(),
        .memory_mib = c->memory_mib != 0 ? c->memory_mib : host_memory_mib(),
        .ports_low = c->ports_low,
        .ports_high = c->ports_high,
        .raw_exec = c->raw_exec,
        .boot = host_boot_id(),
        .version = bytes_str(COVEY_VERSION),
        .task_root = bytes_str(task_root),
        .bootstrap = c->bootstrap,
        .token = c->token,
        .swim_period_us = c->swim_period_us,
        .heartbeat_us = c->heartbeat_us,
        .election_min_us = c->election_us,
        .replace_after_us = c->replace_after_us,
        .heal_stable_us = c->heal_stable_us,
        .marks = &d->marks,
    };
    o.attributes_count = attributes(d->proc, attrs);
    host_random(o.entropy.b, sizeof o.entropy.b);
    if (advertised(c, &bound, &o.addr) != 0)
        return ERR_INVALID;
    o.files = store_files(d->store, &o.files_count);
    int error = node_new(&o, host_now_us(), host_wall_ms(), &d->node, text, sizeof text);
    store_files_release(d->store);
    secret_wipe(&o.identity_seed, sizeof o.identity_seed);
    secret_wipe(&o.entropy, sizeof o.entropy);
    if (error != 0)
        return fail(text);
    if (node_raft(d->node) == NULL && c->joins_count > 0 && c->token.size == 0)
        return fail("--join needs --secret-file with the join token: `covey token` on a member prints it");
    if (!c->bootstrap && c->joins_count == 0 && node_raft(d->node) == NULL)
        daemon_say(d, NODE_WARNING,
                   "this host is no member of a cluster: start it once with --bootstrap or --join");
    return 0;
}

static int daemon_open(struct daemon *d) {
    char text[512], task_root[4096];
    struct secret seed;
    if (host_identity(d->config.data_dir, &seed, text, sizeof text) != 0)
        return fail(text);
    struct identity identity;
    identity_init(&identity, &seed);
    struct node_id id = identity.id;
    identity_done(&identity);
    /* Tasks are told of it, and work elsewhere than the agent. */
    char *absolute = realpath(d->config.data_dir, NULL);
    snprintf(task_root, sizeof task_root, "%s/instances", absolute != NULL ? absolute : d->config.data_dir);
    free(absolute);
    int error = open_shells(d, task_root, &id);
    if (error == 0)
        error = open_node(d, &seed, task_root);
    secret_wipe(&seed, sizeof seed);
    return error;
}

static int daemon_drive(struct daemon *d) {
    struct drive_calls calls = {d, daemon_round, disk_waits, disk_run, disk_told, disk_tell};
    watch(d);
    d->driver = pthread_self();
    daemon_feed(d, &(struct node_input){.kind = NODE_TICK});
    daemon_turn(d);
    int failed = drive(&calls);
    if (failed == 0)
        return 0;
    fprintf(stderr, "covey agent: no second thread for the loop: %s\n", strerror(failed));
    return ERR_IO;
}

static void daemon_close(struct daemon *d) {
    links_done(d);
    store_close(d->store); /* it writes what node has, to the end */
    node_free(d->node);
    admin_free(d->admin);
    proc_free(d->proc);
    net_free(d->net);
    config_done(&d->config);
}

/* Each task needs a few descriptors here: what the hard limit allows is taken. */
static void raise_limits(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

/*
 * The program that stands at this path by now, which may be a newer one, takes this process's place: it keeps
 * its pid, so whoever supervises it sees nothing. Shims stay what they are, and are found by the next run.
 */
static int begin_anew(const char *path, int argc, char **argv, char *data_dir) {
    char **args = mem_alloc(((size_t)argc + 4) * sizeof *args);
    char name[] = "covey", flag[] = "--data-dir";
    sigset_t none;
    args[0] = name;
    for (int i = 0; i < argc; i++)
        args[i + 1] = argv[i];
    if (argc < 3 || strcmp(argv[argc - 2], flag) != 0) { /* of --dev, it was made up at the first start */
        args[argc + 1] = flag;
        args[argc + 2] = data_dir;
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(path, args);
    fprintf(stderr, "covey agent: cannot begin anew: %s: %s; start it by hand, its tasks go on running\n",
            path, strerror(errno));
    mem_free(args);
    return err_exit(ERR_IO);
}

int daemon_main(int argc, char **argv) {
    struct daemon *d = mem_alloc(sizeof *d);
    d->say.fd = STDERR_FILENO;
    char path[4096] = "";
    ssize_t path_size = readlink("/proc/self/exe", path, sizeof path - 1); /* before an upgrade replaces it */
    if (sodium_init() < 0) /* from here on libsodium runs the fastest code that this processor has */
        abort();
    int error = config_load(&d->config, argc, argv);
    d->light = true;
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 1); /* what one thread has freed is there for the other */
#endif
    signal(SIGPIPE, SIG_IGN);
    raise_limits();
    store_wake_soon(d->light);
    if (error == 0) {
        error = daemon_open(d);
        d->loop = ev_default_loop(EVFLAG_AUTO | EVFLAG_NOSIGMASK);
        if (error == 0) {
            char addr[ADDR_TEXT_SIZE];
            struct addr bound = net_bound(d->net);
            addr_text(&bound, addr);
            daemon_say(d, NODE_INFO, "covey %s, node %.*s, on %s, data in %s, socket %s", COVEY_VERSION,
                       BYTES_FMT(d->config.name), addr, d->config.data_dir, d->config.socket);
            error = daemon_drive(d);
        }
        ev_loop_destroy(d->loop);
    }
    int status = error != 0 && error != 1 ? err_exit(error) : d->exit_status;
    bool again = d->again && error == 0 && path_size > 0;
    char data_dir[4096] = "";
    if (again)
        snprintf(data_dir, sizeof data_dir, "%s", d->config.data_dir);
    daemon_close(d);
    mem_free(d);
    return again ? begin_anew(path, argc, argv, data_dir) : status;
}
