/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/str.h"
#include "core/model/optimizer.h"
#include "core_test.h"

/* Two variables, a matrix and a vector: what every layout here is for. */
struct world {
    struct kf_model *model;
    struct kf_payload matrix, vector;
    struct kf_tensor tensors[2];
    struct kf_trainables list;
    struct kf_optimizer_kind kind;
    struct kf_optimizer_layout layout;
};

static void make_world(struct world *world, enum kf_dialect dialect, const char *optimizer)
{
    *world = (struct world){.model = kf_model_create(),
                            .matrix = {.rank = 2, .dims = {3, 5}},
                            .vector = {.rank = 1, .dims = {5}}};
    world->tensors[0].payload = &world->matrix;
    world->tensors[1].payload = &world->vector;
    world->model->dialect = dialect;
    world->model->training = json_pack("{s:o}", "optimizer", json_loads(optimizer, 0, NULL));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(kf_trainables_add(&world->list, NULL, &world->tensors[i]), 0);
}

static void end_world(struct world *world)
{
    kf_optimizer_layout_finish(&world->layout);
    kf_trainables_finish(&world->list);
    kf_model_destroy(world->model);
}

/* The layout as text: "iteration momentum.0 momentum.1". */
static void assert_layout(const char *optimizer, enum kf_dialect dialect, int since, size_t nth,
                          const char *expected)
{
    struct world world;
    char text[512] = "";

    make_world(&world, dialect, optimizer);
    assert_true(kf_optimizer_kind(&world.kind, world.model));
    assert_int_equal(kf_optimizer_layout(&world.layout, &world.kind, since, nth, &world.list), 1);
    for (size_t i = 0; i < world.layout.n; i++) {
        const struct kf_optimizer_var *var = &world.layout.vars[i];
        size_t n = strlen(text);

        snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "", var->slot);
        n = strlen(text);
        if (var->variable)
            snprintf(text + n, sizeof(text) - n, ".%d%s", (int)(var->variable - world.list.items),
                     var->placeholder ? "!" : "");
    }
    assert_string_equal(text, expected);
    end_world(&world);
}

#define NEW_ADAM(more)                                                                             \
    "{\"class_name\": \"Custom>Adam\", \"config\": {\"name\": \"Adam\", \"jit_compile\": false, "  \
    "\"learning_rate\": 0.1" more "}}"

static void new_optimizers_interleave(void **state)
{
    (void)state;
    assert_layout(NEW_ADAM(""), KF_DIALECT_KERAS2, 0, 0,
                  "iteration momentum.0 velocity.0 momentum.1 velocity.1");
    assert_layout(NEW_ADAM(", \"amsgrad\": true, \"use_ema\": true"), KF_DIALECT_KERAS2, 0, 0,
                  "iteration average.0 average.1 momentum.0 velocity.0 momentum.1 velocity.1 "
                  "velocity_hat.0 velocity_hat.1");
}

static void legacy_optimizers_go_by_slot(void **state)
{
    (void)state;
    assert_layout("{\"class_name\": \"Adam\", \"config\": {\"name\": \"Adam\"}}", KF_DIALECT_KERAS2,
                  0, 0, "iteration momentum.0 momentum.1 velocity.0 velocity.1");
    assert_layout("{\"class_name\": \"SGD\", \"config\": {\"name\": \"SGD\", \"momentum\": 0.0}}",
                  KF_DIALECT_KERAS2, 0, 0, "iteration");
}

static void old_optimizers_may_have_no_counter(void **state)
{
    const char *rmsprop = "{\"class_name\": \"RMSprop\", \"config\": {\"lr\": 0.1}}";

    (void)state;
    assert_layout(rmsprop, KF_DIALECT_KERAS2, 0, 0, "iteration velocity.0 velocity.1");
    assert_layout(rmsprop, KF_DIALECT_KERAS2, 0, 1, "velocity.0 velocity.1");
}

static void keras3_counts_by_release_and_rank(void **state)
{
    const char *nadam = "{\"class_name\": \"Nadam\", \"config\": {\"learning_rate\": 0.1}}";

    (void)state;
    assert_layout(nadam, KF_DIALECT_KERAS3, 309, 0,
                  "iteration learning_rate u_product momentum.0 velocity.0 momentum.1 velocity.1");
    assert_layout(nadam, KF_DIALECT_KERAS3, 310, 0,
                  "iteration learning_rate momentum.0 velocity.0 momentum.1 velocity.1 u_product");
    assert_layout("{\"class_name\": \"Adafactor\", \"config\": {\"learning_rate\": 0.1}}",
                  KF_DIALECT_KERAS3, 315, 0,
                  "iteration learning_rate r.0 c.0 velocity.0 r.1! c.1! velocity.1");
    assert_layout("{\"class_name\": \"SGD\", \"config\": {\"learning_rate\": {\"class_name\": "
                  "\"CosineDecay\", \"config\": {}}, \"momentum\": 0.5}}",
                  KF_DIALECT_KERAS3, 315, 0, "iteration momentum.0 momentum.1");
}

