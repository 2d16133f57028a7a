/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras3_limits.h"

/*
 * x[..., 1] in a legacy .h5: its JSON decoder makes the ellipsis, which the node's own one then
 * does not know. The axes that it stands for are written out as x[:, :, 1].
 */
static bool is_ellipsis(const json_t *key)
{
    return kf_streq(kf_json_str(key, "class_name", NULL), "__ellipsis__");
}

static json_t *whole_axis(void)
{
    return json_pack("{s:s, s:{s:n, s:n, s:n}}", "class_name", "__slice__", "config", "start",
                     "stop", "step");
}

/* How many axes of the tensor the subscript leaves to the ellipsis; below 0 when it cannot. */
static long left_over(const json_t *keys, size_t rank)
{
    long n = (long)rank;
    const json_t *one;
    size_t i;

    json_array_foreach(keys, i, one) n -= !json_is_null(one) && !is_ellipsis(one);
    return n;
}

/* The subscript without its ellipsis, a new reference. */
static int spell(struct kf_adapt *adapt, json_t **out, const json_t *keys, long n)
{
    json_auto_t *spelt = json_array();
    json_t *one;
    size_t i;

    json_array_foreach(keys, i, one)
    {
        if (!is_ellipsis(one))
            KF_TRY(kf_json_append(spelt, json_incref(one), adapt->rep));
        for (long k = 0; is_ellipsis(one) && k < n; k++)
            KF_TRY(kf_json_append(spelt, whole_axis(), adapt->rep));
    }
    *out = json_incref(spelt);
    return 0;
}

static bool has_ellipsis(const json_t *keys)
{
    const json_t *one;
    size_t i;

    json_array_foreach(keys, i, one) if (is_ellipsis(one)) return true;
    return false;
}

int kf_keras3_ellipsis(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t k = 0; k < layer->n_calls; k++) {
        struct kf_call *call = &layer->calls[k];
        json_t *given = json_array_get(call->args, 1), *x = json_array_get(call->args, 0);
        json_t *key = given ? given : json_object_get(call->kwargs, "key"), *made = NULL;
        json_auto_t *keys = json_is_array(key) ? json_incref(key) : json_pack("[O]", key);
        size_t rank =
            json_array_size(json_object_get(x ? x : json_object_get(call->kwargs, "x"), "shape"));

        if (key && !keys)
            return kf_adapt_no_memory(adapt, layer->path);
        if (!has_ellipsis(keys))
            continue;
        kf_report_rule(adapt->rep, "limit:h5_ellipsis");
        if (left_over(keys, rank) < 0 || !rank)
            return kf_report_add(adapt->rep, KF_GRAPH_NO_EQUAL, layer->path,
                                 "Keras 3 does not load an ellipsis in a subscript from a legacy "
                                 ".h5, and how many axes it stands for is not in the file: write "
                                 "a .keras");
        KF_TRY(spell(adapt, &made, keys, left_over(keys, rank)));
        KF_TRY(given ? kf_json_set_at(call->args, 1, made, adapt->rep)
                     : kf_json_set(call->kwargs, "key", made, adapt->rep));
        KF_TRY(kf_report_add(adapt->rep, KF_NODES_REWRITTEN, layer->path,
                             "the axes that an ellipsis stands for are written out, as Keras 3 "
                             "does not load one from a legacy .h5"));
    }
    return 0;
}
