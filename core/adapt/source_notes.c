/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "adapt.h"

static const struct {
    const char *classes, *key, *value;
    int since, before;
    const char *note, *rule;
} rows[] = {
#define KF_SOURCE_NOTE(classes, key, value, since, before, note)                                   \
    {classes, key, value, since, before, note, "note:" classes "." key},
#include "source_notes.def"
#undef KF_SOURCE_NOTE
};

static int note_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct kf_adapt *adapt = context;
    int written = KF_SINCE(adapt->model->keras);

    (void)graph;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_auto_t *value = NULL;

        if (written < rows[i].since || written >= rows[i].before ||
            !kf_in_words(rows[i].classes, layer->class_name))
            continue;
        if (!(value = json_loads(rows[i].value, JSON_DECODE_ANY, NULL)))
            return kf_adapt_no_memory(adapt, layer->path);
        if (!json_equal(json_object_get(layer->config, rows[i].key), value))
            continue;
        kf_report_rule(adapt->rep, rows[i].rule);
        KF_TRY(kf_report_add(adapt->rep, KF_FINDING, layer->path, "%s", rows[i].note));
    }
    return 0;
}

int kf_adapt_source_notes(struct kf_adapt *adapt, struct kf_graph *graph)
{
    return kf_layers_each(graph, note_layer, adapt);
}
