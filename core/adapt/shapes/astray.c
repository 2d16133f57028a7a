/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "shapes.h"

/*
 * From 3.7 on Keras 3 on TensorFlow takes a bias with one axis longer than 1 for a vector, and adds
 * it along the last axis of the output if that is as long, else along axis 1 if that is, whatever
 * its own axis was: silently other numbers. A model that came from elsewhere and goes there is
 * refused for it; and so is one that comes from there and goes elsewhere, where nobody would add
 * the bias as it was added in training.
 *
 * Source: keras/src/backend/tensorflow/numpy.py, add (3.7.0, 3.15.1; not yet in 3.6.0)
 */
#define ASTRAY_SINCE 307

/* JAX, PyTorch and NumPy add it right; a .keras does not say on which it was
 * trained, and an architecture not even by which release. */
static bool was_elsewhere(const struct kf_adapt *adapt)
{
    const struct kf_model *model = adapt->model;
    const char *backend = adapt->rep->source.backend;

    return model->dialect != KF_DIALECT_KERAS3 ||
           (model->keras && KF_SINCE(model->keras) < ASTRAY_SINCE) ||
           (backend && !kf_streq(backend, "tensorflow"));
}

int kf_adapt_astray(struct kf_adapt *adapt)
{
    struct kf_graph *graph = adapt->model->graph;
    bool goes_there = adapt->runner == KF_RUNS_KERAS && adapt->since >= ASTRAY_SINCE;

    adapt->was_astray = !was_elsewhere(adapt);
    if (adapt->runner == KF_RUNS_NOBODY || adapt->was_astray == goes_there)
        return 0;
    if (adapt->model->dialect == KF_DIALECT_KERAS3 && !adapt->was_astray)
        return 0; /* it stays on the backend that it is of */
    KF_TRY(kf_adapt_widths(adapt, graph));
    return kf_adapt_biases(adapt, graph);
}

/* Behind a refusal: what lets the file through. */
static const char *way_out(const struct kf_adapt *adapt)
{
    if (adapt->rep->source.backend)
        return "; guess=yes takes the bias as it is meant";
    return "; of a model that was trained on JAX or PyTorch they do not: guess=yes takes it for "
           "one";
}

int kf_adapt_report_astray(struct kf_adapt *adapt, const struct kf_layer *layer, const char *what,
                           bool certain)
{
    enum kf_code code =
        certain && !(adapt->was_astray && adapt->options->guess) ? KF_NO_EQUAL : KF_FINDING;

    if (!adapt->was_astray)
        return kf_report_add(adapt->rep, code, layer->path,
                             "%s: Keras 3 on TensorFlow adds it along the wrong axis %s", what,
                             certain ? "here" : "then");
    return kf_report_add(adapt->rep, code, layer->path,
                         "%s: on TensorFlow Keras 3 adds it along the wrong axis from 3.7 on, "
                         "and what is written along its own, so that predictions differ%s",
                         what, code == KF_FINDING ? "" : way_out(adapt));
}
