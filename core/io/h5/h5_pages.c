/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/num.h"
#include "h5_private.h"
#include <string.h>

/*
 * What an object consists of lies close together, in pieces of some ten bytes: a page that was read
 * serves them all.
 */
static int load(struct kf_h5 *h5, struct kf_h5_page *page, uint64_t number, struct kf_report *rep)
{
    uint64_t at = number * KF_H5_PAGE;
    size_t n = (size_t)kf_min(h5->src.size - at, KF_H5_PAGE);

    page->n = 0;
    KF_TRY(kf_source_read(&h5->src, at, page->data, n, rep));
    page->number = number;
    page->n = n;
    return 0;
}

int kf_h5_read(struct kf_h5 *h5, uint64_t at, void *to, size_t n, struct kf_report *rep)
{
    char *p = to;

    if (n > KF_H5_PAGE || at > h5->src.size || n > h5->src.size - at)
        return kf_source_read(&h5->src, at, to, n, rep);
    while (n > 0) {
        uint64_t number = at / KF_H5_PAGE;
        size_t from = (size_t)(at % KF_H5_PAGE), piece = (size_t)kf_min(n, KF_H5_PAGE - from);
        struct kf_h5_page *page = &h5->pages[number % KF_H5_PAGES];

        if (page->n == 0 || page->number != number)
            KF_TRY(load(h5, page, number, rep));
        memcpy(p, page->data + from, piece);
        p += piece;
        at += piece;
        n -= piece;
    }
    return 0;
}
