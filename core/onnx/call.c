/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "../model/rewrite.h"
#include "layer.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What the forms of layers ask of a call. */

void kf_onnx_refuse(struct kf_onnx_call *call, const char *fmt, ...)
{
    char why[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    kf_report_add(call->onnx->rep, KF_NO_EQUAL, call->layer->path, "%s: %s",
                  call->layer->class_name, why);
}

struct kf_onnx_value *kf_onnx_value_new(struct kf_onnx *onnx, struct kf_onnx_tensor *plain,
                                        struct kf_onnx_tensor *moved)
{
    struct kf_onnx_value *value = kf_onnx_alloc(onnx, sizeof(*value));

    if (!value)
        return kf_onnx_no_memory(onnx);
    value->plain = plain;
    value->moved = moved;
    return value;
}

struct kf_onnx_tensor *kf_onnx_plain(struct kf_onnx *onnx, struct kf_onnx_value *value)
{
    unsigned axes[KF_ONNX_RANK_MAX] = {0};

    if (!value || value->plain || !value->moved)
        return value ? value->plain : NULL;
    for (unsigned i = 1; i < value->moved->rank; i++)
        axes[i] = i + 1 < value->moved->rank ? i + 1 : 1;
    value->plain = kf_onnx_transpose(onnx, value->moved, axes);
    return value->plain;
}

struct kf_onnx_tensor *kf_onnx_moved(struct kf_onnx *onnx, struct kf_onnx_value *value)
{
    unsigned axes[KF_ONNX_RANK_MAX] = {0};

    if (!value || value->moved || !value->plain)
        return value ? value->moved : NULL;
    for (unsigned i = 1; i < value->plain->rank; i++)
        axes[i] = i == 1 ? value->plain->rank - 1 : i - 1;
    value->moved = kf_onnx_transpose(onnx, value->plain, axes);
    return value->moved;
}

struct kf_onnx_tensor *kf_onnx_either(const struct kf_onnx_value *value, bool *moved)
{
    *moved = value && !value->plain;
    return value ? value->plain ? value->plain : value->moved : NULL;
}

int kf_onnx_moved_axis(int axis, unsigned rank)
{
    return axis <= 0 ? axis : axis == (int)rank - 1 ? 1 : axis + 1;
}

void kf_onnx_give_value(struct kf_onnx_call *call, struct kf_onnx_value *value)
{
    struct kf_onnx_value **out = kf_onnx_alloc(call->onnx, (call->n_out + 1) * sizeof(*out));

    if (!out) {
        kf_onnx_no_memory(call->onnx);
        return;
    }
    if (call->n_out)
        memcpy(out, call->out, call->n_out * sizeof(*out));
    out[call->n_out++] = value;
    call->out = out;
}

void kf_onnx_give(struct kf_onnx_call *call, struct kf_onnx_tensor *plain)
{
    kf_onnx_give_value(call, kf_onnx_value_new(call->onnx, plain, NULL));
}

static void give_moved(struct kf_onnx_call *call, struct kf_onnx_tensor *moved)
{
    kf_onnx_give_value(call, kf_onnx_value_new(call->onnx, NULL, moved));
}

void kf_onnx_give_as(struct kf_onnx_call *call, struct kf_onnx_tensor *tensor, bool moved)
{
    if (moved)
        give_moved(call, tensor);
    else
        kf_onnx_give(call, tensor);
}

struct kf_onnx_tensor *kf_onnx_input(struct kf_onnx_call *call)
{
    return call->n_in ? kf_onnx_plain(call->onnx, call->in[0]) : NULL;
}

json_t *kf_onnx_argument(const struct kf_onnx_call *call, size_t place, const char *name)
{
    json_t *value = json_object_get(call->kwargs, name);

    if (!value)
        value = json_array_get(call->args, place);
    return json_is_null(value) ? NULL : value;
}

struct kf_onnx_value *kf_onnx_computed(struct kf_onnx_call *call, struct kf_onnx_value *value)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_value *cast;
    bool moved;
    const struct kf_onnx_tensor *tensor = kf_onnx_either(value, &moved);

    if (!tensor || !kf_number_is_float(tensor->dtype) || tensor->dtype == call->dtype ||
        !call->dtype || call->layer->operation)
        return value;
    cast = kf_onnx_value_new(onnx, kf_onnx_cast(onnx, value->plain, call->dtype),
                             kf_onnx_cast(onnx, value->moved, call->dtype));
    if (cast)
        cast->mask = value->mask;
    return cast;
}

