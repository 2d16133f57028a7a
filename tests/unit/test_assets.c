/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_model.h"

#include "core/adapt/adapt.h"
#include "core/format/saving_lib/assets.h"
#include "core/format/vocabulary.h"
#include <stdlib.h>

/* Bytes in memory, n of them. */
static int pull_memory(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    (void)rep;
    memcpy(to, (const char *)payload->state + at, n);
    return 0;
}

static struct kf_payload text_of(const char *text, size_t n)
{
    return (struct kf_payload){.dtype = KF_DTYPE_UINT8,
                               .rank = 1,
                               .dims = {n},
                               .pull = pull_memory,
                               .file_at = KF_NOWHERE,
                               .state = text};
}

static const struct kf_layer words = {.class_name = "StringLookup", .path = "words"};
static const struct kf_layer numbers = {.class_name = "IntegerLookup", .path = "numbers"};

static void assert_list(const struct kf_layer *layer, const char *text, size_t n,
                        const char *expected)
{
    struct kf_payload payload = text_of(text, n);
    struct kf_report rep;
    json_t *list = NULL, *wanted = json_of(expected);
    struct kf_asset asset = {0};

    kf_report_init(&rep);
    assert_int_equal(kf_vocabulary_check(layer, &payload, &asset, &rep), 0);
    assert_int_equal(asset.n_lines, json_array_size(wanted));
    assert_int_equal(kf_vocabulary_list(&list, layer, &payload, 1000000, &rep), 0);
    assert_true(json_equal(list, wanted));
    json_decref(list);
    json_decref(wanted);
    kf_report_finish(&rep);
}

static void lines_end_as_python_ends_them(void **state)
{
    (void)state;
    assert_list(&words, "", 0, "['']");
    assert_list(&words, "\n[UNK]", 6, "['','[UNK]']");
    assert_list(&words, "a\nb", 3, "['a','b']");
    assert_list(&words, "a\r\nb\r\n", 6, "['a','b','']");
    assert_list(&words, "a\rb\r\r\nc", 7, "['a','b','','c']");
    assert_list(&words, "s\xc3\xb8l\n\xe6\x9c\x88", 8, "['s\xc3\xb8l','\xe6\x9c\x88']");
    assert_list(&numbers, "-1\n5\n3", 6, "[-1,5,3]");
}

/* Line ends and characters that two pieces share. */
static void pieces_do_not_show(void **state)
{
    enum { PIECE = 16384 };
    char *text = malloc(PIECE + 8);
    struct kf_payload payload;
    struct kf_report rep;
    struct kf_asset asset = {0};

    (void)state;
    kf_report_init(&rep);
    memset(text, 'a', PIECE);
    memcpy(text + PIECE - 1, "\r\nb", 3);
    payload = text_of(text, PIECE + 2);
    assert_int_equal(kf_vocabulary_check(&words, &payload, &asset, &rep), 0);
    assert_int_equal(asset.n_lines, 2);
    memset(text, 'a', PIECE);
    memcpy(text + PIECE - 1, "\xe6\x9c\x88", 3);
    payload = text_of(text, PIECE + 2);
    assert_int_equal(kf_vocabulary_check(&words, &payload, &asset, &rep), 0);
    assert_int_equal(asset.n_lines, 1);
    kf_report_finish(&rep);
    free(text);
}

