/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../io/tensorflow/farmhash.h"
#include "../../io/tensorflow/proto.h"
#include "saved_model.h"

/* The hash is of 64 bytes and more; an index is longer, and one of this size is no small model's.
 */
#define INDEX_MIN 65
#define INDEX_MAX ((uint64_t)64 << 20)
#define PRINT_MAX 65536

static char *load(const struct kf_input *in, uint64_t max, size_t *n, struct kf_report *rep)
{
    struct kf_source source;
    char *bytes = NULL;

    if (!in || kf_source_init(&source, in, rep) < 0 || source.size > max)
        return NULL;
    *n = (size_t)source.size;
    bytes = kf_alloc(*n + 1);
    if (bytes && kf_source_read(&source, 0, bytes, *n, rep) == 0)
        return bytes;
    kf_free(bytes);
    return NULL;
}

static bool is_other(const Kf__Tf__Fingerprint *print, const char *index, size_t n)
{
    return print->checkpoint_hash && n >= INDEX_MIN &&
           kf_farmhash(index, n) != print->checkpoint_hash;
}

void kf_saved_model_print(const struct kf_saved_model *saved, struct kf_report *rep)
{
    const Kf__Tf__Fingerprint *print = NULL;
    size_t n_print = 0, n_index = 0;
    struct kf_report ignored;
    char *bytes, *index;

    kf_report_init(&ignored);
    bytes =
        load(kf_saved_model_file(saved->model, "fingerprint.pb"), PRINT_MAX, &n_print, &ignored);
    index = load(kf_saved_model_file(saved->model, KF_SAVED_MODEL_INDEX), INDEX_MAX, &n_index,
                 &ignored);
    if (bytes && index)
        print = kf_proto_unpack(&kf__tf__fingerprint__descriptor, saved->model->arena, bytes,
                                n_print, "fingerprint.pb", &ignored);
    if (print && is_other(print, index, n_index))
        kf_report_add(rep, KF_FINDING, "",
                      "fingerprint.pb was made of another variables.index: the folder may be put "
                      "together from two, or its variables were trained on since");
    kf_free(bytes);
    kf_free(index);
    kf_report_finish(&ignored);
}
