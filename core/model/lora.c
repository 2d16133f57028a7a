/* SPDX-License-Identifier: Apache-2.0 */
#include "lora.h"
#include "floats.h"
#include "numbers.h"
#include "rewrite_private.h"
#include <string.h>

struct lora {
    const float *a, *b; /* (rows, rank) and (rank, columns) */
    uint64_t rank, columns;
    double scale;
};

static double product(const struct lora *lora, uint64_t row, uint64_t column)
{
    double sum = 0;

    for (uint64_t i = 0; i < lora->rank; i++)
        sum += (double)lora->a[row * lora->rank + i] * (double)lora->b[i * lora->columns + column];
    return sum;
}

static void add_product(const struct kf_payload *payload, const void *state, uint64_t at,
                        void *bytes, size_t n)
{
    const struct lora *lora = state;
    size_t size = kf_dtype_size(payload->dtype);

    for (size_t i = 0; i < n / size; i++) {
        uint64_t place = at / size + i;
        char *to = (char *)bytes + i * size;

        kf_number_write(payload->dtype, to,
                        kf_number_read(payload->dtype, to) +
                            lora->scale *
                                product(lora, place / lora->columns, place % lora->columns));
    }
}

static bool fits(const struct kf_payload *kernel, const struct kf_payload *a,
                 const struct kf_payload *b)
{
    unsigned last = kernel->rank - 1;

    return kernel->rank >= 2 && a->rank == kernel->rank && b->rank == 2 &&
           memcmp(a->dims, kernel->dims, last * sizeof(a->dims[0])) == 0 &&
           b->dims[0] == a->dims[last] && b->dims[1] == kernel->dims[last] &&
           kf_number_is_float(kernel->dtype) && kf_number_is_float(a->dtype) &&
           kf_number_is_float(b->dtype);
}

int kf_lora_merged(const struct kf_payload **out, struct kf_arena *arena,
                   const struct kf_payload *kernel, const struct kf_payload *a,
                   const struct kf_payload *b, double scale, struct kf_report *rep)
{
    static const char what[] = "numbers of a matrix of LoRA";
    struct lora *lora = kf_arena_alloc(arena, sizeof(*lora));
    float *rows = NULL, *columns = NULL;

    *out = NULL;
    if (!lora)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    if (!fits(kernel, a, b))
        return 0;
    KF_TRY(kf_floats(&rows, arena, a, what, rep));
    KF_TRY(kf_floats(&columns, arena, b, what, rep));
    *lora = (struct lora){rows, columns, b->dims[0], b->dims[1], scale};
    *out = kf_rewrite_in_place(arena, kernel, lora, add_product);
    return *out ? 0 : kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}
