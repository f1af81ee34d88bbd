/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Output: captured whole, bounded by rotation, read while it is written. */

#include "rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(proc_logs, .timeout = 120, .fini = rig_fini);

static void run(struct rig *r, const struct wire_shim_spec *spec) {
    rig_start(r, spec);
    RIG_WAIT_STATE(r, 1, TASK_STATE_DEAD);
}

static void log_open(struct rig *r, bool is_stderr, bool follow, uint64_t tail_bytes) {
    buf_clear(&r->log);
    r->log_end = false;
    r->log_error = 0;
    r->log_events = 0;
    proc_log_open(r->proc, 1, rig_instance(1), bytes_str("t"), is_stderr, follow, tail_bytes);
    if (r->log_credit)
        proc_log_credit(r->proc, 1, r->log_credit);
}

static const char *log_all(struct rig *r, bool is_stderr, uint64_t tail_bytes) {
    log_open(r, is_stderr, false, tail_bytes);
    RIG_WAIT(r, r->log_end);
    return buf_str(&r->log);
}

/* Bytes and number of the output files, and the newest's number. */
static uint64_t output_size(struct rig *r, unsigned *ret_files, unsigned *ret_newest) {
    DIR *directory = opendir(rig_path(r, 1, ""));
    uint64_t sum = 0;
    *ret_files = *ret_newest = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        struct stat stat;
        if (strncmp(entry->d_name, "stdout.", 7) || fstatat(dirfd(directory), entry->d_name, &stat, 0) < 0)
            continue;
        unsigned number = (unsigned)strtoul(entry->d_name + 7, NULL, 10);
        *ret_newest = number > *ret_newest ? number : *ret_newest;
        sum += (uint64_t)stat.st_size;
        ++*ret_files;
    }
    if (directory)
        closedir(directory);
    return sum;
}

Test(proc_logs, each_stream_is_captured_to_the_last_byte) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "printf 'out \\000 put'; printf err >&2");
    run(&r, &spec);
    log_all(&r, false, 0);
    cr_assert_eq(r.log.size, 9);
    cr_assert_arr_eq(r.log.data, "out \0 put", 9);
    cr_assert_str_eq(log_all(&r, true, 0), "err");
    rig_done(&r);
}

Test(proc_logs, the_last_words_before_an_exit_are_there_when_the_end_is_told) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "head -c 60000 /dev/zero; echo last");
    run(&r, &spec);
    log_all(&r, false, 0);
    cr_assert_eq(r.log.size, 60005);
    cr_assert_arr_eq(r.log.data + 60000, "last\n", 5);
    rig_done(&r);
}

Test(proc_logs, rotation_keeps_the_newest_files) {
    static struct rig r;
    unsigned files, newest;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "seq 100000");
    spec.log_size_max = 65536;
    spec.log_files_max = 3;
    run(&r, &spec);
    /* 588,895 bytes: eight full files and the rest in stdout.8. */
    cr_assert_leq(output_size(&r, &files, &newest), 3 * 65536);
    cr_assert_eq(files, 3);
    cr_assert(rig_exists(rig_path(&r, 1, "stdout.8")) && !rig_exists(rig_path(&r, 1, "stdout.5")));
    const char *text = log_all(&r, false, 0);
    cr_assert_eq(r.log.size, 588895 - 6 * 65536, "they join without a gap");
    cr_assert_str_eq(text + r.log.size - 14, "\n99999\n100000\n");
    cr_assert_str_eq(log_all(&r, false, 14), "\n99999\n100000\n");
    log_all(&r, false, 70000);
    cr_assert_eq(r.log.size, 70000, "the tail reaches over files");
    log_all(&r, false, UINT64_MAX);
    cr_assert_eq(r.log.size, 588895 - 6 * 65536);
    rig_done(&r);
}

Test(proc_logs, one_that_writes_without_end_is_bounded_and_can_be_stopped) {
    static struct rig r;
    unsigned files, newest = 0;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "exec yes a line that is written again and again");
    spec.log_size_max = 1 << 20;
    spec.log_files_max = 2;
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
    for (int64_t deadline_ms = rig_now_ms() + 30000; newest < 20; rig_poll(&r, 2)) {
        /* One more may be there for the instant between making the newest and removing the oldest. */
        cr_assert_leq(output_size(&r, &files, &newest), 3 << 20);
        cr_assert_leq(files, 3);
        cr_assert_lt(rig_now_ms(), deadline_ms);
    }
