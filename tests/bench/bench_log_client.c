/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Writes a key of 256 bytes again and again, to covey over its admin socket or to etcd over gRPC, with the
 * same loop around both, so that the load costs as little for the one as for the other. gRPC is spoken as far
 * as needed: requests with headers that the connection's table knows by number, frames of answers looked at
 * by kind only (RFC 9113). An answer with a message is a success: errors come without one.
 *
 *     bench_log_client load covey|etcd ENDPOINT CONNECTIONS DEPTH SECONDS
 *
 * DEPTH requests under way on each connection. Prints answers a second, then p50, p99 and the longest in
 * microseconds, of what was answered behind the first fifth of the time.
 *
 *     bench_log_client kill covey|etcd PID ENDPOINT...
 *
 * Connects, sends SIGKILL, and prints the milliseconds until the first of the endpoints has a write accepted
 * (each is asked every 25 ms), and what the wall clock says then, in milliseconds.
 *
 *     bench_log_client first covey|etcd BEGAN_US ENDPOINT...
 *
 * The same, counted from a moment of the monotonic clock; nobody need be listening yet.
 *
 * ENDPOINT: the path of a socket, or a port of 127.0.0.1.
 */
#include <covey/codec.h>
#include <covey/wire.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define VALUE_SIZE      256
#define CONNECTIONS_MAX 1024
#define DEPTH_MAX       64
#define TRY_EVERY_US    500 /* after a refusal */
#define ASK_EVERY_US                                                                                         \
    (25 * US_PER_MS) /* while answers are awaited: one may have been lost with the leader                    \
                      */
#define GIVE_UP_US (60 * US_PER_S)

struct slot {
    int64_t sent_us; /* 0: nothing under way */
    uint32_t stream; /* gRPC's */
    bool has_message;
};
struct conn {
    int fd; /* -1: not connected */
    int64_t again_us;
    const char *endpoint;
    struct buf in, out;
    struct slot slots[DEPTH_MAX];
    uint32_t stream_next;
    unsigned slot_next;
};
/* What a system's answers mean. */
struct protocol {
    void (*greet)(struct conn *c);
    void (*put)(struct conn *c, unsigned slot, unsigned key);
    /* One answer, or frame, off the front of the input: the slot that it ends; -1: none; -2: more must come.
     */
    int (*take)(struct conn *c, bool *ret_good);
};

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "bench_log_client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void value_append(struct buf *out) {
    uint8_t value[VALUE_SIZE];
    memset(value, 'v', sizeof value);
    buf_append(out, value, sizeof value);
}

/* ---- covey --------------------------------------------------------------------------------------------- */

static void covey_greet(struct conn *c) { (void)c; }

static void covey_put(struct conn *c, unsigned slot, unsigned key) {
    static uint64_t requests_count;
    char name[16];
    uint64_t id[2] = {(uint64_t)getpid() << 32 | (uint64_t)now_us() >> 20, ++requests_count};
    int length = snprintf(name, sizeof name, "bench/%04u", key);
    buf_append(&c->out, "\x94\x00\xcd", 3);
    buf_append_byte(&c->out, (uint8_t)((slot + 1) >> 8));
    buf_append_byte(&c->out, (uint8_t)(slot + 1));
    buf_append(&c->out, "\xa7var.put\x82\xa7request\xc4\x10", 19);
    buf_append(&c->out, id, sizeof id);
    buf_append(&c->out, "\xa3var\x82\xa3key", 9);
    buf_append_byte(&c->out, (uint8_t)(0xa0 | length));
    buf_append(&c->out, name, (size_t)length);
    buf_append(&c->out, "\xa5value\xc5\x01\x00", 9);
    value_append(&c->out);
}

static int covey_take(struct conn *c, bool *ret_good) {
    struct codec_rpc rpc;
    size_t used = 0;
    int error = codec_rpc_decode(buf_bytes(&c->in), WIRE_MESSAGE_MAX, &rpc, &used);
    if (error == ERR_BUSY || c->in.size == 0)
        return -2;
    if (error != 0 || rpc.type != CODEC_RPC_RESPONSE || rpc.msgid == 0 || rpc.msgid > DEPTH_MAX)
        fail("the agent said something else");
    *ret_good = !codec_rpc_failed(&rpc);
    int slot = (int)rpc.msgid - 1;
    buf_consume(&c->in, used);
    return slot;
}

