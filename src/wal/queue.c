/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "queue.h"

void op_queue_renew(struct op_queue *q) {
    if (q->ops_done < q->ops.count)
        return;
    q->ops.count = q->ops_done = 0;
    buf_clear(&q->bytes);
}

void op_queue_done(struct op_queue *q) {
    VEC_DONE(&q->ops);
    buf_done(&q->bytes);
}

void op_queue_add(struct op_queue *q, enum disk_op_kind kind, const char *name, size_t at,
                  struct disk_op op) {
    op.kind = kind;
    if (name)
        memcpy(op.name, name, strlen(name));
    op.data.size = q->bytes.size - at;
    if (kind != DISK_CREATE)
        op.size = op.data.size;
    struct queued_op queued = {.op = op, .at = at};
    VEC_PUSH(&q->ops, queued);
}

bool op_queue_drain(struct op_queue *q, struct disk_op *ret_op) {
    if (q->ops_done == q->ops.count)
        return false;
    const struct queued_op *queued = &q->ops.data[q->ops_done++];
    *ret_op = queued->op;
    if (queued->op.data.size > 0)
        ret_op->data.data = q->bytes.data + queued->at;
    return true;
}
