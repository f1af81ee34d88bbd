/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Binding, datagrams, names. */
#include "rig.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>

/* ---- binding ------------------------------------------------------------------------------------------- */

Test(bind, an_address_in_use_is_told_with_the_likely_reason) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL);
    struct addr bound = net_bound(a->net);
    char text[256] = "", wanted[256], where[ADDR_TEXT_SIZE];
    cr_assert_neq(addr_port(&bound), 0);
    cr_assert_null(net_new(&(struct net_options){.bind = bound}, text, sizeof text));
    addr_text(&bound, where);
    snprintf(wanted, sizeof wanted, "cannot bind %s: address already in use; is another agent running?",
             where);
    cr_assert_str_eq(text, wanted);
    rig_done(&r);
}

Test(bind, a_foreign_address_is_told_as_such_and_the_text_is_cut_to_its_room) {
    char text[256] = "", small[8];
    struct net_options o = {.bind = rig_addr("192.0.2.77:7370")};
    cr_assert_null(net_new(&o, text, sizeof text));
    cr_assert_str_eq(text, "cannot bind 192.0.2.77:7370: this host has no such address");
    cr_assert_null(net_new(&o, small, sizeof small));
    cr_assert_str_eq(small, "cannot ");
}

Test(bind, a_port_can_be_used_again_at_once) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    struct addr bound = net_bound(b->net);
    char text[256] = "";
    net_connect(a->net, 2, &bound, rig_now());
    rig_until(&r, &b->counts[NET_ACCEPTED], 1);
    net_close(b->net, rig_find(b, NET_ACCEPTED)->conn);
    net_free(b->net);
    b->net = net_new(&(struct net_options){.bind = bound}, text, sizeof text);
    cr_assert_not_null(b->net, "%s", text);
    rig_done(&r);
}

Test(bind, several_agents_share_a_port_under_different_addresses) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL);
    struct addr bound = net_bound(a->net), other = rig_addr("127.0.0.9:1");
    addr_set_port(&other, addr_port(&bound));
    struct rig_net *b = rig_add(&r, &(struct net_options){.bind = other});
    struct addr bound_b = net_bound(b->net);
    cr_assert(addr_equal(&bound_b, &other));
    rig_done(&r);
}

/* ---- datagrams ----------------------------------------------------------------------------------------- */

Test(datagrams, go_there_and_back_with_the_right_sender) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    struct addr to = net_bound(b->net);
    b->is_echo = true;
    net_datagram(a->net, &to, bytes_str("ping"));
    rig_until(&r, &a->counts[NET_DATAGRAM], 1);
    cr_assert_str_eq(buf_str(&a->bytes), "ping");
    cr_assert(addr_equal(&rig_find(a, NET_DATAGRAM)->addr, &to));
    rig_done(&r);
}

Test(datagrams, keep_their_bounds_up_to_the_largest) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    struct addr to = net_bound(b->net);
    uint8_t *block = mem_alloc(70000);
    size_t sizes[] = {0, 1, 1400, 65507};
    for (unsigned i = 0; i < 4; i++) {
        net_datagram(a->net, &to, bytes_of(block, sizes[i]));
        rig_until(&r, &b->counts[NET_DATAGRAM], i + 1);
        cr_assert_eq(b->events[i].data_size, sizes[i]);
    }
    net_datagram(a->net, &to, bytes_of(block, 70000));
    net_datagram(a->net, &to, bytes_str("still here"));
    rig_until(&r, &b->counts[NET_DATAGRAM], 5);
    cr_assert_eq(b->events[4].data_size, 10, "what does not fit is dropped");
    mem_free(block);
    rig_done(&r);
}

Test(datagrams, a_burst_arrives_in_order) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    struct addr to = net_bound(b->net);
    uint8_t block[200];
    for (unsigned i = 0; i < 100; i++) {
        memset(block, (int)i, sizeof block);
        net_datagram(a->net, &to, bytes_of(block, i + 1));
    }
    rig_until(&r, &b->counts[NET_DATAGRAM], 100);
    size_t at = 0;
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(b->events[i].data_size, i + 1);
        cr_assert_eq(b->bytes.data[at], i);
        at += i + 1;
    }
    rig_done(&r);
}

Test(datagrams, to_where_nobody_is_or_no_way_leads_do_no_harm) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL);
    struct addr self = net_bound(a->net), nobody = rig_addr("127.0.0.1:9"), six = rig_addr("[::1]:9");
    struct addr none = {0};
    net_datagram(a->net, &nobody, bytes_str("x"));
    net_datagram(a->net, &six, bytes_str("x"));
    net_datagram(a->net, &none, bytes_str("x"));
    rig_turn(&r);
    net_datagram(a->net, &self, bytes_str("self"));
    rig_until(&r, &a->counts[NET_DATAGRAM], 1);
    cr_assert_str_eq(buf_str(&a->bytes), "self");
    rig_done(&r);
}

/* ---- names --------------------------------------------------------------------------------------------- */

static void resolve_expect(struct rig *r, const char *name, const char *wanted) {
    struct rig_net *n = &r->nets[0];
    unsigned before = n->counts[NET_RESOLVED];
    char shown[ADDR_TEXT_SIZE];
    net_resolve(n->net, bytes_str(name), 7370);
    rig_until(r, &n->counts[NET_RESOLVED], before + 1);
    addr_text(&n->events[n->events_count - 1].addr, shown);
    cr_assert_str_eq(shown, wanted, "%s", name);
}

