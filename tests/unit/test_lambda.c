/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include "core/model/lambda.h"
#include "core/model/marshal.h"
#include "core/model/packages.h"

#define TAKES_MEAN   "; takes: x, axis; touches: tf, reduce_mean, K, abs; constants: 2.5, 70000, "
#define TAKES_SCALED "; takes: x; touches: K, abs"

/* What is told of each function, by the version that wrote it. */
static const struct {
    const char *python, *mean, *scaled;
} told[] = {
    {"2.7",
     "written by Python 2, 59 bytes of bytecode" TAKES_MEAN "'axis', 1, 2, 'mode', 'same', (1, 2)",
     "written by Python 2, 17 bytes of bytecode" TAKES_SCALED},
    {"3.6", "written by Python 3.6-3.7, 46 bytes of bytecode" TAKES_MEAN,
     "written by Python 3.6-3.7, 14 bytes of bytecode" TAKES_SCALED},
    {"3.7", "written by Python 3.6-3.7, 46 bytes of bytecode" TAKES_MEAN,
     "written by Python 3.6-3.7, 14 bytes of bytecode" TAKES_SCALED},
    {"3.8", "written by Python 3.8-3.9, 46 bytes of bytecode" TAKES_MEAN,
     "written by Python 3.8-3.9, 14 bytes of bytecode" TAKES_SCALED},
    {"3.9", "written by Python 3.8-3.9, 46 bytes of bytecode" TAKES_MEAN,
     "written by Python 3.8-3.9, 14 bytes of bytecode" TAKES_SCALED},
    {"3.10", "written by Python 3.10, 46 bytes of bytecode" TAKES_MEAN,
     "written by Python 3.10, 14 bytes of bytecode" TAKES_SCALED},
    {"3.11", "written by Python 3.11-3.12, 152 bytes of bytecode" TAKES_MEAN,
     "written by Python 3.11 or later, 62 bytes of bytecode" TAKES_SCALED},
    {"3.12", "written by Python 3.11-3.12, 126 bytes of bytecode" TAKES_MEAN,
     "written by Python 3.11 or later, 52 bytes of bytecode" TAKES_SCALED},
    {"3.13", "written by Python 3.13, 120 bytes of bytecode" TAKES_MEAN,
     "written by Python 3.11 or later, 52 bytes of bytecode" TAKES_SCALED},
};

static const struct {
    const char *python, *function, *code;
} lambdas[] = {
#define LAMBDA(python, function, code) {python, #function, code},
#include "lambdas.def"
#undef LAMBDA
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Describe a config whose reference is taken; `text` gets what is told. */
static void describe(json_t *config, char text[1024])
{
    struct kf_buf out = {.max = 1000};

    assert_non_null(config);
    kf_lambda_describe(config, "function", &out);
    assert_true(out.n < 1024);
    memcpy(text, out.n ? out.data : "", out.n + 1);
    kf_buf_finish(&out);
    json_decref(config);
}

static json_t *list_form(const char *code)
{
    return json_pack("{s:[s, n, n], s:s}", "function", code, "function_type", "lambda");
}

static const char *expected(const char *python, const char *function)
{
    for (size_t i = 0; i < N_ROWS(told); i++)
        if (strcmp(told[i].python, python) == 0)
            return strcmp(function, "mean") == 0 ? told[i].mean : told[i].scaled;
    return NULL;
}

static void each_python_is_told(void **unused)
{
    char text[1024], of_object[1024], *begin;

    (void)unused;
    assert_int_equal(N_ROWS(lambdas), 2 * N_ROWS(told));
    for (size_t i = 0; i < N_ROWS(lambdas); i++) {
        const char *wanted = expected(lambdas[i].python, lambdas[i].function);

        describe(list_form(lambdas[i].code), text);
        begin = strndup(text, strlen(wanted));
        assert_string_equal(begin, wanted);
        free(begin);
        describe(json_pack("{s:{s:s, s:{s:s}}}", "function", "class_name", "__lambda__", "config",
                           "code", lambdas[i].code),
                 of_object);
        assert_string_equal(of_object, text);
    }
}

/* Cut anywhere, it is not understood, and nothing is read behind the end. */
static void cut_code_is_not_understood(void **unused)
{
    char code[4096], text[1024];

    (void)unused;
    for (size_t i = 0; i < N_ROWS(lambdas); i++)
        for (size_t n = 4; n < strlen(lambdas[i].code); n += 4) {
            memcpy(code, lambdas[i].code, n);
            code[n] = '\0';
            describe(list_form(code), text);
            assert_string_equal(
                text, "bytecode that no known version of Python wrote, or that is damaged");
        }
}

/* A code object around constants: what stands there is up to the test. */
static size_t code_around(char *to, const char *constants, size_t n)
{
    static const char head[] = "c\1\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\3\0\0\0"
                               "s\4\0\0\0|\0S\0";
    static const char tail[] = ")\0)\1z\1x)\0)\0z\1fz\1f\1\0\0\0s\0\0\0\0";

    memcpy(to, head, sizeof(head) - 1);
    to[0] = 'c';
    memcpy(to + sizeof(head) - 1, constants, n);
    memcpy(to + sizeof(head) - 1 + n, tail, sizeof(tail) - 1);
    return sizeof(head) - 1 + n + sizeof(tail) - 1;
}

static bool understood(const char *constants, size_t n)
{
    const struct kf_marshal_layout *layout = NULL;
    static char code[65536];
    size_t size = code_around(code, constants, n);
    json_t *value = kf_marshal_code(code, size, &layout);

    json_decref(value);
    return value != NULL;
}

#define UNDERSTOOD(constants) understood(constants, sizeof(constants) - 1)

static void forged_code_is_refused(void **unused)
{
    static char deep[40000];

    (void)unused;
    assert_true(UNDERSTOOD(")\1N"));
    assert_true(UNDERSTOOD("\xa9\2\xda\1ar\1\0\0\0")); /* a name, and it again */
    assert_false(UNDERSTOOD("\xa9\1r\0\0\0\0"));       /* a tuple that holds itself */
    assert_false(UNDERSTOOD(")\1r\7\0\0\0"));          /* what was never named */
    assert_false(UNDERSTOOD("(\xff\xff\xff\x7fN"));    /* more than there is */
    assert_false(UNDERSTOOD("(\xff\xff\xff\xffN"));    /* fewer than none */
    assert_false(UNDERSTOOD(")\1s\xff\xff\xff\x7f"));  /* bytes beyond the end */
    assert_false(UNDERSTOOD(")\1l\0\0\0\x80"));        /* digits beyond the end */
    assert_false(UNDERSTOOD(")\1l\1\0\0\0\xff\xff"));  /* a digit of 16 bits */
    assert_false(UNDERSTOOD(")\1{0"));                 /* no constant is a dictionary */
    assert_false(UNDERSTOOD("N"));                     /* constants are a tuple */
    memset(deep, ')', sizeof(deep));
    for (size_t i = 1; i < sizeof(deep); i += 2)
        deep[i] = 1;
    assert_false(understood(deep, sizeof(deep)));
    memset(deep, 'N', sizeof(deep));
    memcpy(deep, "(\x88\x13\0\0", 5); /* 5,000 of them */
    assert_false(understood(deep, 5 + 5000));
    memcpy(deep, "(\x88\x03\0\0", 5);
    assert_true(understood(deep, 5 + 0x388));
}

/* As the first releases wrote it: characters for bytes, with NULs and beyond ASCII. */
static void raw_bytes_are_code_too(void **unused)
{
    char code[256], latin[512], text[1024];
    size_t n = code_around(code, ")\2Ng\0\0\0\0\0\0\xe0\x3f", 12), made = 0;

    (void)unused;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)code[i];

        if (c >= 0x80)
            latin[made++] = (char)(0xc0 | c >> 6);
        latin[made++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
    }
    describe(json_pack("{s:[o]}", "function", json_stringn(latin, made)), text);
    assert_string_equal(text, "written by Python 3.8-3.9, 4 bytes of bytecode; takes: x; "
                              "constants: 0.5");
}