static void what_splitlines_splits_is_odd(void **state)
{
    static const struct {
        const char *text;
        bool odd;
    } cases[] = {{"a\nb", false},
                 {"a\n", true},
                 {"", true},
                 {"\n[UNK]\na", false},
                 {"a\vb\nc", true},
                 {"a\x1c\nc", true},
                 {"a\x1f\nc", false},
                 {"\xc2\x85\nc", true},
                 {"\xc2\x84\nc", false},
                 {"x\xe2\x80\xa9\nc", true},
                 {"\xe2\x80\xa8", true},
                 {"\xe2\x80\xaa\nc", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kf_payload payload = text_of(cases[i].text, strlen(cases[i].text));
        struct kf_asset asset = {0};
        struct kf_report rep;

        kf_report_init(&rep);
        assert_int_equal(kf_vocabulary_check(&words, &payload, &asset, &rep), 0);
        assert_int_equal(asset.odd_lines, cases[i].odd);
        kf_report_finish(&rep);
    }
}

static void assert_bad(const struct kf_layer *layer, const char *text, size_t n, uint64_t room,
                       enum kf_code code)
{
    struct kf_payload payload = text_of(text, n);
    struct kf_report rep;
    json_t *list = NULL;

    kf_report_init(&rep);
    assert_int_equal(kf_vocabulary_list(&list, layer, &payload, room, &rep), -(int)code);
    assert_null(list);
    kf_report_finish(&rep);
}

static void what_python_could_not_read_is_refused(void **state)
{
    enum { LONG = (1 << 20) + 1 };
    char *text = malloc(LONG);

    (void)state;
    memset(text, 'a', LONG);
    assert_bad(&words, "caf\xe9\nb", 6, 1000, KF_CORRUPT);
    assert_bad(&numbers, "1\nx", 3, 1000, KF_CORRUPT);
    assert_bad(&numbers, "1\n", 2, 1000, KF_CORRUPT);
    assert_bad(&numbers, "99999999999999999999", 20, 1000, KF_CORRUPT);
    assert_bad(&words, "a\nb\nc", 5, 11, KF_TOO_LARGE);
    assert_bad(&words, text, LONG, 1000, KF_TOO_LARGE);
    free(text);
}

static const float idf[] = {0.5F, 1, 1.5F};

static struct kf_model *lookup_model(struct kf_report *rep, struct kf_asset *asset,
                                     struct kf_tensor *tensor)
{
    struct kf_model *model =
        make_model(json_of("{'topology':'sequential','name':'s','layers':[{'name':'l',"
                           "'class_name':'StringLookup','config':{'vocabulary':null,"
                           "'output_mode':'tf_idf'}}]}"),
                   rep);
    struct kf_layer *layer = model->graph->layers[0];

    layer->assets = asset;
    layer->n_assets = 1;
    layer->tensors = tensor;
    layer->n_tensors = 1;
    return model;
}

static void lists_go_into_the_config(void **state)
{
    struct kf_payload text = text_of("[UNK]\nsun\nmoon", 14);
    struct kf_payload weights = {.dtype = KF_DTYPE_FLOAT32,
                                 .rank = 1,
                                 .dims = {3},
                                 .pull = pull_memory,
                                 .file_at = KF_NOWHERE,
                                 .state = idf};
    struct kf_asset asset = {.file = "vocabulary.txt", .subpath = "", .payload = &text};
    struct kf_tensor tensor = {.variable = "idf_weights", .subpath = "", .payload = &weights};
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    struct kf_model *model;
    json_t *wanted = json_of("{'vocabulary':['[UNK]','sun','moon'],'output_mode':'tf_idf',"
                             "'idf_weights':[0.5,1.0,1.5]}");

    (void)state;
    kf_report_init(&rep);
    model = lookup_model(&rep, &asset, &tensor);
    assert_true(kf_asset_due(model->graph->layers[0]));
    assert_int_equal(kf_assets_to_config(model, &options, &rep), 0);
    assert_true(json_equal(model->graph->layers[0]->config, wanted));
    assert_int_equal(model->graph->layers[0]->n_assets, 0);
    assert_false(kf_asset_due(model->graph->layers[0]));
    kf_model_destroy(model);
    weights.dims[0] = 2;
    model = lookup_model(&rep, &asset, &tensor);
    assert_int_equal(kf_assets_to_config(model, &options, &rep), -KF_WEIGHT_SHAPE);
    kf_model_destroy(model);
    json_decref(wanted);
    kf_report_finish(&rep);
}

static const float learnt[] = {-1, -0.4F, 0, 0.3F, 0.5F, 0.9F, 1.4F, 2, 1, 2, 1, 1, 3, 1, 1, 2};

/* What get_bin_boundaries() of tf.keras 2.15 gives for `learnt`, printed by Python. */
static const struct {
    int bins;
    size_t n;
    double edges[7];
} expected_bins[] = {
    {4, 3, {-0.4000000059604645, 0.36666667461395264, 0.8999999761581421}},
    {3, 2, {-4.768370942542788e-08, 0.4999999701976776}},
    {7,
     6,
     {-0.7857142686843872, -0.22857145965099335, 0.3095238208770752, 0.4238095283508301,
      0.728571355342865, 1.485714316368103}},
    {20,
     7,
     {-1.0, -0.4000000059604645, 0.0, 0.30000001192092896, 0.5, 0.8999999761581421,
      1.399999976158142}},
};

static int find_bins(int bins, const struct kf_payload *summary, json_t **out)
{
    char spec[256];
    struct kf_tensor tensor = {.variable = "summary", .payload = summary};
    struct kf_report rep;
    struct kf_adapt adapt = {.rep = &rep};
    struct kf_layer *layer;
    int r;

    snprintf(spec, sizeof(spec),
             "{'topology':'sequential','name':'s','layers':[{'name':'l','class_name':"
             "'Discretization','config':{'bin_boundaries':null,'num_bins':%d}}]}",
             bins);
    kf_report_init(&rep);
    adapt.model = make_model(json_of(spec), &rep);
    layer = adapt.model->graph->layers[0];
    layer->tensors = &tensor;
    layer->n_tensors = 1;
    r = kf_adapt_bins(&adapt, layer);
    *out = json_deep_copy(json_object_get(layer->config, "bin_boundaries"));
    if (r == 0) {
        assert_int_equal(layer->n_tensors, 0);
        assert_true(json_is_null(json_object_get(layer->config, "num_bins")));
    }
    kf_model_destroy(adapt.model);
    kf_report_finish(&rep);
    return r;
}

static void bins_are_those_of_keras(void **state)
{
    struct kf_payload summary = {.dtype = KF_DTYPE_FLOAT32,
                                 .rank = 2,
                                 .dims = {2, 8},
                                 .pull = pull_memory,
                                 .file_at = KF_NOWHERE,
                                 .state = learnt};
    json_t *list;

    (void)state;
    for (size_t i = 0; i < sizeof(expected_bins) / sizeof(expected_bins[0]); i++) {
        assert_int_equal(find_bins(expected_bins[i].bins, &summary, &list), 0);
        assert_int_equal(json_array_size(list), expected_bins[i].n);
        for (size_t k = 0; k < expected_bins[i].n; k++)
            assert_true(json_real_value(json_array_get(list, k)) == expected_bins[i].edges[k]);
        json_decref(list);
    }
    assert_int_equal(find_bins(0, &summary, &list), -KF_TOO_LARGE);
    json_decref(list);
    summary.dims[1] = 0;
    assert_int_equal(find_bins(4, &summary, &list), -KF_WEIGHTS_MISSING);
    json_decref(list);
    summary.dims[1] = UINT64_C(1) << 40;
    assert_int_equal(find_bins(4, &summary, &list), -KF_TOO_LARGE);
    json_decref(list);
    summary.rank = 1;
    assert_int_equal(find_bins(4, &summary, &list), -KF_WEIGHT_SHAPE);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_as_python_ends_them),
        cmocka_unit_test(pieces_do_not_show),
        cmocka_unit_test(what_splitlines_splits_is_odd),
        cmocka_unit_test(what_python_could_not_read_is_refused),
        cmocka_unit_test(lists_go_into_the_config),
        cmocka_unit_test(bins_are_those_of_keras),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
