/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One core alone. In a cluster of covey hosts the others are covey too: they say what fits, in sizes that a
 * few hosts come to, from disks that were written well. A core is to live with anything else as well. So in
 * some runs each core is also put among peers, operators, shims and disks that say whatever the bytes of a
 * script make of them, well formed and near the truth, in small tables that get full. The scripts and what
 * must hold through all of it are those of the fuzz targets (tests/fuzz), which a fuzzer plays with bytes
 * of its own choice; here they are the seed's.
 */
#include "alone.h"

#define SCRIPT_MAX 3000 /* bytes */

static void play(struct prng *p, int (*script)(const uint8_t *, size_t), uint32_t scripts) {
    uint8_t data[SCRIPT_MAX];
    for (uint32_t i = 0; i < scripts; i++) {
        size_t size = 1 + (size_t)prng_below(p, prng_chance(p, 500000) ? 300 : sizeof data);
        prng_fill(p, data, size);
        script(data, size);
    }
}

void alone_play(struct world *w, uint32_t scripts) {
    struct prng p;
    prng_init(&p, w->seed ^ UINT64_C(0x616c6f6e65)); /* of its own: a run is the same with it or without */
    world_say(w, 0, "each core is played alone");
    play(&p, alone_node, scripts);
    play(&p, alone_raft, scripts);
    play(&p, alone_state, scripts);
    play(&p, alone_swim, scripts);
    play(&p, alone_wal, scripts);
    alone_commands(&p, (scripts + 3) / 4);
    alone_shim(&p, scripts);
    alone_disks(w, &p, scripts < 20 ? scripts : 20);
    alone_choices(&p, scripts);
}
