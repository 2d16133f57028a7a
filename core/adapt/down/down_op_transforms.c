/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "down_ops.h"

/*
 * Images whose pixels are taken from other places. Keras 3 calls the operation
 * ImageProjectiveTransformV3, which TensorFlow has as no function that a layer of Keras 2 can call:
 * the places, what lies outside, and what is between pixels are functions each; see
 * down_recipes.def.
 */

/* What the recipe of this name makes of `first`, as a new ref; takes the two. */
static int made_of(struct kf_down_op *op, const char *recipe, json_t *first, json_t *kwargs,
                   json_t **out)
{
    json_t *last = NULL;

    json_decref(op->kwargs);
    op->kwargs = kwargs;
    KF_TRY(kf_down_set_first(op, first));
    KF_TRY(kf_down_recipe(op, recipe));
    if (op->why)
        return 0;
    last = op->kwargs;
    op->kwargs = json_object();
    KF_TRY(kf_down_before(op, op->function, last));
    *out = json_incref(op->first);
    return 0;
}

static const struct mode {
    const char *name, *outside, *pixels;
} modes[] = {
    {"constant", NULL, NULL},
    {"nearest", "places at the edge", NULL},
    {"reflect", "places reflected", NULL},
    {"wrap", "places wrapped", NULL},
    {"bilinear", NULL, "pixels between"},
};

static const struct mode *mode_of(const json_t *config, const char *key, const char *missing)
{
    const char *name = kf_json_str(config, key, missing);

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (kf_streq(modes[i].name, name))
            return &modes[i];
    return NULL;
}

/* The pixels of `images` from where `transforms` say. */
static int transform(struct kf_down_op *op, const json_t *options, json_t *images,
                     json_t *transforms)
{
    const struct mode *outside = mode_of(options, "fill_mode", "constant");
    const struct mode *between = mode_of(options, "interpolation", "bilinear");
    json_auto_t *sizes = NULL, *places = NULL;
    json_t *fill = json_object_get(options, "fill_value");

    if (!outside || !between)
        return kf_down_refuse(op, "its way to fill or to interpolate is none that is known");
    KF_TRY(made_of(op, "sizes of images", json_incref(images), json_object(), &sizes));
    KF_TRY(made_of(op, "places of pixels", json_incref(images),
                   json_pack("{s:O}", "transform", transforms), &places));
    if (outside->outside && !op->why) {
        json_t *inside = NULL;

        KF_TRY(made_of(op, outside->outside, json_incref(places),
                       json_pack("{s:O}", "sizes", sizes), &inside));
        json_decref(places);
        places = inside;
    }
    if (op->why)
        return 0;
    json_decref(op->kwargs);
    op->kwargs = json_pack("{s:O, s:O, s:f}", "images", images, "sizes", sizes, "fill",
                           json_number_value(fill));
    KF_TRY(kf_down_set_first(op, json_incref(places)));
    return kf_down_recipe(op, between->pixels ? between->pixels : "pixels nearest");
}

/* Images with their channels behind, what `transforms` makes of the rest, and back. */
static int transformed(struct kf_down_op *op, const char *recipe)
{
    json_auto_t *options = json_incref(op->kwargs), *images = NULL, *transforms = NULL;
    bool moved;

    if (kf_down_rank(kf_down_argument(op, 0, "images")) != 4)
        return kf_down_refuse(op, "it is known for a batch of images alone");
    KF_TRY(kf_down_channels_last(op, 4, &moved));
    images = json_incref(op->first);
    if (recipe)
        KF_TRY(made_of(op, recipe, json_incref(images), json_deep_copy(options), &transforms));
    else
        transforms = json_incref(json_object_get(options, "transform"));
    if (!op->why)
        KF_TRY(transform(op, options, images, transforms));
    return moved && !op->why ? kf_down_channels_back(op, 4) : 0;
}

/* Source: keras/src/backend/tensorflow/image.py, affine_transform (3.15.1) */
int kf_down_form_affine(struct kf_down_op *op)
{
    return transformed(op, NULL);
}

/* Source: keras/src/backend/tensorflow/image.py, perspective_transform (3.15.1) */
int kf_down_form_perspective(struct kf_down_op *op)
{
    return transformed(op, "transforms of points");
}
