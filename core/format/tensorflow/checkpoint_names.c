/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "checkpoint_bind.h"
#include <string.h>

/* A variable and what the program that saved it called it. */
struct named {
    const char *name;
    const struct kf_bundle_entry *entry;
    bool taken;
};

struct names {
    struct kf_checkpoint *cp;
    struct kf_model *model;
    struct kf_report *rep;
    struct named *items;
    size_t n;
    bool *listed; /* of each entry of the bundle */
};

/* What belongs to training, checkpoint_training.def. */
static const char *const slots[] = {
#define KF_TRAINING_SLOT(name) name,
#include "checkpoint_training.def"
    NULL};
static const char *const counters[] = {
#define KF_TRAINING_COUNTER(name) name,
#include "checkpoint_training.def"
    NULL};
static const char *const scopes[] = {
#define KF_TRAINING_SCOPE(name) name,
#include "checkpoint_training.def"
    NULL};

static bool is_one_of(const char *const *words, const char *part, size_t n)
{
    for (; *words; words++)
        if (strlen(*words) == n && memcmp(*words, part, n) == 0)
            return true;
    return false;
}

/* Bytes of "Adam_1" without its number. */
static size_t unnumbered(const char *part)
{
    size_t n = strlen(part), digits = n;

    while (digits > 0 && part[digits - 1] >= '0' && part[digits - 1] <= '9')
        digits--;
    return digits < n && digits > 1 && part[digits - 1] == '_' ? digits - 1 : n;
}

static bool is_training(const char *name)
{
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    size_t n = unnumbered(last);

    return is_one_of(counters, last, n) || (slash && is_one_of(slots, last, n)) ||
           (slash && is_one_of(scopes, name, strcspn(name, "/")));
}

static bool *listed_of(struct names *names, const struct kf_bundle_entry *entry)
{
    return &names->listed[entry - kf_tensor_bundle_at(names->cp->bundle, 0)];
}

static void add(struct names *names, const struct kf_bundle_entry *entry, const char *name)
{
    bool *listed = listed_of(names, entry);

    if (*listed || !*entry->key || kf_checkpoint_is_aside(entry->key) || is_training(name))
        return;
    *listed = true;
    names->items[names->n++] = (struct named){.name = name, .entry = entry};
}

static bool is_same(const struct kf_bundle_entry *a, const struct kf_bundle_entry *b)
{
    return a->type == b->type && a->rank == b->rank && a->message->size == b->message->size &&
           a->message->crc32c == b->message->crc32c && !a->message->n_slices &&
           !b->message->n_slices && memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0])) == 0;
}

/* The variable at edge number `i` of a list's node; NULL for none. */
static const struct kf_bundle_entry *in_list(const struct names *names, int list, size_t i,
                                             int *node, const char **name)
{
    *node = names->cp->graph->nodes[list]->children[i]->node_id;
    return kf_checkpoint_value(names->cp, *node, name);
}

/* Pass over those of the second list that are, by name, shape and checksum, in the first. */
static int skip_second(struct names *names, int first, int second, json_t *known)
{
    Kf__Tf__TrackableObjectGraph__Object **nodes = names->cp->graph->nodes;
    bool *own = kf_arena_alloc(names->model->arena, names->cp->graph->n_nodes);
    const struct kf_bundle_entry *entry, *same;
    const char *name;
    int node;

    if (!own)
        return kf_report_add(names->rep, KF_NO_MEMORY, "", "out of memory");
    for (size_t i = 0; i < nodes[first]->n_children; i++)
        if (in_list(names, first, i, &node, &name)) {
            own[node] = true;
            if (kf_utf8_valid(name))
                KF_TRY(kf_json_set(known, name, json_integer(node), names->rep));
        }
    for (size_t i = 0; i < nodes[second]->n_children; i++) {
        const json_t *other;

        entry = in_list(names, second, i, &node, &name);
        other = entry ? json_object_get(known, name) : NULL;
        same = other ? kf_checkpoint_value(names->cp, (int)json_integer_value(other), &name) : NULL;
        if (same && !own[node] && is_same(same, entry))
            *listed_of(names, entry) = true;
    }
    return 0;
}

/* What model.export() of Keras 3 wrote has each variable twice, as two objects. */
static int skip_copies(struct names *names)
{
    int first = kf_checkpoint_child(names->cp, 0, "variables");
    int second = kf_checkpoint_child(names->cp, 0, "_all_variables");
    json_t *known;
    int r;

    if (first < 0 || second < 0)
        return 0;
    known = json_object();
    if (!known)
        return kf_report_add(names->rep, KF_NO_MEMORY, "", "out of memory");
    r = skip_second(names, first, second, known);
    json_decref(known);
    return r;
}

/* By the object graph where there is one, else the keys are the names. */
static int collect(struct names *names)
{
    struct kf_checkpoint *cp = names->cp;
    size_t n = kf_tensor_bundle_count(cp->bundle);
    const char *name;

    names->items = kf_arena_alloc(names->model->arena, (n + 1) * sizeof(*names->items));
    names->listed = kf_arena_alloc(names->model->arena, n + 1);
    if (!names->items || !names->listed)
        return kf_report_add(names->rep, KF_NO_MEMORY, "", "out of memory");
    KF_TRY(skip_copies(names));
    for (size_t i = 0; cp->graph && i < cp->graph->n_nodes; i++) {
        const struct kf_bundle_entry *entry = kf_checkpoint_value(cp, (int)i, &name);

        if (entry)
            add(names, entry, name);
    }
    for (size_t i = 0; !cp->graph && i < n; i++)
        add(names, kf_tensor_bundle_at(cp->bundle, i), kf_tensor_bundle_at(cp->bundle, i)->key);
    return 0;
}

