/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * base: what every room stands on. Errors, bytes, arenas, ids, random numbers, containers.
 *
 * PURE: no clock, no I/O, no global state. Memory comes from mem_alloc(), which never returns NULL: a host
 * without memory for a few kilobytes is a host whose agent must stop (its tasks live on in their shims).
 *
 * Time everywhere is int64_t microseconds of the lease clock (see covey/node.h), named `now_us`.
 * TIME_NEVER_US is "no deadline".
 */
#ifndef COVEY_BASE_H
#define COVEY_BASE_H

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TIME_NEVER_US INT64_MAX
#define US_PER_MS     INT64_C(1000)
#define US_PER_S      INT64_C(1000000)

/* ---- errors -------------------------------------------------------------------------------------------- */

/*
 * One list for the whole of covey: name, text, exit status of the command line. Functions that can fail
 * return 0 or one of these negative codes. The exit statuses are part of the interface (covey(1)).
 */
#define ERR_LIST(X)                                                                                          \
    X(ERR_INVALID, -1, "invalid", 2)                   /* malformed input or argument */                     \
    X(ERR_LIMIT, -2, "over a limit", 2)                /* larger than a documented bound */                  \
    X(ERR_NOT_FOUND, -3, "not found", 3)                                                                     \
    X(ERR_EXISTS, -4, "exists already", 4)                                                                   \
    X(ERR_CONFLICT, -5, "conflict", 4)                 /* a compare-and-set or precondition failed */        \
    X(ERR_NO_LEADER, -6, "no leader", 5)               /* no quorum, or none known yet */                    \
    X(ERR_NOT_LEADER, -7, "not the leader", 5)                                                               \
    X(ERR_TIMEOUT, -8, "timed out", 5)                                                                       \
    X(ERR_BUSY, -9, "busy", 5)                         /* a queue is full; try again */                      \
    X(ERR_DENIED, -10, "denied", 6)                    /* credentials, wrong secret, policy */               \
    X(ERR_CORRUPT, -11, "corrupt", 7)                  /* a checksum or a structure is wrong */              \
    X(ERR_IO, -12, "input/output error", 7)                                                                  \
    X(ERR_NO_SPACE, -13, "no space left", 7)                                                                 \
    X(ERR_UNSUPPORTED, -14, "not supported", 8)        /* known, refused by name */                          \
    X(ERR_VERSION, -15, "version mismatch", 8)                                                               \
    X(ERR_NO_FIT, -16, "does not fit", 9)              /* placement found no node */                         \
    X(ERR_FAILED, -17, "failed", 1)                    /* a task or job failed */                            \
    X(ERR_NO_AGENT, -18, "no agent answers", 10)       /* the socket is not there or refuses */              \
    X(ERR_CLOSED, -19, "closed", 5)                    /* the other end went away */                         \
    X(ERR_STALE, -20, "stale", 4)                      /* older than what is known */

