/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Hosts as people read them: the table, who sees whom, a drain, metrics. */
#include <criterion/criterion.h>

#include "world.h"

static struct wire_admin_node host(const char *name, enum member_state state) {
    struct wire_admin_node n = {.record = {.name = bytes_str(name),
                                           .cpu_mhz = 5200,
                                           .memory_mib = 24064,
                                           .version = bytes_str("0.1.0"),
                                           .status = NODE_STATUS_READY,
                                           .id = made_node_id(0x0b)},
                                .state = state,
                                .generation = 3,
                                .version = 1,
                                .heard_ms = 300};
    cr_assert_eq(addr_parse(bytes_str("192.0.2.7:7370"), 0, &n.record.addr), 0);
    return n;
}

/* The cells of the only row, from STATE on up to INC. */
static void expect_row(const struct wire_admin_node *n, const char *cells) {
    struct wire_admin_nodes nodes = {.nodes = (struct wire_admin_node *)(uintptr_t)n, .nodes_count = 1};
    struct buf out = {0};
    cli_view_nodes(&nodes, &out);
    const char *row = strchr(buf_str(&out), '\n') + 1, *at = strstr(row, ":7370  ");
    cr_assert_not_null(at);
    cr_assert_eq(strncmp(at + 7, cells, strlen(cells)), 0, "%s", at + 7);
    buf_done(&out);
}

Test(cli_nodes, are_sorted_and_mark_leader_self_and_how_old_the_fact_is) {
    struct wire_admin_node list[] = {host("host-b", MEMBER_STATE_ALIVE), host("host-a", MEMBER_STATE_ALIVE),
                                     host("host-d", MEMBER_STATE_ALIVE), host("host-c", MEMBER_STATE_DEAD)};
    struct buf out = {0};
    list[0].voter = list[0].self = true;
    list[1].leader = list[1].voter = true;
    list[1].rtt_us = 234;
    list[1].instances = 12;
    list[2].record.status = NODE_STATUS_JOINING;
    list[2].rtt_us = 23400;
    list[2].never = true;
    list[3].rtt_us = 99;
    list[3].since_ms = 125000;
    list[3].heard_ms = 130000;
    list[3].accuser = bytes_str("host-a");
    struct wire_admin_nodes nodes = {.nodes = list, .nodes_count = 4};
    cli_view_nodes(&nodes, &out);
    EXPECT_TEXT(&out, "NAME    ID        ADDRESS         STATE              HEARD      RTT      INC  ROLE    "
                      " INSTANCES  CPU   "
                      "    MEMORY    VERSION\n"
                      "host-a  0b998877  192.0.2.7:7370  alive              0.3 s ago  0.23 ms  3.1  leader  "
                      " 12         5200 "
                      "MHz  23.5 GiB  0.1.0\n"
                      "host-b  0b998877  192.0.2.7:7370  alive              self       self     3.1  voter   "
                      " 0          5200 "
                      "MHz  23.5 GiB  0.1.0\n"
                      "host-c  0b998877  192.0.2.7:7370  dead 2m by host-a  2 min ago  -        3.1  learner "
                      " 0          5200 "
                      "MHz  23.5 GiB  0.1.0\n"
                      "host-d  0b998877  192.0.2.7:7370  joining            -          23 ms    3.1  learner "
                      " 0          5200 "
                      "MHz  23.5 GiB  0.1.0\n");
}

Test(cli_nodes, what_an_operator_said_comes_before_what_gossip_sees) {
    struct wire_admin_node n = host("a", MEMBER_STATE_SUSPECT);
    n.accuser = bytes_str("b");
    expect_row(&n, "suspect by b  ");
    n = host("a", MEMBER_STATE_ALIVE);
    n.indirect_ms = 4000;
    expect_row(&n, "alive, by others  ");
    n.record.drain = true;
    n.instances = 3;
    expect_row(&n, "draining (3 left)  ");
    n.drained = true;
    expect_row(&n, "drained  ");
    n.state = MEMBER_STATE_DEAD;
    expect_row(&n, "drained, dead  ");
    n = host("a", MEMBER_STATE_DEAD);
    n.record.forget = true;
    n.record.status = NODE_STATUS_LEFT;
    expect_row(&n, "being taken out  ");
}

