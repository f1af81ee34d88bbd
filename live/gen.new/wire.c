/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Made by proto/gen.py from the schema: change that. */
#include "covey/wire.h"

_Static_assert(sizeof(struct node_id) == 16, "the wire has 16 bytes");
_Static_assert(sizeof(struct cluster_id) == 16, "the wire has 16 bytes");
_Static_assert(sizeof(struct instance_id) == 16, "the wire has 16 bytes");
_Static_assert(sizeof(struct log_id) == 16, "the wire has 16 bytes");
_Static_assert(sizeof(struct request_id) == 16, "the wire has 16 bytes");
_Static_assert(sizeof(struct recovery_id) == 16, "the wire has 16 bytes");
_Static_assert(sizeof(struct boot_id) == 16, "the wire has 16 bytes");
_Static_assert(sizeof(struct raft_id) == 32, "the wire has 32 bytes");
_Static_assert(sizeof(struct public_key) == 32, "the wire has 32 bytes");

static const struct codec_enum_value member_state_values[] = {
    {"alive", 0},
    {"suspect", 1},
    {"dead", 2},
    {"left", 3},
};
const struct codec_enum member_state_enum = {
    .name = "member_state",
    .values = member_state_values,
    .values_count = 4,
    .open = false,
};
_Static_assert(sizeof(enum member_state) == sizeof(int32_t), "an enum has 32 bits");
const char *member_state_str(enum member_state value) {
    return codec_enum_str(&member_state_enum, (int32_t)value);
}
int member_state_parse(struct bytes name, enum member_state *ret_value) {
    int32_t number;
    int error = codec_enum_parse(&member_state_enum, name, &number);
    if (error)
        return error;
    *ret_value = (enum member_state)number;
    return 0;
}

static const struct codec_enum_value job_type_values[] = {
    {"service", 0},
    {"batch", 1},
};
const struct codec_enum job_type_enum = {
    .name = "job_type",
    .values = job_type_values,
    .values_count = 2,
    .open = false,
};
_Static_assert(sizeof(enum job_type) == sizeof(int32_t), "an enum has 32 bits");
const char *job_type_str(enum job_type value) {
    return codec_enum_str(&job_type_enum, (int32_t)value);
}
int job_type_parse(struct bytes name, enum job_type *ret_value) {
    int32_t number;
    int error = codec_enum_parse(&job_type_enum, name, &number);
    if (error)
        return error;
    *ret_value = (enum job_type)number;
    return 0;
}

static const struct codec_enum_value driver_kind_values[] = {
    {"exec", 0},
    {"raw_exec", 1},
};
const struct codec_enum driver_kind_enum = {
    .name = "driver_kind",
    .values = driver_kind_values,
    .values_count = 2,
    .open = false,
};
_Static_assert(sizeof(enum driver_kind) == sizeof(int32_t), "an enum has 32 bits");
const char *driver_kind_str(enum driver_kind value) {
    return codec_enum_str(&driver_kind_enum, (int32_t)value);
}
int driver_kind_parse(struct bytes name, enum driver_kind *ret_value) {
    int32_t number;
    int error = codec_enum_parse(&driver_kind_enum, name, &number);
    if (error)
        return error;
    *ret_value = (enum driver_kind)number;
    return 0;
}

static const struct codec_enum_value restart_mode_values[] = {
    {"fail", 0},
    {"delay", 1},
};
const struct codec_enum restart_mode_enum = {
    .name = "restart_mode",
    .values = restart_mode_values,
    .values_count = 2,
    .open = false,
};
_Static_assert(sizeof(enum restart_mode) == sizeof(int32_t), "an enum has 32 bits");
const char *restart_mode_str(enum restart_mode value) {
    return codec_enum_str(&restart_mode_enum, (int32_t)value);
}
int restart_mode_parse(struct bytes name, enum restart_mode *ret_value) {
    int32_t number;
    int error = codec_enum_parse(&restart_mode_enum, name, &number);
    if (error)
        return error;
    *ret_value = (enum restart_mode)number;
    return 0;
}

static const struct codec_enum_value entry_kind_values[] = {
    {"noop", 0},
    {"command", 1},
    {"config", 2},
};
const struct codec_enum entry_kind_enum = {
    .name = "entry_kind",
    .values = entry_kind_values,
    .values_count = 3,
    .open = false,
};
_Static_assert(sizeof(enum entry_kind) == sizeof(int32_t), "an enum has 32 bits");
const char *entry_kind_str(enum entry_kind value) {
    return codec_enum_str(&entry_kind_enum, (int32_t)value);
}
int entry_kind_parse(struct bytes name, enum entry_kind *ret_value) {
    int32_t number;
    int error = codec_enum_parse(&entry_kind_enum, name, &number);
    if (error)
        return error;
    *ret_value = (enum entry_kind)number;
    return 0;
}

static const struct codec_enum_value node_status_values[] = {
    {"joining", 0},
    {"ready", 1},
    {"unreachable", 2},
    {"left", 3},
};
const struct codec_enum node_status_enum = {
    .name = "node_status",
    .values = node_status_values,
    .values_count = 4,
    .open = false,
};
_Static_assert(sizeof(enum node_status) == sizeof(int32_t), "an enum has 32 bits");
const char *node_status_str(enum node_status value) {
    return codec_enum_str(&node_status_enum, (int32_t)value);
}
int node_status_parse(struct bytes name, enum node_status *ret_value) {
    int32_t number;
    int error = codec_enum_parse(&node_status_enum, name, &number);
    if (error)
        return error;
    *ret_value = (enum node_status)number;
    return 0;
}

static const struct codec_enum_value desired_state_values[] = {
    {"run", 0},
    {"stop", 1},
};
const struct codec_enum desired_state_enum = {
    .name = "desired_state",
    .values = desired_state_values,
    .values_count = 2,
    .open = false,
};
_Static_assert(sizeof(enum desired_state) == sizeof(int32_t), "an enum has 32 bits");
const char *desired_state_str(enum desired_state value) {
    return codec_enum_str(&desired_state_enum, (int32_t)value);
}
int desired_state_parse(struct bytes name, enum desired_state *ret_value) {
    int32_t number;
    int error = codec_enum_parse(&desired_state_enum, name, &number);
    if (error)
        return error;
    *ret_value = (enum desired_state)number;
    return 0;
}

static const struct codec_enum_value instance_state_values[] = {
    {"placed", 0},
    {"starting", 1},
    {"running", 2},
    {"complete", 3},
    {"failed", 4},
    {"stopped", 5},
    {"refused", 6},
    {"unknown", 7},
};
const struct codec_enum instance_state_enum = {
    .name = "instance_state",
    .values = instance_state_values,
    .values_count = 8,
    .open = false,
};
_Static_assert(sizeof(enum instance_state) == sizeof(int32_t), "an enum has 32 bits");
const char *instance_state_str(enum instance_state value) {
    return codec_enum_str(&instance_state_enum, (int32_t)value);
}
int instance_state_parse(struct bytes name, enum instance_state *ret_value) {
    int32_t number;
    int error = codec_enum_parse(&instance_state_enum, name, &number);
    if (error)
        return error;
    *ret_value = (enum instance_state)number;
    return 0;
}

static const struct codec_enum_value task_state_values[] = {
    {"pending", 0},
    {"running", 1},
    {"backoff", 2},
    {"stopping", 3},
    {"dead", 4},
};
const struct codec_enum task_state_enum = {
    .name = "task_state",
    .values = task_state_values,
    .values_count = 5,
    .open = false,
};
_Static_assert(sizeof(enum task_state) == sizeof(int32_t), "an enum has 32 bits");
const char *task_state_str(enum task_state value) {
    return codec_enum_str(&task_state_enum, (int32_t)value);
}
int task_state_parse(struct bytes name, enum task_state *ret_value) {
    int32_t number;
    int error = codec_enum_parse(&task_state_enum, name, &number);
    if (error)
        return error;
    *ret_value = (enum task_state)number;
    return 0;
}

static const struct codec_field wire_pair_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_pair, name), .size =
     sizeof(struct bytes), .max = 256u, .flags = CODEC_REQUIRED},
    {.name = "value", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_pair, value), .size =
     sizeof(struct bytes), .max = 4096u},
};
const struct codec_type wire_pair_type = {
    .name = "wire_pair",
    .fields = wire_pair_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_pair),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_member_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_member, id), .size =
     sizeof(struct node_id), .flags = CODEC_REQUIRED},
    {.name = "state", .id = 2, .kind = CODEC_ENUM, .offset = offsetof(struct wire_member, state), .size =
     sizeof(enum member_state), .table = &member_state_enum},
    {.name = "generation", .id = 3, .kind = CODEC_U32, .offset = offsetof(struct wire_member, generation),
     .size = sizeof(uint32_t)},
    {.name = "version", .id = 4, .kind = CODEC_U32, .offset = offsetof(struct wire_member, version), .size =
     sizeof(uint32_t)},
    {.name = "name", .id = 5, .kind = CODEC_STR, .offset = offsetof(struct wire_member, name), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "addr", .id = 6, .kind = CODEC_ADDR, .offset = offsetof(struct wire_member, addr), .size =
     sizeof(struct addr)},
    {.name = "from", .id = 7, .kind = CODEC_ID, .offset = offsetof(struct wire_member, from), .size =
     sizeof(struct node_id)},
    {.name = "key", .id = 8, .kind = CODEC_ID, .offset = offsetof(struct wire_member, key), .size =
     sizeof(struct public_key)},
    {.name = "since", .id = 9, .kind = CODEC_U32, .offset = offsetof(struct wire_member, since), .size =
     sizeof(uint32_t)},
    {.name = "signature", .id = 10, .kind = CODEC_BYTES, .offset = offsetof(struct wire_member, signature),
     .size = sizeof(struct bytes), .max = 64u},
    {.name = "farewell", .id = 11, .kind = CODEC_BYTES, .offset = offsetof(struct wire_member, farewell),
     .size = sizeof(struct bytes), .max = 64u},
};
const struct codec_type wire_member_type = {
    .name = "wire_member",
    .fields = wire_member_fields,
    .fields_count = 11,
    .size = sizeof(struct wire_member),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_ping_fields[] = {
    {.name = "seq", .id = 1, .kind = CODEC_U32, .offset = offsetof(struct wire_ping, seq), .size =
     sizeof(uint32_t)},
    {.name = "target", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_ping, target), .size =
     sizeof(struct node_id)},
    {.name = "state", .id = 3, .kind = CODEC_ENUM, .offset = offsetof(struct wire_ping, state), .size =
     sizeof(enum member_state), .table = &member_state_enum},
    {.name = "generation", .id = 4, .kind = CODEC_U32, .offset = offsetof(struct wire_ping, generation), .size
     = sizeof(uint32_t)},
    {.name = "version", .id = 5, .kind = CODEC_U32, .offset = offsetof(struct wire_ping, version), .size =
     sizeof(uint32_t)},
};
const struct codec_type wire_ping_type = {
    .name = "wire_ping",
    .fields = wire_ping_fields,
    .fields_count = 5,
    .size = sizeof(struct wire_ping),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_ping_req_fields[] = {
    {.name = "seq", .id = 1, .kind = CODEC_U32, .offset = offsetof(struct wire_ping_req, seq), .size =
     sizeof(uint32_t)},
    {.name = "target", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_ping_req, target), .size =
     sizeof(struct node_id), .flags = CODEC_REQUIRED},
    {.name = "addr", .id = 3, .kind = CODEC_ADDR, .offset = offsetof(struct wire_ping_req, addr), .size =
     sizeof(struct addr)},
    {.name = "budget_ms", .id = 4, .kind = CODEC_U32, .offset = offsetof(struct wire_ping_req, budget_ms),
     .size = sizeof(uint32_t)},
};
const struct codec_type wire_ping_req_type = {
    .name = "wire_ping_req",
    .fields = wire_ping_req_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_ping_req),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_ack_fields[] = {
    {.name = "seq", .id = 1, .kind = CODEC_U32, .offset = offsetof(struct wire_ack, seq), .size =
     sizeof(uint32_t)},
    {.name = "target", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_ack, target), .size =
     sizeof(struct node_id)},
};
const struct codec_type wire_ack_type = {
    .name = "wire_ack",
    .fields = wire_ack_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_ack),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_nack_fields[] = {
    {.name = "seq", .id = 1, .kind = CODEC_U32, .offset = offsetof(struct wire_nack, seq), .size =
     sizeof(uint32_t)},
    {.name = "target", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_nack, target), .size =
     sizeof(struct node_id)},
};
const struct codec_type wire_nack_type = {
    .name = "wire_nack",
    .fields = wire_nack_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_nack),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_swim_packet_fields[] = {
    {.name = "ping", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_swim_packet, ping), .size
     = sizeof(struct wire_ping), .sub = &wire_ping_type, .flags = CODEC_OPTIONAL},
    {.name = "ping_req", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_swim_packet,
     ping_req), .size = sizeof(struct wire_ping_req), .sub = &wire_ping_req_type, .flags = CODEC_OPTIONAL},
    {.name = "ack", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_swim_packet, ack), .size =
     sizeof(struct wire_ack), .sub = &wire_ack_type, .flags = CODEC_OPTIONAL},
    {.name = "nack", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_swim_packet, nack), .size
     = sizeof(struct wire_nack), .sub = &wire_nack_type, .flags = CODEC_OPTIONAL},
    {.name = "members", .id = 5, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_swim_packet, members),
     .size = sizeof(struct wire_member), .count_offset = offsetof(struct wire_swim_packet, members_count),
     .list_max = 64u, .sub = &wire_member_type, .flags = CODEC_LIST},
    {.name = "wanted", .id = 6, .kind = CODEC_ID, .offset = offsetof(struct wire_swim_packet, wanted), .size =
     sizeof(struct node_id), .count_offset = offsetof(struct wire_swim_packet, wanted_count), .list_max = 8u,
     .flags = CODEC_LIST},
    {.name = "sum", .id = 7, .kind = CODEC_U64, .offset = offsetof(struct wire_swim_packet, sum), .size =
     sizeof(uint64_t)},
};
const struct codec_type wire_swim_packet_type = {
    .name = "wire_swim_packet",
    .fields = wire_swim_packet_fields,
    .fields_count = 7,
    .size = sizeof(struct wire_swim_packet),
    .max_bytes = 1400u,
};

