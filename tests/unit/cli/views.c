/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What each verb shows, as people read it. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "world.h"

static void utc(void) { setenv("TZ", "UTC0", 1); }
TestSuite(cli_views, .init = utc);

/* ---- status -------------------------------------------------------------------------------------------- */

static struct wire_admin_voter voters[] = {{.name = T_INIT("host-a"), .caught_up = true},
                                           {.name = T_INIT("host-b"), .caught_up = true},
                                           {.name = T_INIT("host-c"), .caught_up = true}};

static struct wire_admin_status healthy(void) {
    return (struct wire_admin_status){.freshness = {.index = 8123, .age_ms = 240},
                                      .id = made_node_id(0x0a),
                                      .name = T("host-b"),
                                      .cluster = {{0xdf, 0x2b, 0x9f, 0x2b}},
                                      .leader = made_node_id(0x0b),
                                      .leader_name = T("host-a"),
                                      .term = 7,
                                      .voters = voters,
                                      .voters_count = 3,
                                      .voters_live = 3,
                                      .survives = 1,
                                      .nodes = 3,
                                      .nodes_live = 3,
                                      .jobs = 2,
                                      .instances_running = 5,
                                      .role = T("follower"),
                                      .log_state = T("ok"),
                                      .version = T("0.1.0")};
}

Test(cli_views, status_of_a_healthy_cluster) {
    struct wire_admin_status s = healthy();
    struct buf out = {0};
    cli_view_status(&s, &out);
    EXPECT_TEXT(&out, "cluster  df2b9f2b, 3 of 3 hosts live\n"
                      "host     host-b (0a998877), follower, covey 0.1.0\n"
                      "leader   host-a, term 7\n"
                      "voters   3 of 3 live: host-a host-b host-c\n"
                      "writes   go on when 1 voter is lost\n"
                      "jobs     2, 5 instances running\n"
                      "state    as of index 8123, 0.2 s ago\n");
}

Test(cli_views, status_for_programs_has_the_jobs) {
    struct wire_admin_job_summary list[] = {{.name = T("web"), .version = 4, .count = 3, .running = 3},
                                            {.name = T("db"), .stopped = true}};
    struct wire_admin_jobs jobs = {.jobs = list, .jobs_count = 2};
    struct wire_admin_status s = healthy();
    struct buf out = {0};
    cli_json_status(&s, &jobs, &out);
    const char *text = buf_str(&out);
    cr_assert(strstr(text, "{\"freshness\":{") == text && strstr(text, "\"leader_name\":\"host-a\""));
    cr_assert(strstr(text, ",\"job_list\":[{\"name\":\"web\"") && strstr(text, "},{\"name\":\"db\""), "%s",
              text);
    cr_assert_str_eq(text + strlen(text) - 4, "}]}\n");
    jobs.jobs_count = 0;
    buf_done(&out);
    cli_json_status(&s, &jobs, &out);
    cr_assert(strstr(buf_str(&out), ",\"job_list\":[]}\n"));
    buf_done(&out);
}

Test(cli_views, status_on_the_small_side_of_a_split_says_that_writes_wait) {
    struct wire_admin_status s = healthy();
    struct buf out = {0};
    struct wire_admin_voter split[3];
    memcpy(split, voters, sizeof split);
    split[0].state = MEMBER_STATE_DEAD;
    split[2].state = MEMBER_STATE_SUSPECT;
    s.voters = split;
    s.voters_live = 1;
    s.nodes_live = 1;
    s.survives = 0;
    s.leader = (struct node_id){{0}};
    s.freshness = (struct wire_admin_freshness){.index = 8123, .age_ms = 840000, .isolated = true};
    s.log_state = T("damaged at index 12; taken from the other hosts");
    s.advice = T("no contact with a leader");
    cli_view_status(&s, &out);
    EXPECT_TEXT(&out, "cluster  df2b9f2b, 1 of 3 hosts live\n"
                      "host     host-b (0a998877), follower, covey 0.1.0\n"
                      "log      damaged at index 12; taken from the other hosts\n"
                      "leader   none known, term 7\n"
                      "voters   1 of 3 live: host-a (not seen) host-b host-c (suspect)\n"
                      "writes   wait: too few voters are in sight\n"
                      "jobs     2, 5 instances running\n"
                      "state    as of index 8123, 14 min ago, isolated\n"
                      "advice   no contact with a leader\n");
}

