/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Words on a pipe whose reader sleeps. */
#include "../../../src/daemon/say.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char text[256 * 1024];

static void said(struct say *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say_line(s, NODE_INFO, format, args);
    va_end(args);
}

/* All that is in the pipe. */
static const char *heard(int fd) {
    size_t size = 0;
    cr_assert_neq(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
    for (ssize_t got; (got = read(fd, text + size, sizeof text - 1 - size)) > 0;)
        size += (size_t)got;
    text[size] = '\0';
    return text;
}

Test(daemon_say, a_line_has_time_level_and_text) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    struct say s = {.fd = ends[1]};
    said(&s, "node %s is here", "a");
    const char *line = heard(ends[0]);
    cr_assert_eq(strlen(line), strlen("2026-01-01T00:00:00.000Z info: node a is here\n"), "%s", line);
    cr_assert(strstr(line, "Z info: node a is here\n"), "%s", line);
}

/* A call that waited would never return. */
Test(daemon_say, nobody_waits_for_a_reader_that_sleeps, .timeout = 60) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    struct say s = {.fd = ends[1]};
    for (int i = 0; i < 5000; i++)
        said(&s, "line %d of many that nobody reads for now", i);
    cr_assert(s.lost > 0 && s.lost < 5000, "%llu", (unsigned long long)s.lost);
    unsigned long long lost = s.lost, told = 0;
    heard(ends[0]);
    said(&s, "the last one");
    const char *count = strstr(heard(ends[0]), "warning: ");
    cr_assert(count && sscanf(count, "warning: lines lost before this one, as nobody read them: %llu\n",
                              &told) == 1,
              "%s", text);
    cr_assert_eq(told, lost);
    cr_assert(strstr(text, "info: the last one\n"), "%s", text);
    said(&s, "and one more");
    cr_assert_not(strstr(heard(ends[0]), "lost"), "%s", text);
}

Test(daemon_say, what_is_too_long_is_cut) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    struct say s = {.fd = ends[1]};
    said(&s, "%05000d", 1);
    const char *line = heard(ends[0]);
    cr_assert_eq(strlen(line), SAY_LINE_MAX);
    cr_assert(strcmp(line + SAY_LINE_MAX - 7, "000...\n") == 0, "%s", line + SAY_LINE_MAX - 7);
}

Test(daemon_say, a_reader_that_is_gone_ends_nobody) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    struct say s = {.fd = ends[1]};
    said(&s, "to nobody");
    said(&s, "to nobody");
    cr_assert_eq(s.lost, 2);
}
