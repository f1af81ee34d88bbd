/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct bytes text_of(const char *t) { return bytes_str(t); }

/* A connection from one net to another, both ends open. */
static uint64_t pair_open(struct rig *r, struct rig_net *from, struct rig_net *to, uint64_t conn) {
    struct addr where = net_bound(to->net);
    unsigned accepted = to->counts[NET_ACCEPTED], connected = from->counts[NET_CONNECTED];
    net_connect(from->net, conn, &where, rig_now());
    rig_until(r, &to->counts[NET_ACCEPTED], accepted + 1);
    rig_until(r, &from->counts[NET_CONNECTED], connected + 1);
    return to->events[to->events_count - 1].conn;
}

static void received_wait(struct rig *r, const struct rig_net *n, uint64_t size) {
    int64_t end = rig_now() + RIG_WAIT_US;
    while (n->received < size) {
        cr_assert_lt(rig_now(), end, "%llu of %llu bytes", (unsigned long long)n->received,
                     (unsigned long long)size);
        rig_turn(r);
    }
}

Test(streams, bytes_go_there_and_back) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    b->is_echo = true;
    uint64_t accepted = pair_open(&r, a, b, 2);
    cr_assert_eq(accepted % 2, 1);
    cr_assert_eq(net_send(a->net, 2, text_of("hello")), 0);
    received_wait(&r, a, 5);
    cr_assert_str_eq(buf_str(&a->bytes), "hello");
    rig_done(&r);
}

Test(streams, what_is_sent_while_connecting_arrives) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    struct addr to = net_bound(b->net);
    net_connect(a->net, 8, &to, rig_now());
    cr_assert_eq(net_send(a->net, 8, text_of("ear")), 0);
    cr_assert_eq(net_send(a->net, 8, text_of("ly")), 0);
    received_wait(&r, b, 5);
    cr_assert_str_eq(buf_str(&b->bytes), "early");
    rig_done(&r);
}

Test(streams, outgoing_connections_come_from_the_bound_address) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, &(struct net_options){.bind = rig_addr("127.0.0.7:0")});
    struct rig_net *b = rig_add(&r, NULL);
    char from[ADDR_TEXT_SIZE];
    pair_open(&r, a, b, 2);
    addr_host_text(&rig_find(b, NET_ACCEPTED)->addr, from);
    cr_assert_str_eq(from, "127.0.0.7");
    rig_done(&r);
}

Test(streams, a_refused_connection_is_told_as_closed_by_somebody) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    struct addr to = net_bound(b->net);
    net_free(b->net);
    r.count = 1;
    net_connect(a->net, 2, &to, rig_now());
    rig_until(&r, &a->counts[NET_CLOSED], 1);
    cr_assert_eq(rig_find(a, NET_CLOSED)->error, ERR_CLOSED);
    cr_assert_str_eq(rig_find(a, NET_CLOSED)->text, "connection refused");
    cr_assert_eq(rig_find(a, NET_CLOSED)->conn, 2);
    cr_assert_eq(a->counts[NET_CONNECTED], 0);
    cr_assert_eq(net_send(a->net, 2, text_of("x")), ERR_NOT_FOUND);
    rig_done(&r);
}

/* A listener whose backlog is full answers nothing. */
static int silent_listener(struct addr *ret_addr, int *fill, size_t *fill_count) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(fd, 0), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_addr = rig_addr("127.0.0.1:1");
    addr_set_port(ret_addr, ntohs(address.sin_port));
    for (size_t i = 0; i < *fill_count; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fill[i], (struct sockaddr *)&address, size);
    }
    return fd;
}

Test(streams, silence_is_a_timeout_after_the_time_asked_for) {
    struct rig r = {0};
    struct addr to;
    int fill[4];
    size_t fill_count = 4;
    int fd = silent_listener(&to, fill, &fill_count);
    struct rig_net *a = rig_add(&r, &(struct net_options){.connect_timeout_us = 200 * US_PER_MS});
    int64_t began = rig_now();
    net_connect(a->net, 2, &to, began);
    rig_until(&r, &a->counts[NET_CLOSED], 1);
    cr_assert_eq(rig_find(a, NET_CLOSED)->error, ERR_TIMEOUT);
    cr_assert_geq(rig_now() - began, 200 * US_PER_MS);
    cr_assert_eq(net_deadline(a->net), TIME_NEVER_US);
    for (size_t i = 0; i < fill_count; i++)
        close(fill[i]);
    close(fd);
    rig_done(&r);
}

Test(streams, closing_a_connection_that_is_being_made_tells_nothing) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, &(struct net_options){.connect_timeout_us = US_PER_MS});
    struct addr to;
    int fill[4];
    size_t fill_count = 4;
    int fd = silent_listener(&to, fill, &fill_count);
    net_connect(a->net, 2, &to, rig_now());
    net_close(a->net, 2);
    rig_turn(&r);
    cr_assert_eq(a->counts[NET_CLOSED], 0);
    cr_assert_eq(net_deadline(a->net), TIME_NEVER_US);
    for (size_t i = 0; i < fill_count; i++)
        close(fill[i]);
    close(fd);
    rig_done(&r);
}

