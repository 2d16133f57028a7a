/* SPDX-License-Identifier: Apache-2.0 */
#include "core/format/legacy/legacy_order.h"
#include "core_test.h"

/*
 * Layers are written as words: each test makes a tree, and order_of() says in which order its
 * variables stand. A variable's name ends in '.' where it is not trainable.
 */
static struct kf_model *model;

static int make(void **state)
{
    (void)state;
    model = kf_model_create();
    return model ? 0 : -1;
}

static int drop(void **state)
{
    (void)state;
    kf_model_destroy(model);
    return 0;
}

/* A layer with up to four variables. */
static struct kf_layer *layer(bool trainable, const char *const *variables)
{
    struct kf_layer *made = kf_layer_new(model);

    made->trainable = trainable;
    made->tensors = kf_arena_alloc(model->arena, 4 * sizeof(*made->tensors));
    while (variables[made->n_tensors]) {
        struct kf_tensor *tensor = &made->tensors[made->n_tensors];

        tensor->variable = variables[made->n_tensors++];
        tensor->trainable = !strchr(tensor->variable, '.');
    }
    return made;
}

#define VARIABLES(...)                                                                             \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define NOTHING                                                                                    \
    (const char *const[])                                                                          \
    {                                                                                              \
        NULL                                                                                       \
    }

/* A wrapper without variables of its own. */
static struct kf_layer *wrapper(bool trainable, struct kf_layer *a, struct kf_layer *b)
{
    struct kf_layer *made = layer(trainable, NOTHING);

    made->parts = kf_arena_alloc(model->arena, 2 * sizeof(struct kf_layer *));
    made->parts[made->n_parts++] = a;
    if (b)
        made->parts[made->n_parts++] = b;
    return made;
}

/* A model of two layers, used as a layer. */
static struct kf_layer *nested(bool trainable, struct kf_layer *a, struct kf_layer *b)
{
    struct kf_layer *made = layer(trainable, NOTHING);
    struct kf_report rep;

    kf_report_init(&rep);
    made->inner = kf_graph_new(model);
    assert_int_equal(kf_graph_insert(model, made->inner, 0, a, &rep), 0);
    assert_int_equal(kf_graph_insert(model, made->inner, 1, b, &rep), 0);
    kf_report_finish(&rep);
    return made;
}

static void assert_order_in(enum kf_dialect dialect, struct kf_layer *of, const char *want)
{
    struct kf_legacy_order order = {0};
    char got[256] = "";

    assert_int_equal(kf_legacy_order(&order, of, dialect), 0);
    for (size_t i = 0; i < order.n; i++) {
        size_t n = strlen(got);

        snprintf(got + n, sizeof(got) - n, "%s%s", i ? " " : "", order.slots[i].tensor->variable);
    }
    assert_string_equal(got, want);
    kf_legacy_order_finish(&order);
}

static void assert_order(struct kf_layer *of, const char *want)
{
    assert_order_in(KF_DIALECT_KERAS2, of, want);
}

static struct kf_layer *norm(bool trainable)
{
    return layer(trainable, VARIABLES("gamma", "beta", "mean.", "variance."));
}

static struct kf_layer *dense(bool trainable)
{
    return layer(trainable, VARIABLES("kernel", "bias"));
}

static void trainable_stand_before_the_rest(void **state)
{
    (void)state;
    assert_order(layer(true, VARIABLES("count.", "kernel", "mean.", "bias")),
                 "kernel bias count. mean.");
}

static void frozen_layer_keeps_that_order(void **state)
{
    (void)state;
    assert_order(layer(false, VARIABLES("count.", "kernel", "mean.", "bias")),
                 "kernel bias count. mean.");
}

static void model_lists_all_that_is_trainable_first(void **state)
{
    (void)state;
    assert_order(nested(true, norm(true), dense(true)), "gamma beta kernel bias mean. variance.");
}

static void frozen_layer_of_a_model_goes_behind(void **state)
{
    (void)state;
    assert_order(nested(true, dense(false), norm(true)), "gamma beta kernel bias mean. variance.");
    assert_order(nested(true, norm(false), dense(true)), "kernel bias gamma beta mean. variance.");
}

/* The flag of a model is set on all its layers, and then some may be set back. */
static void frozen_model_lists_what_is_trainable_first(void **state)
{
    (void)state;
    assert_order(nested(false, norm(false), dense(false)),
                 "gamma beta mean. variance. kernel bias");
    assert_order(nested(false, norm(false), dense(true)), "kernel bias gamma beta mean. variance.");
}

static void frozen_part_goes_behind_the_others(void **state)
{
    (void)state;
    assert_order(wrapper(true, layer(false, VARIABLES("forward")), layer(true, VARIABLES("back"))),
                 "back forward");
}