Test(cli_nodes, an_absence_is_shown_with_its_end) {
    struct wire_admin_node n = host("a", MEMBER_STATE_DEAD);
    struct buf clock = {0}, cells = {0};
    n.record.away_ms = 60000;
    n.record.away_until_ms = 1790000000000;
    cli_put_time(&clock, n.record.away_until_ms);
    buf_printf(&cells, "away until %s  ", buf_str(&clock) + 11);
    expect_row(&n, buf_str(&cells));
    n.state = MEMBER_STATE_ALIVE;
    buf_clear(&cells);
    buf_printf(&cells, "may go until %s  ", buf_str(&clock) + 11);
    expect_row(&n, buf_str(&cells));
    buf_done(&clock);
    buf_done(&cells);
}

Test(cli_nodes, a_host_is_found_by_name_before_by_the_beginning_of_an_id) {
    struct wire_admin_node list[] = {host("a", MEMBER_STATE_ALIVE), host("0b", MEMBER_STATE_ALIVE)};
    list[1].record.id = made_node_id(0x77);
    struct wire_admin_nodes nodes = {.nodes = list, .nodes_count = 2};
    cr_assert_eq(cli_node_in(&nodes, "0b"), &list[1]);
    cr_assert_eq(cli_node_in(&nodes, "0b9"), &list[0]);
    cr_assert_eq(cli_node_in(&nodes, "77"), &list[1]);
    cr_assert_null(cli_node_in(&nodes, ""));
    cr_assert_null(cli_node_in(&nodes, "c"));
}

/* A host that is gone is not mistaken for another whose id begins as its name: waiting would never end. */
Test(cli_nodes, a_host_that_is_gone_is_found_by_its_id_no_more) {
    struct wire_admin_node list[] = {host("a", MEMBER_STATE_ALIVE), host("c", MEMBER_STATE_ALIVE)};
    struct node_id gone = made_node_id(0xb0);
    char hex[ID_TEXT_SIZE];
    list[1].record.id = made_node_id(0xb1);
    id_text(gone.b, hex);
    struct wire_admin_nodes nodes = {.nodes = list, .nodes_count = 2};
    cr_assert_eq(cli_node_in(&nodes, "b"), &list[1]);
    cr_assert_null(cli_node_in(&nodes, hex));
    list[0].record.id = gone;
    cr_assert_eq(cli_node_in(&nodes, hex), &list[0]);
    cr_assert_null(cli_node_in(&nodes, "b"), "two begin so");
}

Test(cli_nodes, a_drain_tells_what_is_left) {
    struct wire_admin_node n = host("a", MEMBER_STATE_ALIVE);
    struct buf out = {0};
    n.record.drain = n.voter = n.leader = true;
    n.instances = 1;
    cli_view_draining(&n, &out);
    EXPECT_TEXT(&out, "a: 1 instance left, votes, leads");
    n.voter = n.leader = false;
    n.instances = 0;
    n.drained = true;
    cli_view_draining(&n, &out);
    EXPECT_TEXT(&out, "a: drained");
}

/* ---- who sees whom ---- */

static struct wire_admin_matrix_row seen(const char *name, uint8_t id, bool answered) {
    return (struct wire_admin_matrix_row){
        .name = bytes_str(name), .id = made_node_id(id), .answered = answered, .alive = 3, .members = 3};
}

Test(cli_matrix, of_a_cluster_that_is_well_says_so) {
    struct wire_admin_matrix_row rows[] = {seen("b", 2, true), seen("a", 1, true)};
    struct wire_admin_matrix m = {.rows = rows, .rows_count = 2, .answered = 2};
    struct buf out = {0};
    cli_view_matrix(&m, &out);
    EXPECT_TEXT(
        &out,
        "        1  2\n"
        " 1 a    \\  +\n"
        " 2 b    +  \\\n"
        "\n"
        "a row is what that host sees: + directly, ~ through others only, < hears it but is not heard,\n"
        "? suspects it, x holds it dead, o it has left, ! does not know it, . did not tell\n"
        "\n"
        "all 2 hosts see one another directly\n");
}