static void rows_end(void **state)
{
    struct world world;

    (void)state;
    make_world(&world, KF_DIALECT_KERAS2, NEW_ADAM(""));
    assert_true(kf_optimizer_kind(&world.kind, world.model));
    assert_int_equal(kf_optimizer_layout(&world.layout, &world.kind, 0, 1, &world.list), 0);
    world.kind.class_name = "Own";
    assert_int_equal(kf_optimizer_layout(&world.layout, &world.kind, 0, 0, &world.list), 0);
    end_world(&world);
}

static void a_wrapper_is_looked_through(void **state)
{
    struct world world;

    (void)state;
    make_world(&world, KF_DIALECT_KERAS2,
               "{\"class_name\": \"LossScaleOptimizer\", \"config\": {\"inner_optimizer\": "
               "{\"class_name\": \"SGD\", \"config\": {\"name\": \"SGD\"}}}}");
    assert_true(kf_optimizer_kind(&world.kind, world.model));
    assert_non_null(world.kind.scaler);
    assert_string_equal(world.kind.class_name, "SGD");
    assert_int_equal(world.kind.family, KF_FAMILY_LEGACY);
    end_world(&world);
}

static void keras3_lists_the_scaler_first(void **state)
{
    (void)state;
    assert_layout("{\"class_name\": \"LossScaleOptimizer\", \"config\": {\"inner_optimizer\": "
                  "{\"class_name\": \"SGD\", \"config\": {\"learning_rate\": 0.1}}}}",
                  KF_DIALECT_KERAS3, 315, 0,
                  "scaler_iteration scaler_rate step_counter dynamic_scale iteration "
                  "learning_rate");
}

static void what_is_no_object_is_no_optimizer(void **state)
{
    static const char *const odd[] = {"{}", "[]", "{\"class_name\": 3, \"config\": {}}",
                                      "{\"class_name\": \"SGD\", \"config\": 1}",
                                      "{\"class_name\": \"LossScaleOptimizer\", \"config\": {}}"};
    struct world world;

    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        make_world(&world, KF_DIALECT_KERAS2, odd[i]);
        assert_false(kf_optimizer_kind(&world.kind, world.model));
        end_world(&world);
    }
}

static void shapes_are_those_of_the_variable(void **state)
{
    struct kf_payload rows = {.rank = 1, .dims = {3}}, columns = {.rank = 1, .dims = {5}},
                      scalar = {0};
    struct kf_tensor matrix = {0};
    struct kf_payload shape = {.rank = 2, .dims = {3, 5}}, turned = {.rank = 2, .dims = {5, 3}};
    struct kf_trainable variable = {NULL, &matrix};
    struct kf_optimizer_var var = {.slot = "momentum", .variable = &variable};

    (void)state;
    matrix.payload = &shape;
    assert_true(kf_optimizer_fits(&var, &shape));
    assert_false(kf_optimizer_fits(&var, &turned));
    assert_false(kf_optimizer_fits(&var, &scalar));
    var.slot = "r";
    assert_true(kf_optimizer_fits(&var, &rows));
    assert_false(kf_optimizer_fits(&var, &columns));
    var.slot = "c";
    assert_true(kf_optimizer_fits(&var, &columns));
    assert_false(kf_optimizer_fits(&var, &rows));
    var.placeholder = true;
    assert_true(kf_optimizer_fits(&var, &scalar));
}

static void the_first_reason_stays(void **state)
{
    struct world world;

    (void)state;
    make_world(&world, KF_DIALECT_KERAS2, NEW_ADAM(""));
    world.model->optimizer.bound = true;
    kf_optimizer_lose(world.model, "one");
    kf_optimizer_lose(world.model, "two");
    assert_false(world.model->optimizer.bound);
    assert_string_equal(world.model->optimizer.lost, "one");
    end_world(&world);
}

static int lay_out(void *context)
{
    struct world *world = context;
    int r;

    kf_optimizer_layout_finish(&world->layout);
    r = kf_optimizer_layout(&world->layout, &world->kind, 0, 0, &world->list);
    return r < 0 ? r : 0;
}

static void survives_without_memory(void **state)
{
    struct world world;

    (void)state;
    make_world(&world, KF_DIALECT_KERAS2, NEW_ADAM(""));
    assert_true(kf_optimizer_kind(&world.kind, world.model));
    torture(lay_out, &world);
    end_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_optimizers_interleave),
        cmocka_unit_test(legacy_optimizers_go_by_slot),
        cmocka_unit_test(old_optimizers_may_have_no_counter),
        cmocka_unit_test(keras3_counts_by_release_and_rank),
        cmocka_unit_test(rows_end),
        cmocka_unit_test(a_wrapper_is_looked_through),
        cmocka_unit_test(keras3_lists_the_scaler_first),
        cmocka_unit_test(what_is_no_object_is_no_optimizer),
        cmocka_unit_test(shapes_are_those_of_the_variable),
        cmocka_unit_test(the_first_reason_stays),
        cmocka_unit_test(survives_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
