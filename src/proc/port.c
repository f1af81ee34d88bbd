/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/proc.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Listens for an instant. SO_REUSEADDR as a server would set it: connections that linger from an earlier one
 * are no reason to refuse, and a bound socket of somebody else is found by the listening.
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
    int one = 1, fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool is_free = bind(fd, address, size) == 0 && listen(fd, 1) == 0;
    close(fd);
    return is_free;
}
