/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/proc.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Listens for an instant. SO_REUSEADDR as a server would set it: connections that linger from an earlier one
 * are no reason to refuse, and a bound socket of somebody else is found by the listening. 0 or an errno.
 */
static int listen_try(const struct sockaddr *address, socklen_t size) {
    int one = 1, fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    int error = bind(fd, address, size) == 0 && listen(fd, 1) == 0 ? 0 : errno;
    close(fd);
    return error;
}

/*
 * Only what is in use is held. Whatever else goes wrong the task meets itself and says, or it does not: it
 * may have a capability that the agent lacks.
 */
bool proc_port_free(const char *ip, uint16_t port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const struct sockaddr *address;
    socklen_t size;
    if (!*ip || inet_pton(AF_INET, ip, &v4.sin_addr) == 1) {
        address = (const struct sockaddr *)&v4;
        size = sizeof v4;
    } else if (inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1) {
        address = (const struct sockaddr *)&v6;
        size = sizeof v6;
    } else {
        return false;
    }
    int error = listen_try(address, size);
    /* An address that others reach this host at, and that it does not have itself (NAT). */
    if (error == EADDRNOTAVAIL) {
        v4.sin_addr.s_addr = htonl(INADDR_ANY);
        v6.sin6_addr = in6addr_any;
        error = listen_try(address, size);
    }
    return error != EADDRINUSE;
}
