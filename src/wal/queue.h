/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Operations that wait to be drained, with their bytes.
 */
#ifndef COVEY_WAL_QUEUE_H
#define COVEY_WAL_QUEUE_H

#include <covey/wal.h>

struct queued_op {
    struct disk_op op;
    size_t at; /* of its data in bytes */
};
struct op_queue {
    struct buf bytes;
    VEC(struct queued_op) ops;
    size_t ops_done;
};

/* Before bytes or operations are added: what was drained is forgotten once all was. */
void op_queue_renew(struct op_queue *q);
void op_queue_done(struct op_queue *q);
/* The bytes appended to q->bytes since `at` are the operation's data; op->size is theirs, but for
 * DISK_CREATE. */
void op_queue_add(struct op_queue *q, enum disk_op_kind kind, const char *name, size_t at, struct disk_op op);
bool op_queue_drain(struct op_queue *q, struct disk_op *ret_op);

#endif