static const struct codec_field wire_swim_sync_fields[] = {
    {.name = "reply", .id = 1, .kind = CODEC_BOOL, .offset = offsetof(struct wire_swim_sync, reply), .size =
     sizeof(bool)},
    {.name = "members", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_swim_sync, members),
     .size = sizeof(struct wire_member), .count_offset = offsetof(struct wire_swim_sync, members_count),
     .list_max = 20000u, .sub = &wire_member_type, .flags = CODEC_LIST},
    {.name = "sums", .id = 3, .kind = CODEC_BYTES, .offset = offsetof(struct wire_swim_sync, sums), .size =
     sizeof(struct bytes), .max = 2048u},
    {.name = "differ", .id = 4, .kind = CODEC_BYTES, .offset = offsetof(struct wire_swim_sync, differ), .size
     = sizeof(struct bytes), .max = 32u},
    {.name = "held", .id = 5, .kind = CODEC_BYTES, .offset = offsetof(struct wire_swim_sync, held), .size =
     sizeof(struct bytes), .max = 160000u},
    {.name = "wanted", .id = 6, .kind = CODEC_BYTES, .offset = offsetof(struct wire_swim_sync, wanted), .size
     = sizeof(struct bytes), .max = 160000u},
    {.name = "table", .id = 7, .kind = CODEC_BOOL, .offset = offsetof(struct wire_swim_sync, table), .size =
     sizeof(bool)},
    {.name = "from", .id = 8, .kind = CODEC_U32, .offset = offsetof(struct wire_swim_sync, from), .size =
     sizeof(uint32_t)},
    {.name = "next", .id = 9, .kind = CODEC_U32, .offset = offsetof(struct wire_swim_sync, next), .size =
     sizeof(uint32_t)},
    {.name = "later", .id = 10, .kind = CODEC_BOOL, .offset = offsetof(struct wire_swim_sync, later), .size =
     sizeof(bool)},
    {.name = "buckets", .id = 11, .kind = CODEC_U32, .offset = offsetof(struct wire_swim_sync, buckets), .size
     = sizeof(uint32_t)},
};
const struct codec_type wire_swim_sync_type = {
    .name = "wire_swim_sync",
    .fields = wire_swim_sync_fields,
    .fields_count = 11,
    .size = sizeof(struct wire_swim_sync),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_raft_config_fields[] = {
    {.name = "voters", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_raft_config, voters), .size =
     sizeof(struct raft_id), .count_offset = offsetof(struct wire_raft_config, voters_count), .list_max = 9u,
     .flags = CODEC_LIST},
    {.name = "voters_next", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_raft_config,
     voters_next), .size = sizeof(struct raft_id), .count_offset = offsetof(struct wire_raft_config,
     voters_next_count), .list_max = 9u, .flags = CODEC_LIST},
};
const struct codec_type wire_raft_config_type = {
    .name = "wire_raft_config",
    .fields = wire_raft_config_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_raft_config),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_raft_entry_fields[] = {
    {.name = "index", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_raft_entry, index), .size =
     sizeof(uint64_t), .flags = CODEC_REQUIRED},
    {.name = "term", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_raft_entry, term), .size =
     sizeof(uint64_t), .flags = CODEC_REQUIRED},
    {.name = "kind", .id = 3, .kind = CODEC_ENUM, .offset = offsetof(struct wire_raft_entry, kind), .size =
     sizeof(enum entry_kind), .table = &entry_kind_enum},
    {.name = "data", .id = 4, .kind = CODEC_BYTES, .offset = offsetof(struct wire_raft_entry, data), .size =
     sizeof(struct bytes), .max = 4194304u},
};
const struct codec_type wire_raft_entry_type = {
    .name = "wire_raft_entry",
    .fields = wire_raft_entry_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_raft_entry),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_vote_request_fields[] = {
    {.name = "pre", .id = 1, .kind = CODEC_BOOL, .offset = offsetof(struct wire_vote_request, pre), .size =
     sizeof(bool)},
    {.name = "last_index", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_vote_request,
     last_index), .size = sizeof(uint64_t)},
    {.name = "last_term", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_vote_request, last_term),
     .size = sizeof(uint64_t)},
    {.name = "transfer", .id = 4, .kind = CODEC_BOOL, .offset = offsetof(struct wire_vote_request, transfer),
     .size = sizeof(bool)},
};
const struct codec_type wire_vote_request_type = {
    .name = "wire_vote_request",
    .fields = wire_vote_request_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_vote_request),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_vote_response_fields[] = {
    {.name = "pre", .id = 1, .kind = CODEC_BOOL, .offset = offsetof(struct wire_vote_response, pre), .size =
     sizeof(bool)},
    {.name = "granted", .id = 2, .kind = CODEC_BOOL, .offset = offsetof(struct wire_vote_response, granted),
     .size = sizeof(bool)},
};
const struct codec_type wire_vote_response_type = {
    .name = "wire_vote_response",
    .fields = wire_vote_response_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_vote_response),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_append_request_fields[] = {
    {.name = "prev_index", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_append_request,
     prev_index), .size = sizeof(uint64_t)},
    {.name = "prev_term", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_append_request,
     prev_term), .size = sizeof(uint64_t)},
    {.name = "commit", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_append_request, commit),
     .size = sizeof(uint64_t)},
    {.name = "round", .id = 4, .kind = CODEC_U64, .offset = offsetof(struct wire_append_request, round), .size
     = sizeof(uint64_t)},
    {.name = "entries", .id = 5, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_append_request,
     entries), .size = sizeof(struct wire_raft_entry), .count_offset = offsetof(struct wire_append_request,
     entries_count), .list_max = 4096u, .sub = &wire_raft_entry_type, .flags = CODEC_LIST},
};
const struct codec_type wire_append_request_type = {
    .name = "wire_append_request",
    .fields = wire_append_request_fields,
    .fields_count = 5,
    .size = sizeof(struct wire_append_request),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_append_response_fields[] = {
    {.name = "success", .id = 1, .kind = CODEC_BOOL, .offset = offsetof(struct wire_append_response, success),
     .size = sizeof(bool)},
    {.name = "match_index", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_append_response,
     match_index), .size = sizeof(uint64_t)},
    {.name = "hint_index", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_append_response,
     hint_index), .size = sizeof(uint64_t)},
    {.name = "hint_term", .id = 4, .kind = CODEC_U64, .offset = offsetof(struct wire_append_response,
     hint_term), .size = sizeof(uint64_t)},
    {.name = "round", .id = 5, .kind = CODEC_U64, .offset = offsetof(struct wire_append_response, round),
     .size = sizeof(uint64_t)},
};
const struct codec_type wire_append_response_type = {
    .name = "wire_append_response",
    .fields = wire_append_response_fields,
    .fields_count = 5,
    .size = sizeof(struct wire_append_response),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_snapshot_chunk_fields[] = {
    {.name = "index", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_chunk, index), .size
     = sizeof(uint64_t)},
    {.name = "term", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_chunk, term), .size =
     sizeof(uint64_t)},
    {.name = "config", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_snapshot_chunk, config),
     .size = sizeof(struct wire_raft_config), .sub = &wire_raft_config_type},
    {.name = "total_size", .id = 4, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_chunk,
     total_size), .size = sizeof(uint64_t)},
    {.name = "offset", .id = 5, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_chunk, offset),
     .size = sizeof(uint64_t)},
    {.name = "data", .id = 6, .kind = CODEC_BYTES, .offset = offsetof(struct wire_snapshot_chunk, data), .size
     = sizeof(struct bytes), .max = 262144u},
    {.name = "checksum", .id = 7, .kind = CODEC_U32, .offset = offsetof(struct wire_snapshot_chunk, checksum),
     .size = sizeof(uint32_t)},
    {.name = "round", .id = 8, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_chunk, round), .size
     = sizeof(uint64_t)},
};
const struct codec_type wire_snapshot_chunk_type = {
    .name = "wire_snapshot_chunk",
    .fields = wire_snapshot_chunk_fields,
    .fields_count = 8,
    .size = sizeof(struct wire_snapshot_chunk),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_snapshot_response_fields[] = {
    {.name = "index", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_response, index),
     .size = sizeof(uint64_t)},
    {.name = "offset", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_response, offset),
     .size = sizeof(uint64_t)},
    {.name = "refused", .id = 3, .kind = CODEC_BOOL, .offset = offsetof(struct wire_snapshot_response,
     refused), .size = sizeof(bool)},
    {.name = "match_index", .id = 4, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_response,
     match_index), .size = sizeof(uint64_t)},
    {.name = "round", .id = 5, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_response, round),
     .size = sizeof(uint64_t)},
};
const struct codec_type wire_snapshot_response_type = {
    .name = "wire_snapshot_response",
    .fields = wire_snapshot_response_fields,
    .fields_count = 5,
    .size = sizeof(struct wire_snapshot_response),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_raft_message_fields[] = {
    {.name = "from", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_raft_message, from), .size =
     sizeof(struct raft_id), .flags = CODEC_REQUIRED},
    {.name = "to", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_raft_message, to), .size =
     sizeof(struct raft_id), .flags = CODEC_REQUIRED},
    {.name = "term", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_raft_message, term), .size =
     sizeof(uint64_t)},
    {.name = "generation", .id = 4, .kind = CODEC_U32, .offset = offsetof(struct wire_raft_message,
     generation), .size = sizeof(uint32_t)},
    {.name = "recovery", .id = 5, .kind = CODEC_ID, .offset = offsetof(struct wire_raft_message, recovery),
     .size = sizeof(struct recovery_id)},
    {.name = "vote_request", .id = 10, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_raft_message,
     vote_request), .size = sizeof(struct wire_vote_request), .sub = &wire_vote_request_type, .flags =
     CODEC_OPTIONAL},
    {.name = "vote_response", .id = 11, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_raft_message,
     vote_response), .size = sizeof(struct wire_vote_response), .sub = &wire_vote_response_type, .flags =
     CODEC_OPTIONAL},
    {.name = "append_request", .id = 12, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_raft_message,
     append_request), .size = sizeof(struct wire_append_request), .sub = &wire_append_request_type, .flags =
     CODEC_OPTIONAL},
    {.name = "append_response", .id = 13, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_raft_message,
     append_response), .size = sizeof(struct wire_append_response), .sub = &wire_append_response_type, .flags
     = CODEC_OPTIONAL},
    {.name = "snapshot_chunk", .id = 14, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_raft_message,
     snapshot_chunk), .size = sizeof(struct wire_snapshot_chunk), .sub = &wire_snapshot_chunk_type, .flags =
     CODEC_OPTIONAL},
    {.name = "snapshot_response", .id = 15, .kind = CODEC_MESSAGE, .offset = offsetof(struct
     wire_raft_message, snapshot_response), .size = sizeof(struct wire_snapshot_response), .sub =
     &wire_snapshot_response_type, .flags = CODEC_OPTIONAL},
    {.name = "timeout_now", .id = 16, .kind = CODEC_BOOL, .offset = offsetof(struct wire_raft_message,
     timeout_now), .size = sizeof(bool)},
};
const struct codec_type wire_raft_message_type = {
    .name = "wire_raft_message",
    .fields = wire_raft_message_fields,
    .fields_count = 12,
    .size = sizeof(struct wire_raft_message),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_port_request_fields[] = {
    {.name = "label", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_port_request, label), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "static", .id = 2, .kind = CODEC_U32, .offset = offsetof(struct wire_port_request, static_),
     .size = sizeof(uint32_t)},
    {.name = "to", .id = 3, .kind = CODEC_U32, .offset = offsetof(struct wire_port_request, to), .size =
     sizeof(uint32_t)},
};
const struct codec_type wire_port_request_type = {
    .name = "wire_port_request",
    .fields = wire_port_request_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_port_request),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_restart_policy_fields[] = {
    {.name = "attempts", .id = 1, .kind = CODEC_U32, .offset = offsetof(struct wire_restart_policy, attempts),
     .size = sizeof(uint32_t)},
    {.name = "interval_ms", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_restart_policy,
     interval_ms), .size = sizeof(uint64_t)},
    {.name = "delay_ms", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_restart_policy, delay_ms),
     .size = sizeof(uint64_t)},
    {.name = "mode", .id = 4, .kind = CODEC_ENUM, .offset = offsetof(struct wire_restart_policy, mode), .size
     = sizeof(enum restart_mode), .table = &restart_mode_enum},
};
const struct codec_type wire_restart_policy_type = {
    .name = "wire_restart_policy",
    .fields = wire_restart_policy_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_restart_policy),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_task_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_task, name), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "driver", .id = 2, .kind = CODEC_ENUM, .offset = offsetof(struct wire_task, driver), .size =
     sizeof(enum driver_kind), .table = &driver_kind_enum},
    {.name = "command", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_task, command), .size =
     sizeof(struct bytes), .max = 4096u, .flags = CODEC_REQUIRED},
    {.name = "args", .id = 4, .kind = CODEC_STR, .offset = offsetof(struct wire_task, args), .size =
     sizeof(struct bytes), .count_offset = offsetof(struct wire_task, args_count), .list_max = 256u, .max =
     4096u, .flags = CODEC_LIST},
    {.name = "env", .id = 5, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_task, env), .size =
     sizeof(struct wire_pair), .count_offset = offsetof(struct wire_task, env_count), .list_max = 256u, .sub =
     &wire_pair_type, .flags = CODEC_LIST},
    {.name = "cpu_mhz", .id = 6, .kind = CODEC_U32, .offset = offsetof(struct wire_task, cpu_mhz), .size =
     sizeof(uint32_t)},
    {.name = "memory_mib", .id = 7, .kind = CODEC_U32, .offset = offsetof(struct wire_task, memory_mib), .size
     = sizeof(uint32_t)},
    {.name = "kill_timeout_ms", .id = 8, .kind = CODEC_U32, .offset = offsetof(struct wire_task,
     kill_timeout_ms), .size = sizeof(uint32_t)},
    {.name = "kill_signal", .id = 9, .kind = CODEC_U32, .offset = offsetof(struct wire_task, kill_signal),
     .size = sizeof(uint32_t)},
    {.name = "user", .id = 10, .kind = CODEC_STR, .offset = offsetof(struct wire_task, user), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "meta", .id = 11, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_task, meta), .size =
     sizeof(struct wire_pair), .count_offset = offsetof(struct wire_task, meta_count), .list_max = 256u, .sub
     = &wire_pair_type, .flags = CODEC_LIST},
};
const struct codec_type wire_task_type = {
    .name = "wire_task",
    .fields = wire_task_fields,
    .fields_count = 11,
    .size = sizeof(struct wire_task),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_group_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_group, name), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "count", .id = 2, .kind = CODEC_U32, .offset = offsetof(struct wire_group, count), .size =
     sizeof(uint32_t)},
    {.name = "ports", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_group, ports), .size =
     sizeof(struct wire_port_request), .count_offset = offsetof(struct wire_group, ports_count), .list_max =
     32u, .sub = &wire_port_request_type, .flags = CODEC_LIST},
    {.name = "restart", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_group, restart), .size
     = sizeof(struct wire_restart_policy), .sub = &wire_restart_policy_type},
    {.name = "tasks", .id = 5, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_group, tasks), .size =
     sizeof(struct wire_task), .count_offset = offsetof(struct wire_group, tasks_count), .list_max = 16u, .sub
     = &wire_task_type, .flags = CODEC_LIST},
    {.name = "meta", .id = 6, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_group, meta), .size =
     sizeof(struct wire_pair), .count_offset = offsetof(struct wire_group, meta_count), .list_max = 256u, .sub
     = &wire_pair_type, .flags = CODEC_LIST},
};
const struct codec_type wire_group_type = {
    .name = "wire_group",
    .fields = wire_group_fields,
    .fields_count = 6,
    .size = sizeof(struct wire_group),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_job_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_job, name), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "type", .id = 2, .kind = CODEC_ENUM, .offset = offsetof(struct wire_job, type), .size =
     sizeof(enum job_type), .table = &job_type_enum},
    {.name = "groups", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_job, groups), .size =
     sizeof(struct wire_group), .count_offset = offsetof(struct wire_job, groups_count), .list_max = 64u, .sub
     = &wire_group_type, .flags = CODEC_LIST},
    {.name = "meta", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_job, meta), .size =
     sizeof(struct wire_pair), .count_offset = offsetof(struct wire_job, meta_count), .list_max = 256u, .sub =
     &wire_pair_type, .flags = CODEC_LIST},
};
const struct codec_type wire_job_type = {
    .name = "wire_job",
    .fields = wire_job_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_job),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_secret_key_fields[] = {
    {.name = "key_id", .id = 1, .kind = CODEC_U32, .offset = offsetof(struct wire_secret_key, key_id), .size =
     sizeof(uint32_t)},
    {.name = "key", .id = 2, .kind = CODEC_BYTES, .offset = offsetof(struct wire_secret_key, key), .size =
     sizeof(struct bytes), .max = 32u, .flags = CODEC_SECRET},
};
const struct codec_type wire_secret_key_type = {
    .name = "wire_secret_key",
    .fields = wire_secret_key_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_secret_key),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_cluster_record_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_cluster_record, id), .size =
     sizeof(struct cluster_id)},
    {.name = "generation", .id = 2, .kind = CODEC_U32, .offset = offsetof(struct wire_cluster_record,
     generation), .size = sizeof(uint32_t)},
    {.name = "recovery", .id = 3, .kind = CODEC_ID, .offset = offsetof(struct wire_cluster_record, recovery),
     .size = sizeof(struct recovery_id)},
    {.name = "gossip_keys", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_cluster_record,
     gossip_keys), .size = sizeof(struct wire_secret_key), .count_offset = offsetof(struct
     wire_cluster_record, gossip_keys_count), .list_max = 4u, .sub = &wire_secret_key_type, .flags =
     CODEC_LIST},
    {.name = "stream_keys", .id = 5, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_cluster_record,
     stream_keys), .size = sizeof(struct wire_secret_key), .count_offset = offsetof(struct
     wire_cluster_record, stream_keys_count), .list_max = 4u, .sub = &wire_secret_key_type, .flags =
     CODEC_LIST},
    {.name = "join_secret", .id = 6, .kind = CODEC_BYTES, .offset = offsetof(struct wire_cluster_record,
     join_secret), .size = sizeof(struct bytes), .max = 32u, .flags = CODEC_SECRET},
    {.name = "created_ms", .id = 7, .kind = CODEC_I64, .offset = offsetof(struct wire_cluster_record,
     created_ms), .size = sizeof(int64_t)},
};
const struct codec_type wire_cluster_record_type = {
    .name = "wire_cluster_record",
    .fields = wire_cluster_record_fields,
    .fields_count = 7,
    .size = sizeof(struct wire_cluster_record),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_node_record_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_node_record, id), .size =
     sizeof(struct node_id), .flags = CODEC_REQUIRED},
    {.name = "key", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_node_record, key), .size =
     sizeof(struct public_key)},
    {.name = "name", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_node_record, name), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "addr", .id = 4, .kind = CODEC_ADDR, .offset = offsetof(struct wire_node_record, addr), .size =
     sizeof(struct addr)},
    {.name = "meta", .id = 5, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_node_record, meta), .size
     = sizeof(struct wire_pair), .count_offset = offsetof(struct wire_node_record, meta_count), .list_max =
     256u, .sub = &wire_pair_type, .flags = CODEC_LIST},
    {.name = "cpu_mhz", .id = 6, .kind = CODEC_U32, .offset = offsetof(struct wire_node_record, cpu_mhz),
     .size = sizeof(uint32_t)},
    {.name = "memory_mib", .id = 7, .kind = CODEC_U32, .offset = offsetof(struct wire_node_record,
     memory_mib), .size = sizeof(uint32_t)},
    {.name = "ports_low", .id = 8, .kind = CODEC_U32, .offset = offsetof(struct wire_node_record, ports_low),
     .size = sizeof(uint32_t)},
    {.name = "ports_high", .id = 9, .kind = CODEC_U32, .offset = offsetof(struct wire_node_record,
     ports_high), .size = sizeof(uint32_t)},
    {.name = "attributes", .id = 10, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_node_record,
     attributes), .size = sizeof(struct wire_pair), .count_offset = offsetof(struct wire_node_record,
     attributes_count), .list_max = 256u, .sub = &wire_pair_type, .flags = CODEC_LIST},
    {.name = "log", .id = 11, .kind = CODEC_ID, .offset = offsetof(struct wire_node_record, log), .size =
     sizeof(struct log_id)},
    {.name = "boot", .id = 12, .kind = CODEC_ID, .offset = offsetof(struct wire_node_record, boot), .size =
     sizeof(struct boot_id)},
    {.name = "generation", .id = 13, .kind = CODEC_U32, .offset = offsetof(struct wire_node_record,
     generation), .size = sizeof(uint32_t)},
    {.name = "status", .id = 14, .kind = CODEC_ENUM, .offset = offsetof(struct wire_node_record, status),
     .size = sizeof(enum node_status), .table = &node_status_enum},
    {.name = "raw_exec", .id = 15, .kind = CODEC_BOOL, .offset = offsetof(struct wire_node_record, raw_exec),
     .size = sizeof(bool)},
    {.name = "version", .id = 16, .kind = CODEC_STR, .offset = offsetof(struct wire_node_record, version),
     .size = sizeof(struct bytes), .max = 63u},
    {.name = "joined_ms", .id = 17, .kind = CODEC_I64, .offset = offsetof(struct wire_node_record, joined_ms),
     .size = sizeof(int64_t)},
    {.name = "modify_index", .id = 18, .kind = CODEC_U64, .offset = offsetof(struct wire_node_record,
     modify_index), .size = sizeof(uint64_t)},
};
const struct codec_type wire_node_record_type = {
    .name = "wire_node_record",
    .fields = wire_node_record_fields,
    .fields_count = 18,
    .size = sizeof(struct wire_node_record),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_job_record_fields[] = {
    {.name = "spec", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_job_record, spec), .size =
     sizeof(struct wire_job), .sub = &wire_job_type},
    {.name = "version", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_job_record, version), .size
     = sizeof(uint64_t)},
    {.name = "stopped", .id = 3, .kind = CODEC_BOOL, .offset = offsetof(struct wire_job_record, stopped),
     .size = sizeof(bool)},
    {.name = "submitted_ms", .id = 4, .kind = CODEC_I64, .offset = offsetof(struct wire_job_record,
     submitted_ms), .size = sizeof(int64_t)},
    {.name = "modify_index", .id = 5, .kind = CODEC_U64, .offset = offsetof(struct wire_job_record,
     modify_index), .size = sizeof(uint64_t)},
    {.name = "provisional", .id = 6, .kind = CODEC_BOOL, .offset = offsetof(struct wire_job_record,
     provisional), .size = sizeof(bool)},
};
const struct codec_type wire_job_record_type = {
    .name = "wire_job_record",
    .fields = wire_job_record_fields,
    .fields_count = 6,
    .size = sizeof(struct wire_job_record),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_port_binding_fields[] = {
    {.name = "label", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_port_binding, label), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "port", .id = 2, .kind = CODEC_U32, .offset = offsetof(struct wire_port_binding, port), .size =
     sizeof(uint32_t)},
    {.name = "to", .id = 3, .kind = CODEC_U32, .offset = offsetof(struct wire_port_binding, to), .size =
     sizeof(uint32_t)},
};
const struct codec_type wire_port_binding_type = {
    .name = "wire_port_binding",
    .fields = wire_port_binding_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_port_binding),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_task_fact_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_task_fact, name), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "state", .id = 2, .kind = CODEC_ENUM, .offset = offsetof(struct wire_task_fact, state), .size =
     sizeof(enum task_state), .table = &task_state_enum},
    {.name = "pid", .id = 3, .kind = CODEC_U32, .offset = offsetof(struct wire_task_fact, pid), .size =
     sizeof(uint32_t)},
    {.name = "restarts", .id = 4, .kind = CODEC_U32, .offset = offsetof(struct wire_task_fact, restarts),
     .size = sizeof(uint32_t)},
    {.name = "exit_code", .id = 5, .kind = CODEC_I32, .offset = offsetof(struct wire_task_fact, exit_code),
     .size = sizeof(int32_t)},
    {.name = "exit_signal", .id = 6, .kind = CODEC_U32, .offset = offsetof(struct wire_task_fact,
     exit_signal), .size = sizeof(uint32_t)},
    {.name = "started_ms", .id = 7, .kind = CODEC_I64, .offset = offsetof(struct wire_task_fact, started_ms),
     .size = sizeof(int64_t)},
    {.name = "finished_ms", .id = 8, .kind = CODEC_I64, .offset = offsetof(struct wire_task_fact,
     finished_ms), .size = sizeof(int64_t)},
    {.name = "failed", .id = 9, .kind = CODEC_BOOL, .offset = offsetof(struct wire_task_fact, failed), .size =
     sizeof(bool)},
    {.name = "reason", .id = 10, .kind = CODEC_STR, .offset = offsetof(struct wire_task_fact, reason), .size =
     sizeof(struct bytes), .max = 512u},
};
const struct codec_type wire_task_fact_type = {
    .name = "wire_task_fact",
    .fields = wire_task_fact_fields,
    .fields_count = 10,
    .size = sizeof(struct wire_task_fact),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_instance_record_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_instance_record, id), .size =
     sizeof(struct instance_id), .flags = CODEC_REQUIRED},
    {.name = "job", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_instance_record, job), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "version", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_instance_record, version),
     .size = sizeof(uint64_t)},
    {.name = "group", .id = 4, .kind = CODEC_STR, .offset = offsetof(struct wire_instance_record, group),
     .size = sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "slot", .id = 5, .kind = CODEC_U32, .offset = offsetof(struct wire_instance_record, slot), .size
     = sizeof(uint32_t)},
    {.name = "node", .id = 6, .kind = CODEC_ID, .offset = offsetof(struct wire_instance_record, node), .size =
     sizeof(struct node_id)},
    {.name = "epoch", .id = 7, .kind = CODEC_U64, .offset = offsetof(struct wire_instance_record, epoch),
     .size = sizeof(uint64_t)},
    {.name = "provisional", .id = 8, .kind = CODEC_BOOL, .offset = offsetof(struct wire_instance_record,
     provisional), .size = sizeof(bool)},
    {.name = "desired", .id = 9, .kind = CODEC_ENUM, .offset = offsetof(struct wire_instance_record, desired),
     .size = sizeof(enum desired_state), .table = &desired_state_enum},
    {.name = "state", .id = 10, .kind = CODEC_ENUM, .offset = offsetof(struct wire_instance_record, state),
     .size = sizeof(enum instance_state), .table = &instance_state_enum},
    {.name = "ports", .id = 11, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_instance_record, ports),
     .size = sizeof(struct wire_port_binding), .count_offset = offsetof(struct wire_instance_record,
     ports_count), .list_max = 32u, .sub = &wire_port_binding_type, .flags = CODEC_LIST},
    {.name = "tasks", .id = 12, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_instance_record, tasks),
     .size = sizeof(struct wire_task_fact), .count_offset = offsetof(struct wire_instance_record,
     tasks_count), .list_max = 16u, .sub = &wire_task_fact_type, .flags = CODEC_LIST},
    {.name = "replaces", .id = 13, .kind = CODEC_ID, .offset = offsetof(struct wire_instance_record,
     replaces), .size = sizeof(struct instance_id)},
    {.name = "placed_ms", .id = 14, .kind = CODEC_I64, .offset = offsetof(struct wire_instance_record,
     placed_ms), .size = sizeof(int64_t)},
    {.name = "modify_index", .id = 15, .kind = CODEC_U64, .offset = offsetof(struct wire_instance_record,
     modify_index), .size = sizeof(uint64_t)},
    {.name = "reason", .id = 16, .kind = CODEC_STR, .offset = offsetof(struct wire_instance_record, reason),
     .size = sizeof(struct bytes), .max = 512u},
    {.name = "sequence", .id = 17, .kind = CODEC_U64, .offset = offsetof(struct wire_instance_record,
     sequence), .size = sizeof(uint64_t)},
    {.name = "acknowledged", .id = 18, .kind = CODEC_BOOL, .offset = offsetof(struct wire_instance_record,
     acknowledged), .size = sizeof(bool)},
};
const struct codec_type wire_instance_record_type = {
    .name = "wire_instance_record",
    .fields = wire_instance_record_fields,
    .fields_count = 18,
    .size = sizeof(struct wire_instance_record),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_var_record_fields[] = {
    {.name = "key", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_var_record, key), .size =
     sizeof(struct bytes), .max = 256u, .flags = CODEC_REQUIRED},
    {.name = "value", .id = 2, .kind = CODEC_BYTES, .offset = offsetof(struct wire_var_record, value), .size =
     sizeof(struct bytes), .max = 65536u},
    {.name = "version", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_var_record, version), .size
     = sizeof(uint64_t)},
};
const struct codec_type wire_var_record_type = {
    .name = "wire_var_record",
    .fields = wire_var_record_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_var_record),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_request_record_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_request_record, id), .size =
     sizeof(struct request_id), .flags = CODEC_REQUIRED},
    {.name = "error", .id = 2, .kind = CODEC_I32, .offset = offsetof(struct wire_request_record, error), .size
     = sizeof(int32_t)},
    {.name = "version", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_request_record, version),
     .size = sizeof(uint64_t)},
};
const struct codec_type wire_request_record_type = {
    .name = "wire_request_record",
    .fields = wire_request_record_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_request_record),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_state_snapshot_fields[] = {
    {.name = "index", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_state_snapshot, index), .size
     = sizeof(uint64_t)},
    {.name = "cluster", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_state_snapshot,
     cluster), .size = sizeof(struct wire_cluster_record), .sub = &wire_cluster_record_type},
    {.name = "nodes", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_state_snapshot, nodes),
     .size = sizeof(struct wire_node_record), .count_offset = offsetof(struct wire_state_snapshot,
     nodes_count), .list_max = 20000u, .sub = &wire_node_record_type, .flags = CODEC_LIST},
    {.name = "jobs", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_state_snapshot, jobs),
     .size = sizeof(struct wire_job_record), .count_offset = offsetof(struct wire_state_snapshot, jobs_count),
     .list_max = 1000000u, .sub = &wire_job_record_type, .flags = CODEC_LIST},
    {.name = "instances", .id = 5, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_state_snapshot,
     instances), .size = sizeof(struct wire_instance_record), .count_offset = offsetof(struct
     wire_state_snapshot, instances_count), .list_max = 1000000u, .sub = &wire_instance_record_type, .flags =
     CODEC_LIST},
    {.name = "vars", .id = 6, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_state_snapshot, vars),
     .size = sizeof(struct wire_var_record), .count_offset = offsetof(struct wire_state_snapshot, vars_count),
     .list_max = 1000000u, .sub = &wire_var_record_type, .flags = CODEC_LIST},
    {.name = "requests", .id = 7, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_state_snapshot,
     requests), .size = sizeof(struct wire_request_record), .count_offset = offsetof(struct
     wire_state_snapshot, requests_count), .list_max = 4096u, .sub = &wire_request_record_type, .flags =
     CODEC_LIST},
};
const struct codec_type wire_state_snapshot_type = {
    .name = "wire_state_snapshot",
    .fields = wire_state_snapshot_fields,
    .fields_count = 7,
    .size = sizeof(struct wire_state_snapshot),
    .max_bytes = 268435456u,
};

