/* SPDX-License-Identifier: Apache-2.0 */
#include "fold.h"
#include "../base/auto.h"
#include "../base/num.h"
#include "../model/numbers.h"
#include <math.h>

/* Elements that are computed at a time. */
#define PIECE 512

struct fold {
    struct kf_onnx_folded of;
    bool shift;
};

/* Elements [first, first + n) of a weight as numbers; `fallback` where there is none. */
static int read(const struct kf_payload *payload, uint64_t first, size_t n, double fallback,
                double *out, struct kf_report *rep)
{
    char bytes[PIECE * 8];
    size_t size = payload ? kf_dtype_size(payload->dtype) : 0;

    if (payload)
        KF_TRY(payload->pull(payload, first * size, bytes, n * size, rep));
    for (size_t i = 0; i < n; i++)
        out[i] = payload ? kf_number_read(payload->dtype, bytes + i * size) : fallback;
    return 0;
}

static int pull_piece(const struct kf_payload *payload, uint64_t first, char *to, size_t n,
                      struct kf_report *rep)
{
    const struct fold *fold = payload->state;
    double gamma[PIECE], beta[PIECE], mean[PIECE], variance[PIECE];

    KF_TRY(read(fold->of.gamma, first, n, 1, gamma, rep));
    KF_TRY(read(fold->of.beta, first, n, 0, beta, rep));
    KF_TRY(read(fold->of.mean, first, n, 0, mean, rep));
    KF_TRY(read(fold->of.variance, first, n, 1, variance, rep));
    for (size_t i = 0; i < n; i++) {
        double scale = gamma[i] / sqrt(variance[i] + fold->of.epsilon);

        kf_number_write(payload->dtype, to + i * kf_dtype_size(payload->dtype),
                        fold->shift ? beta[i] - mean[i] * scale : scale);
    }
    return 0;
}

static int pull(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                struct kf_report *rep)
{
    size_t size = kf_dtype_size(payload->dtype), piece = PIECE;

    for (size_t done = 0; done < n / size; done += piece) {
        piece = (size_t)kf_min(n / size - done, PIECE);
        KF_TRY(pull_piece(payload, at / size + done, (char *)to + done * size, piece, rep));
    }
    return 0;
}

static const struct kf_payload *make(struct kf_arena *arena, const struct kf_onnx_folded *folded,
                                     bool shift)
{
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));
    struct fold *fold = kf_arena_alloc(arena, sizeof(*fold));

    if (!payload || !fold)
        return NULL;
    *fold = (struct fold){*folded, shift};
    *payload = *folded->variance;
    payload->inner = folded->variance;
    payload->pull = pull;
    payload->file_at = KF_NOWHERE;
    payload->state = fold;
    return payload;
}

const struct kf_payload *kf_onnx_fold_scale(struct kf_arena *arena,
                                            const struct kf_onnx_folded *folded)
{
    return make(arena, folded, false);
}

const struct kf_payload *kf_onnx_fold_shift(struct kf_arena *arena,
                                            const struct kf_onnx_folded *folded)
{
    return make(arena, folded, true);
}
