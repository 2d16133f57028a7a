/* SPDX-License-Identifier: Apache-2.0 */
#include "core/format/layer_vars.h"
#include "core/io/text/json.h"
#include "core_test.h"

/*
 * What layers have by the sources of Keras, read there and not in the tables:
 * `variables` in the order of the layer's weights, with a ~ before those that
 * are not trained.
 *
 * Source: build() in keras/layers of Keras 1.2.2, keras/src/layers of
 * tf.keras 2.15.1 and Keras 3.15.1
 */
static const struct made {
    enum kf_dialect dialect;
    const char *class_name, *config, *variables;
} made[] = {
    {KF_DIALECT_KERAS1, "Dense", "{}", "W b"},
    {KF_DIALECT_KERAS1, "Dense", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "TimeDistributedDense", "{}", "W b"},
    {KF_DIALECT_KERAS1, "TimeDistributedDense", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "MaxoutDense", "{}", "W b"},
    {KF_DIALECT_KERAS1, "MaxoutDense", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "Highway", "{}", "W W_carry b b_carry"},
    {KF_DIALECT_KERAS1, "Highway", "{\"bias\": false}", "W W_carry"},
    {KF_DIALECT_KERAS1, "Embedding", "{}", "W"},
    {KF_DIALECT_KERAS1, "Convolution1D", "{}", "W b"},
    {KF_DIALECT_KERAS1, "Convolution1D", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "AtrousConvolution1D", "{}", "W b"},
    {KF_DIALECT_KERAS1, "AtrousConvolution1D", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "Convolution2D", "{}", "W b"},
    {KF_DIALECT_KERAS1, "Convolution2D", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "AtrousConvolution2D", "{}", "W b"},
    {KF_DIALECT_KERAS1, "AtrousConvolution2D", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "Deconvolution2D", "{}", "W b"},
    {KF_DIALECT_KERAS1, "Deconvolution2D", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "SeparableConvolution2D", "{}", "depthwise_kernel pointwise_kernel b"},
    {KF_DIALECT_KERAS1, "SeparableConvolution2D", "{\"bias\": false}",
     "depthwise_kernel pointwise_kernel"},
    {KF_DIALECT_KERAS1, "Convolution3D", "{}", "W b"},
    {KF_DIALECT_KERAS1, "Convolution3D", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "LocallyConnected1D", "{}", "W b"},
    {KF_DIALECT_KERAS1, "LocallyConnected1D", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "LocallyConnected2D", "{}", "W b"},
    {KF_DIALECT_KERAS1, "LocallyConnected2D", "{\"bias\": false}", "W"},
    {KF_DIALECT_KERAS1, "BatchNormalization", "{}", "gamma beta ~running_mean ~running_std"},
    {KF_DIALECT_KERAS1, "PReLU", "{}", "alphas"},
    {KF_DIALECT_KERAS1, "ParametricSoftplus", "{}", "alphas betas"},
    {KF_DIALECT_KERAS1, "SReLU", "{}", "t_left a_left t_right a_right"},
    {KF_DIALECT_KERAS1, "SimpleRNN", "{}", "W U b"},
    {KF_DIALECT_KERAS1, "GRU", "{\"consume_less\": \"cpu\"}",
     "W_z U_z b_z W_r U_r b_r W_h U_h b_h"},
    {KF_DIALECT_KERAS1, "GRU", "{\"consume_less\": \"gpu\"}", "W U b"},
    {KF_DIALECT_KERAS1, "LSTM", "{\"consume_less\": \"mem\"}",
     "W_i U_i b_i W_c U_c b_c W_f U_f b_f W_o U_o b_o"},
    {KF_DIALECT_KERAS1, "LSTM", "{\"consume_less\": \"gpu\"}", "W U b"},
    {KF_DIALECT_KERAS1, "ConvLSTM2D", "{}", "W_i U_i b_i W_c U_c b_c W_f U_f b_f W_o U_o b_o"},
    {KF_DIALECT_KERAS2, "LocallyConnected1D", "{}", "kernel bias"},
    {KF_DIALECT_KERAS2, "LocallyConnected1D", "{\"use_bias\": false}", "kernel"},
    {KF_DIALECT_KERAS2, "LocallyConnected2D", "{}", "kernel bias"},
    {KF_DIALECT_KERAS2, "LocallyConnected2D", "{\"use_bias\": false}", "kernel"},
    {KF_DIALECT_KERAS2, "BatchNormalization", "{\"renorm\": true}",
     "gamma beta ~moving_mean ~moving_variance ~moving_stddev ~renorm_mean "
     "~renorm_stddev"},
    {KF_DIALECT_KERAS2, "BatchNormalization", "{\"scale\": false}",
     "beta ~moving_mean ~moving_variance"},
    {KF_DIALECT_KERAS2, "BatchNormalization", "{\"center\": false}",
     "gamma ~moving_mean ~moving_variance"},
    {KF_DIALECT_KERAS2, "CuDNNLSTM", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS2, "CuDNNGRU", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS2, "Normalization", "{}", "~mean ~variance ~count"},
    {KF_DIALECT_KERAS2, "Normalization", "{\"mean\": 0.5}", ""},
    {KF_DIALECT_KERAS2, "Attention", "{}", ""},
    {KF_DIALECT_KERAS2, "Attention", "{\"use_scale\": true, \"score_mode\": \"concat\"}",
     "scale concat_score_weight"},
    {KF_DIALECT_KERAS2, "AdditiveAttention", "{}", "scale"},
    {KF_DIALECT_KERAS2, "AdditiveAttention", "{\"use_scale\": false}", ""},
    {KF_DIALECT_KERAS3, "LayerNormalization", "{\"rms_scaling\": true, \"scale\": false}", "gamma"},
    {KF_DIALECT_KERAS3, "LayerNormalization", "{\"center\": false}", "gamma"},
    {KF_DIALECT_KERAS3, "GroupNormalization", "{\"scale\": false}", "beta"},
    {KF_DIALECT_KERAS3, "GroupNormalization", "{\"center\": false}", "gamma"},
    {KF_DIALECT_KERAS3, "MultiHeadAttention", "{\"use_bias\": false}",
     "query/kernel key/kernel value/kernel attention_output/kernel"},
    {KF_DIALECT_KERAS3, "MultiHeadAttention", "{\"use_gate\": true}",
     "query/kernel query/bias key/kernel key/bias gate/kernel gate/bias value/kernel value/bias "
     "attention_output/kernel attention_output/bias"},
    {KF_DIALECT_KERAS3, "GroupQueryAttention", "{\"use_gate\": true}",
     "query/kernel query/bias key/kernel key/bias gate/kernel gate/bias value/kernel value/bias "
     "attention_output/kernel attention_output/bias"},
    {KF_DIALECT_KERAS3, "GroupQueryAttention", "{\"use_bias\": false}",
     "query/kernel key/kernel value/kernel attention_output/kernel"},
    {KF_DIALECT_KERAS3, "LayerNormalization", "{}", "gamma beta"},
    {KF_DIALECT_KERAS3, "LayerScale", "{}", "gamma"},
    {KF_DIALECT_KERAS3, "RMSNormalization", "{}", "scale"},
    {KF_DIALECT_KERAS3, "SeparableConv1D", "{}", "depthwise_kernel pointwise_kernel bias"},
    {KF_DIALECT_KERAS3, "SeparableConv2D", "{\"use_bias\": false}",
     "depthwise_kernel pointwise_kernel"},
    {KF_DIALECT_KERAS3, "DepthwiseConv1D", "{}", "depthwise_kernel bias"},
    {KF_DIALECT_KERAS3, "ConvLSTM1D", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS3, "ConvLSTM2D", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS3, "ConvLSTM3D", "{\"use_bias\": false}", "kernel recurrent_kernel"},
    {KF_DIALECT_KERAS3, "Dense", "{}", "kernel bias"},
    {KF_DIALECT_KERAS3, "Dense", "{\"use_bias\": false}", "kernel"},
    {KF_DIALECT_KERAS3, "Conv1D", "{}", "kernel bias"},
    {KF_DIALECT_KERAS3, "Conv1D", "{\"use_bias\": false}", "kernel"},
    {KF_DIALECT_KERAS3, "Conv2D", "{}", "kernel bias"},
    {KF_DIALECT_KERAS3, "Conv2D", "{\"use_bias\": false}", "kernel"},
    {KF_DIALECT_KERAS3, "Conv3D", "{}", "kernel bias"},
    {KF_DIALECT_KERAS3, "Conv3D", "{\"use_bias\": false}", "kernel"},
    {KF_DIALECT_KERAS3, "Conv1DTranspose", "{}", "kernel bias"},
    {KF_DIALECT_KERAS3, "Conv1DTranspose", "{\"use_bias\": false}", "kernel"},
    {KF_DIALECT_KERAS3, "Conv2DTranspose", "{}", "kernel bias"},
    {KF_DIALECT_KERAS3, "Conv2DTranspose", "{\"use_bias\": false}", "kernel"},
    {KF_DIALECT_KERAS3, "Conv3DTranspose", "{}", "kernel bias"},
    {KF_DIALECT_KERAS3, "Conv3DTranspose", "{\"use_bias\": false}", "kernel"},
    {KF_DIALECT_KERAS3, "DepthwiseConv2D", "{\"use_bias\": false}", "depthwise_kernel"},
    {KF_DIALECT_KERAS3, "EinsumDense", "{\"bias_axes\": \"d\"}", "kernel bias"},
    {KF_DIALECT_KERAS3, "EinsumDense", "{\"bias_axes\": null}", "kernel"},
    {KF_DIALECT_KERAS3, "Embedding", "{}", "embeddings"},
    {KF_DIALECT_KERAS3, "ReversibleEmbedding", "{}", "embeddings"},
    {KF_DIALECT_KERAS3, "ReversibleEmbedding", "{\"tie_weights\": false}",
     "embeddings reverse_embeddings"},
    {KF_DIALECT_KERAS3, "PReLU", "{}", "alpha"},
    {KF_DIALECT_KERAS3, "SimpleRNN", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS3, "SimpleRNN", "{\"use_bias\": false}", "kernel recurrent_kernel"},
    {KF_DIALECT_KERAS3, "SimpleRNNCell", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS3, "SimpleRNNCell", "{\"use_bias\": false}", "kernel recurrent_kernel"},
    {KF_DIALECT_KERAS3, "LSTM", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS3, "LSTM", "{\"use_bias\": false}", "kernel recurrent_kernel"},
    {KF_DIALECT_KERAS3, "LSTMCell", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS3, "LSTMCell", "{\"use_bias\": false}", "kernel recurrent_kernel"},
    {KF_DIALECT_KERAS3, "GRU", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS3, "GRU", "{\"use_bias\": false}", "kernel recurrent_kernel"},
    {KF_DIALECT_KERAS3, "GRUCell", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS3, "GRUCell", "{\"use_bias\": false}", "kernel recurrent_kernel"},
    {KF_DIALECT_KERAS3, "StringLookup", "{\"output_mode\": \"tf_idf\"}", "~idf_weights"},
    {KF_DIALECT_KERAS3, "StringLookup", "{\"output_mode\": \"int\"}", ""},
    {KF_DIALECT_KERAS3, "IntegerLookup", "{\"output_mode\": \"tf_idf\"}", "~idf_weights"},
    {KF_DIALECT_KERAS3, "IntegerLookup", "{\"output_mode\": \"int\"}", ""},
    {KF_DIALECT_KERAS3, "TextVectorization", "{\"output_mode\": \"tf_idf\"}", "~idf_weights"},
    {KF_DIALECT_KERAS3, "TextVectorization", "{\"output_mode\": \"int\"}", ""},
    {KF_DIALECT_KERAS3, "SpectralNormalization", "{}", "~vector_u"},
    {KF_DIALECT_KERAS3, "DepthwiseConv2D", "{}", "depthwise_kernel bias"},
    {KF_DIALECT_KERAS3, "SeparableConv2D", "{}", "depthwise_kernel pointwise_kernel bias"},
    {KF_DIALECT_KERAS3, "ConvLSTM3D", "{}", "kernel recurrent_kernel bias"},
    {KF_DIALECT_KERAS2, "Discretization", "{\"num_bins\": 4}", "~summary"},
    {KF_DIALECT_KERAS3, "Discretization", "{\"num_bins\": 4}", ""},
    {KF_DIALECT_KERAS3, "STFTSpectrogram", "{\"mode\": \"real\"}", "real_kernel"},
    {KF_DIALECT_KERAS3, "STFTSpectrogram", "{\"mode\": \"imag\"}", "imag_kernel"},
    {KF_DIALECT_KERAS3, "STFTSpectrogram", "{\"mode\": \"log\"}", "real_kernel imag_kernel"},
};

