/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The least that a supervised task costs: a process in a pid namespace of its own (a static program, as the
 * shim is) which runs /bin/true and waits for it. As many at a time as there are processors.
 *
 *     bench_spawn [COUNT [PROGRAM]]     500 times /bin/true; says how many a second
 */
#include <covey/base.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE  16384 /* bytes, a multiple of 16 */
#define WORKERS_MAX 64

static char *const no_environment[] = {NULL};

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "bench_spawn: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static int child_main(void *argument) {
    char **argv = argument;
    execve(argv[0], argv, no_environment);
    return 127;
}

/* Waits for the end of what the words start, in this pid namespace or (flags) one of its own. */
static void run(char **words, int flags) {
    uint8_t *stack = mem_alloc(STACK_SIZE);
    int status = 0;
    pid_t pid = clone(child_main, stack + STACK_SIZE, flags | CLONE_VM | CLONE_VFORK | SIGCHLD, words);
    if (pid < 0)
        fail("clone");
    if (waitpid(pid, &status, 0) != pid || status != 0)
        fail("the program");
    mem_free(stack);
}

static int worker(const char *program, long count) {
    char self[] = "/proc/self/exe", shim[] = "shim";
    char *words[] = {self, shim, (char *)(uintptr_t)program, NULL};
    while (count-- > 0)
        run(words, CLONE_NEWPID);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "shim") == 0) {
        char *words[] = {argv[2], NULL};
        run(words, 0);
        return 0;
    }
    long count = argc > 1 ? atol(argv[1]) : 500;
    long workers = sysconf(_SC_NPROCESSORS_ONLN);
    const char *program = argc > 2 ? argv[2] : "/bin/true";
    if (workers > WORKERS_MAX)
        workers = WORKERS_MAX;
    int64_t begin_us = now_us();
    for (long i = 0; i < workers; i++) {
        pid_t pid = fork();
        if (pid < 0)
            fail("fork");
        if (pid == 0)
            _exit(worker(program, count / workers + (i < count % workers)));
    }
    for (long i = 0; i < workers; i++) {
        int status = 0;
        if (wait(&status) < 0 || status != 0)
            return 1;
    }
    printf("%.1f tasks/s\n", 1e6 * (double)count / (double)(now_us() - begin_us));
    return 0;
}
