/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tensorflow/curves.h"
#include "core/tensorflow/translate.h"
#include "core_test.h"

/* A graph of TensorFlow in the making, and what is packed of it. */
struct made {
    struct kf_report rep;
    struct kf_tf tf;
};

static void begin(struct made *made)
{
    *made = (struct made){.tf = {.path = "dense", .nodes = {.max = 1 << 20}}};
    kf_report_init(&made->rep);
    made->tf.rep = &made->rep;
    made->tf.arena = kf_arena_create();
    made->tf.taken = json_object();
}

static void end(struct made *made)
{
    kf_buf_finish(&made->tf.nodes);
    kf_free(made->tf.variables);
    json_decref(made->tf.taken);
    kf_arena_destroy(made->tf.arena);
    kf_report_finish(&made->rep);
}

/* The node that was packed last; free it. */
static Kf__Tf__NodeDef *last_node(const struct made *made)
{
    const uint8_t *bytes = (const uint8_t *)made->tf.nodes.data;
    Kf__Tf__NodeDef *node = NULL;

    for (size_t at = 0; at < made->tf.nodes.n;) {
        size_t size = 0;
        unsigned shift = 0;

        assert_int_equal(bytes[at++], 1 << 3 | 2);
        do {
            size |= (size_t)(bytes[at] & 0x7f) << shift;
            shift += 7;
        } while (bytes[at++] & 0x80);
        if (node)
            kf__tf__node_def__free_unpacked(node, NULL);
        node = kf__tf__node_def__unpack(NULL, size, bytes + at);
        assert_non_null(node);
        at += size;
    }
    assert_non_null(node);
    return node;
}

static const Kf__Tf__AttrDef *attribute(const Kf__Tf__NodeDef *node, const char *key)
{
    for (size_t i = 0; i < node->n_attr; i++)
        if (strcmp(node->attr[i]->key, key) == 0)
            return node->attr[i]->value;
    return NULL;
}

static void names_are_clean_and_each_is_there_once(void **state)
{
    struct made made;

    (void)state;
    begin(&made);
    assert_string_equal(kf_tf_name(&made.tf, "a b/MatMul"), "a_b/MatMul");
    assert_string_equal(kf_tf_name(&made.tf, "a_b/MatMul"), "a_b/MatMul_1");
    assert_string_equal(kf_tf_name(&made.tf, "a_b/MatMul"), "a_b/MatMul_2");
    assert_string_equal(kf_tf_name(&made.tf, "a_b/MatMul_1"), "a_b/MatMul_1_1");
    assert_string_equal(kf_tf_name(&made.tf, "A_B/matmul"), "A_B/matmul_3");
    assert_string_equal(kf_tf_name(&made.tf, "_hidden"), "._hidden");
    assert_string_equal(kf_tf_name(&made.tf, "sch\xc3\xb6n"), "sch__n");
    end(&made);
}

static void nodes_are_packed_with_their_attributes(void **state)
{
    static const int64_t dims[2] = {-1, 3};
    struct kf_tf_node node;
    Kf__Tf__NodeDef *packed;
    struct made made;

    (void)state;
    begin(&made);
    kf_tf_begin(&made.tf, &node, "Op");
    kf_tf_in(&node, "x");
    kf_tf_after(&node, "y");
    kf_tf_set_type(&node, "T", KF_DTYPE_FLOAT32);
    kf_tf_set_int(&node, "zero", 0); /* it must be there all the same */
    kf_tf_set_shape(&node, "shape", 2, dims);
    assert_string_equal(kf_tf_end(&node), "dense/Op");
    packed = last_node(&made);
    assert_string_equal(packed->op, "Op");
    assert_string_equal(packed->input[0], "x");
    assert_string_equal(packed->input[1], "^y");
    assert_int_equal(attribute(packed, "T")->type, 1);
    assert_int_equal(attribute(packed, "zero")->value_case, KF__TF__ATTR_DEF__VALUE_I);
    assert_int_equal(attribute(packed, "shape")->shape->dim[0]->size, -1);
    kf__tf__node_def__free_unpacked(packed, NULL);
    end(&made);
}

static void a_node_of_nothing_is_nothing(void **state)
{
    struct made made;

    (void)state;
    begin(&made);
    assert_null(kf_tf_unary(&made.tf, "Relu", KF_DTYPE_FLOAT32, NULL));
    assert_null(kf_tf_curve(&made.tf, "elu", KF_DTYPE_FLOAT32, NULL, 1, 0));
    assert_int_equal(made.tf.nodes.n, 0);
    end(&made);
}

static void constants_in_a_loop_wait_for_its_step(void **state)
{
    Kf__Tf__NodeDef *packed;
    struct made made;

    (void)state;
    begin(&made);
    made.tf.within = "lstm/Identity";
    assert_non_null(kf_tf_scalar(&made.tf, KF_DTYPE_INT32, 7));
    packed = last_node(&made);
    assert_string_equal(packed->input[0], "^lstm/Identity");
    assert_int_equal(attribute(packed, "value")->tensor->tensor_content.data[0], 7);
    kf__tf__node_def__free_unpacked(packed, NULL);
    end(&made);
}

static void axes_stand_elsewhere_when_the_channels_are_last(void **state)
{
    (void)state;
    assert_int_equal(kf_tf_axis_last(0, 4), 0);
    assert_int_equal(kf_tf_axis_last(1, 4), 3);
    assert_int_equal(kf_tf_axis_last(2, 4), 1);
    assert_int_equal(kf_tf_axis_last(3, 4), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_clean_and_each_is_there_once),
        cmocka_unit_test(nodes_are_packed_with_their_attributes),
        cmocka_unit_test(a_node_of_nothing_is_nothing),
        cmocka_unit_test(constants_in_a_loop_wait_for_its_step),
        cmocka_unit_test(axes_stand_elsewhere_when_the_channels_are_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
