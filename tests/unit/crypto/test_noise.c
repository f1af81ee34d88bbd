/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the vectors do not say: how a handshake refuses. */
#include "helpers.h"

struct pair {
    struct noise_handshake i, r;
};

static void xx_init(struct noise_handshake *h, bool initiator, struct bytes prologue, uint8_t psk_number) {
    struct secret s = secret_number(initiator ? 1 : 2), e = secret_number(initiator ? 3 : 4);
    struct secret psk = secret_number(psk_number);
    cr_assert_eq(noise_handshake_init(h, &(struct noise_config){.pattern = "XXpsk0",
                                                                .initiator = initiator,
                                                                .prologue = prologue,
                                                                .static_secret = &s,
                                                                .ephemeral_secret = &e,
                                                                .psks = &psk,
                                                                .psks_count = 1}),
                 0);
}

static struct pair pair_new(void) {
    struct pair p;
    xx_init(&p.i, true, bytes_str("prologue"), 9);
    xx_init(&p.r, false, bytes_str("prologue"), 9);
    return p;
}

static struct buf written(struct noise_handshake *h, const char *payload) {
    struct buf out = {0};
    cr_assert_eq(noise_handshake_write(h, bytes_str(payload), &out), 0);
    return out;
}

static void passes(struct noise_handshake *from, struct noise_handshake *to, const char *payload) {
    struct buf message = written(from, payload), out = {0};
    cr_assert_eq(noise_handshake_read(to, buf_bytes(&message), &out), 0);
    cr_assert(bytes_is(buf_bytes(&out), payload));
    buf_done(&message);
    buf_done(&out);
}

/* The pair just before message `number` (0..2), and that message. */
static struct pair pair_before(size_t number, struct buf *ret_message) {
    struct pair p = pair_new();
    for (size_t m = 0; m < number; m++)
        passes(m % 2 ? &p.r : &p.i, m % 2 ? &p.i : &p.r, "");
    *ret_message = written(number % 2 ? &p.r : &p.i, "pay");
    return p;
}

static struct noise_handshake *reader_of(struct pair *p, size_t number) { return number % 2 ? &p->i : &p->r; }

static bool refuses(const struct noise_handshake *reader, struct bytes message) {
    struct noise_handshake copy = *reader;
    struct buf out = {0};
    buf_append(&out, "kept", 4);
    int err = noise_handshake_read(&copy, message, &out);
    cr_assert_eq(err == 0, !copy.failed);
    if (err != 0) {
        cr_assert(bytes_is(buf_bytes(&out), "kept"));
        cr_assert_eq(noise_handshake_read(&copy, message, &out), ERR_CLOSED);
        cr_assert_eq(noise_handshake_write(&copy, bytes_str(""), &out), ERR_CLOSED);
    }
    buf_done(&out);
    return err != 0;
}

Test(noise, sizes_are_those_of_the_stream_protocol) {
    static const size_t sizes[] = {48, 96, 64};
    for (size_t number = 0; number < 3; number++) {
        struct buf message;
        pair_before(number, &message);
        cr_assert_eq(message.size, sizes[number] + strlen("pay"));
        buf_done(&message);
    }
}

