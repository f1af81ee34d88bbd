/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Job files with mistakes and what an operator is told: each tests/trace/jobspec/NAME.hcl has a NAME.out. To
 * write those anew after a change of wording, run this program with GOLDEN_WRITE=1 and read the difference.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "covey/jobspec.h"
#include "dump.h"

#define FOLDER "tests/trace/jobspec"

static void write_file(const char *path, struct bytes text) {
    FILE *f = fopen(path, "wb");
    cr_assert(f != NULL);
    fwrite(text.data, 1, text.size, f);
    fclose(f);
}

static void check_file(const char *name, size_t stem) {
    struct arena a = {0};
    struct hcl_diags diags;
    struct jobspec_jobs jobs;
    struct buf out = {0};
    const char *out_path = arena_printf(&a, FOLDER "/%.*s.out", (int)stem, name);
    struct bytes text = source_file(&a, arena_printf(&a, FOLDER "/%s", name));
    int code = jobspec_parse(name, text, &a, &diags, &jobs);
    cr_expect_lt(code, 0, "%s has no mistake", name);
    hcl_diags_print(&diags, &out);
    buf_printf(&out, "%s\n", err_str(code));
    if (getenv("GOLDEN_WRITE") != NULL)
        write_file(arena_printf(&a, "%s/%s", TEST_SRCDIR, out_path), buf_bytes(&out));
    struct bytes expected = source_file(&a, out_path);
    cr_expect(bytes_equal(buf_bytes(&out), expected), "%s gives\n%s\nnot\n%.*s", name, buf_str(&out),
              BYTES_FMT(expected));
    buf_done(&out);
    arena_done(&a);
}

Test(golden, job_files_with_mistakes_are_answered_as_agreed) {
    DIR *folder = opendir(TEST_SRCDIR "/" FOLDER);
    size_t files_count = 0;
    cr_assert(folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t size = strlen(entry->d_name);
        if (size > 4 && strcmp(entry->d_name + size - 4, ".hcl") == 0) {
            check_file(entry->d_name, size - 4);
            files_count++;
        }
    }
    closedir(folder);
    cr_expect_gt(files_count, 50u);
}
