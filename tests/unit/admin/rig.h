/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A server in a folder of its own and raw clients of it, in one process: nothing sleeps. */
#ifndef RIG_H
#define RIG_H

#include <covey/admin.h>
#include <covey/codec.h>
#include <covey/wire.h>

#define RIG_WAIT_US   (20 * US_PER_S)
#define RIG_EVENT_MAX 4096u

struct rig_event {
    enum admin_event_kind kind;
    uint64_t request, bytes;
    uint32_t uid;
    char method[72];
    struct buf params;
};
struct rig {
    char folder[64], path[80];
    struct admin *admin;
    struct rig_event events[RIG_EVENT_MAX];
    size_t events_count;
    unsigned counts[ADMIN_CREDIT + 1];
};

int64_t rig_now(void);
void rig_new(struct rig *r, const struct admin_options *options);
void rig_done(struct rig *r);
void rig_turn(struct rig *r);
void rig_until(struct rig *r, enum admin_event_kind kind, unsigned count);
const struct rig_event *rig_last(const struct rig *r);

/* A client's end: a non-blocking socket. Sending and receiving turn the server. */
int rig_connect(struct rig *r);
/* false: the server has closed. */
bool rig_send(struct rig *r, int fd, struct bytes data);
void rig_request(struct rig *r, int fd, uint32_t msgid, const char *method, const struct codec_type *type,
                 const void *params);
void rig_credit(struct rig *r, int fd, uint64_t id, uint64_t bytes);
/* The next frame; false: the end. `in` is the client's buffer, one for each, cleared up to the frame. */
bool rig_frame(struct rig *r, int fd, struct buf *in, struct codec_rpc *ret_rpc);
/* Expects an error response; its text goes to `text`. */
void rig_expect_error(struct rig *r, int fd, struct buf *in, uint32_t msgid, int error, char text[256]);
void rig_expect_end(struct rig *r, int fd, struct buf *in);

#endif