Test(streams, an_orderly_end_comes_after_all_bytes_and_once) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    uint64_t accepted = pair_open(&r, a, b, 2);
    b->is_paused = true;
    cr_assert_eq(net_send(a->net, 2, text_of("last words")), 0);
    net_close(a->net, 2);
    b->is_paused = false;
    rig_until(&r, &b->counts[NET_CLOSED], 1);
    rig_turn(&r);
    cr_assert_str_eq(buf_str(&b->bytes), "last words");
    cr_assert_eq(b->counts[NET_CLOSED], 1);
    cr_assert_eq(rig_find(b, NET_CLOSED)->conn, accepted);
    cr_assert_eq(rig_find(b, NET_CLOSED)->error, ERR_CLOSED);
    cr_assert_eq(a->counts[NET_CLOSED], 0, "the owner closed it himself");
    rig_done(&r);
}

Test(streams, what_is_queued_goes_out_after_close) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    uint8_t *block = mem_alloc(1 << 20);
    pair_open(&r, a, b, 2);
    b->discards = true;
    for (uint64_t sent = 0; sent < (8u << 20); sent += 1 << 20) {
        for (uint64_t i = 0; i < 1 << 20; i++)
            block[i] = rig_pattern(sent + i);
        cr_assert_eq(net_send(a->net, 2, bytes_of(block, 1 << 20)), 0);
    }
    cr_assert_gt(net_queued(a->net, 2), 0);
    net_close(a->net, 2);
    cr_assert_eq(net_send(a->net, 2, text_of("x")), ERR_NOT_FOUND);
    rig_until(&r, &b->counts[NET_CLOSED], 1);
    cr_assert_eq(b->received, 8u << 20);
    cr_assert(!b->mixes);
    mem_free(block);
    rig_done(&r);
}

Test(streams, closing_does_not_wait_for_ever_for_a_peer_that_does_not_read) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    uint8_t *block = mem_alloc(16 << 20);
    pair_open(&r, a, b, 2);
    b->is_paused = true;
    cr_assert_eq(net_send(a->net, 2, bytes_of(block, 16 << 20)), 0);
    int64_t began = rig_now();
    net_close(a->net, 2);
    while (net_deadline(a->net) != TIME_NEVER_US) {
        cr_assert_lt(rig_now(), began + RIG_WAIT_US);
        rig_turn(&r);
    }
    cr_assert_geq(rig_now() - began, US_PER_S);
    mem_free(block);
    rig_done(&r);
}

Test(streams, sixty_megabytes_arrive_whole_both_ways_at_once) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL);
    static uint8_t block[1 << 20];
    uint64_t sent[2] = {0}, total = UINT64_C(60) << 20;
    uint64_t conns[2] = {2, pair_open(&r, a, b, 2)};
    struct rig_net *nets[2] = {a, b};
    int64_t end = rig_now() + 3 * RIG_WAIT_US;
    a->discards = b->discards = true;
    while (a->received < total || b->received < total) {
        cr_assert_lt(rig_now(), end);
        for (size_t side = 0; side < 2; side++) {
            if (sent[side] == total || net_queued(nets[side]->net, conns[side]) > 2 << 20)
                continue;
            for (uint64_t i = 0; i < sizeof block; i++)
                block[i] = rig_pattern(sent[side] + i);
            cr_assert_eq(net_send(nets[side]->net, conns[side], bytes_of(block, sizeof block)), 0);
            sent[side] += sizeof block;
        }
        rig_turn(&r);
    }
    cr_assert(!a->mixes && !b->mixes);
    cr_assert_eq(net_queued(a->net, 2), 0);
    rig_done(&r);
}

Test(streams, output_beyond_its_limit_ends_the_connection) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, &(struct net_options){.output_max_bytes = 1 << 20});
    struct rig_net *b = rig_add(&r, NULL);
    static uint8_t block[256 << 10];
    int error = 0;
    pair_open(&r, a, b, 2);
    b->is_paused = true;
    for (unsigned i = 0; i < 1000 && error == 0; i++) {
        cr_assert_leq(net_queued(a->net, 2), 1 << 20);
        error = net_send(a->net, 2, bytes_of(block, sizeof block));
    }
    cr_assert_eq(error, ERR_LIMIT);
    rig_until(&r, &a->counts[NET_CLOSED], 1);
    cr_assert_eq(rig_find(a, NET_CLOSED)->error, ERR_LIMIT);
    cr_assert_eq(net_send(a->net, 2, text_of("x")), ERR_NOT_FOUND);
    rig_done(&r);
}