enum err {
#define ERR_ENUM(name, code, text, status) name = (code),
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* The text of a code, "ok" for 0; for an unknown code "unknown error". */
const char *err_str(int code);
/* The exit status of a code: 0 for 0, 1 for an unknown one. */
int err_exit(int code);

/* ---- numbers ----------------------------------------------------------------------------------------- */

/* 8 bytes, the highest first. */
static inline void u64_put(uint8_t *at, uint64_t value) {
    for (int i = 7; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}
static inline uint64_t u64_get(const uint8_t *at) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}
/* The finalizer of splitmix64 (S. Vigna): each bit of x changes half of the result's. */
static inline uint64_t u64_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
static inline bool is_power_of_two(size_t x) { return x > 0 && (x & (x - 1)) == 0; }

/* ---- memory -------------------------------------------------------------------------------------------- */

/* Like malloc, realloc and free, but zeroed, and never NULL for size > 0: no memory ends the process. */
void *mem_alloc(size_t size_bytes);
void *mem_realloc(void *p, size_t size_bytes); /* the grown part is not zeroed */
void mem_free(void *p);
/* memcpy that takes NULL for no bytes, as an empty struct bytes has it. */
static inline void mem_copy(void *to, const void *from, size_t size_bytes) {
    if (size_bytes > 0)
        memcpy(to, from, size_bytes);
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

/* A borrowed view. Text is bytes too (UTF-8, not terminated). */
struct bytes {
    const uint8_t *data;
    size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size) {
    return (struct bytes){.data = (const uint8_t *)data, .size = size};
}
static inline struct bytes bytes_str(const char *text) { return bytes_of(text, strlen(text)); }
bool bytes_equal(struct bytes a, struct bytes b);
int bytes_compare(struct bytes a, struct bytes b); /* memcmp order, then the shorter first */
static inline bool bytes_starts(struct bytes a, struct bytes prefix) {
    return a.size >= prefix.size && bytes_equal(bytes_of(a.data, prefix.size), prefix);
}
static inline bool bytes_is(struct bytes a, const char *text) { return bytes_equal(a, bytes_str(text)); }
/* printf("%.*s", BYTES_FMT(b)) */
#define BYTES_FMT(b) (int)(b).size, (const char *)(b).data

/* A growable buffer that owns its bytes. Zero-initialise, or buf_init; buf_done frees. */
struct buf {
    uint8_t *data;
    size_t size, capacity;
};
void buf_done(struct buf *b);
void buf_clear(struct buf *b);                                    /* size 0, memory kept */
void buf_reserve(struct buf *b, size_t extra_bytes);
void buf_append(struct buf *b, const void *data, size_t size_bytes);
void buf_append_byte(struct buf *b, uint8_t byte);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
void buf_append_hex(struct buf *b, struct bytes in);              /* lower case */
void buf_consume(struct buf *b, size_t size_bytes);               /* drop from the front */
const char *buf_str(struct buf *b);    /* NUL-terminated; borrowed till the next change */
static inline struct bytes buf_bytes(const struct buf *b) { return bytes_of(b->data, b->size); }
/* Moves the bytes out; the caller frees with mem_free. */
uint8_t *buf_take(struct buf *b, size_t *ret_size);

/* Hex text to bytes: exactly size_bytes of them, else ERR_INVALID. */
int hex_decode(struct bytes text, uint8_t *out, size_t size_bytes);

/* ---- arena --------------------------------------------------------------------------------------------- */

/* Memory that is freed all at once. Zero-initialise; arena_done frees, arena_reset keeps the first chunk. */
struct arena_chunk;
struct arena {
    struct arena_chunk *chunk;
    size_t total_bytes;    /* handed out so far */
    size_t limit_bytes;    /* 0 = none; arena_try_alloc refuses past it */
};
void *arena_alloc(struct arena *a, size_t size_bytes);            /* zeroed, 16-byte aligned, never NULL */
void *arena_try_alloc(struct arena *a, size_t size_bytes);        /* NULL past the limit */
struct bytes arena_copy(struct arena *a, struct bytes in);        /* a NUL follows the copy */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_reset(struct arena *a);
void arena_done(struct arena *a);

/* ---- ids ----------------------------------------------------------------------------------------------- */

#define ID_SIZE 16
/* Wrapped so that one kind cannot be passed for another. 16 bytes each, compared bytewise, shown as hex. */
struct node_id     { uint8_t b[ID_SIZE]; };   /* first 16 bytes of BLAKE2b(Ed25519 public key) */
struct cluster_id  { uint8_t b[ID_SIZE]; };   /* random, made at bootstrap */
struct instance_id { uint8_t b[ID_SIZE]; };   /* random, made at placement */
struct log_id      { uint8_t b[ID_SIZE]; };   /* random, made with an empty log: a lost disk gets a new one */
struct request_id  { uint8_t b[ID_SIZE]; };   /* random, made by the client: a retry carries the same */
struct boot_id     { uint8_t b[ID_SIZE]; };   /* the kernel's boot id */
struct recovery_id { uint8_t b[ID_SIZE]; };   /* random, made by `covey recover` */
struct public_key  { uint8_t b[32]; };        /* Ed25519 */

/* Who votes: a host with one particular life of its disk. */
struct raft_id {
    struct node_id node;
    struct log_id log;
};

#define ID_EQUAL(x, y)   (memcmp((x).b, (y).b, sizeof((x).b)) == 0)
#define ID_COMPARE(x, y) memcmp((x).b, (y).b, sizeof((x).b))
#define ID_IS_ZERO(x)    id_is_zero((x).b, sizeof((x).b))
bool id_is_zero(const uint8_t *b, size_t size_bytes);
static inline bool raft_id_equal(const struct raft_id *x, const struct raft_id *y) {
    return memcmp(x, y, sizeof *x) == 0;
}
static inline int raft_id_compare(const struct raft_id *x, const struct raft_id *y) {
    return memcmp(x, y, sizeof *x);
}

#define ID_TEXT_SIZE 33
/* Hex with a NUL. ID_SHORT_SIZE - 1 digits are what tables show. */
#define ID_SHORT_SIZE 9
void id_text(const uint8_t b[ID_SIZE], char out[ID_TEXT_SIZE]);
void id_short(const uint8_t b[ID_SIZE], char out[ID_SHORT_SIZE]);

/* ---- addresses ----------------------------------------------------------------------------------------- */

/* An IP address and a port: size 6 (IPv4) or 18 (IPv6), network byte order, port last; size 0 is "none". */
struct addr {
    uint8_t size;
    uint8_t b[18];
};
#define ADDR_TEXT_SIZE 64
bool addr_equal(const struct addr *x, const struct addr *y);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
/* "192.0.2.1:7370", "[2001:db8::1]:7370", "-" for none; host text alone without brackets. */
void addr_text(const struct addr *a, char out[ADDR_TEXT_SIZE]);
void addr_host_text(const struct addr *a, char out[ADDR_TEXT_SIZE]);
/* Numeric forms only (names are net's business); the port may be left out when port_default is not 0. */
int addr_parse(struct bytes text, uint16_t port_default, struct addr *ret);

/* ---- random numbers ------------------------------------------------------------------------------------ */

/* xoshiro256** seeded through splitmix64 (Blackman and Vigna). Not for secrets: see covey/crypto.h. */
struct prng { uint64_t s[4]; };
void prng_init(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);
uint64_t prng_below(struct prng *p, uint64_t bound);              /* [0, bound), unbiased; bound > 0 */
int64_t prng_between(struct prng *p, int64_t low, int64_t high);  /* [low, high] */
bool prng_chance(struct prng *p, uint32_t millionths);
void prng_fill(struct prng *p, void *out, size_t size_bytes);
/* An independent stream: so that one part's draws never shift another's. */
struct prng prng_split(struct prng *p);

/* ---- checksums ----------------------------------------------------------------------------------------- */

/* CRC-32C (Castagnoli, reflected 0x82f63b78), chained: pass the previous value, 0 at the start. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size_bytes);

/* ---- containers ---------------------------------------------------------------------------------------- */

/*
 * A growable array: struct { T *data; size_t count, capacity; }. Declare with VEC(T). Elements move when it
 * grows: keep no pointers into it over a push.
 */
#define VEC(T)                                                                                               \
    struct {                                                                                                 \
        T *data;                                                                                             \
        size_t count, capacity;                                                                              \
    }
#define VEC_PUSH(v, item)                                                                                    \
    do {                                                                                                     \
        if ((v)->count == (v)->capacity)                                                                     \
            (v)->data = vec_grow((v)->data, &(v)->capacity, sizeof *(v)->data);                              \
        (v)->data[(v)->count++] = (item);                                                                    \
    } while (0)
#define VEC_INSERT(v, index, item)                                                                           \
    do {                                                                                                     \
        size_t vec_at = (index);                                                                             \
        if ((v)->count == (v)->capacity)                                                                     \
            (v)->data = vec_grow((v)->data, &(v)->capacity, sizeof *(v)->data);                              \
        memmove((v)->data + vec_at + 1, (v)->data + vec_at, ((v)->count - vec_at) * sizeof *(v)->data);      \
        (v)->data[vec_at] = (item);                                                                          \
        (v)->count++;                                                                                        \
    } while (0)
#define VEC_REMOVE(v, index)                                                                                 \
    do {                                                                                                     \
        size_t vec_at = (index);                                                                             \
        memmove((v)->data + vec_at, (v)->data + vec_at + 1,                                                  \
                ((v)->count - vec_at - 1) * sizeof *(v)->data);                                              \
        (v)->count--;                                                                                        \
    } while (0)
#define VEC_DONE(v)                                                                                          \
    do {                                                                                                     \
        mem_free((v)->data);                                                                                 \
        (v)->data = NULL;                                                                                    \
        (v)->count = (v)->capacity = 0;                                                                      \
    } while (0)
void *vec_grow(void *data, size_t *capacity, size_t item_size_bytes);

/*
 * A map from a key of bytes to a pointer. The caller owns both; keys are borrowed and must outlive their
 * entry (usually they lie in the value). Open addressing; the order of iteration is the order of insertion
 * with the last moved into a removed place: it depends on the calls alone, never on addresses.
 */
struct map_entry {
    struct bytes key;
    void *value;
};
struct map {
    struct map_entry *entries;
    size_t count, capacity;
    uint32_t *slots;          /* index + 1 into entries, 0 = free */
    size_t slots_count;
};
void *map_get(const struct map *m, struct bytes key);             /* NULL when absent */
void *map_put(struct map *m, struct bytes key, void *value);      /* the value replaced, or NULL */
void *map_remove(struct map *m, struct bytes key);                /* the value removed, or NULL */
void map_done(struct map *m);
#define MAP_GET_ID(m, id)        map_get((m), bytes_of((id).b, sizeof (id).b))
#define MAP_REMOVE_ID(m, id)     map_remove((m), bytes_of((id).b, sizeof (id).b))

/* ---- text ---------------------------------------------------------------------------------------------- */

/* The name in `names` nearest to `word` (edit distance at most 2 and less than half of it), or NULL. */
const char *text_nearest(struct bytes word, const char *const *names, size_t names_count);

/* A duration as "1h30m", "10s", "250ms" to microseconds; ERR_INVALID, or ERR_LIMIT past 100 years. */
int duration_parse(struct bytes text, int64_t *ret_us);
/* The shortest such text, e.g. "1m30s"; "0s". */
void duration_append(struct buf *b, int64_t us);

#endif
