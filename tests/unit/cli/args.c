/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Flags, operands and what is said when they are wrong. */
#include <criterion/criterion.h>

#include "world.h"

static const struct cli_verb verbs[] = {
    {"logs", "JOB", "Print", "", CLI_AGENT | CLI_FOLLOW | CLI_TAIL | CLI_TASK | CLI_TIMEOUT | CLI_CHECK, 1, 1,
     NULL},
    {"nodes", "", "List", "", CLI_AGENT, 0, 0, NULL},
};

static struct arena arena;
static struct buf text;

static void done(void) {
    arena_done(&arena);
    buf_done(&text);
}

static int parse_of(const struct cli_verb *verb, struct cli_options *ret, char **argv) {
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    buf_clear(&text);
    return cli_args(verb, argc, argv, &arena, ret, &text);
}
#define PARSE(ret, ...) parse_of(&verbs[0], ret, (char *[]){__VA_ARGS__, NULL})

/* The complaint about arguments that are refused. */
#define REFUSAL(...)                                                                                         \
    (PARSE(&(struct cli_options){0}, __VA_ARGS__) == ERR_INVALID ? buf_str(&text) : "accepted")

Test(cli_args, flags_stand_anywhere_and_take_values_in_both_forms, .fini = done) {
    struct cli_options o;
    cr_assert_eq(PARSE(&o, "logs", "--tail=64k", "web", "-f", "--task", "server", "--json"), 0);
    cr_assert_eq(o.operands_count, 1);
    cr_assert_str_eq(o.operands[0], "web");
    cr_assert_null(o.operands[1]);
    cr_assert_eq(o.tail_bytes, 65536);
    cr_assert(o.follow && o.json && !o.help);
    cr_assert_str_eq(o.task, "server");
    cr_assert_null(o.socket);
}

Test(cli_args, nothing_behind_two_dashes_is_a_flag_and_one_dash_is_an_operand, .fini = done) {
    struct cli_options o;
    cr_assert_eq(PARSE(&o, "logs", "--", "-f"), 0);
    cr_assert_str_eq(o.operands[0], "-f");
    cr_assert_not(o.follow);
    cr_assert_eq(PARSE(&o, "logs", "-"), 0);
    cr_assert_str_eq(o.operands[0], "-");
}

Test(cli_args, a_check_of_version_0_is_told_from_no_check, .fini = done) {
    struct cli_options o;
    cr_assert_eq(PARSE(&o, "logs", "k"), 0);
    cr_assert_not(o.has_check);
    cr_assert_eq(PARSE(&o, "logs", "k", "--cas", "0"), 0);
    cr_assert(o.has_check);
    cr_assert_eq(o.check, 0);
}

Test(cli_args, a_timeout_is_five_minutes_unless_it_is_said, .fini = done) {
    struct cli_options o;
    cr_assert_eq(PARSE(&o, "logs", "k"), 0);
    cr_assert_eq(o.timeout_us, 300 * US_PER_S);
    cr_assert_eq(PARSE(&o, "logs", "k", "--timeout", "90s"), 0);
    cr_assert_eq(o.timeout_us, 90 * US_PER_S);
}

Test(cli_args, help_needs_no_operands, .fini = done) {
    struct cli_options o;
    cr_assert_eq(PARSE(&o, "logs", "-h"), 0);
    cr_assert(o.help);
}

Test(cli_args, what_is_wrong_is_told_with_what_to_do, .fini = done) {
    cr_assert_str_eq(REFUSAL("logs", "web", "--folow"), "there is no flag --folow; did you mean --follow?");
    cr_assert_str_eq(REFUSAL("logs", "web", "--volume"),
                     "there is no flag --volume; `covey help logs` lists them");
    cr_assert_str_eq(REFUSAL("logs", "web", "-fx"), "there is no flag -fx; `covey help logs` lists them");
    cr_assert_str_eq(REFUSAL("logs", "web", "--tail"), "--tail needs a value: --tail BYTES");
    cr_assert_str_eq(REFUSAL("logs", "web", "--follow=yes"), "--follow takes no value");
    cr_assert_str_eq(REFUSAL("logs"), "not enough is given; usage: covey logs JOB");
    cr_assert_str_eq(REFUSAL("logs", "a", "b"), "\"b\" is one too many; usage: covey logs JOB");
    cr_assert_eq(parse_of(&verbs[1], &(struct cli_options){0}, (char *[]){"nodes", "x", NULL}), ERR_INVALID);
    cr_assert_str_eq(buf_str(&text), "\"x\" is one too many; usage: covey nodes");
}

Test(cli_args, a_flag_of_another_verb_is_unknown, .fini = done) {
    cr_assert_str_eq(REFUSAL("logs", "web", "--detach"),
                     "there is no flag --detach; `covey help logs` lists them");
}

Test(cli_args, numbers_are_bounded, .fini = done) {
    struct cli_options o;
    cr_assert_eq(PARSE(&o, "logs", "a", "--tail", "1M"), 0);
    cr_assert_eq(o.tail_bytes, 1u << 20);
    const char *bad[] = {"", "k", "1x", "-1", "18446744073709551616", "18446744073709551615k", "1kk"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(PARSE(&o, "logs", "a", "--tail", (char *)(uintptr_t)bad[i]), ERR_INVALID, "%s", bad[i]);
    cr_assert_eq(PARSE(&o, "logs", "a", "--cas", "1k"), ERR_INVALID);
    cr_assert_eq(PARSE(&o, "logs", "a", "--timeout", "5"), ERR_INVALID);
}

/* "$UNSET" must not mean every job, or every host. */
Test(cli_args, a_value_that_is_text_is_not_empty, .fini = done) {
    cr_assert_str_eq(REFUSAL("logs", "web", "--task", ""), "--task needs TASK, not \"\"");
    cr_assert_str_eq(REFUSAL("logs", "web", "--task="), "--task needs TASK, not \"\"");
}

Test(cli_args, a_summary_that_ends_with_dots_gets_no_other, .fini = done) {
    const struct cli_verb verb = {.name = "count", .operands = "", .summary = "Count: a, ...", .more = ""};
    cli_view_usage(&verb, &text);
    cr_assert_not_null(strstr(buf_str(&text), "a, ...\n"));
}

Test(cli_args, an_unknown_verb_gets_the_nearest_one, .fini = done) {
    cli_view_unknown(verbs, 2, "nodse", &text);
    cr_assert_str_eq(buf_str(&text), "there is no verb nodse; did you mean `covey nodes`?");
    buf_clear(&text);
    cli_view_unknown(verbs, 2, "restart", &text);
    cr_assert_str_eq(buf_str(&text), "there is no verb restart; `covey help` lists them");
}

Test(cli_args, usage_lists_the_flags_of_the_verb_alone, .fini = done) {
    cli_view_usage(&verbs[1], &text);
    cr_assert_str_eq(buf_str(&text),
                     "usage: covey nodes [flags]\n"
                     "\n"
                     "List.\n"
                     "\n"
                     "  --socket PATH      the agent's socket [$COVEY_SOCKET, /run/covey/covey.sock]\n"
                     "  --json             for programs: one JSON object a line\n"
                     "  -h, --help         this text\n");
}
