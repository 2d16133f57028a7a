/* SPDX-License-Identifier: Apache-2.0 */
#include "core/adapt/adapt.h"
#include "keras3_model.h"
#include <stdlib.h>

/*
 * Two inputs x and y of ids, an Embedding of each with mask_zero, e and f, and behind them the
 * layers of a test, numbered from 4 on. What a layer gets as its mask is written as a term:
 * "LogicalAnd(NotEqual(x,0),NotEqual(y,0))".
 */
#define LAYER_WITH(class_name, name, config, args, kwargs)                                         \
    ",{'name':'" name "','class_name':'" class_name "','config':" config                           \
    ",'calls':[{'args':[" args "],'kwargs':{" kwargs "}}]}"
#define LAYER(class_name, name, args) LAYER_WITH(class_name, name, "{}", args, "")
#define E                             "@2.0.0"
#define F                             "@3.0.0"

struct masked {
    struct kf_model *model;
    struct kf_report rep;
    int status;
    size_t n_before;
};

static struct masked adapt(const char *layers)
{
    struct masked masked = {0};
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_adapt how = {.options = &options, .rep = &masked.rep, .since = 315};
    char *text = calloc(1, strlen(layers) + 1024);

    kf_report_init(&masked.rep);
    sprintf(text,
            "{'name':'m','inputs':[@0.0.0,@1.0.0],'outputs':@4.0.0,'layers':["
            "{'name':'x','class_name':'InputLayer','config':{}},"
            "{'name':'y','class_name':'InputLayer','config':{}}" LAYER_WITH(
                "Embedding", "e", "{'mask_zero':true}", "@0.0.0", "")
                LAYER_WITH("Embedding", "f", "{'mask_zero':true}", "@1.0.0", "") "%s]}",
            layers);
    masked.model = make_model(json_of(text), &masked.rep);
    masked.model->dialect = KF_DIALECT_KERAS2;
    masked.n_before = masked.model->graph->n_layers;
    how.model = masked.model;
    masked.status = kf_adapt_masks(&how, masked.model->graph);
    free(text);
    return masked;
}

static void finish(struct masked *masked)
{
    kf_model_destroy(masked->model);
    kf_report_finish(&masked->rep);
}

/* Append the term of a value: an operation with its arguments, a layer's name, a number. */
static void show(const struct kf_graph *graph, const json_t *value, char *out, size_t n)
{
    size_t used = strlen(out), i;
    struct kf_ref ref;
    json_t *one;

    if (json_is_array(value)) {
        json_array_foreach((json_t *)value, i, one)
        {
            if (i)
                strncat(out, ",", n - strlen(out) - 1);
            show(graph, one, out, n);
        }
    } else if (!kf_ref_get(value, &ref)) {
        snprintf(out + used, n - used, "%g", json_number_value(value));
    } else if (!graph->layers[ref.layer]->operation) {
        snprintf(out + used, n - used, "%s", graph->layers[ref.layer]->name);
    } else {
        snprintf(out + used, n - used, "%s(", graph->layers[ref.layer]->class_name);
        show(graph, graph->layers[ref.layer]->calls[0].args, out, n);
        strncat(out, ")", n - strlen(out) - 1);
    }
}

static struct kf_layer *find(const struct masked *masked, const char *name)
{
    const struct kf_graph *graph = masked->model->graph;

    for (size_t i = 0; i < graph->n_layers; i++)
        if (strcmp(graph->layers[i]->name, name) == 0)
            return graph->layers[i];
    fail_msg("no layer %s", name);
    return NULL;
}

/* Layer `name` is called with the mask `want`, "" for none. */
static void assert_mask(const struct masked *masked, const char *name, const char *want)
{
    const json_t *mask = json_object_get(find(masked, name)->calls[0].kwargs, "mask");
    char got[512] = "";

    assert_int_equal(masked->status, 0);
    if (mask)
        show(masked->model->graph, mask, got, sizeof(got));
    assert_string_equal(got, want);
}

static void gives(const char *layers, const char *name, const char *want)
{
    struct masked masked = adapt(layers);

    assert_mask(&masked, name, want);
    assert_int_equal(kf_report_status(&masked.rep), 0);
    if (*want)
        assert_reported(&masked.rep, KF_MASK_WRITTEN);
    else
        assert_int_equal(masked.model->graph->n_layers, masked.n_before);
    finish(&masked);
}

