/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const classes[] = {
#define KF_CLASS(module, name, since, keys) name,
#include "core/model/keras3_classes.def"
#undef KF_CLASS
};

/* Values that readers have to say no to, or that change what a layer is. */
static const char *const values[] = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "2",
    "3",
    "4294967296",
    "9223372036854775807",
    "1e308",
    "0.5",
    "\"\"",
    "\"a/b\"",
    "\"same\"",
    "\"valid\"",
    "\"causal\"",
    "\"channels_first\"",
    "\"relu\"",
    "\"float16\"",
    "[]",
    "{}",
    "[null]",
    "[null, 3]",
    "[[[\"a\", 0, 0, {}]]]",
};

/* A place in a tree: a member of an object, or an item of a list. */
struct place {
    json_t *holder;
    const char *key; /* NULL in a list */
    size_t index;
};

struct walk {
    unsigned state; /* of the random numbers */
    size_t n_seen;
    struct place chosen; /* each place seen so far with the same chance */
};

static unsigned next(struct walk *walk, unsigned below)
{
    walk->state = walk->state * 1103515245u + 12345u;
    return (walk->state >> 8) % below;
}

static void see(struct walk *walk, json_t *holder, const char *key, size_t index)
{
    walk->n_seen++;
    if (next(walk, (unsigned)walk->n_seen) == 0)
        walk->chosen = (struct place){holder, key, index};
}

static void look(struct walk *walk, json_t *value)
{
    const char *key;
    json_t *below;
    size_t i;

    json_object_foreach(value, key, below)
    {
        see(walk, value, key, 0);
        look(walk, below);
    }
    json_array_foreach(value, i, below)
    {
        see(walk, value, NULL, i);
        look(walk, below);
    }
}

/* Any place of `root`; its holder is NULL where there is none. */
static struct place choose(struct walk *walk, json_t *root)
{
    walk->n_seen = 0;
    walk->chosen = (struct place){0};
    look(walk, root);
    return walk->chosen;
}

static json_t *value_at(const struct place *place)
{
    return place->key ? json_object_get(place->holder, place->key)
                      : json_array_get(place->holder, place->index);
}

/* What is put there instead. */
static json_t *another(struct walk *walk, json_t *root)
{
    struct place donor;

    switch (next(walk, 4)) {
    case 0:
        return json_string(classes[next(walk, sizeof classes / sizeof classes[0])]);
    case 1:
        return json_loads(values[next(walk, sizeof values / sizeof values[0])], JSON_DECODE_ANY,
                          NULL);
    default:
        donor = choose(walk, root);
        return json_deep_copy(value_at(&donor));
    }
}

static void change(struct walk *walk, json_t *root)
{
    struct place place = choose(walk, root);
    json_t *value;

    if (!place.holder)
        return;
    if (next(walk, 5) == 0) {
        if (place.key)
            json_object_del(place.holder, place.key);
        else
            json_array_remove(place.holder, place.index);
        return;
    }
    value = another(walk, root);
    if (place.key)
        json_object_set_new(place.holder, place.key, value);
    else if (next(walk, 2))
        json_array_set_new(place.holder, place.index, value);
    else
        json_array_insert_new(place.holder, place.index, value);
}

size_t fuzz_mutate_json(uint8_t *data, size_t n, size_t max, unsigned seed)
{
    json_t *root = json_loadb((const char *)data, n, 0, NULL);
    struct walk walk = {.state = seed};
    char *text;
    size_t size = 0;

    if (!root)
        return 0;
    change(&walk, root);
    text = json_dumps(root, JSON_COMPACT);
    if (text && strlen(text) <= max) {
        size = strlen(text);
        memcpy(data, text, size);
    }
    free(text);
    json_decref(root);
    return size;
}
