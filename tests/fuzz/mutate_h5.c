/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate.h"
#include <jansson.h>
#include <string.h>

/*
 * A whole HDF5 file stays one only when nothing in it moves: configs are changed inside the room
 * that they have, and of attributes what stands around their names, which are dimensions, types and
 * addresses. Everything else is left to libFuzzer once in eight times.
 */
#define JSON_MIN 16 /* bytes of a text that is worth being changed */
#define AROUND   48

static const char *const names[] = {
    "model_config",
    "layer_names",
    "weight_names",
    "keras_version",
    "backend",
    "kernel:0",
    "bias:0",
    "training_config",
    "model_weights",
    "TREE",
    "SNOD",
    "HEAP",
    "GCOL",
    "vars",
    "optimizer_weights",
};

/* How long the JSON is that begins at `text`; 0 where none does. */
static size_t json_length(const char *text, size_t n)
{
    json_error_t error;
    json_t *root = json_loadb(text, n, JSON_DISABLE_EOF_CHECK, &error);

    json_decref(root);
    return root && error.position > 0 ? (size_t)error.position : 0;
}

/* One of the texts of a file, the `skip`th that is found, or the last. */
static uint8_t *find_json(uint8_t *data, size_t n, unsigned skip, size_t *length)
{
    uint8_t *at = data, *found = NULL;

    while ((at = memmem(at, n - (size_t)(at - data), "{\"", 2))) {
        size_t size = json_length((const char *)at, n - (size_t)(at - data));

        if (size >= JSON_MIN) {
            found = at;
            *length = size;
            if (skip-- == 0)
                break;
        }
        at += size ? size : 2;
    }
    return found;
}

static size_t mutate_config(uint8_t *data, size_t n, unsigned seed)
{
    size_t room = 0, size;
    uint8_t *text = find_json(data, n, seed % 3, &room);

    size = text ? fuzz_mutate_json(text, room, room, seed) : 0;
    if (size > 0)
        memset(text + size, ' ', room - size);
    return size;
}

/* What stands around one of the names, in as many bytes. */
static size_t mutate_around(uint8_t *data, size_t n, unsigned seed)
{
    const char *name = names[seed % (sizeof names / sizeof names[0])];
    uint8_t *at = data, *found = NULL;
    size_t begin, end;

    for (unsigned skip = seed / 64 % 4; (at = memmem(at, n - (size_t)(at - data), name, 4)); at++) {
        found = at;
        if (skip-- == 0)
            break;
    }
    if (!found)
        return 0;
    begin = found - data > AROUND ? (size_t)(found - data) - AROUND : 0;
    end = (size_t)(found - data) + 2 * AROUND < n ? (size_t)(found - data) + 2 * AROUND : n;
    begin += seed / 4096 % (end - begin);
    return LLVMFuzzerMutate(data + begin, end - begin, end - begin);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
    unsigned kind = seed % 8;

    if (kind > 0 && kind < 5 && mutate_config(data, n, seed / 8) > 0)
        return n;
    if (kind >= 5 && mutate_around(data, n, seed / 8) > 0)
        return n;
    return LLVMFuzzerMutate(data, n, max);
}
