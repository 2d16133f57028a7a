/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "down_ops.h"
#include <string.h>

/*
 * einsum of one or two tensors: TensorFlow's own takes the equation first, and what a model of
 * Keras 2 calls begins with a tensor. It becomes a tensordot, a matmul or a product of what it
 * names, behind sums and in front of the order that the equation wants.
 */

#define LETTERS_MAX KF_RANK_MAX

/* The axes of a tensor by their letters; those of "..." are numbered from the end. */
struct axes {
    unsigned char letters[LETTERS_MAX];
    size_t n;
};

struct einsum {
    struct kf_down_op *op;
    json_t *tensors[2]; /* refs; owned */
    struct axes in[2], out;
    size_t n;
};

static bool has(const struct axes *axes, unsigned char letter)
{
    return memchr(axes->letters, letter, axes->n) != NULL;
}

static size_t place(const struct axes *axes, unsigned char letter)
{
    return (size_t)((const unsigned char *)memchr(axes->letters, letter, axes->n) - axes->letters);
}

static bool add(struct axes *axes, unsigned char letter)
{
    if (axes->n == LETTERS_MAX || has(axes, letter))
        return false;
    axes->letters[axes->n++] = letter;
    return true;
}

/* "ab...c" of a tensor with so many axes, up to one of `ends`; NULL when it is otherwise. */
static const char *read_axes(struct axes *axes, const char *text, size_t rank, const char *ends)
{
    size_t n = strcspn(text, ends), named = 0;

    for (size_t i = 0; i < n; i++)
        named += text[i] != '.' && text[i] != ' ';
    if (named > rank || rank > LETTERS_MAX - 1)
        return NULL;
    for (const char *at = text; at < text + n; at++) {
        bool dots = strncmp(at, "...", 3) == 0;

        for (size_t i = rank - named; dots && i > 0; i--)
            if (!add(axes, (unsigned char)(LETTERS_MAX - i)))
                return NULL;
        at += dots ? 2 : 0;
        if (!dots && *at != ' ' && (*at < 'A' || *at > 'z' || !add(axes, (unsigned char)*at)))
            return NULL;
    }
    return text + n;
}

/* How many axes "..." stands for. */
static size_t dotted(const struct axes *axes)
{
    size_t n = 0;

    for (size_t i = 0; i < axes->n; i++)
        n += axes->letters[i] < LETTERS_MAX;
    return n;
}

/* "ab,bc->ac" */
static bool read_equation(struct einsum *sum, const char *text)
{
    size_t most = 0, named = 0;

    for (size_t i = 0; i < sum->n && text; i++) {
        size_t rank = kf_down_rank(json_array_get(sum->op->layer->calls[0].args, i));

        text = read_axes(&sum->in[i], text, rank, i + 1 < sum->n ? "," : "-,");
        text = text && sum->in[i].n == rank && rank ? text + (*text == ',') : NULL;
    }
    if (!text || strncmp(text, "->", 2) != 0)
        return false;
    for (size_t i = 0; i < sum->n; i++)
        most = dotted(&sum->in[i]) > most ? dotted(&sum->in[i]) : most;
    for (const char *at = text + 2; *at; at++)
        named += *at != '.' && *at != ' ';
    return read_axes(&sum->out, text + 2, named + (strstr(text, "...") ? most : 0), "") != NULL;
}

/* A function of tensor `i`, which takes its place; takes `kwargs`. */
static int apply(struct einsum *sum, size_t i, const char *function, json_t *kwargs)
{
    json_t *first = sum->tensors[i];

    sum->tensors[i] = NULL;
    return kf_down_function(sum->op, function, first, kwargs, &sum->tensors[i]);
}

static json_t *places(const struct axes *of, const struct axes *letters)
{
    json_t *list = json_array();

    for (size_t i = 0; i < letters->n; i++)
        json_array_append_new(list, json_integer((json_int_t)place(of, letters->letters[i])));
    return list;
}

/* The tensor's axes in this order, which has the same letters. */
static int order(struct einsum *sum, size_t i, const struct axes *wanted)
{
    if (memcmp(sum->in[i].letters, wanted->letters, wanted->n) == 0)
        return 0;
    KF_TRY(apply(sum, i, "compat.v1.transpose",
                 json_pack("{s:o}", "perm", places(&sum->in[i], wanted))));
    sum->in[i] = *wanted;
    return 0;
}

/* Axes that neither the other tensor nor what comes out has are summed up. */
static int sum_alone(struct einsum *sum, size_t i)
{
    const struct axes *other = sum->n == 2 ? &sum->in[1 - i] : &sum->out;
    struct axes gone = {.n = 0}, left = {.n = 0}, *own = &sum->in[i];

    for (size_t k = 0; k < own->n; k++)
        add(has(&sum->out, own->letters[k]) || has(other, own->letters[k]) ? &left : &gone,
            own->letters[k]);
    if (!gone.n)
        return 0;
    KF_TRY(apply(sum, i, "math.reduce_sum", json_pack("{s:o}", "axis", places(own, &gone))));
    *own = left;
    return 0;
}

/* The letters of one tensor that the other one has, or has not, and what comes out, or does not. */
static struct axes select_axes(const struct einsum *sum, size_t i, bool in_other, bool in_out)
{
    struct axes found = {.n = 0};

    for (size_t k = 0; k < sum->in[i].n; k++) {
        unsigned char letter = sum->in[i].letters[k];

        if (has(&sum->in[1 - i], letter) == in_other && has(&sum->out, letter) == in_out)
            add(&found, letter);
    }
    return found;
}