/*
 * How a quantized layer is kept; "int4/" has scales for blocks.
 *
 * Source: variable_serialization_spec in keras/src/layers/core (3.15.1)
 */
#define FLOAT8                                                                                     \
    "inputs_scale inputs_amax_history kernel_scale kernel_amax_history outputs_grad_scale "        \
    "outputs_grad_amax_history"
static const struct quantized {
    const char *class_name, *mode, *key, *variables;
} quantized[] = {
    {"Dense", "int8", "", "kernel bias kernel_scale"},
    {"Dense", "int4", "", "kernel bias kernel_scale"},
    {"Dense", "int4/32", "", "kernel bias kernel_scale kernel_zero g_idx"},
    {"Dense", "float8", "", "kernel bias " FLOAT8},
    {"Dense", "gptq/4/32", "", "bias quantized_kernel kernel_scale kernel_zero g_idx"},
    {"Dense", "awq/4/32", "", "bias quantized_kernel kernel_scale kernel_zero awq_scales g_idx"},
    {"EinsumDense", "int8", "bias_axes", "kernel bias kernel_scale"},
    {"EinsumDense", "int4", "bias_axes", "kernel bias kernel_scale"},
    {"EinsumDense", "int4/32", "bias_axes", "kernel bias kernel_scale kernel_zero g_idx"},
    {"EinsumDense", "float8", "bias_axes", "kernel bias " FLOAT8},
    {"EinsumDense", "gptq/4/32", "bias_axes",
     "bias quantized_kernel kernel_scale kernel_zero g_idx"},
    {"EinsumDense", "awq/4/32", "bias_axes",
     "bias quantized_kernel kernel_scale kernel_zero awq_scales g_idx"},
    {"Embedding", "int8", "", "embeddings embeddings_scale"},
    {"Embedding", "int4", "", "embeddings embeddings_scale"},
    {"Embedding", "int4/32", "", "embeddings embeddings_scale embeddings_zero g_idx"},
    {"ReversibleEmbedding", "int8", "tie_weights",
     "embeddings embeddings_scale reverse_embeddings reverse_embeddings_scale"},
    {"ReversibleEmbedding", "int4", "tie_weights",
     "embeddings embeddings_scale reverse_embeddings reverse_embeddings_scale"},
    {"ReversibleEmbedding", "int4/32", "tie_weights",
     "embeddings embeddings_scale embeddings_zero g_idx reverse_embeddings "
     "reverse_embeddings_scale reverse_embeddings_zero"},
};

