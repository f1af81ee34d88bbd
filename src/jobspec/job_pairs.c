/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Names with values: `meta` and `env`, as a block or as a map. */
#include "job_reader.h"

#include <stdlib.h>

#define META_NAME_MAX 128 /* bytes; NOMAD_META_name has to be a name in an environment, too */
#define ENV_NAME_MAX  256 /* bytes, as the schema has it */

/* ---- both forms as one walk ---------------------------------------------------------------------------- */

struct walk {
    const struct hcl_item *item; /* of a block */
    const struct hcl_expr *key;  /* of a map */
};

struct entry {
    struct bytes name;
    struct hcl_span at;
    const struct hcl_expr *value;
};

/* Null means that the entry is not there. False at the end. */
static bool walk_next(struct walk *w, struct entry *ret) {
    while (w->item != NULL || w->key != NULL) {
        if (w->item != NULL) {
            *ret = (struct entry){.name = w->item->name, .at = w->item->at, .value = w->item->value};
            w->item = w->item->next;
        } else {
            *ret = (struct entry){.name = w->key->text, .at = w->key->at, .value = w->key->next};
            w->key = ret->value->next;
        }
        if (ret->value->kind != HCL_NULL)
            return true;
    }
    return false;
}

/* False = the item has another form; reported. */
static bool walk_start(struct job_reader *r, const struct hcl_item *of, struct walk *ret) {
    *ret = (struct walk){.item = of->body != NULL ? of->body->first : NULL};
    bool is_good = true;
    for (const struct hcl_item *item = ret->item; item != NULL; item = item->next)
        if (item->value == NULL) {
            hcl_diags_add(r->diags, ERR_INVALID, item->at, NULL, "`%s` holds name = value only",
                          hcl_show(r->arena, of->name));
            is_good = false;
        }
    if (of->value != NULL && of->value->kind != HCL_OBJECT) {
        job_wrong_kind(r, of->name, of->value, "a map");
        return false;
    }
    ret->key = of->value != NULL ? of->value->first : NULL;
    for (const struct hcl_expr *key = ret->key; key != NULL; key = key->next->next)
        if (key->kind != HCL_STRING) {
            job_wrong_kind(r, of->name, key, "a plain name as key");
            is_good = false;
        }
    return is_good;
}

/* ---- names --------------------------------------------------------------------------------------------- */

static bool is_meta_name(struct bytes name) {
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    return name.size > 0;
}

static bool is_env_name(struct bytes name) {
    for (size_t i = 0; i < name.size; i++) {
        uint8_t b = name.data[i], low = b | 0x20;
        bool is_first = (low >= 'a' && low <= 'z') || b == '_';
        bool is_later = (b >= '0' && b <= '9') || b == '-' || b == '.';
        if (!is_first && (i == 0 || !is_later))
            return false;
    }
    return name.size > 0;
}

static bool check_name(struct job_reader *r, const struct entry *entry, bool is_env) {
    if (is_env ? !is_env_name(entry->name) : !is_meta_name(entry->name)) {
        hcl_diags_add(r->diags, ERR_INVALID, entry->at,
                      is_env ? "letters, digits, `_`, `-`, `.`; not first a digit" : NULL,
                      "\"%s\" cannot be a name in `%s`", hcl_show(r->arena, entry->name),
                      is_env ? "env" : "meta");
        return false;
    }
    return job_check_size(r, entry->at, bytes_str("name"), entry->name.size,
                          is_env ? ENV_NAME_MAX : META_NAME_MAX);
}

/* Reads the names; their values and places are left in `entries`, in the same order. */
static struct job_pairs read_names(struct job_reader *r, struct walk w, bool is_env, struct entry *entries) {
    struct job_pairs out = {.pairs = arena_alloc(r->arena, WIRE_PAIRS_MAX * sizeof *out.pairs)};
    struct map names = {0};
    struct entry entry;
    while (walk_next(&w, &entry)) {
        if (!check_name(r, &entry, is_env))
            continue;
        if (map_get(&names, entry.name) != NULL) {
            hcl_diags_add(r->diags, ERR_INVALID, entry.at, NULL, "`%s` is set twice",
                          hcl_show(r->arena, entry.name));
            continue;
        }
        if (out.count == WIRE_PAIRS_MAX) {
            hcl_diags_add(r->diags, ERR_LIMIT, entry.at, NULL, "more than %d names in one `%s`",
                          WIRE_PAIRS_MAX, is_env ? "env" : "meta");
            break;
        }
        map_put(&names, entry.name, entries);
        entries[out.count] = entry;
        out.pairs[out.count++].name = entry.name;
    }
    map_done(&names);
    return out;
}

/* By name, so that another order in the file is the same job. Names are unique: the order is total. */
static int pair_compare(const void *a, const void *b) {
    return bytes_compare(((const struct wire_pair *)a)->name, ((const struct wire_pair *)b)->name);
}

static void sort(struct job_pairs *pairs) {
    if (pairs->count > 1)
        qsort(pairs->pairs, pairs->count, sizeof *pairs->pairs, pair_compare);
}

/* ---- meta, env ----------------------------------------------------------------------------------------- */

struct job_pairs job_read_meta(struct job_reader *r, const struct hcl_item *item) {
    struct walk w;
    struct entry *entries = arena_alloc(r->arena, WIRE_PAIRS_MAX * sizeof *entries);
    if (!walk_start(r, item, &w))
        return (struct job_pairs){.count = 0};
    struct job_pairs out = read_names(r, w, false, entries);
    for (size_t i = 0; i < out.count; i++)
        job_text(r, out.pairs[i].name, entries[i].value, &out.pairs[i].value);
    sort(&out);
    return out;
}

/* The names come first: each value may name any of them. */
void job_read_env(struct job_reader *r, const struct hcl_item *item) {
    struct walk w;
    struct entry *entries = arena_alloc(r->arena, WIRE_PAIRS_MAX * sizeof *entries);
    r->env_at = item->at;
    if (!walk_start(r, item, &w))
        return;
    struct job_pairs out = read_names(r, w, true, entries);
    r->task->env = out.pairs;
    r->task->env_count = out.count;
    job_list_variables(r);
    for (size_t i = 0; i < out.count; i++)
        if (!job_vars_add(&r->vars, out.pairs[i].name, bytes_str("")))
            hcl_diags_add(r->diags, ERR_INVALID, entries[i].at, NULL, "`%s` is set by covey itself",
                          hcl_show(r->arena, out.pairs[i].name));
    for (size_t i = 0; i < out.count; i++)
        job_runtime_text(r, out.pairs[i].name, entries[i].value, &out.pairs[i].value);
    sort(&out);
}
