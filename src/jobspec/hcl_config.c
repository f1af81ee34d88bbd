/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Flat configuration files: attributes against a table of the flags they stand for. */
#include "covey/hcl.h"

struct config_reader {
    struct arena *arena;
    struct hcl_diags *diags;
    const struct hcl_config_key *keys;
    size_t keys_count;
};

/* ---- reports ------------------------------------------------------------------------------------------- */

static bool wrong_kind(struct config_reader *c, struct bytes name, const struct hcl_expr *value,
                       const char *expected) {
    const char *hint = value->kind == HCL_VARIABLE ? "text stands in quotes" : NULL;
    hcl_diags_add(c->diags, ERR_INVALID, value->at, hint, "`%s`: expected %s, found %s",
                  hcl_show(c->arena, name), expected, hcl_kind_str(value->kind));
    return false;
}

static void unknown_name(struct config_reader *c, const struct hcl_item *item) {
    const char **names = arena_alloc(c->arena, (c->keys_count + 1) * sizeof *names);
    for (size_t i = 0; i < c->keys_count; i++)
        names[i] = c->keys[i].name;
    hcl_diags_add(c->diags, ERR_INVALID, item->at,
                  hcl_hint_nearest(c->arena, item->name, names, c->keys_count), "unknown name `%s`",
                  hcl_show(c->arena, item->name));
}

/* ---- values -------------------------------------------------------------------------------------------- */

static bool read_string(struct config_reader *c, struct bytes name, const struct hcl_expr *value,
                        struct bytes *ret) {
    if (value->kind != HCL_STRING && value->kind != HCL_INTEGER && value->kind != HCL_DECIMAL)
        return wrong_kind(c, name, value, "a string");
    *ret = value->text;
    return true;
}

static bool read_list(struct config_reader *c, struct bytes name, const struct hcl_expr *value,
                      struct hcl_config_value *ret) {
    bool is_single = value->kind == HCL_STRING;
    if (!is_single && value->kind != HCL_TUPLE)
        return wrong_kind(c, name, value, "a list of strings");
    ret->list = arena_alloc(c->arena, ((size_t)value->count + 1) * sizeof *ret->list);
    const struct hcl_expr *element = is_single ? value : value->first;
    for (; element != NULL; element = is_single ? NULL : element->next)
        if (!read_string(c, name, element, &ret->list[ret->count++]))
            return false;
    return true;
}

static bool check_bounds(struct config_reader *c, const struct hcl_config_key *key,
                         const struct hcl_expr *value, int64_t number) {
    bool is_duration = key->kind == HCL_CONFIG_DURATION;
    if ((key->integer_min == 0 && key->integer_max == 0) ||
        (number >= key->integer_min && number <= key->integer_max))
        return true;
    struct buf bounds = {0};
    if (is_duration) {
        duration_append(&bounds, key->integer_min);
        buf_printf(&bounds, " to ");
        duration_append(&bounds, key->integer_max);
    } else {
        buf_printf(&bounds, "%lld to %lld", (long long)key->integer_min, (long long)key->integer_max);
    }
    hcl_diags_add(c->diags, number > key->integer_max ? ERR_LIMIT : ERR_INVALID, value->at, NULL,
                  "`%s` is %s; allowed are %s", key->name, hcl_show(c->arena, value->text), buf_str(&bounds));
    buf_done(&bounds);
    return false;
}

static bool read_int(struct config_reader *c, const struct hcl_config_key *key, const struct hcl_expr *value,
                     int64_t *ret) {
    if (value->kind != HCL_INTEGER)
        return wrong_kind(c, bytes_str(key->name), value, "a whole number");
    *ret = value->integer;
    return check_bounds(c, key, value, *ret);
}

static bool read_duration(struct config_reader *c, const struct hcl_config_key *key,
                          const struct hcl_expr *value, int64_t *ret_us) {
    if (value->kind != HCL_STRING)
        return wrong_kind(c, bytes_str(key->name), value, "a duration such as \"10s\"");
    int code = duration_parse(value->text, ret_us);
    if (code == 0)
        return check_bounds(c, key, value, *ret_us);
    hcl_diags_add(c->diags, code, value->at, "\"250ms\", \"10s\", \"1h30m\"", "`%s`: \"%s\" is no duration%s",
                  key->name, hcl_show(c->arena, value->text),
                  code == ERR_LIMIT ? " of at most 100 years" : "");
    return false;
}

/* ---- maps ---------------------------------------------------------------------------------------------- */

static bool add_pair(struct config_reader *c, struct bytes key, struct hcl_span at,
                     const struct hcl_expr *value, struct map *keys, struct hcl_config_value *ret) {
    struct hcl_config_pair *pair = &ret->pairs[ret->count++];
    pair->key = key;
    if (map_put(keys, key, pair) == NULL)
        return read_string(c, key, value, &pair->value);
    hcl_diags_add(c->diags, ERR_INVALID, at, NULL, "`%s` is set twice", hcl_show(c->arena, key));
    return false;
}

