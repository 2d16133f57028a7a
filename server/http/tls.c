/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"
#include "../settings/config.h"
#include <pthread.h>
#include <stdio.h>

#define CHAIN_MAX 16 /* certificates */

/* PEM texts that were seen to fit together. */
static struct {
    pthread_rwlock_t lock;
    gnutls_datum_t cert, key;
    time_t expiry;
} loaded = {.lock = PTHREAD_RWLOCK_INITIALIZER};

static void clear(gnutls_datum_t *datum)
{
    if (datum->data)
        gnutls_memset(datum->data, 0, datum->size);
    gnutls_free(datum->data);
    *datum = (gnutls_datum_t){0};
}

/* GnuTLS itself says whether the key is that of the certificate. */
static int try_pair(const gnutls_datum_t *cert, const gnutls_datum_t *key)
{
    gnutls_certificate_credentials_t trial;
    int status = gnutls_certificate_allocate_credentials(&trial);

    if (status < 0)
        return status;
    status = gnutls_certificate_set_x509_key_mem(trial, cert, key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(trial);
    return status;
}

/* The end of the first certificate, which is the service's own. */
static time_t expiry_of(const gnutls_datum_t *cert)
{
    gnutls_x509_crt_t one;
    time_t expiry = -1;

    if (gnutls_x509_crt_init(&one) < 0)
        return -1;
    if (gnutls_x509_crt_import(one, cert, GNUTLS_X509_FMT_PEM) >= 0)
        expiry = gnutls_x509_crt_get_expiration_time(one);
    gnutls_x509_crt_deinit(one);
    return expiry;
}

static void replace(gnutls_datum_t *cert, gnutls_datum_t *key)
{
    gnutls_datum_t old_cert, old_key;
    time_t expiry = cert->data ? expiry_of(cert) : -1;

    pthread_rwlock_wrlock(&loaded.lock);
    old_cert = loaded.cert;
    old_key = loaded.key;
    loaded.cert = *cert;
    loaded.key = *key;
    loaded.expiry = expiry;
    pthread_rwlock_unlock(&loaded.lock);
    *cert = old_cert;
    *key = old_key;
}

bool tls_load(const struct config *config, char *error, size_t error_max)
{
    gnutls_datum_t cert = {0}, key = {0};
    const char *path = config->tls_cert;
    int status = gnutls_load_file(path, &cert);

    if (status >= 0) {
        path = config->tls_key;
        status = gnutls_load_file(path, &key);
    }
    if (status >= 0)
        status = try_pair(&cert, &key);
    if (status >= 0)
        replace(&cert, &key);
    else
        snprintf(error, error_max, "%s cannot be used with %s: %s", path, config->tls_cert,
                 gnutls_strerror(status));
    clear(&cert);
    clear(&key);
    return status >= 0;
}

void tls_unload(void)
{
    gnutls_datum_t cert = {0}, key = {0};

    replace(&cert, &key);
    clear(&cert);
    clear(&key);
}

time_t tls_expiry(void)
{
    time_t expiry;

    pthread_rwlock_rdlock(&loaded.lock);
    expiry = loaded.expiry;
    pthread_rwlock_unlock(&loaded.lock);
    return expiry;
}

/* Copies for one handshake, which gives them back itself. */
static int copy_pair(gnutls_pcert_st **certs, unsigned *n, gnutls_privkey_t *key)
{
    int status;

    *n = CHAIN_MAX;
    *certs = gnutls_calloc(CHAIN_MAX, sizeof **certs);
    if (!*certs)
        return GNUTLS_E_MEMORY_ERROR;
    status = gnutls_pcert_list_import_x509_raw(*certs, n, &loaded.cert, GNUTLS_X509_FMT_PEM,
                                               GNUTLS_X509_CRT_LIST_SORT);
    if (status < 0) {
        gnutls_free(*certs);
        return status;
    }
    status = gnutls_privkey_init(key);
    if (status >= 0)
        status = gnutls_privkey_import_x509_raw(*key, &loaded.key, GNUTLS_X509_FMT_PEM, NULL, 0);
    return status;
}

static void drop_pair(gnutls_pcert_st *certs, unsigned n, gnutls_privkey_t key)
{
    for (unsigned i = 0; certs && i < n; i++)
        gnutls_pcert_deinit(&certs[i]);
    gnutls_free(certs);
    gnutls_privkey_deinit(key);
}

int tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                 gnutls_pcert_st **certs, unsigned int *certs_length, gnutls_ocsp_data_st **ocsp,
                 unsigned int *ocsp_length, gnutls_privkey_t *privkey, unsigned int *flags)
{
    int status;

    (void)session;
    (void)info;
    *ocsp = NULL;
    *ocsp_length = 0;
    *privkey = NULL;
    pthread_rwlock_rdlock(&loaded.lock);
    status = copy_pair(certs, certs_length, privkey);
    pthread_rwlock_unlock(&loaded.lock);
    if (status < 0) {
        drop_pair(*certs, *certs_length, *privkey);
        return -1;
    }
    *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    return 0;
}
