/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "down_masks.h"
#include <string.h>

/* Deeper chains of operations are no masks that Keras made. */
#define DEPTH_MAX 64

enum reads { OTHER, THROUGH, COMPARES, REDUCES, JOINS };

#define NONE KF_MASK_OPAQUE

static const struct row {
    const char *class_name;
    enum reads reads;
    enum kf_mask_kind kind;
} rows[] = {
#define KF_MASK_NODE(class_name, reads, kind) {class_name, reads, kind},
#include "down_mask_nodes.def"
#undef KF_MASK_NODE
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *row_of(const struct kf_layer *layer)
{
    static const struct row other = {"", OTHER, NONE};

    for (size_t i = 0; layer && i < N_ROWS; i++)
        if (strcmp(rows[i].class_name, layer->class_name) == 0)
            return &rows[i];
    return &other;
}

/* The class that is read so. */
static const char *class_of(enum reads reads, enum kf_mask_kind kind)
{
    size_t i = 0;

    while (i + 1 < N_ROWS && (rows[i].reads != reads || rows[i].kind != kind))
        i++;
    return rows[i].class_name;
}

static int no_memory(struct kf_down_masks *masks)
{
    return kf_adapt_no_memory(masks->adapt, masks->graph->path);
}

/* The expression of a key: the one there is, or `fresh`, which is copied. */
static int intern(struct kf_down_masks *masks, const struct kf_mask_expr *fresh,
                  const struct kf_mask_expr **out)
{
    json_t *known = fresh->key ? json_object_get(masks->known, fresh->key) : NULL;
    struct kf_mask_expr *expr;

    if (known) {
        *out = (const struct kf_mask_expr *)(uintptr_t)json_integer_value(known);
        return 0;
    }
    expr = fresh->key ? kf_arena_alloc(masks->adapt->model->arena, sizeof(*expr)) : NULL;
    if (!expr)
        return no_memory(masks);
    *expr = *fresh;
    *out = expr;
    return kf_json_set(masks->known, fresh->key, json_integer((json_int_t)(uintptr_t)expr),
                       masks->adapt->rep);
}

/* An operation node, or NULL. */
static const struct kf_layer *operation_at(const struct kf_down_masks *masks, const json_t *value)
{
    struct kf_ref ref;
    const struct kf_layer *layer;

    if (!kf_ref_get(value, &ref) || ref.layer >= masks->graph->n_layers)
        return NULL;
    layer = masks->graph->layers[ref.layer];
    return layer->operation && layer->n_calls == 1 ? layer : NULL;
}

/* A tensor that only changed its dtype: casts are left out of what a mask looks at. */
static const json_t *without_casts(const struct kf_down_masks *masks, const json_t *value)
{
    const struct kf_layer *layer;

    for (unsigned i = 0; i < DEPTH_MAX && (layer = operation_at(masks, value)) &&
                         kf_in_words("Cast ConvertToTensor", layer->class_name);
         i++)
        value = json_array_get(layer->calls[0].args, 0);
    return value;
}

int kf_mask_expr_source(struct kf_down_masks *masks, const json_t *from, const json_t *value,
                        const struct kf_mask_expr **out)
{
    struct kf_mask_expr expr = {.kind = KF_MASK_SOURCE, .value = value};
    struct kf_ref ref;

    from = without_casts(masks, from);
    if (!kf_ref_get(from, &ref))
        return kf_mask_expr_opaque(masks, out);
    expr.from = from;
    expr.key =
        kf_arena_printf(masks->adapt->model->arena, "%s %.17g @%zu.%zu.%zu", value ? "any" : "ids",
                        json_number_value(value), ref.layer, ref.call, ref.output);
    return intern(masks, &expr, out);
}

int kf_mask_expr_opaque(struct kf_down_masks *masks, const struct kf_mask_expr **out)
{
    struct kf_mask_expr expr = {.kind = KF_MASK_OPAQUE};

    expr.key = kf_arena_printf(masks->adapt->model->arena, "opaque %zu", masks->n_opaque++);
    return intern(masks, &expr, out);
}

/* The members of a join: an expression of the same kind gives its own. */
static size_t add_members(const struct kf_mask_expr **list, size_t n, enum kf_mask_kind kind,
                          const struct kf_mask_expr *expr)
{
    const struct kf_mask_expr *const *of = expr->kind == kind ? expr->of : &expr;
    size_t n_of = expr->kind == kind ? expr->n : 1;

    for (size_t i = 0; i < n_of; i++) {
        size_t at = 0;

        while (at < n && strcmp(list[at]->key, of[i]->key) < 0)
            at++;
        if (at < n && list[at] == of[i])
            continue;
        memmove(list + at + 1, list + at, (n - at) * sizeof(struct kf_mask_expr *));
        list[at] = of[i];
        n++;
    }
    return n;
}

int kf_mask_expr_join(struct kf_down_masks *masks, enum kf_mask_kind kind,
                      const struct kf_mask_expr *a, const struct kf_mask_expr *b,
                      const struct kf_mask_expr **out)
{
    struct kf_arena *arena = masks->adapt->model->arena;
    struct kf_mask_expr expr = {.kind = kind};

    if (!a || a == b) {
        *out = b;
        return 0;
    }
    expr.of = kf_arena_alloc(arena, (a->n + b->n + 2) * sizeof(struct kf_mask_expr *));
    if (!expr.of)
        return no_memory(masks);
    expr.n = add_members(expr.of, 0, kind, a);
    expr.n = add_members(expr.of, expr.n, kind, b);
    expr.key = kind == KF_MASK_AND ? "and" : "or";
    for (size_t i = 0; expr.key && i < expr.n; i++)
        expr.key = kf_arena_printf(arena, "%s (%s)", expr.key, expr.of[i]->key);
    return intern(masks, &expr, out);
}

static int read_node(struct kf_down_masks *masks, const json_t *ref, unsigned depth,
                     const struct kf_mask_expr **out);

static bool is_number(const json_t *value)
{
    return json_is_number(value);
}

/* NotEqual(x, 0) of an Embedding's input, or NULL's way: an opaque one. */
static int read_comparison(struct kf_down_masks *masks, const struct kf_layer *layer,
                           const json_t *value, const struct kf_mask_expr **out)
{
    json_t *args = layer->calls[0].args;

    if (!is_number(json_array_get(args, 1)))
        return kf_mask_expr_opaque(masks, out);
    return kf_mask_expr_source(masks, json_array_get(args, 0), value, out);
}

/* Any(NotEqual(x, mask_value), axis=-1) of a Masking. */
static int read_any(struct kf_down_masks *masks, const struct kf_layer *layer,
                    const struct kf_mask_expr **out)
{
    const struct kf_layer *below = operation_at(masks, json_array_get(layer->calls[0].args, 0));
    const json_t *axis = json_object_get(layer->config, "axis");

    if (json_array_size(axis) == 1)
        axis = json_array_get(axis, 0);
    if (row_of(below)->reads != COMPARES || json_integer_value(axis) != -1 ||
        kf_json_bool(layer->config, "keepdims", false))
        return kf_mask_expr_opaque(masks, out);
    return read_comparison(masks, below, json_array_get(below->calls[0].args, 1), out);
}

static int read_join(struct kf_down_masks *masks, const struct kf_layer *layer, unsigned depth,
                     enum kf_mask_kind kind, const struct kf_mask_expr **out)
{
    const struct kf_mask_expr *a = NULL, *b = NULL;

    KF_TRY(read_node(masks, json_array_get(layer->calls[0].args, 0), depth + 1, &a));
    KF_TRY(read_node(masks, json_array_get(layer->calls[0].args, 1), depth + 1, &b));
    return kf_mask_expr_join(masks, kind, a, b, out);
}

static bool is_zero(const json_t *value)
{
    return json_is_number(value) && !(json_number_value(value) < 0) &&
           !(json_number_value(value) > 0);
}

static int read_node(struct kf_down_masks *masks, const json_t *ref, unsigned depth,
                     const struct kf_mask_expr **out)
{
    const struct kf_layer *layer = operation_at(masks, ref);
    const struct row *row = row_of(layer);

    switch (depth < DEPTH_MAX ? row->reads : OTHER) {
    case THROUGH:
        return read_node(masks, json_array_get(layer->calls[0].args, 0), depth + 1, out);
    case COMPARES:
        return is_zero(json_array_get(layer->calls[0].args, 1))
                   ? read_comparison(masks, layer, NULL, out)
                   : kf_mask_expr_opaque(masks, out);
    case REDUCES:
        return read_any(masks, layer, out);
    case JOINS:
        return read_join(masks, layer, depth, row->kind, out);
    default:
        return kf_mask_expr_opaque(masks, out);
    }
}

int kf_mask_expr_read(struct kf_down_masks *masks, const json_t *ref,
                      const struct kf_mask_expr **out)
{
    struct kf_mask_expr *expr;

    KF_TRY(read_node(masks, ref, 0, out));
    expr = (struct kf_mask_expr *)*out;
    expr->made = expr->made || kf_ref_get(ref, &expr->node);
    return 0;
}

static json_t *ref_json(struct kf_ref ref)
{
    return kf_ref_new(ref.layer, ref.call, ref.output);
}

/* ids != 0 of an Embedding, any feature != mask_value of a Masking. */
static bool make_source(struct kf_down_masks *masks, const struct kf_mask_expr *expr,
                        struct kf_ref *out)
{
    json_t *args = json_pack("[o, f]", json_deep_copy(expr->from),
                             expr->value ? json_number_value(expr->value) : 0.0);

    if (kf_down_node(masks->adapt, masks->graph, class_of(COMPARES, NONE), json_object(), args,
                     out) < 0)
        return false;
    return !expr->value || kf_down_node(masks->adapt, masks->graph, class_of(REDUCES, NONE),
                                        json_pack("{s:i, s:b}", "axis", -1, "keepdims", 0),
                                        json_pack("[o]", ref_json(*out)), out) >= 0;
}

static bool make_join(struct kf_down_masks *masks, const struct kf_mask_expr *expr,
                      struct kf_ref *out)
{
    const char *class_name = class_of(JOINS, expr->kind);
    struct kf_ref other;

    if (!kf_mask_expr_node(masks, expr->of[0], out))
        return false;
    for (size_t i = 1; i < expr->n; i++)
        if (!kf_mask_expr_node(masks, expr->of[i], &other) ||
            kf_down_node(masks->adapt, masks->graph, class_name, json_object(),
                         json_pack("[o, o]", ref_json(*out), ref_json(other)), out) < 0)
            return false;
    return true;
}

bool kf_mask_expr_node(struct kf_down_masks *masks, const struct kf_mask_expr *expr,
                       struct kf_ref *out)
{
    struct kf_mask_expr *own = (struct kf_mask_expr *)expr;

    if (!own->made && own->kind != KF_MASK_OPAQUE)
        own->made = own->kind == KF_MASK_SOURCE ? make_source(masks, own, &own->node)
                                                : make_join(masks, own, &own->node);
    *out = own->node;
    return own->made;
}
