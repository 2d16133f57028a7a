/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../io/text/json.h"
#include "saved_model.h"

static void mark(const Kf__Tf__SavedObjectGraph *objects, bool *bound)
{
    for (size_t i = 0; i < objects->n_concrete_functions; i++) {
        const Kf__Tf__ConcreteFunction *function = objects->concrete_functions[i]->value;

        for (size_t k = 0; function && k < function->n_bound_inputs; k++)
            if (function->bound_inputs[k] >= 0 &&
                (size_t)function->bound_inputs[k] < objects->n_nodes)
                bound[function->bound_inputs[k]] = true;
    }
}

json_t *kf_saved_model_used(const struct kf_saved_model *saved, struct kf_report *rep)
{
    const Kf__Tf__SavedObjectGraph *objects = saved->objects;
    json_t *names = json_object();
    bool *bound = objects ? kf_alloc(objects->n_nodes + 1) : NULL;

    if (!names || (objects && !bound))
        kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    else if (objects)
        mark(objects, bound);
    for (size_t i = 0; names && bound && i < objects->n_nodes; i++) {
        const Kf__Tf__Variable *variable = objects->nodes[i]->variable;

        if (bound[i] && variable && *variable->name &&
            kf_json_set(names, variable->name, json_true(), rep) < 0)
            break;
    }
    kf_free(bound);
    return names;
}