Test(streams, incoming_connections_beyond_the_limit_are_closed_and_others_live) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL);
    struct rig_net *b = rig_add(&r, &(struct net_options){.connections_max = 3});
    struct addr to = net_bound(b->net), back = net_bound(a->net);
    b->is_echo = true;
    for (uint64_t i = 0; i < 5; i++)
        net_connect(a->net, 2 * i, &to, rig_now());
    rig_until(&r, &a->counts[NET_CLOSED], 2);
    cr_assert_eq(b->counts[NET_ACCEPTED], 3);
    cr_assert_eq(rig_find(a, NET_CLOSED)->error, ERR_CLOSED);
    /* Strangers do not take the places of the owner's own connections. */
    for (uint64_t i = 0; i < 4; i++)
        net_connect(b->net, 2 * i, &back, rig_now());
    rig_until(&r, &b->counts[NET_CONNECTED], 3);
    rig_until(&r, &b->counts[NET_CLOSED], 1);
    cr_assert_eq(rig_find(b, NET_CLOSED)->error, ERR_LIMIT);
    rig_done(&r);
}

Test(streams, a_place_is_free_again_after_a_connection_has_gone) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL);
    struct rig_net *b = rig_add(&r, &(struct net_options){.connections_max = 1});
    for (uint64_t i = 0; i < 20; i++) {
        unsigned closed = b->counts[NET_CLOSED];
        pair_open(&r, a, b, 2 * i);
        net_close(a->net, 2 * i);
        rig_until(&r, &b->counts[NET_CLOSED], closed + 1);
    }
    rig_done(&r);
}

Test(streams, one_busy_peer_does_not_starve_another) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL), *b = rig_add(&r, NULL), *c = rig_add(&r, NULL);
    static uint8_t block[4 << 20];
    struct net_event e;
    pair_open(&r, a, b, 2);
    uint64_t quiet = pair_open(&r, c, b, 2);
    cr_assert_eq(net_send(a->net, 2, bytes_of(block, sizeof block)), 0);
    cr_assert_eq(net_send(c->net, 2, text_of("me too")), 0);
    bool heard = false;
    size_t busy_bytes = 0;
    int64_t end = rig_now() + RIG_WAIT_US;
    while (!heard) {
        cr_assert_lt(rig_now(), end);
        net_poll(b->net, rig_now());
        size_t turn_bytes = 0;
        while (net_next(b->net, &e)) {
            heard |= e.kind == NET_BYTES && e.conn == quiet;
            turn_bytes += e.conn == quiet ? 0 : e.data.size;
        }
        cr_assert_leq(turn_bytes, 1 << 20, "a budget for each poll");
        busy_bytes += turn_bytes;
    }
    cr_assert_lt(busy_bytes, sizeof block);
    rig_done(&r);
}

Test(streams, a_reset_is_told_as_closed) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger hard = {.l_onoff = 1};
    address.sin_port = htons(addr_port(&(struct addr){.size = 6}));
    struct addr bound = net_bound(a->net);
    address.sin_port = htons(addr_port(&bound));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    rig_until(&r, &a->counts[NET_ACCEPTED], 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    rig_until(&r, &a->counts[NET_CLOSED], 1);
    cr_assert_eq(rig_find(a, NET_CLOSED)->error, ERR_CLOSED);
    cr_assert_str_eq(rig_find(a, NET_CLOSED)->text, "connection reset");
    rig_done(&r);
}

Test(streams, without_file_descriptors_the_listener_waits_and_recovers) {
    struct rig r = {0};
    struct rig_net *a = rig_add(&r, NULL);
    struct addr to = net_bound(a->net);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(addr_port(&to))};
    struct rlimit limit, none;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = (rlim_t)fd + 1;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int64_t end = rig_now() + 300 * US_PER_MS;
    unsigned turns = 0;
    while (rig_now() < end) {
        rig_turn(&r);
        turns++;
    }
    cr_assert_eq(a->counts[NET_ACCEPTED], 0);
    cr_assert_lt(turns, 100, "it spins");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    rig_until(&r, &a->counts[NET_ACCEPTED], 1);
    close(fd);
    rig_done(&r);
}

Test(streams, ipv6_works_and_a_wildcard_takes_both_families) {
    struct rig r = {0};
    char text[256];
    struct net_options any = {.bind = rig_addr("[::]:0")};
    struct net *probe = net_new(&(struct net_options){.bind = rig_addr("[::1]:0")}, text, sizeof text);
    if (!probe)
        cr_skip_test("no IPv6 here: %s", text);
    net_free(probe);
    struct rig_net *a = rig_add(&r, &any), *b = rig_add(&r, &any);
    struct addr bound = net_bound(b->net);
    const char *hosts[2] = {"127.0.0.1:1", "[::1]:1"};
    b->is_echo = true;
    for (uint64_t i = 0; i < 2; i++) {
        struct addr to = rig_addr(hosts[i]);
        char from[ADDR_TEXT_SIZE], wanted[ADDR_TEXT_SIZE];
        addr_set_port(&to, addr_port(&bound));
        uint64_t before = a->received;
        net_connect(a->net, 2 * i, &to, rig_now());
        cr_assert_eq(net_send(a->net, 2 * i, text_of("six")), 0);
        received_wait(&r, a, before + 3);
        addr_host_text(&b->events[b->events_count - 1].addr, from);
        addr_host_text(&to, wanted);
        cr_assert_str_eq(from, wanted, "shown as what it is");
        net_datagram(a->net, &to, text_of("and four"));
        received_wait(&r, a, before + 11);
    }
    rig_done(&r);
}