/* ---- etcd ---------------------------------------------------------------------------------------------- */

enum {
    H2_DATA = 0,
    H2_HEADERS = 1,
    H2_RESET = 3,
    H2_SETTINGS = 4,
    H2_PING = 6,
    H2_GOAWAY = 7,
    H2_WINDOW = 8
};
#define H2_END 1
#define H2_ACK 1

static void h2_frame(struct conn *c, size_t size, uint8_t kind, uint8_t flags, uint32_t stream) {
    uint8_t head[9] = {
        (uint8_t)(size >> 16),   (uint8_t)(size >> 8),    (uint8_t)size,          kind,           flags,
        (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
    buf_append(&c->out, head, sizeof head);
}

/* Windows for all that the answers of a run can take: none is ever opened again. */
static void etcd_greet(struct conn *c) {
    c->stream_next = 1;
    buf_append(&c->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    h2_frame(c, 0, H2_SETTINGS, 0, 0);
    h2_frame(c, 4, H2_WINDOW, 0, 0);
    buf_append(&c->out, "\x7f\x00\x00\x00", 4);
}

static void hpack_literal(struct buf *out, uint8_t head, const char *name, const char *value) {
    buf_append_byte(out, head);
    if (name) {
        buf_append_byte(out, (uint8_t)strlen(name));
        buf_append(out, name, strlen(name));
    }
    buf_append_byte(out, (uint8_t)strlen(value));
    buf_append(out, value, strlen(value));
}

/* The first request of a connection fills the table that the others refer to. */
static void etcd_headers(struct conn *c, uint32_t stream) {
    struct buf block = {0};
    buf_append(&block, "\x83\x86", 2);
    if (stream == 1) {
        hpack_literal(&block, 0x44, NULL, "/etcdserverpb.KV/Put");
        hpack_literal(&block, 0x41, NULL, "localhost");
        hpack_literal(&block, 0x5f, NULL, "application/grpc");
        hpack_literal(&block, 0x40, "te", "trailers");
    } else {
        buf_append(&block, "\xc1\xc0\xbf\xbe", 4);
    }
    h2_frame(c, block.size, H2_HEADERS, 4, stream);
    buf_append(&c->out, block.data, block.size);
    buf_done(&block);
}

static void etcd_put(struct conn *c, unsigned slot, unsigned key) {
    char name[16];
    int length = snprintf(name, sizeof name, "bench/%04u", key);
    size_t size = 2 + (size_t)length + 3 + VALUE_SIZE;
    uint32_t stream = c->stream_next;
    c->stream_next += 2;
    c->slots[slot].stream = stream;
    c->slots[slot].has_message = false;
    etcd_headers(c, stream);
    h2_frame(c, 5 + size, H2_DATA, H2_END, stream);
    uint8_t head[5] = {0, 0, 0, (uint8_t)(size >> 8), (uint8_t)size};
    buf_append(&c->out, head, sizeof head);
    buf_append_byte(&c->out, 0x0a);
    buf_append_byte(&c->out, (uint8_t)length);
    buf_append(&c->out, name, (size_t)length);
    buf_append(&c->out, "\x12\x80\x02", 3);
    value_append(&c->out);
}

static int etcd_frame(struct conn *c, uint8_t kind, uint8_t flags, uint32_t stream, struct bytes payload,
                      bool *ret_good) {
    if (kind == H2_SETTINGS && !(flags & H2_ACK))
        h2_frame(c, 0, H2_SETTINGS, H2_ACK, 0);
    if (kind == H2_PING && !(flags & H2_ACK)) {
        h2_frame(c, payload.size, H2_PING, H2_ACK, 0);
        buf_append(&c->out, payload.data, payload.size);
    }
    if (kind == H2_GOAWAY)
        fail("etcd goes away");
    bool ends = kind == H2_RESET || (kind <= H2_HEADERS && (flags & H2_END));
    for (int i = 0; i < DEPTH_MAX && stream != 0; i++) {
        struct slot *s = &c->slots[i];
        if (s->stream != stream || s->sent_us == 0)
            continue;
        s->has_message |= kind == H2_DATA && payload.size > 5;
        *ret_good = s->has_message && kind == H2_HEADERS;
        return ends ? i : -1;
    }
    return -1;
}

static int etcd_take(struct conn *c, bool *ret_good) {
    const uint8_t *at = c->in.data;
    if (c->in.size < 9)
        return -2;
    size_t size = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
    if (c->in.size < 9 + size)
        return -2;
    uint32_t stream = (uint32_t)(at[5] & 0x7f) << 24 | (uint32_t)at[6] << 16 | (uint32_t)at[7] << 8 | at[8];
    int slot = etcd_frame(c, at[3], at[4], stream, bytes_of(at + 9, size), ret_good);
    buf_consume(&c->in, 9 + size);
    return slot;
}

/* ---- connections --------------------------------------------------------------------------------------- */

static const struct protocol covey = {covey_greet, covey_put, covey_take};
static const struct protocol etcd = {etcd_greet, etcd_put, etcd_take};
static const struct protocol *protocol;
static int epoll;

static bool is_port(const char *endpoint) { return strchr(endpoint, '/') == NULL; }

static bool conn_open(struct conn *c) {
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bool tcp = is_port(c->endpoint);
    int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        fail("socket");
    if (tcp)
        port.sin_port = htons((uint16_t)atoi(c->endpoint));
    else
        snprintf(path.sun_path, sizeof path.sun_path, "%s", c->endpoint);
    if ((tcp ? connect(fd, (struct sockaddr *)&port, sizeof port)
             : connect(fd, (struct sockaddr *)&path, sizeof path)) != 0) {
        close(fd);
        return false;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        fail("epoll");
    c->fd = fd;
    buf_clear(&c->in);
    buf_clear(&c->out);
    memset(c->slots, 0, sizeof c->slots);
    protocol->greet(c);
    return true;
}

static void conn_close(struct conn *c) {
    close(c->fd);
    c->fd = -1;
    c->again_us = now_us() + TRY_EVERY_US;
}

/* What a request takes fits into the socket's buffer. */
static void conn_flush(struct conn *c) {
    while (c->fd >= 0 && c->out.size > 0) {
        ssize_t sent = send(c->fd, c->out.data, c->out.size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (sent < 0)
            conn_close(c);
        else
            buf_consume(&c->out, (size_t)sent);
    }
}

static void conn_put(struct conn *c, unsigned slot, unsigned key) {
    c->slots[slot].sent_us = now_us();
    protocol->put(c, slot, key);
}

/* False: the connection is over. */
static bool conn_read(struct conn *c) {
    buf_reserve(&c->in, 65536);
    ssize_t got = recv(c->fd, c->in.data + c->in.size, 65536, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0) {
        conn_close(c);
        return false;
    }
    c->in.size += (size_t)got;
    return true;
}

/* ---- load ---------------------------------------------------------------------------------------------- */

static VEC(uint32_t) took_us;

static void answers_take(struct conn *c, unsigned key, int64_t count_from_us) {
    bool good = false;
    int slot;
    while ((slot = protocol->take(c, &good)) != -2) {
        if (slot < 0)
            continue;
        if (!good)
            fail("a write was refused");
        int64_t at = now_us();
        if (at >= count_from_us)
            VEC_PUSH(&took_us, (uint32_t)(at - c->slots[slot].sent_us));
        conn_put(c, (unsigned)slot, key + (unsigned)slot);
    }
    conn_flush(c);
}

static int u32_compare(const void *x, const void *y) {
    uint32_t a, b;
    memcpy(&a, x, sizeof a);
    memcpy(&b, y, sizeof b);
    return (a > b) - (a < b);
}

static void load(const char *endpoint, unsigned conns_count, unsigned depth, double seconds) {
    struct conn *conns = mem_alloc(conns_count * sizeof *conns);
    struct epoll_event events[64];
    for (unsigned i = 0; i < conns_count; i++) {
        conns[i] = (struct conn){.endpoint = endpoint};
        if (!conn_open(&conns[i]))
            fail(endpoint);
        for (unsigned k = 0; k < depth; k++)
            conn_put(&conns[i], k, i * depth + k);
        conn_flush(&conns[i]);
    }
    int64_t began = now_us(), end = began + (int64_t)(seconds * 1e6), from = began + (end - began) / 5;
    while (now_us() < end) {
        int count = epoll_wait(epoll, events, 64, 100);
        for (int i = 0; i < count; i++) {
            struct conn *c = events[i].data.ptr;
            if (!conn_read(c))
                fail("the connection ended");
            answers_take(c, (unsigned)(c - conns) * depth, from);
        }
    }
    if (took_us.count == 0)
        fail("nothing was answered");
    qsort(took_us.data, took_us.count, sizeof *took_us.data, u32_compare);
    printf("%.0f %u %u %u\n", (double)took_us.count * 1e6 / (double)(now_us() - from),
           took_us.data[took_us.count / 2], took_us.data[took_us.count * 99 / 100],
           took_us.data[took_us.count - 1]);
}

/* ---- the first one ------------------------------------------------------------------------------------- */

static void conn_try(struct conn *c, unsigned key) {
    if (c->fd < 0 && now_us() >= c->again_us && !conn_open(c))
        c->again_us = now_us() + TRY_EVERY_US;
    if (c->fd >= 0 && now_us() >= c->again_us) {
        conn_put(c, c->slot_next++ % DEPTH_MAX, key);
        c->again_us = now_us() + ASK_EVERY_US;
    }
    conn_flush(c);
}

static bool conn_has_succeeded(struct conn *c) {
    bool good = false;
    int slot;
    if (!conn_read(c))
        return false;
    while ((slot = protocol->take(c, &good)) != -2) {
        if (slot < 0)
            continue;
        if (good)
            return true;
        c->slots[slot].sent_us = 0;
        if (c->again_us > now_us() + TRY_EVERY_US)
            c->again_us = now_us() + TRY_EVERY_US;
    }
    conn_flush(c);
    return false;
}

static void first(pid_t victim, int64_t began, const char *const *endpoints, unsigned count) {
    struct conn *conns = mem_alloc(count * sizeof *conns);
    struct epoll_event events[64];
    for (unsigned i = 0; i < count; i++) {
        conns[i] = (struct conn){.endpoint = endpoints[i], .fd = -1};
        if (victim > 0 && !conn_open(&conns[i]))
            fail(endpoints[i]);
        conn_flush(&conns[i]);
    }
    if (victim > 0) {
        began = now_us();
        if (kill(victim, SIGKILL) != 0)
            fail("kill");
    }
    while (now_us() < began + GIVE_UP_US) {
        for (unsigned i = 0; i < count; i++)
            conn_try(&conns[i], i);
        int ready = epoll_wait(epoll, events, 64, 1);
        for (int i = 0; i < ready; i++) {
            if (conn_has_succeeded(events[i].data.ptr)) {
                struct timespec wall;
                clock_gettime(CLOCK_REALTIME, &wall);
                printf("%.3f %lld\n", (double)(now_us() - began) / 1000,
                       (long long)wall.tv_sec * 1000 + wall.tv_nsec / 1000000);
                return;
            }
        }
    }
    fail("no write was accepted");
}

int main(int argc, char **argv) {
    if (argc < 5)
        fail("usage: load SYSTEM ENDPOINT CONNECTIONS DEPTH SECONDS | kill SYSTEM PID ENDPOINT... | first "
             "...");
    protocol = strcmp(argv[2], "etcd") == 0 ? &etcd : &covey;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (strcmp(argv[1], "load") != 0) {
        bool kills = strcmp(argv[1], "kill") == 0;
        first(kills ? (pid_t)atoi(argv[3]) : 0, kills ? 0 : (int64_t)atoll(argv[3]),
              (const char *const *)argv + 4, (unsigned)argc - 4);
        return 0;
    }
    unsigned conns_count = argc > 4 ? (unsigned)atoi(argv[4]) : 1,
             depth = argc > 5 ? (unsigned)atoi(argv[5]) : 1;
    if (conns_count < 1 || conns_count > CONNECTIONS_MAX || depth < 1 || depth > DEPTH_MAX)
        fail("connections or depth out of range");
    load(argv[3], conns_count, depth, argc > 6 ? atof(argv[6]) : 3);
    return 0;
}
