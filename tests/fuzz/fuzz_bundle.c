/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include <kf/bundle.h>
#include <stdio.h>

/* A folder of this process for the scratch file, which must be gone after each try. */
static const char *scratch(void)
{
    static char path[] = "/tmp/fuzz-bundle.XXXXXX";
    static bool made;

    if (!made)
        FUZZ_CHECK(mkdtemp(path));
    made = true;
    return path;
}

/* Each model's files must lie in the file that they say they are a range of. */
static void check_file(const struct kf_input *file)
{
    off_t end = lseek(file->fd, 0, SEEK_END);

    FUZZ_CHECK(file->name && end >= 0);
    if (file->ranged)
        FUZZ_CHECK(file->at <= (uint64_t)end && file->size <= (uint64_t)end - file->at);
}

static void check_models(const struct kf_bundle *bundle)
{
    for (size_t i = 0; i < kf_bundle_count(bundle); i++) {
        const struct kf_bundle_model *model = kf_bundle_model(bundle, i);

        check_file(&model->in);
        for (size_t k = 0; k < model->in.n_shards; k++)
            check_file(&model->in.shards[k]);
        if (model->in.architecture)
            check_file(model->in.architecture);
    }
}

/* Any bytes as an archive: take them apart, and look at what is found. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kf_options options = KF_OPTIONS_INIT;
    const struct kf_input in = {.fd = fuzz_file(data, n), .name = "fuzz"};
    struct kf_bundle *bundle = NULL;
    struct kf_report rep;
    char path[64];

    options.limits = fuzz_limits;
    options.scratch = scratch();
    kf_report_init(&rep);
    if (kf_bundle_open(&bundle, &in, &options, &rep) == 0) {
        json_t *facts = kf_bundle_facts(bundle, &rep);

        FUZZ_CHECK(facts);
        check_models(bundle);
        FUZZ_CHECK(kf_bundle_one(bundle, &rep) ? kf_bundle_count(bundle) > 0
                                               : kf_bundle_count(bundle) != 1);
        json_decref(facts);
        kf_bundle_destroy(bundle);
    } else {
        FUZZ_CHECK(kf_report_status(&rep) < 0);
    }
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    snprintf(path, sizeof path, "%s/" KF_BUNDLE_SCRATCH, options.scratch);
    FUZZ_CHECK(access(path, F_OK) < 0);
    kf_report_finish(&rep);
    close(in.fd);
    return 0;
}