static const struct codec_field wire_fact_fields[] = {
    {.name = "instance", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_fact, instance), .size =
     sizeof(struct instance_id), .flags = CODEC_REQUIRED},
    {.name = "state", .id = 2, .kind = CODEC_ENUM, .offset = offsetof(struct wire_fact, state), .size =
     sizeof(enum instance_state), .table = &instance_state_enum},
    {.name = "ports", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_fact, ports), .size =
     sizeof(struct wire_port_binding), .count_offset = offsetof(struct wire_fact, ports_count), .list_max =
     32u, .sub = &wire_port_binding_type, .flags = CODEC_LIST},
    {.name = "tasks", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_fact, tasks), .size =
     sizeof(struct wire_task_fact), .count_offset = offsetof(struct wire_fact, tasks_count), .list_max = 16u,
     .sub = &wire_task_fact_type, .flags = CODEC_LIST},
    {.name = "reason", .id = 5, .kind = CODEC_STR, .offset = offsetof(struct wire_fact, reason), .size =
     sizeof(struct bytes), .max = 512u},
    {.name = "sequence", .id = 6, .kind = CODEC_U64, .offset = offsetof(struct wire_fact, sequence), .size =
     sizeof(uint64_t)},
    {.name = "gone", .id = 7, .kind = CODEC_BOOL, .offset = offsetof(struct wire_fact, gone), .size =
     sizeof(bool)},
};
const struct codec_type wire_fact_type = {
    .name = "wire_fact",
    .fields = wire_fact_fields,
    .fields_count = 7,
    .size = sizeof(struct wire_fact),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_place_fields[] = {
    {.name = "instance", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_place, instance), .size =
     sizeof(struct instance_id), .flags = CODEC_REQUIRED},
    {.name = "job", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_place, job), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "version", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_place, version), .size =
     sizeof(uint64_t)},
    {.name = "group", .id = 4, .kind = CODEC_STR, .offset = offsetof(struct wire_place, group), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "slot", .id = 5, .kind = CODEC_U32, .offset = offsetof(struct wire_place, slot), .size =
     sizeof(uint32_t)},
    {.name = "node", .id = 6, .kind = CODEC_ID, .offset = offsetof(struct wire_place, node), .size =
     sizeof(struct node_id)},
    {.name = "replaces", .id = 7, .kind = CODEC_ID, .offset = offsetof(struct wire_place, replaces), .size =
     sizeof(struct instance_id)},
    {.name = "generation", .id = 8, .kind = CODEC_U32, .offset = offsetof(struct wire_place, generation),
     .size = sizeof(uint32_t)},
};
const struct codec_type wire_place_type = {
    .name = "wire_place",
    .fields = wire_place_fields,
    .fields_count = 8,
    .size = sizeof(struct wire_place),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_stop_fields[] = {
    {.name = "instance", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_stop, instance), .size =
     sizeof(struct instance_id), .flags = CODEC_REQUIRED},
    {.name = "reason", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_stop, reason), .size =
     sizeof(struct bytes), .max = 512u},
};
const struct codec_type wire_stop_type = {
    .name = "wire_stop",
    .fields = wire_stop_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_stop),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_cmd_plan_fields[] = {
    {.name = "places", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_cmd_plan, places), .size
     = sizeof(struct wire_place), .count_offset = offsetof(struct wire_cmd_plan, places_count), .list_max =
     20000u, .sub = &wire_place_type, .flags = CODEC_LIST},
    {.name = "stops", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_cmd_plan, stops), .size =
     sizeof(struct wire_stop), .count_offset = offsetof(struct wire_cmd_plan, stops_count), .list_max =
     20000u, .sub = &wire_stop_type, .flags = CODEC_LIST},
};
const struct codec_type wire_cmd_plan_type = {
    .name = "wire_cmd_plan",
    .fields = wire_cmd_plan_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_cmd_plan),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_cmd_report_fields[] = {
    {.name = "node", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_cmd_report, node), .size =
     sizeof(struct node_id), .flags = CODEC_REQUIRED},
    {.name = "facts", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_cmd_report, facts), .size
     = sizeof(struct wire_fact), .count_offset = offsetof(struct wire_cmd_report, facts_count), .list_max =
     20000u, .sub = &wire_fact_type, .flags = CODEC_LIST},
};
const struct codec_type wire_cmd_report_type = {
    .name = "wire_cmd_report",
    .fields = wire_cmd_report_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_cmd_report),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_cmd_node_status_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_cmd_node_status, id), .size =
     sizeof(struct node_id), .flags = CODEC_REQUIRED},
    {.name = "status", .id = 2, .kind = CODEC_ENUM, .offset = offsetof(struct wire_cmd_node_status, status),
     .size = sizeof(enum node_status), .table = &node_status_enum},
};
const struct codec_type wire_cmd_node_status_type = {
    .name = "wire_cmd_node_status",
    .fields = wire_cmd_node_status_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_cmd_node_status),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_cmd_job_stop_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_cmd_job_stop, name), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
};
const struct codec_type wire_cmd_job_stop_type = {
    .name = "wire_cmd_job_stop",
    .fields = wire_cmd_job_stop_fields,
    .fields_count = 1,
    .size = sizeof(struct wire_cmd_job_stop),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_cmd_var_fields[] = {
    {.name = "key", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_cmd_var, key), .size =
     sizeof(struct bytes), .max = 256u, .flags = CODEC_REQUIRED},
    {.name = "value", .id = 2, .kind = CODEC_BYTES, .offset = offsetof(struct wire_cmd_var, value), .size =
     sizeof(struct bytes), .max = 65536u},
    {.name = "remove", .id = 3, .kind = CODEC_BOOL, .offset = offsetof(struct wire_cmd_var, remove), .size =
     sizeof(bool)},
    {.name = "check", .id = 4, .kind = CODEC_BOOL, .offset = offsetof(struct wire_cmd_var, check), .size =
     sizeof(bool)},
    {.name = "version", .id = 5, .kind = CODEC_U64, .offset = offsetof(struct wire_cmd_var, version), .size =
     sizeof(uint64_t)},
};
const struct codec_type wire_cmd_var_type = {
    .name = "wire_cmd_var",
    .fields = wire_cmd_var_fields,
    .fields_count = 5,
    .size = sizeof(struct wire_cmd_var),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_command_fields[] = {
    {.name = "request", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_command, request), .size =
     sizeof(struct request_id)},
    {.name = "time_ms", .id = 2, .kind = CODEC_I64, .offset = offsetof(struct wire_command, time_ms), .size =
     sizeof(int64_t)},
    {.name = "init", .id = 10, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_command, init), .size =
     sizeof(struct wire_cluster_record), .sub = &wire_cluster_record_type, .flags = CODEC_OPTIONAL},
    {.name = "node", .id = 11, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_command, node), .size =
     sizeof(struct wire_node_record), .sub = &wire_node_record_type, .flags = CODEC_OPTIONAL},
    {.name = "node_status", .id = 12, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_command,
     node_status), .size = sizeof(struct wire_cmd_node_status), .sub = &wire_cmd_node_status_type, .flags =
     CODEC_OPTIONAL},
    {.name = "node_remove", .id = 13, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_command,
     node_remove), .size = sizeof(struct wire_cmd_node_status), .sub = &wire_cmd_node_status_type, .flags =
     CODEC_OPTIONAL},
    {.name = "job", .id = 14, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_command, job), .size =
     sizeof(struct wire_job), .sub = &wire_job_type, .flags = CODEC_OPTIONAL},
    {.name = "job_stop", .id = 15, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_command, job_stop),
     .size = sizeof(struct wire_cmd_job_stop), .sub = &wire_cmd_job_stop_type, .flags = CODEC_OPTIONAL},
    {.name = "plan", .id = 16, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_command, plan), .size =
     sizeof(struct wire_cmd_plan), .sub = &wire_cmd_plan_type, .flags = CODEC_OPTIONAL},
    {.name = "report", .id = 17, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_command, report), .size
     = sizeof(struct wire_cmd_report), .sub = &wire_cmd_report_type, .flags = CODEC_OPTIONAL},
    {.name = "var", .id = 18, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_command, var), .size =
     sizeof(struct wire_cmd_var), .sub = &wire_cmd_var_type, .flags = CODEC_OPTIONAL},
};
const struct codec_type wire_command_type = {
    .name = "wire_command",
    .fields = wire_command_fields,
    .fields_count = 11,
    .size = sizeof(struct wire_command),
    .max_bytes = 4194304u,
};

