/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* node's own: what disk.c and state_copy.c offer the others. Included by internal.h, behind its structs. */
#ifndef COVEY_NODE_DISK_H
#define COVEY_NODE_DISK_H

/* disk.c */
uint64_t node_disk_ticket(struct node *n);
void node_disk_flush_wal(struct node *n);
void node_disk_done(struct node *n, uint64_t ticket);
void node_disk_failed(struct node *n, int error, struct bytes text);
void node_room_tick(struct node *n);
int64_t node_room_deadline(const struct node *n);
void node_room_told(struct node *n, uint64_t bytes);
uint64_t node_cluster_file_save(struct node *n); /* returns the ticket */
/* All in one flush; the ticket tells when they are durable. */
uint64_t node_journal_write(struct node *n, const struct wire_journal_record *records, size_t count);
/* Of n->copying, which is whole, and whose bytes it takes; not while node_snapshot_busy(). */
void node_snapshot_write(struct node *n);
bool node_snapshot_busy(const struct node *n);
/* Is all that is applied here in a durable snapshot? If not, one is begun. */
bool node_snapshot_whole(struct node *n);
/* NULL when the bytes are no sound state at this index, or one that has needed a later format than is known
 * here: *ret_format is then that, else 0. */
struct state *node_state_of(const struct node *n, struct bytes snapshot, uint64_t index,
                            uint32_t *ret_format);
void node_install_start(struct node *n, uint64_t index, uint64_t term);
void node_install_tick(struct node *n);
int64_t node_install_deadline(const struct node *n);
bool node_installs(const struct node *n); /* is one that came under way into the state? */
void node_snapshot_load(struct node *n, const struct wire_snapshot_header *header, struct bytes state);

/* state_copy.c */
size_t node_part_size(const struct node *n); /* of a large state, that are made or read at a time */
/* Of the state as applied. compared: others make one of this index, too. */
void node_copy_begin(struct node *n, uint64_t term, bool compared);
void node_copy_tick(struct node *n);
void node_copy_stop(struct node *n); /* before n->state goes */
int64_t node_copy_deadline(const struct node *n);
/* Of the state as applied, all at once; not while node_snapshot_busy(). */
void node_snapshot_now(struct node *n);

#endif
