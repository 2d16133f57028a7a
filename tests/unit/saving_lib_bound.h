/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SAVING_LIB_BOUND_H
#define KF_SAVING_LIB_BOUND_H

#include "keras3_model.h"

#include "core/format/keras2/keras2_config.h"
#include "core/format/saving_lib/saving_lib_read.h"
#include "core/io/h5/h5.h"
#include <stdlib.h>

/*
 * A weights file out of words: "path:3x2=7" is a float32 dataset of 3 x 2 sevens, "path@name" a
 * group whose vars are called so, "path" a group.
 */
static inline int pull_constant(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                                struct kf_report *rep)
{
    const float *value = payload->state;

    (void)at;
    (void)rep;
    for (size_t i = 0; i < n; i += sizeof(*value))
        memcpy((char *)to + i, value, sizeof(*value));
    return 0;
}

static inline void write_dataset(struct kf_h5_out *h5, const char *path, const char *shape,
                                 struct kf_report *rep)
{
    static struct kf_payload payloads[256]; /* more than a file here has: each until it is closed */
    static float values[256];
    static size_t next;
    size_t i = next++ % 256;

    payloads[i] = (struct kf_payload){.dtype = KF_DTYPE_FLOAT32,
                                      .pull = pull_constant,
                                      .file_at = KF_NOWHERE,
                                      .state = &values[i]};
    while (*shape && *shape != '=') {
        payloads[i].dims[payloads[i].rank++] = strtoull(shape, (char **)&shape, 10);
        shape += *shape == 'x';
    }
    values[i] = *shape ? strtof(shape + 1, NULL) : 0;
    assert_int_equal(kf_h5_out_payload(h5, path, &payloads[i], KF_CHECKSUM_NONE, NULL, rep), 0);
}

static inline void write_word(struct kf_h5_out *h5, char *word, struct kf_report *rep)
{
    char path[1024], *at = strpbrk(word, ":@"), kind = '\0';

    if (at) {
        kind = *at;
        *at++ = '\0';
    }
    snprintf(path, sizeof(path), "/%s%s", word, kind == '@' ? "/vars" : "");
    if (kind == ':') {
        write_dataset(h5, path, at, rep);
        return;
    }
    assert_int_equal(kf_h5_out_group(h5, path, rep), 0);
    if (kind == '@')
        assert_int_equal(kf_h5_out_attr_text(h5, path, "name", at, rep), 0);
}

static inline void write_weights(const char *path, const char *spec)
{
    char *words = strdup(spec);
    struct kf_report rep;
    struct kf_h5_out *h5;

    kf_report_init(&rep);
    assert_int_equal(kf_h5_create(&h5, path, &rep), 0);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        write_word(h5, word, &rep);
    assert_int_equal(kf_h5_out_close(h5, &rep), 0);
    kf_h5_out_destroy(h5);
    kf_report_finish(&rep);
    free(words);
}

/* What a test works with: a model without weights and a file. */
struct bound {
    struct kf_model *model;
    struct kf_report rep;
    struct kf_source src;
    struct kf_h5 *h5;
    json_t *config;
    int status;
};

#define LAYER(class_name, name, config)                                                            \
    "{'class_name':'" class_name "','config':{'name':'" name "'" config "}}"
#define INPUT LAYER("InputLayer", "in", ",'batch_input_shape':[null,3]")
#define MODEL(list)                                                                                \
    "{'class_name':'Sequential','config':{'name':'s','layers':[" INPUT "," list "]}}"
#define DENSE(name) LAYER("Dense", name, ",'units':2")
#define TWO         "layers/dense/vars/0:3x2=1 layers/dense/vars/1:2=2 "

static inline int read_and_bind(struct bound *b, const char *root, int keras)
{
    struct kf_options options = KF_OPTIONS_INIT;
    int r;

    kf_report_init(&b->rep);
    b->h5 = NULL;
    b->model = kf_model_create();
    r = b->model ? kf_keras2_graph(b->model, b->config, &options, &b->rep)
                 : kf_report_add(&b->rep, KF_NO_MEMORY, "", "out of memory");
    if (r == 0)
        r = kf_h5_open(&b->h5, &b->src, &limits, &b->rep);
    return r == 0 ? kf_saving_lib_bind(b->model, b->h5, root, keras, &b->rep) : r;
}

static inline void bind_at(struct bound *b, const char *config, const char *spec, const char *root,
                           int keras)
{
    char path[] = "/tmp/kf_saving_lib_XXXXXX";

    close(mkstemp(path));
    write_weights(path, spec);
    b->src = (struct kf_source){.fd = open(path, O_RDONLY | O_CLOEXEC), .name = path};
    b->src.size = (uint64_t)lseek(b->src.fd, 0, SEEK_END);
    unlink(path);
    b->config = json_of(config);
    b->status = read_and_bind(b, root, keras);
}

static inline void release(struct bound *b)
{
    kf_model_destroy(b->model);
    kf_h5_destroy(b->h5);
    kf_report_finish(&b->rep);
}

static inline void finish(struct bound *b)
{
    release(b);
    json_decref(b->config);
    close(b->src.fd);
}

/* The first number of a tensor, and where it was found. */
static inline void assert_tensor(struct bound *b, const struct kf_layer *layer, size_t index,
                                 const char *source, float expected)
{
    float value = -1;

    assert_true(index < layer->n_tensors);
    assert_non_null(layer->tensors[index].payload);
    assert_string_equal(layer->tensors[index].source, source);
    assert_int_equal(layer->tensors[index].payload->pull(layer->tensors[index].payload, 0, &value,
                                                         sizeof(value), &b->rep),
                     0);
    assert_float_equal(value, expected, 0);
}

static inline void assert_refused(const char *config, const char *spec, int keras,
                                  enum kf_code code, const char *what)
{
    struct bound b;

    bind_at(&b, config, spec, "", keras);
    if (b.status != -(int)code || !strstr(b.rep.entries[b.rep.n_entries - 1].what, what))
        print_error("%s: %s\n", kf_code_slug(b.rep.first_failure),
                    b.rep.n_entries ? b.rep.entries[b.rep.n_entries - 1].what : "nothing");
    assert_int_equal(b.status, -(int)code);
    assert_non_null(strstr(b.rep.entries[b.rep.n_entries - 1].what, what));
    finish(&b);
}

static inline int bind_again(void *context)
{
    struct bound *b = context;
    int status = read_and_bind(b, "", KF_KERAS(3, 6, 0));

    release(b);
    return status;
}

#endif
