/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/buf.h"
#include "../../base/str.h"
#include "saved_model.h"
#include <inttypes.h>
#include <string.h>

/* Variables that a report names. */
#define NAMED_MAX 40

static const struct {
    const char *op, *what;
} reaches[] = {
#define KF_REACHES(op, what) {op, what},
#include "saved_model_ops.def"
#undef KF_REACHES
};
#define N_REACHES (sizeof(reaches) / sizeof(reaches[0]))

struct uses {
    size_t n[N_REACHES];
    const char *first[N_REACHES]; /* the node's name */
};

static void note(struct uses *uses, const char *op, const char *name)
{
    for (size_t i = 0; i < N_REACHES; i++)
        if (strcmp(reaches[i].op, op) == 0 && !uses->n[i]++)
            uses->first[i] = name;
}

void kf_saved_model_unsafe(const struct kf_saved_model *saved, struct kf_report *rep)
{
    const Kf__Tf__Graph *graph = saved->meta ? saved->meta->graph : NULL;
    struct uses uses = {0};

    for (size_t i = 0; graph && i < graph->n_node; i++)
        note(&uses, graph->node[i]->op, graph->node[i]->name);
    for (size_t i = 0; graph && graph->library && i < graph->library->n_function; i++) {
        const Kf__Tf__Function *function = graph->library->function[i];

        for (size_t k = 0; k < function->n_node_def; k++)
            note(&uses, function->node_def[k]->op, function->node_def[k]->name);
    }
    for (size_t i = 0; i < N_REACHES; i++)
        if (uses.n[i])
            kf_report_add(
                rep, KF_CARRIES_CODE, "",
                "the graph has %zu of the operation %s, which %s when TensorFlow runs it; "
                "the first is %s; nothing of it goes into a Keras file",
                uses.n[i], reaches[i].op, reaches[i].what, uses.first[i]);
}

static bool any_edge(const struct kf_saved_model *saved, const char *words)
{
    const Kf__Tf__SavedObject *root = saved->objects->nodes[0];

    for (size_t i = 0; i < root->n_children; i++)
        if (kf_in_words(words, root->children[i]->local_name))
            return true;
    return false;
}

static bool any_keras(const struct kf_saved_model *saved)
{
    for (size_t i = 0; i < saved->objects->n_nodes; i++)
        if (saved->identifiers[i])
            return true;
    return false;
}

int kf_saved_model_refuse(const struct kf_saved_model *saved, struct kf_report *rep)
{
    if (!saved->objects || !saved->objects->n_nodes)
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                             "it is a SavedModel of TensorFlow 1: a graph and variables by name, "
                             "without objects of Keras; they can be had as npz or safetensors");
    if (any_edge(saved, "_endpoint_names _endpoint_signatures _all_variables _misc_assets"))
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                             "model.export() or ExportArchive wrote it to predict with: it holds "
                             "signatures and variables, and no architecture; with "
                             "model.save(\"m.keras\") there is one");
    if (any_keras(saved) || any_edge(saved, "layer-0 layer_with_weights-0 _functional _operations"))
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                             "there is no Keras metadata in it, though it was made of a Keras "
                             "model: tf.saved_model.save() writes none, and keras_metadata.pb may "
                             "be lost; model.save() with TF_USE_LEGACY_KERAS=1 writes it");
    return kf_report_add(rep, KF_NOT_A_MODEL, "",
                         "there is no Keras model in it: it was made of a tf.Module, whose code is "
                         "Python; its variables can be had as npz or safetensors");
}

static void put_variable(struct kf_buf *text, const Kf__Tf__Variable *variable)
{
    const Kf__Tf__Shape *shape = variable->shape;

    kf_buf_printf(text, "%s%.200s (", text->n ? ", " : "", variable->name);
    for (size_t i = 0; shape && i < shape->n_dim; i++)
        kf_buf_printf(text, "%s%" PRId64, i ? ", " : "", shape->dim[i]->size);
    kf_buf_puts(text, ")");
}

void kf_saved_model_list(const struct kf_saved_model *saved, struct kf_report *rep)
{
    struct kf_buf text = {.max = 16384};
    size_t n = 0;

    for (size_t i = 0; saved->objects && i < saved->objects->n_nodes; i++) {
        const Kf__Tf__Variable *variable = saved->objects->nodes[i]->variable;

        if (variable && n++ < NAMED_MAX)
            put_variable(&text, variable);
    }
    if (n)
        kf_report_add(rep, KF_FINDING, "", "saved_model.pb speaks of %zu variables: %s%s", n,
                      text.n ? text.data : "", n > NAMED_MAX ? ", ..." : "");
    kf_buf_finish(&text);
}
