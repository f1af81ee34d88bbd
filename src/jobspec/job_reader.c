/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Sections of a job file against the tables of what may stand in them. */
#include "job_reader.h"

#define NAMES_MAX 64 /* names of a section, or of its refused ones */

void job_refuse(struct job_reader *r, struct hcl_span at, struct bytes name) {
    hcl_diags_add(r->diags, ERR_UNSUPPORTED, at, NULL, "covey does not support `%s` yet",
                  hcl_show(r->arena, name));
}

const char *job_hint(struct job_reader *r, struct bytes word, const char *const *names, size_t count) {
    const char *hint = hcl_hint_nearest(r->arena, word, names, count);
    if (hint != NULL || count == 0)
        return hint;
    struct buf known = {0};
    for (size_t i = 0; i < count; i++)
        buf_printf(&known, "%s%s", i > 0 ? ", " : "known here: ", names[i]);
    hint = (const char *)arena_copy(r->arena, buf_bytes(&known)).data;
    buf_done(&known);
    return hint;
}

size_t job_blocks_count(const struct hcl_body *body, const char *name) {
    size_t count = 0;
    for (const struct hcl_item *item = body->first; item != NULL; item = item->next)
        count += item->body != NULL && bytes_is(item->name, name);
    return count;
}

/* ---- one item ------------------------------------------------------------------------------------------ */

static const struct job_key *key_find(const struct job_section *section, struct bytes name) {
    for (size_t i = 0; i < section->keys_count; i++)
        if (bytes_is(name, section->keys[i].name))
            return &section->keys[i];
    return NULL;
}

static size_t refused_count(const struct job_section *section) {
    size_t count = 0;
    while (section->refused != NULL && section->refused[count] != NULL)
        count++;
    return count;
}

/* A name that is in no table: refused, or unknown. */
static void report_name(struct job_reader *r, const struct hcl_item *item,
                        const struct job_section *section) {
    size_t count = refused_count(section);
    for (size_t i = 0; i < count; i++)
        if (bytes_is(item->name, section->refused[i])) {
            job_refuse(r, item->at, item->name);
            return;
        }
    const char *names[NAMES_MAX];
    assert(section->keys_count <= NAMES_MAX);
    for (size_t i = 0; i < section->keys_count; i++)
        names[i] = section->keys[i].name;
    const char *near_refused = text_nearest(item->name, section->refused, count);
    const char *hint = hcl_hint_nearest(r->arena, item->name, names, section->keys_count);
    if (hint == NULL && near_refused != NULL)
        hint = arena_printf(r->arena, "`%s` is not supported yet either", near_refused);
    if (hint == NULL)
        hint = job_hint(r, item->name, names, section->keys_count);
    hcl_diags_add(r->diags, ERR_INVALID, item->at, hint, "unknown name `%s` in %s",
                  hcl_show(r->arena, item->name), section->name);
}

/* Is the item an attribute or block as its key wants it, with the labels it wants? */
static bool check_shape(struct job_reader *r, const struct hcl_item *item, const struct job_key *key) {
    uint32_t labels = key->kind == JOB_BLOCKS ? 1 : 0;
    if (item->body == NULL && (key->kind == JOB_BLOCK || key->kind == JOB_BLOCKS)) {
        hcl_diags_add(r->diags, ERR_INVALID, item->at, NULL, "`%s` is a block: %s %s{ ... }", key->name,
                      key->name, labels > 0 ? "\"name\" " : "");
        return false;
    }
    if (item->body != NULL && key->kind == JOB_ATTR) {
        hcl_diags_add(r->diags, ERR_INVALID, item->at, NULL, "`%s` is no block: %s = ...", key->name,
                      key->name);
        return false;
    }
    if (item->body != NULL && item->labels_count != labels) {
        hcl_diags_add(r->diags, ERR_INVALID, item->at, NULL, "`%s` takes %s, found %u", key->name,
                      labels > 0 ? "one label, its name" : "no label", item->labels_count);
        return false;
    }
    return true;
}

/* ---- a whole section ----------------------------------------------------------------------------------- */

/* What a body held before the item: blocks that may stand once by name, the others by label. */
static bool check_twice(struct job_reader *r, const struct hcl_item *item, const struct job_key *key,
                        struct map *names, struct map *labels) {
    bool by_label = key->kind == JOB_BLOCKS;
    struct bytes word = by_label ? item->labels->text : item->name;
    struct hcl_span at = by_label ? item->labels->at : item->at;
    struct hcl_item *before = map_get(by_label ? labels : names, word);
    if (before != NULL) {
        hcl_diags_add(r->diags, ERR_INVALID, at, NULL, "%s%s`%s` stands twice: the first time in line %u",
                      by_label ? key->name : "", by_label ? " " : "", hcl_show(r->arena, word),
                      before->at.line);
        return false;
    }
    struct hcl_item *copy = arena_alloc(r->arena, sizeof *copy);
    *copy = *item;
    map_put(by_label ? labels : names, word, copy);
    return true;
}

struct job_ready {
    const struct hcl_item *item;
    const struct job_key *key;
};

/* Reports what may not stand here; the items that may are left in `ready`. */
static size_t check_items(struct job_reader *r, const struct hcl_body *body,
                          const struct job_section *section, struct job_ready *ready) {
    struct map names = {0}, labels = {0};
    size_t count = 0;
    for (const struct hcl_item *item = body->first; item != NULL; item = item->next) {
        const struct job_key *key = key_find(section, item->name);
        if (key == NULL) {
            report_name(r, item, section);
            continue;
        }
        bool is_unset = item->value != NULL && item->value->kind == HCL_NULL;
        if (!is_unset && check_shape(r, item, key) && check_twice(r, item, key, &names, &labels))
            ready[count++] = (struct job_ready){.item = item, .key = key};
    }
    map_done(&names);
    map_done(&labels);
    return count;
}

void job_read_body(struct job_reader *r, const struct hcl_body *body, const struct job_section *section) {
    struct job_ready *ready = arena_alloc(r->arena, (body->count + 1) * sizeof *ready);
    size_t count = check_items(r, body, section, ready);
    for (int pass = 0; pass < JOB_PASSES; pass++)
        for (size_t i = 0; i < count; i++)
            if (ready[i].key->pass == pass)
                ready[i].key->read(r, ready[i].item);
}
