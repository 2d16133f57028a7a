/* SPDX-License-Identifier: Apache-2.0 */
#include "crc32c.h"
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* of iSCSI, bits reversed */

#if defined(__x86_64__)
static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

/* As kf_crc32c() is, without the two inversions. */
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t c, const unsigned char *p,
                                                                 size_t n)
{
    uint64_t wide = c, eight;

    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&eight, p, 8);
        wide = __builtin_ia32_crc32di(wide, eight);
    }
    for (c = (uint32_t)wide; n > 0; n--, p++)
        c = __builtin_ia32_crc32qi(c, *p);
    return c;
}
#else
static bool has_instruction(void)
{
    return false;
}

static uint32_t by_instruction(uint32_t c, const unsigned char *p, size_t n)
{
    (void)p;
    (void)n;
    return c;
}
#endif

void kf_crc32c_init(struct kf_crc32c *crc)
{
    crc->instruction = has_instruction();
    for (unsigned i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = (c >> 1) ^ (c & 1 ? POLYNOMIAL : 0);
        crc->table[0][i] = c;
    }
    for (unsigned i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++) {
            uint32_t c = crc->table[k - 1][i];

            crc->table[k][i] = (c >> 8) ^ crc->table[0][c & 0xff];
        }
}

static uint32_t load(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t kf_crc32c(const struct kf_crc32c *crc, uint32_t from, const void *data, size_t n)
{
    const unsigned char *p = data;
    uint32_t c = ~from;

    if (crc->instruction)
        return ~by_instruction(c, p, n);
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t a = load(p) ^ c, b = load(p + 4);

        c = crc->table[7][a & 0xff] ^ crc->table[6][a >> 8 & 0xff] ^ crc->table[5][a >> 16 & 0xff] ^
            crc->table[4][a >> 24] ^ crc->table[3][b & 0xff] ^ crc->table[2][b >> 8 & 0xff] ^
            crc->table[1][b >> 16 & 0xff] ^ crc->table[0][b >> 24];
    }
    for (; n > 0; n--, p++)
        c = (c >> 8) ^ crc->table[0][(c ^ *p) & 0xff];
    return ~c;
}

uint32_t kf_crc32c_mask(uint32_t crc)
{
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}
