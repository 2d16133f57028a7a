/* SPDX-License-Identifier: Apache-2.0 */
#include "../info.h"
#include "../keras2/keras2_config.h"
#include "../keras3/keras3_graph.h"
#include "../reader.h"
#include "keras_zip.h"
#include "keras_zip_open.h"

static int read_keras_zip(struct kf_model *model, void *opaque, const struct kf_options *options,
                          struct kf_report *rep)
{
    struct kf_keras_zip *zip = opaque;
    bool keras3 = model->reader->kind == KF_FILE_KERAS_ZIP3;
    bool first = model->reader->kind == KF_FILE_KERAS_ZIP_211;
    const char *weights = first ? KF_ZIP_WEIGHTS_211 : KF_ZIP_WEIGHTS;

    model->dialect = keras3 ? KF_DIALECT_KERAS3 : KF_DIALECT_KERAS2;
    KF_TRY(kf_keras_zip_open(zip, model, options, rep));
    if (!kf_config_has_graph(zip->config))
        return kf_keras_zip_coded(zip, model, weights, options, rep);
    KF_TRY(keras3 ? kf_keras3_graph(model, zip->config, options, rep)
                  : kf_keras2_graph(model, zip->config, options, rep));
    return kf_keras_zip_bind(zip, model, weights, "", options, rep);
}

static int verify_keras_zip(void *opaque, struct kf_report *rep)
{
    struct kf_keras_zip *zip = opaque;

    return kf_zip_verify(zip->zip, rep);
}

static void close_keras_zip(void *opaque)
{
    kf_keras_zip_close(opaque);
}

const struct kf_reader kf_read_keras_zip2 = {
    .info = &kf_info_read_keras_zip2,
    .kind = KF_FILE_KERAS_ZIP2,
    .state_size = sizeof(struct kf_keras_zip),
    .read = read_keras_zip,
    .verify = verify_keras_zip,
    .close = close_keras_zip,
};

const struct kf_reader kf_read_keras_zip_211 = {
    .info = &kf_info_read_keras_zip_211,
    .kind = KF_FILE_KERAS_ZIP_211,
    .state_size = sizeof(struct kf_keras_zip),
    .read = read_keras_zip,
    .verify = verify_keras_zip,
    .close = close_keras_zip,
};

const struct kf_reader kf_read_keras_zip3 = {
    .info = &kf_info_read_keras_zip3,
    .kind = KF_FILE_KERAS_ZIP3,
    .state_size = sizeof(struct kf_keras_zip),
    .read = read_keras_zip,
    .verify = verify_keras_zip,
    .close = close_keras_zip,
};
