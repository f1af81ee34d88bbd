/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/codec.h>
#include <covey/sample.h>
#include <criterion/criterion.h>

static void check_json(const struct codec_type *t, const void *obj, const char *expected) {
    struct buf out = {0};
    codec_to_json(t, obj, &out);
    cr_assert_str_eq(buf_str(&out), expected);
    buf_done(&out);
}

Test(json, defaults_are_shown_and_absent_messages_are_not) {
    struct sample_everything e = {0};
    check_json(&sample_everything_type, &e,
               "{\"flag\":false,\"tiny\":0,\"small\":0,\"medium\":0,\"large\":0,\"signed\":0,\"wide\":0,"
               "\"text\":\"\",\"blob\":\"\",\"node\":\"\",\"key\":\"\",\"voter\":\"\",\"colour\":\"red\","
               "\"shade\":0,\"where\":\"\",\"inner\":{\"number\":0,\"name\":\"\"},\"token\":\"(secret)\","
               "\"secrets\":\"(secret)\",\"last\":0}");
    struct sample_nothing nothing = {0};
    check_json(&sample_nothing_type, &nothing, "{}");
}

Test(json, every_type_in_full) {
    struct sample_inner maybe = {.number = 4, .name = bytes_str("n")};
    struct bytes secrets[1] = {bytes_str("hush")};
    struct sample_everything e = {
        .flag = true,
        .tiny = 255,
        .small = 65535,
        .medium = UINT32_MAX,
        .large = UINT64_MAX,
        .signed_ = INT32_MIN,
        .wide = INT64_MIN,
        .text = bytes_str("t\xc3\xa9xt"),
        .blob = bytes_str("\xff\x00"),
        .node = {{0xab}},
        .key = {{1}},
        .voter = {.log = {{2}}},
        .colour = COLOUR_BLUE,
        .shade = SHADE_DARK,
        .inner = {.number = 3},
        .maybe = &maybe,
        .token = bytes_str("hush"),
        .secrets = secrets,
        .secrets_count = 1,
        .last = 9,
    };
    e.blob.size = 2;
    cr_assert_eq(addr_parse(bytes_str("[::1]:80"), 0, &e.where), 0);
    check_json(&sample_everything_type, &e,
               "{\"flag\":true,\"tiny\":255,\"small\":65535,\"medium\":4294967295,"
               "\"large\":18446744073709551615,\"signed\":-2147483648,\"wide\":-9223372036854775808,"
               "\"text\":\"t\xc3\xa9xt\",\"blob\":{\"base64\":\"/wA=\"},"
               "\"node\":\"ab000000000000000000000000000000\","
               "\"key\":\"0100000000000000000000000000000000000000000000000000000000000000\","
               "\"voter\":\"0000000000000000000000000000000002000000000000000000000000000000\","
               "\"colour\":\"blue\",\"shade\":\"dark\",\"where\":\"[::1]:80\","
               "\"inner\":{\"number\":3,\"name\":\"\"},\"maybe\":{\"number\":4,\"name\":\"n\"},"
               "\"token\":\"(secret)\",\"secrets\":\"(secret)\",\"last\":9}");
}

Test(json, lists) {
    uint8_t tinies[] = {1, 2};
    enum colour colours[] = {COLOUR_GREEN, (enum colour)5};
    struct sample_inner inners[2] = {{.number = 1}, {.number = 2}};
    struct sample_lists lists = {.tinies = tinies,
                                 .tinies_count = 2,
                                 .colours = colours,
                                 .colours_count = 2,
                                 .inners = inners,
                                 .inners_count = 2};
    check_json(&sample_lists_type, &lists,
               "{\"flags\":[],\"tinies\":[1,2],\"smalls\":[],\"mediums\":[],\"larges\":[],\"signeds\":[],"
               "\"wides\":[],\"texts\":[],\"blobs\":[],\"nodes\":[],\"colours\":[\"green\",5],\"addrs\":[],"
               "\"inners\":[{\"number\":1,\"name\":\"\"},{\"number\":2,\"name\":\"\"}],\"many\":[]}");
}

static void check_str(struct bytes text, const char *expected) {
    struct buf out = {0};
    codec_json_str(&out, text);
    cr_assert_str_eq(buf_str(&out), expected);
    buf_done(&out);
}

Test(json, strings_are_escaped) {
    check_str(bytes_str("a\"b\\c\nd\te\rf\x1b\x7f"), "\"a\\\"b\\\\c\\nd\\te\\u000df\\u001b\\u007f\"");
    check_str(bytes_of("a\0b", 3), "\"a\\u0000b\"");
    check_str(bytes_str("\xf0\x9f\x90\xa6/"), "\"\xf0\x9f\x90\xa6/\"");
    check_str(bytes_str("a\xffz\xe6\xbc"), "\"a\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\"");
    check_str((struct bytes){0}, "\"\"");
}

Test(json, bytes_that_are_no_text_are_base64) {
    const char *const expected[] = {"\"\"", "{\"base64\":\"/w==\"}", "{\"base64\":\"//8=\"}",
                                    "{\"base64\":\"////\"}", "{\"base64\":\"/////w==\"}"};
    for (size_t size = 0; size < 5; size++) {
        struct sample_tiny tiny = {.data = bytes_of("\xff\xff\xff\xff", size)};
        struct buf out = {0};
        codec_to_json(&sample_tiny_type, &tiny, &out);
        cr_assert_eq(memcmp(buf_str(&out) + 8, expected[size], strlen(expected[size])), 0, "%s",
                     buf_str(&out));
        buf_done(&out);
    }
}