Test(cli_views, status_with_two_of_three_voters_says_that_the_next_loss_stops_writes) {
    struct wire_admin_status s = healthy();
    struct buf out = {0};
    s.voters_live = 2;
    s.survives = 0;
    cli_view_status(&s, &out);
    cr_assert_not_null(strstr(buf_str(&out), "writes   stop when one more voter is lost\n"));
    buf_done(&out);
}

Test(cli_views, status_of_a_host_without_a_cluster_promises_nothing) {
    struct wire_admin_status s = {
        .name = T("host-d"), .role = T("joining"), .version = T("0.1.0"), .id = made_node_id(1)};
    struct buf out = {0};
    cli_view_status(&s, &out);
    EXPECT_TEXT(&out, "host     host-d (01998877), joining, covey 0.1.0\n"
                      "cluster  none yet: this host waits to join; the agent's log says what it waits for\n");
}

Test(cli_views, jobs_tell_stopped_ones) {
    struct wire_admin_job_summary list[] = {
        {.name = T_INIT("backup"),
         .type = JOB_TYPE_BATCH,
         .version = 1,
         .count = 2,
         .complete = 1,
         .failed = 1},
        {.name = T_INIT("web"), .version = 12, .stopped = true, .count = 3}};
    struct wire_admin_jobs jobs = {.jobs = list, .jobs_count = 2};
    struct buf out = {0};
    cli_view_jobs(&jobs, &out);
    EXPECT_TEXT(&out, "JOB     TYPE     VERSION  WANTED   RUNNING  COMPLETE  FAILED\n"
                      "backup  batch    1        2        0        1         1\n"
                      "web     service  12       stopped  0        0         0\n");
}

/* ---- instances ----------------------------------------------------------------------------------------- */

Test(cli_views, ps_shows_ports_restarts_reasons_and_what_is_out_of_sight) {
    struct wire_port_binding ports[] = {{.label = T_INIT("http"), .port = 20001},
                                        {.label = T_INIT("admin"), .port = 20002}};
    struct wire_task_fact tasks[] = {{.name = T_INIT("server"), .state = TASK_STATE_RUNNING, .restarts = 2},
                                     {.name = T_INIT("side"),
                                      .state = TASK_STATE_BACKOFF,
                                      .restarts = 1,
                                      .reason = T_INIT("exited with code 3")}};
    struct wire_admin_instance list[] = {made_instance(0x03, 2, 1, INSTANCE_STATE_RUNNING),
                                         made_instance(0x01, 0, 2, INSTANCE_STATE_RUNNING),
                                         made_instance(0x02, 1, 2, INSTANCE_STATE_STARTING)};
    list[0].node_state = MEMBER_STATE_DEAD;
    list[0].node_name = T("host-c");
    list[1].record.ports = ports;
    list[1].record.ports_count = 2;
    list[1].record.tasks = tasks;
    list[1].record.tasks_count = 2;
    list[2].record.desired = DESIRED_STATE_STOP;
    list[2].record.reason = T("the job was stopped");
    list[2].record.placed_ms = 0;
    struct wire_admin_ps ps = {.instances = list, .instances_count = 3};
    struct buf out = {0};
    cli_view_ps(&ps, NOW_MS, &out);
    EXPECT_TEXT(&out,
                "ID        JOB  GROUP  SLOT  VERSION  NODE    STATE     HEALTH  PORTS                   "
                "RESTARTS  AGE  REASON\n"
                "012b3c4d  web  web    0     2        host-a  running   -       http=20001,admin=20002"
                "  3      "
                "   65s  side waits to be restarted: exited with code 3\n"
                "022b3c4d  web  web    1     2        host-a  stopping  -       -"
                "                       0      "
                "   -    the job was stopped\n"
                "032b3c4d  web  web    2     1        host-c  unknown   -       -           "
                "            0         65s  its host is out of sight\n");
}