static void other_functions_are_named(void **unused)
{
    char text[1024];

    (void)unused;
    describe(json_pack("{s:s, s:s}", "function", "resize", "module", "__main__"), text);
    assert_string_equal(text, "the function resize of __main__");
    describe(json_pack("{s:{s:s, s:s}}", "function", "class_name", "function", "config", "scale"),
             text);
    assert_string_equal(text, "the function scale");
    describe(json_pack("{s:[s]}", "function", "bm90IG1hcnNoYWw="), text);
    assert_string_equal(text, "bytecode that no known version of Python wrote, or that is damaged");
    describe(json_object(), text);
    assert_string_equal(text, "");
    describe(json_pack("{s:[i, n]}", "function", 3), text);
    assert_string_equal(text, "");
}

static void memory_may_run_out(void **unused)
{
    (void)unused;
    for (size_t i = 1; i < 400; i++) {
        json_t *config = list_form(lambdas[9].code);
        struct kf_buf out = {.max = 1000};

        kf_alloc_fail_after(i);
        kf_lambda_describe(config, "function", &out);
        kf_alloc_fail_after(0);
        kf_buf_finish(&out);
        json_decref(config);
    }
}

static const char *hint_of(const char *module, const char *registered, const char *class_name)
{
    static char text[KF_PACKAGE_TEXT];
    const struct kf_layer layer = {
        .module = module, .registered_name = registered, .class_name = class_name};

    return kf_package_hint(&layer, text);
}

static void packages_are_named(void **unused)
{
    (void)unused;
    assert_string_equal(hint_of("qkeras.qlayers", NULL, "QNew"),
                        ": it is of QKeras (pip install qkeras)");
    assert_string_equal(hint_of(NULL, "Addons>GELU", "GELU"),
                        ": it is of TensorFlow Addons (pip install tensorflow-addons)");
    assert_string_equal(hint_of(NULL, NULL, "Addons>WeightNormalization"),
                        ": it is of TensorFlow Addons (pip install tensorflow-addons)");
    assert_string_equal(hint_of("hgq.layers", "hgq>QDense", "QDense"),
                        ": it is of HGQ2 (pip install HGQ2)");
    assert_string_equal(hint_of(NULL, NULL, "QDense"),
                        ": there is one of that name in QKeras (pip install qkeras)");
    assert_string_equal(hint_of(NULL, NULL, "Custom>TFBertMainLayer"),
                        ": there is one of that name in Transformers (pip install transformers, "
                        "a release before 5)");
    assert_string_equal(hint_of("mine.layers", "Mine>Scale", "Scale"), "");
    assert_string_equal(hint_of("qkerasx", "Addonsx>A", "TF"), "");
    assert_string_equal(hint_of(NULL, ">", "QDens"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_python_is_told),       cmocka_unit_test(cut_code_is_not_understood),
        cmocka_unit_test(forged_code_is_refused),    cmocka_unit_test(raw_bytes_are_code_too),
        cmocka_unit_test(other_functions_are_named), cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(packages_are_named),
    };

    json_set_alloc_funcs(kf_json_alloc, kf_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
