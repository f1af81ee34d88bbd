/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What people get wrong when they start an agent: another cluster's token, a typing error, a name that is
 * taken or none, ports that are no range, no address that answers. A newcomer is refused, tries for ever or
 * says why it does not start; a member that is there already goes on being one. Nobody else is to suffer from
 * it, and started as it should be it is a member like all others.
 */
#include "mistakes.h"

#include "checker.h"

static const char long_name[] = "a-name-that-is-longer-than-the-sixty-three-bytes-that-a-name-may-have";

enum mistake mistake_draw(struct world *w) {
    return (enum mistake)(1 + prng_below(&w->mistake_prng, MISTAKES_COUNT - 1));
}

static void token_of(struct world *w, const struct join_token *token) {
    buf_clear(&w->wrong_token);
    secret_token_append(&w->wrong_token, token);
}

void mistake_make(struct world *w, const struct sim_host *h, struct node_options *o) {
    struct join_token token;
    const char *why;
    bool known = secret_token_parse(buf_bytes(&w->token), &token, &why) == 0;
    switch ((enum mistake)h->mistake) {
    case MISTAKE_SECRET:
    case MISTAKE_CLUSTER:
        if (!known)
            break;
        if (h->mistake == MISTAKE_SECRET)
            token.secret.b[0] ^= 1;
        else
            token.cluster.b[0] ^= 1;
        token_of(w, &token);
        o->token = buf_bytes(&w->wrong_token);
        break;
    case MISTAKE_TOKEN: o->token = bytes_of(o->token.data, o->token.size / 2); break;
    case MISTAKE_NAME: {
        static const char *const names[HOSTS_MAX] = {"h0", "h1", "h2", "h3", "h4", "h5", "h6"};
        o->name = bytes_str(names[(h->index + 1) % w->hosts_count]);
        break;
    }
    case MISTAKE_NO_NAME: o->name = (struct bytes){0}; break;
    case MISTAKE_LONG_NAME: o->name = bytes_str(long_name); break;
    case MISTAKE_PORTS: o->ports_low = o->ports_high + 1; break;
    case MISTAKE_HIGH_PORTS: o->ports_high = 70000; break;
    case MISTAKE_NO_SEED: o->seeds_count = 0; break;
    case MISTAKE_DEAD_SEED:
        o->seeds_count = o->seeds_count > 0 ? 1 : 0;
        if (o->seeds_count > 0)
            ((struct addr *)(uintptr_t)o->seeds)->b[3] = 254; /* nobody's */
        break;
    case MISTAKE_NONE:
    case MISTAKES_COUNT: break;
    }
}
