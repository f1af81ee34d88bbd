/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* state_job_check: each mistake has its text; what is sound passes. */
#include "world.h"

static struct wire_job *sound_job(struct world *w) { return job_of(w, "web", JOB_TYPE_SERVICE, 1, "/bin/a"); }

static void mistake(const struct wire_job *job, int code, const char *text) {
    char why[WIRE_TEXT_MAX];
    cr_assert_eq(state_job_check(job, why, sizeof why), code, "%s", text);
    cr_assert_str_eq(why, text);
}

Test(state_check, a_sound_job_passes) {
    struct world w = world_new();
    char why[64];
    struct wire_job *job = sound_job(&w);
    cr_assert_eq(state_job_check(job, why, sizeof why), 0);
    job->name = text_of("Web-1_x.y");
    job->groups[0].count = 0;
    job->groups[0].tasks[0].kill_signal = 64;
    cr_assert_eq(state_job_check(job, why, sizeof why), 0);
    world_done(&w);
}

Test(state_check, names_have_letters_digits_and_little_else) {
    struct world w = world_new();
    struct wire_job *job = sound_job(&w);
    job->name = text_of("");
    char why[200];
    cr_assert_lt(state_job_check(job, why, sizeof why), 0);
    job->name = text_of("a/b");
    mistake(job, ERR_INVALID, "the name of a job, \"a/b\", may have letters, digits, - _ and, not first, .");
    job->name = text_of(".hidden");
    mistake(job, ERR_INVALID,
            "the name of a job, \".hidden\", may have letters, digits, - _ and, not first, .");
    job = sound_job(&w);
    job->groups[0].name = text_of("a b");
    mistake(job, ERR_INVALID,
            "the name of a group, \"a b\", may have letters, digits, - _ and, not first, .");
    job = sound_job(&w);
    job->groups[0].tasks[0].name = text_of("..");
    mistake(job, ERR_INVALID, "the name of a task, \"..\", may have letters, digits, - _ and, not first, .");
    char longer[80];
    memset(longer, 'x', sizeof longer);
    job = sound_job(&w);
    job->name = bytes_of(longer, 64);
    cr_assert_eq(state_job_check(job, why, sizeof why), ERR_LIMIT);
    job->name = bytes_of(longer, 63);
    cr_assert_eq(state_job_check(job, why, sizeof why), 0);
    world_done(&w);
}

Test(state_check, something_must_be_there_to_run) {
    struct world w = world_new();
    struct wire_job *job = sound_job(&w);
    job->groups_count = 0;
    mistake(job, ERR_INVALID, "job web has no group");
    job = sound_job(&w);
    job->groups[0].tasks_count = 0;
    mistake(job, ERR_INVALID, "group g has no task");
    job = sound_job(&w);
    job->groups[0].tasks[0].kill_signal = 65;
    mistake(job, ERR_INVALID, "task t: a signal is 1 to 64");
    job = sound_job(&w);
    job->groups[0].count = WIRE_COUNT_MAX + 1;
    mistake(job, ERR_INVALID, "group g: count is at most 10000");
    job = sound_job(&w);
    job->groups[0].tasks[0].command = text_of("");
    char why[100];
    cr_assert_lt(state_job_check(job, why, sizeof why), 0);
    world_done(&w);
}

Test(state_check, nothing_is_there_twice) {
    struct world w = world_new();
    struct wire_job *job = sound_job(&w);
    struct wire_group groups[] = {job->groups[0], job->groups[0]};
    job->groups = groups;
    job->groups_count = 2;
    mistake(job, ERR_INVALID, "group g is there twice");
    groups[1].name = text_of("h");
    struct wire_task tasks[] = {groups[0].tasks[0], groups[0].tasks[0]};
    groups[1].tasks = tasks;
    groups[1].tasks_count = 2;
    mistake(job, ERR_INVALID, "task t is there twice");
    tasks[1].name = text_of("u");
    char why[100];
    cr_assert_eq(state_job_check(job, why, sizeof why), 0);
    world_done(&w);
}

Test(state_check, ports) {
    struct world w = world_new();
    struct wire_job *job = sound_job(&w);
    struct wire_port_request ports[] = {{.label = text_of("http"), .static_ = 80},
                                        {.label = text_of("https"), .static_ = 80}};
    job->groups[0].ports = ports;
    job->groups[0].ports_count = 2;
    mistake(job, ERR_INVALID, "static port 80 is asked for twice in group g");
    ports[1].static_ = 65536;
    mistake(job, ERR_INVALID, "port https: a port is 1 to 65535");
    ports[1] = (struct wire_port_request){.label = text_of("https"), .to = 65536};
    mistake(job, ERR_INVALID, "port https: a port is 1 to 65535");
    ports[1] = (struct wire_port_request){.label = text_of("http")};
    mistake(job, ERR_INVALID, "port http is there twice");
    ports[1] = (struct wire_port_request){.label = text_of("x y")};
    mistake(job, ERR_INVALID, "the name of a port, \"x y\", may have letters, digits, - _ and, not first, .");
    ports[0].static_ = 0;
    ports[1].label = text_of("other");
    char why[100];
    cr_assert_eq(state_job_check(job, why, sizeof why), 0, "any number of dynamic ones");
    world_done(&w);
}

Test(state_check, a_long_text_is_cut_to_the_room_given) {
    struct world w = world_new();
    struct wire_job *job = sound_job(&w);
    char why[8];
    job->groups_count = 0;
    cr_assert_eq(state_job_check(job, why, sizeof why), ERR_INVALID);
    cr_assert_str_eq(why, "job web");
    world_done(&w);
}
