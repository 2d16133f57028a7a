/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include <fcntl.h>
#include <kf/convert.h>
#include <kf/diff.h>
#include <string.h>
#include <unistd.h>

/*
 * Whole conversions with allocation 1, 2, 3, ... failing, and all that follow it: each must end as
 * a failure for want of memory, or as it ends with all the memory it wants; nothing may leak or
 * stay behind. Jansson's allocations count too; those of HDF5 and libzip do not.
 *
 * Every allocation up to EACH, where reading and its checks are; from there on every STEP-th, at
 * an odd distance so that each pass of a loop fails somewhere else.
 */
#define EACH 300
#define STEP 7

static const char *const cases[] = {
    "activation_hard_sigmoid",
    "add_loss_other_input",
    "bidirectional_go_backwards",
    "cudnn_gru",
    "custom_refused",
    "keras1_cosine",
    "keras1_deconvolution",
    "keras1_highway",
    "keras1_lstm",
    "keras1_maxout",
    "keras1_merge_lambda",
    "keras1_merged",
    "keras1_theano_border",
    "lambda_closure_refused",
    "lambda_in_chain",
    "locally_connected2d_first",
    "lstm_hard_sigmoid",
    "mask_add",
    "mha_self",
    "names_with_slashes",
    "nested_frozen_parts",
    "old_sequential_list",
    "ops_attention",
    "separable_causal",
    "training_required",
    "training_state",
};

/* ... and as something else. */
static const struct other {
    const char *to, *name;
} others[] = {
    {"h5", "keras3_h5_lora"},
    {"onnx", "bidirectional_go_backwards"},
    {"onnx", "mask_add"},
    {"onnx", "mha_self"},
    {"onnx", "nested_frozen_parts"},
    {"onnx", "ops_attention"},
    {"onnx", "separable_causal"},
    {"onnx-data", "mha_self"},
    {"npz", "nested_frozen_parts"},
    {"tfjs", "nested_frozen_parts"},
    {"tfjs", "mha_self"},
    {"safetensors", "mask_add"},
    {"safetensors", "nested_frozen_parts"},
    {"savedmodel", "bidirectional_go_backwards"},
    {"savedmodel", "mask_add"},
    {"savedmodel", "mha_self"},
    {"savedmodel", "nested_frozen_parts"},
    {"savedmodel", "ops_attention"},
    {"savedmodel", "separable_causal"},
};
static const char *other_to; /* of the one in hand */

/* Where results go; nothing is there between conversions. */
static char out_path[64];
static size_t n_tried;

static int convert(const struct kf_input *in, struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;

    options.to = "keras";
    return kf_convert(in, out_path, &options, rep);
}

static int convert_to_other(const struct kf_input *in, struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;

    options.to = other_to;
    return kf_convert(in, out_path, &options, rep);
}

static int inspect(const struct kf_input *in, struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;
    json_t *facts = NULL;
    int r = kf_inspect(in, &options, rep, &facts);

    /* The facts are made after the reading, and are all there or not at all. */
    if (r >= 0 && !facts)
        r = kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    json_decref(facts);
    return r;
}

static int open_case(const char *name);

/* With a model of Keras 3, for which the other one is adapted, and from which it differs. */
static int diff(const struct kf_input *in, struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;
    const struct kf_input other = {.fd = open_case("keras3_h5_operations"), .name = "in.h5"};
    json_t *result = NULL;
    int r = kf_diff(in, &other, &options, rep, &result);

    close(other.fd);
    if (r >= 0) /* never a wrong word for want of memory */
        assert_string_equal(json_string_value(json_object_get(result, "verdict")), "different");
    json_decref(result);
    return r;
}

static int open_file(const char *name, const char *file)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/../golden/%s/%s", KF_FIXTURES, name, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int open_case(const char *name)
{
    return open_file(name, "in.h5");
}

/* Run with allocation `fail` failing; 0 is none. The first failure, and what is left of the file.
 */
static enum kf_code run(int (*what)(const struct kf_input *, struct kf_report *),
                        const struct kf_input *in, size_t fail)
{
    struct kf_report rep;
    enum kf_code code;
    int r;

    n_tried++;
    kf_report_init(&rep);
    kf_alloc_fail_after(fail);
    r = what(in, &rep);
    kf_alloc_fail_after(0);
    code = rep.worst == KF_GRADE_FATAL ? KF_NO_MEMORY : rep.first_failure;
    assert_int_equal(r, rep.worst == KF_GRADE_FATAL ? -KF_NO_MEMORY : kf_report_status(&rep));
    if (code != KF_OK)
        assert_int_equal(access(out_path, F_OK), -1);
    else if (what == convert || what == convert_to_other)
        assert_int_equal(unlink(out_path), 0);
    kf_report_finish(&rep);
    return code;
}