struct kf_onnx_value *kf_onnx_argument_value(struct kf_onnx_call *call, size_t place,
                                             const char *name)
{
    json_t *ref = kf_onnx_argument(call, place, name);

    return ref ? kf_onnx_computed(call, kf_onnx_resolve(call, ref)) : NULL;
}

struct kf_onnx_tensor *kf_onnx_mask(struct kf_onnx_call *call, size_t place)
{
    json_t *given = kf_onnx_argument(call, place, "mask");

    if (json_is_array(given))
        given = json_array_get(given, 0);
    if (given)
        return kf_onnx_cast(call->onnx, kf_onnx_plain(call->onnx, kf_onnx_resolve(call, given)),
                            KF_DTYPE_BOOL);
    return call->n_in && call->in[0] ? call->in[0]->mask : NULL;
}

static const struct kf_tensor *find_weight(const struct kf_layer *layer, const char *variable)
{
    const struct kf_tensor *tensor = kf_layer_tensor(layer, variable);

    return tensor && tensor->payload ? tensor : NULL;
}

bool kf_onnx_has_weight(const struct kf_onnx_call *call, const char *variable)
{
    return find_weight(call->layer, variable) != NULL;
}

/* Parts of a layer may have one path: the second of two names gets a number. */
static bool settle_name(struct kf_onnx *onnx, struct kf_onnx_tensor *tensor)
{
    const char *wanted = tensor->name;

    for (unsigned k = 1; tensor->name && json_object_get(onnx->taken, tensor->name); k++)
        tensor->name = kf_arena_printf(onnx->arena, "%s_%u", wanted, k);
    if (tensor->name && json_object_set_new(onnx->taken, tensor->name, json_true()) >= 0)
        return true;
    kf_onnx_no_memory(onnx);
    return false;
}

/* The initializer's name follows its layer, also where that is called from another one. */
static struct kf_onnx_tensor *make_weight(struct kf_onnx_call *call, const struct kf_tensor *tensor,
                                          const struct kf_payload *payload, const char *done)
{
    struct kf_onnx *onnx = call->onnx;
    const char *path = onnx->path;
    struct kf_onnx_tensor *made;

    onnx->path = call->layer->path;
    made = kf_onnx_initializer(onnx, payload, tensor->variable);
    onnx->path = path;
    if (!made || !settle_name(onnx, made))
        return NULL;
    made->done = done;
    made->given = tensor->payload;
    kf_onnx_note_use(onnx, call->layer, tensor, made);
    return made;
}

struct kf_onnx_tensor *kf_onnx_weight_made(
    struct kf_onnx_call *call, const char *variable, const char *done,
    const struct kf_payload *(*make)(struct kf_arena *arena, const struct kf_payload *payload,
                                     const void *how, bool *fits),
    const void *how)
{
    const struct kf_tensor *tensor = find_weight(call->layer, variable);
    struct kf_onnx *onnx = call->onnx;
    const struct kf_payload *payload;
    struct kf_onnx_tensor *made;
    bool fits = true;

    if (!tensor) {
        kf_report_add(onnx->rep, KF_WEIGHTS_MISSING, call->layer->path, "it has no %s", variable);
        return NULL;
    }
    made = kf_onnx_recall(onnx, tensor, done ? done : "");
    if (!made) {
        payload = make ? make(onnx->arena, tensor->payload, how, &fits) : tensor->payload;
        if (!fits) {
            kf_report_add(onnx->rep, KF_WEIGHT_SHAPE, call->layer->path,
                          "the shape of its %s does not fit", variable);
            return NULL;
        }
        made = make_weight(call, tensor, payload, done);
        kf_onnx_remember(onnx, tensor, done ? done : "", made);
    }
    return made && kf_number_is_float(made->dtype) && call->dtype
               ? kf_onnx_cast(onnx, made, call->dtype)
               : made;
}

