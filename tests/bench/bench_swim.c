/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The swim core, alone and by the hundred, in a simulated network, against what the papers measured.
 *
 *     bench_swim paper SEED [TRIALS [LARGEST]]    LARGEST: no load of larger groups
 *     bench_swim lifeguard ...      see swim_lifeguard.c
 *     bench_swim scale ...          see swim_scale.c
 *     bench_swim kill ...           see swim_kill.c
 */
#include "swim_bench.h"

#include <math.h>
#include <stdlib.h>

static const char *const MODES[] = {"dsn2002", "memberlist", "lifeguard", "default"};

const char *mode_str(enum mode mode) { return MODES[mode]; }

int mode_parse(const char *text) {
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, MODES[i]) == 0)
            return i;
    }
    return -1;
}

void mode_set(struct swim_config *config, enum mode mode) {
    static const uint32_t without[] = {
        [MODE_DSN2002] = SWIM_WITHOUT_DSN2002,
        [MODE_MEMBERLIST] = SWIM_WITHOUT_MEMBERLIST,
        [MODE_LIFEGUARD] = SWIM_WITHOUT_LIFEGUARD,
        [MODE_DEFAULT] = 0,
    };
    config->without = without[mode];
}

static int ascending(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

double quantile(double *values, size_t count, double share) {
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, ascending);
    double at = share * (double)(count - 1);
    size_t low = (size_t)at, high = low + 1 < count ? low + 1 : low;
    return values[low] + (at - (double)low) * (values[high] - values[low]);
}

double mean(const double *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return count ? sum / (double)count : NAN;
}

double deviation(const double *values, size_t count) {
    double middle = mean(values, count), sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (values[i] - middle) * (values[i] - middle);
    return count > 1 ? sqrt(sum / (double)(count - 1)) : NAN;
}

void say(const char *measure, double value) {
    printf("%s: %.6g\n", measure, value);
    fflush(stdout);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*main)(int argc, char **argv);
    } parts[] = {
        {"paper", paper_main}, {"lifeguard", lifeguard_main}, {"scale", scale_main}, {"kill", kill_main}};
    for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(argv[1], parts[i].name) == 0)
            return parts[i].main(argc - 1, argv + 1);
    }
    fprintf(stderr, "usage: bench_swim paper|lifeguard|scale|kill ...\n");
    return 2;
}
