/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The handshake patterns of the Noise specification, revision 34: sections 7.4 (one-way), 7.5 (interactive),
 * and appendix 18.1 (deferred). A 1 in a name puts off the sender's or receiver's authentication by a
 * message.
 */
#include "noise_pattern.h"

#define E  TOKEN_E
#define S  TOKEN_S
#define EE TOKEN_EE
#define ES TOKEN_ES
#define SE TOKEN_SE
#define SS TOKEN_SS

/* name, initiator's static known before, responder's known before, count of messages, their tokens */
static const struct noise_pattern patterns[] = {
    {"N", false, true, 1, {{E, ES}}},
    {"K", true, true, 1, {{E, ES, SS}}},
    {"X", false, true, 1, {{E, ES, S, SS}}},

    {"NN", false, false, 2, {{E}, {E, EE}}},
    {"NK", false, true, 2, {{E, ES}, {E, EE}}},
    {"NX", false, false, 2, {{E}, {E, EE, S, ES}}},
    {"KN", true, false, 2, {{E}, {E, EE, SE}}},
    {"KK", true, true, 2, {{E, ES, SS}, {E, EE, SE}}},
    {"KX", true, false, 2, {{E}, {E, EE, SE, S, ES}}},
    {"XN", false, false, 3, {{E}, {E, EE}, {S, SE}}},
    {"XK", false, true, 3, {{E, ES}, {E, EE}, {S, SE}}},
    {"XX", false, false, 3, {{E}, {E, EE, S, ES}, {S, SE}}},
    {"IN", false, false, 2, {{E, S}, {E, EE, SE}}},
    {"IK", false, true, 2, {{E, ES, S, SS}, {E, EE, SE}}},
    {"IX", false, false, 2, {{E, S}, {E, EE, SE, S, ES}}},

    {"NK1", false, true, 2, {{E}, {E, EE, ES}}},
    {"NX1", false, false, 3, {{E}, {E, EE, S}, {ES}}},
    {"X1N", false, false, 4, {{E}, {E, EE}, {S}, {SE}}},
    {"X1K", false, true, 4, {{E, ES}, {E, EE}, {S}, {SE}}},
    {"XK1", false, true, 3, {{E}, {E, EE, ES}, {S, SE}}},
    {"X1K1", false, true, 4, {{E}, {E, EE, ES}, {S}, {SE}}},
    {"X1X", false, false, 4, {{E}, {E, EE, S, ES}, {S}, {SE}}},
    {"XX1", false, false, 3, {{E}, {E, EE, S}, {ES, S, SE}}},
    {"X1X1", false, false, 4, {{E}, {E, EE, S}, {ES, S}, {SE}}},
    {"K1N", true, false, 3, {{E}, {E, EE}, {SE}}},
    {"K1K", true, true, 3, {{E, ES}, {E, EE}, {SE}}},
    {"KK1", true, true, 2, {{E}, {E, EE, SE, ES}}},
    {"K1K1", true, true, 3, {{E}, {E, EE, ES}, {SE}}},
    {"K1X", true, false, 3, {{E}, {E, EE, S, ES}, {SE}}},
    {"KX1", true, false, 3, {{E}, {E, EE, SE, S}, {ES}}},
    {"K1X1", true, false, 3, {{E}, {E, EE, S}, {SE, ES}}},
    {"I1N", false, false, 3, {{E, S}, {E, EE}, {SE}}},
    {"I1K", false, true, 3, {{E, ES, S}, {E, EE}, {SE}}},
    {"IK1", false, true, 2, {{E, S}, {E, EE, SE, ES}}},
    {"I1K1", false, true, 3, {{E, S}, {E, EE, ES}, {SE}}},
    {"I1X", false, false, 3, {{E, S}, {E, EE, S, ES}, {SE}}},
    {"IX1", false, false, 3, {{E, S}, {E, EE, SE, S}, {ES}}},
    {"I1X1", false, false, 3, {{E, S}, {E, EE, S}, {SE, ES}}},
};

#undef E
#undef S
#undef EE
#undef ES
#undef SE
#undef SS

/* The modifiers of a pattern of that many messages; each at most once, in rising order. */
static int psk_places_parse(const char *text, unsigned messages_count, uint32_t *ret_places) {
    uint32_t places = 0;
    while (*text) {
        if (strncmp(text, "psk", 3) != 0 || text[3] < '0' || text[3] > '9')
            return ERR_UNSUPPORTED;
        unsigned place = (unsigned)(text[3] - '0');
        if (place > messages_count || places >> place != 0)
            return ERR_UNSUPPORTED;
        places |= 1u << place;
        text += 4;
        if (*text == '+' && text[1])
            text++;
        else if (*text)
            return ERR_UNSUPPORTED;
    }
    *ret_places = places;
    return 0;
}

int noise_pattern_find(const char *name, const struct noise_pattern **ret_pattern, uint32_t *ret_psk_places) {
    size_t size = 0;
    while ((name[size] >= 'A' && name[size] <= 'Z') || name[size] == '1')
        size++;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        const struct noise_pattern *p = &patterns[i];
        if (strlen(p->name) != size || memcmp(p->name, name, size) != 0)
            continue;
        uint32_t places;
        int err = psk_places_parse(name + size, p->messages_count, &places);
        if (err)
            return err;
        *ret_pattern = p;
        *ret_psk_places = places;
        return 0;
    }
    return ERR_UNSUPPORTED;
}
