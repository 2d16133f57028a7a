/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "training.h"

/* Layers whose gradient is a list of rows. */

#define KF_SPARSE(classes) static const char sparse[] = classes;
#define KF_ADDS(classes)   static const char adds[] = classes;
#include "training.def"

static int find_embedding(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    const struct kf_layer **found = context;

    (void)graph;
    if (!*found && layer->trainable && kf_in_words(sparse, layer->class_name))
        *found = layer;
    return 0;
}

const struct kf_layer *kf_training_embedding(struct kf_adapt *adapt)
{
    const struct kf_layer *embedding = NULL;

    kf_layers_each(adapt->model->graph, find_embedding, &embedding);
    return embedding;
}

int kf_training_differs(struct kf_adapt *adapt, const char *path, const char *optimizer)
{
    if (kf_in_words(adds, optimizer))
        return 0;
    return kf_report_add(adapt->rep, KF_TRAINING_DIFFERS, path,
                         "on TensorFlow, Keras 3 takes other steps with %s than Keras 2 where a "
                         "batch uses a row of an Embedding more than once; not on JAX or PyTorch",
                         optimizer);
}
