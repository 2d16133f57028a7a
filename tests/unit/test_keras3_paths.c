/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_model.h"

#include "core/format/keras3/keras3_paths.h"
#include "core/format/keras3/keras3_weights.h"
#include "core/io/h5/h5.h"

static void assert_group(const struct kf_layer *layer, const char *expected)
{
    assert_non_null(layer->group);
    assert_string_equal(layer->group, expected);
}

static struct kf_model *named(const char *spec, int keras, struct kf_report *rep)
{
    struct kf_model *model;

    kf_report_init(rep);
    model = make_model(json_of(spec), rep);
    assert_int_equal(kf_keras3_paths(model, keras, rep), 0);
    return model;
}

static void done(struct kf_model *model, struct kf_report *rep)
{
    kf_model_destroy(model);
    kf_report_finish(rep);
}

static const char one_of_each[] = "{'topology':'sequential','name':'s','layers':["
                                  "{'name':'x','class_name':'InputLayer','config':{}},"
                                  "{'name':'a','class_name':'Dense','config':{}},"
                                  "{'name':'b','class_name':'PReLU','config':{}},"
                                  "{'name':'c','class_name':'Dense','config':{}},"
                                  "{'name':'d','class_name':'MaxPool2D','config':{}},"
                                  "{'name':'e','class_name':'MaxPooling2D','config':{}},"
                                  "{'name':'f','class_name':'GroupQueryAttention','config':{}},"
                                  "{'name':'m','class_name':'Model','config':{},'inner':"
                                  "{'topology':'sequential','name':'m','layers':["
                                  "{'name':'g','class_name':'Dense','config':{}}]}}]}";

static void classes_are_counted_in_their_container(void **unused)
{
    struct kf_report rep;
    struct kf_model *model = named(one_of_each, KF_KERAS(3, 15, 1), &rep);
    static const char *const groups[] = {"layers/dense",           "layers/p_re_lu",
                                         "layers/dense_1",         "layers/max_pooling2d",
                                         "layers/max_pooling2d_1", "layers/grouped_query_attention",
                                         "layers/sequential"};

    (void)unused;
    assert_null(model->graph->layers[0]->group);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        assert_group(model->graph->layers[i + 1], groups[i]);
    assert_group(model->graph->layers[7]->inner->layers[0], "layers/sequential/layers/dense");
    done(model, &rep);
}

static const char wrappers[] =
    "{'topology':'sequential','name':'s','layers':["
    "{'name':'b','class_name':'Bidirectional','config':{},'parts':["
    "{'name':'f','class_name':'LSTM','config':{},'attribute':'forward_layer'},"
    "{'name':'r','class_name':'LSTM','config':{},'attribute':'backward_layer'}]},"
    "{'name':'n','class_name':'RNN','config':{},'parts':["
    "{'name':'c','class_name':'StackedRNNCells','config':{},'attribute':'cell','parts':["
    "{'name':'1','class_name':'LSTMCell','config':{},'attribute':'cells','in_container':true},"
    "{'name':'2','class_name':'GRUCell','config':{},'attribute':'cells','in_container':true},"
    "{'name':'3','class_name':'LSTMCell','config':{},'attribute':'cells','in_container':true}"
    "]}]}]}";

static void parts_stand_below_their_attribute(void **unused)
{
    struct kf_report rep;
    struct kf_model *model = named(wrappers, KF_KERAS(3, 15, 1), &rep);
    struct kf_layer *cell = model->graph->layers[1]->parts[0];

    (void)unused;
    assert_group(model->graph->layers[0]->parts[0], "layers/bidirectional/forward_layer");
    assert_group(model->graph->layers[0]->parts[1], "layers/bidirectional/backward_layer");
    assert_group(cell, "layers/rnn/cell");
    assert_group(cell->parts[0], "layers/rnn/cell/cells/lstm_cell");
    assert_group(cell->parts[1], "layers/rnn/cell/cells/gru_cell");
    assert_group(cell->parts[2], "layers/rnn/cell/cells/lstm_cell_1");
    done(model, &rep);
}

static void attention_was_private_before_3_0_3(void **unused)
{
    struct kf_report rep;
    struct kf_model *model = named("{'topology':'sequential','name':'s','layers':["
                                   "{'name':'a','class_name':'MultiHeadAttention','config':{}}]}",
                                   KF_KERAS(3, 15, 1), &rep);
    struct kf_layer *layer = model->graph->layers[0];
    struct kf_tensor query = {.subpath = "query_dense"}, own = {.subpath = ""};
    const char *path = "layers/multi_head_attention";

    (void)unused;
    assert_string_equal(kf_keras3_tensor_group(model->arena, layer, &query, KF_KERAS(3, 0, 3)),
                        "layers/multi_head_attention/query_dense");
    assert_string_equal(kf_keras3_tensor_group(model->arena, layer, &query, KF_KERAS(3, 0, 2)),
                        "layers/multi_head_attention/_query_dense");
    assert_string_equal(kf_keras3_tensor_group(model->arena, layer, &own, KF_KERAS(3, 0, 2)), path);
    done(model, &rep);
}

static int pull_bytes(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    (void)rep;
    memcpy(to, (const char *)payload->state + at, n);
    return 0;
}

