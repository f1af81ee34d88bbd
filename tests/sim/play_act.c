/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Commands that do something to the world. */
#include <stdlib.h>

#include "disk.h"
#include "play.h"

/* ---- hosts ---- */

static void hosts(struct play *p, struct words *w) {
    int64_t n;
    if (p->w != NULL || !words_int(p, w, &n) || n < 1 || n > HOSTS_MAX) {
        play_fail(p, "`hosts N` comes once, with 1 to %d", HOSTS_MAX);
        return;
    }
    p->w = mem_alloc(sizeof *p->w);
    world_init(p->w, p->seed, (uint32_t)n);
    p->w->trace_level = p->trace_level;
    for (uint32_t i = 0; i < HOSTS_MAX; i++)
        for (uint32_t j = 0; j < HOSTS_MAX; j++) {
            p->w->link[i][j].min_us = 200;
            p->w->link[i][j].mean_us = 300;
        }
    play_watch(p);
}

static void seed(struct play *p, struct words *w) {
    int64_t n;
    if (p->w != NULL)
        play_fail(p, "the seed comes before `hosts`");
    else if (words_int(p, w, &n))
        p->seed = (uint64_t)n;
}

static void settle_quietly(struct play *p) {
    char text[256] = "";
    int64_t until = p->w->now_us + 60 * US_PER_S;
    p->w->core = (1u << p->w->hosts_count) - 1;
    while (!p->failed && p->w->now_us < until) {
        play_run(p, p->w->now_us + US_PER_S / 2);
        if (!p->failed && checkers_settled(p->w, text, sizeof text))
            return;
    }
    play_fail(p, "not settled after 60 s: %s", text);
}

static void start(struct play *p, struct words *w) {
    uint32_t mask;
    bool all = w->at == w->count;
    if (p->w == NULL) {
        play_fail(p, "`hosts N` comes first");
        return;
    }
    mask = (1u << p->w->hosts_count) - 1;
    if (!all && !words_hosts(p, w, &mask))
        return;
    for (uint32_t i = 0; i < p->w->hosts_count && !p->failed; i++) {
        if (((mask >> i) & 1) == 0)
            continue;
        host_start(p->w, i, p->w->token.size == 0);
        if (all)
            play_run(p, p->w->now_us + US_PER_S);
    }
    if (all)
        settle_quietly(p);
}

typedef void host_act(struct world *w, uint32_t host);

static void each(struct play *p, struct words *w, host_act *act) {
    uint32_t mask;
    if (!words_hosts(p, w, &mask))
        return;
    for (uint32_t i = 0; i < p->w->hosts_count; i++)
        if ((mask >> i) & 1)
            act(p->w, i);
}

static void power_on(struct world *w, uint32_t host) { host_start(w, host, false); }

static void power(struct play *p, struct words *w) {
    if (words_take(w, "off"))
        each(p, w, host_power_off);
    else if (words_take(w, "on"))
        each(p, w, power_on);
    else
        play_fail(p, "on or off?");
}

static void shut_down(struct world *w, uint32_t host) {
    if (w->hosts[host].node != NULL)
        host_feed(w, &w->hosts[host], &(struct node_input){.kind = NODE_SHUTDOWN});
}

static void clock_step(struct play *p, struct words *w) {
    uint32_t host;
    int64_t us;
    if (words_host(p, w, &host) && words_duration(p, w, &us))
        clock_wall_step(p->w, &p->w->hosts[host], us / US_PER_MS);
}

static void leave(struct play *p, struct words *w) {
    uint32_t host;
    if (words_host(p, w, &host))
        p->request = operator_call(p->w, host, "leave", &wire_empty_type, &(struct wire_empty){0});
}

