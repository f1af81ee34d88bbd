/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The sending half of a session: messages into frames, frames to the socket. */
#include "hash.h"
#include "session.h"

#define FRAME_PLAIN_MAX (NOISE_MESSAGE_MAX - NOISE_TAG_SIZE)
#define KEPT_SIZE       65536 /* an empty buffer keeps this much memory: one frame */

void session_trim(struct buf *b) {
    if (b->size > 0 || b->capacity <= KEPT_SIZE)
        return;
    buf_done(b);
    *b = (struct buf){0};
}

/* Appends a frame with the two parts for its plain text. */
static int session_write_frame(struct session *s, struct bytes first, struct bytes second) {
    size_t plain_size = first.size + second.size;
    buf_reserve(&s->output, 2 + plain_size + NOISE_TAG_SIZE);
    uint8_t *frame = s->output.data + s->output.size, *plain = frame + 2;
    put_be16(frame, (uint32_t)(plain_size + NOISE_TAG_SIZE));
    mem_copy(plain, first.data, first.size);
    mem_copy(plain + first.size, second.data, second.size);
    int err = noise_cipher_encrypt(&s->send, bytes_of(NULL, 0), bytes_of(plain, plain_size), plain);
    if (err)
        return session_fail(s, err, "this connection has sent all it can");
    session_count_frame(&s->send);
    s->output.size += 2 + plain_size + NOISE_TAG_SIZE;
    return 0;
}

int session_send(struct session *s, struct bytes message) {
    if (s->state == SESSION_HANDSHAKE)
        return ERR_BUSY;
    if (s->state != SESSION_OPEN)
        return ERR_CLOSED;
    if (message.size > s->message_size_max)
        return ERR_LIMIT;
    if (s->output.size - s->output_at > s->output_size_max)
        return ERR_BUSY;

    uint8_t prefix_bytes[SESSION_PREFIX_SIZE];
    put_be32(prefix_bytes, (uint32_t)message.size);
    struct bytes prefix = bytes_of(prefix_bytes, sizeof prefix_bytes);
    do {
        size_t part = FRAME_PLAIN_MAX - prefix.size;
        if (part > message.size)
            part = message.size;
        int err = session_write_frame(s, prefix, bytes_of(message.data, part));
        if (err)
            return err;
        message.size -= part;
        if (part > 0)
            message.data += part;
        prefix.size = 0;
    } while (message.size > 0);
    return 0;
}

struct bytes session_output(const struct session *s) {
    size_t size = s->output.size - s->output_at;
    return size > 0 ? bytes_of(s->output.data + s->output_at, size) : bytes_of(NULL, 0);
}

void session_output_consume(struct session *s, size_t size_bytes) {
    assert(size_bytes <= s->output.size - s->output_at);
    s->output_at += size_bytes;
    /* Moved to the front only when the rest is the smaller half: so moving stays linear in what is sent. */
    if (s->output_at < s->output.size - s->output_at)
        return;
    buf_consume(&s->output, s->output_at);
    s->output_at = 0;
    session_trim(&s->output);
}
