/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What an operator may set, by flag or in the file (HCL, same names); flags win. */
#ifndef COVEY_DAEMON_CONFIG_H
#define COVEY_DAEMON_CONFIG_H

#include <covey/base.h>
#include <covey/wire.h>

#define CONFIG_JOINS_MAX 64

struct config {
    struct arena arena; /* owns all texts below */
    bool bootstrap, dev, raw_exec;
    struct bytes joins[CONFIG_JOINS_MAX];
    size_t joins_count;
    const char *data_dir, *socket, *socket_group, *secret_file, *file;
    struct bytes bind, advertise, name, token;
    struct wire_pair meta[WIRE_PAIRS_MAX];
    size_t meta_count;
    uint32_t cpu_mhz, memory_mib; /* 0: what the host has */
    uint32_t ports_low, ports_high;
    int64_t swim_period_us, heartbeat_us, election_us, replace_after_us, heal_stable_us;
};

/* 0; 1 when help was printed; or an error, told on stderr with file and line where there is one. */
int config_load(struct config *c, int argc, char **argv);
void config_done(struct config *c);
void config_help(void);

#endif