/* A shim with its process, or the process alone. */
static void kill_task(struct play *p, struct words *w, bool shim) {
    const char *job = words_take(w, "of") ? words_next(w) : NULL;
    uint32_t host;
    if (job == NULL || !words_take(w, "on") || !words_host(p, w, &host)) {
        play_fail(p, "kill %s of JOB on HOST", shim ? "shim" : "process");
        return;
    }
    struct sim_host *h = &p->w->hosts[host];
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        if (t->shim == NULL || t->released || (!shim && t->pid == 0) || !bytes_is(t->spec.job, job))
            continue;
        (shim ? tasks_shim_killed : process_crash)(p->w, h, t);
        return;
    }
    play_fail(p, "no %s of %s is on h%u", shim ? "shim" : "process", job, host);
}

static void kill_word(struct play *p, struct words *w) {
    if (words_take(w, "agent"))
        each(p, w, host_kill_agent);
    else if (words_take(w, "shim"))
        kill_task(p, w, true);
    else if (words_take(w, "process"))
        kill_task(p, w, false);
    else
        play_fail(p, "kill agent, kill shim, or kill process?");
}

/* ---- disks ---- */

/* A bit in the middle of what is written of the first file whose name begins so. */
static bool rot_file(struct world *w, struct sim_host *h, const char *name) {
    for (size_t i = 0; i < h->disk.files.count; i++) {
        struct sim_file *f = h->disk.files.data[i];
        size_t used = f->durable.size;
        while (used > 0 && f->durable.data[used - 1] == 0)
            used--;
        if (!f->exists || used == 0 || strncmp(f->name, name, strlen(name)) != 0)
            continue;
        f->durable.data[used / 2] ^= 1;
        disk_told(w, h, NULL, "%s: a bit flips at offset %zu", f->name, used / 2);
        f->damaged = true;
        return true;
    }
    return false;
}

static void disk_save(struct play *p, struct sim_host *h) {
    for (size_t i = 0; i < h->disk.files.count; i++) {
        const struct sim_file *f = h->disk.files.data[i];
        struct saved_file saved = {.content = {0}};
        if (!f->exists)
            continue;
        memcpy(saved.name, f->name, sizeof saved.name);
        buf_append(&saved.content, f->content.data, f->content.size);
        VEC_PUSH(&p->saved, saved);
    }
}

static void disk_restore(struct play *p, struct sim_host *h) {
    if (h->node != NULL || p->saved.count == 0) {
        play_fail(p, "its agent runs, or nothing was saved");
        return;
    }
    for (size_t i = 0; i < h->disk.files.count; i++)
        disk_file_remove(h->disk.files.data[i], true);
    for (size_t i = 0; i < p->saved.count; i++)
        disk_file_replace(disk_file_get(h, p->saved.data[i].name, true), buf_bytes(&p->saved.data[i].content),
                          true);
    disk_told(p->w, h, NULL, "it is what it was some time ago");
    checkers_see(p->w, &(struct sight){.kind = SIGHT_DISK_LOST,
                                       .host = h}); /* what it promised since, it cannot keep */
    atlas_damaged(p->w, h);
}

static void lose_file(struct play *p, struct words *w) {
    uint32_t host;
    if (!words_host(p, w, &host) || w->at == w->count)
        return;
    struct sim_host *h = &p->w->hosts[host];
    const char *name = words_next(w);
    for (size_t i = 0; i < h->disk.files.count; i++) {
        struct sim_file *f = h->disk.files.data[i];
        if (!f->exists || strncmp(f->name, name, strlen(name)) != 0)
            continue;
        disk_file_remove(f, true);
        h->disk.file_gone = true;
        disk_told(p->w, h, NULL, "%s is gone", f->name);
        return;
    }
    play_fail(p, "there is no file %s", name);
}

