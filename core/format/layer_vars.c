/* SPDX-License-Identifier: Apache-2.0 */
#include "layer_vars.h"
#include "../base/buf.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "var_when.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N, T };

struct var_row {
    const char *class_name, *variable, *subpath;
    int kind;
    const char *when;
    int rank;
    const char *last, *name;
};

static const struct var_row var_rows[] = {
#define KF_VAR(class_name, variable, subpath, kind, when, rank, last)                              \
    {class_name, variable, subpath, kind, when, rank, last, "var:" class_name "." variable},
#include "vars.def"
};

static const struct var_row keras1_rows[] = {
#define KF_VAR(class_name, variable, subpath, kind, when, rank, last)                              \
    {class_name, variable, subpath, kind, when, rank, last, "keras1-var:" class_name "." variable},
#include "keras1/keras1_vars.def"
};

static const struct {
    const char *class_name, *other, *name;
} like_rows[] = {
#define KF_LIKE(class_name, other) {class_name, other, "like:" class_name},
#include "vars.def"
};

static const struct {
    const char *alias, *class_name, *name;
} alias_rows[] = {
#define KF_ALIAS(alias, class_name) {alias, class_name, "alias:" alias},
#include "aliases.def"
#undef KF_ALIAS
};

static const struct kf_part_row part_rows[] = {
#define KF_PART(class_name, key, attribute, many, fallback)                                        \
    {class_name, key, attribute, many, fallback, "part:" class_name "." key},
#include "parts.def"
#undef KF_PART
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

const char *kf_class_alias(const char *name, struct kf_report *rep)
{
    for (size_t i = 0; i < N_ROWS(alias_rows); i++)
        if (strcmp(alias_rows[i].alias, name) == 0) {
            kf_report_rule(rep, alias_rows[i].name);
            return alias_rows[i].class_name;
        }
    return name;
}

const struct kf_part_row *kf_part_rows(const char *class_name, size_t *n_out)
{
    const struct kf_part_row *first = NULL;

    *n_out = 0;
    for (size_t i = 0; i < N_ROWS(part_rows); i++) {
        if (strcmp(part_rows[i].class_name, class_name) != 0)
            continue;
        if (!first)
            first = &part_rows[i];
        ++*n_out;
    }
    return first;
}

/* The first row of a class in a table and how many follow it; a class's rows stand together. */
static const struct var_row *find_rows(const struct var_row *rows, size_t n, const char *class_name,
                                       size_t *n_out)
{
    const struct var_row *first = NULL;

    *n_out = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].class_name, class_name) != 0)
            continue;
        if (!first)
            first = &rows[i];
        ++*n_out;
    }
    return first;
}

static const struct var_row *rows_of(const char *class_name, size_t *n_out)
{
    for (size_t i = 0; i < N_ROWS(like_rows); i++)
        if (strcmp(like_rows[i].class_name, class_name) == 0)
            class_name = like_rows[i].other;
    return find_rows(var_rows, N_ROWS(var_rows), class_name, n_out);
}

bool kf_vars_known(const char *class_name)
{
    size_t n;

    return rows_of(class_name, &n) != NULL;
}

/* The rows of a layer: those of its class, or of its class and how it is quantized. */
static const struct var_row *rows_of_layer(const struct kf_layer *layer, size_t *n_out)
{
    char mode[16], name[128];

    kf_var_mode(layer->config, mode);
    if (!*mode)
        return rows_of(layer->class_name, n_out);
    snprintf(name, sizeof(name), "%s %s", layer->class_name, mode);
    return rows_of(name, n_out);
}

static int make(struct kf_model *model, struct kf_layer *layer, const struct var_row *rows,
                size_t n, struct kf_report *rep)
{
    layer->n_tensors = 0;
    if (!n)
        return 0;
    layer->tensors = kf_arena_alloc(model->arena, n * sizeof(*layer->tensors));
    if (!layer->tensors)
        return kf_report_add(rep, KF_NO_MEMORY, layer->path, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (!kf_var_when(rows[i].when, layer->config, model->dialect))
            continue;
        kf_report_rule(rep, rows[i].name);
        layer->tensors[layer->n_tensors++] = (struct kf_tensor){
            .variable = rows[i].variable,
            .subpath = rows[i].subpath,
            .trainable = rows[i].kind == T,
        };
    }
    return 0;
}

int kf_vars_make_keras2(struct kf_model *model, struct kf_layer *layer, struct kf_report *rep)
{
    size_t n;
    const struct var_row *rows = rows_of_layer(layer, &n);

    for (size_t i = 0; rows && i < N_ROWS(like_rows); i++)
        if (strcmp(like_rows[i].class_name, layer->class_name) == 0)
            kf_report_rule(rep, like_rows[i].name);
    return make(model, layer, rows, n, rep);
}

int kf_vars_make(struct kf_model *model, struct kf_layer *layer, struct kf_report *rep)
{
    size_t n;
    const struct var_row *rows = find_rows(keras1_rows, N_ROWS(keras1_rows), layer->class_name, &n);

    return model->dialect == KF_DIALECT_KERAS1 ? make(model, layer, rows, n, rep)
                                               : kf_vars_make_keras2(model, layer, rep);
}

/* What `last` in vars.def asks of the last axis: 0 when it asks nothing. */
static uint64_t last_axis(const char *last, const json_t *config)
{
    uint64_t factor = 1;
    const char *star = strchr(last, '*');
    json_int_t value;

    if (star) {
        factor = strtoull(last, NULL, 10);
        last = star + 1;
    }
    value = *last ? kf_json_int(config, last, 0) : 0;
    return value > 0 ? factor * (uint64_t)value : 0;
}

int kf_vars_check(const struct kf_layer *layer, const struct kf_tensor *tensor,
                  struct kf_report *rep)
{
    size_t n;
    const struct var_row *rows = rows_of_layer(layer, &n);
    const struct kf_payload *payload = tensor->payload;

    for (size_t i = 0; i < n; i++) {
        uint64_t last;

        if (strcmp(rows[i].variable, tensor->variable) != 0)
            continue;
        if (rows[i].rank >= 0 && payload->rank != (unsigned)rows[i].rank)
            return kf_report_add(rep, KF_WEIGHT_SHAPE, layer->path,
                                 "%s has %u axes where a %s has %d", tensor->source, payload->rank,
                                 layer->class_name, rows[i].rank);
        last = last_axis(rows[i].last, layer->config);
        if (last && (payload->rank == 0 || payload->dims[payload->rank - 1] != last))
            return kf_report_add(rep, KF_WEIGHT_SHAPE, layer->path,
                                 "the last axis of %s is %" PRIu64 " where the config (%s) needs "
                                 "%" PRIu64,
                                 tensor->source,
                                 payload->rank ? payload->dims[payload->rank - 1] : 0, rows[i].last,
                                 last);
    }
    return 0;
}
