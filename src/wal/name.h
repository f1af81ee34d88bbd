/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Names of numbered files, "<head><16 hex digits>", and texts for people.
 */
#ifndef COVEY_WAL_NAME_H
#define COVEY_WAL_NAME_H

#include <covey/wal.h>

void numbered_name(const char *head, uint64_t number, char ret_name[WAL_NAME_SIZE]);
/* Only what numbered_name makes. */
bool numbered_name_parse(const char *head, const char name[WAL_NAME_SIZE], uint64_t *ret_number);

/* What is in the buffer, cut to size, with a NUL; the buffer is freed. */
void text_take(struct buf *from, char *ret_text, size_t text_size);
/* Copies the text, returns the error. */
int text_fail(int error, const char *text, char *ret_text, size_t text_size);

#endif
