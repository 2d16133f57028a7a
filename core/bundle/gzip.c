/* SPDX-License-Identifier: Apache-2.0 */
#include "gzip.h"
#include "../base/alloc.h"
#include "../base/auto.h"
#include "../base/num.h"
#include <string.h>
#include <zlib.h>

#define PIECE 65536

struct gunzip {
    const struct kf_source *src;
    struct kf_spool *spool;
    struct kf_report *rep;
    z_stream z;
    uint64_t at; /* bytes of the source that were read */
    bool ended;  /* the stream stands between two members */
    unsigned char in[PIECE], out[PIECE];
};

static int fill(struct gunzip *g)
{
    size_t n = (size_t)kf_min(PIECE, g->src->size - g->at);

    if (g->z.avail_in > 0)
        return 0;
    KF_TRY(kf_source_read(g->src, g->at, g->in, n, g->rep));
    g->at += n;
    g->z.next_in = g->in;
    g->z.avail_in = (uInt)n;
    return 0;
}

/* Behind a member: another one, or padding as tapes have it. */
static int begin_again(struct gunzip *g, bool *done)
{
    while (g->z.avail_in > 0 && *g->z.next_in == 0) {
        g->z.next_in++;
        g->z.avail_in--;
    }
    *done = g->z.avail_in == 0 && g->at == g->src->size;
    if (*done || g->z.avail_in == 0)
        return 0;
    inflateReset(&g->z);
    g->ended = false;
    return 0;
}

static int inflate_some(struct gunzip *g)
{
    int status;

    g->z.next_out = g->out;
    g->z.avail_out = PIECE;
    status = inflate(&g->z, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR)
        return kf_report_add(g->rep, KF_NO_MEMORY, "", "no memory to unpack");
    if (status != Z_OK && status != Z_STREAM_END)
        return kf_report_add(g->rep, KF_CORRUPT, "", "the gzip file is %s",
                             status == Z_BUF_ERROR ? "cut off" : "damaged");
    g->ended = status == Z_STREAM_END;
    return kf_spool_write(g->spool, g->out, PIECE - g->z.avail_out, g->rep);
}

static int run(struct gunzip *g)
{
    bool done = false;

    while (!done) {
        KF_TRY(fill(g));
        if (g->ended)
            KF_TRY(begin_again(g, &done));
        else
            KF_TRY(inflate_some(g));
    }
    return 0;
}

static void *take_memory(void *opaque, uInt n, uInt size)
{
    (void)opaque;
    return kf_alloc((size_t)n * size);
}

static void give_memory(void *opaque, void *p)
{
    (void)opaque;
    kf_free(p);
}

int kf_gunzip(const struct kf_source *src, struct kf_spool *spool, struct kf_report *rep)
{
    struct gunzip *g = kf_alloc(sizeof(*g));
    int status = -1;

    if (!g)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to unpack");
    g->src = src;
    g->spool = spool;
    g->rep = rep;
    g->z.zalloc = take_memory;
    g->z.zfree = give_memory;
    if (inflateInit2(&g->z, 16 + MAX_WBITS) == Z_OK) {
        status = run(g);
        inflateEnd(&g->z);
    } else {
        status = kf_report_add(rep, KF_NO_MEMORY, "", "no memory to unpack");
    }
    kf_free(g);
    return status;
}
