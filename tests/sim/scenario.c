/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Scenario files: scripts with what they bring about written below each step, in the manner of the
 * data-driven tests of etcd's raft. A block is commands, one a line, `----`, and what they printed, up to an
 * empty line:
 *
 *     # the leader cannot be heard by h1 and h2
 *     one-way h0 -> h1,h2
 *     wait 5s
 *     expect leader not h0
 *     ----
 *         12.4  h1 leads in term 3
 *
 * --rewrite writes what happens now; a difference shows up as one between two versions of the file. A play
 * also fails when an `expect` or a `wait until` is not met, and when a checker finds a promise broken: that
 * no rewriting hides.
 *
 * Commands. Hosts are h0, h1, ..., several of them h0,h2 or `all`; durations 300ms, 5s, 2m, 1h.
 *
 *     seed N                        before `hosts`
 *     hosts N                       makes the world; nothing runs
 *     start [HOSTS]                 agents; the first one makes the cluster. Without hosts: all of
 *                                   them, and waits until they are settled
 *     kill agent HOSTS              SIGKILL; tasks go on
 *     shutdown HOSTS                SIGTERM: hands leadership over
 *     leave HOST                    an operator takes it out
 *     power off|on HOSTS
 *     pause HOSTS, resume HOSTS     SIGSTOP and SIGCONT of the agent
 *     suspend HOSTS                 the whole host stands still, until `resume`
 *     clock HOST DURATION           the wall clock is set forward
 *     rot disk HOST [FILE], lose disk HOST, fill disk HOST, break disk HOST
 *     slow disk HOST DURATION, heal disk HOST
 *     save disk HOST, restore disk HOST           a backup, or the snapshot of a virtual machine
 *     lose file HOST NAME           the first whose name begins so
 *     kill shim of JOB on HOST, kill process of JOB on HOST
 *     cut HOSTS | HOSTS [| HOSTS]   nothing passes between the groups
 *     one-way HOSTS -> HOSTS        what the first send never arrives at the others
 *     heal [HOSTS]                  all links, or those of these hosts
 *     run JOB [count N] [command X] [batch] [memory N] [port N] [attempts N] on HOST [unanswered]
 *     stop JOB on HOST [unanswered]
 *     put KEY VALUE on HOST [unanswered]
 *     drain HOST [off] on HOST      an operator's word on the first, given at the second
 *     away HOST DURATION on HOST    its absence is announced
 *     forget HOST [force] on HOST   it is taken out
 *     host HOST [no-raw-exec] [ports N]   that its next agent says of itself
 *     zone HOST x|y                 that its next agent says it is in
 *     vote HOST [pin|exclude] on HOST   an operator's word on its vote; without one it is covey's to say
 *     restart HOST [for DURATION]   its agent begins anew, perhaps with an absence announced
 *     repeat N COMMAND
 *     wait DURATION
 *     wait until CONDITION [within DURATION]      30s unless told
 *     expect CONDITION
 *     remember [JOB]                the processes that run, for `expect same`
 *     settle [DURATION]             no faults from here on: all promises must come true
 *     show hosts, show logs, show instances, show marks
 *
 * Conditions: see play_conditions.c.
 */
#include "scenario.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "isolate.h"
#include "play.h"

struct file {
    const char *path;
    struct buf text, made; /* as it is, and as it would be */
};

static bool file_read(struct file *f) {
    FILE *in = fopen(f->path, "r");
    char data[4096];
    size_t n;
    if (in == NULL)
        return false;
    while ((n = fread(data, 1, sizeof data, in)) > 0)
        buf_append(&f->text, data, n);
    fclose(in);
    return true;
}

static bool file_write(const struct file *f) {
    FILE *out = fopen(f->path, "w");
    if (out == NULL)
        return false;
    bool written = fwrite(f->made.data, 1, f->made.size, out) == f->made.size;
    return fclose(out) == 0 && written;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* ---- playing ---- */

static void command(struct play *p, const char *line) {
    char text[400];
    int times, at = 0;
    if (sscanf(line, "repeat %d %n", &times, &at) == 1 && at > 0) {
        for (int i = 0; i < times; i++)
            command(p, line + at);
        return;
    }
    struct words w = {.count = 0};
    (void)snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " \t"); word != NULL && w.count < WORDS_MAX; word = strtok(NULL, " \t"))
        w.word[w.count++] = word;
    if (w.count == 0 || w.word[0][0] == '#' || p->failed)
        return;
    if (!play_act(p, &w) && (w.at = 0, !play_ask(p, &w)))
        play_fail(p, "there is no command like this");
    else if (!p->failed && w.at < w.count)
        play_fail(p, "what is `%s` to mean?", w.word[w.at]);
    if (p->w != NULL && p->w->failed)
        play_fail(p, "%s", p->w->failure);
    if (p->failed)
        play_text(p, "FAILED: %s: %s", line, p->why);
}

static void block_end(struct play *p, struct buf *made) {
    buf_printf(made, "----\n%.*s\n", BYTES_FMT(buf_bytes(&p->out)));
    buf_clear(&p->out);
}

