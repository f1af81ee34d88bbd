/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One run of one seed: what is asked of it, and what came of it. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <covey/base.h>
#include <covey/mark.h>

struct world;

#define RUN_SETS_MAX 64

/* What the simulated disks did, so that one that has come to do nothing of it is noticed. X(name, "text"). */
#define DISK_FAULT_LIST(X)                                                                                   \
    X(DISK_FAULT_WRITE, "disk: a write failed, and some of it was done")                                     \
    X(DISK_FAULT_SYNC, "disk: a flush failed, and the sectors passed for clean")                             \
    X(DISK_FAULT_FILE, "disk: a file could not be made, replaced or removed")                                \
    X(DISK_FAULT_FULL, "disk: there was no room")                                                            \
    X(DISK_FAULT_SLOW, "disk: an operation took long")                                                       \
    X(DISK_FAULT_CRASH, "disk: the end of one operation was the end of the agent or of the power")           \
    X(DISK_FAULT_TORN, "disk: a power cut found sectors that were not flushed, and lost some")               \
    X(DISK_FAULT_NAME_LOST, "disk: a name that was not flushed was gone after a power cut, or back")         \
    X(DISK_FAULT_HALF, "disk: a power cut left a sector half written")                                       \
    X(DISK_FAULT_MISDIRECTED, "disk: a sector was written to another place")                                 \
    X(DISK_FAULT_FLIPPED, "disk: a bit flipped")                                                             \
    X(DISK_FAULT_ROTTEN, "disk: a sector became what nobody had written")                                    \
    X(DISK_FAULT_GONE, "disk: a file was gone")                                                              \
    X(DISK_FAULT_SHORT, "disk: a file was cut short")                                                        \
    X(DISK_FAULT_FOREIGN, "disk: a file was another host's")                                                 \
    X(DISK_FAULT_LATER, "disk: a file was of a later version")                                               \
    X(DISK_FAULT_LOST, "disk: all files were lost")                                                          \
    X(DISK_FAULT_LIED, "disk: flushes that were told had not been done")
enum disk_fault {
#define DISK_FAULT_ENUM(name, text) name,
    DISK_FAULT_LIST(DISK_FAULT_ENUM)
#undef DISK_FAULT_ENUM
        DISK_FAULTS_COUNT
};
/* Marks of the cores come first, faults of disks behind them. */
#define RUN_MARKS_COUNT ((int)MARKS_COUNT + (int)DISK_FAULTS_COUNT)
const char *run_mark_name(int i);
const char *run_mark_text(int i);

/* What the seed draws, overridden: "name=value". */
struct run_set {
    char name[40];
    int64_t value;
};

struct run {
    /* Asked. */
    uint64_t seed;
    uint32_t hosts_count; /* 0: as the seed says */
    int trace_level;
    struct run_set sets[RUN_SETS_MAX];
    size_t sets_count;

    /* Come of it. */
    bool failed;
    uint64_t trace; /* hash of everything that happened */
    int64_t simulated_us;
    uint64_t events_count;
    uint32_t hosts;    /* that there were */
    char checker[48];  /* whose promise was broken; "world" when it is no checker's */
    struct buf report; /* of a failure: a paragraph for people */
    struct marks marks;
    uint32_t disk_faults[DISK_FAULTS_COUNT];
};
uint32_t run_mark(const struct run *run, int i); /* how often */

/* Copies what came of it out of the world, and writes the report when it failed. */
void run_over(struct world *w, struct run *run);
void run_done(struct run *run);
/* The command line that runs it again. */
void run_command(const struct run *run, int trace_level, struct buf *out);

/* story.c */
void story_run(struct run *run);

/* parameters.c: what a seed draws, by name */
bool parameter_known(const char *name);
int64_t parameter_value(const struct run *run, const char *name);     /* as drawn or overridden */
bool parameter_set(struct run *run, const char *name, int64_t value); /* false: too many */
/* Their names, and with_values those of run->seed. */
void parameters_print(const struct run *run, bool with_values);

#endif
