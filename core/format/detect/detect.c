/* SPDX-License-Identifier: Apache-2.0 */
#include "detect.h"
#include "../../base/num.h"
#include "../../base/str.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct kf_kind_info kinds[KF_FILE_COUNT] = {
    [KF_FILE_UNKNOWN] = {"unknown", "of a kind that is not known", NULL},
#define KF_ROW(id, name, title, way_out) [KF_FILE_##id] = {name, title, way_out},
#include "../kind.def"
#undef KF_ROW
};

const struct kf_kind_info *kf_kind_info(enum kf_kind_id kind)
{
    return &kinds[kind];
}

enum kf_kind_id kf_kind_find(const char *name)
{
    for (int kind = KF_FILE_UNKNOWN; kind < KF_FILE_COUNT; kind++)
        if (kf_streq(kinds[kind].name, name))
            return (enum kf_kind_id)kind;
    return KF_FILE_UNKNOWN;
}

bool kf_kind_holds_model(enum kf_kind_id kind)
{
    return kind > KF_FILE_UNKNOWN && kind < KF_FILE_EMPTY;
}

int kf_look_major(const char *version)
{
    return version ? (int)strtol(version, NULL, 10) : 0;
}

int kf_look_memory(struct kf_look *look, const struct kf_report *ignored)
{
    if (ignored->first_failure != KF_NO_MEMORY)
        return 0;
    return kf_report_add(look->rep, KF_NO_MEMORY, "", "no memory to look at the file");
}

/* Kinds that their first bytes tell. */
static const struct magic {
    size_t at, n;
    const char *bytes;
    enum kf_kind_id kind;
    const char *name; /* fills "it begins like ..." */
} magics[] = {
    {4, 4, "TFL3", KF_FILE_TFLITE, "a TFLite flatbuffer"},
    {0, 6, "\x93NUMPY", KF_FILE_NPY, "an .npy"},
    {0, 4, "GGUF", KF_FILE_GGUF, "GGUF"},
    {0, 15, "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20j\xa8P\x19.", KF_FILE_PYTORCH,
     "torch.save() before PyTorch 1.6"},
    {0, 2, "\x80\x02", KF_FILE_PICKLE, "a pickle of protocol 2"},
    {0, 2, "\x80\x03", KF_FILE_PICKLE, "a pickle of protocol 3"},
    {0, 2, "\x80\x04", KF_FILE_PICKLE, "a pickle of protocol 4"},
    {0, 2, "\x80\x05", KF_FILE_PICKLE, "a pickle of protocol 5"},
    {0, 2, "\x1f\x8b", KF_FILE_GZIP, "gzip"},
    {257, 5, "ustar", KF_FILE_TAR, "tar"},
    {0, 3, "BZh", KF_FILE_ARCHIVE, "bzip2"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     KF_FILE_ARCHIVE, "xz"},
    {0, 4, "\x28\xb5\x2f\xfd", KF_FILE_ARCHIVE, "zstd"},
    {0, 6, "7z\xbc\xaf\x27\x1c", KF_FILE_ARCHIVE, "7-Zip"},
    {0, 4, "Rar!", KF_FILE_ARCHIVE, "RAR"},
    {0, 5, "%PDF-", KF_FILE_MEDIA, "PDF"},
    {0, 8, "\x89PNG\r\n\x1a\n", KF_FILE_MEDIA, "PNG"},
    {0, 3, "\xff\xd8\xff", KF_FILE_MEDIA, "JPEG"},
    {0, 4, "GIF8", KF_FILE_MEDIA, "GIF"},
    {0, 4,
     "\x7f"
     "ELF",
     KF_FILE_PROGRAM, "ELF"},
    {0, 2, "MZ", KF_FILE_PROGRAM, "a program for Windows"},
};

static int look_size(struct kf_look *look, enum kf_kind_id *out)
{
    size_t i = 0;

    while (i < look->n && look->head[i] == '\0')
        i++;
    if (look->src->size == 0)
        *out = KF_FILE_EMPTY;
    else if (i == look->n && i >= 64)
        *out = KF_FILE_ZEROS;
    if (*out == KF_FILE_ZEROS)
        kf_report_evidence(look->rep, "the first %zu bytes are zeros", i);
    return 0;
}

static int look_magic(struct kf_look *look, enum kf_kind_id *out)
{
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        const struct magic *m = &magics[i];

        if (look->n < m->at + m->n || memcmp(look->head + m->at, m->bytes, m->n) != 0)
            continue;
        kf_report_evidence(look->rep, "it begins like %s", m->name);
        *out = m->kind;
        return 0;
    }
    return 0;
}

/* Length of a JSON header, 8 bytes little-endian, and the header. */
static int look_safetensors(struct kf_look *look, enum kf_kind_id *out)
{
    uint64_t n = 0;

    for (size_t i = 8; i-- > 0;)
        n = n << 8 | (unsigned char)look->head[i];
    if (look->n < 10 || look->head[8] != '{' || n < 2 || n > look->src->size - 8)
        return 0;
    kf_report_evidence(look->rep, "it begins with a safetensors header of %" PRIu64 " bytes", n);
    *out = KF_FILE_SAFETENSORS;
    return 0;
}

/* The footer of TensorFlow's (LevelDB's) tables: tensorflow/core/lib/io/format.h */
static int look_table(struct kf_look *look, enum kf_kind_id *out)
{
    char tail[8];

    if (look->src->size < 48)
        return 0;
    KF_TRY(kf_source_read(look->src, look->src->size - 8, tail, sizeof(tail), look->rep));
    if (memcmp(tail, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", sizeof(tail)) != 0)
        return 0;
    kf_report_evidence(look->rep, "it ends like a table of TensorFlow");
    *out = KF_FILE_CHECKPOINT_INDEX;
    return 0;
}

/* In this order: what is certain and cheap first. */
static int (*const probes[])(struct kf_look *look, enum kf_kind_id *out) = {
    look_size,  kf_look_h5,   kf_look_zip,  look_magic,   look_safetensors,
    look_table, kf_look_json, kf_look_text, kf_look_proto};

static int run_probes(struct kf_look *look, enum kf_kind_id *out)
{
    look->n = (size_t)kf_min(look->src->size, KF_HEAD_MAX);
    KF_TRY(kf_source_read(look->src, 0, look->head, look->n, look->rep));
    for (size_t i = 0; *out == KF_FILE_UNKNOWN && i < sizeof(probes) / sizeof(probes[0]); i++)
        KF_TRY(probes[i](look, out));
    kf_report_set(&look->rep->source.format, kinds[*out].name);
    kf_report_set(&look->rep->source.title, kinds[*out].title);
    return 0;
}

int kf_detect(enum kf_kind_id *out, const struct kf_source *src, const struct kf_limits *limits,
              struct kf_report *rep)
{
    json_t *config;
    int r = kf_detect_config(out, &config, src, limits, rep);

    json_decref(config);
    return r;
}

int kf_detect_config(enum kf_kind_id *out, json_t **config, const struct kf_source *src,
                     const struct kf_limits *limits, struct kf_report *rep)
{
    KF_AUTO(kf_arena) arena = kf_arena_create();
    struct kf_look *look = arena ? kf_arena_alloc(arena, sizeof(*look)) : NULL;
    enum kf_kind_id kind = KF_FILE_UNKNOWN;
    int r;

    *config = NULL;
    if (!look)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to look at the file");
    look->src = src;
    look->limits = limits;
    look->rep = rep;
    look->arena = arena;
    r = run_probes(look, &kind);
    *config = look->config;
    if (r >= 0)
        *out = kind;
    return r;
}
