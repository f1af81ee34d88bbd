/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey version */
#include <stdio.h>

#include "internal.h"

int cli_version(struct cli *c) {
    if (c->options.json)
        printf("{\"version\":\"%s\",\"protocol\":%d}\n", COVEY_VERSION, WIRE_PROTOCOL_VERSION);
    else
        printf("covey %s\n", COVEY_VERSION);
    return 0;
}
