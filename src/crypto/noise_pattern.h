/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#ifndef COVEY_CRYPTO_NOISE_PATTERN_H
#define COVEY_CRYPTO_NOISE_PATTERN_H

#include <covey/base.h>

enum noise_token { TOKEN_END, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE, TOKEN_SS };

#define NOISE_PATTERN_MESSAGES_MAX 4
#define NOISE_PATTERN_TOKENS_MAX   5

struct noise_pattern {
    char name[5]; /* in place: a pointer would need relocating, and the table could not be read-only */
    bool initiator_known, responder_known; /* pre-messages: "-> s" and "<- s" */
    uint8_t messages_count;
    uint8_t tokens[NOISE_PATTERN_MESSAGES_MAX][NOISE_PATTERN_TOKENS_MAX + 1]; /* ends with TOKEN_END */
};

static inline bool noise_pattern_is_one_way(const struct noise_pattern *p) { return p->messages_count == 1; }

/*
 * Splits a name as in Noise section 8, "XXpsk0+psk3": the pattern, and its modifiers as bits (bit 0: a psk
 * before message 1; bit n: one after message n). ERR_UNSUPPORTED: an unknown pattern or modifier.
 */
int noise_pattern_find(const char *name, const struct noise_pattern **ret_pattern, uint32_t *ret_psk_places);

#endif
