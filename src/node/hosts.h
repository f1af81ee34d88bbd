/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* node's own: what operators see of hosts and say of them. A part of internal.h, which includes it. */
#ifndef COVEY_NODE_HOSTS_H
#define COVEY_NODE_HOSTS_H

/* op_hosts.c */
void node_words_take(struct wire_node_record *record, const struct wire_node_record *known);
bool node_forget_is_due(struct node *n, const struct wire_node_record *r, bool alive);
bool node_host_word_is(struct bytes method);
const char *node_host_word(struct node *n, struct bytes method, const void *params, struct wire_command *c,
                           int *error);
const char *node_host_word_refused(int error);
void node_host_word_told(struct node *n, const struct wire_command *c, bool was_away);

/* nodes_view.c */
void node_view_fill(struct node *n, const struct wire_node_record *record, struct wire_admin_node *o);
void node_view_own(struct node *n, struct wire_view_response *ret);
void node_view_request(struct node *n, struct node_id from, const struct wire_view_request *q);

/* matrix.c */
void node_matrix_request(struct node *n, uint64_t request, struct bytes params);
void node_view_response(struct node *n, struct node_id from, const struct wire_view_response *r);
void node_matrix_peer_gone(struct node *n, struct node_id peer, struct bytes text);
void node_matrix_closed(struct node *n, uint64_t request);
void node_matrix_tick(struct node *n);
int64_t node_matrix_deadline(const struct node *n);
void node_matrix_done(struct node *n);

/* away.c */
void node_away_note(struct node *n, struct node_id id, const struct wire_node_record *r);
int64_t node_away_left_us(struct node *n, struct node_id id); /* 0: it is not excused */
void node_away_look(struct node *n, const struct wire_node_record *r);
void node_begin_anew(struct node *n, const char *why);
void node_restart_request(struct node *n, uint64_t request, struct bytes params);
void node_restart_answered(struct node *n, uint64_t request, int error);

#endif