/* "dense" is a part of "sequential/dense/kernel"; Keras makes "dense_1" of the second one. */
static bool has_part(const char *name, const char *part)
{
    size_t n = strlen(part);

    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, part, n) == 0 && at[n] == '/')
            return true;
    }
    return false;
}

/* "attention/query/kernel" is the variable "query/kernel". */
static bool is_called(const char *name, const char *variable)
{
    size_t n = strlen(name), m = strlen(variable);

    return n > m && strcmp(name + n - m, variable) == 0 && name[n - m - 1] == '/';
}

/* The name of the outermost layer: variables are made in its scope. */
static bool fits(const struct named *named, const struct kf_layer *owner,
                 const struct kf_layer *layer, const struct kf_tensor *tensor)
{
    const char *direction = layer->attribute;
    bool forward = kf_streq(direction, "forward_layer");

    if (named->taken || !is_called(named->name, tensor->variable) ||
        !has_part(named->name, owner->name))
        return false;
    if (forward || kf_streq(direction, "backward_layer"))
        return strstr(named->name, forward ? "/forward_" : "/backward_") != NULL;
    return true;
}

static int bind_tensor(struct names *names, const struct kf_layer *owner, struct kf_layer *layer,
                       struct kf_tensor *tensor)
{
    struct named *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i < names->n; i++)
        if (fits(&names->items[i], owner, layer, tensor)) {
            found = &names->items[i];
            n++;
        }
    if (n != 1) {
        kf_report_add(names->rep, KF_MAPPING_AMBIGUOUS, layer->path,
                      "%s of the variables have a name that fits its %s", n ? "several" : "none",
                      tensor->variable);
        return 0; /* the others are looked at too */
    }
    found->taken = true;
    return kf_checkpoint_take(names->cp, layer, tensor, found->entry, found->name, names->rep);
}

static int bind_layer(struct names *names, const struct kf_layer *owner, struct kf_layer *layer)
{
    for (size_t i = 0; layer->inner && i < layer->inner->n_layers; i++)
        KF_TRY(bind_layer(names, layer->inner->layers[i], layer->inner->layers[i]));
    for (size_t i = 0; i < layer->n_tensors; i++)
        KF_TRY(bind_tensor(names, owner, layer, &layer->tensors[i]));
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(bind_layer(names, owner, layer->parts[i]));
    return 0;
}

int kf_checkpoint_bind_names(struct kf_checkpoint *cp, struct kf_model *model,
                             struct kf_report *rep)
{
    struct names names = {.cp = cp, .model = model, .rep = rep};

    KF_TRY(collect(&names));
    for (size_t i = 0; i < model->graph->n_layers; i++)
        KF_TRY(bind_layer(&names, model->graph->layers[i], model->graph->layers[i]));
    for (size_t i = 0; i < names.n; i++)
        if (!names.items[i].taken)
            kf_report_add(rep, KF_WEIGHT_COUNT, "",
                          "the variable %s belongs to no layer of the model", names.items[i].name);
    return kf_report_status(rep);
}

/* "dense/kernel", or the key where the program had no name for it. */
static const char *plain_name(struct kf_arena *arena, const char *name)
{
    const char *end = strstr(name, "/.ATTRIBUTES/");

    return kf_arena_strndup(arena, name, end ? (size_t)(end - name) : strlen(name));
}

static int take_loose(struct names *names, struct kf_loose *loose, const struct named *named)
{
    struct kf_tensor *tensor = &loose->tensors[loose->n_tensors];

    if (!named->entry->dtype)
        return kf_report_add(names->rep, KF_EXTRA_DROPPED, named->name,
                             "a variable of a type that no weight has (%d)", named->entry->type);
    tensor->source = named->name;
    tensor->dataset = plain_name(names->model->arena, named->name);
    tensor->variable = tensor->dataset;
    if (!tensor->dataset)
        return kf_report_add(names->rep, KF_NO_MEMORY, "", "out of memory");
    loose->n_tensors++;
    return kf_checkpoint_payload(names->cp, named->entry, &tensor->payload, names->rep);
}

int kf_checkpoint_loose(struct kf_checkpoint *cp, struct kf_model *model, struct kf_report *rep)
{
    struct names names = {.cp = cp, .model = model, .rep = rep};
    struct kf_loose *loose = kf_arena_alloc(model->arena, sizeof(*loose));

    KF_TRY(collect(&names));
    if (loose)
        loose->tensors = kf_arena_alloc(model->arena, (names.n + 1) * sizeof(*loose->tensors));
    if (!loose || !loose->tensors)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    loose->name = "";
    for (size_t i = 0; i < names.n; i++)
        KF_TRY(take_loose(&names, loose, &names.items[i]));
    model->loose = loose;
    return 0;
}