static const struct codec_field wire_join_request_fields[] = {
    {.name = "node", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_join_request, node), .size
     = sizeof(struct wire_node_record), .sub = &wire_node_record_type},
    {.name = "signature", .id = 2, .kind = CODEC_BYTES, .offset = offsetof(struct wire_join_request,
     signature), .size = sizeof(struct bytes), .max = 64u},
};
const struct codec_type wire_join_request_type = {
    .name = "wire_join_request",
    .fields = wire_join_request_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_join_request),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_join_response_fields[] = {
    {.name = "error", .id = 1, .kind = CODEC_I32, .offset = offsetof(struct wire_join_response, error), .size
     = sizeof(int32_t)},
    {.name = "text", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_join_response, text), .size =
     sizeof(struct bytes), .max = 512u},
    {.name = "cluster", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_join_response,
     cluster), .size = sizeof(struct wire_cluster_record), .sub = &wire_cluster_record_type},
    {.name = "nodes", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_join_response, nodes),
     .size = sizeof(struct wire_node_record), .count_offset = offsetof(struct wire_join_response,
     nodes_count), .list_max = 20000u, .sub = &wire_node_record_type, .flags = CODEC_LIST},
};
const struct codec_type wire_join_response_type = {
    .name = "wire_join_response",
    .fields = wire_join_response_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_join_response),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_pull_request_fields[] = {
    {.name = "next", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_pull_request, next), .size =
     sizeof(uint64_t)},
    {.name = "term", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_pull_request, term), .size =
     sizeof(uint64_t)},
    {.name = "snapshot_index", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_pull_request,
     snapshot_index), .size = sizeof(uint64_t)},
    {.name = "offset", .id = 4, .kind = CODEC_U64, .offset = offsetof(struct wire_pull_request, offset), .size
     = sizeof(uint64_t)},
    {.name = "voter", .id = 5, .kind = CODEC_ID, .offset = offsetof(struct wire_pull_request, voter), .size =
     sizeof(struct log_id)},
};
const struct codec_type wire_pull_request_type = {
    .name = "wire_pull_request",
    .fields = wire_pull_request_fields,
    .fields_count = 5,
    .size = sizeof(struct wire_pull_request),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_pull_response_fields[] = {
    {.name = "prev_index", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_pull_response,
     prev_index), .size = sizeof(uint64_t)},
    {.name = "prev_term", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_pull_response,
     prev_term), .size = sizeof(uint64_t)},
    {.name = "entries", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_pull_response,
     entries), .size = sizeof(struct wire_raft_entry), .count_offset = offsetof(struct wire_pull_response,
     entries_count), .list_max = 4096u, .sub = &wire_raft_entry_type, .flags = CODEC_LIST},
    {.name = "commit", .id = 4, .kind = CODEC_U64, .offset = offsetof(struct wire_pull_response, commit),
     .size = sizeof(uint64_t)},
    {.name = "snapshot", .id = 5, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_pull_response,
     snapshot), .size = sizeof(struct wire_snapshot_chunk), .sub = &wire_snapshot_chunk_type, .flags =
     CODEC_OPTIONAL},
    {.name = "refused", .id = 6, .kind = CODEC_BOOL, .offset = offsetof(struct wire_pull_response, refused),
     .size = sizeof(bool)},
    {.name = "term", .id = 7, .kind = CODEC_U64, .offset = offsetof(struct wire_pull_response, term), .size =
     sizeof(uint64_t)},
    {.name = "leader", .id = 8, .kind = CODEC_ID, .offset = offsetof(struct wire_pull_response, leader), .size
     = sizeof(struct node_id)},
    {.name = "age_ms", .id = 9, .kind = CODEC_U64, .offset = offsetof(struct wire_pull_response, age_ms),
     .size = sizeof(uint64_t)},
};
const struct codec_type wire_pull_response_type = {
    .name = "wire_pull_response",
    .fields = wire_pull_response_fields,
    .fields_count = 9,
    .size = sizeof(struct wire_pull_response),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_forward_request_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_forward_request, id), .size =
     sizeof(uint64_t)},
    {.name = "method", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_forward_request, method),
     .size = sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "params", .id = 3, .kind = CODEC_BYTES, .offset = offsetof(struct wire_forward_request, params),
     .size = sizeof(struct bytes), .max = 4194304u},
};
const struct codec_type wire_forward_request_type = {
    .name = "wire_forward_request",
    .fields = wire_forward_request_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_forward_request),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_forward_response_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_forward_response, id), .size =
     sizeof(uint64_t)},
    {.name = "error", .id = 2, .kind = CODEC_I32, .offset = offsetof(struct wire_forward_response, error),
     .size = sizeof(int32_t)},
    {.name = "text", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_forward_response, text), .size
     = sizeof(struct bytes), .max = 512u},
    {.name = "result", .id = 4, .kind = CODEC_BYTES, .offset = offsetof(struct wire_forward_response, result),
     .size = sizeof(struct bytes), .max = 16777216u},
};
const struct codec_type wire_forward_response_type = {
    .name = "wire_forward_response",
    .fields = wire_forward_response_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_forward_response),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_report_message_fields[] = {
    {.name = "node", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_report_message, node),
     .size = sizeof(struct wire_node_record), .sub = &wire_node_record_type, .flags = CODEC_OPTIONAL},
    {.name = "facts", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_report_message, facts),
     .size = sizeof(struct wire_fact), .count_offset = offsetof(struct wire_report_message, facts_count),
     .list_max = 4096u, .sub = &wire_fact_type, .flags = CODEC_LIST},
};
const struct codec_type wire_report_message_type = {
    .name = "wire_report_message",
    .fields = wire_report_message_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_report_message),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_remote_open_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_remote_open, id), .size =
     sizeof(uint64_t)},
    {.name = "instance", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_remote_open, instance),
     .size = sizeof(struct instance_id)},
    {.name = "task", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_remote_open, task), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "stderr", .id = 4, .kind = CODEC_BOOL, .offset = offsetof(struct wire_remote_open, stderr), .size
     = sizeof(bool)},
    {.name = "follow", .id = 5, .kind = CODEC_BOOL, .offset = offsetof(struct wire_remote_open, follow), .size
     = sizeof(bool)},
    {.name = "tail", .id = 6, .kind = CODEC_U64, .offset = offsetof(struct wire_remote_open, tail), .size =
     sizeof(uint64_t)},
};
const struct codec_type wire_remote_open_type = {
    .name = "wire_remote_open",
    .fields = wire_remote_open_fields,
    .fields_count = 6,
    .size = sizeof(struct wire_remote_open),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_remote_data_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_remote_data, id), .size =
     sizeof(uint64_t)},
    {.name = "data", .id = 2, .kind = CODEC_BYTES, .offset = offsetof(struct wire_remote_data, data), .size =
     sizeof(struct bytes), .max = 262144u},
    {.name = "end", .id = 3, .kind = CODEC_BOOL, .offset = offsetof(struct wire_remote_data, end), .size =
     sizeof(bool)},
    {.name = "error", .id = 4, .kind = CODEC_I32, .offset = offsetof(struct wire_remote_data, error), .size =
     sizeof(int32_t)},
    {.name = "text", .id = 5, .kind = CODEC_STR, .offset = offsetof(struct wire_remote_data, text), .size =
     sizeof(struct bytes), .max = 512u},
};
const struct codec_type wire_remote_data_type = {
    .name = "wire_remote_data",
    .fields = wire_remote_data_fields,
    .fields_count = 5,
    .size = sizeof(struct wire_remote_data),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_remote_credit_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_remote_credit, id), .size =
     sizeof(uint64_t)},
    {.name = "bytes", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_remote_credit, bytes), .size
     = sizeof(uint64_t)},
};
const struct codec_type wire_remote_credit_type = {
    .name = "wire_remote_credit",
    .fields = wire_remote_credit_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_remote_credit),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_leave_request_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_leave_request, id), .size =
     sizeof(struct node_id), .flags = CODEC_REQUIRED},
};
const struct codec_type wire_leave_request_type = {
    .name = "wire_leave_request",
    .fields = wire_leave_request_fields,
    .fields_count = 1,
    .size = sizeof(struct wire_leave_request),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_peer_message_fields[] = {
    {.name = "join_request", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message,
     join_request), .size = sizeof(struct wire_join_request), .sub = &wire_join_request_type, .flags =
     CODEC_OPTIONAL},
    {.name = "join_response", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message,
     join_response), .size = sizeof(struct wire_join_response), .sub = &wire_join_response_type, .flags =
     CODEC_OPTIONAL},
    {.name = "sync", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message, sync), .size
     = sizeof(struct wire_swim_sync), .sub = &wire_swim_sync_type, .flags = CODEC_OPTIONAL},
    {.name = "raft", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message, raft), .size
     = sizeof(struct wire_raft_message), .sub = &wire_raft_message_type, .flags = CODEC_OPTIONAL},
    {.name = "pull_request", .id = 5, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message,
     pull_request), .size = sizeof(struct wire_pull_request), .sub = &wire_pull_request_type, .flags =
     CODEC_OPTIONAL},
    {.name = "pull_response", .id = 6, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message,
     pull_response), .size = sizeof(struct wire_pull_response), .sub = &wire_pull_response_type, .flags =
     CODEC_OPTIONAL},
    {.name = "forward_request", .id = 7, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message,
     forward_request), .size = sizeof(struct wire_forward_request), .sub = &wire_forward_request_type, .flags
     = CODEC_OPTIONAL},
    {.name = "forward_response", .id = 8, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message,
     forward_response), .size = sizeof(struct wire_forward_response), .sub = &wire_forward_response_type,
     .flags = CODEC_OPTIONAL},
    {.name = "report", .id = 9, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message, report),
     .size = sizeof(struct wire_report_message), .sub = &wire_report_message_type, .flags = CODEC_OPTIONAL},
    {.name = "remote_open", .id = 10, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message,
     remote_open), .size = sizeof(struct wire_remote_open), .sub = &wire_remote_open_type, .flags =
     CODEC_OPTIONAL},
    {.name = "remote_data", .id = 11, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message,
     remote_data), .size = sizeof(struct wire_remote_data), .sub = &wire_remote_data_type, .flags =
     CODEC_OPTIONAL},
    {.name = "remote_credit", .id = 12, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message,
     remote_credit), .size = sizeof(struct wire_remote_credit), .sub = &wire_remote_credit_type, .flags =
     CODEC_OPTIONAL},
    {.name = "leave", .id = 13, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_peer_message, leave),
     .size = sizeof(struct wire_leave_request), .sub = &wire_leave_request_type, .flags = CODEC_OPTIONAL},
};
const struct codec_type wire_peer_message_type = {
    .name = "wire_peer_message",
    .fields = wire_peer_message_fields,
    .fields_count = 13,
    .size = sizeof(struct wire_peer_message),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_log_identity_fields[] = {
    {.name = "cluster", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_log_identity, cluster),
     .size = sizeof(struct cluster_id)},
    {.name = "node", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_log_identity, node), .size =
     sizeof(struct node_id)},
    {.name = "log", .id = 3, .kind = CODEC_ID, .offset = offsetof(struct wire_log_identity, log), .size =
     sizeof(struct log_id)},
};
const struct codec_type wire_log_identity_type = {
    .name = "wire_log_identity",
    .fields = wire_log_identity_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_log_identity),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_hard_state_fields[] = {
    {.name = "term", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_hard_state, term), .size =
     sizeof(uint64_t)},
    {.name = "vote", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_hard_state, vote), .size =
     sizeof(struct raft_id)},
    {.name = "commit", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_hard_state, commit), .size =
     sizeof(uint64_t)},
};
const struct codec_type wire_hard_state_type = {
    .name = "wire_hard_state",
    .fields = wire_hard_state_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_hard_state),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_snapshot_header_fields[] = {
    {.name = "identity", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_snapshot_header,
     identity), .size = sizeof(struct wire_log_identity), .sub = &wire_log_identity_type},
    {.name = "index", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_header, index),
     .size = sizeof(uint64_t)},
    {.name = "term", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_header, term), .size
     = sizeof(uint64_t)},
    {.name = "config", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_snapshot_header,
     config), .size = sizeof(struct wire_raft_config), .sub = &wire_raft_config_type},
    {.name = "size", .id = 5, .kind = CODEC_U64, .offset = offsetof(struct wire_snapshot_header, size), .size
     = sizeof(uint64_t)},
    {.name = "checksum", .id = 6, .kind = CODEC_U32, .offset = offsetof(struct wire_snapshot_header,
     checksum), .size = sizeof(uint32_t)},
};
const struct codec_type wire_snapshot_header_type = {
    .name = "wire_snapshot_header",
    .fields = wire_snapshot_header_fields,
    .fields_count = 6,
    .size = sizeof(struct wire_snapshot_header),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_journal_boot_fields[] = {
    {.name = "generation", .id = 1, .kind = CODEC_U32, .offset = offsetof(struct wire_journal_boot,
     generation), .size = sizeof(uint32_t)},
    {.name = "boot", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_journal_boot, boot), .size =
     sizeof(struct boot_id)},
};
const struct codec_type wire_journal_boot_type = {
    .name = "wire_journal_boot",
    .fields = wire_journal_boot_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_journal_boot),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_journal_record_fields[] = {
    {.name = "seq", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_journal_record, seq), .size =
     sizeof(uint64_t)},
    {.name = "boot", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_journal_record, boot),
     .size = sizeof(struct wire_journal_boot), .sub = &wire_journal_boot_type, .flags = CODEC_OPTIONAL},
    {.name = "fact", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_journal_record, fact),
     .size = sizeof(struct wire_fact), .sub = &wire_fact_type, .flags = CODEC_OPTIONAL},
    {.name = "done", .id = 4, .kind = CODEC_ID, .offset = offsetof(struct wire_journal_record, done), .size =
     sizeof(struct instance_id)},
};
const struct codec_type wire_journal_record_type = {
    .name = "wire_journal_record",
    .fields = wire_journal_record_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_journal_record),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_node_files_keys_fields[] = {
    {.name = "cluster", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_node_files_keys,
     cluster), .size = sizeof(struct wire_cluster_record), .sub = &wire_cluster_record_type},
    {.name = "peers", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_node_files_keys, peers),
     .size = sizeof(struct wire_node_record), .count_offset = offsetof(struct wire_node_files_keys,
     peers_count), .list_max = 20000u, .sub = &wire_node_record_type, .flags = CODEC_LIST},
    {.name = "log", .id = 3, .kind = CODEC_ID, .offset = offsetof(struct wire_node_files_keys, log), .size =
     sizeof(struct log_id)},
};
const struct codec_type wire_node_files_keys_type = {
    .name = "wire_node_files_keys",
    .fields = wire_node_files_keys_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_node_files_keys),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_shim_spec_fields[] = {
    {.name = "instance", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_shim_spec, instance), .size
     = sizeof(struct instance_id), .flags = CODEC_REQUIRED},
    {.name = "node", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_shim_spec, node), .size =
     sizeof(struct node_id), .flags = CODEC_REQUIRED},
    {.name = "job", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_shim_spec, job), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "group", .id = 4, .kind = CODEC_STR, .offset = offsetof(struct wire_shim_spec, group), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "task", .id = 5, .kind = CODEC_STR, .offset = offsetof(struct wire_shim_spec, task), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
    {.name = "slot", .id = 6, .kind = CODEC_U32, .offset = offsetof(struct wire_shim_spec, slot), .size =
     sizeof(uint32_t)},
    {.name = "job_version", .id = 7, .kind = CODEC_U64, .offset = offsetof(struct wire_shim_spec,
     job_version), .size = sizeof(uint64_t)},
    {.name = "epoch", .id = 8, .kind = CODEC_U64, .offset = offsetof(struct wire_shim_spec, epoch), .size =
     sizeof(uint64_t)},
    {.name = "type", .id = 9, .kind = CODEC_ENUM, .offset = offsetof(struct wire_shim_spec, type), .size =
     sizeof(enum job_type), .table = &job_type_enum},
    {.name = "driver", .id = 10, .kind = CODEC_ENUM, .offset = offsetof(struct wire_shim_spec, driver), .size
     = sizeof(enum driver_kind), .table = &driver_kind_enum},
    {.name = "command", .id = 11, .kind = CODEC_STR, .offset = offsetof(struct wire_shim_spec, command), .size
     = sizeof(struct bytes), .max = 4096u, .flags = CODEC_REQUIRED},
    {.name = "args", .id = 12, .kind = CODEC_STR, .offset = offsetof(struct wire_shim_spec, args), .size =
     sizeof(struct bytes), .count_offset = offsetof(struct wire_shim_spec, args_count), .list_max = 256u, .max
     = 4096u, .flags = CODEC_LIST},
    {.name = "env", .id = 13, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_shim_spec, env), .size =
     sizeof(struct wire_pair), .count_offset = offsetof(struct wire_shim_spec, env_count), .list_max = 1024u,
     .sub = &wire_pair_type, .flags = CODEC_LIST},
    {.name = "user", .id = 14, .kind = CODEC_STR, .offset = offsetof(struct wire_shim_spec, user), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "restart", .id = 15, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_shim_spec, restart),
     .size = sizeof(struct wire_restart_policy), .sub = &wire_restart_policy_type},
    {.name = "kill_timeout_ms", .id = 16, .kind = CODEC_U32, .offset = offsetof(struct wire_shim_spec,
     kill_timeout_ms), .size = sizeof(uint32_t)},
    {.name = "kill_signal", .id = 17, .kind = CODEC_U32, .offset = offsetof(struct wire_shim_spec,
     kill_signal), .size = sizeof(uint32_t)},
    {.name = "cpu_mhz", .id = 18, .kind = CODEC_U32, .offset = offsetof(struct wire_shim_spec, cpu_mhz), .size
     = sizeof(uint32_t)},
    {.name = "memory_mib", .id = 19, .kind = CODEC_U32, .offset = offsetof(struct wire_shim_spec, memory_mib),
     .size = sizeof(uint32_t)},
    {.name = "log_size_max", .id = 20, .kind = CODEC_U64, .offset = offsetof(struct wire_shim_spec,
     log_size_max), .size = sizeof(uint64_t)},
    {.name = "log_files_max", .id = 21, .kind = CODEC_U32, .offset = offsetof(struct wire_shim_spec,
     log_files_max), .size = sizeof(uint32_t)},
    {.name = "ports", .id = 22, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_shim_spec, ports), .size
     = sizeof(struct wire_port_binding), .count_offset = offsetof(struct wire_shim_spec, ports_count),
     .list_max = 32u, .sub = &wire_port_binding_type, .flags = CODEC_LIST},
    {.name = "bind", .id = 23, .kind = CODEC_STR, .offset = offsetof(struct wire_shim_spec, bind), .size =
     sizeof(struct bytes), .max = 64u},
    {.name = "cgroup", .id = 24, .kind = CODEC_STR, .offset = offsetof(struct wire_shim_spec, cgroup), .size =
     sizeof(struct bytes), .max = 4096u},
    {.name = "directory", .id = 25, .kind = CODEC_STR, .offset = offsetof(struct wire_shim_spec, directory),
     .size = sizeof(struct bytes), .max = 4096u},
};
const struct codec_type wire_shim_spec_type = {
    .name = "wire_shim_spec",
    .fields = wire_shim_spec_fields,
    .fields_count = 25,
    .size = sizeof(struct wire_shim_spec),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_shim_status_fields[] = {
    {.name = "version", .id = 1, .kind = CODEC_U32, .offset = offsetof(struct wire_shim_status, version),
     .size = sizeof(uint32_t)},
    {.name = "sequence", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_shim_status, sequence),
     .size = sizeof(uint64_t)},
    {.name = "fact", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_shim_status, fact), .size
     = sizeof(struct wire_task_fact), .sub = &wire_task_fact_type},
    {.name = "shim_pid", .id = 4, .kind = CODEC_U32, .offset = offsetof(struct wire_shim_status, shim_pid),
     .size = sizeof(uint32_t)},
    {.name = "restart_at_ms", .id = 5, .kind = CODEC_I64, .offset = offsetof(struct wire_shim_status,
     restart_at_ms), .size = sizeof(int64_t)},
    {.name = "stop_asked", .id = 6, .kind = CODEC_BOOL, .offset = offsetof(struct wire_shim_status,
     stop_asked), .size = sizeof(bool)},
    {.name = "boot", .id = 7, .kind = CODEC_ID, .offset = offsetof(struct wire_shim_status, boot), .size =
     sizeof(struct boot_id)},
    {.name = "pid_start", .id = 8, .kind = CODEC_U64, .offset = offsetof(struct wire_shim_status, pid_start),
     .size = sizeof(uint64_t)},
};
const struct codec_type wire_shim_status_type = {
    .name = "wire_shim_status",
    .fields = wire_shim_status_fields,
    .fields_count = 8,
    .size = sizeof(struct wire_shim_status),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_shim_command_fields[] = {
    {.name = "stop", .id = 1, .kind = CODEC_BOOL, .offset = offsetof(struct wire_shim_command, stop), .size =
     sizeof(bool)},
    {.name = "signal", .id = 2, .kind = CODEC_U32, .offset = offsetof(struct wire_shim_command, signal), .size
     = sizeof(uint32_t)},
    {.name = "release", .id = 3, .kind = CODEC_BOOL, .offset = offsetof(struct wire_shim_command, release),
     .size = sizeof(bool)},
    {.name = "restart", .id = 4, .kind = CODEC_BOOL, .offset = offsetof(struct wire_shim_command, restart),
     .size = sizeof(bool)},
};
const struct codec_type wire_shim_command_type = {
    .name = "wire_shim_command",
    .fields = wire_shim_command_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_shim_command),
    .max_bytes = 16777216u,
};

