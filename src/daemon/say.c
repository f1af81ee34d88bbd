/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "say.h"

#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

_Static_assert(SAY_LINE_MAX <= PIPE_BUF, "a pipe may have room for less");

static bool has_room(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static void put_head(struct buf *line, enum node_level level) {
    static const char *const levels[] = {"info", "warning", "error"};
    char stamp[32];
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_printf(line, "%s.%03ldZ %s: ", stamp, t.tv_nsec / 1000000, levels[level]);
}

void say_line(struct say *s, enum node_level level, const char *format, va_list args) {
    if (!has_room(s->fd)) {
        s->lost++;
        return;
    }
    struct buf line = {0};
    if (s->lost > 0) {
        put_head(&line, NODE_WARNING);
        buf_printf(&line, "lines lost before this one, as nobody read them: %llu\n",
                   (unsigned long long)s->lost);
    }
    put_head(&line, level);
    buf_vprintf(&line, format, args);
    buf_append_byte(&line, '\n');
    if (line.size > SAY_LINE_MAX) {
        line.size = SAY_LINE_MAX;
        memcpy(line.data + line.size - 4, "...\n", 4);
    }
    s->lost = write(s->fd, line.data, line.size) < 0 ? s->lost + 1 : 0;
    buf_done(&line);
}
