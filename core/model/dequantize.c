/* SPDX-License-Identifier: Apache-2.0 */
#include "dequantize.h"
#include "../base/num.h"
#include "floats.h"
#include "numbers.h"
#include <string.h>

#define PIECE 4096

static const char scales[] = "scales of a quantized variable";

struct table {
    bool packed, by_row;
    uint64_t columns, n_groups; /* n_groups is 0 without groups */
    uint64_t bytes_row;         /* of the packed integers */
    const float *scale, *zero;
    const uint32_t *group;
};

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static float dequantized(const struct table *table, uint64_t row, uint64_t column, int integer)
{
    uint64_t at = table->by_row ? row : column;

    if (!table->n_groups)
        return (float)integer / table->scale[at];
    at = table->by_row ? row * table->n_groups + table->group[column]
                       : table->group[row] * table->columns + column;
    return ((float)integer - table->zero[at]) * table->scale[at];
}

/* The integer at a place of a byte: the lower four bits, or the upper ones, with their sign. */
static int half(signed char byte, bool upper)
{
    int bits = (unsigned char)byte >> (upper ? 4 : 0) & 15;

    return (bits ^ 8) - 8;
}

static int pull(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                struct kf_report *rep)
{
    const struct table *table = payload->state;
    uint64_t first = at / sizeof(float), last = first + n / sizeof(float);
    signed char piece[PIECE];
    float *out = to;

    while (first < last) {
        uint64_t row = first / table->columns, column = first % table->columns;
        uint64_t some = kf_min(kf_min(last - first, table->columns - column), PIECE);
        uint64_t from = table->packed ? row * table->bytes_row + column / 2 : first;
        uint64_t odd = table->packed ? column % 2 : 0;

        KF_TRY(payload->inner->pull(payload->inner, from, piece,
                                    (size_t)(table->packed ? (some + odd + 1) / 2 : some), rep));
        for (uint64_t i = 0; i < some; i++) {
            int integer = table->packed ? half(piece[(i + odd) / 2], (i + odd) % 2) : piece[i];

            *out++ = dequantized(table, row, column + i, integer);
        }
        first += some;
    }
    return 0;
}

static bool fits(const struct kf_quantized *from, uint64_t rows)
{
    uint64_t along = from->by_row ? rows : from->columns;
    uint64_t across = from->by_row ? from->columns : rows, n_scales;

    if (from->integers->dtype != KF_DTYPE_INT8 || !kf_number_is_float(from->scale->dtype) || !along)
        return false;
    n_scales = kf_payload_elements(from->scale);
    if (!from->group)
        return n_scales == along;
    return n_scales && n_scales % along == 0 && kf_payload_elements(from->group) == across &&
           from->zero && kf_payload_elements(from->zero) == n_scales;
}

/* The group of each row or column, each one that there is. */
static int read_groups(struct table *table, struct kf_arena *arena, const struct kf_payload *group,
                       struct kf_report *rep)
{
    uint64_t n = kf_payload_elements(group);
    uint32_t *kept;
    float *all = NULL;

    KF_TRY(kf_floats(&all, arena, group, scales, rep));
    if (!(kept = kf_arena_alloc(arena, (size_t)(n ? n : 1) * sizeof(*kept))))
        return no_memory(rep);
    for (uint64_t i = 0; i < n; i++) {
        if (!(all[i] >= 0 && all[i] < (float)table->n_groups))
            return kf_report_add(rep, KF_CORRUPT, "", "a quantized variable names group %g of %llu",
                                 (double)all[i], (unsigned long long)table->n_groups);
        kept[i] = (uint32_t)all[i];
    }
    table->group = kept;
    return 0;
}

static int read_table(struct table *table, double *smallest, struct kf_arena *arena,
                      const struct kf_quantized *from, uint64_t rows, struct kf_report *rep)
{
    uint64_t n = kf_payload_elements(from->scale);
    float *scale = NULL, *zero = NULL;

    KF_TRY(kf_floats(&scale, arena, from->scale, scales, rep));
    table->scale = scale;
    *smallest = 0;
    for (uint64_t i = 0; !from->group && i < n; i++)
        *smallest = i && *smallest <= (double)scale[i] ? *smallest : (double)scale[i];
    if (!from->group)
        return 0;
    table->n_groups = n / (from->by_row ? rows : from->columns);
    KF_TRY(kf_floats(&zero, arena, from->zero, scales, rep));
    table->zero = zero;
    return read_groups(table, arena, from->group, rep);
}

int kf_dequantize(const struct kf_payload **out, double *smallest, struct kf_arena *arena,
                  const struct kf_quantized *from, struct kf_report *rep)
{
    struct table *table = kf_arena_alloc(arena, sizeof(*table));
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));
    uint64_t bytes_row = from->packed ? from->columns / 2 + from->columns % 2 : from->columns;
    uint64_t stored = kf_payload_elements(from->integers);

    *out = NULL;
    if (!table || !payload)
        return no_memory(rep);
    if (!bytes_row || stored % bytes_row || !fits(from, stored / bytes_row))
        return 0;
    *table = (struct table){.packed = from->packed,
                            .by_row = from->by_row,
                            .columns = from->columns,
                            .bytes_row = bytes_row};
    KF_TRY(read_table(table, smallest, arena, from, stored / bytes_row, rep));
    *payload = *from->integers;
    payload->dtype = KF_DTYPE_FLOAT32;
    payload->rank = from->rank;
    memcpy(payload->dims, from->dims, from->rank * sizeof(from->dims[0]));
    payload->pull = pull;
    payload->inner = from->integers;
    payload->file_at = KF_NOWHERE;
    payload->state = table;
    *out = payload;
    return 0;
}