/* Line by line: commands are done as they come; what stands below `----` is written anew. */
static void file_play(struct file *f, struct play *p) {
    char *text = mem_alloc(f->text.size + 1), *next = text;
    bool in_output = false, in_block = false;
    if (f->text.size > 0)
        memcpy(text, f->text.data, f->text.size);
    while (*next != 0) {
        char *line = next, *end = strchr(next, '\n');
        next = end != NULL ? end + 1 : next + strlen(next);
        if (end != NULL)
            *end = 0;
        if (strcmp(line, "----") == 0) {
            in_output = true;
        } else if (line[0] != 0 && !in_output) {
            buf_printf(&f->made, "%s\n", line);
            in_block |= line[0] != '#';
            command(p, line);
        } else if (line[0] == 0) {
            if (in_block)
                block_end(p, &f->made);
            else
                buf_append_byte(&f->made, '\n');
            in_output = in_block = false;
        }
    }
    if (in_block)
        block_end(p, &f->made);
    while (f->made.size > 1 && f->made.data[f->made.size - 1] == '\n' &&
           f->made.data[f->made.size - 2] == '\n')
        f->made.size--;
    mem_free(text);
}

static void play_done(struct play *p) {
    if (p->w != NULL) {
        world_done(p->w);
        mem_free(p->w);
    }
    VEC_DONE(&p->told);
    VEC_DONE(&p->remembered);
    for (size_t i = 0; i < p->saved.count; i++)
        buf_done(&p->saved.data[i].content);
    VEC_DONE(&p->saved);
    buf_done(&p->out);
}

/* The first line that differs. */
static void difference(const struct file *f, struct buf *out) {
    const char *a = (const char *)f->text.data, *b = (const char *)f->made.data;
    size_t i = 0, begin = 0, line = 1;
    while (i < f->text.size && i < f->made.size && a[i] == b[i]) {
        if (a[i++] == '\n') {
            begin = i;
            line++;
        }
    }
    size_t a_end = begin, b_end = begin;
    while (a_end < f->text.size && a[a_end] != '\n')
        a_end++;
    while (b_end < f->made.size && b[b_end] != '\n')
        b_end++;
    buf_printf(out, "broken: the story is what the file says (--rewrite, if it is to be another)\n");
    buf_printf(out, "how:    line %zu of %s differs\n  file: %.*s\n  now:  %.*s\n", line, base_name(f->path),
               (int)(a_end - begin), a != NULL ? a + begin : "", (int)(b_end - begin), b + begin);
}

struct play_arg {
    const char *path;
    bool rewrite;
};

static void judge(struct file *f, const struct play *p, bool rewrite, struct run *run) {
    bool same = f->text.size == f->made.size &&
                (f->made.size == 0 || memcmp(f->text.data, f->made.data, f->made.size) == 0);
    if (p->failed) {
        run->failed = true;
        (void)snprintf(run->checker, sizeof run->checker, "%s",
                       p->w != NULL && p->w->failed_checker != NULL ? p->w->failed_checker : "scenario");
        size_t end = f->made.size;
        size_t begin = end > 1500 ? end - 1500 : 0;
        buf_printf(&run->report, "how:    %s\nthe end of what happened:\n%.*s", p->why, (int)(end - begin),
                   (const char *)f->made.data + begin);
    } else if (!same && !rewrite) {
        run->failed = true;
        (void)snprintf(run->checker, sizeof run->checker, "scenario");
        difference(f, &run->report);
    }
    if (run->failed)
        buf_printf(&run->report, "again:  covey-sim --scenario %s --trace 2\n", f->path);
    if (rewrite && !same && !p->failed && !file_write(f)) {
        run->failed = true;
        buf_printf(&run->report, "%s cannot be written\n", f->path);
    }
}

static void work(struct run *run, const void *arg) {
    const struct play_arg *a = arg;
    struct file f = {.path = a->path};
    struct play p = {.seed = 1, .trace_level = run->trace_level};
    if (!file_read(&f)) {
        run->failed = true;
        buf_printf(&run->report, "%s cannot be read\n", f.path);
        return;
    }
    file_play(&f, &p);
    if (p.w != NULL) {
        run->trace = p.w->trace;
        run->simulated_us = p.w->now_us;
        run->events_count = p.w->events_count;
        run->hosts = p.w->hosts_count;
        run->marks = p.w->marks;
    }
    judge(&f, &p, a->rewrite, run);
    play_done(&p);
    buf_done(&f.text);
    buf_done(&f.made);
}

static void one(const char *path, bool rewrite, const struct run *asked, struct totals *totals) {
    struct run run = {.trace_level = asked->trace_level};
    struct play_arg arg = {.path = path, .rewrite = rewrite};
    char what[300];
    int64_t began = clock_now_us();
    isolate_run(&run, work, &arg);
    (void)snprintf(what, sizeof what, "scenario %s", base_name(path));
    totals_add(totals, &run);
    totals->took_us += clock_now_us() - began;
    run_print(&run, what, false);
    run_done(&run);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_scenario(const struct dirent *e) {
    size_t size = strlen(e->d_name);
    return size > 4 && strcmp(e->d_name + size - 4, ".txt") == 0;
}

void scenarios_play(const char *path, bool rewrite, const struct run *asked, struct totals *totals) {
    struct stat s;
    struct dirent **list;
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode)) {
        one(path, rewrite, asked, totals);
        return;
    }
    int count = scandir(path, &list, is_scenario, by_name);
    for (int i = 0; i < count; i++) {
        struct buf name = {0};
        buf_printf(&name, "%s/%s", path, list[i]->d_name);
        one(buf_str(&name), rewrite, asked, totals);
        buf_done(&name);
        free(list[i]);
    }
    if (count >= 0)
        free(list);
}
