/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "digest.h"
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (1024 * 1024)

static int is_cancelled(int cancel_fd)
{
    struct pollfd fd = {.fd = cancel_fd, .events = POLLIN};

    return poll(&fd, 1, 0) > 0;
}

static int add_file(EVP_MD_CTX *sum, int fd, int cancel_fd, unsigned char *block)
{
    off_t at = 0;
    ssize_t n;

    while ((n = pread(fd, block, BLOCK, at)) != 0) {
        if (is_cancelled(cancel_fd)) {
            errno = ECANCELED;
            return -1;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || EVP_DigestUpdate(sum, block, (size_t)n) != 1)
            return -1;
        at += n;
    }
    return 0;
}

void digest_hex(const unsigned char value[32], char out[65])
{
    for (int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", value[i]);
}

int digest_sha256(int fd, int cancel_fd, char out[65])
{
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    unsigned char *block = malloc(BLOCK), value[EVP_MAX_MD_SIZE];
    int status = -1;

    errno = ENOMEM;
    if (sum && block && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1)
        status = add_file(sum, fd, cancel_fd, block);
    if (status == 0 && EVP_DigestFinal_ex(sum, value, NULL) == 1)
        digest_hex(value, out);
    free(block);
    EVP_MD_CTX_free(sum);
    return status;
}

bool digest_sha256_text(const char *text, char out[65])
{
    unsigned char value[EVP_MAX_MD_SIZE];

    if (EVP_Digest(text, strlen(text), value, NULL, EVP_sha256(), NULL) != 1)
        return false;
    digest_hex(value, out);
    return true;
}

bool digest_base64(const char *hex, char out[64])
{
    unsigned char value[32];

    for (int i = 0; i < 32; i++) {
        unsigned byte;

        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        value[i] = (unsigned char)byte;
    }
    return EVP_EncodeBlock((unsigned char *)out, value, 32) == 44;
}