/* Shapes that a variable has, and has not. */
static const struct shaped {
    const char *class_name, *config, *variable;
    uint64_t right[4], wrong[4]; /* up to the first 0 */
} shaped[] = {
    {"Dense", "{\"units\": 2}", "kernel", {3, 2}, {2, 3}},
    {"Dense", "{\"units\": 2}", "kernel", {3, 2}, {3, 1, 2}},
    {"Dense", "{\"units\": 2}", "bias", {2}, {3}},
    {"Embedding", "{\"output_dim\": 2}", "embeddings", {7, 2}, {2, 7}},
    {"Conv1D", "{\"filters\": 4}", "kernel", {3, 2, 4}, {3, 4, 2}},
    {"Conv2D", "{\"filters\": 4}", "kernel", {3, 3, 2, 4}, {3, 3, 4, 2}},
    {"Conv2D", "{\"filters\": 4}", "bias", {4}, {2}},
    {"Conv2DTranspose", "{\"filters\": 4}", "kernel", {3, 3, 4, 2}, {3, 4, 2}},
    {"Conv2DTranspose", "{\"filters\": 4}", "bias", {4}, {2}},
    {"DepthwiseConv2D",
     "{\"depth_multiplier\": 2}",
     "depthwise_kernel",
     {3, 3, 5, 2},
     {3, 3, 5, 1}},
    {"SeparableConv2D", "{\"filters\": 4}", "pointwise_kernel", {1, 1, 2, 4}, {1, 1, 4, 2}},
    {"SimpleRNN", "{\"units\": 2}", "recurrent_kernel", {2, 2}, {2, 4}},
    {"LSTM", "{\"units\": 2}", "kernel", {3, 8}, {3, 6}},
    {"LSTM", "{\"units\": 2}", "recurrent_kernel", {2, 8}, {2, 6}},
    {"LSTM", "{\"units\": 2}", "bias", {8}, {6}},
    {"GRU", "{\"units\": 2}", "kernel", {3, 6}, {3, 8}},
    {"GRU", "{\"units\": 2}", "recurrent_kernel", {2, 6}, {2, 8}},
    {"GRU", "{\"units\": 2}", "bias", {2, 6}, {2, 8}},
    {"MultiHeadAttention", "{\"key_dim\": 3}", "query/kernel", {4, 2, 3}, {4, 2, 5}},
    {"MultiHeadAttention", "{\"key_dim\": 3}", "key/bias", {2, 3}, {2, 5}},
};