static void is_refused(const char *layers)
{
    struct masked masked = adapt(layers);

    assert_int_equal(masked.status, 0); /* all that has no equal is listed, not the first alone */
    assert_int_equal(kf_report_status(&masked.rep), -KF_MASK_NO_EQUAL);
    assert_reported(&masked.rep, KF_MASK_NO_EQUAL);
    finish(&masked);
}

#define BOTH "LogicalAnd(NotEqual(x,0),NotEqual(y,0))"

static void merged_masks_are_anded(void **state)
{
    (void)state;
    gives(LAYER("Add", "a", "[" E "," F "]") LAYER("LSTM", "l", "@4.0.0"), "l", BOTH);
    gives(LAYER("Multiply", "a", "[" E "," F "]") LAYER("GRU", "l", "@4.0.0"), "l", BOTH);
}

static void one_mask_merged_with_itself_stays(void **state)
{
    (void)state;
    gives(LAYER("Add", "a", "[" E "," E "]") LAYER("LSTM", "l", "@4.0.0"), "l", "");
}

/* Keras 3 has no mask as soon as one input has none. */
static void masked_side_counts_alone(void **state)
{
    (void)state;
    gives(LAYER("Conv1D", "c", F) LAYER("Add", "a", "[" E ",@4.0.0]") LAYER("LSTM", "l", "@5.0.0"),
          "l", "NotEqual(x,0)");
}

static void simple_masks_are_left_to_keras(void **state)
{
    (void)state;
    gives(LAYER("LSTM", "l", E), "l", "");
    gives(LAYER("Dense", "d", E) LAYER("LSTM", "l", "@4.0.0"), "l", "");
}

static void masks_pass_through_layers_that_keep_them(void **state)
{
    (void)state;
    gives(LAYER("Add", "a", "[" E "," F "]") LAYER("Dense", "d", "@4.0.0")
              LAYER("Dropout", "o", "@5.0.0") LAYER("LSTM", "l", "@6.0.0"),
          "l", BOTH);
}

static void masks_end_where_layers_lose_them(void **state)
{
    (void)state;
    gives(LAYER("Add", "a", "[" E "," F "]") LAYER("Conv1D", "c", "@4.0.0")
              LAYER("LSTM", "l", "@5.0.0"),
          "l", "");
    gives(LAYER("LSTM", "s", E) LAYER("RepeatVector", "r", "@4.0.0")
              LAYER("Add", "a", "[@5.0.0,@5.0.0]") LAYER("LSTM", "l", "@6.0.0"),
          "l", "");
}

static void masking_compares_every_feature(void **state)
{
    (void)state;
    gives(LAYER_WITH("Masking", "k", "{'mask_value':-1.5}", "@0.0.0", "")
              LAYER("Add", "a", "[@4.0.0," F "]") LAYER("LSTM", "l", "@5.0.0"),
          "l", "LogicalAnd(NotEqual(y,0),Any(NotEqual(x,-1.5)))");
}

static void last_axis_joins_by_and(void **state)
{
    (void)state;
    gives(LAYER_WITH("Concatenate", "c", "{'axis':-1}", "[" E "," F "]", "")
              LAYER("LSTM", "l", "@4.0.0"),
          "l", BOTH);
}

static void time_axis_joins_end_to_end(void **state)
{
    (void)state;
    gives(LAYER_WITH("Concatenate", "c", "{'axis':1}", "[" E "," F "]", "")
              LAYER("LSTM", "l", "@4.0.0"),
          "l", "Concatenate(NotEqual(x,0),NotEqual(y,0))");
}

/* Refused or not, but without a crash. */
static void survives(const char *layers)
{
    struct masked masked = adapt(layers);

    assert_int_equal(masked.status, 0);
    finish(&masked);
}

