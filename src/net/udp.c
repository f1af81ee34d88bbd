/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

static size_t batch_receive(struct net *n) {
    struct mmsghdr messages[DATAGRAMS_BATCH];
    struct iovec vectors[DATAGRAMS_BATCH];
    memset(messages, 0, sizeof messages);
    for (size_t i = 0; i < DATAGRAMS_BATCH; i++) {
        vectors[i] = (struct iovec){n->datagrams + i * DATAGRAM_SIZE_MAX, DATAGRAM_SIZE_MAX};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &n->datagram_froms[i];
        messages[i].msg_hdr.msg_namelen = sizeof n->datagram_froms[i];
    }
    int count = recvmmsg(n->udp, messages, DATAGRAMS_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        n->datagram_sizes[i] = messages[i].msg_len;
    return count > 0 ? (size_t)count : 0;
}

bool net_udp_given(struct net *n, struct net_event *ret_event) {
    if (n->datagrams_at == n->datagrams_count)
        return false;
    size_t at = n->datagrams_at++;
    ret_event->kind = NET_DATAGRAM;
    net_addr_of(&n->datagram_froms[at], &ret_event->addr);
    ret_event->data = bytes_of(n->datagrams + at * DATAGRAM_SIZE_MAX, n->datagram_sizes[at]);
    return true;
}

bool net_udp_next(struct net *n, struct ready *r, struct net_event *ret_event) {
    if (r->turns++ >= DATAGRAM_BATCHES)
        return false;
    n->datagrams_at = 0;
    n->datagrams_count = batch_receive(n);
    if (n->datagrams_count < DATAGRAMS_BATCH)
        r->turns = DATAGRAM_BATCHES;
    return net_udp_given(n, ret_event);
}

void net_datagram(struct net *n, const struct addr *to, struct bytes data) {
    struct sockaddr_storage address;
    socklen_t size = net_sockaddr(to, n->family, &address);
    if (size > 0)
        (void)sendto(n->udp, data.data, data.size, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
                     size);
}
