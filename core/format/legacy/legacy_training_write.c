/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_training_write.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../keras3/keras3_optimizer.h"
#include "../tensor_rows.h"
#include "keras_h5.h"

#define NEWER "keras.optimizers" /* optimizers that every release finds as registered ones */

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

int kf_legacy_training_plan(struct kf_model *model, int keras, struct kf_report *rep)
{
    struct kf_optimizer_dataset *state = NULL;
    size_t n = 0;

    KF_TRY(kf_keras3_optimizer(&state, &n, model, keras, KF_OPTIMIZER_LEGACY, rep));
    for (size_t i = 0; i < n; i++)
        KF_TRY(kf_slot_row(rep, state[i].slot, state[i].layer ? state[i].layer->path : "",
                           state[i].target));
    return 0;
}

/* An optimizer of 2.11 and later is known by "Custom>Adam" where nothing says its module. */
static int name_class(json_t *object, const char *module, struct kf_arena *arena,
                      struct kf_report *rep)
{
    const char *class_name = kf_json_str(object, "class_name", "");

    if (!kf_streq(module, NEWER) || kf_starts(class_name, "LossScaleOptimizer"))
        return 0;
    class_name = kf_arena_printf(arena, "Custom>%s", class_name);
    return class_name ? kf_json_set(object, "class_name", json_string(class_name), rep)
                      : no_memory(rep);
}

/* Take the modules off objects in a structure, which is changed; no deeper than it was read. */
static int make_plain(json_t *value, struct kf_arena *arena, struct kf_report *rep)
{
    const char *key;
    json_t *member;
    size_t i;

    json_array_foreach(value, i, member) KF_TRY(make_plain(member, arena, rep));
    if (kf_json_is_object_of_class(value)) {
        KF_TRY(name_class(value, kf_json_str(value, "module", NULL), arena, rep));
        json_object_del(value, "module");
        json_object_del(value, "registered_name");
    }
    json_object_foreach(value, key, member) KF_TRY(make_plain(member, arena, rep));
    return 0;
}

static int make_config(json_t **out, const struct kf_model *model, struct kf_report *rep)
{
    const json_t *from = model->training;
    json_auto_t *shared =
        json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?}", "loss", json_object_get(from, "loss"),
                  "metrics", json_object_get(from, "metrics"), "weighted_metrics",
                  json_object_get(from, "weighted_metrics"), "loss_weights",
                  json_object_get(from, "loss_weights"), "optimizer_config",
                  json_object_get(from, "optimizer"));

    *out = shared ? json_deep_copy(shared) : NULL;
    return *out ? make_plain(*out, model->arena, rep) : no_memory(rep);
}

static int write_config(struct kf_h5_out *h5, const struct kf_model *model, struct kf_report *rep)
{
    json_t *config = NULL;
    size_t n = 0;
    char *text = NULL;
    int r = make_config(&config, model, rep);

    if (r >= 0 && !(text = kf_json_dump_ascii(config, &n)))
        r = no_memory(rep);
    if (r >= 0)
        r = kf_h5_out_attr_ascii(h5, "/", "training_config", text, rep);
    json_decref(config);
    kf_free(text);
    return r;
}

static int write_names(struct kf_h5_out *h5, const struct kf_optimizer_dataset *state, size_t n,
                       struct kf_arena *arena, struct kf_report *rep)
{
    const char **names = kf_arena_alloc(arena, (n + 1) * sizeof(*names));

    if (!names)
        return no_memory(rep);
    for (size_t i = 0; i < n; i++)
        names[i] = state[i].target + sizeof(KF_KERAS_H5_OPTIMIZER) - 1;
    KF_TRY(kf_h5_out_group(h5, KF_KERAS_H5_OPTIMIZER, rep));
    return kf_h5_out_attr_names(h5, KF_KERAS_H5_OPTIMIZER, "weight_names", names, n, rep);
}

static int write_state(struct kf_h5_out *h5, struct kf_model *model, int keras,
                       const struct kf_options *options, struct kf_report *rep)
{
    struct kf_optimizer_dataset *state = NULL;
    size_t n = 0;

    KF_TRY(kf_keras3_optimizer(&state, &n, model, keras, KF_OPTIMIZER_LEGACY, rep));
    if (!n)
        return 0;
    KF_TRY(write_names(h5, state, n, model->arena, rep));
    for (size_t i = 0; i < n; i++) {
        const char *path = kf_arena_printf(model->arena, "/%s", state[i].target);
        size_t row = rep->n_tensors - n + i; /* the table ends with them */

        if (!path)
            return no_memory(rep);
        KF_TRY(kf_h5_out_payload(h5, path, state[i].slot->payload, options->checksum,
                                 row < rep->n_tensors ? &rep->tensors[row] : NULL, rep));
    }
    return 0;
}

int kf_legacy_training_write(struct kf_h5_out *h5, struct kf_model *model, int keras,
                             const struct kf_options *options, struct kf_report *rep)
{
    if (!model->training)
        return 0;
    KF_TRY(write_config(h5, model, rep));
    return write_state(h5, model, keras, options, rep);
}