static struct axes joined(const struct axes *a, const struct axes *b, const struct axes *c)
{
    struct axes all = *a;

    for (size_t i = 0; i < b->n; i++)
        add(&all, b->letters[i]);
    for (size_t i = 0; c && i < c->n; i++)
        add(&all, c->letters[i]);
    return all;
}

/* One function of both tensors; the first becomes what it gives. */
static int combine(struct einsum *sum, const char *function, const char *parameter, json_t *kwargs,
                   const struct axes *made)
{
    KF_TRY(kf_json_set(kwargs, parameter, sum->tensors[1], sum->op->ops->adapt->rep));
    sum->tensors[1] = NULL;
    sum->in[0] = *made;
    return apply(sum, 0, function, kwargs);
}

/* Nothing is summed: a product, with axes of length 1 where a tensor has none. */
static int multiply(struct einsum *sum)
{
    for (size_t i = 0; i < 2; i++) {
        struct axes own = {.n = 0};

        for (size_t k = 0; k < sum->out.n; k++)
            if (has(&sum->in[i], sum->out.letters[k]))
                add(&own, sum->out.letters[k]);
        KF_TRY(order(sum, i, &own));
        for (size_t k = 0; k < sum->out.n; k++)
            if (!has(&own, sum->out.letters[k]))
                KF_TRY(apply(sum, i, "expand_dims", json_pack("{s:I}", "axis", (json_int_t)k)));
    }
    return combine(sum, "math.multiply", "y", json_object(), &sum->out);
}

/* Axes that both have and that stay come first, as a matmul has them. */
static int matmul(struct einsum *sum, const struct axes *both, const struct axes *summed)
{
    struct axes free_a = select_axes(sum, 0, false, true),
                free_b = select_axes(sum, 1, false, true);
    struct axes a = joined(both, &free_a, summed), b = joined(both, summed, &free_b);
    struct axes made = joined(both, &free_a, &free_b);

    if (summed->n != 1 || free_a.n > 1 || free_b.n > 1)
        return kf_down_refuse(sum->op, "several axes would have to become one");
    KF_TRY(order(sum, 0, &a));
    KF_TRY(order(sum, 1, &b));
    if (!free_a.n)
        KF_TRY(apply(sum, 0, "expand_dims", json_pack("{s:i}", "axis", -2)));
    if (!free_b.n)
        KF_TRY(apply(sum, 1, "expand_dims", json_pack("{s:i}", "axis", -1)));
    KF_TRY(combine(sum, "linalg.matmul", "b", json_object(), &made));
    if (!free_b.n)
        KF_TRY(apply(sum, 0, "compat.v1.squeeze", json_pack("{s:[i]}", "axis", -1)));
    return free_a.n ? 0
                    : apply(sum, 0, "compat.v1.squeeze",
                            json_pack("{s:[i]}", "axis", free_b.n ? -2 : -1));
}

static int contract(struct einsum *sum)
{
    struct axes both = select_axes(sum, 0, true, true), summed = select_axes(sum, 0, true, false);
    struct axes free_a = select_axes(sum, 0, false, true),
                free_b = select_axes(sum, 1, false, true);
    struct axes made = joined(&free_a, &free_b, NULL);

    if (!summed.n)
        return multiply(sum);
    if (both.n)
        return matmul(sum, &both, &summed);
    return combine(
        sum, "tensordot", "b",
        json_pack("{s:[o, o]}", "axes", places(&sum->in[0], &summed), places(&sum->in[1], &summed)),
        &made);
}

/* What comes out is the operation itself, in the order of the equation. */
static int finish(struct einsum *sum)
{
    struct kf_down_op *op = sum->op;
    json_t *first = sum->tensors[0];
    bool same = memcmp(sum->in[0].letters, sum->out.letters, sum->out.n) == 0;

    for (size_t i = 0; i < sum->out.n; i++)
        if (!has(&sum->in[0], sum->out.letters[i]))
            return kf_down_refuse(op, "it gives an axis that no tensor has");
    sum->tensors[0] = NULL;
    op->function = same ? "identity" : "compat.v1.transpose";
    json_object_clear(op->kwargs);
    KF_TRY(kf_down_set_first(op, first));
    return same ? 0 : kf_down_set(op, "perm", places(&sum->in[0], &sum->out));
}

static int compute(struct einsum *sum)
{
    for (size_t i = 0; i < sum->n; i++)
        KF_TRY(sum_alone(sum, i));
    if (sum->n == 2)
        KF_TRY(contract(sum));
    return sum->op->why ? 0 : finish(sum);
}

int kf_down_form_einsum(struct kf_down_op *op)
{
    const json_t *args = op->layer->calls[0].args;
    struct einsum sum = {.op = op, .n = json_array_size(args)};
    json_t *given[] = {op->first, json_object_get(op->kwargs, "y")};
    struct kf_ref ref;
    int r;

    for (size_t i = 0; i < sum.n && i < 2; i++)
        if (!kf_ref_get(given[i], &ref))
            return kf_down_refuse(op, "it is called with what is no tensor");
    if (sum.n < 1 || sum.n > 2 || !read_equation(&sum, kf_json_str(op->kwargs, "subscripts", "")))
        return kf_down_refuse(op, "its equation is not one of two tensors, each axis named once");
    for (size_t i = 0; i < sum.n; i++)
        sum.tensors[i] = json_deep_copy(given[i]);
    r = compute(&sum);
    json_decref(sum.tensors[0]);
    json_decref(sum.tensors[1]);
    return r;
}
