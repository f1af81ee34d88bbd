/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Who does not drive sleeps on a timer that the driver sets before it turns to the disk and takes back after:
 * two system calls, and nobody is woken as long as the disk answers in time.
 */
#include "drive.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct drive {
    const struct drive_calls *calls;
    int timer;
    bool disk_is_slow; /* the last answer took longer than patience; of who is at the disk */
    pthread_mutex_t mutex;
    bool seat_is_taken, over;
    bool is_at_disk;   /* one of them is ... */
    bool seat_is_kept; /* ... and has its seat still */
};

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

/* 0: never. */
static void timer_set(struct drive *d, int64_t after_ns) {
    struct itimerspec at = {.it_value = {after_ns / 1000000000, after_ns % 1000000000}};
    (void)timerfd_settime(d->timer, 0, &at, NULL);
}

static void timer_await(struct drive *d) {
    uint64_t count;
    while (read(d->timer, &count, sizeof count) < 0 && errno == EINTR)
        continue;
}

/* Sleeps until there is a seat to take. False: it is over. */
static bool seat_await(struct drive *d) {
    pthread_mutex_lock(&d->mutex);
    while (d->seat_is_taken && !d->over) {
        pthread_mutex_unlock(&d->mutex);
        timer_await(d);
        pthread_mutex_lock(&d->mutex);
        if (d->seat_is_kept)
            d->seat_is_kept = d->seat_is_taken = false;
    }
    bool taken = !d->over;
    d->seat_is_taken = true;
    pthread_mutex_unlock(&d->mutex);
    return taken;
}

/* Whether the driver is to turn to the disk: not while the other one is still at it. */
static bool disk_begin(struct drive *d) {
    pthread_mutex_lock(&d->mutex);
    bool begins = !d->is_at_disk && d->calls->disk_waits(d->calls->context);
    if (begins)
        d->is_at_disk = d->seat_is_kept = true;
    pthread_mutex_unlock(&d->mutex);
    return begins;
}

static void disk_do(struct drive *d) {
    int64_t began_us = now_us();
    d->calls->disk_run(d->calls->context);
    d->disk_is_slow = now_us() - began_us > DRIVE_PATIENCE_US;
}

/* The seat is taken: goes on with the disk while there is something to do. */
static void disk_finish(struct drive *d) {
    bool more;
    do {
        d->calls->disk_tell(d->calls->context);
        pthread_mutex_lock(&d->mutex);
        more = d->calls->disk_waits(d->calls->context);
        d->is_at_disk = more;
        pthread_mutex_unlock(&d->mutex);
        if (more)
            disk_do(d);
    } while (more);
}

/* False: the seat is lost by it. */
static bool disk_turn(struct drive *d) {
    timer_set(d, d->disk_is_slow ? 1 : DRIVE_PATIENCE_US * 1000);
    disk_do(d);
    timer_set(d, 0);
    pthread_mutex_lock(&d->mutex);
    bool kept = d->seat_is_kept;
    d->seat_is_kept = false;
    if (kept)
        d->is_at_disk = false;
    pthread_mutex_unlock(&d->mutex);
    if (kept)
        d->calls->disk_told(d->calls->context);
    else
        disk_finish(d);
    return kept;
}

static void over(struct drive *d) {
    pthread_mutex_lock(&d->mutex);
    d->over = true;
    pthread_mutex_unlock(&d->mutex);
    timer_set(d, 1);
}

static void *driver(void *argument) {
    struct drive *d = argument;
    while (seat_await(d)) {
        bool kept = true;
        while (kept) {
            bool asks_disk = disk_begin(d);
            if (asks_disk)
                kept = disk_turn(d);
            if (kept && !d->calls->round(d->calls->context, !asks_disk)) {
                over(d);
                return NULL;
            }
        }
    }
    return NULL;
}

int drive(const struct drive_calls *calls) {
    struct drive d = {.calls = calls, .timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
    pthread_t other;
    if (d.timer < 0)
        return errno;
    pthread_mutex_init(&d.mutex, NULL);
    int error = pthread_create(&other, NULL, driver, &d);
    if (error == 0) {
        driver(&d);
        pthread_join(other, NULL);
    }
    pthread_mutex_destroy(&d.mutex);
    close(d.timer);
    return error;
}