/* With `marked`, what is not trained has a ~. */
static void write_variables(char *out, size_t max, const struct kf_layer *layer, bool marked)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < layer->n_tensors; i++)
        n += (size_t)snprintf(out + n, max - n, "%s%s%s", i ? " " : "",
                              marked && !layer->tensors[i].trainable ? "~" : "",
                              layer->tensors[i].variable);
}

static void check_variables(enum kf_dialect dialect, const char *class_name, json_t *config,
                            const char *variables, bool marked)
{
    struct kf_layer layer = {.path = "layer", .class_name = class_name, .config = config};
    struct kf_model *model = kf_model_create();
    struct kf_report rep;
    char found[512];

    assert_non_null(config);
    kf_report_init(&rep);
    model->dialect = dialect;
    assert_int_equal(kf_vars_make(model, &layer, &rep), 0);
    write_variables(found, sizeof found, &layer, marked);
    if (strcmp(found, variables) != 0)
        fail_msg("%s has %s, not %s", class_name, found, variables);
    json_decref(config);
    kf_report_finish(&rep);
    kf_model_destroy(model);
}

static void layers_have_the_variables_that_keras_makes(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        check_variables(made[i].dialect, made[i].class_name, json_loads(made[i].config, 0, NULL),
                        made[i].variables, true);
}