static void disk(struct play *p, struct words *w, const char *what) {
    uint32_t host;
    int64_t us;
    if (!words_take(w, "disk") || !words_host(p, w, &host)) {
        play_fail(p, "%s disk HOST", what);
        return;
    }
    struct sim_host *h = &p->w->hosts[host];
    if (strcmp(what, "rot") == 0) {
        const char *file = words_next(w);
        bool rotten = file != NULL ? rot_file(p->w, h, file) : disk_fault_rot(p->w, h);
        if (!rotten)
            play_fail(p, "h%u's disk may not be damaged: too few healthy ones are left, or it is empty",
                      host);
    } else if (strcmp(what, "save") == 0)
        disk_save(p, h);
    else if (strcmp(what, "restore") == 0)
        disk_restore(p, h);
    else if (strcmp(what, "lose") == 0)
        host_lose_disk(p->w, host);
    else if (strcmp(what, "fill") == 0)
        disk_fault_fill(p->w, h, 0);
    else if (strcmp(what, "break") == 0)
        disk_fault_error(p->w, h);
    else if (strcmp(what, "heal") == 0)
        disk_heal(p->w, h);
    else if (words_duration(p, w, &us))
        disk_fault_slow(p->w, h, us);
}

/* ---- network ---- */

static void link_set(struct play *p, uint32_t from, uint32_t to, bool cut) {
    for (uint32_t i = 0; i < p->w->hosts_count; i++)
        for (uint32_t j = 0; j < p->w->hosts_count; j++)
            if (i != j && ((from >> i) & 1) && ((to >> j) & 1) && p->w->cut[i][j] != cut)
                network_cut(p->w, i, j, cut);
}

static void cut(struct play *p, struct words *w) {
    uint32_t groups[HOSTS_MAX], count = 0;
    do {
        if (count == HOSTS_MAX || !words_hosts(p, w, &groups[count++]))
            return;
    } while (words_take(w, "|"));
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < count; j++)
            if (i != j)
                link_set(p, groups[i], groups[j], true);
}

static void one_way(struct play *p, struct words *w) {
    uint32_t from, to;
    if (words_hosts(p, w, &from) && words_take(w, "->") && words_hosts(p, w, &to))
        link_set(p, from, to, true);
    else
        play_fail(p, "one-way HOSTS -> HOSTS");
}

static void heal(struct play *p, struct words *w) {
    uint32_t all = (1u << p->w->hosts_count) - 1, mask = all;
    if (w->at < w->count && !words_hosts(p, w, &mask))
        return;
    link_set(p, mask, all, false);
    link_set(p, all, mask, false);
}

/* ---- operators ---- */

struct job {
    int64_t count, memory, port, attempts;
    const char *command;
    bool batch;
};

static bool job_words(struct play *p, struct words *w, struct job *j) {
    while (w->at < w->count && strcmp(w->word[w->at], "on") != 0) {
        const struct {
            const char *word;
            int64_t *value;
        } numbers[] = {
            {"count", &j->count}, {"memory", &j->memory}, {"port", &j->port}, {"attempts", &j->attempts}};
        bool found = words_take(w, "batch");
        j->batch |= found;
        if (!found && words_take(w, "command")) {
            j->command = words_next(w);
            found = j->command != NULL;
        }
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && !found; i++) {
            found = words_take(w, numbers[i].word);
            if (found && !words_int(p, w, numbers[i].value))
                return false;
        }
        if (!found) {
            play_fail(p, "what is `%s` of a job?", w->word[w->at]);
            return false;
        }
    }
    return true;
}

/* `on HOST`, and then what becomes of it; unless the line says that nothing does. */
static void ask(struct play *p, struct words *w, const char *method, const struct codec_type *type,
                const void *params) {
    uint32_t host;
    if (!words_take(w, "on") || !words_host(p, w, &host)) {
        play_fail(p, "on which host?");
        return;
    }
    p->request = operator_call(p->w, host, method, type, params);
    if (p->request == 0)
        play_line(p, "%s on h%u: no agent answers", method, host);
    if (p->request == 0 || words_take(w, "unanswered"))
        return;
    int64_t until = p->w->now_us + 20 * US_PER_S;
    while (!p->failed && p->w->now_us < until) {
        const struct reply *r = operator_reply(p->w, p->request);
        if (r != NULL && r->done) {
            play_line(p, "%s on h%u: %s", method, host, err_str(r->error));
            return;
        }
        play_run(p, p->w->now_us + 10 * US_PER_MS);
    }
    play_line(p, "%s on h%u: no answer", method, host);
}

