/* SPDX-License-Identifier: Apache-2.0 */
#include "loads.h"
#include "../base/str.h"
#include "../format/release.h"
#include "../io/text/json.h"
#include "../model/classes.h"
#include <stdio.h>
#include <string.h>

enum when { ANY, OLDER, SINCE };
enum how { NONE, YES, GIVEN, UNSURE, NUMBERS, NO }; /* the last is the worst */

static const char *const how_names[] = {"no",     "yes",           "with-the-rest",
                                        "unsure", "other-numbers", "no"};

static const struct row {
    const char *kinds;
    int writer_first, writer_last, reader_first, reader_last;
    enum when when;
    const char *classes, *key;
    enum how how;
    const char *why;
} rows[] = {
#define KF_LOADS(kinds, writer_first, writer_last, reader_first, reader_last, when, classes, key,  \
                 how, why)                                                                         \
    {kinds, writer_first, writer_last, reader_first, reader_last, when, classes, key, how, why},
#include "loads.def"
#undef KF_LOADS
};

/* Releases that read files alike. */
static const struct {
    const char *family;
    int first, last;
} readers[] = {
    {"", 100, 102}, {"", 200, 203},          {"", 204, 205}, {"", 206, 210},
    {"", 211, 211}, {"", 212, 212},          {"", 213, 213}, {"", 214, 214},
    {"", 215, 215}, {"tf_keras-", 216, 221}, {"", 300, 309}, {"", 310, 315},
};

/* One row, held against the layers of a model. */
struct search {
    const struct row *row;
    const char *found; /* the path of the first layer that it speaks of */
};

static bool has_hard_sigmoid(const json_t *config)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)config, key, value)
    {
        if (kf_ends(key, "activation") && kf_streq(json_string_value(value), "hard_sigmoid"))
            return true;
    }
    return false;
}

static bool is_custom(const struct kf_layer *layer)
{
    return !layer->inner && !layer->operation &&
           !kf_class_find("keras.layers", layer->class_name) &&
           !kf_keras2_class_find("keras.layers", layer->class_name);
}

static bool is_of(const struct kf_layer *layer, const char *classes)
{
    return strcmp(classes, "*") == 0 || kf_in_words(classes, layer->class_name) ||
           (strcmp(classes, "CUSTOM") == 0 && is_custom(layer));
}

static int look(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct search *search = context;
    const struct row *row = search->row;

    (void)graph;
    if (!is_of(layer, row->classes))
        return 0;
    if (row->key &&
        (strcmp(row->key, "HARD_SIGMOID") == 0 ? !has_hard_sigmoid(layer->config)
                                               : !json_object_get(layer->config, row->key)))
        return 0;
    search->found = layer->path;
    return -1;
}

/* What is asked about: a file and the releases from `first` to `last`. */
struct question {
    struct kf_model *model;
    const char *kind;
    int release, writer; /* in full, and without the patch; 0 where the file does not say */
    int first, last;
};

/* Up to 2.2.2 the config of a Sequential was a bare list. */
static bool is_sequential_list(const struct question *asked)
{
    return asked->release && asked->release < KF_KERAS(2, 2, 3) && asked->model &&
           asked->model->graph && asked->model->graph->topology == KF_SEQUENTIAL;
}

/* True when a row speaks of the file and the readers; `where` gets the layer, if it is about one.
 */
static bool fits(const struct row *row, const struct question *asked, const char **where)
{
    struct search search = {.row = row};
    bool older = asked->writer && asked->last < asked->writer;

    *where = NULL;
    if ((strcmp(row->kinds, "*") != 0 && !kf_in_words(row->kinds, asked->kind)) ||
        asked->first < row->reader_first || asked->last > row->reader_last ||
        asked->writer < row->writer_first || asked->writer > row->writer_last ||
        (row->when != ANY && older != (row->when == OLDER)))
        return false;
    if (*row->classes == '\0')
        return true;
    if (strcmp(row->classes, "SEQUENTIAL_LIST") == 0)
        return is_sequential_list(asked);
    if (strcmp(row->classes, "NO_LAYERS") == 0)
        return asked->model && !asked->model->graph;
    if (asked->model && asked->model->graph)
        kf_layers_each(asked->model->graph, look, &search);
    *where = search.found;
    return search.found != NULL;
}

static json_t *answer(const char *family, const struct question *asked)
{
    enum how how = NONE;
    const char *why = "such files are not read", *at = NULL, *where;
    char keras[48];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((how != NONE || *rows[i].classes == '\0') && rows[i].how > how &&
            fits(&rows[i], asked, &where)) {
            how = rows[i].how;
            why = rows[i].why;
            at = where;
        }
    snprintf(keras, sizeof(keras), "%s%d.%d", family, asked->first / 100, asked->first % 100);
    if (asked->last > asked->first)
        snprintf(keras + strlen(keras), sizeof(keras) - strlen(keras), "-%d.%d", asked->last / 100,
                 asked->last % 100);
    return json_pack("{s:s, s:s, s:s, s:s}", "keras", keras, "loads", how_names[how], "where",
                     at ? at : "", "reason", why);
}

/* Where the writer stands among the releases, those before it are a row of their own. */
static int answer_range(json_t *list, const char *family, struct question asked)
{
    struct question before = asked;

    if (asked.writer > asked.first && asked.writer <= asked.last) {
        before.last = asked.writer - 1;
        asked.first = asked.writer;
        if (json_array_append_new(list, answer(family, &before)) < 0)
            return -1;
    }
    return json_array_append_new(list, answer(family, &asked));
}

json_t *kf_loads_json(struct kf_model *model, const struct kf_report *rep)
{
    struct question asked = {.model = model,
                             .kind = rep->source.format ? rep->source.format : "",
                             .release = kf_release_parse(rep->source.keras_version)};
    json_t *list = json_array();

    asked.writer = asked.release / 100;
    for (size_t i = 0; model && list && i < sizeof(readers) / sizeof(readers[0]); i++) {
        asked.first = readers[i].first;
        asked.last = readers[i].last;
        if (answer_range(list, readers[i].family, asked) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
