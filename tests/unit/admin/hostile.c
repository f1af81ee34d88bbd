/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Clients that misbehave, and those that may not come in. */
#include "rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rig rig;

/* The server lives: a good client is served. */
static void expect_service(void) {
    struct buf in = {0};
    struct codec_rpc rpc;
    unsigned before = rig.counts[ADMIN_REQUEST];
    int fd = rig_connect(&rig);
    rig_request(&rig, fd, 1, "status", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, before + 1);
    admin_reply(rig.admin, rig_last(&rig)->request, 0, (struct bytes){0}, (struct bytes){0}, false);
    cr_assert(rig_frame(&rig, fd, &in, &rpc));
    close(fd);
    buf_done(&in);
}

/* ---- frames -------------------------------------------------------------------------------------------- */

static void expect_refused(const char *hex, int error) {
    uint8_t bytes[64];
    struct buf in = {0};
    char text[256];
    size_t size = strlen(hex) / 2;
    cr_assert_eq(hex_decode(bytes_str(hex), bytes, size), 0);
    int fd = rig_connect(&rig);
    cr_assert(rig_send(&rig, fd, bytes_of(bytes, size)));
    rig_expect_error(&rig, fd, &in, 0, error, text);
    cr_assert_gt(strlen(text), 0);
    rig_expect_end(&rig, fd, &in);
}

Test(hostile, garbage_is_told_so_and_closed) {
    rig_new(&rig, NULL);
    expect_refused("474554202f20485454502f312e310d0a0d0a", ERR_INVALID); /* GET / HTTP/1.1 */
    expect_refused("c1", ERR_INVALID);
    expect_refused("00", ERR_INVALID);
    expect_refused("80", ERR_INVALID);
    expect_refused("90", ERR_INVALID);
    expect_refused("93000101", ERR_INVALID);                     /* a request of three */
    expect_refused("940301a0c0", ERR_INVALID);                   /* type 3 */
    expect_refused("9400a161a161c0", ERR_INVALID);               /* a msgid that is text */
    expect_refused("940001a0c0", ERR_INVALID);                   /* a method without a name */
    expect_refused("9400cf0000000100000000a161c0", ERR_INVALID); /* a msgid of 33 bits */
    expect_refused("940101c0c0", ERR_INVALID);                   /* a response */
    expect_service();
    rig_done(&rig);
}

Test(hostile, a_claim_of_a_gigabyte_is_refused_at_once_and_nothing_is_allocated) {
    rig_new(&rig, NULL);
    expect_service();
    struct mallinfo2 before = mallinfo2();
    expect_refused("940001a3"
                   "72756e"
                   "c640000000",
                   ERR_LIMIT); /* bin */
    expect_refused("940001a3"
                   "72756e"
                   "db40000000",
                   ERR_LIMIT); /* str */
    expect_refused("940001a3"
                   "72756e"
                   "dd40000000",
                   ERR_LIMIT); /* array */
    expect_refused("940001a3"
                   "72756e"
                   "df40000000",
                   ERR_LIMIT);                     /* map */
    expect_refused("940001db40000000", ERR_LIMIT); /* the method */
    struct mallinfo2 after = mallinfo2();
    cr_assert_lt(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + (1 << 20));
    expect_service();
    rig_done(&rig);
}

Test(hostile, nesting_without_end_is_refused) {
    struct buf in = {0}, deep = {0};
    char text[256];
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    buf_append(&deep,
               "\x94\x00\x01\xa1"
               "a",
               5);
    for (unsigned i = 0; i < 1000; i++)
        buf_append_byte(&deep, 0x91);
    rig_send(&rig, fd, buf_bytes(&deep));
    rig_expect_error(&rig, fd, &in, 0, ERR_LIMIT, text);
    rig_expect_end(&rig, fd, &in);
    buf_done(&deep);
    expect_service();
    rig_done(&rig);
}

Test(hostile, one_that_goes_on_sending_after_its_refusal_can_still_read_it) {
    struct buf in = {0};
    char text[256];
    static const uint8_t block[1 << 16];
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    cr_assert(rig_send(&rig, fd,
                       bytes_of("\x94\x00\x01\xa1"
                                "a"
                                "\xc6\x40\x00\x00\x00",
                                10)));
    for (unsigned i = 0; i < 64; i++)
        cr_assert(rig_send(&rig, fd, bytes_of(block, sizeof block)));
    rig_expect_error(&rig, fd, &in, 0, ERR_LIMIT, text);
    rig_expect_end(&rig, fd, &in);
    rig_done(&rig);
}

