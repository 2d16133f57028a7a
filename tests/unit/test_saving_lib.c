/* SPDX-License-Identifier: Apache-2.0 */
#include "saving_lib_bound.h"

/* Three Dense with a Dropout between; each kernel has its place as value. */
static const char three[] =
    MODEL(DENSE("a") "," LAYER("Dropout", "x", ",'rate':0.1") "," DENSE("b") "," DENSE("c"));

static const struct {
    const char *groups[3];
    int keras;
} numberings[] = {
    {{"layers/dense", "layers/dense_1", "layers/dense_2"}, KF_KERAS(2, 15, 0)},
    {{"layers/dense", "layers/dense_1", "layers/dense_2"}, KF_KERAS(2, 21, 0)},
    {{"layers/dense", "layers/dense_1", "layers/dense_2"}, KF_KERAS(3, 15, 1)},
    {{"_layer_checkpoint_dependencies/dense", "_layer_checkpoint_dependencies/dense_1",
      "_layer_checkpoint_dependencies/dense_2"},
     KF_KERAS(2, 14, 0)},
    {{"_layer_checkpoint_dependencies/dense", "_layer_checkpoint_dependencies/dense_2",
      "_layer_checkpoint_dependencies/dense_4"},
     KF_KERAS(2, 12, 0)},
    {{"_layer_checkpoint_dependencies/dense", "_layer_checkpoint_dependencies/dense_2",
      "_layer_checkpoint_dependencies/dense_4"},
     KF_KERAS(2, 13, 1)},
};

static void check_numbering(size_t i, int keras, const char *root)
{
    const char *const *groups = numberings[i].groups, *above = *root ? "model/" : "";
    char spec[1024], source[128];
    struct bound b;

    snprintf(spec, sizeof(spec), "%svars", above);
    for (size_t k = 0; k < 3; k++)
        snprintf(spec + strlen(spec), sizeof(spec) - strlen(spec),
                 " %s%s/vars/0:%dx2=%zu %s%s/vars/1:2=9", above, groups[k], k ? 2 : 3, k + 1, above,
                 groups[k]);
    bind_at(&b, three, spec, root, keras);
    assert_int_equal(b.status, 0);
    for (size_t k = 0; k < 3; k++) {
        snprintf(source, sizeof(source), "%s/vars/0", groups[k]);
        assert_tensor(&b, b.model->graph->layers[k ? k + 2 : 1], 0, source, (float)(k + 1));
    }
    assert_false(b.model->has_optimizer_state);
    finish(&b);
}

static void every_release_numbers_in_its_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(numberings) / sizeof(numberings[0]); i++) {
        check_numbering(i, numberings[i].keras, "");
        check_numbering(i, 0, "");                  /* the groups tell */
        check_numbering(i, KF_KERAS(2, 13, 1), ""); /* the groups know better */
        check_numbering(i, numberings[i].keras, "/model");
    }
}

/* A BatchNormalization counts twice, a Dropout once, and a model that is a layer as a whole. */
static void weights_decide_who_counts_twice(void **state)
{
    static const char config[] =
        MODEL(LAYER("Dropout", "a", "") "," LAYER("Dropout", "b", "") "," DENSE(
            "c") ","
                 "{'class_name':'Sequential','config':{'name':'m','layers':[" DENSE("d") "," DENSE(
                     "e") "]}}"
                          "," DENSE("f"));
#define D "_layer_checkpoint_dependencies/"
    static const char spec[] =
        D "dropout " D "dropout_1 " D "dense/vars/0:3x2=1 " D "dense/vars/1:2 " D "sequential/" D
          "dense/vars/0:2x2=2 " D "sequential/" D "dense/vars/1:2 " D "sequential/" D
          "dense_2/vars/0:2x2=3 " D "sequential/" D "dense_2/vars/1:2 " D "dense_2/vars/0:2x2=4 " D
          "dense_2/vars/1:2";
    struct bound b;

    (void)state;
    bind_at(&b, config, spec, "", KF_KERAS(2, 13, 1));
    assert_int_equal(b.status, 0);
    assert_tensor(&b, b.model->graph->layers[4]->inner->layers[1], 0,
                  D "sequential/" D "dense_2/vars/0", 3);
    assert_tensor(&b, b.model->graph->layers[5], 0, D "dense_2/vars/0", 4);
    finish(&b);
#undef D
}