static void constants_have_no_mask(void **state)
{
    (void)state;
    survives(LAYER("Add", "a", "[" E ",2.5]") LAYER("LSTM", "l", "@4.0.0"));
    survives(LAYER_WITH("Concatenate", "c", "{'axis':1}", "[" E ",[[2.5]]]", "")
                 LAYER("LSTM", "l", "@4.0.0"));
    survives(LAYER_WITH("Concatenate", "c", "{'axis':1}", "[[" E "," F "],2.5]", "")
                 LAYER("LSTM", "l", "@4.0.0"));
    survives(LAYER_WITH("Concatenate", "c", "{'axis':1}", "[[" E "],[" F "]]", "")
                 LAYER("LSTM", "l", "@4.0.0"));
    survives(LAYER_WITH("Concatenate", "c", "{'axis':1}", E, "") LAYER("LSTM", "l", "@4.0.0"));
}

static void state_of_an_rnn_costs_the_mask(void **state)
{
    (void)state;
    gives(LAYER("LSTM", "l", "[" E ",@0.0.0,@1.0.0]"), "l", "NotEqual(x,0)");
    gives(LAYER_WITH("LSTM", "l", "{}", E, "'initial_state':[@0.0.0,@1.0.0]"), "l",
          "NotEqual(x,0)");
}

static void given_masks_stay(void **state)
{
    struct masked masked = adapt(LAYER("Add", "a", "[" E "," F "]")
                                     LAYER_WITH("LSTM", "l", "{}", "@4.0.0", "'mask':@0.0.0"));

    (void)state;
    assert_mask(&masked, "l", "x");
    finish(&masked);
}

static void sequences_hand_the_mask_on(void **state)
{
    (void)state;
    gives(LAYER("Add", "a", "[" E "," F "]") LAYER_WITH("LSTM", "s", "{'return_sequences':true}",
                                                        "@4.0.0", "") LAYER("LSTM", "l", "@5.0.0"),
          "s", BOTH);
    gives(LAYER_WITH("Masking", "k", "{}", "@0.0.0", "")
              LAYER_WITH("LSTM", "s", "{'return_sequences':true}", "@4.0.0", "")
                  LAYER("Add", "a", "[@5.0.0," F "]") LAYER("LSTM", "l", "@6.0.0"),
          "l", "LogicalAnd(NotEqual(y,0),Any(NotEqual(x,0)))");
}

/* From the first layer that gets it Keras 3 carries the mask along. */
static void written_masks_are_not_written_twice(void **state)
{
    struct masked masked = adapt(LAYER("Add", "a", "[" E "," F "]") LAYER_WITH(
        "LSTM", "s", "{'return_sequences':true}", "@4.0.0", "") LAYER("LSTM", "l", "@5.0.0"));

    (void)state;
    assert_mask(&masked, "s", BOTH);
    assert_mask(&masked, "l", "");
    finish(&masked);
}

static void nodes_are_made_once(void **state)
{
    struct masked one = adapt(LAYER("Add", "a", "[" E "," F "]") LAYER("LSTM", "l", "@4.0.0"));
    struct masked two = adapt(LAYER("Add", "a", "[" E "," F "]") LAYER("LSTM", "l", "@4.0.0")
                                  LAYER("LSTM", "k", "@4.0.0"));

    (void)state;
    assert_mask(&two, "l", BOTH);
    assert_mask(&two, "k", BOTH);
    assert_int_equal(one.model->graph->n_layers - one.n_before, 3);
    assert_true(two.model->graph->n_layers - two.n_before <= 4); /* not NotEqual again */
    finish(&one);
    finish(&two);
}

static void attention_gets_a_list(void **state)
{
    (void)state;
    gives(LAYER("Attention", "q", "[" E "," F "]"), "q", "");
    gives(LAYER("Add", "a", "[" E "," F "]") LAYER("Attention", "q", "[@4.0.0," F "]"), "q",
          BOTH ",NotEqual(y,0)");
}

static void multi_head_attention_gets_names(void **state)
{
    struct masked masked = adapt(LAYER("Add", "a", "[" E "," F "]") LAYER_WITH(
        "MultiHeadAttention", "q", "{}", E, "'value':@4.0.0"));
    char got[512] = "";

    (void)state;
    assert_null(json_object_get(find(&masked, "q")->calls[0].kwargs, "query_mask"));
    show(masked.model->graph, json_object_get(find(&masked, "q")->calls[0].kwargs, "value_mask"),
         got, sizeof(got));
    assert_string_equal(got, BOTH);
    finish(&masked);
}

