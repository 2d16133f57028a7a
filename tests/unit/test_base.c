/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/num.h"
#include "core/base/str.h"
#include "core/model/tensor.h"

static void allocated_memory_is_zeroed(void **state)
{
    char *p = kf_alloc(100);

    (void)state;
    assert_non_null(p);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    kf_free(p);
    kf_free(NULL);
}

static void the_nth_allocation_fails_and_all_after_it(void **state)
{
    void *first, *second;

    (void)state;
    kf_alloc_fail_after(2);
    first = kf_alloc(1);
    second = kf_alloc(1);
    assert_non_null(first);
    assert_null(second);
    assert_null(kf_realloc(NULL, 1));
    assert_null(kf_json_alloc(1));
    kf_alloc_fail_after(0);
    kf_free(first);
}

static void growing_keeps_and_zeroes(void **state)
{
    uint32_t *list = NULL;
    size_t cap = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(kf_grow(&list, &cap, i + 1, sizeof(*list)));
        assert_int_equal(list[i], 0);
        list[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(list[i], i);
    assert_false(kf_grow(&list, &cap, SIZE_MAX / 2, sizeof(*list)));
    assert_int_equal(list[999], 999);
    kf_free(list);
}

static void arena_gives_zeroed_aligned_memory(void **state)
{
    KF_AUTO(kf_arena) arena = kf_arena_create();

    (void)state;
    for (size_t n = 0; n < 3000; n += 7) {
        char *p = kf_arena_alloc(arena, n);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    assert_non_null(kf_arena_alloc(arena, 1000000));
    assert_null(kf_arena_alloc(arena, SIZE_MAX));
}

static void arena_copies_text(void **state)
{
    KF_AUTO(kf_arena) arena = kf_arena_create();

    (void)state;
    assert_string_equal(kf_arena_strdup(arena, "abc"), "abc");
    assert_string_equal(kf_arena_strndup(arena, "abc", 2), "ab");
    assert_string_equal(kf_arena_printf(arena, "%s/%d", "a", 12), "a/12");
    kf_arena_destroy(NULL);
}

static int use_arena(void *context)
{
    KF_AUTO(kf_arena) arena = kf_arena_create();

    (void)context;
    if (!arena || !kf_arena_alloc(arena, 10) || !kf_arena_alloc(arena, 100000) ||
        !kf_snake_case(arena, "Conv2D") || !kf_arena_printf(arena, "%05000d", 1))
        return -KF_NO_MEMORY;
    return 0;
}

static void arena_survives_lack_of_memory(void **state)
{
    (void)state;
    torture(use_arena, NULL);
}

static void buffer_stays_below_its_ceiling(void **state)
{
    struct kf_buf buf = {.max = 10};

    (void)state;
    assert_true(kf_buf_puts(&buf, ""));
    assert_string_equal(buf.data, "");
    assert_true(kf_buf_printf(&buf, "%d", 12345));
    assert_true(kf_buf_add(&buf, "67890", 5));
    assert_false(kf_buf_puts(&buf, "1"));
    assert_false(kf_buf_printf(&buf, "%d", 1));
    assert_string_equal(buf.data, "1234567890");
    assert_int_equal(buf.n, 10);
    kf_buf_finish(&buf);
    kf_buf_finish(&buf);
}

static int use_buffer(void *context)
{
    struct kf_buf buf = {.max = 100000};
    bool ok = true;

    (void)context;
    for (int i = 0; ok && i < 1000; i++)
        ok = kf_buf_printf(&buf, "%d,", i);
    kf_buf_finish(&buf);
    return ok ? 0 : -KF_NO_MEMORY;
}

static void buffer_survives_lack_of_memory(void **state)
{
    (void)state;
    torture(use_buffer, NULL);
}

static void strings_compare(void **state)
{
    (void)state;
    assert_true(kf_streq("a", "a"));
    assert_false(kf_streq("a", NULL));
    assert_true(kf_streq(NULL, NULL));
    assert_true(kf_starts("abc", "ab"));
    assert_false(kf_starts("a", "ab"));
    assert_true(kf_ends("abc", "bc"));
    assert_false(kf_ends("c", "bc"));
    assert_true(kf_in_words("a bc d", "bc"));
    assert_false(kf_in_words("a bc d", "b"));
    assert_false(kf_in_words("a bc d", ""));
    assert_false(kf_in_words("", "a"));
}

static void utf8_is_told_from_other_bytes(void **state)
{
    (void)state;
    assert_true(kf_utf8_valid("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"));
    assert_false(kf_utf8_valid("\x80"));
    assert_false(kf_utf8_valid("\xc3"));
    assert_false(kf_utf8_valid("\xc0\xaf"));         /* longer than it needs to be */
    assert_false(kf_utf8_valid("\xed\xa0\x80"));     /* half of a surrogate pair */
    assert_false(kf_utf8_valid("\xf4\x90\x80\x80")); /* above U+10FFFF */
    assert_int_equal(kf_utf8_char("\xe2\x82\xac", 2), 0);
    assert_int_equal(kf_utf8_char("\xe2\x82\xac", 3), 3);
    assert_int_equal(kf_utf8_char("", 0), 0);
}

/* formats.md 2.2, and what re.sub does where matches would overlap. */
static void class_names_become_snakes(void **state)
{
    static const char *const names[][2] = {
        {"Conv2D", "conv2d"},
        {"MaxPooling2D", "max_pooling2d"},
        {"BatchNormalization", "batch_normalization"},
        {"PReLU", "p_re_lu"},
        {"ReLU", "re_lu"},
        {"ELU", "elu"},
        {"LSTM", "lstm"},
        {"SimpleRNN", "simple_rnn"},
        {"ConvLSTM2D", "conv_lstm2d"},
        {"MultiHeadAttention", "multi_head_attention"},
        {"InputLayer", "input_layer"},
        {"Functional", "functional"},
        {"Sequential", "sequential"},
        {"IoU", "io_u"},
        {"TFOpLambda", "tf_op_lambda"},
        {"STFTSpectrogram", "stft_spectrogram"},
        {"Conv2DTranspose", "conv2d_transpose"},
        {"GlobalAveragePooling1D", "global_average_pooling1d"},
        {"DepthwiseConv2D", "depthwise_conv2d"},
        {"RMSprop", "rm_sprop"},
        {"ABcDeFG", "a_bc_de_fg"},
        {"My>Layer", "my_layer"},
        {"", ""},
        {"A", "a"},
        {"_Private", "__private"},
    };
    KF_AUTO(kf_arena) arena = kf_arena_create();

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_string_equal(kf_snake_case(arena, names[i][0]), names[i][1]);
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
    uint64_t out;

    (void)state;
    assert_true(kf_mul(UINT64_C(1) << 32, UINT64_C(1) << 31, &out));
    assert_false(kf_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &out));
    assert_true(kf_add(UINT64_MAX - 1, 1, &out));
    assert_false(kf_add(UINT64_MAX, 1, &out));
    assert_int_equal(kf_min(1, 2), 1);
}

static void payloads_know_their_size(void **state)
{
    struct kf_payload inner = {.dtype = KF_DTYPE_FLOAT32, .rank = 2, .dims = {3, 5}};
    struct kf_payload scalar = {.dtype = KF_DTYPE_INT64, .inner = &inner};

    (void)state;
    assert_int_equal(kf_payload_elements(&inner), 15);
    assert_int_equal(kf_payload_bytes(&inner), 60);
    assert_int_equal(kf_payload_elements(&scalar), 1);
    assert_int_equal(kf_payload_bytes(&scalar), 8);
    assert_ptr_equal(kf_payload_root(&scalar), &inner);
    for (int i = KF_DTYPE_FLOAT16; i < KF_DTYPE_COUNT; i++) {
        assert_true(kf_dtype_size((enum kf_dtype)i) > 0);
        assert_non_null(kf_dtype_name((enum kf_dtype)i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocated_memory_is_zeroed),
        cmocka_unit_test(the_nth_allocation_fails_and_all_after_it),
        cmocka_unit_test(growing_keeps_and_zeroes),
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(arena_copies_text),
        cmocka_unit_test(arena_survives_lack_of_memory),
        cmocka_unit_test(buffer_stays_below_its_ceiling),
        cmocka_unit_test(buffer_survives_lack_of_memory),
        cmocka_unit_test(strings_compare),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(class_names_become_snakes),
        cmocka_unit_test(numbers_that_do_not_fit_are_refused),
        cmocka_unit_test(payloads_know_their_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