Test(hostile, one_that_does_not_even_leave_after_its_refusal_is_closed) {
    rig_new(&rig, &(struct admin_options){.clients_max = 1});
    int fd = rig_connect(&rig);
    cr_assert(rig_send(&rig, fd, bytes_of("\xc1", 1)));
    rig_turn(&rig);
    int64_t end = rig_now() + RIG_WAIT_US;
    /* Its place becomes free. */
    while (rig.counts[ADMIN_REQUEST] == 0) {
        cr_assert_lt(rig_now(), end);
        int next = rig_connect(&rig);
        (void)!send(next,
                    "\x94\x00\x01\xa1"
                    "a\xc0",
                    6, MSG_NOSIGNAL);
        rig_turn(&rig);
        rig_turn(&rig);
        close(next);
    }
    close(fd);
    rig_done(&rig);
}

Test(hostile, half_a_message_has_its_time) {
    struct buf in = {0};
    char text[256];
    rig_new(&rig, &(struct admin_options){.half_message_timeout_us = 100 * US_PER_MS});
    int fd = rig_connect(&rig), quiet = rig_connect(&rig);
    rig_request(&rig, fd, 1, "job", NULL, NULL);
    int64_t began = rig_now();
    cr_assert(rig_send(&rig, fd, bytes_of("\x94\x00\x02\xa3wa", 6)));
    rig_expect_error(&rig, fd, &in, 0, ERR_TIMEOUT, text);
    cr_assert_geq(rig_now() - began, 100 * US_PER_MS);
    rig_expect_end(&rig, fd, &in);
    cr_assert_eq(rig.counts[ADMIN_CLOSED], 1, "its request is told");
    /* One that says nothing for longer than that may stay. */
    rig_request(&rig, quiet, 1, "status", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 2);
    cr_assert_eq(admin_deadline(rig.admin), TIME_NEVER_US);
    close(quiet);
    rig_done(&rig);
}

Test(hostile, a_large_message_in_crumbs_costs_little_and_arrives) {
    struct buf frame = {0}, params = {0};
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    codec_put_array(&params, 1);
    codec_put_array(&params, 2 << 20);
    for (unsigned i = 0; i < 2 << 20; i++)
        codec_put_uint(&params, i % 100);
    codec_rpc_encode(
        &(struct codec_rpc){.msgid = 1, .method = bytes_str("run"), .params = buf_bytes(&params)}, &frame);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (size_t at = 0; at < frame.size; at += 997) {
        size_t size = frame.size - at < 997 ? frame.size - at : 997;
        cr_assert(rig_send(&rig, fd, bytes_of(frame.data + at, size)));
    }
    rig_until(&rig, ADMIN_REQUEST, 1);
    getrusage(RUSAGE_SELF, &after);
    cr_assert_eq(rig_last(&rig)->params.size, params.size - 1);
    /* Looked at anew for each of 2100 crumbs it would take half a minute. */
    cr_assert_lt(after.ru_utime.tv_sec - before.ru_utime.tv_sec, 5);
    close(fd);
    buf_done(&frame);
    buf_done(&params);
    rig_done(&rig);
}

Test(hostile, one_that_never_reads_is_closed_at_a_bound) {
    struct buf out = {0};
    static const uint8_t block[WIRE_CHUNK_MAX];
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    rig_request(&rig, fd, 1, "logs", NULL, NULL);
    rig_request(&rig, fd, 2, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 2);
    uint64_t stream = rig.events[0].request;
    admin_reply(rig.admin, stream, 0, (struct bytes){0}, (struct bytes){0}, true);
    struct wire_admin_chunk chunk = {.id = stream, .data = bytes_of(block, sizeof block)};
    codec_encode_named(&wire_admin_chunk_type, &chunk, &out);
    size_t sent = 0;
    while (rig.counts[ADMIN_CLOSED] < 2) {
        cr_assert_lt(sent, 16 << 20, "without a bound");
        admin_notify(rig.admin, stream, buf_bytes(&out), false);
        sent += out.size;
        rig_turn(&rig);
    }
    cr_assert_gt(sent, 8 << 20);
    close(fd);
    buf_done(&out);
    expect_service();
    rig_done(&rig);
}

Test(hostile, too_many_clients_are_told_so) {
    struct buf in = {0};
    char text[256];
    rig_new(&rig, &(struct admin_options){.clients_max = 2});
    int one = rig_connect(&rig), two = rig_connect(&rig), three = rig_connect(&rig);
    rig_turn(&rig);
    rig_expect_error(&rig, three, &in, 0, ERR_BUSY, text);
    rig_expect_end(&rig, three, &in);
    close(one);
    rig_turn(&rig);
    rig_turn(&rig);
    expect_service();
    close(two);
    rig_done(&rig);
}

