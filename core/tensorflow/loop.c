/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"
#include "../io/tensorflow/tensor_bundle.h"

static const char *node_of(struct kf_tf *tf, const char *op, const char *name, int type,
                           const char *x, const char *y)
{
    struct kf_tf_node node;

    if (name)
        kf_tf_begin_named(tf, &node, op, name);
    else
        kf_tf_begin(tf, &node, op);
    kf_tf_in(&node, x);
    if (y)
        kf_tf_in(&node, y);
    kf_tf_set_type_number(&node, "T", type);
    if (y && op[0] == 'M') /* Merge */
        kf_tf_set_int(&node, "N", 2);
    return kf_tf_end(&node);
}

const char *kf_tf_loop_enter(struct kf_tf_loop *loop, const char *tensor, int type, bool constant)
{
    struct kf_tf_node node;

    kf_tf_begin(loop->tf, &node, "Enter");
    kf_tf_in(&node, tensor);
    kf_tf_set_type_number(&node, "T", type);
    kf_tf_set_text(&node, "frame_name", loop->frame);
    kf_tf_set_bool(&node, "is_constant", constant);
    kf_tf_set_int(&node, "parallel_iterations", 32);
    return kf_tf_end(&node);
}

/* What goes round does so by a node that is made at the end: its name is needed now. */
static bool merge(struct kf_tf_loop *loop, struct kf_tf_loop_variable *one)
{
    struct kf_tf *tf = loop->tf;
    const char *wanted = kf_arena_printf(tf->arena, "%s/NextIteration", tf->path);

    one->next_name = wanted ? kf_tf_name(tf, wanted) : kf_tf_no_memory(tf);
    one->merge = node_of(tf, "Merge", NULL, one->type,
                         kf_tf_loop_enter(loop, one->before, one->type, false), one->next_name);
    return one->next_name && one->merge;
}

static bool branch(struct kf_tf_loop *loop, struct kf_tf_loop_variable *one, const char *condition)
{
    one->switched = node_of(loop->tf, "Switch", NULL, one->type, one->merge, condition);
    one->now = node_of(loop->tf, "Identity", NULL, one->type,
                       kf_tf_output(loop->tf, one->switched, 1), NULL);
    return one->now != NULL;
}

bool kf_tf_loop_begin(struct kf_tf_loop *loop, struct kf_tf *tf, const char *steps)
{
    const int int32 = kf_tensorflow_dtype(KF_DTYPE_INT32);
    const char *condition;
    bool good;

    loop->tf = tf;
    loop->frame = kf_arena_printf(tf->arena, "%s/while", tf->path);
    loop->frame = loop->frame ? kf_tf_name(tf, loop->frame) : kf_tf_no_memory(tf);
    if (!loop->frame)
        return false;
    loop->counter =
        (struct kf_tf_loop_variable){.type = int32, .before = kf_tf_scalar(tf, KF_DTYPE_INT32, 0)};
    good = merge(loop, &loop->counter);
    for (size_t i = 0; good && i < loop->n; i++)
        good = merge(loop, &loop->variables[i]);
    condition = kf_tf_binary(tf, "Less", KF_DTYPE_INT32, loop->counter.merge,
                             kf_tf_loop_enter(loop, steps, int32, true));
    condition = kf_tf_logical(tf, "LoopCond", condition, NULL);
    good = good && condition && branch(loop, &loop->counter, condition);
    for (size_t i = 0; good && i < loop->n; i++)
        good = branch(loop, &loop->variables[i], condition);
    loop->step = loop->counter.now;
    tf->within = loop->step;
    return good;
}

static bool leave(struct kf_tf_loop *loop, struct kf_tf_loop_variable *one)
{
    one->next = node_of(loop->tf, "NextIteration", one->next_name, one->type, one->next, NULL);
    one->after = node_of(loop->tf, "Exit", NULL, one->type, one->switched, NULL);
    return one->next && one->after;
}

bool kf_tf_loop_end(struct kf_tf_loop *loop)
{
    bool good;

    loop->counter.next = kf_tf_with(loop->tf, "AddV2", KF_DTYPE_INT32, loop->step, 1);
    loop->tf->within = NULL;
    good = leave(loop, &loop->counter);
    for (size_t i = 0; good && i < loop->n; i++)
        good = leave(loop, &loop->variables[i]);
    return good;
}
