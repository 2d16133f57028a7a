/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "keras3_keras2.h"

/* What attention with heads does not see, written out as operations. */

struct masked {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    const struct kf_layer *layer;
};

/* A mask more beside those that there are; takes it. */
static int add_mask(const struct masked *one, json_t *mask, json_t **all)
{
    if (*all)
        return kf_down_operate(one->adapt, one->graph, "LogicalAnd", json_object(),
                               json_pack("[o, o]", *all, mask), all);
    *all = mask;
    return 0;
}

/* Ones for each place of a query, or of a value: (batch, places, 1) and (batch, 1, places). */
static int count_places(const struct masked *one, json_t *tensor, bool keep, json_t **out)
{
    KF_TRY(kf_down_operate(one->adapt, one->graph, "Sum",
                           json_pack("{s:[i], s:b}", "axis", -1, "keepdims", keep),
                           json_pack("[o]", json_deep_copy(tensor)), out));
    if (!keep)
        KF_TRY(kf_down_operate(one->adapt, one->graph, "ExpandDims", json_pack("{s:i}", "axis", 1),
                               json_pack("[o]", *out), out));
    return kf_down_operate(one->adapt, one->graph, "OnesLike", json_object(),
                           json_pack("[o]", *out), out);
}

/* Places that are nearer than the window is wide: (batch, places of the query, ... of the value).
 */
static int add_window(const struct masked *one, const struct kf_call *call, json_t **all)
{
    json_int_t reach = kf_json_int(one->layer->config, "sliding_window", 0) - 1;
    json_t *rows_of = NULL, *columns = NULL, *band = NULL;

    KF_TRY(count_places(one, json_array_get(call->args, 0), true, &rows_of));
    KF_TRY(count_places(one, json_object_get(call->kwargs, "value"), false, &columns));
    KF_TRY(kf_down_operate(one->adapt, one->graph, "Multiply", json_object(),
                           json_pack("[o, o]", rows_of, columns), &band));
    KF_TRY(kf_down_operate(one->adapt, one->graph, "Tril", json_pack("{s:I}", "k", reach),
                           json_pack("[o]", band), &band));
    KF_TRY(kf_down_operate(one->adapt, one->graph, "Triu", json_pack("{s:I}", "k", -reach),
                           json_pack("[o]", band), &band));
    KF_TRY(kf_down_operate(one->adapt, one->graph, "Greater", json_object(),
                           json_pack("[o, f]", band, 0.5), &band));
    return add_mask(one, band, all);
}

/* The attention_mask of a call and what the window hides; NULL for none. */
static int own_masks(const struct masked *one, const struct kf_call *call, json_t **all)
{
    json_t *given = json_object_get(call->kwargs, "attention_mask"), *made = NULL;

    if (given) {
        KF_TRY(kf_down_operate(one->adapt, one->graph, "Cast", json_pack("{s:s}", "dtype", "bool"),
                               json_pack("[o]", json_deep_copy(given)), &made));
        KF_TRY(add_mask(one, made, all));
    }
    return kf_json_int(one->layer->config, "sliding_window", 0) > 0 ? add_window(one, call, all)
                                                                    : 0;
}

/* Those that the inputs carry. Source: _compute_attention_mask() */
static int carried_masks(const struct masked *one, const struct kf_call *call, json_t **all)
{
    static const struct {
        const char *key;
        int axis;
    } carried[] = {{"query_mask", -1}, {"value_mask", -2}, {"key_mask", -2}};
    json_t *made = NULL;

    for (size_t i = 0; i < 3; i++) {
        json_t *given = json_object_get(call->kwargs, carried[i].key);

        if (!given)
            continue;
        KF_TRY(kf_down_operate(one->adapt, one->graph, "ExpandDims",
                               json_pack("{s:i}", "axis", carried[i].axis),
                               json_pack("[o]", json_deep_copy(given)), &made));
        KF_TRY(add_mask(one, made, all));
    }
    return 0;
}

int kf_down_head_masks(struct kf_adapt *adapt, struct kf_graph *graph, const struct kf_layer *layer,
                       const struct kf_call *call, bool carried, json_t **out)
{
    struct masked one = {adapt, graph, layer};

    *out = NULL;
    if (carried)
        KF_TRY(carried_masks(&one, call, out));
    KF_TRY(own_masks(&one, call, out));
    return carried && *out
               ? kf_down_operate(adapt, graph, "ExpandDims", json_pack("{s:i}", "axis", 1),
                                 json_pack("[o]", *out), out)
               : 0;
}
