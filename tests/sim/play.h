/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A scenario being played: what its commands share. */
#ifndef SIM_PLAY_H
#define SIM_PLAY_H

#include "checker.h"

#define WORDS_MAX 40

/* A line of a scenario, taken apart. */
struct words {
    char *word[WORDS_MAX];
    size_t count, at; /* at: the next to be looked at */
};

struct told {
    int64_t at_us;
    uint32_t hash;
};
/* A process that ran when `remember` was said. */
struct remembered {
    uint32_t host, pid;
};

struct play {
    struct world *w; /* NULL before `hosts` */
    uint64_t seed;
    int trace_level;
    struct buf out; /* of the block at hand */
    bool failed;
    char why[600];
    VEC(struct told) told; /* lately, so that what every host sees is told once */
    VEC(struct remembered) remembered;
    uint64_t request; /* the last one */
    struct marks marks_shown;
    VEC(struct saved_file) saved; /* by `save disk` */
    bool over;                    /* FAULTS_OVER was said */
};

struct saved_file {
    char name[WAL_NAME_SIZE];
    struct buf content;
};

/* A condition of `wait until` and `expect`. */
struct condition {
    char text[120];
    bool (*holds)(struct play *p, const struct condition *c);
    uint32_t hosts, others; /* bit masks */
    bool is_not, is_slow;   /* slow: not looked at after each event */
    char job[64];
    size_t count;
    char why[256]; /* it does not hold; may stay empty */
};

void play_fail(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of the story, with the time; without. */
void play_line(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void play_text(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Until then, or until something failed. */
void play_run(struct play *p, int64_t until_us);

/* Words: NULL and false when there is none; what cannot be read fails the play. */
const char *words_next(struct words *w);
bool words_take(struct words *w, const char *word); /* if it is the next one */
bool words_int(struct play *p, struct words *w, int64_t *ret);
bool words_duration(struct play *p, struct words *w, int64_t *ret_us); /* 300ms 5s 2m 1h */
bool words_hosts(struct play *p, struct words *w, uint32_t *ret_mask); /* h0,h2 or all */
bool words_host(struct play *p, struct words *w, uint32_t *ret);

/* play_act.c, play_ask.c: false when there is no such command. */
bool play_act(struct play *p, struct words *w);
bool play_ask(struct play *p, struct words *w);
/* play_conditions.c */
bool condition_take(struct play *p, struct words *w, struct condition *ret);
/* play_show.c */
void play_show(struct play *p, struct words *w);
/* play_watch.c: tells what hosts see, as part of the story. */
void play_watch(struct play *p);

#endif