Test(hostile, random_bytes_are_never_fatal) {
    struct prng p;
    struct buf sample = {0}, params = {0};
    prng_init(&p, 7);
    codec_encode_named(&wire_admin_job_query_type, &(struct wire_admin_job_query){.name = bytes_str("web")},
                       &params);
    rig_new(&rig, NULL);
    for (unsigned i = 0; i < 300; i++) {
        buf_clear(&sample);
        codec_rpc_encode(&(struct codec_rpc){.type = (enum codec_rpc_type)prng_below(&p, 3),
                                             .msgid = 1,
                                             .method = bytes_str("credit"),
                                             .params = buf_bytes(&params)},
                         &sample);
        for (uint64_t changes = prng_below(&p, 4); changes > 0; changes--)
            sample.data[prng_below(&p, sample.size)] = (uint8_t)prng_next(&p);
        int fd = rig_connect(&rig);
        (void)rig_send(&rig, fd, bytes_of(sample.data, prng_below(&p, sample.size + 1)));
        close(fd);
    }
    buf_done(&sample);
    buf_done(&params);
    expect_service();
    rig_done(&rig);
}

/* ---- the socket file ----------------------------------------------------------------------------------- */

Test(file, is_open_to_its_owner_alone_and_to_the_group_if_there_is_one) {
    struct stat st;
    rig_new(&rig, NULL);
    cr_assert_eq(stat(rig.path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    rig_done(&rig);
    if (geteuid() != 0)
        return;
    rig_new(&rig, &(struct admin_options){.group = "daemon"});
    cr_assert_eq(stat(rig.path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0660);
    cr_assert_eq(st.st_gid, 1);
    rig_done(&rig);
}

Test(file, of_a_dead_agent_is_replaced) {
    char text[256];
    rig_new(&rig, NULL);
    pid_t child = fork();
    if (child == 0) {
        /* Binds in the server's place and dies without a word. */
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        unlink(rig.path);
        memcpy(address.sun_path, rig.path, strlen(rig.path));
        _exit(bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1));
    }
    int status = 1;
    waitpid(child, &status, 0);
    cr_assert_eq(status, 0);
    admin_free(rig.admin);
    cr_assert_eq(access(rig.path, F_OK), 0, "another's file is not removed");
    rig.admin = admin_new(&(struct admin_options){.path = rig.path}, text, sizeof text);
    cr_assert_not_null(rig.admin, "%s", text);
    expect_service();
    rig_done(&rig);
}

Test(file, of_a_living_agent_is_left_alone) {
    char text[256] = "", wanted[256];
    rig_new(&rig, NULL);
    cr_assert_null(admin_new(&(struct admin_options){.path = rig.path}, text, sizeof text));
    snprintf(wanted, sizeof wanted, "another agent listens on %s (process %ld)", rig.path, (long)getpid());
    cr_assert_str_eq(text, wanted);
    expect_service();
    rig_done(&rig);
}

static void expect_new_fails(const struct admin_options *o, const char *wanted) {
    char text[256] = "";
    cr_assert_null(admin_new(o, text, sizeof text));
    cr_assert(strstr(text, wanted), "%s", text);
}

/* Whoever may look into the folder may lock it. */
Test(file, is_made_although_a_stranger_keeps_the_folder_locked, .timeout = 15) {
    char text[256] = "";
    rig_new(&rig, NULL);
    struct admin_options options = {.path = rig.path};
    admin_free(rig.admin);
    int fd = open(rig.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    rig.admin = admin_new(&options, text, sizeof text);
    cr_assert_not_null(rig.admin, "%s", text);
    close(fd);
    rig_done(&rig);
}

Test(file, that_cannot_be_made_is_told_with_its_reason) {
    char other[96], lengthy[256];
    rig_new(&rig, NULL);
    snprintf(other, sizeof other, "%s/file", rig.folder);
    close(open(other, O_CREAT | O_WRONLY, 0600));
    expect_new_fails(&(struct admin_options){.path = other}, "exists and is no socket");
    cr_assert_eq(unlink(other), 0);
    snprintf(other, sizeof other, "%s/none/sock", rig.folder);
    expect_new_fails(&(struct admin_options){.path = other}, "No such file or directory");
    memset(lengthy, 'x', sizeof lengthy);
    lengthy[sizeof lengthy - 1] = 0;
    expect_new_fails(&(struct admin_options){.path = lengthy}, "longer than 107 bytes");
    snprintf(other, sizeof other, "%s/sock2", rig.folder);
    expect_new_fails(&(struct admin_options){.path = other, .group = "covey-no-such-group"},
                     "there is no group covey-no-such-group in /etc/group");
    rig_done(&rig);
}

/* ---- who may connect ----------------------------------------------------------------------------------- */

/* Becomes that user and group, connects, and copies what comes to `out`; the exit status is errno of connect.
 */
static pid_t visitor(uid_t uid, gid_t gid, const gid_t *groups, size_t groups_count, int out) {
    pid_t child = fork();
    if (child != 0)
        return child;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, rig.path, strlen(rig.path));
    if (setgroups(groups_count, groups) || setgid(gid) || setuid(uid))
        _exit(255);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address))
        _exit(errno);
    (void)!send(fd,
                "\x94\x00\x01\xa1"
                "a\xc0",
                6, MSG_NOSIGNAL);
    char block[1024];
    for (ssize_t size = 1; size > 0;) {
        size = recv(fd, block, sizeof block, 0);
        if (size > 0)
            (void)!write(out, block, (size_t)size);
    }
    _exit(0);
}

