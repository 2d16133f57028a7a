/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../format/loose/loose_names.h"
#include "../model/rewrite.h"
#include "adapt.h"
#include <string.h>

/*
 * Weights without an architecture: what a layer computes is not in them. Where the numbers are
 * likely to depend on it they are refused, and everywhere else it is said.
 */
static const struct doubt {
    const char *classes, *with, *why, *name;
} doubts[] = {
#define KF_DOUBT(classes, with, why) {classes, with, why, "doubt:" classes},
#include "doubts.def"
#undef KF_DOUBT
};

static bool is_class(const struct kf_loose *loose, const char *classes)
{
    unsigned long number;
    char name[64];
    size_t n = kf_loose_class(loose->name, &number);

    if (n == 0 || n >= sizeof(name))
        return false;
    memcpy(name, loose->name, n);
    name[n] = '\0';
    return kf_in_words(classes, name);
}

/* The first group of one of the classes, or NULL. */
static const char *find_group(const struct kf_loose *loose, const char *classes)
{
    const char *found = !is_class(loose, classes) ? NULL
                        : loose->layer            ? loose->layer
                                                  : loose->name;

    for (size_t i = 0; i < loose->n_below && !found; i++)
        found = find_group(loose->below[i], classes);
    return found;
}

/* The same among the layers of a made up graph. */
struct wanted {
    struct kf_adapt *adapt;
    const char *classes, *found;
};

static int look_at_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct wanted *wanted = context;
    const char *snake = kf_snake_case(wanted->adapt->model->arena, layer->class_name);

    (void)graph;
    if (!snake)
        return kf_adapt_no_memory(wanted->adapt, layer->path);
    if (!wanted->found && kf_in_words(wanted->classes, snake))
        wanted->found = layer->path;
    return 0;
}

static const char *find_class(struct kf_adapt *adapt, const char *classes)
{
    struct wanted wanted = {adapt, classes, NULL};

    if (adapt->model->loose)
        return find_group(adapt->model->loose, classes);
    kf_layers_each(adapt->model->graph, look_at_layer, &wanted);
    return wanted.found;
}

static void judge_doubt(struct kf_adapt *adapt, const struct doubt *row)
{
    const char *found = find_class(adapt, row->classes);

    if (!found || (*row->with && !find_class(adapt, row->with)))
        return;
    kf_report_rule(adapt->rep, row->name);
    kf_report_add(adapt->rep, adapt->options->guess ? KF_FINDING : KF_ARCHITECTURE_MISSING, found,
                  adapt->options->guess ? "%s, and no weight tells: taken as if not"
                                        : "%s, and no weight tells",
                  row->why);
}

/* Normalization counts in int32 in Keras 3. */
static int recount(struct kf_adapt *adapt, struct kf_loose *loose)
{
    bool counts = is_class(loose, "normalization") && loose->n_tensors == 3, fits = true;
    struct kf_tensor *count = counts ? &loose->tensors[2] : NULL;
    const struct kf_payload *payload;

    for (size_t i = 0; i < loose->n_below; i++)
        KF_TRY(recount(adapt, loose->below[i]));
    if (!count || count->payload->rank != 0)
        return 0;
    payload = kf_rewrite_int32(adapt->model->arena, count->payload, &fits);
    if (!fits || payload == count->payload)
        return 0;
    if (!payload)
        return kf_adapt_no_memory(adapt, loose->name);
    count->payload = payload;
    count->done = "counted in int32, as Keras 3 does";
    return kf_report_add(adapt->rep, KF_TENSOR_REWRITTEN, loose->name, "%s: %s", count->source,
                         count->done);
}

static int adapt_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    return kf_adapt_tensors(context, layer);
}

/* From Keras 2 to 3 or back. */
static int change_generation(struct kf_adapt *adapt, enum kf_dialect dialect)
{
    kf_report_add(adapt->rep, KF_FINDING, "",
                  "without the architecture nothing says what the layers compute: where one is "
                  "hard_sigmoid, or masks are joined, Keras 2 and 3 give other numbers with the "
                  "same weights");
    for (size_t i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++)
        judge_doubt(adapt, &doubts[i]);
    if (dialect != KF_DIALECT_KERAS3)
        return 0;
    if (adapt->model->made_up)
        return kf_layers_each(adapt->model->graph, adapt_layer, adapt);
    return recount(adapt, adapt->model->loose);
}

int kf_adapt_loose(struct kf_model *model, enum kf_dialect dialect,
                   const struct kf_options *options, struct kf_report *rep)
{
    struct kf_adapt adapt = {.model = model, .options = options, .rep = rep};

    if (model->unsure || model->dialect != dialect)
        KF_TRY(change_generation(&adapt, dialect));
    model->dialect = dialect;
    return 0;
}