static void frozen_wrapper_lists_each_part_whole(void **state)
{
    (void)state;
    assert_order(wrapper(false, norm(true), dense(false)),
                 "gamma beta mean. variance. kernel bias");
}

/* TimeDistributed(model), frozen: the layers of the model one after the other. */
static void frozen_wrapper_lists_a_models_layers_in_turn(void **state)
{
    (void)state;
    assert_order(wrapper(false, nested(true, norm(true), dense(true)), NULL),
                 "gamma beta mean. variance. kernel bias");
    assert_order(wrapper(true, nested(true, norm(true), dense(true)), NULL),
                 "gamma beta kernel bias mean. variance.");
}

/* Keras 3 walks the tree once and sorts its variables by their own flags. */
static void keras3_sorts_one_walk(void **state)
{
    (void)state;
    assert_order_in(KF_DIALECT_KERAS3, nested(true, norm(true), dense(true)),
                    "gamma beta kernel bias mean. variance.");
    assert_order_in(KF_DIALECT_KERAS3, nested(true, dense(false), norm(true)),
                    "gamma beta kernel bias mean. variance.");
    assert_order_in(KF_DIALECT_KERAS3, nested(false, norm(true), dense(false)),
                    "gamma beta mean. variance. kernel bias");
    assert_order_in(KF_DIALECT_KERAS3, wrapper(false, dense(true), norm(false)),
                    "kernel bias gamma beta mean. variance.");
    assert_order_in(KF_DIALECT_KERAS3, wrapper(true, norm(false), dense(true)),
                    "kernel bias gamma beta mean. variance.");
}

/* A wrapper that holds a variable of the layer in it as its own first one. */
static struct kf_layer *spectral(bool trainable, struct kf_layer *inside)
{
    struct kf_layer *made = wrapper(trainable, inside, NULL);

    made->class_name = "SpectralNormalization";
    made->tensors[made->n_tensors++].variable = "vector_u.";
    return made;
}

static void copied_variable_stands_where_the_wrapper_does(void **state)
{
    (void)state;
    assert_order(spectral(true, dense(true)), "kernel bias vector_u.");
    assert_order(spectral(false, dense(true)), "kernel vector_u. bias");
    assert_order_in(KF_DIALECT_KERAS3, spectral(true, dense(true)), "kernel bias vector_u.");
    assert_order_in(KF_DIALECT_KERAS3, spectral(true, dense(false)), "kernel vector_u. bias");
    assert_order_in(KF_DIALECT_KERAS3, spectral(false, dense(true)), "kernel vector_u. bias");
}

static void slots_name_the_owner(void **state)
{
    struct kf_legacy_order order = {0};
    struct kf_layer *first = dense(true), *second = dense(false);

    (void)state;
    assert_int_equal(kf_legacy_order(&order, nested(true, second, first), KF_DIALECT_KERAS2), 0);
    assert_int_equal(order.n, 4);
    assert_ptr_equal(order.slots[0].layer, first);
    assert_ptr_equal(order.slots[3].layer, second);
    assert_ptr_equal(order.slots[3].tensor, &second->tensors[1]);
    kf_legacy_order_finish(&order);
    assert_null(order.slots);
}

static int order_once(void *context)
{
    struct kf_legacy_order order = {0};
    int r = kf_legacy_order(&order, context, KF_DIALECT_KERAS2);

    kf_legacy_order_finish(&order);
    return r;
}

static void every_allocation_may_fail(void **state)
{
    struct kf_layer *many = nested(true, norm(true), norm(true));

    (void)state;
    torture(order_once, nested(true, many, many));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(trainable_stand_before_the_rest, make, drop),
        cmocka_unit_test_setup_teardown(frozen_layer_keeps_that_order, make, drop),
        cmocka_unit_test_setup_teardown(model_lists_all_that_is_trainable_first, make, drop),
        cmocka_unit_test_setup_teardown(frozen_layer_of_a_model_goes_behind, make, drop),
        cmocka_unit_test_setup_teardown(frozen_model_lists_what_is_trainable_first, make, drop),
        cmocka_unit_test_setup_teardown(frozen_part_goes_behind_the_others, make, drop),
        cmocka_unit_test_setup_teardown(frozen_wrapper_lists_each_part_whole, make, drop),
        cmocka_unit_test_setup_teardown(frozen_wrapper_lists_a_models_layers_in_turn, make, drop),
        cmocka_unit_test_setup_teardown(keras3_sorts_one_walk, make, drop),
        cmocka_unit_test_setup_teardown(copied_variable_stands_where_the_wrapper_does, make, drop),
        cmocka_unit_test_setup_teardown(slots_name_the_owner, make, drop),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, make, drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
