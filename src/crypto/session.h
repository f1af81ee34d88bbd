/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the two files of the session share. */
#ifndef COVEY_CRYPTO_SESSION_H
#define COVEY_CRYPTO_SESSION_H

#include <covey/crypto.h>

#define SESSION_PREFIX_SIZE 4 /* of a message, inside the frames */

/* Ends the session for a reason; returns err. */
int session_fail(struct session *s, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* After each frame in either direction: the key changes when its time has come. */
void session_count_frame(struct noise_cipher *c);

/* Gives back the memory of an empty buffer that was large: most connections are idle most of the time. */
void session_trim(struct buf *b);

#endif
