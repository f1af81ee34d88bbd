/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "judge.h"
#include "name.h"

const char *wal_verdict_str(enum wal_verdict verdict) {
    static const char *const names[] = {
        [WAL_EMPTY] = "empty",     [WAL_CLEAN] = "clean",     [WAL_TORN] = "torn",
        [WAL_CORRUPT] = "corrupt", [WAL_FOREIGN] = "foreign", [WAL_VERSION] = "version",
    };
    assert(verdict <= WAL_VERSION);
    return names[verdict];
}

void wal_recover(const struct disk_file *files, size_t files_count, const struct wire_log_identity *expected,
                 struct arena *arena, struct wal_recovery *ret) {
    struct judgement j;
    judge_files(&j, files, files_count, expected, arena);
    *ret = (struct wal_recovery){
        .verdict = j.verdict,
        .hard = j.hard,
        .base_index = j.image.base_index,
        .entries_count = j.image.entries.count,
    };
    for (unsigned copy = 0; copy < VOTE_COPIES; copy++)
        ret->vote_damaged |= judge_vote_lost(&j, copy);
    text_take(&j.text, ret->text, sizeof ret->text);
    if (j.has_identity && (j.top || j.vote))
        ret->identity = j.identity;
    if (j.image.entries.count > 0) {
        ret->first_index = j.image.base_index + 1;
        ret->entries = arena_alloc(arena, j.image.entries.count * sizeof *ret->entries);
        memcpy(ret->entries, j.image.entries.data, j.image.entries.count * sizeof *ret->entries);
    }
    judge_done(&j);
}