#ifndef __SANITIZE_ADDRESS__
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/statm", rig_seen(&r, 1)->shim_pid);
    FILE *file = fopen(path, "r");
    unsigned long pages = 0;
    cr_assert(file && fscanf(file, "%*u %lu", &pages) == 1);
    fclose(file);
    /* Of a dynamic test program; what the shim itself uses is some 0.1 MB. */
    cr_assert_leq(pages * 4096, 16UL << 20);
#endif
    int64_t start_ms = rig_now_ms();
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert_leq(rig_now_ms() - start_ms, 4000, "before its kill_timeout");
    rig_done(&r);
}

Test(proc_logs, following_gets_every_line_over_rotations_and_ends_with_the_task) {
    static struct rig r;
    static char wanted[700000];
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "seq 50000; sleep 0.2; seq 50001 100000");
    spec.log_size_max = 8192;
    spec.log_files_max = 1000;
    rig_start(&r, &spec);
    log_open(&r, false, true, 0);
    RIG_WAIT(&r, r.log_end);
    cr_assert_eq(r.log_error, 0);
    size_t size = 0;
    for (int i = 1; i <= 100000; i++)
        size += (size_t)snprintf(wanted + size, sizeof wanted - size, "%d\n", i);
    cr_assert_eq(r.log.size, size);
    cr_assert_eq(memcmp(r.log.data, wanted, size), 0);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    rig_done(&r);
}

Test(proc_logs, following_waits_for_the_first_output_and_beyond_a_restart) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "sleep 0.1; echo run; exit 1");
    spec.type = JOB_TYPE_SERVICE;
    spec.restart = (struct wire_restart_policy){.attempts = 2, .interval_ms = 3600000, .delay_ms = 50};
    rig_start(&r, &spec);
    log_open(&r, false, true, 0);
    RIG_WAIT(&r, r.log_end);
    cr_assert_str_eq(buf_str(&r.log), "run\nrun\nrun\n");
    rig_done(&r);
}

Test(proc_logs, no_more_comes_than_there_is_credit_for) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "seq 1000");
    run(&r, &spec);
    r.log_credit = 0;
    log_open(&r, false, false, 0);
    for (int i = 0; i < 5; i++)
        rig_poll(&r, 5);
    cr_assert_eq(r.log_events, 0);
    proc_log_credit(r.proc, 1, 100);
    RIG_WAIT(&r, r.log.size > 0);
    for (int i = 0; i < 5; i++)
        rig_poll(&r, 5);
    cr_assert_eq(r.log.size, 100);
    cr_assert(!r.log_end);
    proc_log_credit(r.proc, 1, UINT64_MAX);
    proc_log_credit(r.proc, 1, UINT64_MAX);
    RIG_WAIT(&r, r.log_end);
    cr_assert_eq(r.log.size, 3893);
    rig_done(&r);
}

Test(proc_logs, a_reader_may_go_at_any_time) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "exec yes");
    spec.log_size_max = 65536;
    rig_start(&r, &spec);
    log_open(&r, false, true, 0);
    RIG_WAIT(&r, r.log.size > 300000);
    proc_log_close(r.proc, 1);
    size_t size = r.log.size;
    for (int i = 0; i < 5; i++)
        rig_poll(&r, 5);
    cr_assert_eq(r.log.size, size);
    proc_log_credit(r.proc, 1, 1);
    proc_log_close(r.proc, 1);
    log_open(&r, false, true, 1);
    rig_done(&r);
}

Test(proc_logs, no_output_and_no_task_are_told_apart) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "true");
    run(&r, &spec);
    cr_assert_str_eq(log_all(&r, false, 0), "");
    cr_assert_eq(r.log_error, 0);
    r.log_end = false;
    proc_log_open(r.proc, 1, rig_instance(2), bytes_str("t"), false, true, 0);
    RIG_WAIT(&r, r.log_end);
    cr_assert_eq(r.log_error, ERR_NOT_FOUND);
    r.log_end = false;
    proc_log_open(r.proc, 1, rig_instance(1), bytes_str("../.."), false, true, 0);
    RIG_WAIT(&r, r.log_end);
    cr_assert_eq(r.log_error, ERR_NOT_FOUND);
    rig_done(&r);
}