/* What a lookup learnt counts as a weight of the layer, what it was given does not. */
static void vocabularies_decide_too(void **state)
{
    static const char config[] = MODEL(LAYER("StringLookup", "a", ",'vocabulary':['x']") "," LAYER(
        "StringLookup", "b", ",'vocabulary':null") "," LAYER("StringLookup", "c", ""));
#define S "_layer_checkpoint_dependencies/string_lookup"
    struct bound b;

    (void)state;
    bind_at(&b, config, S "/vars " S "_1/vars " S "_3/vars", "", KF_KERAS(2, 13, 1));
    assert_int_equal(b.status, 0);
    assert_string_equal(b.model->graph->layers[1]->found, S);
    assert_string_equal(b.model->graph->layers[2]->found, S "_1");
    assert_string_equal(b.model->graph->layers[3]->found, S "_3");
    finish(&b);
#undef S
}

static void windows_names_are_paths(void **state)
{
    static const char spec[] =
        "layers\\dense/vars/0:3x2=1 layers\\dense/vars/1:2=2 layers\\dense_1/vars/0:2x2=3 "
        "layers\\dense_1/vars/1:2 layers\\dense_2/vars/0:2x2 layers\\dense_2/vars/1:2 "
        "layers\\dropout/vars metrics\\mean/vars/0:1 optimizer/vars/0:1 vars";
    struct bound b;

    (void)state;
    bind_at(&b, three, spec, "", KF_KERAS(2, 15, 0));
    assert_int_equal(b.status, 0);
    assert_tensor(&b, b.model->graph->layers[1], 0, "layers/dense/vars/0", 1);
    assert_tensor(&b, b.model->graph->layers[3], 0, "layers/dense_1/vars/0", 3);
    assert_true(b.model->has_optimizer_state);
    assert_reported(&b.rep, KF_EXTRA_DROPPED);
    finish(&b);
    assert_refused(MODEL(DENSE("a")), TWO "layers\\dense/vars/0:3x2", KF_KERAS(2, 15, 0),
                   KF_CORRUPT, "two members");
    assert_refused(MODEL(DENSE("a")), TWO "layers\\\\dense/vars/0:3x2", KF_KERAS(2, 15, 0),
                   KF_CORRUPT, "empty part");
    assert_refused(MODEL(DENSE("a")), "layers:1 layers\\dense/vars/0:3x2", KF_KERAS(2, 15, 0),
                   KF_CORRUPT, "dataset holds groups");
}

/* A wrapper's group and those below it stand side by side in the root. */
static void windows_names_meet_in_one_group(void **state)
{
    static const char config[] =
        MODEL(LAYER("Bidirectional", "b", ",'layer':" LAYER("SimpleRNN", "r", ",'units':1")));
    static const char spec[] =
        "layers\\bidirectional/vars layers\\bidirectional\\forward_layer/vars "
        "layers\\bidirectional\\forward_layer\\cell/vars/0:3x1=1 "
        "layers\\bidirectional\\forward_layer\\cell/vars/1:1x1=2 "
        "layers\\bidirectional\\forward_layer\\cell/vars/2:1=3 "
        "layers\\bidirectional\\backward_layer\\cell/vars/0:3x1=4 "
        "layers\\bidirectional\\backward_layer\\cell/vars/1:1x1=5 "
        "layers\\bidirectional\\backward_layer\\cell/vars/2:1=6 "
        "layers\\bidirectional\\layer\\cell/vars vars";
    struct bound b;

    (void)state;
    bind_at(&b, config, spec, "", KF_KERAS(2, 15, 0));
    assert_int_equal(b.status, 0);
    assert_tensor(&b, b.model->graph->layers[1]->parts[1], 2,
                  "layers/bidirectional/backward_layer/cell/vars/2", 6);
    finish(&b);
}

