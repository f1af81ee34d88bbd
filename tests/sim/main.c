/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey-sim: runs seeds. Each seed is run twice: the same seed must give the same run. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "world.h"

static int usage(void) {
    fputs("usage: covey-sim [--seed N | --seeds A..B] [--nodes N] [--trace LEVEL] [--once]\n", stderr);
    return 2;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    uint64_t from = 1, to = 200, failures = 0, events = 0;
    uint32_t nodes = 0;
    int trace = 0;
    bool once = false;
    int64_t simulated = 0;
    for (int i = 1; i < argc; i++) {
        char *end = NULL;
        if (strcmp(argv[i], "--once") == 0)
            once = true;
        else if (i + 1 == argc)
            return usage();
        else if (strcmp(argv[i], "--seed") == 0)
            from = to = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--nodes") == 0)
            nodes = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--trace") == 0)
            trace = atoi(argv[++i]);
        else if (strcmp(argv[i], "--seeds") == 0) {
            from = strtoull(argv[++i], &end, 10);
            if (strncmp(end, "..", 2) != 0)
                return usage();
            to = strtoull(end + 2, NULL, 10);
        } else
            return usage();
    }
    if (nodes == 1 || nodes == 2 || nodes > HOSTS_MAX || to < from)
        return usage();
    if (trace > 0)
        setvbuf(stdout, NULL, _IOLBF, 0);
    printf("# covey-sim " COVEY_VERSION ", seeds %llu..%llu%s\n1..%llu\n", (unsigned long long)from,
           (unsigned long long)to, once ? ", each once" : "", (unsigned long long)(to - from + 1));
    double began = seconds();
    for (uint64_t seed = from; seed <= to; seed++) {
        uint64_t first, second, n;
        int64_t us;
        int failed = story_run(seed, nodes, trace, &first, &us, &n);
        simulated += us;
        events += n;
        if (!failed && !once) {
            failed = story_run(seed, nodes, 0, &second, &us, &n);
            if (!failed && first != second) {
                printf("not ok seed %llu: two runs differ\n", (unsigned long long)seed);
                failed = 1;
            }
        }
        failures += (uint64_t)failed;
        if (!failed)
            printf("ok seed %llu %016llx\n", (unsigned long long)seed, (unsigned long long)first);
        fflush(stdout);
    }
    double took = seconds() - began;
    printf("# %.2f simulated hours, %llu events, %.1f s, %.0f times real time\n", (double)simulated / 3.6e9,
           (unsigned long long)events, took, (double)simulated / 1e6 * (once ? 1 : 2) / took);
    return failures != 0;
}
