/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * say: the agent's own words, a line each. Whoever reads them, a journal or a pipe, may stop to: nothing here
 * waits for that. Lines that find no room are counted, and the next one that does tells how many there were.
 */
#ifndef COVEY_DAEMON_SAY_H
#define COVEY_DAEMON_SAY_H

#include <stdarg.h>

#include <covey/node.h>

struct say {
    int fd;
    uint64_t lost; /* since the last line that found room */
};

/* One write of at most SAY_LINE_MAX bytes; what is longer is cut. */
#define SAY_LINE_MAX 4096 /* a pipe that has room at all has room for so much */
void say_line(struct say *s, enum node_level level, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
