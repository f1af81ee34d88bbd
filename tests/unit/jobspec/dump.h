/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the tests of this room share: trees as text, and parsing in one call. */
#ifndef COVEY_TESTS_JOBSPEC_DUMP_H
#define COVEY_TESTS_JOBSPEC_DUMP_H

#include "covey/hcl.h"

/* One expression as an S-expression: 1 + 2 is (+ 1 2). */
void dump_expr(const struct hcl_expr *e, struct buf *out);
/* The items between braces, separated by "; ". */
void dump_body(const struct hcl_body *body, struct buf *out);

/* A text parsed; everything in it lives until parsed_done. */
struct parsed {
    struct arena arena;
    struct hcl_diags diags;
    struct hcl_body *body;
    int code;
};
void parsed_init(struct parsed *p, struct bytes text);
void parsed_done(struct parsed *p);

/* The dump of a text, or its first diagnostic as "line:column: message". In the arena. */
const char *tree_of(struct arena *a, const char *text);

/* The bytes of a file of the source tree ("tests/trace/jobspec/x.hcl"); an empty view if there is none. */
struct bytes source_file(struct arena *a, const char *path);

#endif
