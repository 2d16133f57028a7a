/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Debian builds HDF5 with a driver that reads from S3 over HTTP, and the static library then wants
 * libcurl and libcrypto. kferry opens local files by its own driver only: these answer in their
 * place, with failure. The worker so loads no library that knows the network.
 *
 * Source: src/H5FDs3comms.c (HDF5 1.10.8 and 1.14.5); prototypes reduced to what the ABI needs.
 *
 * Hidden, so that a shared library which really needs libcrypto, as libzip does, gets its own.
 */
#pragma GCC visibility push(hidden)

int curl_global_init(long flags);
void curl_global_cleanup(void);
void *curl_easy_init(void);
void curl_easy_cleanup(void *handle);
int curl_easy_perform(void *handle);
int curl_easy_setopt(void *handle, int option, ...);
int curl_easy_getinfo(void *handle, int info, ...);
const char *curl_easy_strerror(int error);
void *curl_slist_append(void *list, const char *text);
void curl_slist_free_all(void *list);
const void *EVP_sha256(void);
unsigned char *HMAC(const void *type, const void *key, int n_key, const unsigned char *data,
                    unsigned long n, unsigned char *out, unsigned *n_out);
unsigned char *SHA256(const unsigned char *data, unsigned long n, unsigned char *out);

#define FAILED 2 /* CURLE_FAILED_INIT */

int curl_global_init(long flags)
{
    (void)flags;
    return FAILED;
}

void curl_global_cleanup(void) {}

void *curl_easy_init(void)
{
    return 0;
}

void curl_easy_cleanup(void *handle)
{
    (void)handle;
}

int curl_easy_perform(void *handle)
{
    (void)handle;
    return FAILED;
}

int curl_easy_setopt(void *handle, int option, ...)
{
    (void)handle;
    (void)option;
    return FAILED;
}

int curl_easy_getinfo(void *handle, int info, ...)
{
    (void)handle;
    (void)info;
    return FAILED;
}

const char *curl_easy_strerror(int error)
{
    (void)error;
    return "not in this build";
}

void *curl_slist_append(void *list, const char *text)
{
    (void)list;
    (void)text;
    return 0;
}

void curl_slist_free_all(void *list)
{
    (void)list;
}

const void *EVP_sha256(void)
{
    return 0;
}

unsigned char *HMAC(const void *type, const void *key, int n_key, const unsigned char *data,
                    unsigned long n, unsigned char *out, unsigned *n_out)
{
    (void)type;
    (void)key;
    (void)n_key;
    (void)data;
    (void)n;
    (void)out;
    (void)n_out;
    return 0;
}

unsigned char *SHA256(const unsigned char *data, unsigned long n, unsigned char *out)
{
    (void)data;
    (void)n;
    (void)out;
    return 0;
}

#pragma GCC visibility pop
