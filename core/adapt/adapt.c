/* SPDX-License-Identifier: Apache-2.0 */
#include "adapt.h"
#include "../base/str.h"
#include "curves.h"
#include "lambda/lambdas.h"
#include "ops/ops.h"
#include "shapes/flow.h"
#include "shapes/shapes.h"
#include "training/training.h"

int kf_adapt_no_memory(struct kf_adapt *adapt, const char *where)
{
    return kf_report_add(adapt->rep, KF_NO_MEMORY, where, "out of memory");
}

static int find_convolution(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    (void)context;
    return kf_adapt_convolves(layer) ? -1 : 0;
}

void kf_adapt_note_theano(struct kf_adapt *adapt)
{
    if (!adapt->model->weightless && kf_streq(adapt->rep->source.backend, "theano") &&
        adapt->backend == KF_BACKEND_FILE &&
        kf_layers_each(adapt->model->graph, find_convolution, NULL) < 0)
        kf_report_add(adapt->rep, KF_FINDING, "",
                      "written on Theano, which applies convolution kernels back to front: they "
                      "are taken as tf.keras 2.15 reads them; backend=theano turns them round, "
                      "as Keras 2.0-2.3 did");
}

static int keras2_to_keras3(struct kf_adapt *adapt)
{
    struct kf_graph *graph = adapt->model->graph;

    kf_adapt_note_theano(adapt);
    KF_TRY(kf_adapt_source_notes(adapt, graph));

    KF_TRY(kf_adapt_graph_losses(adapt, graph));
    KF_TRY(kf_adapt_merges(adapt, graph));
    KF_TRY(kf_adapt_lambdas(adapt, graph));
    KF_TRY(kf_adapt_op_layers(adapt, graph));
    KF_TRY(kf_adapt_curves(adapt, graph, adapt->since < KF_ACTIVATION_LAYERS_SINCE));
    KF_TRY(kf_adapt_local(adapt, graph));
    KF_TRY(kf_adapt_training(adapt));
    KF_TRY(kf_adapt_masks(adapt, graph));
    KF_TRY(kf_adapt_astray(adapt));
    KF_TRY(kf_adapt_calls(adapt, graph));
    KF_TRY(kf_adapt_ops(adapt, graph));
    KF_TRY(kf_adapt_layers(adapt, graph));
    return kf_adapt_names(adapt, graph);
}

/* One step from a dialect to another; a model goes by as many as it takes. */
static const struct way {
    enum kf_dialect from, to;
    int (*go)(struct kf_adapt *adapt);
} ways[] = {
    {KF_DIALECT_KERAS1, KF_DIALECT_KERAS2, kf_adapt_keras1},
    {KF_DIALECT_KERAS2, KF_DIALECT_KERAS3, keras2_to_keras3},
    {KF_DIALECT_KERAS3, KF_DIALECT_KERAS2, kf_adapt_keras3_keras2},
};

/* The step from `from` that leads to `to`, or NULL: dialects are in the order of their age. */
static const struct way *find_way(enum kf_dialect from, enum kf_dialect to)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (ways[i].from == from && (to > from ? ways[i].to > from : ways[i].to < from))
            return &ways[i];
    return NULL;
}

/* The last step: what the target release of a dialect takes otherwise than other releases. */
static const struct {
    enum kf_dialect dialect;
    int (*go)(struct kf_adapt *adapt);
} releases[] = {
    {KF_DIALECT_KERAS3, kf_adapt_keras3_release},
    {KF_DIALECT_KERAS2, kf_adapt_keras2_release},
};

static int fit_release(struct kf_adapt *adapt)
{
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
        if (releases[i].dialect == adapt->model->dialect)
            KF_TRY(releases[i].go(adapt));
    return 0;
}

int kf_adapt(struct kf_model *model, enum kf_dialect dialect, int keras, enum kf_runner runner,
             const struct kf_options *options, struct kf_report *rep)
{
    struct kf_adapt adapt = {.model = model,
                             .options = options,
                             .rep = rep,
                             .since = KF_SINCE(keras),
                             .native = model->dialect == dialect,
                             .backend = options->backend,
                             .runner = runner};

    KF_TRY(kf_adapt_pruned(&adapt, model->graph));
    if (model->dialect == KF_DIALECT_KERAS3) {
        KF_TRY(kf_adapt_astray(&adapt));
        if (runner != KF_RUNS_NOBODY && (runner != KF_RUNS_KERAS || !adapt.native))
            KF_TRY(kf_adapt_cut_counts(&adapt, model->graph));
    }
    while (model->dialect != dialect) {
        const struct way *way = find_way(model->dialect, dialect);

        if (!way)
            return kf_report_add(rep, KF_UNSUPPORTED_PAIR, "",
                                 "no way from this dialect to the target's");
        KF_TRY(way->go(&adapt));
        KF_TRY(kf_report_status(rep));
        model->dialect = way->to;
    }
    KF_TRY(fit_release(&adapt));
    return model->weightless || model->made_up ? 0 : kf_adapt_flow(&adapt, model->graph);
}