#define MHA                                                                                        \
    LAYER("MultiHeadAttention", "a", ",'num_heads':1,'key_dim':2,'value_dim':2,'use_bias':false")

static void attributes_may_be_private(void **state)
{
    struct bound b;

    (void)state;
    bind_at(&b, MODEL(MHA),
            "layers/multi_head_attention/_query_dense/vars/0:3x1x2=1 "
            "layers/multi_head_attention/_key_dense/vars/0:3x1x2=2 "
            "layers/multi_head_attention/_value_dense/vars/0:3x1x2=3 "
            "layers/multi_head_attention/_output_dense/vars/0:1x2x3=4",
            "", KF_KERAS(2, 15, 0));
    assert_int_equal(b.status, 0);
    assert_tensor(&b, b.model->graph->layers[1], 2,
                  "layers/multi_head_attention/_value_dense/vars/0", 3);
    finish(&b);
    assert_refused(MODEL(MHA),
                   "layers/multi_head_attention/_query_dense/vars/0:3x1x2=1 "
                   "layers/multi_head_attention/query_dense/vars/0:3x1x2=1",
                   KF_KERAS(3, 0, 2), KF_MAPPING_AMBIGUOUS, "underscore");
}

static void a_copy_must_be_one(void **state)
{
    static const char config[] = MODEL(LAYER("SpectralNormalization", "n", ",'layer':" DENSE("d")));
#define S "layers/spectral_normalization/"
    static const char good[] =
        S "layer/vars/0:3x2=1 " S "layer/vars/1:2=2 " S "vars/0:3x2=1 " S "vars/1:1x2=3";
    struct bound b;

    (void)state;
    bind_at(&b, config, good, "", KF_KERAS(2, 15, 0));
    assert_int_equal(b.status, 0);
    assert_tensor(&b, b.model->graph->layers[1], 0, S "vars/1", 3);
    assert_tensor(&b, b.model->graph->layers[1]->parts[0], 0, S "layer/vars/0", 1);
    finish(&b);
    assert_refused(config,
                   S "layer/vars/0:3x2=1 " S "layer/vars/1:2=2 " S "vars/0:3x2=7 " S "vars/1:1x2=3",
                   KF_KERAS(2, 15, 0), KF_MAPPING_AMBIGUOUS, "other values");
#undef S
}

static void a_named_variable_may_be_there_twice(void **state)
{
    static const char config[] = MODEL(LAYER("TextVectorization", "t", ",'output_mode':'tf_idf'"));
#define V "layers/text_vectorization/"
    struct bound b;

    (void)state;
    bind_at(&b, config, V "vars/idf_weights:3=1 " V "_lookup_layer/vars/idf_weights:3=1", "",
            KF_KERAS(2, 15, 0));
    assert_int_equal(b.status, 0);
    assert_tensor(&b, b.model->graph->layers[1], 0, V "vars/idf_weights", 1);
    finish(&b);
    assert_refused(config, V "vars/idf_weights:3=1 " V "_lookup_layer/vars/idf_weights:3=2",
                   KF_KERAS(2, 15, 0), KF_MAPPING_AMBIGUOUS, "other values");
#undef V
}

static void too_many_parts_of_a_name_are_refused(void **state)
{
    char name[512] = "layers";

    (void)state;
    for (int i = 0; i < 130; i++)
        strcat(name, "\\x");
    assert_refused(MODEL(DENSE("a")), name, KF_KERAS(2, 15, 0), KF_TOO_LARGE, "backslashes");
}