/* The log stands still; the hosts go on telling. */
Test(cli_views, ps_shows_what_the_hosts_say_where_it_is_newer_than_the_log) {
    struct wire_port_binding port = {.label = T_INIT("http"), .port = 20001};
    struct wire_task_fact tasks[] = {{.name = T_INIT("server"),
                                      .state = TASK_STATE_BACKOFF,
                                      .restarts = 4,
                                      .reason = T_INIT("exited with code 1")},
                                     {.name = T_INIT("server"), .state = TASK_STATE_RUNNING, .restarts = 1}};
    struct wire_facts_instance said[] = {
        {.state = INSTANCE_STATE_RUNNING, .health = HEALTH_UNHEALTHY, .tasks = &tasks[0], .tasks_count = 1},
        {.state = INSTANCE_STATE_RUNNING,
         .health = HEALTH_HEALTHY,
         .tasks = &tasks[1],
         .tasks_count = 1,
         .ports = &port,
         .ports_count = 1}};
    struct wire_admin_instance list[] = {made_instance(0x01, 0, 1, INSTANCE_STATE_RUNNING),
                                         made_instance(0x02, 1, 1, INSTANCE_STATE_STARTING),
                                         made_instance(0x03, 2, 1, INSTANCE_STATE_RUNNING)};
    list[0].reported = &said[0];
    list[1].reported = &said[1];
    list[2].reported = &said[1];
    list[2].node_state = MEMBER_STATE_DEAD; /* what it said last is no news of how it is */
    struct wire_admin_ps ps = {.instances = list, .instances_count = 3};
    struct buf out = {0};
    cli_view_ps(&ps, NOW_MS, &out);
    EXPECT_TEXT(
        &out,
        "ID        JOB  GROUP  SLOT  VERSION  NODE    STATE    HEALTH     PORTS       RESTARTS  AGE  REASON\n"
        "012b3c4d  web  web    0     1        host-a  running  unhealthy  -           4         65s  "
        "server waits to be restarted: exited with code 1\n"
        "022b3c4d  web  web    1     1        host-a  running  healthy    http=20001  1         65s  -\n"
        "032b3c4d  web  web    2     1        host-a  unknown  -          http=20001  1         65s  "
        "its host is out of sight\n");
}

Test(cli_views, ps_of_nothing_is_a_header) {
    struct buf out = {0};
    cli_view_ps(&(struct wire_admin_ps){0}, NOW_MS, &out);
    EXPECT_TEXT(&out, "ID  JOB  GROUP  SLOT  VERSION  NODE  STATE  HEALTH  PORTS  RESTARTS  AGE  REASON\n");
}

static struct wire_admin_job_status job_status(struct wire_admin_group_status *group,
                                               struct wire_admin_instance *list, size_t count) {
    return (struct wire_admin_job_status){
        .freshness = {.index = 90, .age_ms = 0},
        .record = {.spec = {.name = T("web")}, .version = 2, .submitted_ms = NOW_MS - 130000},
        .groups = group,
        .groups_count = 1,
        .instances = list,
        .instances_count = count,
    };
}