/* Rescaling loses the mask in Keras 2 and hands it on in Keras 3: an operation cuts it off. */
static void leaked_masks_are_cut_off(void **state)
{
    struct masked masked = adapt(LAYER("Rescaling", "r", E) LAYER_WITH(
        "LSTM", "l", "{'return_sequences':true}", "@4.0.0", "") LAYER("GRU", "g", "@5.0.0"));
    char got[512] = "";

    (void)state;
    show(masked.model->graph, find(&masked, "l")->calls[0].args, got, sizeof(got));
    assert_string_equal(got, "Copy(r)");
    assert_mask(&masked, "l", "");
    got[0] = 0;
    show(masked.model->graph, find(&masked, "g")->calls[0].args, got, sizeof(got));
    assert_string_equal(got, "l"); /* once is enough */
    finish(&masked);
    gives(LAYER("Rescaling", "r", E) LAYER("Conv1D", "c", "@4.0.0"), "c", "");
}

#define TIMED(name, inside, config, args)                                                          \
    ",{'name':'" name "','class_name':'TimeDistributed','config':{},'calls':[{'args':[" args       \
    "],'kwargs':{}}],'parts':[{'name':'p','class_name':'" inside "','config':" config "}]}"

/* A mask that arises in a TimeDistributed comes out of it in Keras 2 alone. */
static void masks_in_steps_are_written(void **state)
{
    (void)state;
    gives(TIMED("t", "Embedding", "{'mask_zero':true}", "@0.0.0") LAYER("LSTM", "l", "@4.0.0"), "l",
          "NotEqual(x,0)");
    gives(TIMED("t", "Dense", "{}", E) LAYER("LSTM", "l", "@4.0.0"), "l", "");
    is_refused(TIMED("t", "LSTM", "{}", E) LAYER("LSTM", "l", "@4.0.0")); /* of which rank? */
}

#define INNER(config)                                                                              \
    ",{'name':'n','class_name':'Functional','config':{},'calls':[{'args':[" E                      \
    "],'kwargs':{}}],'inner':{'name':'n','inputs':@0.0.0,'outputs':@1.0.0,'layers':["              \
    "{'name':'i','class_name':'InputLayer','config':{}}" LAYER_WITH("Dense", "d", config,          \
                                                                    "@0.0.0", "") "]}}"

static void masks_go_through_models(void **state)
{
    (void)state;
    gives(INNER("{}") LAYER("LSTM", "l", "@4.0.0"), "l", "");
    gives(INNER("{}") LAYER("Add", "a", "[@4.0.0," F "]") LAYER("LSTM", "l", "@5.0.0"), "l", BOTH);
}

/* Layers may stand in any order in a file. */
static void source_may_stand_last(void **state)
{
    (void)state;
    gives(LAYER("Add", "a", "[@6.0.0," F "]") LAYER("LSTM", "l", "@4.0.0")
              LAYER_WITH("Embedding", "z", "{'mask_zero':true}", "@0.0.0", ""),
          "l", "LogicalAnd(NotEqual(y,0),NotEqual(x,0))");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_masks_are_anded),
        cmocka_unit_test(one_mask_merged_with_itself_stays),
        cmocka_unit_test(masked_side_counts_alone),
        cmocka_unit_test(simple_masks_are_left_to_keras),
        cmocka_unit_test(masks_pass_through_layers_that_keep_them),
        cmocka_unit_test(masks_end_where_layers_lose_them),
        cmocka_unit_test(masking_compares_every_feature),
        cmocka_unit_test(last_axis_joins_by_and),
        cmocka_unit_test(time_axis_joins_end_to_end),
        cmocka_unit_test(constants_have_no_mask),
        cmocka_unit_test(state_of_an_rnn_costs_the_mask),
        cmocka_unit_test(given_masks_stay),
        cmocka_unit_test(sequences_hand_the_mask_on),
        cmocka_unit_test(written_masks_are_not_written_twice),
        cmocka_unit_test(nodes_are_made_once),
        cmocka_unit_test(attention_gets_a_list),
        cmocka_unit_test(multi_head_attention_gets_names),
        cmocka_unit_test(leaked_masks_are_cut_off),
        cmocka_unit_test(masks_in_steps_are_written),
        cmocka_unit_test(masks_go_through_models),
        cmocka_unit_test(source_may_stand_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