static void fail_each_of(int (*what)(const struct kf_input *, struct kf_report *),
                         const struct kf_input *in)
{
    enum kf_code whole, code = KF_NO_MEMORY;
    size_t n;

    assert_true(in->fd >= 0);
    whole = run(what, in, 0);
    assert_int_not_equal(whole, KF_NO_MEMORY);
    for (n = 1; code == KF_NO_MEMORY; n += n < EACH ? 1 : STEP) {
        code = run(what, in, n);
        assert_true(n < 100000);
    }
    assert_int_equal(code, whole);
    assert_true(n > 100); /* something was allocated at all */
}

static void fail_each(int (*what)(const struct kf_input *, struct kf_report *), const char *name)
{
    const struct kf_input in = {.fd = open_case(name), .name = "in.h5"};

    fail_each_of(what, &in);
    close(in.fd);
}

static void every_allocation_may_fail(void **state)
{
    fail_each(convert, *state);
}

static void every_allocation_of_others_may_fail(void **state)
{
    const struct other *other = *state;

    other_to = other->to;
    fail_each(convert_to_other, other->name);
}

/* A document of TensorFlow.js with its shards. */
static void every_allocation_of_tfjs_may_fail(void **state)
{
    static const char *const names[] = {"shard_1.bin", "shard_2.bin", "shard_3.bin"};
    struct kf_input shards[3], in = {.fd = open_file(*state, "in.json"), .name = "model.json"};

    in.shards = shards;
    for (; in.n_shards < 3; in.n_shards++)
        shards[in.n_shards] = (struct kf_input){.fd = open_file(*state, names[in.n_shards]),
                                                .name = names[in.n_shards]};
    fail_each_of(convert, &in);
    for (size_t i = 0; i < in.n_shards; i++)
        close(shards[i].fd);
    close(in.fd);
}

static void every_allocation_of_inspect_may_fail(void **state)
{
    fail_each(inspect, *state);
}

static void every_allocation_of_diff_may_fail(void **state)
{
    fail_each(diff, *state);
}

static int count(void **state)
{
    (void)state;
    print_message("%zu allocations were made to fail\n", n_tried);
    return 0;
}

#define N_CASES  (sizeof(cases) / sizeof(cases[0]))
#define N_OTHERS (sizeof(others) / sizeof(others[0]))

int main(void)
{
    struct CMUnitTest tests[N_CASES + 3 + N_OTHERS];

    json_set_alloc_funcs(kf_json_alloc, kf_free);
    snprintf(out_path, sizeof(out_path), "/tmp/kferry-torture-%d.keras", (int)getpid());
    for (size_t i = 0; i < N_CASES; i++)
        tests[i] = (struct CMUnitTest){.name = cases[i],
                                       .test_func = every_allocation_may_fail,
                                       .initial_state = (void *)(uintptr_t)cases[i]};
    tests[N_CASES] =
        (struct CMUnitTest){.name = "inspect",
                            .test_func = every_allocation_of_inspect_may_fail,
                            .initial_state = (void *)(uintptr_t) "nested_frozen_parts"};
    tests[N_CASES + 1] =
        (struct CMUnitTest){.name = "diff",
                            .test_func = every_allocation_of_diff_may_fail,
                            .initial_state = (void *)(uintptr_t) "nested_frozen_parts"};
    tests[N_CASES + 2] = (struct CMUnitTest){.name = "tfjs",
                                             .test_func = every_allocation_of_tfjs_may_fail,
                                             .initial_state = (void *)(uintptr_t) "tfjs_keras"};
    for (size_t i = 0; i < N_OTHERS; i++)
        tests[N_CASES + 3 + i] =
            (struct CMUnitTest){.name = others[i].to,
                                .test_func = every_allocation_of_others_may_fail,
                                .initial_state = (void *)(uintptr_t)&others[i]};
    return _cmocka_run_group_tests("torture", tests, N_CASES + 3 + N_OTHERS, NULL, count);
}