Test(cli_views, a_job_shows_counts_reasons_addresses_and_hides_what_was_stopped) {
    struct wire_port_binding port = {.label = T_INIT("http"), .port = 20001};
    struct wire_admin_group_status group = {
        .name = T("web"), .count = 3, .running = 2, .reason = T("no node fits: 3 lack 512 MiB of memory")};
    struct wire_admin_instance list[] = {made_instance(0x01, 0, 1, INSTANCE_STATE_STOPPED),
                                         made_instance(0x02, 0, 2, INSTANCE_STATE_RUNNING),
                                         made_instance(0x03, 1, 2, INSTANCE_STATE_RUNNING)};
    list[1].record.ports = list[2].record.ports = &port;
    list[1].record.ports_count = list[2].record.ports_count = 1;
    list[2].addr = T("2001:db8::1");
    struct wire_admin_job_status s = job_status(&group, list, 3);
    struct buf out = {0};
    cli_view_job(&s, false, NOW_MS, &out);
    EXPECT_TEXT(&out, "web: service, version 2, submitted 2026-11-21 04:57:58 (2 min ago)\n"
                      "\n"
                      "GROUP  WANTED  RUNNING  HEALTHY  STARTING  COMPLETE  FAILED\n"
                      "web    3       2        0        0         0         0\n"
                      "group web: no node fits: 3 lack 512 MiB of memory\n"
                      "\n"
                      "ID        GROUP  SLOT  VERSION  NODE    STATE    HEALTH  ADDRESS       "
                      "            RESTARTS  AGE  REASON\n"
                      "022b3c4d  web    0     2        host-a  running  -       http=192.0.2.1:20001"
                      "      0         65s  -\n"
                      "032b3c4d  web    1     2        host-a  running  -       http=[2001:db8::1]:20001"
                      "  0         65s  -\n"
                      "\n"
                      "as of index 90, 0.0 s ago\n");
    cli_view_job(&s, true, NOW_MS, &out);
    cr_assert_not_null(strstr(buf_str(&out), "012b3c4d  web    0     1        host-a  stopped"));
    buf_done(&out);
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

Test(cli_views, variables_are_listed_without_their_values) {
    struct wire_var_record list[] = {{.key = T_INIT("app/motd"), .value = T_INIT("hello"), .version = 274}};
    struct buf out = {0};
    cli_view_vars(&(struct wire_admin_vars){.vars = list, .vars_count = 1}, &out);
    EXPECT_TEXT(&out, "KEY       VERSION  SIZE\napp/motd  274      5 B\n");
}

Test(cli_views, an_event_is_a_line) {
    struct buf out = {0};
    cli_view_event(
        &(struct wire_event){.time_ms = NOW_MS, .kind = T("member.died"), .text = T("host-c\nis held dead")},
        &out);
    EXPECT_TEXT(&out, "2026-11-21 05:00:08  member.died       host-c?is held dead\n");
}

Test(cli_views, counters_show_what_happened_and_with_all_what_did_not) {
    struct wire_admin_counter list[] = {{.name = T_INIT("MARK_A"), .text = T_INIT("raft: a"), .count = 12},
                                        {.name = T_INIT("MARK_B"), .text = T_INIT("swim: b")}};
    struct wire_admin_counters counters = {.counters = list, .counters_count = 2};
    struct buf out = {0};
    cli_view_counters(&counters, false, &out);
    EXPECT_TEXT(&out, "COUNT  WHAT HAPPENED\n12     raft: a\n");
    cli_view_counters(&counters, true, &out);
    EXPECT_TEXT(&out, "COUNT  WHAT HAPPENED\n12     raft: a\n0      swim: b\n");
}

Test(cli_views, the_token_comes_with_the_commands_and_a_warning_on_loopback) {
    struct buf out = {0};
    cli_view_token(&(struct wire_admin_token){.token = T("covey1-abc"), .addr = T("192.0.2.1:7370")}, &out);
    cr_assert_not_null(strstr(buf_str(&out), "(umask 077; echo covey1-abc >/etc/covey/token)"));
    cr_assert_not_null(
        strstr(buf_str(&out), "covey agent --join 192.0.2.1:7370 --secret-file /etc/covey/token"));
    cr_assert_null(strstr(buf_str(&out), "--advertise"));
    buf_clear(&out);
    cli_view_token(&(struct wire_admin_token){.token = T("covey1-abc"), .addr = T("127.0.0.1:7370")}, &out);
    cr_assert_not_null(strstr(buf_str(&out), "--advertise"));
    buf_done(&out);
}
