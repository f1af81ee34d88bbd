/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The data directory and the key in it, as an agent makes them at its first start. */
#include "../../../src/daemon/host.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENTS 4
#define ROUNDS 50

static char folder[128];

static void folder_make(void) {
    const char *top = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/covey-daemon-XXXXXX", top ? top : "/tmp");
    cr_assert(mkdtemp(folder));
}

static void folder_remove(void) {
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(daemon_host, .init = folder_make, .fini = folder_remove, .timeout = 60);

struct race {
    atomic_bool go;
    int errors[AGENTS];
    struct secret seeds[AGENTS];
};

static void race_run(struct race *race, const char *directory) {
    char text[300];
    for (int i = 0; i < AGENTS; i++)
        if (fork() == 0) {
            while (!atomic_load(&race->go))
                ;
            race->errors[i] = host_identity(directory, &race->seeds[i], text, sizeof text);
            _exit(0);
        }
    atomic_store(&race->go, true);
    while (wait(NULL) > 0)
        ;
}

static struct secret key_read(const char *directory) {
    char path[200];
    struct secret key;
    snprintf(path, sizeof path, "%s/identity", directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(read(fd, key.b, sizeof key.b), (ssize_t)sizeof key.b);
    close(fd);
    return key;
}

Test(daemon_host, agents_that_start_at_once_all_have_the_key_that_is_in_the_file) {
    char directory[160];
    struct race *race = mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(race, MAP_FAILED);
    for (int round = 0; round < ROUNDS; round++) {
        memset(race, 0, sizeof *race);
        snprintf(directory, sizeof directory, "%s/%d", folder, round);
        race_run(race, directory);
        struct secret key = key_read(directory);
        for (int i = 0; i < AGENTS; i++) {
            cr_assert_eq(race->errors[i], 0);
            cr_assert_eq(memcmp(race->seeds[i].b, key.b, sizeof key.b), 0);
        }
    }
}

/* A task of another user comes to its working directory, and nobody sees what else is there. */
Test(daemon_host, others_may_pass_through_the_data_directory_and_not_list_it) {
    char directory[160], text[300];
    struct secret seed;
    struct stat status;
    snprintf(directory, sizeof directory, "%s/a/b/", folder);
    cr_assert_eq(host_identity(directory, &seed, text, sizeof text), 0, "%s", text);
    cr_assert_eq(stat(directory, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0711);
}
