/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/base.h>
#include <criterion/criterion.h>

/* ---- the nearest name ---------------------------------------------------------------------------------- */

static const char *const names[] = {"count", "group", "driver", "network", "restart", "to"};

static const char *nearest(const char *word) {
    const char *name = text_nearest(bytes_str(word), names, sizeof names / sizeof names[0]);
    return name ? name : "";
}

Test(text_nearest, finds_slips_of_the_finger) {
    cr_assert_str_eq(nearest("cuont"), "count");
    cr_assert_str_eq(nearest("coutn"), "count");
    cr_assert_str_eq(nearest("groups"), "group");
    cr_assert_str_eq(nearest("drver"), "driver");
    cr_assert_str_eq(nearest("netwrok"), "network");
    cr_assert_str_eq(nearest("rstrat"), "restart");
    cr_assert_str_eq(nearest("group"), "group");
}

Test(text_nearest, does_not_guess_wildly) {
    cr_assert_str_eq(nearest("xx"), "", "two changes in two letters are no likeness");
    cr_assert_str_eq(nearest("tx"), "", "nor is one: half of the word");
    cr_assert_str_eq(nearest("grxyz"), "");
    cr_assert_str_eq(nearest("nework_mode"), "");
    cr_assert_str_eq(nearest(""), "");
    cr_assert_str_eq(nearest("a"), "");
    cr_assert_null(text_nearest(bytes_str("group"), NULL, 0));
}

Test(text_nearest, long_words_are_compared_up_to_a_bound) {
    char word[201];
    memset(word, 'a', 200);
    word[200] = 0;
    cr_assert_str_eq(nearest(word), "");
    const char *const long_names[] = {word, "short"};
    cr_assert_str_eq(text_nearest(bytes_str("shrot"), long_names, 2), "short");
}

Test(text_nearest, the_first_of_equals_wins) {
    const char *const equals[] = {"bbbbc", "bbbbd"};
    cr_assert_str_eq(text_nearest(bytes_str("bbbbe"), equals, 2), "bbbbc");
}

/* ---- durations ----------------------------------------------------------------------------------------- */

Test(duration, parses_units) {
    const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"10s", 10 * US_PER_S},
        {"250ms", 250 * US_PER_MS},
        {"7us", 7},
        {"0s", 0},
        {"1m", 60 * US_PER_S},
        {"1h30m", 5400 * US_PER_S},
        {"2d", 172800 * US_PER_S},
        {"1d1h1m1s1ms1us", INT64_C(90061001001)},
        {"90m", 5400 * US_PER_S},
        {"0010s", 10 * US_PER_S},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1;
        cr_assert_eq(duration_parse(bytes_str(cases[i].text), &us), 0, "%s", cases[i].text);
        cr_assert_eq(us, cases[i].us, "%s", cases[i].text);
    }
}

Test(duration, refuses_what_it_cannot_mean) {
    const char *const bad[] = {"",     "s",  "10",   "10 s", " 10s", "10s ", "-1s", "+1s",
                               "1.5s", "1x", "1s1s", "1s1m", "1hm",  "10S",  "1mm", "s10"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t us = 77;
        cr_assert_eq(duration_parse(bytes_str(bad[i]), &us), ERR_INVALID, "%s", bad[i]);
        cr_assert_eq(us, 77);
    }
}

Test(duration, a_hundred_years_is_the_limit) {
    int64_t us;
    cr_assert_eq(duration_parse(bytes_str("36525d"), &us), 0);
    cr_assert_eq(duration_parse(bytes_str("36525d1us"), &us), ERR_LIMIT);
    cr_assert_eq(duration_parse(bytes_str("36526d"), &us), ERR_LIMIT);
    cr_assert_eq(duration_parse(bytes_str("99999999999999999999999999999999h"), &us), ERR_LIMIT);
    cr_assert_eq(duration_parse(bytes_str("18446744073709551617s"), &us), ERR_LIMIT, "no wrap to 1s");
}

static const char *shown(struct buf *b, int64_t us) {
    buf_clear(b);
    duration_append(b, us);
    return buf_str(b);
}

Test(duration, shows_the_shortest_text) {
    struct buf b = {0};
    cr_assert_str_eq(shown(&b, 0), "0s");
    cr_assert_str_eq(shown(&b, 90 * US_PER_S), "1m30s");
    cr_assert_str_eq(shown(&b, 1500 * US_PER_MS), "1s500ms");
    cr_assert_str_eq(shown(&b, 3 * 86400 * US_PER_S), "3d");
    cr_assert_str_eq(shown(&b, -US_PER_S), "-1s");
    cr_assert_neq(shown(&b, INT64_MIN)[1], '-');
    buf_done(&b);
}

Test(duration, what_is_shown_parses_to_the_same) {
    struct buf b = {0};
    struct prng p;
    prng_init(&p, 12);
    for (int i = 0; i < 20000; i++) {
        int64_t us = (int64_t)(prng_next(&p) >> (13 + prng_below(&p, 51))), again;
        cr_assert_eq(duration_parse(bytes_str(shown(&b, us)), &again),
                     us > 36525 * 86400LL * US_PER_S ? ERR_LIMIT : 0);
        if (us <= 36525 * 86400LL * US_PER_S)
            cr_assert_eq(again, us);
    }
    buf_done(&b);
}

/* ---- addresses ----------------------------------------------------------------------------------------- */

