/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Ages, sizes, times, tables, and text that must not reach a terminal as it is. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "world.h"

Test(cli_text, ages_get_coarser_as_they_grow) {
    static const struct {
        uint64_t age_ms;
        const char *text, *text_short;
    } cases[] = {{0, "0.0 s", "0s"},
                 {240, "0.2 s", "0s"},
                 {9999, "9.9 s", "9s"},
                 {10000, "10 s", "10s"},
                 {119999, "119 s", "119s"},
                 {120000, "2 min", "2m"},
                 {14 * 60000, "14 min", "14m"},
                 {7200000, "2 h", "2h"},
                 {172799999, "47 h", "47h"},
                 {172800000, "2 days", "2d"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0}, out_short = {0};
        cli_put_age(&out, cases[i].age_ms);
        cli_put_age_short(&out_short, cases[i].age_ms);
        EXPECT_TEXT(&out, cases[i].text);
        EXPECT_TEXT(&out_short, cases[i].text_short);
    }
}

Test(cli_text, sizes_have_binary_units) {
    static const struct {
        uint64_t size;
        const char *text;
    } cases[] = {{0, "0 B"},
                 {1023, "1023 B"},
                 {1024, "1 KiB"},
                 {1536, "1.5 KiB"},
                 {UINT64_C(512) << 20, "512 MiB"},
                 {UINT64_C(24064) << 20, "23.5 GiB"},
                 {UINT64_MAX, "16383 PiB"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};
        cli_put_size(&out, cases[i].size);
        EXPECT_TEXT(&out, cases[i].text);
    }
}

Test(cli_text, times_are_local) {
    struct buf out = {0};
    setenv("TZ", "UTC-1", 1);
    cli_put_time(&out, NOW_MS);
    EXPECT_TEXT(&out, "2026-11-21 06:00:08");
}

Test(cli_text, control_characters_do_not_reach_the_terminal) {
    struct buf out = {0};
    cli_put(&out, T("a\x1b[31mb\n\x7f"
                    "\xc2\x9b"
                    "c\xc3\xa9"));
    EXPECT_TEXT(&out, "a?[31mb???c\xc3\xa9");
}

Test(cli_text, freshness_tells_isolation) {
    struct buf out = {0};
    cli_put_freshness(&out, &(struct wire_admin_freshness){.index = 8123, .age_ms = 240});
    EXPECT_TEXT(&out, "as of index 8123, 0.2 s ago");
    cli_put_freshness(&out,
                      &(struct wire_admin_freshness){.index = 8123, .age_ms = 840000, .isolated = true});
    EXPECT_TEXT(&out, "as of index 8123, 14 min ago, isolated");
}

Test(cli_table, columns_are_aligned_by_characters_and_the_last_is_not_padded) {
    static const char *const headers[] = {"NAME", "N", "REASON"};
    struct cli_table t;
    struct buf out = {0};
    cli_table_init(&t, headers, 3);
    cli_table_text(&t, T("b\xc3\xa9ta"));
    cli_table_cell(&t, "%d", 12345);
    cli_table_text(&t, T(""));
    cli_table_text(&t, T("alphabet"));
    cli_table_cell(&t, "%d", 1);
    cli_table_text(&t, T("two\nlines"));
    cli_table_end(&t, &out);
    EXPECT_TEXT(&out, "NAME      N      REASON\n"
                      "b\xc3\xa9ta      12345  -\n"
                      "alphabet  1      two?lines\n");
}
