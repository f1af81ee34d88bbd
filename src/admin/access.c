/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Who may connect. The files of users and groups are read here: libc would ask NSS, which loads libraries. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP_PATH      "/etc/group"
#define PASSWD_PATH     "/etc/passwd"
#define DATABASE_MAX    (4u << 20) /* bytes of such a file */
#define PEER_GROUPS_MAX 1024       /* of one process: more are not looked at */

/* ---- the files ----------------------------------------------------------------------------------------- */

static int file_read(const char *path, struct buf *ret) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    ssize_t size = 1;
    while (size > 0 && ret->size < DATABASE_MAX) {
        buf_reserve(ret, READ_SIZE);
        size = read(fd, ret->data + ret->size, READ_SIZE);
        if (size > 0)
            ret->size += (size_t)size;
        else if (size < 0 && errno == EINTR)
            size = 1;
    }
    close(fd);
    return size < 0 ? ERR_IO : 0;
}

/* Takes what stands before the separator, or all, off the front. */
static struct bytes part_take(struct bytes *rest, char separator) {
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, separator, rest->size) : NULL;
    struct bytes part = bytes_of(rest->data, end ? (size_t)(end - rest->data) : rest->size);
    size_t used = end ? part.size + 1 : rest->size;
    *rest = bytes_of(rest->data + used, rest->size - used);
    return part;
}

/* Fields of a line; those that are not there are empty. */
static void line_split(struct bytes line, struct bytes fields[4]) {
    for (size_t i = 0; i < 4; i++)
        fields[i] = line.data ? part_take(&line, ':') : (struct bytes){0};
}

static bool number_parse(struct bytes text, uint32_t *ret) {
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i == 10)
            return false;
        number = number * 10 + text.data[i] - '0';
    }
    if (text.size == 0 || number >= UINT32_MAX)
        return false;
    *ret = (uint32_t)number;
    return true;
}

int admin_group_find(const char *group_path, const char *name, uint32_t *ret_gid) {
    struct buf file = {0};
    struct bytes fields[4];
    int error = file_read(group_path, &file);
    bool is_found = false;
    for (struct bytes rest = buf_bytes(&file); !is_found && rest.size > 0;) {
        line_split(part_take(&rest, '\n'), fields);
        is_found = bytes_is(fields[0], name) && number_parse(fields[2], ret_gid);
    }
    buf_done(&file);
    if (error)
        return error;
    return is_found ? 0 : ERR_NOT_FOUND;
}

/* name:password:uid:... to name. */
static struct bytes user_name(struct bytes passwd, uint32_t uid) {
    struct bytes fields[4];
    uint32_t found;
    while (passwd.size > 0) {
        line_split(part_take(&passwd, '\n'), fields);
        if (fields[0].size > 0 && number_parse(fields[2], &found) && found == uid)
            return fields[0];
    }
    return (struct bytes){0};
}

/* name:password:gid:member,member */
static bool is_listed(struct bytes group, uint32_t gid, struct bytes user) {
    struct bytes fields[4];
    uint32_t found;
    while (group.size > 0) {
        line_split(part_take(&group, '\n'), fields);
        if (!number_parse(fields[2], &found) || found != gid)
            continue;
        while (fields[3].size > 0)
            if (bytes_equal(part_take(&fields[3], ','), user))
                return true;
    }
    return false;
}

static bool is_member(uint32_t uid, uint32_t gid) {
    struct buf passwd = {0}, group = {0};
    bool is_found = false;
    if (file_read(PASSWD_PATH, &passwd) == 0 && file_read(GROUP_PATH, &group) == 0) {
        struct bytes name = user_name(buf_bytes(&passwd), uid);
        is_found = name.size > 0 && is_listed(buf_bytes(&group), gid, name);
    }
    buf_done(&passwd);
    buf_done(&group);
    return is_found;
}

/* ---- peers --------------------------------------------------------------------------------------------- */

/* The process's supplementary groups, as the kernel knows them. */
static bool has_group(int fd, uint32_t gid) {
    gid_t groups[PEER_GROUPS_MAX];
    socklen_t size = sizeof groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
        return false;
    for (size_t i = 0; i < size / sizeof groups[0]; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

bool admin_peer_check(const struct admin *a, int fd, uint32_t *ret_uid, struct buf *ret_text) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) {
        buf_printf(ret_text, "the kernel does not tell who is connecting: %s", strerror(errno));
        return false;
    }
    *ret_uid = peer.uid;
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    if (a->gid != ADMIN_NO_GROUP &&
        (peer.gid == a->gid || has_group(fd, a->gid) || is_member(peer.uid, a->gid)))
        return true;
    buf_printf(ret_text, "user %u may not use %s: only root", (unsigned)peer.uid, a->path);
    if (geteuid() != 0)
        buf_printf(ret_text, ", the agent's own user %u", (unsigned)geteuid());
    if (a->gid != ADMIN_NO_GROUP)
        buf_printf(ret_text, " and members of the group %s", a->options.group);
    buf_printf(ret_text, " may");
    return false;
}
