/* SPDX-License-Identifier: Apache-2.0 */
#include "diff.h"
#include "../adapt/adapt.h"
#include "../base/str.h"
#include "../convert/read.h"
#include <kf/bundle.h>

/* One of the two files. */
struct side {
    const char *name; /* "a", "b" */
    struct kf_bundle *bundle;
    struct kf_input in; /* the model in it, with its architecture */
    struct kf_model *model;
    struct kf_report rep;    /* of reading and adapting it */
    enum kf_dialect dialect; /* that its file speaks */
};

int kf_diff_no_memory(const struct kf_diff *diff)
{
    return kf_report_add(diff->rep, KF_NO_MEMORY, "", "no memory to compare");
}

json_t *kf_diff_add(struct kf_diff *diff, const char *where, const char *what, const char *key,
                    json_t *a, json_t *b)
{
    json_t *row;

    a = a ? a : json_null();
    b = b ? b : json_null();
    if (json_array_size(diff->differences) >= KF_DIFFERENCES_MAX) {
        diff->n_more++;
        json_decref(a);
        json_decref(b);
        return NULL;
    }
    row = json_pack("{s:s, s:s, s:s*, s:o, s:o}", "where", where ? where : "", "what", what, "key",
                    key, "a", a, "b", b);
    if (json_array_append_new(diff->differences, row) < 0)
        kf_diff_no_memory(diff);
    return row;
}

/* Pass on why one side cannot be read, under its name. */
static void pass_on(const struct side *side, struct kf_report *rep)
{
    for (size_t i = 0; i < side->rep.n_entries; i++) {
        const struct kf_entry *entry = &side->rep.entries[i];

        if (kf_code_grade(entry->code) >= KF_GRADE_REFUSED)
            kf_report_add(rep, entry->code, entry->where, "%s: %s", side->name, entry->what);
    }
    if (kf_report_status(rep) == 0)
        kf_report_add(rep, side->rep.first_failure, "", "%s cannot be read", side->name);
}

/* Custom classes are compared as they are; nobody loads them here. */
static struct kf_options options_of(const struct kf_options *options)
{
    struct kf_options own = *options;

    own.custom = KF_CUSTOM_KEEP;
    own.require_training = false;
    return own;
}

static int read_side(struct side *side, const struct kf_input *in, const struct kf_options *options)
{
    const struct kf_input *one;

    KF_TRY(kf_bundle_open(&side->bundle, in, options, &side->rep));
    one = kf_bundle_one(side->bundle, &side->rep);
    if (!one)
        return kf_report_status(&side->rep);
    side->in = *one;
    KF_TRY(kf_read_model(&side->model, one, options, &side->rep));
    side->dialect = side->model->dialect;
    return 0;
}

/* Whether a file holds weights and does not say of what. */
static bool is_lone(const struct side *side)
{
    return side->model ? !side->model->graph || side->model->made_up
                       : side->rep.first_failure == KF_ARCHITECTURE_MISSING;
}

/* Weights alone, once more: as those of the model that the other file holds. */
static int read_as(struct side *side, const struct side *other, const struct kf_options *options)
{
    side->in.architecture = &other->in;
    kf_model_destroy(side->model);
    side->model = NULL;
    kf_report_finish(&side->rep);
    kf_report_init(&side->rep);
    KF_TRY(kf_read_model(&side->model, &side->in, options, &side->rep));
    side->dialect = side->model->dialect;
    return 0;
}

/* The release that a dialect is compared in: the newest, which takes most. */
static int release_of(enum kf_dialect dialect)
{
    return dialect == KF_DIALECT_KERAS3 ? KF_KERAS(3, 15, 1) : KF_KERAS(2, 15, 1);
}

static int adapt_side(struct side *side, enum kf_dialect dialect, const struct kf_options *options)
{
    if (side->dialect == dialect)
        return 0;
    KF_TRY(
        kf_adapt(side->model, dialect, release_of(dialect), KF_RUNS_NOBODY, options, &side->rep));
    return kf_report_status(&side->rep);
}

/* Compiled or not never makes two models differ; it has a word of its own. */
static const char *compare_training(const struct side *a, const struct side *b)
{
    const json_t *x = a->model->training, *y = b->model->training;

    if (!x && !y)
        return "none";
    if (!x || !y)
        return x ? "only-a" : "only-b";
    if (a->model->dialect != b->model->dialect)
        return "not-compared";
    return kf_diff_same(x, y) ? "same" : "different";
}