static void run(struct play *p, struct words *w) {
    const char *name = words_next(w);
    struct job j = {.count = 1, .memory = 64, .attempts = 3, .command = "forever"};
    if (p->w == NULL || name == NULL || !job_words(p, w, &j)) {
        play_fail(p, "run JOB ... on HOST");
        return;
    }
    struct wire_port_request port = {.label = bytes_str("http"), .static_ = (uint32_t)j.port};
    struct wire_task task = {.name = bytes_str("t"),
                             .driver = DRIVER_KIND_RAW_EXEC,
                             .command = bytes_str(j.command),
                             .cpu_mhz = 100,
                             .memory_mib = (uint32_t)j.memory,
                             .kill_timeout_ms = 1000,
                             .kill_signal = 15};
    struct wire_group group = {.name = bytes_str("g"),
                               .count = (uint32_t)j.count,
                               .ports = &port,
                               .ports_count = 1,
                               .tasks = &task,
                               .tasks_count = 1,
                               .restart = {.attempts = (uint32_t)j.attempts,
                                           .interval_ms = 60000,
                                           .delay_ms = 500,
                                           .mode = j.attempts > 1 ? RESTART_MODE_DELAY : RESTART_MODE_FAIL}};
    struct wire_admin_run params = {.job = {.name = bytes_str(name),
                                            .type = j.batch ? JOB_TYPE_BATCH : JOB_TYPE_SERVICE,
                                            .groups = &group,
                                            .groups_count = 1}};
    prng_fill(&p->w->prng, params.request.b, sizeof params.request.b);
    ask(p, w, "run", &wire_admin_run_type, &params);
}

static void stop(struct play *p, struct words *w) {
    const char *name = words_next(w);
    if (p->w == NULL || name == NULL) {
        play_fail(p, "stop JOB on HOST");
        return;
    }
    struct wire_admin_stop params = {.name = bytes_str(name)};
    prng_fill(&p->w->prng, params.request.b, sizeof params.request.b);
    ask(p, w, "stop", &wire_admin_stop_type, &params);
}

static void put(struct play *p, struct words *w) {
    const char *key = words_next(w), *value = words_next(w);
    if (p->w == NULL || key == NULL || value == NULL) {
        play_fail(p, "put KEY VALUE on HOST");
        return;
    }
    struct wire_admin_var_put params = {.var = {.key = bytes_str(key), .value = bytes_str(value)}};
    prng_fill(&p->w->prng, params.request.b, sizeof params.request.b);
    ask(p, w, "var.put", &wire_admin_var_put_type, &params);
}

/* ---- operators' words on a host ---- */

static struct bytes host_name(uint32_t host, char name[4]) {
    name[0] = 'h';
    name[1] = (char)('0' + host);
    name[2] = 0;
    return bytes_str(name);
}

static void drain(struct play *p, struct words *w) {
    uint32_t host;
    char name[4];
    if (!words_host(p, w, &host))
        return;
    struct wire_admin_drain drain = {.node = host_name(host, name), .off = words_take(w, "off")};
    ask(p, w, "drain", &wire_admin_drain_type, &drain);
}

static void away(struct play *p, struct words *w) {
    uint32_t host;
    char name[4];
    int64_t us;
    if (!words_host(p, w, &host) || !words_duration(p, w, &us))
        return;
    struct wire_admin_away away = {.node = host_name(host, name), .for_ms = (uint64_t)(us / US_PER_MS)};
    ask(p, w, "away", &wire_admin_away_type, &away);
}

static void forget(struct play *p, struct words *w) {
    uint32_t host;
    char name[4];
    if (!words_host(p, w, &host))
        return;
    struct wire_admin_forget forget = {.node = host_name(host, name), .force = words_take(w, "force")};
    ask(p, w, "forget", &wire_admin_forget_type, &forget);
}

