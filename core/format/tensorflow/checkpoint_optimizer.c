/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_optimizer.h"
#include "../../base/str.h"
#include "../optimizer_read.h"
#include "../trainables.h"
#include <stdio.h>
#include <string.h>

static const struct {
    const char *class_name, *slot, *found, *name;
} slots[] = {
#define KF_SLOT_NAME(class_name, slot, found)                                                      \
    {class_name, slot, found, "slot-name:" class_name "." slot},
#include "checkpoint_slots.def"
#undef KF_SLOT_NAME
};

struct reading {
    struct kf_checkpoint *cp;
    struct kf_model *model;
    struct kf_report *rep;
    int node; /* the optimizer's */
    struct kf_optimizer_found *found;
    size_t n;
};

static int no_memory(struct reading *reading)
{
    return kf_report_add(reading->rep, KF_NO_MEMORY, "", "out of memory");
}

/* Add what a node holds; false when it is no variable. */
static bool add(struct reading *reading, int node, int *status)
{
    struct kf_optimizer_found *found = &reading->found[reading->n];
    const struct kf_bundle_entry *entry = kf_checkpoint_value(reading->cp, node, &found->name);

    if (!entry || !entry->dtype)
        return false;
    *status = kf_checkpoint_payload(reading->cp, entry, &found->payload, reading->rep);
    reading->n += *status >= 0;
    return *status >= 0;
}

/* The list of an optimizer from 2.11 on. */
static int read_list(struct reading *reading, int list)
{
    int status = 0, first = kf_checkpoint_child(reading->cp, list, "0");
    char edge[24];

    add(reading,
        first >= 0 ? first : kf_checkpoint_child(reading->cp, reading->node, "_iterations"),
        &status);
    for (size_t i = 1; status >= 0; i++) {
        snprintf(edge, sizeof(edge), "%zu", i);
        if (!add(reading, kf_checkpoint_child(reading->cp, list, edge), &status))
            break;
    }
    KF_TRY(status);
    return kf_optimizer_bind(reading->model, reading->found, reading->n, true, reading->rep);
}

/* The node of what an older optimizer keeps as `slot` of a variable, -1 for none. */
static int find_slot(const struct reading *reading, const char *slot, const struct kf_tensor *of)
{
    const Kf__Tf__TrackableObjectGraph__Object *object = reading->cp->graph->nodes[reading->node];
    const char *name;

    for (size_t i = 0; i < object->n_slot_variables; i++) {
        const Kf__Tf__SlotReference *ref = object->slot_variables[i];
        const struct kf_bundle_entry *entry;

        if (strcmp(ref->slot_name, slot) != 0)
            continue;
        entry = kf_checkpoint_value(reading->cp, ref->original_variable_node_id, &name);
        if (entry && kf_checkpoint_taken(reading->cp, entry) == of->payload)
            return ref->slot_variable_node_id;
    }
    return -1;
}

static int node_of(struct reading *reading, const char *class_name,
                   const struct kf_optimizer_var *var)
{
    if (!var->variable)
        return kf_checkpoint_child(reading->cp, reading->node,
                                   strcmp(var->slot, "iteration") == 0 ? "iter" : var->slot);
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        if (strcmp(slots[i].class_name, class_name) == 0 && strcmp(slots[i].slot, var->slot) == 0) {
            kf_report_rule(reading->rep, slots[i].name);
            return find_slot(reading, slots[i].found, var->variable->tensor);
        }
    return -1;
}

/* In the order that the optimizer's class has, each by what it is called. */
static int read_slots(struct reading *reading)
{
    struct kf_optimizer_layout layout = {0};
    struct kf_optimizer_kind kind;
    struct kf_trainables list = {0};
    int r, status = 0;

    if (!kf_optimizer_kind(&kind, reading->model) || kind.family != KF_FAMILY_LEGACY)
        return kf_optimizer_bind(reading->model, reading->found, 0, false, reading->rep);
    r = kf_trainables(&list, reading->model, reading->rep);
    if (r >= 0)
        r = kf_optimizer_layout(&layout, &kind, 0, 0, &list);
    for (size_t i = 0; r > 0 && i < layout.n; i++)
        if (!add(reading, node_of(reading, kind.class_name, &layout.vars[i]), &status))
            break;
    kf_optimizer_layout_finish(&layout);
    kf_trainables_finish(&list);
    if (r == -KF_NO_MEMORY && kf_report_status(reading->rep) >= 0)
        return no_memory(reading);
    KF_TRY(r);
    KF_TRY(status);
    return kf_optimizer_bind(reading->model, reading->found, reading->n, false, reading->rep);
}

/* By what all optimizers keep: from 2.11 on `_iterations`, before that `iter`. */
static bool is_optimizer(const struct kf_checkpoint *cp, int node)
{
    return cp->graph->nodes[node]->n_slot_variables ||
           kf_checkpoint_child(cp, node, "_iterations") >= 0 ||
           (kf_checkpoint_child(cp, node, "iter") >= 0 &&
            kf_checkpoint_child(cp, node, "learning_rate") >= 0);
}

/* Whether a slot of it is of a variable that was bound. */
static bool is_of_model(const struct kf_checkpoint *cp, int node)
{
    const Kf__Tf__TrackableObjectGraph__Object *object = cp->graph->nodes[node];
    const char *name;

    for (size_t i = 0; i < object->n_slot_variables; i++) {
        const struct kf_bundle_entry *entry =
            kf_checkpoint_value(cp, object->slot_variables[i]->original_variable_node_id, &name);

        if (entry && kf_checkpoint_taken(cp, entry))
            return true;
    }
    return false;
}

int kf_checkpoint_optimizer_of(const struct kf_checkpoint *cp, struct kf_model *model, int root,
                               bool only_model)
{
    int own = kf_checkpoint_child(cp, root, "optimizer"), only = -1, fit = -1;
    size_t n = 0, n_fit = 0;

    for (size_t i = 0; own < 0 && cp->graph && i < cp->graph->n_nodes; i++)
        if (is_optimizer(cp, (int)i)) {
            bool fits = is_of_model(cp, (int)i);

            n++;
            n_fit += fits;
            only = (int)i;
            fit = fits ? (int)i : fit;
        }
    if (own >= 0 || !n)
        return own;
    if (n_fit == 1 || (n == 1 && only_model))
        return n_fit ? fit : only;
    model->has_optimizer_state = true;
    kf_optimizer_lose(model, "the checkpoint does not say whose optimizer it holds");
    return -1;
}

int kf_checkpoint_optimizer(struct kf_checkpoint *cp, struct kf_model *model, int node,
                            struct kf_report *rep)
{
    size_t n = kf_tensor_bundle_count(cp->bundle);
    struct reading reading = {.cp = cp, .model = model, .rep = rep, .node = node};
    int list;

    if (node < 0)
        return 0;
    if (!model->training) {
        model->has_optimizer_state = true;
        kf_optimizer_lose(model, "the file does not say of which optimizer it is");
        return 0;
    }
    reading.found = kf_arena_alloc(model->arena, (n + 2) * sizeof(*reading.found));
    if (!reading.found)
        return no_memory(&reading);
    list = kf_checkpoint_child(cp, reading.node, "_variables");
    return list >= 0 || kf_checkpoint_child(cp, reading.node, "_iterations") >= 0
               ? read_list(&reading, list)
               : read_slots(&reading);
}
