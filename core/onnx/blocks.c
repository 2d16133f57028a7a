/* SPDX-License-Identifier: Apache-2.0 */
#include "blocks.h"
#include "../base/auto.h"
#include "../base/num.h"
#include <string.h>

struct blocks {
    struct kf_onnx_blocks how;
    uint64_t size, end; /* bytes of a block, and of all of them */
};

static int pull(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                struct kf_report *rep)
{
    const struct blocks *blocks = payload->state;
    char *next = to;

    while (n > 0) {
        uint64_t block = at / blocks->size, in_block = at % blocks->size;
        size_t piece = n;

        if (at < blocks->end) {
            piece = (size_t)kf_min(n, blocks->size - in_block);
            KF_TRY(payload->inner->pull(payload->inner,
                                        blocks->how.order[block] * blocks->size + in_block, next,
                                        piece, rep));
        } else {
            memset(next, 0, n);
        }
        at += piece;
        next += piece;
        n -= piece;
    }
    return 0;
}

const struct kf_payload *kf_onnx_put_blocks(struct kf_arena *arena,
                                            const struct kf_payload *payload,
                                            const struct kf_onnx_blocks *how, bool *fits)
{
    struct kf_payload *made = kf_arena_alloc(arena, sizeof(*made));
    struct blocks *blocks = kf_arena_alloc(arena, sizeof(*blocks));
    uint64_t n = kf_payload_elements(payload), all = 1;

    for (unsigned i = 0; i < how->rank; i++)
        all *= how->dims[i];
    *fits = n > 0 && n % how->n == 0 && all >= n;
    if (!*fits || !made || !blocks)
        return NULL;
    blocks->how = *how;
    blocks->end = kf_payload_bytes(payload);
    blocks->size = blocks->end / how->n;
    *made = (struct kf_payload){.dtype = payload->dtype,
                                .rank = how->rank,
                                .pull = pull,
                                .file_at = KF_NOWHERE,
                                .inner = payload,
                                .state = blocks};
    memcpy(made->dims, how->dims, how->rank * sizeof(how->dims[0]));
    return made;
}