/* Two tensors below "cell", one of the layer itself. */
static void give_tensors(struct kf_layer *layer, const float *values, struct kf_payload *payload)
{
    static struct kf_tensor tensors[3];

    *payload = (struct kf_payload){.dtype = KF_DTYPE_FLOAT32,
                                   .rank = 1,
                                   .dims = {2},
                                   .pull = pull_bytes,
                                   .file_at = KF_NOWHERE,
                                   .state = values};
    tensors[0] = (struct kf_tensor){.variable = "kernel", .subpath = "cell", .payload = payload};
    tensors[1] = (struct kf_tensor){.variable = "scale", .subpath = "", .payload = payload};
    tensors[2] = (struct kf_tensor){
        .variable = "bias", .source = "b:0", .subpath = "cell", .payload = payload, .done = "cut"};
    layer->tensors = tensors;
    layer->n_tensors = 3;
}

static void check_rows(const struct kf_report *rep)
{
    static const char *const targets[] = {"layers/lstm/cell/vars/0", "layers/lstm/vars/0",
                                          "layers/lstm/cell/vars/1"};

    assert_int_equal(rep->n_tensors, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(rep->tensors[i].target, targets[i]);
        assert_string_equal(rep->tensors[i].layer, "l");
        assert_int_equal(rep->tensors[i].dims_after[0], 2);
    }
    assert_string_equal(rep->tensors[0].done, "copied");
    assert_string_equal(rep->tensors[0].source, "kernel");
    assert_string_equal(rep->tensors[2].done, "cut");
    assert_string_equal(rep->tensors[2].source, "b:0");
    assert_int_equal(rep->n_layers, 2);
    assert_int_equal(rep->n_parameters, 6);
}

static void check_file(const char *path, struct kf_report *rep)
{
    struct kf_source src = {.fd = open(path, O_RDONLY | O_CLOEXEC), .name = path};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload payload;
    struct kf_h5 *h5 = NULL;
    float values[2];

    src.size = (uint64_t)lseek(src.fd, 0, SEEK_END);
    assert_int_equal(kf_h5_open(&h5, &src, &limits, rep), 0);
    assert_string_equal(kf_h5_attr_short(h5, "/vars", "name", arena), "s");
    assert_string_equal(kf_h5_attr_short(h5, "/layers/lstm/vars", "name", arena), "l");
    assert_string_equal(kf_h5_attr_short(h5, "/layers/dropout/vars", "name", arena), "d");
    assert_int_equal(kf_h5_payload(h5, "/layers/lstm/cell/vars/1", arena, &payload, rep), 0);
    assert_int_equal(payload.pull(&payload, 0, values, sizeof(values), rep), 0);
    assert_float_equal(values[1], 4, 0);
    kf_h5_destroy(h5);
    kf_arena_destroy(arena);
    close(src.fd);
}

static void weights_are_written_as_planned(void **unused)
{
    static const float values[] = {3, 4};
    char path[] = "/tmp/kf_weights_XXXXXX";
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_payload payload;
    struct kf_report rep;
    struct kf_model *model;
    struct kf_h5_out *h5;

    (void)unused;
    close(mkstemp(path));
    kf_report_init(&rep);
    model = make_model(json_of("{'topology':'sequential','name':'s','layers':["
                               "{'name':'l','class_name':'LSTM','config':{}},"
                               "{'name':'d','class_name':'Dropout','config':{}}]}"),
                       &rep);
    give_tensors(model->graph->layers[0], values, &payload);
    assert_int_equal(kf_keras3_weights_plan(model, KF_KERAS(3, 15, 1), &rep), 0);
    check_rows(&rep);
    assert_int_equal(kf_h5_create(&h5, path, &rep), 0);
    assert_int_equal(kf_keras3_weights_write(h5, model, KF_KERAS(3, 15, 1), &options, &rep), 0);
    kf_h5_out_destroy(h5);
    assert_int_equal(strlen(rep.tensors[2].after.value), 32);
    check_file(path, &rep);
    unlink(path);
    done(model, &rep);
}

static void weights_that_keras_drops_are_told(void **unused)
{
    struct kf_report rep;
    struct kf_payload payload;
    static const float values[] = {3, 4};
    struct kf_model *model;

    (void)unused;
    kf_report_init(&rep);
    model = make_model(json_of("{'name':'m','inputs':@0.0.0,'outputs':@0.0.0,'layers':["
                               "{'name':'x','class_name':'InputLayer','config':{}},"
                               "{'name':'l','class_name':'LSTM','config':{}}]}"),
                       &rep);
    give_tensors(model->graph->layers[1], values, &payload);
    assert_int_equal(kf_keras3_weights_plan(model, KF_KERAS(3, 15, 1), &rep), 0);
    assert_reported(&rep, KF_EXTRA_DROPPED);
    assert_string_equal(rep.tensors[0].target, "");
    done(model, &rep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_counted_in_their_container),
        cmocka_unit_test(parts_stand_below_their_attribute),
        cmocka_unit_test(attention_was_private_before_3_0_3),
        cmocka_unit_test(weights_are_written_as_planned),
        cmocka_unit_test(weights_that_keras_drops_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
