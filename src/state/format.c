/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Formats of the log. A cluster is upgraded host by host, and for a while some do not know what others do. A
 * host that applied only what it knows of an entry would have another state than the rest, so:
 *   - each member tells the newest format that it knows, in its record;
 *   - an entry of a later format is proposed only when all members know it (the leader asks here);
 *   - from then on a host that does not know it cannot join (apply.c);
 *   - and if it comes to one all the same, that one stops applying, and says which format it lacks.
 */
#include "internal.h"

uint32_t state_command_format(const struct wire_command *c) {
    /* Every kind there is came with format 1. One that comes later names its own here. */
    return c->format > 1 ? c->format : 1;
}

/* By the schema, so that a kind that is added there is known here. */
bool state_command_unknown(const struct wire_command *c) {
    for (size_t i = 0; i < wire_command_type.fields_count; i++) {
        const struct codec_field *f = &wire_command_type.fields[i];
        const void *message = NULL;
        if (f->kind == CODEC_MESSAGE && (f->flags & CODEC_OPTIONAL))
            memcpy(&message, (const uint8_t *)c + f->offset, sizeof message);
        if (message != NULL)
            return false;
    }
    return true;
}

uint32_t state_format_all(const struct state *s) {
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < s->nodes.count; i++) {
        const struct wire_node_record *r = &s->nodes.data[i]->record;
        uint32_t format = r->format > 1 ? r->format : 1;
        if (r->status != NODE_STATUS_LEFT && format < least)
            least = format;
    }
    return least != UINT32_MAX ? least : 1;
}

uint32_t state_format_used(const struct state *s) { return s->format_used > 1 ? s->format_used : 1; }
