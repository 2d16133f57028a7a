/* SPDX-License-Identifier: Apache-2.0 */
#include "saving_lib_bound.h"

#define NAMED(first, second)                                                                       \
    "layers/dense@" first " layers/dense/vars/0:3x2=1 layers/dense/vars/1:2=2 "                    \
    "layers/dense_1@" second " layers/dense_1/vars/0:2x2=3 layers/dense_1/vars/1:2=2"

static void names_are_evidence(void **state)
{
    static const char config[] = MODEL(DENSE("a") "," DENSE("b"));
    struct bound b;

    (void)state;
    bind_at(&b, config, NAMED("a", "b"), "", KF_KERAS(3, 6, 0));
    assert_int_equal(b.status, 0);
    assert_int_equal(b.rep.n_entries, 0);
    finish(&b);
    /* Made again: the second model's layers are called b and c. */
    bind_at(&b, config, NAMED("b", "c"), "", KF_KERAS(3, 6, 0));
    assert_int_equal(b.status, 0);
    assert_reported(&b.rep, KF_FINDING);
    assert_tensor(&b, b.model->graph->layers[2], 0, "layers/dense_1/vars/0", 3);
    finish(&b);
    assert_refused(config, NAMED("b", "a"), KF_KERAS(3, 6, 0), KF_MAPPING_AMBIGUOUS,
                   "another order");
}

#define CALLED(name, above)                                                                        \
    "{'class_name':'Dense','config':{'name':'" name "','units':2},'name':'" name                   \
    "','inbound_nodes':[[['" above "',0,0,{}]]]}"
/* Called one after another, but listed from the last to the first. */
#define BACKWARDS                                                                                  \
    "{'class_name':'Functional','config':{'name':'f','layers':[" CALLED("c", "b") "," CALLED(      \
        "b", "a") "," CALLED("a",                                                                  \
                             "in") ",{'class_name':'InputLayer','config':{'name':'in','batch_"     \
                                   "input_shape':[null,2]},"                                       \
                                   "'name':'in','inbound_nodes':[]}],"                             \
                                   "'input_layers':[['in',0,0]],'output_layers':[['c',0,0]]}}"
#define THREE(first, second, third)                                                                \
    "layers/dense@" first " layers/dense/vars/0:2x2=1 layers/dense/vars/1:2=1 "                    \
    "layers/dense_1@" second " layers/dense_1/vars/0:2x2=2 layers/dense_1/vars/1:2=2 "             \
    "layers/dense_2@" third " layers/dense_2/vars/0:2x2=3 layers/dense_2/vars/1:2=3"

static void names_tell_the_order(void **state)
{
    struct bound b;

    (void)state;
    bind_at(&b, BACKWARDS, THREE("c", "b", "a"), "", KF_KERAS(3, 15, 1));
    assert_int_equal(b.status, 0);
    assert_tensor(&b, b.model->graph->layers[0], 0, "layers/dense/vars/0", 1);
    assert_tensor(&b, b.model->graph->layers[2], 0, "layers/dense_2/vars/0", 3);
    finish(&b);
    /* As Keras has them once it made the calls. */
    bind_at(&b, BACKWARDS, THREE("a", "b", "c"), "", KF_KERAS(3, 15, 1));
    assert_int_equal(b.status, 0);
    assert_int_equal(b.rep.n_entries, 0);
    assert_tensor(&b, b.model->graph->layers[0], 0, "layers/dense_2/vars/0", 3);
    assert_tensor(&b, b.model->graph->layers[1], 0, "layers/dense_1/vars/0", 2);
    assert_tensor(&b, b.model->graph->layers[2], 0, "layers/dense/vars/0", 1);
    finish(&b);
    assert_refused(BACKWARDS, THREE("b", "a", "c"), KF_KERAS(3, 15, 1), KF_MAPPING_AMBIGUOUS,
                   "another order");
}

static void names_without_variables_do_not_matter(void **state)
{
    static const char config[] =
        MODEL(LAYER("Flatten", "x", "") "," LAYER("Flatten", "y", "") "," DENSE("a"));
    struct bound b;

    (void)state;
    bind_at(&b, config, TWO "layers/dense@a layers/flatten@y layers/flatten_1@x", "",
            KF_KERAS(3, 15, 1));
    assert_int_equal(b.status, 0);
    assert_int_equal(b.rep.n_entries, 0);
    finish(&b);
}

static void lack_of_memory_is_told(void **state)
{
    struct bound b;

    (void)state;
    bind_at(&b, BACKWARDS, THREE("a", "b", "c"), "", KF_KERAS(3, 6, 0));
    assert_int_equal(b.status, 0);
    release(&b);
    torture(bind_again, &b);
    json_decref(b.config);
    close(b.src.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_evidence),
        cmocka_unit_test(names_tell_the_order),
        cmocka_unit_test(names_without_variables_do_not_matter),
        cmocka_unit_test(lack_of_memory_is_told),
    };

    json_set_alloc_funcs(kf_json_alloc, kf_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
