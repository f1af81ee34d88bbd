/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "host.h"

#include <fcntl.h>

#define DATABASE_MAX (UINT64_C(4) << 20) /* bytes of a file of users or groups */

/* Takes what stands before the separator, or all, off the front. */
static struct bytes field_take(struct bytes *rest, uint8_t separator) {
    const uint8_t *end = rest->size ? memchr(rest->data, separator, rest->size) : NULL;
    struct bytes field = bytes_of(rest->data, end ? (size_t)(end - rest->data) : rest->size);
    size_t used = end ? field.size + 1 : rest->size;
    *rest = bytes_of(rest->data + used, rest->size - used);
    return field;
}

static bool number_parse(struct bytes text, uint32_t *ret) {
    uint64_t number = 0;
    if (text.size == 0 || text.size > 10)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    /* The highest number means "leave it" to the kernel. */
    if (number >= UINT32_MAX)
        return false;
    *ret = (uint32_t)number;
    return true;
}

/* name:password:uid:gid:... */
static bool passwd_line(struct bytes line, struct bytes wanted, struct user *ret, struct bytes *ret_name) {
    struct bytes name = field_take(&line, ':');
    field_take(&line, ':');
    struct bytes uid_text = field_take(&line, ':'), gid_text = field_take(&line, ':');
    uint32_t uid, gid, wanted_uid;
    if (name.size == 0 || !number_parse(uid_text, &uid) || !number_parse(gid_text, &gid))
        return false;
    if (!bytes_equal(name, wanted) && !(number_parse(wanted, &wanted_uid) && wanted_uid == uid))
        return false;
    *ret = (struct user){.uid = uid, .gid = gid, .groups = {gid}, .groups_count = 1};
    *ret_name = name;
    return true;
}

/* name:password:gid:member,member */
static void group_line(struct bytes line, struct bytes member, struct user *user) {
    field_take(&line, ':');
    field_take(&line, ':');
    struct bytes gid_text = field_take(&line, ':'), members = field_take(&line, ':');
    uint32_t gid;
    if (!number_parse(gid_text, &gid) || gid == user->gid)
        return;
    while (members.size > 0)
        if (bytes_equal(field_take(&members, ','), member) && user->groups_count < USER_GROUPS_MAX) {
            user->groups[user->groups_count++] = gid;
            return;
        }
}

int user_find(const char *passwd_path, const char *group_path, struct bytes name, struct user *ret) {
    struct buf passwd = {0}, group = {0};
    struct user user = {0};
    struct bytes found = {0};
    int error = file_read(AT_FDCWD, passwd_path, DATABASE_MAX, &passwd);
    if (error)
        error = ERR_IO;
    for (struct bytes rest = buf_bytes(&passwd); !error && !found.data && rest.size > 0;)
        passwd_line(field_take(&rest, '\n'), name, &user, &found);
    if (!error && !found.data)
        error = ERR_NOT_FOUND;
    if (!error && file_read(AT_FDCWD, group_path, DATABASE_MAX, &group))
        error = ERR_IO;
    for (struct bytes rest = buf_bytes(&group); !error && rest.size > 0;)
        group_line(field_take(&rest, '\n'), found, &user);
    buf_done(&passwd);
    buf_done(&group);
    if (!error)
        *ret = user;
    return error;
}