Test(names, numeric_ones_need_no_server) {
    struct rig r = {0};
    rig_add(&r, NULL);
    resolve_expect(&r, "192.0.2.1", "192.0.2.1:7370");
    resolve_expect(&r, "192.0.2.1:99", "192.0.2.1:99");
    resolve_expect(&r, "2001:db8::1", "[2001:db8::1]:7370");
    resolve_expect(&r, "[2001:db8::1]:99", "[2001:db8::1]:99");
    cr_assert_eq(net_deadline(r.nets[0].net), TIME_NEVER_US);
    rig_done(&r);
}

Test(names, localhost_comes_from_the_file_of_hosts) {
    struct rig r = {0};
    struct rig_net *n = rig_add(&r, NULL);
    net_resolve(n->net, bytes_str("localhost:1234"), 0);
    rig_until(&r, &n->counts[NET_RESOLVED], 1);
    bool is_found = false;
    for (size_t i = 0; i < n->events_count; i++) {
        struct addr four = rig_addr("127.0.0.1:1234"), six = rig_addr("[::1]:1234");
        is_found |= addr_equal(&n->events[i].addr, &four) || addr_equal(&n->events[i].addr, &six);
    }
    cr_assert(is_found);
    rig_turn(&r);
    cr_assert_eq(net_deadline(n->net), TIME_NEVER_US, "nothing is left behind");
    rig_done(&r);
}

Test(names, nonsense_is_refused_with_its_reason) {
    struct rig r = {0};
    struct rig_net *n = rig_add(&r, NULL);
    char longest[400];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    const char *names[] = {"",      ":7370",     "host:0", "host:65536", "host:x",
                           "host:", "two words", "a:b:c",  longest};
    unsigned count = sizeof names / sizeof names[0];
    for (unsigned i = 0; i < count; i++)
        net_resolve(n->net, bytes_str(names[i]), 7370);
    net_resolve(n->net, bytes_str("no-port"), 0);
    rig_until(&r, &n->counts[NET_RESOLVE_FAILED], count + 1);
    cr_assert_eq(n->counts[NET_RESOLVED], 0);
    cr_assert_str_eq(n->events[2].text, "cannot find the address of host:0: a port is 1 to 65535");
    cr_assert_str_eq(n->events[count].text, "cannot find the address of no-port: it has no port");
    rig_done(&r);
}

Test(names, one_that_nobody_knows_fails_in_bounded_time) {
    struct rig r = {0};
    struct rig_net *n = rig_add(&r, &(struct net_options){.resolve_timeout_us = 500 * US_PER_MS});
    int64_t began = rig_now();
    net_resolve(n->net, bytes_str("covey-test.invalid"), 7370);
    net_resolve(n->net, bytes_str("covey-test.invalid:80"), 7370);
    rig_until(&r, &n->counts[NET_RESOLVE_FAILED], 2);
    cr_assert_lt(rig_now() - began, 3 * US_PER_S);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(strncmp(n->events[i].text, "cannot find the address of covey-test.invalid", 45), 0, "%s",
                     n->events[i].text);
    rig_done(&r);
}

Test(names, without_a_network_they_fail_at_once_and_numeric_ones_do_not) {
    struct rig r = {0};
    struct rig_net *n = rig_add(&r, NULL);
    if (unshare(CLONE_NEWNET))
        cr_skip_test("only root can leave the network");
    net_resolve(n->net, bytes_str("covey-test.invalid"), 7370);
    rig_until(&r, &n->counts[NET_RESOLVE_FAILED], 1);
    resolve_expect(&r, "192.0.2.1", "192.0.2.1:7370");
    rig_done(&r);
}

Test(names, an_answer_that_comes_too_late_is_nobodys) {
    struct rig r = {0};
    struct rig_net *n = rig_add(&r, NULL);
    struct net_event e;
    unsigned told = 0;
    net_resolve(n->net, bytes_str("covey-test.invalid"), 7370);
    net_poll(n->net, 0);
    net_poll(n->net, 6 * US_PER_S);
    while (net_next(n->net, &e)) {
        cr_assert_eq(e.kind, NET_RESOLVE_FAILED);
        told++;
    }
    cr_assert_eq(told, 1);
    int64_t end = rig_now() + RIG_WAIT_US;
    while (net_deadline(n->net) != TIME_NEVER_US) {
        cr_assert_lt(rig_now(), end);
        rig_turn(&r);
    }
    cr_assert_eq(n->events_count, 0);
    rig_done(&r);
}

Test(names, too_many_at_once_are_refused) {
    struct rig r = {0};
    struct rig_net *n = rig_add(&r, &(struct net_options){.resolve_timeout_us = 100 * US_PER_MS});
    for (unsigned i = 0; i < 100; i++) {
        char name[64];
        snprintf(name, sizeof name, "covey-test-%u.invalid", i);
        net_resolve(n->net, bytes_str(name), 7370);
    }
    rig_until(&r, &n->counts[NET_RESOLVE_FAILED], 100);
    cr_assert_eq(n->counts[NET_RESOLVED], 0);
    rig_done(&r);
}