const struct codec_type wire_empty_type = {
    .name = "wire_empty",
    .fields = NULL,
    .fields_count = 0,
    .size = sizeof(struct wire_empty),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_error_fields[] = {
    {.name = "code", .id = 1, .kind = CODEC_I32, .offset = offsetof(struct wire_admin_error, code), .size =
     sizeof(int32_t)},
    {.name = "text", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_error, text), .size =
     sizeof(struct bytes), .max = 4096u},
};
const struct codec_type wire_admin_error_type = {
    .name = "wire_admin_error",
    .fields = wire_admin_error_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_error),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_freshness_fields[] = {
    {.name = "index", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_freshness, index),
     .size = sizeof(uint64_t)},
    {.name = "age_ms", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_freshness, age_ms),
     .size = sizeof(uint64_t)},
    {.name = "isolated", .id = 3, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_freshness,
     isolated), .size = sizeof(bool)},
};
const struct codec_type wire_admin_freshness_type = {
    .name = "wire_admin_freshness",
    .fields = wire_admin_freshness_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_admin_freshness),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_voter_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_admin_voter, id), .size =
     sizeof(struct node_id)},
    {.name = "name", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_voter, name), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "state", .id = 3, .kind = CODEC_ENUM, .offset = offsetof(struct wire_admin_voter, state), .size =
     sizeof(enum member_state), .table = &member_state_enum},
    {.name = "caught_up", .id = 4, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_voter, caught_up),
     .size = sizeof(bool)},
};
const struct codec_type wire_admin_voter_type = {
    .name = "wire_admin_voter",
    .fields = wire_admin_voter_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_admin_voter),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_status_fields[] = {
    {.name = "freshness", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_status,
     freshness), .size = sizeof(struct wire_admin_freshness), .sub = &wire_admin_freshness_type},
    {.name = "id", .id = 2, .kind = CODEC_ID, .offset = offsetof(struct wire_admin_status, id), .size =
     sizeof(struct node_id)},
    {.name = "name", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_status, name), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "cluster", .id = 4, .kind = CODEC_ID, .offset = offsetof(struct wire_admin_status, cluster),
     .size = sizeof(struct cluster_id)},
    {.name = "leader", .id = 5, .kind = CODEC_ID, .offset = offsetof(struct wire_admin_status, leader), .size
     = sizeof(struct node_id)},
    {.name = "leader_name", .id = 6, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_status,
     leader_name), .size = sizeof(struct bytes), .max = 63u},
    {.name = "term", .id = 7, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_status, term), .size =
     sizeof(uint64_t)},
    {.name = "voters", .id = 8, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_status, voters),
     .size = sizeof(struct wire_admin_voter), .count_offset = offsetof(struct wire_admin_status,
     voters_count), .list_max = 32u, .sub = &wire_admin_voter_type, .flags = CODEC_LIST},
    {.name = "voters_live", .id = 9, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_status,
     voters_live), .size = sizeof(uint32_t)},
    {.name = "survives", .id = 10, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_status, survives),
     .size = sizeof(uint32_t)},
    {.name = "nodes", .id = 11, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_status, nodes), .size
     = sizeof(uint32_t)},
    {.name = "nodes_live", .id = 12, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_status,
     nodes_live), .size = sizeof(uint32_t)},
    {.name = "jobs", .id = 13, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_status, jobs), .size =
     sizeof(uint32_t)},
    {.name = "instances_running", .id = 14, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_status,
     instances_running), .size = sizeof(uint32_t)},
    {.name = "role", .id = 15, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_status, role), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "log_state", .id = 16, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_status,
     log_state), .size = sizeof(struct bytes), .max = 512u},
    {.name = "version", .id = 17, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_status, version),
     .size = sizeof(struct bytes), .max = 63u},
    {.name = "advice", .id = 18, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_status, advice),
     .size = sizeof(struct bytes), .max = 512u},
};
const struct codec_type wire_admin_status_type = {
    .name = "wire_admin_status",
    .fields = wire_admin_status_fields,
    .fields_count = 18,
    .size = sizeof(struct wire_admin_status),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_node_fields[] = {
    {.name = "record", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_node, record),
     .size = sizeof(struct wire_node_record), .sub = &wire_node_record_type},
    {.name = "state", .id = 2, .kind = CODEC_ENUM, .offset = offsetof(struct wire_admin_node, state), .size =
     sizeof(enum member_state), .table = &member_state_enum},
    {.name = "voter", .id = 3, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_node, voter), .size =
     sizeof(bool)},
    {.name = "leader", .id = 4, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_node, leader), .size
     = sizeof(bool)},
    {.name = "self", .id = 5, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_node, self), .size =
     sizeof(bool)},
    {.name = "instances", .id = 6, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_node, instances),
     .size = sizeof(uint32_t)},
    {.name = "generation", .id = 7, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_node, generation),
     .size = sizeof(uint32_t)},
    {.name = "version", .id = 8, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_node, version), .size
     = sizeof(uint32_t)},
    {.name = "rtt_us", .id = 9, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_node, rtt_us), .size =
     sizeof(uint64_t)},
};
const struct codec_type wire_admin_node_type = {
    .name = "wire_admin_node",
    .fields = wire_admin_node_fields,
    .fields_count = 9,
    .size = sizeof(struct wire_admin_node),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_nodes_fields[] = {
    {.name = "freshness", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_nodes,
     freshness), .size = sizeof(struct wire_admin_freshness), .sub = &wire_admin_freshness_type},
    {.name = "nodes", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_nodes, nodes),
     .size = sizeof(struct wire_admin_node), .count_offset = offsetof(struct wire_admin_nodes, nodes_count),
     .list_max = 20000u, .sub = &wire_admin_node_type, .flags = CODEC_LIST},
};
const struct codec_type wire_admin_nodes_type = {
    .name = "wire_admin_nodes",
    .fields = wire_admin_nodes_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_nodes),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_job_query_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_job_query, name), .size
     = sizeof(struct bytes), .max = 63u},
    {.name = "min_index", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_job_query,
     min_index), .size = sizeof(uint64_t)},
    {.name = "wait_ms", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_job_query, wait_ms),
     .size = sizeof(uint64_t)},
};
const struct codec_type wire_admin_job_query_type = {
    .name = "wire_admin_job_query",
    .fields = wire_admin_job_query_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_admin_job_query),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_group_status_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_group_status, name),
     .size = sizeof(struct bytes), .max = 63u},
    {.name = "count", .id = 2, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_group_status, count),
     .size = sizeof(uint32_t)},
    {.name = "running", .id = 3, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_group_status,
     running), .size = sizeof(uint32_t)},
    {.name = "starting", .id = 4, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_group_status,
     starting), .size = sizeof(uint32_t)},
    {.name = "complete", .id = 5, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_group_status,
     complete), .size = sizeof(uint32_t)},
    {.name = "failed", .id = 6, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_group_status, failed),
     .size = sizeof(uint32_t)},
    {.name = "reason", .id = 7, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_group_status, reason),
     .size = sizeof(struct bytes), .max = 4096u},
};
const struct codec_type wire_admin_group_status_type = {
    .name = "wire_admin_group_status",
    .fields = wire_admin_group_status_fields,
    .fields_count = 7,
    .size = sizeof(struct wire_admin_group_status),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_job_status_fields[] = {
    {.name = "freshness", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_job_status,
     freshness), .size = sizeof(struct wire_admin_freshness), .sub = &wire_admin_freshness_type},
    {.name = "record", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_job_status,
     record), .size = sizeof(struct wire_job_record), .sub = &wire_job_record_type},
    {.name = "groups", .id = 3, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_job_status,
     groups), .size = sizeof(struct wire_admin_group_status), .count_offset = offsetof(struct
     wire_admin_job_status, groups_count), .list_max = 64u, .sub = &wire_admin_group_status_type, .flags =
     CODEC_LIST},
    {.name = "instances", .id = 4, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_job_status,
     instances), .size = sizeof(struct wire_admin_instance), .count_offset = offsetof(struct
     wire_admin_job_status, instances_count), .list_max = 20000u, .sub = &wire_admin_instance_type, .flags =
     CODEC_LIST},
    {.name = "index", .id = 5, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_job_status, index),
     .size = sizeof(uint64_t)},
};
const struct codec_type wire_admin_job_status_type = {
    .name = "wire_admin_job_status",
    .fields = wire_admin_job_status_fields,
    .fields_count = 5,
    .size = sizeof(struct wire_admin_job_status),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_instance_fields[] = {
    {.name = "record", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_instance, record),
     .size = sizeof(struct wire_instance_record), .sub = &wire_instance_record_type},
    {.name = "node_name", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_instance,
     node_name), .size = sizeof(struct bytes), .max = 63u},
    {.name = "addr", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_instance, addr), .size =
     sizeof(struct bytes), .max = 64u},
    {.name = "node_state", .id = 4, .kind = CODEC_ENUM, .offset = offsetof(struct wire_admin_instance,
     node_state), .size = sizeof(enum member_state), .table = &member_state_enum},
};
const struct codec_type wire_admin_instance_type = {
    .name = "wire_admin_instance",
    .fields = wire_admin_instance_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_admin_instance),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_jobs_fields[] = {
    {.name = "freshness", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_jobs,
     freshness), .size = sizeof(struct wire_admin_freshness), .sub = &wire_admin_freshness_type},
    {.name = "jobs", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_jobs, jobs), .size =
     sizeof(struct wire_admin_job_summary), .count_offset = offsetof(struct wire_admin_jobs, jobs_count),
     .list_max = 20000u, .sub = &wire_admin_job_summary_type, .flags = CODEC_LIST},
};
const struct codec_type wire_admin_jobs_type = {
    .name = "wire_admin_jobs",
    .fields = wire_admin_jobs_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_jobs),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_job_summary_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_job_summary, name),
     .size = sizeof(struct bytes), .max = 63u},
    {.name = "type", .id = 2, .kind = CODEC_ENUM, .offset = offsetof(struct wire_admin_job_summary, type),
     .size = sizeof(enum job_type), .table = &job_type_enum},
    {.name = "version", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_job_summary,
     version), .size = sizeof(uint64_t)},
    {.name = "stopped", .id = 4, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_job_summary,
     stopped), .size = sizeof(bool)},
    {.name = "count", .id = 5, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_job_summary, count),
     .size = sizeof(uint32_t)},
    {.name = "running", .id = 6, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_job_summary,
     running), .size = sizeof(uint32_t)},
    {.name = "complete", .id = 7, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_job_summary,
     complete), .size = sizeof(uint32_t)},
    {.name = "failed", .id = 8, .kind = CODEC_U32, .offset = offsetof(struct wire_admin_job_summary, failed),
     .size = sizeof(uint32_t)},
    {.name = "submitted_ms", .id = 9, .kind = CODEC_I64, .offset = offsetof(struct wire_admin_job_summary,
     submitted_ms), .size = sizeof(int64_t)},
};
const struct codec_type wire_admin_job_summary_type = {
    .name = "wire_admin_job_summary",
    .fields = wire_admin_job_summary_fields,
    .fields_count = 9,
    .size = sizeof(struct wire_admin_job_summary),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_ps_query_fields[] = {
    {.name = "job", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_ps_query, job), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "all", .id = 2, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_ps_query, all), .size =
     sizeof(bool)},
    {.name = "node", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_ps_query, node), .size =
     sizeof(struct bytes), .max = 63u},
};
const struct codec_type wire_admin_ps_query_type = {
    .name = "wire_admin_ps_query",
    .fields = wire_admin_ps_query_fields,
    .fields_count = 3,
    .size = sizeof(struct wire_admin_ps_query),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_ps_fields[] = {
    {.name = "freshness", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_ps, freshness),
     .size = sizeof(struct wire_admin_freshness), .sub = &wire_admin_freshness_type},
    {.name = "instances", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_ps, instances),
     .size = sizeof(struct wire_admin_instance), .count_offset = offsetof(struct wire_admin_ps,
     instances_count), .list_max = 1000000u, .sub = &wire_admin_instance_type, .flags = CODEC_LIST},
};
const struct codec_type wire_admin_ps_type = {
    .name = "wire_admin_ps",
    .fields = wire_admin_ps_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_ps),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_run_fields[] = {
    {.name = "request", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_admin_run, request), .size =
     sizeof(struct request_id)},
    {.name = "job", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_run, job), .size =
     sizeof(struct wire_job), .sub = &wire_job_type},
};
const struct codec_type wire_admin_run_type = {
    .name = "wire_admin_run",
    .fields = wire_admin_run_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_run),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_run_result_fields[] = {
    {.name = "name", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_run_result, name), .size
     = sizeof(struct bytes), .max = 63u},
    {.name = "version", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_run_result, version),
     .size = sizeof(uint64_t)},
    {.name = "index", .id = 3, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_run_result, index),
     .size = sizeof(uint64_t)},
    {.name = "changed", .id = 4, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_run_result,
     changed), .size = sizeof(bool)},
};
const struct codec_type wire_admin_run_result_type = {
    .name = "wire_admin_run_result",
    .fields = wire_admin_run_result_fields,
    .fields_count = 4,
    .size = sizeof(struct wire_admin_run_result),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_stop_fields[] = {
    {.name = "request", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_admin_stop, request), .size
     = sizeof(struct request_id)},
    {.name = "name", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_stop, name), .size =
     sizeof(struct bytes), .max = 63u, .flags = CODEC_REQUIRED},
};
const struct codec_type wire_admin_stop_type = {
    .name = "wire_admin_stop",
    .fields = wire_admin_stop_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_stop),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_write_result_fields[] = {
    {.name = "index", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_write_result, index),
     .size = sizeof(uint64_t)},
    {.name = "version", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_write_result,
     version), .size = sizeof(uint64_t)},
};
const struct codec_type wire_admin_write_result_type = {
    .name = "wire_admin_write_result",
    .fields = wire_admin_write_result_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_write_result),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_var_query_fields[] = {
    {.name = "key", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_var_query, key), .size =
     sizeof(struct bytes), .max = 256u},
    {.name = "prefix", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_var_query, prefix),
     .size = sizeof(struct bytes), .max = 256u},
};
const struct codec_type wire_admin_var_query_type = {
    .name = "wire_admin_var_query",
    .fields = wire_admin_var_query_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_var_query),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_vars_fields[] = {
    {.name = "freshness", .id = 1, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_vars,
     freshness), .size = sizeof(struct wire_admin_freshness), .sub = &wire_admin_freshness_type},
    {.name = "vars", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_vars, vars), .size =
     sizeof(struct wire_var_record), .count_offset = offsetof(struct wire_admin_vars, vars_count), .list_max =
     1000000u, .sub = &wire_var_record_type, .flags = CODEC_LIST},
};
const struct codec_type wire_admin_vars_type = {
    .name = "wire_admin_vars",
    .fields = wire_admin_vars_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_vars),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_var_put_fields[] = {
    {.name = "request", .id = 1, .kind = CODEC_ID, .offset = offsetof(struct wire_admin_var_put, request),
     .size = sizeof(struct request_id)},
    {.name = "var", .id = 2, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_var_put, var), .size
     = sizeof(struct wire_cmd_var), .sub = &wire_cmd_var_type},
};
const struct codec_type wire_admin_var_put_type = {
    .name = "wire_admin_var_put",
    .fields = wire_admin_var_put_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_var_put),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_token_fields[] = {
    {.name = "token", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_token, token), .size =
     sizeof(struct bytes), .max = 256u, .flags = CODEC_SECRET},
    {.name = "addr", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_token, addr), .size =
     sizeof(struct bytes), .max = 64u},
};
const struct codec_type wire_admin_token_type = {
    .name = "wire_admin_token",
    .fields = wire_admin_token_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_token),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_logs_query_fields[] = {
    {.name = "instance", .id = 1, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_logs_query,
     instance), .size = sizeof(struct bytes), .max = 33u},
    {.name = "job", .id = 2, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_logs_query, job), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "task", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_logs_query, task), .size
     = sizeof(struct bytes), .max = 63u},
    {.name = "stderr", .id = 4, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_logs_query, stderr),
     .size = sizeof(bool)},
    {.name = "follow", .id = 5, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_logs_query, follow),
     .size = sizeof(bool)},
    {.name = "tail", .id = 6, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_logs_query, tail), .size
     = sizeof(uint64_t)},
    {.name = "credit", .id = 7, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_logs_query, credit),
     .size = sizeof(uint64_t)},
};
const struct codec_type wire_admin_logs_query_type = {
    .name = "wire_admin_logs_query",
    .fields = wire_admin_logs_query_fields,
    .fields_count = 7,
    .size = sizeof(struct wire_admin_logs_query),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_stream_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_stream, id), .size =
     sizeof(uint64_t)},
};
const struct codec_type wire_admin_stream_type = {
    .name = "wire_admin_stream",
    .fields = wire_admin_stream_fields,
    .fields_count = 1,
    .size = sizeof(struct wire_admin_stream),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_chunk_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_chunk, id), .size =
     sizeof(uint64_t)},
    {.name = "data", .id = 2, .kind = CODEC_BYTES, .offset = offsetof(struct wire_admin_chunk, data), .size =
     sizeof(struct bytes), .max = 262144u},
    {.name = "end", .id = 3, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_chunk, end), .size =
     sizeof(bool)},
    {.name = "error", .id = 4, .kind = CODEC_I32, .offset = offsetof(struct wire_admin_chunk, error), .size =
     sizeof(int32_t)},
    {.name = "text", .id = 5, .kind = CODEC_STR, .offset = offsetof(struct wire_admin_chunk, text), .size =
     sizeof(struct bytes), .max = 512u},
    {.name = "event", .id = 6, .kind = CODEC_MESSAGE, .offset = offsetof(struct wire_admin_chunk, event),
     .size = sizeof(struct wire_event), .sub = &wire_event_type, .flags = CODEC_OPTIONAL},
};
const struct codec_type wire_admin_chunk_type = {
    .name = "wire_admin_chunk",
    .fields = wire_admin_chunk_fields,
    .fields_count = 6,
    .size = sizeof(struct wire_admin_chunk),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_credit_fields[] = {
    {.name = "id", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_credit, id), .size =
     sizeof(uint64_t)},
    {.name = "bytes", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_credit, bytes), .size =
     sizeof(uint64_t)},
};
const struct codec_type wire_admin_credit_type = {
    .name = "wire_admin_credit",
    .fields = wire_admin_credit_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_credit),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_event_fields[] = {
    {.name = "index", .id = 1, .kind = CODEC_U64, .offset = offsetof(struct wire_event, index), .size =
     sizeof(uint64_t)},
    {.name = "time_ms", .id = 2, .kind = CODEC_I64, .offset = offsetof(struct wire_event, time_ms), .size =
     sizeof(int64_t)},
    {.name = "kind", .id = 3, .kind = CODEC_STR, .offset = offsetof(struct wire_event, kind), .size =
     sizeof(struct bytes), .max = 63u},
    {.name = "node", .id = 4, .kind = CODEC_ID, .offset = offsetof(struct wire_event, node), .size =
     sizeof(struct node_id)},
    {.name = "instance", .id = 5, .kind = CODEC_ID, .offset = offsetof(struct wire_event, instance), .size =
     sizeof(struct instance_id)},
    {.name = "text", .id = 6, .kind = CODEC_STR, .offset = offsetof(struct wire_event, text), .size =
     sizeof(struct bytes), .max = 512u},
};
const struct codec_type wire_event_type = {
    .name = "wire_event",
    .fields = wire_event_fields,
    .fields_count = 6,
    .size = sizeof(struct wire_event),
    .max_bytes = 16777216u,
};

