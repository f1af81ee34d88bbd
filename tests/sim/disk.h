/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Shared by the files of the simulated disk. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "checker.h"

static inline size_t sectors_count(size_t size) { return (size + WAL_SECTOR_SIZE - 1) / WAL_SECTOR_SIZE; }

struct sim_file *disk_file_get(struct sim_host *h, const char *name, bool create);
/* As much of the write as a whole number of sectors; all of it when sectors is SIZE_MAX. */
void disk_file_write(struct sim_file *f, uint64_t offset, struct bytes data, size_t sectors);
void disk_file_zeros(struct sim_file *f, size_t size, bool durable);
/* The file is one that was renamed onto its name; durable: and the directory was flushed. */
void disk_file_replace(struct sim_file *f, struct bytes data, bool durable);
void disk_file_remove(struct sim_file *f, bool durable);
/* One sector of content reaches the disk. */
void disk_sector_flush(struct sim_file *f, size_t sector);
uint64_t disk_used_bytes(const struct sim_host *h);

/* disk_fault.c */
void disk_kept_drop(struct sim_host *h);
void disk_told(struct world *w, struct sim_host *h, const struct disk_op *op, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Whether the write at hand shall land elsewhere, and where; the place keeps what it held. */
bool disk_misdirect(struct world *w, struct sim_host *h, const struct disk_op *op);

#endif