static json_t *side_json(const struct side *side)
{
    return json_pack("{s:s?, s:s?, s:s?, s:s*, s:I, s:b}", "format", side->rep.source.format,
                     "title", side->rep.source.title, "keras_version",
                     side->rep.source.keras_version, "member", side->rep.source.member, "size",
                     (json_int_t)side->rep.source.size, "weights", !side->model->weightless);
}

static json_t *not_compared(const struct kf_diff *diff)
{
    json_t *list = json_array();

    if (!diff->weights)
        json_array_append_new(list, json_string("weights"));
    return list;
}

static json_t *result_json(const struct kf_diff *diff, const struct side *a, const struct side *b,
                           enum kf_dialect dialect)
{
    static const char *const dialects[] = {[KF_DIALECT_KERAS1] = "keras1",
                                           [KF_DIALECT_KERAS2] = "keras2",
                                           [KF_DIALECT_KERAS3] = "keras3"};

    return json_pack("{s:s, s:s, s:o, s:o, s:I, s:s, s:O, s:o, s:O, s:I}", "verdict",
                     json_array_size(diff->differences) > 0 ? "different" : "same", "compared_as",
                     dialects[dialect], "a", side_json(a), "b", side_json(b), "layers",
                     (json_int_t)diff->n_pairs, "training", compare_training(a, b), "renamed",
                     diff->renamed, "not_compared", not_compared(diff), "differences",
                     diff->differences, "more_differences", (json_int_t)diff->n_more);
}

static int compare(struct kf_diff *diff, struct side *a, struct side *b, json_t **out)
{
    enum kf_dialect dialect = a->dialect > b->dialect ? a->dialect : b->dialect;

    diff->weights = !a->model->weightless && !b->model->weightless;
    KF_TRY(kf_diff_graphs(diff, a->model->graph, b->model->graph));
    KF_TRY(kf_verify_model(a->model, diff->rep));
    KF_TRY(kf_verify_model(b->model, diff->rep));
    KF_TRY(kf_report_status(diff->rep));
    *out = result_json(diff, a, b, dialect);
    return *out ? 0 : kf_diff_no_memory(diff);
}

static int read_sides(struct side sides[2], const struct kf_input *const in[2],
                      const struct kf_options *options, struct kf_report *rep)
{
    bool lone[2];

    for (int i = 0; i < 2; i++) {
        int r = read_side(&sides[i], in[i], options);

        lone[i] = is_lone(&sides[i]);
        if (r < 0 && !lone[i])
            pass_on(&sides[i], rep);
    }
    KF_TRY(kf_report_status(rep));
    if (lone[0] && lone[1])
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                             "both files hold weights alone, and no model to compare them in");
    for (int i = 0; i < 2; i++)
        if (lone[i] && read_as(&sides[i], &sides[1 - i], options) < 0)
            pass_on(&sides[i], rep);
    return kf_report_status(rep);
}

/* Read both and bring them to one dialect; what cannot be is told of both. */
static int prepare(struct side sides[2], const struct kf_input *const in[2],
                   const struct kf_options *options, struct kf_report *rep)
{
    enum kf_dialect dialect;

    KF_TRY(read_sides(sides, in, options, rep));
    dialect = sides[0].dialect > sides[1].dialect ? sides[0].dialect : sides[1].dialect;
    for (int i = 0; i < 2; i++)
        if (adapt_side(&sides[i], dialect, options) < 0)
            pass_on(&sides[i], rep);
    return kf_report_status(rep);
}

int kf_diff(const struct kf_input *a, const struct kf_input *b, const struct kf_options *options,
            struct kf_report *rep, json_t **out)
{
    const struct kf_input *const in[2] = {a, b};
    const struct kf_options own = options_of(options);
    struct side sides[2] = {{.name = "a"}, {.name = "b"}};
    struct kf_diff diff = {.options = &own,
                           .rep = rep,
                           .arena = kf_arena_create(),
                           .differences = json_array(),
                           .renamed = json_array()};
    int status = 0;

    *out = NULL;
    kf_report_init(&sides[0].rep);
    kf_report_init(&sides[1].rep);
    if (!diff.arena || !diff.differences || !diff.renamed)
        status = kf_diff_no_memory(&diff);
    if (status == 0)
        status = prepare(sides, in, &own, rep);
    if (status == 0)
        status = compare(&diff, &sides[0], &sides[1], out);
    for (int i = 0; i < 2; i++) {
        kf_model_destroy(sides[i].model);
        kf_bundle_destroy(sides[i].bundle);
        kf_report_finish(&sides[i].rep);
    }
    json_decref(diff.differences);
    json_decref(diff.renamed);
    kf_arena_destroy(diff.arena);
    return status;
}