static const struct codec_field wire_admin_events_query_fields[] = {
    {.name = "follow", .id = 1, .kind = CODEC_BOOL, .offset = offsetof(struct wire_admin_events_query,
     follow), .size = sizeof(bool)},
    {.name = "credit", .id = 2, .kind = CODEC_U64, .offset = offsetof(struct wire_admin_events_query, credit),
     .size = sizeof(uint64_t)},
};
const struct codec_type wire_admin_events_query_type = {
    .name = "wire_admin_events_query",
    .fields = wire_admin_events_query_fields,
    .fields_count = 2,
    .size = sizeof(struct wire_admin_events_query),
    .max_bytes = 16777216u,
};

const struct codec_type *const wire_types[] = {
    &wire_pair_type,
    &wire_member_type,
    &wire_ping_type,
    &wire_ping_req_type,
    &wire_ack_type,
    &wire_nack_type,
    &wire_swim_packet_type,
    &wire_swim_sync_type,
    &wire_raft_config_type,
    &wire_raft_entry_type,
    &wire_vote_request_type,
    &wire_vote_response_type,
    &wire_append_request_type,
    &wire_append_response_type,
    &wire_snapshot_chunk_type,
    &wire_snapshot_response_type,
    &wire_raft_message_type,
    &wire_port_request_type,
    &wire_restart_policy_type,
    &wire_task_type,
    &wire_group_type,
    &wire_job_type,
    &wire_secret_key_type,
    &wire_cluster_record_type,
    &wire_node_record_type,
    &wire_job_record_type,
    &wire_port_binding_type,
    &wire_task_fact_type,
    &wire_instance_record_type,
    &wire_var_record_type,
    &wire_request_record_type,
    &wire_state_snapshot_type,
    &wire_fact_type,
    &wire_place_type,
    &wire_stop_type,
    &wire_cmd_plan_type,
    &wire_cmd_report_type,
    &wire_cmd_node_status_type,
    &wire_cmd_job_stop_type,
    &wire_cmd_var_type,
    &wire_command_type,
    &wire_join_request_type,
    &wire_join_response_type,
    &wire_pull_request_type,
    &wire_pull_response_type,
    &wire_forward_request_type,
    &wire_forward_response_type,
    &wire_report_message_type,
    &wire_remote_open_type,
    &wire_remote_data_type,
    &wire_remote_credit_type,
    &wire_leave_request_type,
    &wire_peer_message_type,
    &wire_log_identity_type,
    &wire_hard_state_type,
    &wire_snapshot_header_type,
    &wire_journal_boot_type,
    &wire_journal_record_type,
    &wire_node_files_keys_type,
    &wire_shim_spec_type,
    &wire_shim_status_type,
    &wire_shim_command_type,
    &wire_empty_type,
    &wire_admin_error_type,
    &wire_admin_freshness_type,
    &wire_admin_voter_type,
    &wire_admin_status_type,
    &wire_admin_node_type,
    &wire_admin_nodes_type,
    &wire_admin_job_query_type,
    &wire_admin_group_status_type,
    &wire_admin_job_status_type,
    &wire_admin_instance_type,
    &wire_admin_jobs_type,
    &wire_admin_job_summary_type,
    &wire_admin_ps_query_type,
    &wire_admin_ps_type,
    &wire_admin_run_type,
    &wire_admin_run_result_type,
    &wire_admin_stop_type,
    &wire_admin_write_result_type,
    &wire_admin_var_query_type,
    &wire_admin_vars_type,
    &wire_admin_var_put_type,
    &wire_admin_token_type,
    &wire_admin_logs_query_type,
    &wire_admin_stream_type,
    &wire_admin_chunk_type,
    &wire_admin_credit_type,
    &wire_event_type,
    &wire_admin_events_query_type,
};
const size_t wire_types_count = sizeof wire_types / sizeof wire_types[0];