static bool read_block(struct config_reader *c, const struct hcl_item *item, struct map *keys,
                       struct hcl_config_value *ret) {
    ret->pairs = arena_alloc(c->arena, ((size_t)item->body->count + 1) * sizeof *ret->pairs);
    for (const struct hcl_item *entry = item->body->first; entry != NULL; entry = entry->next) {
        if (entry->value == NULL) {
            hcl_diags_add(c->diags, ERR_INVALID, entry->at, NULL, "`%s` holds name = \"value\" only",
                          hcl_show(c->arena, item->name));
            return false;
        }
        if (!add_pair(c, entry->name, entry->at, entry->value, keys, ret))
            return false;
    }
    return true;
}

static bool read_object(struct config_reader *c, const struct hcl_item *item, struct map *keys,
                        struct hcl_config_value *ret) {
    if (item->value->kind != HCL_OBJECT)
        return wrong_kind(c, item->name, item->value, "a map");
    ret->pairs = arena_alloc(c->arena, ((size_t)item->value->count + 1) * sizeof *ret->pairs);
    for (const struct hcl_expr *key = item->value->first; key != NULL; key = key->next->next) {
        if (key->kind != HCL_STRING)
            return wrong_kind(c, item->name, key, "a plain name as key");
        if (!add_pair(c, key->text, key->at, key->next, keys, ret))
            return false;
    }
    return true;
}

static bool read_map(struct config_reader *c, const struct hcl_item *item, struct hcl_config_value *ret) {
    struct map keys = {0};
    bool is_good = item->body != NULL ? read_block(c, item, &keys, ret) : read_object(c, item, &keys, ret);
    map_done(&keys);
    return is_good;
}

/* ---- items --------------------------------------------------------------------------------------------- */

static bool is_same_name(struct bytes name, const char *key) {
    if (name.size != strlen(key))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if ((name.data[i] == '_' ? '-' : name.data[i]) != (key[i] == '_' ? '-' : key[i]))
            return false;
    return true;
}

static size_t key_find(const struct config_reader *c, struct bytes name) {
    size_t i = 0;
    while (i < c->keys_count && !is_same_name(name, c->keys[i].name))
        i++;
    return i;
}

static bool read_value(struct config_reader *c, const struct hcl_config_key *key, const struct hcl_item *item,
                       struct hcl_config_value *ret) {
    switch (key->kind) {
    case HCL_CONFIG_STRING: return read_string(c, item->name, item->value, &ret->text);
    case HCL_CONFIG_LIST: return read_list(c, item->name, item->value, ret);
    case HCL_CONFIG_BOOL:
        ret->flag = item->value->flag;
        return item->value->kind == HCL_BOOL || wrong_kind(c, item->name, item->value, "true or false");
    case HCL_CONFIG_INT: return read_int(c, key, item->value, &ret->integer);
    case HCL_CONFIG_DURATION: return read_duration(c, key, item->value, &ret->integer);
    case HCL_CONFIG_MAP:
    default: return read_map(c, item, ret);
    }
}

static void read_item(struct config_reader *c, const struct hcl_item *item, struct hcl_config_value *values) {
    size_t i = key_find(c, item->name);
    if (i == c->keys_count) {
        unknown_name(c, item);
        return;
    }
    const struct hcl_config_key *key = &c->keys[i];
    bool is_map = key->kind == HCL_CONFIG_MAP;
    if (item->body != NULL && (!is_map || item->labels_count > 0))
        hcl_diags_add(c->diags, ERR_INVALID, item->at, NULL,
                      is_map ? "`%s` takes no label" : "`%s` is no block", key->name);
    else if (values[i].at.line > 0)
        hcl_diags_add(c->diags, ERR_INVALID, item->at, NULL, "`%s` is set twice: the first time in line %u",
                      key->name, values[i].at.line);
    else if (read_value(c, key, item, &values[i]))
        values[i].at = item->value != NULL ? item->value->at : item->at;
}

int hcl_config_parse(const struct hcl_config_key *keys, size_t keys_count, struct arena *a,
                     struct hcl_diags *d, struct hcl_config_value *ret_values) {
    struct config_reader c = {.arena = a, .diags = d, .keys = keys, .keys_count = keys_count};
    struct hcl_body *body;
    int code = hcl_parse(a, d, &body);
    if (code != 0)
        return code;
    struct hcl_config_value *values = arena_alloc(a, (keys_count + 1) * sizeof *values);
    for (const struct hcl_item *item = body->first; item != NULL; item = item->next)
        read_item(&c, item, values);
    code = hcl_diags_code(d);
    if (code == 0)
        memcpy(ret_values, values, keys_count * sizeof *values);
    return code;
}