Test(noise, each_flipped_bit_is_refused) {
    for (size_t number = 0; number < 3; number++) {
        struct buf message;
        struct pair p = pair_before(number, &message);
        for (size_t bit = 0; bit < message.size * 8; bit++) {
            message.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            cr_assert(refuses(reader_of(&p, number), buf_bytes(&message)), "message %zu bit %zu", number,
                      bit);
            message.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        cr_assert(!refuses(reader_of(&p, number), buf_bytes(&message)));
        buf_done(&message);
    }
}

Test(noise, each_truncation_and_extension_is_refused) {
    for (size_t number = 0; number < 3; number++) {
        struct buf message;
        struct pair p = pair_before(number, &message);
        for (size_t size = 0; size < message.size; size++) {
            /* In memory of its own, so that a sanitizer sees a read past the end. */
            struct buf cut = {0};
            buf_append(&cut, message.data, size);
            cr_assert(refuses(reader_of(&p, number), buf_bytes(&cut)), "message %zu cut to %zu", number,
                      size);
            buf_done(&cut);
        }
        buf_append_byte(&message, 0);
        cr_assert(refuses(reader_of(&p, number), buf_bytes(&message)));
        buf_done(&message);
    }
}

Test(noise, message_1_needs_the_psk_and_the_prologue) {
    struct noise_handshake i, r;
    struct buf message;
    xx_init(&i, true, bytes_str("prologue"), 9);
    message = written(&i, "");
    xx_init(&r, false, bytes_str("prologue"), 8);
    cr_assert(refuses(&r, buf_bytes(&message)));
    xx_init(&r, false, bytes_str("Prologue"), 9);
    cr_assert(refuses(&r, buf_bytes(&message)));
    xx_init(&r, false, bytes_str("prologue"), 9);
    cr_assert(!refuses(&r, buf_bytes(&message)));
    buf_done(&message);
}

Test(noise, own_message_sent_back_is_refused) {
    struct pair p = pair_new();
    struct buf message = written(&p.i, "");
    cr_assert(refuses(&p.i, buf_bytes(&message)));
    buf_done(&message);
}

/* A message 1 may be sent again, but it yields nothing: a new handshake's message 3 must fit its own
 * message 2. */
Test(noise, replayed_messages_1_and_3_do_not_open) {
    struct pair p = pair_new();
    struct buf one = written(&p.i, ""), two, three, out = {0};
    cr_assert_eq(noise_handshake_read(&p.r, buf_bytes(&one), &out), 0);
    two = written(&p.r, "");
    cr_assert_eq(noise_handshake_read(&p.i, buf_bytes(&two), &out), 0);
    three = written(&p.i, "");

    struct noise_handshake again;
    struct secret s = secret_number(2), e = secret_number(5), psk = secret_number(9);
    cr_assert_eq(noise_handshake_init(&again, &(struct noise_config){.pattern = "XXpsk0",
                                                                     .prologue = bytes_str("prologue"),
                                                                     .static_secret = &s,
                                                                     .ephemeral_secret = &e,
                                                                     .psks = &psk,
                                                                     .psks_count = 1}),
                 0);
    cr_assert_eq(noise_handshake_read(&again, buf_bytes(&one), &out), 0);
    struct buf other_two = written(&again, "");
    cr_assert(refuses(&again, buf_bytes(&three)));
    cr_assert(!refuses(&p.r, buf_bytes(&three)));
    buf_done(&one);
    buf_done(&two);
    buf_done(&three);
    buf_done(&other_two);
    buf_done(&out);
}

Test(noise, out_of_turn_is_refused_without_harm) {
    struct pair p = pair_new();
    struct buf out = {0};
    cr_assert_eq(noise_handshake_write(&p.r, bytes_str(""), &out), ERR_CONFLICT);
    cr_assert_eq(noise_handshake_read(&p.i, bytes_str("x"), &out), ERR_CONFLICT);
    passes(&p.i, &p.r, "a");
    passes(&p.r, &p.i, "b");
    passes(&p.i, &p.r, "c");
    cr_assert(noise_handshake_is_complete(&p.i) && noise_handshake_is_complete(&p.r));
    cr_assert_eq(noise_handshake_read(&p.i, bytes_str("x"), &out), ERR_CONFLICT);
    cr_assert_eq(noise_handshake_write(&p.i, bytes_str("x"), &out), ERR_CONFLICT);
    buf_done(&out);
}

/* The points of order 1, 2, 4 and 8, also in forms that are not reduced: their shared secret is zero. */
static const char *const low_order_points[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

/* NN does no check before ee, so the refusal can only come from the point. */
Test(noise, low_order_points_are_refused) {
    for (size_t i = 0; i < sizeof low_order_points / sizeof low_order_points[0]; i++) {
        struct noise_handshake h;
        struct secret e = secret_number(1);
        uint8_t point[32];
        struct buf out = {0};
        cr_assert_eq(hex_decode(bytes_str(low_order_points[i]), point, sizeof point), 0);
        cr_assert_eq(
            noise_handshake_init(&h, &(struct noise_config){.pattern = "NN", .ephemeral_secret = &e}), 0);
        cr_assert_eq(noise_handshake_read(&h, bytes_of(point, sizeof point), &out), 0);
        cr_assert_eq(noise_handshake_write(&h, bytes_str(""), &out), ERR_DENIED, "point %zu", i);
        cr_assert_eq(out.size, 0);
        cr_assert_eq(noise_handshake_write(&h, bytes_str(""), &out), ERR_CLOSED);
        buf_done(&out);
    }
}

Test(noise, names_are_checked) {
    static const char *const bad[] = {"",        "XY",      "XXK",        "xx",          "XXpsk",
                                      "XXpsk4",  "XXpsk0+", "XXpsk0psk1", "XXpsk1+psk0", "XXpsk0+psk0",
                                      "XX+psk0", "XXpsk0 "};
    struct secret key = secret_number(1), psks[2] = {secret_number(2), secret_number(3)};
    struct noise_config config = {
        .initiator = true, .static_secret = &key, .ephemeral_secret = &key, .psks = psks};
    struct noise_handshake h;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (config.psks_count = 0; config.psks_count <= 2; config.psks_count++) {
            config.pattern = bad[i];
            cr_assert_eq(noise_handshake_init(&h, &config), ERR_UNSUPPORTED, "%s", bad[i]);
        }
    }
}

Test(noise, missing_keys_are_an_error) {
    struct secret key = secret_number(1);
    struct noise_handshake h;
    struct noise_config all = {.pattern = "KKpsk0",
                               .initiator = true,
                               .static_secret = &key,
                               .ephemeral_secret = &key,
                               .psks = &key,
                               .psks_count = 1};
    cr_assert_eq(noise_handshake_init(&h, &all), ERR_INVALID);
    struct static_key rs = identity_number(2).static_key;
    all.remote_static = &rs;
    cr_assert_eq(noise_handshake_init(&h, &all), 0);
    struct noise_config less = all;
    less.static_secret = NULL;
    cr_assert_eq(noise_handshake_init(&h, &less), ERR_INVALID);
    less = all;
    less.ephemeral_secret = NULL;
    cr_assert_eq(noise_handshake_init(&h, &less), ERR_INVALID);
    less = all;
    less.psks_count = 0;
    cr_assert_eq(noise_handshake_init(&h, &less), ERR_INVALID);
}

Test(noise, largest_message_passes_and_a_larger_does_not) {
    struct pair p = pair_new();
    struct buf payload = {0}, message = {0}, out = {0};
    buf_reserve(&payload, NOISE_MESSAGE_MAX);
    memset(payload.data, 'a', NOISE_MESSAGE_MAX);
    payload.size = NOISE_MESSAGE_MAX - 48;
    cr_assert_eq(noise_handshake_write(&p.i, buf_bytes(&payload), &message), 0);
    cr_assert_eq(message.size, NOISE_MESSAGE_MAX);
    cr_assert_eq(noise_handshake_read(&p.r, buf_bytes(&message), &out), 0);
    cr_assert(bytes_equal(buf_bytes(&out), buf_bytes(&payload)));
    payload.size++;
    p = pair_new();
    buf_clear(&message);
    cr_assert_eq(noise_handshake_write(&p.i, buf_bytes(&payload), &message), ERR_LIMIT);
    cr_assert_eq(message.size, 0);
    buf_done(&payload);
    buf_done(&message);
    buf_done(&out);
}

Test(noise_cipher, last_nonce_is_never_used) {
    struct noise_cipher c = {.keyed = true, .nonce = UINT64_MAX - 1}, d = c;
    uint8_t sealed[NOISE_TAG_SIZE + 1], plain[1];
    cr_assert_eq(noise_cipher_encrypt(&c, bytes_of(NULL, 0), bytes_str("x"), sealed), 0);
    cr_assert_eq(noise_cipher_encrypt(&c, bytes_of(NULL, 0), bytes_str("x"), sealed), ERR_LIMIT);
    cr_assert_eq(noise_cipher_decrypt(&d, bytes_of(NULL, 0), bytes_of(sealed, sizeof sealed), plain), 0);
    cr_assert_eq(noise_cipher_decrypt(&d, bytes_of(NULL, 0), bytes_of(sealed, sizeof sealed), plain),
                 ERR_LIMIT);
    cr_assert_eq(d.nonce, UINT64_MAX);
}

Test(noise_cipher, a_forgery_does_not_move_the_nonce) {
    struct noise_cipher send = {.keyed = true}, receive = send;
    uint8_t sealed[NOISE_TAG_SIZE + 2], bad[sizeof sealed], plain[2];
    cr_assert_eq(noise_cipher_encrypt(&send, bytes_str("ad"), bytes_str("hi"), sealed), 0);
    memcpy(bad, sealed, sizeof bad);
    bad[0] ^= 1;
    cr_assert_eq(noise_cipher_decrypt(&receive, bytes_str("ad"), bytes_of(bad, sizeof bad), plain),
                 ERR_DENIED);
    cr_assert_eq(noise_cipher_decrypt(&receive, bytes_str("aD"), bytes_of(sealed, sizeof sealed), plain),
                 ERR_DENIED);
    cr_assert_eq(noise_cipher_decrypt(&receive, bytes_str("ad"), bytes_of(sealed, 15), plain), ERR_INVALID);
    cr_assert_eq(noise_cipher_decrypt(&receive, bytes_str("ad"), bytes_of(sealed, sizeof sealed), plain), 0);
    cr_assert_arr_eq(plain, "hi", 2);
    cr_assert_eq(noise_cipher_decrypt(&receive, bytes_str("ad"), bytes_of(sealed, sizeof sealed), plain),
                 ERR_DENIED);
}