Test(cli_matrix, shows_one_way_links_and_who_did_not_answer_and_why) {
    struct wire_admin_matrix_row rows[] = {seen("a", 1, true), seen("b", 2, true), seen("c", 3, false)};
    struct wire_admin_sight of_a[] = {
        {.id = made_node_id(2), .name = bytes_str("b"), .sight = MEMBER_SIGHT_HEARS, .since_ms = 5000},
        {.id = made_node_id(3),
         .name = bytes_str("c"),
         .sight = MEMBER_SIGHT_DEAD,
         .since_ms = 300000,
         .accuser = bytes_str("b")}};
    struct wire_admin_sight of_b[] = {
        {.id = made_node_id(1), .name = bytes_str("a"), .sight = MEMBER_SIGHT_INDIRECT, .since_ms = 5000}};
    struct wire_admin_one_way way = {.from = bytes_str("b"), .to = bytes_str("a")};
    struct wire_admin_matrix m = {
        .rows = rows, .rows_count = 3, .one_way = &way, .one_way_count = 1, .answered = 2};
    struct buf out = {0};
    rows[0].sights = of_a;
    rows[0].sights_count = 2;
    rows[1].sights = of_b;
    rows[1].sights_count = 1;
    rows[1].health = 2;
    rows[2].why = bytes_str("held dead for 60 s, accused by b");
    cli_view_matrix(&m, &out);
    const char *text = buf_str(&out);
    cr_assert_not_null(strstr(text, " 1 a    \\  <  x\n 2 b    ~  \\  +\n 3 c    .  .  \\\n"), "%s", text);
    cr_assert_not_null(strstr(text, "one way: packets of b reach a, those of a do not reach b\n"), "%s",
                       text);
    cr_assert_not_null(strstr(text, "a hears, but is not heard by b for 5.0 s\n"), "%s", text);
    cr_assert_not_null(strstr(text, "a holds dead c for 5 min, accused by b\n"), "%s", text);
    cr_assert_not_null(strstr(text, "b doubts itself (local health 2)"), "%s", text);
    cr_assert_not_null(strstr(text, "c does not tell: held dead for 60 s, accused by b\n"), "%s", text);
    cr_assert_not_null(strstr(text, "2 of 3 hosts told what they see\n"), "%s", text);
    buf_done(&out);
}

Test(cli_matrix, of_many_hosts_shows_exceptions_only) {
    struct wire_admin_matrix_row rows[200];
    char names[200][8];
    struct wire_admin_sight odd = {
        .id = made_node_id(1), .name = bytes_str("h000"), .sight = MEMBER_SIGHT_SUSPECT};
    struct wire_admin_matrix m = {.rows = rows, .rows_count = 200, .answered = 200};
    struct buf out = {0};
    for (unsigned i = 0; i < 200; i++) {
        names[i][0] = 'h';
        names[i][1] = (char)('0' + i / 100);
        names[i][2] = (char)('0' + i / 10 % 10);
        names[i][3] = (char)('0' + i % 10);
        names[i][4] = 0;
        rows[i] = seen(names[i], (uint8_t)(i + 1), true);
    }
    rows[7].sights = &odd;
    rows[7].sights_count = 1;
    cli_view_matrix(&m, &out);
    EXPECT_TEXT(&out, "h007 suspects h000\n200 of 200 hosts told what they see\n");
}

/* ---- metrics ---- */

Test(cli_counters, prometheus_gets_a_help_a_type_and_a_value_each) {
    struct wire_admin_counter list[] = {
        {.name = bytes_str("MARK_SWIM_REFUTED"), .text = bytes_str("swim: a \\ and\na break"), .count = 2},
        {.name = bytes_str("swim_members"), .text = bytes_str("swim: members"), .count = 3, .gauge = true}};
    struct wire_admin_counters c = {.counters = list, .counters_count = 2};
    struct buf out = {0};
    cli_view_prometheus(&c, &out);
    EXPECT_TEXT(&out, "# HELP covey_mark_swim_refuted_total swim: a \\\\ and a break\n"
                      "# TYPE covey_mark_swim_refuted_total counter\n"
                      "covey_mark_swim_refuted_total 2\n"
                      "# HELP covey_swim_members swim: members\n"
                      "# TYPE covey_swim_members gauge\n"
                      "covey_swim_members 3\n");
}
