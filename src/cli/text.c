/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Ages, sizes, times and foreign text for people. */
#include "internal.h"

#include <time.h>

void cli_put(struct buf *out, struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        /* C1 controls, which some terminals obey, are 0xc2 0x80 to 0xc2 0x9f. */
        bool is_c1 = c == 0xc2 && i + 1 < text.size && text.data[i + 1] < 0xa0;
        if (is_c1)
            i++;
        buf_append_byte(out, c < 0x20 || c == 0x7f || is_c1 ? '?' : c);
    }
}

void cli_put_age(struct buf *out, uint64_t age_ms) {
    uint64_t s = age_ms / 1000;
    if (age_ms < 10000)
        buf_printf(out, "%llu.%llu s", (unsigned long long)s, (unsigned long long)(age_ms % 1000 / 100));
    else if (s < 120)
        buf_printf(out, "%llu s", (unsigned long long)s);
    else if (s < 7200)
        buf_printf(out, "%llu min", (unsigned long long)s / 60);
    else if (s < 172800)
        buf_printf(out, "%llu h", (unsigned long long)s / 3600);
    else
        buf_printf(out, "%llu days", (unsigned long long)s / 86400);
}

void cli_put_age_short(struct buf *out, uint64_t age_ms) {
    uint64_t s = age_ms / 1000;
    if (s < 120)
        buf_printf(out, "%llus", (unsigned long long)s);
    else if (s < 7200)
        buf_printf(out, "%llum", (unsigned long long)s / 60);
    else if (s < 172800)
        buf_printf(out, "%lluh", (unsigned long long)s / 3600);
    else
        buf_printf(out, "%llud", (unsigned long long)s / 86400);
}

void cli_put_size(struct buf *out, uint64_t size_bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    uint64_t whole = size_bytes, tenths = 0;
    while (whole >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        tenths = whole % 1024 * 10 / 1024;
        whole /= 1024;
        unit++;
    }
    if (tenths > 0 && whole < 100)
        buf_printf(out, "%llu.%llu %s", (unsigned long long)whole, (unsigned long long)tenths, units[unit]);
    else
        buf_printf(out, "%llu %s", (unsigned long long)whole, units[unit]);
}

void cli_put_time(struct buf *out, int64_t time_ms) {
    time_t at = (time_t)(time_ms / 1000);
    struct tm tm;
    if (localtime_r(&at, &tm) == NULL) {
        buf_append_byte(out, '-');
        return;
    }
    buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
               tm.tm_min, tm.tm_sec);
}

void cli_put_id(struct buf *out, const uint8_t id[ID_SIZE]) {
    char text[ID_SHORT_SIZE];
    id_short(id, text);
    buf_printf(out, "%s", text);
}

void cli_put_freshness(struct buf *out, const struct wire_admin_freshness *f) {
    buf_printf(out, "as of index %llu, ", (unsigned long long)f->index);
    cli_put_age(out, f->age_ms);
    buf_printf(out, " ago%s", f->isolated ? ", isolated" : "");
}