Test(addr, round_trips_in_the_canonical_form) {
    const struct {
        const char *in, *out, *host;
    } cases[] = {
        {"192.0.2.1:7370", "192.0.2.1:7370", "192.0.2.1"},
        {"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0"},
        {"255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255"},
        {"[2001:db8::1]:7370", "[2001:db8::1]:7370", "2001:db8::1"},
        {"[2001:DB8:0:0:0:0:0:1]:80", "[2001:db8::1]:80", "2001:db8::1"},
        {"[::]:1", "[::]:1", "::"},
        {"[::1]:1", "[::1]:1", "::1"},
        {"[1::]:1", "[1::]:1", "1::"},
        {"[1:0:0:2:0:0:0:3]:1", "[1:0:0:2::3]:1", "1:0:0:2::3"},
        {"[1:0:0:2:3:0:0:4]:1", "[1::2:3:0:0:4]:1", "1::2:3:0:0:4"},
        {"[1:0:2:3:4:5:6:7]:1", "[1:0:2:3:4:5:6:7]:1", "1:0:2:3:4:5:6:7"},
        {"[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1", "1:2:3:4:5:6:7:0"},
        {"[::ffff:192.0.2.1]:1", "[::ffff:c000:201]:1", "::ffff:c000:201"},
        {"[1:2:3:4:5:6:1.2.3.4]:1", "[1:2:3:4:5:6:102:304]:1", "1:2:3:4:5:6:102:304"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct addr a;
        char text[ADDR_TEXT_SIZE];
        cr_assert_eq(addr_parse(bytes_str(cases[i].in), 0, &a), 0, "%s", cases[i].in);
        addr_text(&a, text);
        cr_assert_str_eq(text, cases[i].out);
        addr_host_text(&a, text);
        cr_assert_str_eq(text, cases[i].host);
    }
}

Test(addr, random_ones_survive_the_text) {
    struct prng p;
    prng_init(&p, 13);
    for (int i = 0; i < 20000; i++) {
        struct addr a = {.size = prng_chance(&p, 500000) ? 6 : 18}, again;
        char text[ADDR_TEXT_SIZE];
        prng_fill(&p, a.b, a.size);
        for (size_t j = 0; j < a.size; j++)
            a.b[j] = prng_chance(&p, 600000) ? 0 : a.b[j];
        addr_text(&a, text);
        cr_assert_eq(addr_parse(bytes_str(text), 0, &again), 0, "%s", text);
        cr_assert(addr_equal(&a, &again), "%s", text);
    }
}

Test(addr, the_default_port_serves_where_none_is_given) {
    struct addr a;
    cr_assert_eq(addr_parse(bytes_str("192.0.2.1"), 7370, &a), 0);
    cr_assert_eq(addr_port(&a), 7370);
    cr_assert_eq(addr_parse(bytes_str("[::1]"), 7370, &a), 0);
    cr_assert_eq(addr_port(&a), 7370);
    cr_assert_eq(addr_parse(bytes_str("::1"), 7370, &a), 0);
    cr_assert_eq(addr_port(&a), 7370);
    cr_assert_eq(addr_parse(bytes_str("192.0.2.1:1"), 7370, &a), 0);
    cr_assert_eq(addr_port(&a), 1);
    cr_assert_eq(addr_parse(bytes_str("192.0.2.1"), 0, &a), ERR_INVALID);
    cr_assert_eq(addr_parse(bytes_str("::1"), 0, &a), ERR_INVALID);
}

Test(addr, refuses_what_is_no_address) {
    const char *const bad[] = {
        "",
        "-",
        ":",
        "1.2.3:1",
        "1.2.3.4.5:1",
        "256.1.1.1:1",
        "01.2.3.4:1",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:01",
        "1.2.3.4:-1",
        "1.2.3.4:1 ",
        " 1.2.3.4:1",
        "host:1",
        "[1.2.3.4]:1",
        "[::1:1",
        "::1]:1",
        "[]:1",
        "[:]:1",
        "[:::]:1",
        "[1::2::3]:1",
        "[1:2:3:4:5:6:7]:1",
        "[1:2:3:4:5:6:7:8:9]:1",
        "[1:2:3:4:5:6:7:8::]:1",
        "[::1:2:3:4:5:6:7:8]:1",
        "[12345::]:1",
        "[g::]:1",
        "[::1%eth0]:1",
        "[1:]:1",
        "[1:2:3:4:5:6:7:1.2.3.4]:1",
        "[::1.2.3]:1",
        "[1.2.3.4::]:1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct addr a = {.size = 99};
        cr_assert_eq(addr_parse(bytes_str(bad[i]), 7370, &a), ERR_INVALID, "%s", bad[i]);
        cr_assert_eq(a.size, 99, "untouched");
    }
}

Test(addr, none_is_a_dash_without_a_port) {
    struct addr none = {0};
    char text[ADDR_TEXT_SIZE];
    addr_text(&none, text);
    cr_assert_str_eq(text, "-");
    addr_host_text(&none, text);
    cr_assert_str_eq(text, "-");
    cr_assert_eq(addr_port(&none), 0);
    addr_set_port(&none, 5);
    cr_assert_eq(none.size, 0);
}

Test(addr, ports_are_in_network_byte_order_at_the_end) {
    struct addr a;
    cr_assert_eq(addr_parse(bytes_str("1.2.3.4:258"), 0, &a), 0);
    const uint8_t expected[] = {1, 2, 3, 4, 1, 2};
    cr_assert_arr_eq(a.b, expected, 6);
    addr_set_port(&a, 0x0304);
    cr_assert_eq(a.b[4], 3);
    cr_assert_eq(a.b[5], 4);
}