static void what_does_not_fit_is_refused(void **state)
{
    static const char one[] = MODEL(DENSE("a"));
    const int keras = KF_KERAS(2, 15, 0);

    (void)state;
    assert_refused(one, "vars", keras, KF_WEIGHTS_MISSING, "layers/dense/vars/1");
    assert_refused(one, "layers/dense/vars/0:3x2", keras, KF_WEIGHTS_MISSING, "vars/1");
    assert_refused(one, TWO "layers/dense/vars/2:2", keras, KF_WEIGHT_COUNT, "vars/2");
    assert_refused(one, TWO "layers/dense_1/vars/0:2", keras, KF_WEIGHT_COUNT, "dense_1");
    assert_refused(one, TWO "layers/dense/extra:2", keras, KF_WEIGHT_COUNT, "extra");
    assert_refused(one, TWO "_layer_checkpoint_dependencies/dense/vars/0:3x2", keras,
                   KF_WEIGHT_COUNT, "_layer_checkpoint_dependencies");
    assert_refused(one, TWO "more/vars/0:3x2", keras, KF_WEIGHT_COUNT, "more/vars/0");
    assert_refused(one, TWO "vars/0:3x2", keras, KF_CUSTOM_CLASS, "/vars/0");
    assert_refused(one, "layers/dense/vars/0:3x5 layers/dense/vars/1:2", keras, KF_WEIGHT_SHAPE,
                   "last axis");
    assert_refused(one, "layers/dense/vars/0:3 layers/dense/vars/1:2", keras, KF_WEIGHT_SHAPE,
                   "axes");
    assert_refused(one, "layers/dense/vars/0/x layers/dense/vars/1:2", keras, KF_WEIGHTS_MISSING,
                   "no such dataset");
}

/* Nobody here knows what it has, so it has what its group holds. */
static void a_custom_layer_owns_its_group(void **state)
{
    static const char config[] = MODEL(LAYER("Mine", "m", "") "," DENSE("a"));
    struct kf_layer *layer;
    struct bound b;

    (void)state;
    bind_at(&b, config, TWO "layers/mine/vars/0:1=5 layers/mine/inner/vars/0:1=6 layers/mine/vars",
            "", KF_KERAS(2, 15, 0));
    assert_int_equal(b.status, 0);
    layer = b.model->graph->layers[1];
    assert_int_equal(layer->n_tensors, 2);
    assert_tensor(&b, layer, 0, "layers/mine/inner/vars/0", 6);
    assert_string_equal(layer->tensors[0].subpath, "inner");
    assert_string_equal(layer->tensors[0].dataset, "0");
    assert_string_equal(layer->tensors[1].subpath, "");
    finish(&b);
}

static void lack_of_memory_is_told(void **state)
{
    struct bound b;

    (void)state;
    bind_at(&b, MODEL(DENSE("a")),
            "layers\\dense@a layers\\dense/vars/0:3x2 layers\\dense/vars/1:2", "",
            KF_KERAS(3, 6, 0));
    assert_int_equal(b.status, 0);
    release(&b);
    torture(bind_again, &b);
    json_decref(b.config);
    close(b.src.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_release_numbers_in_its_way),
        cmocka_unit_test(weights_decide_who_counts_twice),
        cmocka_unit_test(vocabularies_decide_too),
        cmocka_unit_test(windows_names_are_paths),
        cmocka_unit_test(windows_names_meet_in_one_group),
        cmocka_unit_test(attributes_may_be_private),
        cmocka_unit_test(a_copy_must_be_one),
        cmocka_unit_test(a_named_variable_may_be_there_twice),
        cmocka_unit_test(too_many_parts_of_a_name_are_refused),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_custom_layer_owns_its_group),
        cmocka_unit_test(lack_of_memory_is_told),
    };

    json_set_alloc_funcs(kf_json_alloc, kf_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
