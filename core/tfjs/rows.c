/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include <stdio.h>
#include <string.h>

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

enum {
    SAME = KF_TFJS_RANK_SAME,
    MORE = KF_TFJS_RANK_MORE,
    TARGET = KF_TFJS_RANK_TARGET,
    STEPS = KF_TFJS_RANK_STEPS,
    IMAGES = KF_TFJS_RANK_IMAGES,
    INNER = KF_TFJS_RANK_INNER,
    EACH = KF_TFJS_RANK_EACH,
    UNKNOWN = KF_TFJS_RANK_UNKNOWN
};

static const struct {
    const char *class_name;
    int rank;
    const char *rule;
} layers[] = {
#define KF_TFJS_LAYER(class_name, rank) {#class_name, rank, "tfjs:" #class_name},
#include "layers.def"
};

static const struct {
    const char *class_name;
    enum kf_tfjs_mark mark;
} marks[] = {
#define KF_TFJS_MARK(class_name, mark) {#class_name, KF_TFJS_##mark},
#include "layers.def"
};

static const struct {
    const char *class_name, *rule;
} masked[] =
    {
#define KF_TFJS_MASKED(class_name) {#class_name, "tfjs-masked:" #class_name},
#include "layers.def"
},
  idle[] = {
#define KF_TFJS_IDLE(class_name) {#class_name, "tfjs-idle:" #class_name},
#include "layers.def"
};

static const struct {
    const char *class_name, *why, *rule;
} gone[] = {
#define KF_TFJS_GONE(class_name, why) {#class_name, why, "tfjs-gone:" #class_name},
#include "layers.def"
};

static const struct {
    const char *classes, *key, *allowed, *why, *rule;
} values[] = {
#define KF_TFJS_VALUE(classes, key, allowed, why)                                                  \
    {classes, key, allowed, why, "tfjs-value:" classes "." key},
#include "layers.def"
};

static const struct {
    const char *keras, *name, *rule;
} activations[] =
    {
#define KF_TFJS_ACTIVATION(keras, name) {keras, name, "tfjs-activation:" keras},
#include "layers.def"
},
  objects[] = {
#define KF_TFJS_OBJECT(keras, name) {keras, name, "tfjs-object:" keras},
#include "layers.def"
};

bool kf_tfjs_class(const char *class_name, int *rank, struct kf_report *rep)
{
    for (size_t i = 0; i < N_OF(layers); i++)
        if (strcmp(layers[i].class_name, class_name) == 0) {
            if (rep)
                kf_report_rule(rep, layers[i].rule);
            *rank = layers[i].rank;
            return true;
        }
    for (size_t i = 0; i < N_OF(idle); i++)
        if (strcmp(idle[i].class_name, class_name) == 0) {
            if (rep)
                kf_report_rule(rep, idle[i].rule);
            *rank = SAME;
            return true;
        }
    return false;
}

enum kf_tfjs_mark kf_tfjs_mark(const char *class_name)
{
    for (size_t i = 0; i < N_OF(marks); i++)
        if (strcmp(marks[i].class_name, class_name) == 0)
            return marks[i].mark;
    return KF_TFJS_PLAIN;
}

bool kf_tfjs_takes_masks(const char *class_name, struct kf_report *rep)
{
    for (size_t i = 0; i < N_OF(masked); i++)
        if (strcmp(masked[i].class_name, class_name) == 0) {
            kf_report_rule(rep, masked[i].rule);
            return true;
        }
    return false;
}

bool kf_tfjs_is_idle(const char *class_name)
{
    for (size_t i = 0; i < N_OF(idle); i++)
        if (strcmp(idle[i].class_name, class_name) == 0)
            return true;
    return false;
}

const char *kf_tfjs_gone(const char *class_name, struct kf_report *rep)
{
    for (size_t i = 0; i < N_OF(gone); i++)
        if (strcmp(gone[i].class_name, class_name) == 0) {
            kf_report_rule(rep, gone[i].rule);
            return gone[i].why;
        }
    return NULL;
}

/* The value as a word: 1.0 is "1", a text stands without its quotes. */
static void put_word(char *out, size_t max, const json_t *value)
{
    size_t n = 0;
    char *text = NULL;

    *out = '\0';
    if (json_is_string(value)) {
        snprintf(out, max, "%s", json_string_value(value));
    } else if (json_is_number(value)) {
        snprintf(out, max, "%g", json_number_value(value));
    } else if ((text = kf_json_dump(value, &n))) {
        snprintf(out, max, "%s", text);
    }
    kf_free(text);
}

/* Whether a row refuses a value of an object's config, which `word` then tells. */
static bool refuses(size_t row, const char *class_name, const json_t *config, char *word,
                    size_t max, struct kf_report *rep)
{
    const json_t *value = json_object_get(config, values[row].key);

    if (!value ||
        (strcmp(values[row].classes, "*") != 0 && !kf_in_words(values[row].classes, class_name)))
        return false;
    put_word(word, max, value);
    if (kf_in_words(values[row].allowed, word))
        return false;
    if (rep)
        kf_report_rule(rep, values[row].rule);
    return true;
}

void kf_tfjs_values(const struct kf_layer *layer, struct kf_report *rep)
{
    char word[64];

    for (size_t i = 0; i < N_OF(values); i++)
        if (!(kf_streq(values[i].key, "data_format") && kf_tfjs_is_idle(layer->class_name)) &&
            refuses(i, layer->class_name, layer->config, word, sizeof(word), rep))
            kf_report_add(rep, KF_VALUE_NO_EQUAL, layer->path, "%s: %s=%s in TensorFlow.js: %s",
                          layer->class_name, values[i].key, word, values[i].why);
}

bool kf_tfjs_takes(const char *class_name, const json_t *config, struct kf_report *rep)
{
    char word[64];

    for (size_t i = 0; i < N_OF(values); i++)
        if (refuses(i, class_name, config, word, sizeof(word), rep))
            return false;
    return true;
}

const char *kf_tfjs_activation(const char *name, struct kf_report *rep)
{
    for (size_t i = 0; name && i < N_OF(activations); i++)
        if (strcmp(activations[i].keras, name) == 0) {
            if (rep)
                kf_report_rule(rep, activations[i].rule);
            return activations[i].name;
        }
    return NULL;
}

const char *kf_tfjs_object(const char *class_name, struct kf_report *rep)
{
    for (size_t i = 0; class_name && i < N_OF(objects); i++)
        if (strcmp(objects[i].keras, class_name) == 0) {
            if (rep)
                kf_report_rule(rep, objects[i].rule);
            return objects[i].name;
        }
    return NULL;
}

const char *kf_tfjs_object_of(const char *name)
{
    for (size_t i = 0; i < N_OF(objects); i++)
        if (strcmp(objects[i].name, name) == 0)
            return objects[i].keras;
    return name;
}
