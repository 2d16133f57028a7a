/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "down_ops.h"
#include <string.h>
#include <strings.h>

/* Losses that are part of a graph. */

/* The words behind the last dot. */
static const char *bare(const char *function)
{
    const char *dot = strrchr(function, '.');

    return dot ? dot + 1 : function;
}

/*
 * Whether Keras 3 may find logits before a tensor: its layer, or one that hands on what it is given
 * as some do when nothing is trained, has such an activation. A function makes a new tensor.
 */
static bool may_hide(const struct kf_graph *graph, struct kf_ref at, const char *function)
{
    for (size_t hops = 0; hops <= graph->n_layers; hops++) {
        const struct kf_layer *layer = graph->layers[at.layer];
        const json_t *activation = json_object_get(layer->config, "activation");

        if (json_is_string(json_object_get(layer->config, "function")))
            return false;
        if (layer->inner || layer->n_parts || layer->custom ||
            strcasecmp(layer->class_name, bare(function)) == 0)
            return true;
        if (json_is_string(activation))
            return kf_streq(json_string_value(activation), bare(function));
        if (layer->n_tensors || json_is_object(activation))
            return json_is_object(activation);
        if (at.call >= layer->n_calls ||
            !kf_ref_get(json_array_get(layer->calls[at.call].args, 0), &at))
            return false;
    }
    return true;
}

/*
 * Keras 3 takes what was before a softmax or a sigmoid for the logits, whether it is told that it
 * is given logits or not. Source: keras/src/backend/tensorflow/nn.py, _get_logits (3.15.1)
 */
int kf_down_form_from_logits(struct kf_down_op *op)
{
    json_auto_t *function = json_incref(json_object_get(op->kwargs, "logits_of"));
    const char *name = json_string_value(function);
    const struct kf_graph *graph = op->ops->graph;
    bool told = kf_json_bool(op->kwargs, "from_logits", false);
    const struct kf_layer *maker;
    struct kf_ref at;

    json_object_del(op->kwargs, "logits_of");
    json_object_del(op->kwargs, "from_logits");
    if (!kf_ref_get(json_object_get(op->kwargs, "logits"), &at))
        return kf_down_refuse(op, "it is called with what is no tensor");
    maker = graph->layers[at.layer];
    if (at.call < maker->n_calls && kf_streq(kf_json_str(maker->config, "function", NULL), name))
        return kf_down_set(op, "logits",
                           json_deep_copy(json_array_get(maker->calls[at.call].args, 0)));
    return told && !may_hide(graph, at, name)
               ? 0
               : kf_down_refuse(op, "Keras 3 takes the logits before a softmax or a sigmoid where "
                                    "it finds them: call it with logits and from_logits=True");
}

/* Labels have one axis less than logits. */
int kf_down_form_sparse_logits(struct kf_down_op *op)
{
    size_t labels = kf_down_rank(kf_down_argument(op, 0, "target"));
    size_t logits = kf_down_rank(kf_down_argument(op, 1, "output"));

    return !labels || !logits     ? kf_down_refuse(op, KF_DOWN_NOT_TOLD)
           : labels + 1 != logits ? kf_down_refuse(op, "its labels have an axis of their own")
                                  : kf_down_form_from_logits(op);
}

/* Labels are int32. */
int kf_down_form_ctc_loss(struct kf_down_op *op)
{
    if (kf_down_dtype(op->ops, op->first) == KF_DTYPE_INT32)
        return 0;
    return kf_down_before(op, "cast", json_pack("{s:s}", "dtype", "int32"));
}