/* `key` is there and false: weights that are not tied, and a bias, which only null would be
 * without. */
static void quantized_layers_have_what_their_specification_says(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof quantized / sizeof quantized[0]; i++)
        check_variables(KF_DIALECT_KERAS3, quantized[i].class_name,
                        json_pack("{s:{s:{s:s}}, s:b}", "dtype", "config", "mode",
                                  quantized[i].mode, quantized[i].key, 0),
                        quantized[i].variables, false);
}

static int check(const struct shaped *row, const uint64_t *dims)
{
    struct kf_payload payload = {.dtype = KF_DTYPE_FLOAT32};
    const struct kf_tensor tensor = {
        .variable = row->variable, .source = row->variable, .payload = &payload};
    struct kf_layer layer = {.path = "layer", .class_name = row->class_name};
    struct kf_report rep;
    int r;

    for (; payload.rank < 4 && dims[payload.rank]; payload.rank++)
        payload.dims[payload.rank] = dims[payload.rank];
    layer.config = json_loads(row->config, 0, NULL);
    kf_report_init(&rep);
    r = kf_vars_check(&layer, &tensor, &rep);
    kf_report_finish(&rep);
    json_decref(layer.config);
    return r;
}

static void shapes_that_no_layer_has_are_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof shaped / sizeof shaped[0]; i++) {
        assert_int_equal(check(&shaped[i], shaped[i].right), 0);
        assert_int_equal(check(&shaped[i], shaped[i].wrong), -KF_WEIGHT_SHAPE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_have_the_variables_that_keras_makes),
        cmocka_unit_test(quantized_layers_have_what_their_specification_says),
        cmocka_unit_test(shapes_that_no_layer_has_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
