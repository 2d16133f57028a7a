/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/h5/h5.h"
#include "../../io/text/json.h"
#include "../architecture.h"
#include "../beside.h"
#include "../info.h"
#include "../loose/loose_read.h"
#include "../reader.h"
#include "saving_lib_read.h"
#include <string.h>

/*
 * A .weights.json of Keras 3.10 and later: {"metadata": {"total_size"}, "weight_map":
 * {"/<group>/vars":
 * "<shard>" or ["<shard>", ...]}}. The shards stand beside it, each a .weights.h5 with a part of
 * the tree; here they are looked up by name among the files that were given, and nowhere else.
 *
 * Source: keras/src/saving/saving_lib.py, ShardedH5IOStore (3.15.1)
 */
struct shard {
    const char *name; /* as the list has it */
    struct kf_source source;
    struct kf_h5 *h5;
};

struct state {
    struct shard *shards;
    size_t n;
};

struct list {
    struct kf_model *model;
    struct state *state;
    const struct kf_options *options;
    struct kf_report *rep;
};

static int no_memory(struct list *list)
{
    return kf_report_add(list->rep, KF_NO_MEMORY, "", "out of memory");
}

static struct shard *find_shard(const struct list *list, const char *name)
{
    for (size_t i = 0; i < list->state->n; i++)
        if (strcmp(list->state->shards[i].name, name) == 0)
            return &list->state->shards[i];
    return NULL;
}

/* Open a shard when the list names it for the first time. */
static int open_shard(struct list *list, const char *name)
{
    const struct kf_input *in = NULL;
    struct shard *shard;

    if (find_shard(list, name))
        return 0;
    KF_TRY(kf_beside_find(&in, list->model->in, name, list->rep));
    shard = &list->state->shards[list->state->n];
    if (!(shard->name = kf_arena_strdup(list->model->arena, name)))
        return no_memory(list);
    KF_TRY(kf_source_init(&shard->source, in, list->rep));
    list->state->n++;
    return kf_h5_open(&shard->h5, &shard->source, &list->options->limits, list->rep);
}

/* Call visit with each shard that an entry of the list names. */
static int each_name(struct list *list, const char *key, const json_t *value,
                     int (*visit)(struct list *list, const char *key, const char *name))
{
    const json_t *one;
    size_t i;

    if (json_is_string(value))
        return visit(list, key, json_string_value(value));
    if (!json_array_size(value))
        return kf_report_add(list->rep, KF_BAD_CONFIG, "", "the list names no shard for %s", key);
    json_array_foreach(value, i, one)
    {
        if (!json_is_string(one))
            return kf_report_add(list->rep, KF_BAD_CONFIG, "", "a shard of %s has no name", key);
        KF_TRY(visit(list, key, json_string_value(one)));
    }
    return 0;
}

static int open_named(struct list *list, const char *key, const char *name)
{
    int r;

    (void)key;
    r = open_shard(list, name);
    return r == -KF_SHARDS_MISSING ? 0 : r; /* all that are missing are said */
}

static int check_group(struct list *list, const char *key, const char *name)
{
    const struct shard *shard = find_shard(list, name);

    if (key[0] != '/' || !kf_h5_is_group(shard->h5, key))
        return kf_report_add(list->rep, KF_WEIGHTS_MISSING, "",
                             "the list says that %s stands in %s, which has no such group", key,
                             name);
    return 0;
}

static int each_entry(struct list *list, json_t *map,
                      int (*visit)(struct list *list, const char *key, const char *name))
{
    const char *key;
    json_t *value;

    json_object_foreach(map, key, value) KF_TRY(each_name(list, key, value, visit));
    return kf_report_status(list->rep);
}

/* A file that the list does not name is of another model. */
static int check_given(struct list *list)
{
    const struct kf_input *in = list->model->in;

    for (size_t i = 0; i < in->n_shards; i++)
        if (!find_shard(list, kf_beside_base(in->shards[i].name)))
            return kf_report_add(list->rep, KF_BAD_OPTION, "",
                                 "the list of shards does not name the file %s",
                                 kf_beside_base(in->shards[i].name));
    return 0;
}

/* All shards open, and their trees in that of the first one. */
static int read_list(struct list *list, json_t *map)
{
    uint64_t size = list->model->source.size;

    if (!json_object_size(map))
        return kf_report_add(list->rep, KF_BAD_CONFIG, "", "the list names no shards");
    KF_TRY(each_entry(list, map, open_named));
    KF_TRY(check_given(list));
    KF_TRY(each_entry(list, map, check_group));
    for (size_t i = 0; i < list->state->n; i++) {
        size += list->state->shards[i].source.size;
        if (i > 0)
            KF_TRY(kf_h5_join(list->state->shards[0].h5, list->state->shards[i].h5, list->rep));
    }
    list->rep->source.size = size;
    kf_report_evidence(list->rep, "the list names %zu shards", list->state->n);
    return 0;
}

static int read_shards(struct kf_model *model, void *state, const struct kf_options *options,
                       struct kf_report *rep)
{
    struct list list = {.model = model, .state = state, .options = options, .rep = rep};
    size_t room = model->in->n_shards;
    json_t *config = NULL;
    int r;

    list.state->shards = kf_arena_alloc(model->arena, (room + 1) * sizeof(*list.state->shards));
    if (!list.state->shards)
        return no_memory(&list);
    r = kf_beside_list(&config, &model->source, &options->limits, rep);
    if (r >= 0)
        r = read_list(&list, json_object_get(config, "weight_map"));
    json_decref(config);
    KF_TRY(r);
    if (!model->in->architecture)
        return kf_loose_read(model, list.state->shards[0].h5, rep);
    KF_TRY(kf_architecture_read(model, options, rep));
    return kf_saving_lib_bind(model, list.state->shards[0].h5, "", 0, rep);
}

static void close_shards(void *opaque)
{
    struct state *state = opaque;

    for (size_t i = 0; i < state->n; i++)
        kf_h5_destroy(state->shards[i].h5);
}

const struct kf_reader kf_read_shards = {
    .info = &kf_info_read_shards,
    .kind = KF_FILE_WEIGHTS_JSON,
    .state_size = sizeof(struct state),
    .read = read_shards,
    .close = close_shards,
};
