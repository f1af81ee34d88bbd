/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The files of one host, in memory: what a node asks for is done at once and in order. */
#ifndef TESTS_UNIT_NODE_DISK_H
#define TESTS_UNIT_NODE_DISK_H

#include <covey/wal.h>

#define DISK_FILES_MAX 32

/* Their data is owned (mem_alloc); room for DISK_FILES_MAX. */
struct disk_file *disk_find(struct disk_file *files, size_t count, const char *name); /* NULL */
void disk_obey(struct disk_file *files, size_t *count, const struct disk_op *op);
void disk_clear(struct disk_file *files, size_t *count); /* all of them */

#endif
