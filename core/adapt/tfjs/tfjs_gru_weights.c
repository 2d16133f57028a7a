/* SPDX-License-Identifier: Apache-2.0 */
#include "tfjs_gru.h"

/* The weights of a GRU as those of the LSTM that stands in for it. */

#define FAR 1000.0

enum gate { INPUT, FORGET, CELL, OUTPUT, N_GATES };
enum { Z, R, H }; /* the gates of a GRU in their order */

/* Where a gate of a part stands among the columns of the LSTM. */
static uint64_t column_of(const struct kf_gru *gru, enum gate gate, enum kf_gru_part part)
{
    return gru->units * ((uint64_t)gate * N_PARTS + (uint64_t)part);
}

static struct kf_patch *put(struct kf_gru *gru, enum gate gate, enum kf_gru_part part, uint64_t row,
                            uint64_t rows)
{
    struct kf_patch *patch = &gru->list[gru->n++];

    *patch = (struct kf_patch){
        .row = row, .rows = rows, .column = column_of(gru, gate, part), .columns = gru->units};
    return patch;
}

static void put_of(struct kf_gru *gru, enum gate gate, enum kf_gru_part part, uint64_t row,
                   uint64_t rows, const struct kf_payload *of, int from, double scale)
{
    struct kf_patch *patch = put(gru, gate, part, row, rows);

    patch->of = of;
    patch->of_column = gru->units * (uint64_t)from;
    patch->scale = scale;
}

static void put_number(struct kf_gru *gru, enum gate gate, enum kf_gru_part part, uint64_t row,
                       double number)
{
    put(gru, gate, part, row, 1)->add = number;
}

static void put_diagonal(struct kf_gru *gru, enum gate gate, enum kf_gru_part part,
                         enum kf_gru_part of, double number)
{
    struct kf_patch *patch = put(gru, gate, part, gru->units * (uint64_t)of, gru->units);

    patch->add = number;
    patch->diagonal = true;
}

/* Gates that are shut, or open, at the times that are not their part's. */
static void put_times(struct kf_gru *gru)
{
    for (uint64_t time = 0; time < KF_GRU_TIMES; time++) {
        uint64_t row = gru->width + (gru->back ? KF_GRU_TIMES - 1 - time : time);

        for (int part = RESET; part < N_PARTS; part++) {
            bool now = (uint64_t)part == time;

            if (!now)
                put_number(gru, INPUT, (enum kf_gru_part)part, row, -FAR);
            if (!now || part != STATE)
                put_number(gru, FORGET, (enum kf_gru_part)part, row, now ? -FAR : FAR);
        }
    }
}

static const struct kf_payload *make_kernel(struct kf_gru *gru, bool *fits)
{
    uint64_t dims[] = {gru->width + KF_GRU_TIMES, gru->units * N_GATES * N_PARTS};

    gru->n = 0;
    put_of(gru, INPUT, RESET, 0, gru->width, gru->kernel, R, 1);
    put_of(gru, INPUT, CANDIDATE, 0, gru->width, gru->kernel, H, 2);
    put_of(gru, FORGET, STATE, 0, gru->width, gru->kernel, Z, 1);
    put_of(gru, INPUT, STATE, 0, gru->width, gru->kernel, Z, -1);
    put_times(gru);
    return kf_rewrite_patch(gru->one->adapt->model->arena, gru->kernel, dims, 2, gru->list, gru->n,
                            fits);
}

static const struct kf_payload *make_recurrent(struct kf_gru *gru, bool *fits)
{
    uint64_t dims[] = {gru->units * N_PARTS, gru->units * N_GATES * N_PARTS};
    uint64_t state = gru->units * STATE;

    gru->n = 0;
    put_of(gru, INPUT, RESET, state, gru->units, gru->recurrent, R, 1);
    put_of(gru, CELL, RESET, state, gru->units, gru->recurrent, H, 1);
    put_diagonal(gru, INPUT, CANDIDATE, RESET, 2);
    put_of(gru, FORGET, STATE, state, gru->units, gru->recurrent, Z, 1);
    put_of(gru, INPUT, STATE, state, gru->units, gru->recurrent, Z, -1);
    put_diagonal(gru, CELL, STATE, CANDIDATE, 1);
    return kf_rewrite_patch(gru->one->adapt->model->arena, gru->recurrent, dims, 2, gru->list,
                            gru->n, fits);
}

/* The sum of the two biases of a gate of the GRU, or the one of them. */
static void put_bias(struct kf_gru *gru, enum gate gate, enum kf_gru_part part, int from,
                     double scale, int rows)
{
    for (int row = 0; gru->bias && row < KF_GRU_BIASES; row++)
        if (rows >> row & 1) {
            put_of(gru, gate, part, 0, 1, gru->bias, from, scale);
            gru->list[gru->n - 1].of_row = (uint64_t)row;
        }
}

static const struct kf_payload *make_bias(struct kf_gru *gru, bool *fits)
{
    uint64_t dims[] = {gru->units * N_GATES * N_PARTS};

    gru->n = 0;
    put_bias(gru, INPUT, RESET, R, 1, 3);
    put_bias(gru, CELL, RESET, H, 1, 2);
    put_bias(gru, INPUT, CANDIDATE, H, 2, 1);
    put_bias(gru, FORGET, STATE, Z, 1, 3);
    put_bias(gru, INPUT, STATE, Z, -1, 3);
    put_number(gru, CELL, CANDIDATE, 0, 2);
    put_number(gru, CELL, STATE, 0, -1);
    for (int part = RESET; part < N_PARTS; part++)
        put_number(gru, OUTPUT, (enum kf_gru_part)part, 0, FAR);
    return kf_rewrite_patch(gru->one->adapt->model->arena, gru->recurrent, dims, 1, gru->list,
                            gru->n, fits);
}

int kf_gru_tensor(struct kf_gru *gru, struct kf_tensor *tensor, const char *name,
                  const struct kf_payload *payload, bool fits)
{
    const struct kf_tensor *own = kf_layer_tensor(gru->layer, name);

    *tensor = own ? *own : gru->like;
    tensor->variable = name;
    tensor->subpath = "";
    tensor->done = NULL;
    return kf_instead_take(gru->one, tensor, payload, fits,
                           "for an LSTM that stands in for the GRU");
}

int kf_gru_tensors(struct kf_gru *gru, struct kf_layer *layer)
{
    struct kf_tensor *tensors = kf_arena_alloc(gru->one->adapt->model->arena, 3 * sizeof(*tensors));
    const struct kf_payload *payload;
    bool fits = true;

    if (!tensors)
        return kf_adapt_no_memory(gru->one->adapt, layer->path);
    payload = make_kernel(gru, &fits);
    KF_TRY(kf_gru_tensor(gru, &tensors[0], "kernel", payload, fits));
    payload = make_recurrent(gru, &fits);
    KF_TRY(kf_gru_tensor(gru, &tensors[1], "recurrent_kernel", payload, fits));
    payload = make_bias(gru, &fits);
    KF_TRY(kf_gru_tensor(gru, &tensors[2], "bias", payload, fits));
    layer->tensors = tensors;
    layer->n_tensors = 3;
    return 0;
}