struct kf_onnx_tensor *kf_onnx_weight(struct kf_onnx_call *call, const char *variable)
{
    return kf_onnx_weight_made(call, variable, NULL, NULL, NULL);
}

struct order {
    const unsigned *axes;
    unsigned n;
};

static const struct kf_payload *move_axes(struct kf_arena *arena, const struct kf_payload *payload,
                                          const void *how, bool *fits)
{
    const struct order *order = how;

    return kf_rewrite_transpose(arena, payload, order->axes, order->n, fits);
}

struct kf_onnx_tensor *kf_onnx_weight_moved(struct kf_onnx_call *call, const char *variable,
                                            const unsigned *axes, unsigned n)
{
    struct order order = {axes, n};

    return kf_onnx_weight_made(call, variable, "transposed", move_axes, &order);
}

/* Sizes are multiplied and added: what is larger than this is no size. */
#define NUMBER_MAX INT32_MAX

static bool number_of(const json_t *value, int64_t *out)
{
    double real = json_number_value(value);

    if (!json_is_number(value) || real < -NUMBER_MAX || real > NUMBER_MAX)
        return false;
    *out = json_is_integer(value) ? json_integer_value(value) : (int64_t)real;
    return true;
}

static void bad_key(struct kf_onnx_call *call, const char *key)
{
    kf_report_add(call->onnx->rep, KF_BAD_CONFIG, call->layer->path,
                  "its %s is no number, or no list of as many as it has axes", key);
}

int64_t kf_onnx_number(struct kf_onnx_call *call, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(call->layer->config, key);
    int64_t number = fallback;

    if (value && !json_is_null(value) && !number_of(value, &number))
        bad_key(call, key);
    return number;
}

double kf_onnx_real(struct kf_onnx_call *call, const char *key, double fallback)
{
    const json_t *value = json_object_get(call->layer->config, key);

    if (json_is_object(value)) /* a float may be kept as an array without axes */
        value = json_object_get(json_object_get(value, "config"), "value");
    if (value && !json_is_null(value) && !json_is_number(value))
        bad_key(call, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

const char *kf_onnx_text(const struct kf_onnx_call *call, const char *key, const char *fallback)
{
    return kf_json_str(call->layer->config, key, fallback);
}

bool kf_onnx_flag(const struct kf_onnx_call *call, const char *key, bool fallback)
{
    return kf_json_bool(call->layer->config, key, fallback);
}

bool kf_onnx_sizes(struct kf_onnx_call *call, const char *key, int64_t fallback, int64_t *out,
                   unsigned n)
{
    const json_t *value = json_object_get(call->layer->config, key);
    bool good = !json_is_array(value) || json_array_size(value) == n;

    for (unsigned i = 0; i < n && good; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;

        out[i] = fallback;
        good = !one || json_is_null(one) || number_of(one, &out[i]);
    }
    if (!good)
        bad_key(call, key);
    return good;
}

size_t kf_onnx_numbers(struct kf_onnx_call *call, const json_t *value, int64_t *out)
{
    const json_t *one;
    size_t i;

    if (number_of(value, &out[0]))
        return 1;
    if (json_array_size(value) > KF_ONNX_RANK_MAX) {
        bad_key(call, "axes");
        return 0;
    }
    json_array_foreach(value, i, one) if (!number_of(one, &out[i]))
    {
        bad_key(call, "axes");
        return 0;
    }
    return json_array_size(value);
}
