/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * c-ares asks libc for the names of services, and libc asks NSS, which loads the host's own libraries into
 * the process. Ports are numbers here: these two stand in libc's place and know no service.
 */
#include <netdb.h>
#include <stddef.h>

struct servent *getservbyname(const char *name, const char *protocol) {
    (void)name;
    (void)protocol;
    return NULL;
}

int getservbyport_r(int port, const char *protocol, struct servent *entry, char *buffer, size_t buffer_size,
                    struct servent **ret_entry) {
    (void)port;
    (void)protocol;
    (void)entry;
    (void)buffer;
    (void)buffer_size;
    *ret_entry = NULL;
    return 0;
}
