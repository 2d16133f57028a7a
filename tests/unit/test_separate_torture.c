/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include <kf/convert.h>

/*
 * Weights and architectures in files of their own, with allocation 1, 2, 3, ... failing and all
 * that follow it: the golden cases of those names, as test_torture.c does with whole models.
 */
#define EACH 200
#define STEP 5

static const struct sample {
    const char *folder, *in, *architecture, *shards[2], *to;
    bool guess;
} samples[] = {
    {"weights_to_keras", "in.h5", "architecture.json", {NULL, NULL}, "keras", false},
    {"weights_by_position", "in.h5", "architecture.json", {NULL, NULL}, "weights.h5", false},
    {"weights_in_other_order_guessed", "in.h5", "architecture.json", {NULL, NULL}, "keras", true},
    {"weights_h5_of_2_13", "in.weights.h5", "architecture.json", {NULL, NULL}, "json", false},
    {"shards_two",
     "in.weights.json",
     "architecture.json",
     {"shard_0.weights.h5", "shard_1.weights.h5"},
     "keras",
     false},
    {"npz_of_arrays", "in.npz", "architecture.json", {NULL, NULL}, "keras", false},
    {"safetensors_whole", "in.safetensors", NULL, {NULL, NULL}, "keras", false},
    {"safetensors_named", "in.safetensors", "architecture.json", {NULL, NULL}, "keras", false},
    {"safetensors_named", "in.safetensors", NULL, {NULL, NULL}, "npz", false},
    {"alone_2_13", "in.weights.h5", NULL, {NULL, NULL}, "npz", false},
    {"alone_2_13", "in.weights.h5", NULL, {NULL, NULL}, "weights.h5", false},
    {"alone_2_15", "in.weights.h5", NULL, {NULL, NULL}, "weights.h5", false},
    {"alone_legacy", "in.h5", NULL, {NULL, NULL}, "weights.h5", false},
    {"alone_legacy_named_guessed", "in.h5", NULL, {NULL, NULL}, "weights.h5", true},
    {"yaml_dense", "in.yaml", NULL, {NULL, NULL}, "json", false},
    {"json_two_dense", "in.json", NULL, {NULL, NULL}, "json", false},
};

static char out_path[64];

static struct kf_input open_file(const struct sample *sample, const char *name)
{
    struct kf_input in = {.fd = -1, .name = name};
    char path[512];

    if (!name)
        return in;
    snprintf(path, sizeof(path), "%s/../golden/%s/%s", KF_FIXTURES, sample->folder, name);
    in.fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(in.fd >= 0);
    return in;
}

/* The first failure, and nothing left of the file; `fail` 0 is none. */
static enum kf_code run(const struct sample *sample, const struct kf_input *in, size_t fail)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    enum kf_code code;

    options.to = sample->to;
    options.guess = sample->guess;
    kf_report_init(&rep);
    kf_alloc_fail_after(fail);
    kf_convert(in, out_path, &options, &rep);
    kf_alloc_fail_after(0);
    code = rep.worst == KF_GRADE_FATAL ? KF_NO_MEMORY : rep.first_failure;
    assert_int_equal(access(out_path, F_OK), code == KF_OK ? 0 : -1);
    unlink(out_path);
    kf_report_finish(&rep);
    return code;
}

static void every_allocation_may_fail(void **state)
{
    const struct sample *sample = *state;
    struct kf_input in = open_file(sample, sample->in);
    struct kf_input architecture = open_file(sample, sample->architecture);
    struct kf_input shards[2] = {open_file(sample, sample->shards[0]),
                                 open_file(sample, sample->shards[1])};
    enum kf_code code = KF_NO_MEMORY;
    size_t n;

    in.architecture = sample->architecture ? &architecture : NULL;
    in.shards = shards;
    in.n_shards = sample->shards[0] ? 2 : 0;
    assert_int_equal(run(sample, &in, 0), KF_OK);
    for (n = 1; code == KF_NO_MEMORY; n += n < EACH ? 1 : STEP) {
        code = run(sample, &in, n);
        assert_true(n < 100000);
    }
    assert_int_equal(code, KF_OK);
    assert_true(n > 50);
    close(in.fd);
    if (in.architecture)
        close(architecture.fd);
    for (size_t i = 0; i < in.n_shards; i++)
        close(shards[i].fd);
}

#define N_SAMPLES (sizeof(samples) / sizeof(samples[0]))

int main(void)
{
    struct CMUnitTest tests[N_SAMPLES];

    for (size_t i = 0; i < N_SAMPLES; i++)
        tests[i] = (struct CMUnitTest){samples[i].folder, every_allocation_may_fail, NULL, NULL,
                                       (void *)&samples[i]};
    snprintf(out_path, sizeof(out_path), "/tmp/kferry-separate-%d", (int)getpid());
    json_set_alloc_funcs(kf_json_alloc, kf_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
