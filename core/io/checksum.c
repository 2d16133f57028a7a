/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"

void kf_hasher_init(struct kf_hasher *hasher, enum kf_checksum_kind kind)
{
    hasher->kind = kind;
    if (kind == KF_CHECKSUM_SHA256) {
        sha256_init(&hasher->sha256);
    } else if (kind == KF_CHECKSUM_XXH3) {
        XXH3_INITSTATE(&hasher->xxh3);
        XXH3_128bits_reset(&hasher->xxh3);
    }
}

void kf_hasher_update(struct kf_hasher *hasher, const void *data, size_t n)
{
    if (hasher->kind == KF_CHECKSUM_SHA256)
        sha256_update(&hasher->sha256, n, data);
    else if (hasher->kind == KF_CHECKSUM_XXH3)
        XXH3_128bits_update(&hasher->xxh3, data, n);
}

static void to_hex(const unsigned char *digest, size_t n, struct kf_checksum *out)
{
    static const char digits[] = "0123456789abcdef";
    char *to = out->value;

    for (size_t i = 0; i < n; i++) {
        *to++ = digits[digest[i] >> 4];
        *to++ = digits[digest[i] & 0x0f];
    }
    *to = '\0';
}

void kf_hasher_finish(struct kf_hasher *hasher, struct kf_checksum *out)
{
    unsigned char digest[SHA256_DIGEST_SIZE];

    if (hasher->kind == KF_CHECKSUM_SHA256) {
        out->algorithm = "sha256";
        sha256_digest(&hasher->sha256, sizeof(digest), digest);
        to_hex(digest, sizeof(digest), out);
    } else if (hasher->kind == KF_CHECKSUM_XXH3) {
        XXH128_canonical_t canonical;

        out->algorithm = "xxh3-128";
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&hasher->xxh3));
        to_hex(canonical.digest, sizeof(canonical.digest), out);
    }
}
