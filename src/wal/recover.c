/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "judge.h"
#include "name.h"

const char *wal_verdict_str(enum wal_verdict verdict) {
    switch (verdict) {
    case WAL_EMPTY: return "empty";
    case WAL_CLEAN: return "clean";
    case WAL_TORN: return "torn";
    case WAL_CORRUPT: return "corrupt";
    case WAL_FOREIGN: return "foreign";
    case WAL_VERSION: return "version";
    }
    return "?";
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
        ret->vote_damaged |= j.vote_states[copy] == VOTE_BAD;
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
