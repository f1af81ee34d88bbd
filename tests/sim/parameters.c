/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What a seed draws, by name: for --set, --parameters and the shrinker. */
#include <inttypes.h>
#include <stdio.h>

#include "run.h"
#include "swarm.h"

bool parameter_known(const char *name) {
    for (size_t i = 0; swarm_parameter_at(i) != NULL; i++)
        if (strcmp(swarm_parameter_at(i)->name, name) == 0)
            return true;
    return false;
}

int64_t parameter_value(const struct run *run, const char *name) {
    struct swarm s;
    int64_t value = 0;
    swarm_draw(run->seed, run->hosts_count, &s);
    for (size_t i = 0; swarm_parameter_at(i) != NULL; i++)
        if (strcmp(swarm_parameter_at(i)->name, name) == 0)
            memcpy(&value, (const uint8_t *)&s + swarm_parameter_at(i)->offset, sizeof value);
    for (size_t i = 0; i < run->sets_count; i++)
        if (strcmp(run->sets[i].name, name) == 0)
            value = run->sets[i].value;
    return value;
}

bool parameter_set(struct run *run, const char *name, int64_t value) {
    size_t at = 0;
    while (at < run->sets_count && strcmp(run->sets[at].name, name) != 0)
        at++;
    if (at == RUN_SETS_MAX || strlen(name) >= sizeof run->sets[at].name)
        return false;
    if (at == run->sets_count)
        run->sets_count++;
    (void)snprintf(run->sets[at].name, sizeof run->sets[at].name, "%s", name);
    run->sets[at].value = value;
    return true;
}

void parameters_print(const struct run *run, bool with_values) {
    for (size_t i = 0; swarm_parameter_at(i) != NULL; i++) {
        const struct swarm_parameter *p = swarm_parameter_at(i);
        if (with_values)
            printf("%-18s %10" PRId64 "  %s\n", p->name, parameter_value(run, p->name), p->text);
        else
            printf("%-18s %s\n", p->name, p->text);
    }
}