static void vote(struct play *p, struct words *w) {
    uint32_t host;
    char name[4];
    if (!words_host(p, w, &host))
        return;
    struct wire_admin_vote vote = {.node = host_name(host, name)};
    vote.vote = words_take(w, "pin")       ? VOTE_RULE_PIN
                : words_take(w, "exclude") ? VOTE_RULE_EXCLUDE
                                           : VOTE_RULE_AUTO;
    ask(p, w, "vote", &wire_admin_vote_type, &vote);
}

static void zone(struct play *p, struct words *w) {
    static const struct wire_pair zones[] = {
        {.name = {(const uint8_t *)"zone", 4}, .value = {(const uint8_t *)"x", 1}},
        {.name = {(const uint8_t *)"zone", 4}, .value = {(const uint8_t *)"y", 1}}};
    uint32_t host;
    if (!words_host(p, w, &host))
        return;
    const char *name = words_next(w);
    if (name == NULL || (name[0] != 'x' && name[0] != 'y'))
        play_fail(p, "zone HOST x|y");
    else
        p->w->hosts[host].zone = &zones[name[0] == 'y'];
}

static void host_is(struct play *p, struct words *w) {
    uint32_t host;
    if (!words_host(p, w, &host))
        return;
    p->w->hosts[host].no_raw_exec = words_take(w, "no-raw-exec");
    if (words_take(w, "ports") && w->at < w->count)
        p->w->hosts[host].ports = (uint32_t)strtoul(words_next(w), NULL, 10);
}

static void restart(struct play *p, struct words *w) {
    uint32_t host;
    int64_t us = 0;
    if (!words_host(p, w, &host) || (words_take(w, "for") && !words_duration(p, w, &us)))
        return;
    struct wire_admin_restart restart = {.for_ms = (uint64_t)(us / US_PER_MS)};
    p->request = operator_call(p->w, host, "agent.restart", &wire_admin_restart_type, &restart);
}

/* ---- the table ---- */

static bool act_disk(struct play *p, struct words *w, const char *verb) {
    static const char *const verbs[] = {"rot", "lose", "fill", "break", "slow", "save", "restore"};
    if (strcmp(verb, "lose") == 0 && words_take(w, "file")) {
        lose_file(p, w);
        return true;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verb, verbs[i]) == 0) {
            disk(p, w, verb);
            return true;
        }
    if (strcmp(verb, "heal") == 0 && w->at < w->count && strcmp(w->word[w->at], "disk") == 0) {
        disk(p, w, verb);
        return true;
    }
    return false;
}

bool play_act(struct play *p, struct words *w) {
    static const struct {
        const char *name;
        void (*act)(struct play *, struct words *);
    } table[] = {{"hosts", hosts},     {"seed", seed},        {"start", start},    {"power", power},
                 {"leave", leave},     {"drain", drain},      {"away", away},      {"forget", forget},
                 {"restart", restart}, {"clock", clock_step}, {"kill", kill_word}, {"cut", cut},
                 {"one-way", one_way}, {"heal", heal},        {"run", run},        {"stop", stop},
                 {"put", put},         {"vote", vote},        {"zone", zone},      {"host", host_is}};
    static const struct {
        const char *name;
        host_act *act;
    } on_hosts[] = {
        {"shutdown", shut_down}, {"pause", host_pause}, {"suspend", host_suspend}, {"resume", host_resume}};
    const char *verb = words_next(w);
    if (act_disk(p, w, verb))
        return true;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(verb, table[i].name) == 0) {
            table[i].act(p, w);
            return true;
        }
    for (size_t i = 0; i < sizeof on_hosts / sizeof on_hosts[0]; i++)
        if (strcmp(verb, on_hosts[i].name) == 0) {
            each(p, w, on_hosts[i].act);
            return true;
        }
    return false;
}
