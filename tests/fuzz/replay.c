/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A main for a fuzz target where libFuzzer is not to be had: runs each file of the corpus and a fixed
 * number of mutations of each, always the same ones. The inputs run in a child process, so that the parent
 * can say which of them ended it and keep the bytes.
 *
 *     fuzz_NAME              replays tests/fuzz/corpus/NAME, prints TAP
 *     fuzz_NAME FILE...      runs just these inputs, unchanged, in the process itself
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_SIZE_MAX       (1u << 20)
#define INPUT_SECONDS_MAX    10  /* longer on one input is a hang */
#define MUTATIONS_PER_INPUT  200
#define MUTATED_SIZE_MAX     (64u << 10) /* larger inputs run as they are: mutations of them take too long */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the child works on; the parent reads it after the child's death. */
struct progress {
    char path[4096];
    unsigned mutation; /* 0 = the file as it is */
    unsigned long inputs_count;
    size_t size;
    uint8_t data[INPUT_SIZE_MAX];
};

/* xorshift64*: the mutations have to be the same on every host. */
static uint64_t random_next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static size_t random_below(uint64_t *state, size_t bound) { return (size_t)(random_next(state) % bound); }

static int file_read(const char *path, uint8_t *out, size_t *ret_size) {
    FILE *file = fopen(path, "rbe");
    if (!file)
        return -1;
    *ret_size = fread(out, 1, INPUT_SIZE_MAX, file);
    int failed = ferror(file);
    fclose(file);
    return failed ? -1 : 0;
}

/* One small damage: a bit, a byte, a piece taken out, a piece doubled, the tail cut off. */
static void mutate(uint8_t *data, size_t *size, uint64_t *random) {
    static const uint8_t telling[] = {0x00, 0x7f, 0x80, 0xff, 0xc0, 0xdf, 0xdd, 0xc6, '"', '{'};
    if (*size == 0) {
        data[(*size)++] = (uint8_t)random_next(random);
        return;
    }
    size_t at = random_below(random, *size);
    size_t piece = 1 + random_below(random, *size - at < 16 ? *size - at : 16);
    switch (random_below(random, 5)) {
    case 0: data[at] ^= (uint8_t)(1u << random_below(random, 8)); break;
    case 1: data[at] = telling[random_below(random, sizeof telling)]; break;
    case 2:
        memmove(data + at, data + at + piece, *size - at - piece);
        *size -= piece;
        break;
    case 3:
        if (*size + piece > INPUT_SIZE_MAX)
            break;
        memmove(data + at + piece, data + at, *size - at);
        *size += piece;
        break;
    default: *size = at; break;
    }
}

/* The target reads from a block of exactly the input's size, so that a read past the end is seen. */
static void input_run(struct progress *p) {
    uint8_t *exact = malloc(p->size ? p->size : 1);
    if (!exact)
        abort();
    memcpy(exact, p->data, p->size);
    alarm(INPUT_SECONDS_MAX);
    LLVMFuzzerTestOneInput(exact, p->size);
    alarm(0);
    free(exact);
    p->inputs_count++;
}

static void file_replay(struct progress *p, uint8_t *original) {
    size_t size = 0;
    if (file_read(p->path, original, &size) != 0)
        abort();
    uint64_t random = 0x9e3779b97f4a7c15 ^ size;
    unsigned mutations = size <= MUTATED_SIZE_MAX ? MUTATIONS_PER_INPUT : 0;
    for (p->mutation = 0; p->mutation <= mutations; p->mutation++) {
        memcpy(p->data, original, size);
        p->size = size;
        for (unsigned damage = 0; p->mutation > 0 && damage <= p->mutation % 4; damage++)
            mutate(p->data, &p->size, &random);
        input_run(p);
    }
}

static void corpus_replay(struct progress *p, const char *folder) {
    uint8_t *original = malloc(INPUT_SIZE_MAX);
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; original && i < count; i++) {
        if (names[i]->d_name[0] != '.') {
            snprintf(p->path, sizeof p->path, "%s/%s", folder, names[i]->d_name);
            file_replay(p, original);
        }
        free(names[i]);
    }
    free(names);
    free(original);
}

static void death_report(const struct progress *p, const char *name, int status) {
    char kept[256];
    snprintf(kept, sizeof kept, "crash-%s", name);
    FILE *file = fopen(kept, "wbe");
    if (file) {
        fwrite(p->data, 1, p->size, file);
        fclose(file);
    }
    printf("not ok 1 - %s\n# status 0x%x at %s, mutation %u; the input is kept as %s\n", name,
           (unsigned)status, p->path, p->mutation, kept);
}

static int files_run(struct progress *p, int count, char **paths) {
    for (int i = 0; i < count; i++) {
        snprintf(p->path, sizeof p->path, "%s", paths[i]);
        if (file_read(p->path, p->data, &p->size) != 0) {
            perror(p->path);
            return 1;
        }
        input_run(p);
    }
    return 0;
}

int main(int argc, char **argv) {
    struct progress *p =
        mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    if (argc > 1)
        return files_run(p, argc - 1, argv + 1);

    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    name = strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name;
    char folder[2048];
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", TEST_SRCDIR, name);

    printf("1..1\n");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        corpus_replay(p, folder);
        exit(0); /* not _exit: the leak check runs at exit */
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    if (status != 0) {
        death_report(p, name, status);
        return 1;
    }
    if (p->inputs_count == 0) {
        printf("not ok 1 - %s: no corpus in %s\n", name, folder);
        return 1;
    }
    printf("ok 1 - %s: %lu inputs\n", name, p->inputs_count);
    return 0;
}
