/* SPDX-License-Identifier: Apache-2.0 */
#include "beside.h"
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include <inttypes.h>
#include <string.h>

int kf_beside_list(json_t **out, const struct kf_source *src, const struct kf_limits *limits,
                   struct kf_report *rep)
{
    size_t n = (size_t)src->size;
    char *text;
    int r;

    if (src->size > limits->json_bytes)
        return kf_report_add(rep, KF_TOO_LARGE, "", "a list of %" PRIu64 " bytes", src->size);
    text = kf_alloc(n);
    if (!text)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    r = kf_source_read(src, 0, text, n, rep);
    if (r >= 0 && !(*out = kf_json_parse(text, n, limits, "", rep)))
        r = kf_report_status(rep);
    kf_free(text);
    return r;
}

const char *kf_beside_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int kf_beside_find(const struct kf_input **out, const struct kf_input *in, const char *name,
                   struct kf_report *rep)
{
    size_t found = 0;

    if (!*name || strpbrk(name, "/\\") || kf_in_words(". ..", name))
        return kf_report_add(rep, KF_UNSAFE, "",
                             "the list names the shard %s, which is no name of a file beside it",
                             name);
    for (size_t i = 0; i < in->n_shards; i++)
        if (kf_streq(kf_beside_base(in->shards[i].name), name)) {
            *out = &in->shards[i];
            found++;
        }
    if (found == 1)
        return 0;
    return kf_report_add(rep, KF_SHARDS_MISSING, "",
                         "the list names the shard %s, which was not given, or twice", name);
}