/* The visitor's exit status; what it was told is in `in`. A request of its is answered with an error. */
static int visit(uid_t uid, gid_t gid, const gid_t *groups, size_t groups_count, struct buf *in) {
    int fds[2], status = 0;
    uint8_t block[1024];
    unsigned before = rig.counts[ADMIN_REQUEST];
    int64_t end = rig_now() + RIG_WAIT_US;
    cr_assert_eq(pipe(fds), 0);
    pid_t child = visitor(uid, gid, groups, groups_count, fds[1]);
    close(fds[1]);
    while (waitpid(child, &status, WNOHANG) == 0) {
        cr_assert_lt(rig_now(), end);
        rig_turn(&rig);
        if (rig.counts[ADMIN_REQUEST] > before) {
            before++;
            cr_assert_eq(rig_last(&rig)->uid, uid);
            admin_reply(rig.admin, rig_last(&rig)->request, ERR_FAILED, bytes_str("served"),
                        (struct bytes){0}, false);
            kill(child, SIGTERM);
        }
    }
    for (ssize_t size = 1; size > 0;) {
        size = read(fds[0], block, sizeof block);
        if (size > 0)
            buf_append(in, block, (size_t)size);
    }
    close(fds[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

#define NOBODY 65534u

Test(access, strangers_do_not_pass_the_file) {
    struct buf in = {0};
    if (geteuid() != 0)
        cr_skip_test("only root can become somebody else");
    rig_new(&rig, NULL);
    cr_assert_eq(chmod(rig.folder, 0755), 0);
    cr_assert_eq(visit(NOBODY, NOBODY, NULL, 0, &in), EACCES);
    rig_done(&rig);
}

Test(access, strangers_who_pass_the_file_are_told_who_may) {
    struct buf in = {0};
    struct codec_rpc rpc;
    struct arena arena = {0};
    struct wire_admin_error told;
    size_t used;
    if (geteuid() != 0)
        cr_skip_test("only root can become somebody else");
    rig_new(&rig, &(struct admin_options){.group = "daemon"});
    cr_assert_eq(chmod(rig.folder, 0755), 0);
    cr_assert_eq(chmod(rig.path, 0666), 0);
    cr_assert_eq(visit(NOBODY, NOBODY, NULL, 0, &in), 0);
    cr_assert_eq(codec_rpc_decode(buf_bytes(&in), WIRE_MESSAGE_MAX, &rpc, &used), 0);
    cr_assert_eq(codec_decode_named(&wire_admin_error_type, rpc.error, &arena, &told, NULL), 0);
    cr_assert_eq(told.code, ERR_DENIED);
    char wanted[256];
    snprintf(wanted, sizeof wanted,
             "user 65534 may not use %s: only root and members of the group daemon may", rig.path);
    cr_assert(bytes_is(told.text, wanted), "%.*s", BYTES_FMT(told.text));
    cr_assert_eq(rig.counts[ADMIN_REQUEST], 0);
    arena_done(&arena);
    buf_done(&in);
    expect_service();
    rig_done(&rig);
}

Test(access, members_of_the_group_pass_by_their_first_and_by_any_other_group) {
    struct buf in = {0};
    gid_t daemon = 1;
    if (geteuid() != 0)
        cr_skip_test("only root can become somebody else");
    rig_new(&rig, &(struct admin_options){.group = "daemon"});
    cr_assert_eq(chmod(rig.folder, 0755), 0);
    visit(NOBODY, daemon, NULL, 0, &in);
    cr_assert_eq(rig.counts[ADMIN_REQUEST], 1);
    visit(NOBODY, NOBODY, &daemon, 1, &in);
    cr_assert_eq(rig.counts[ADMIN_REQUEST], 2);
    buf_done(&in);
    rig_done(&rig);
}
