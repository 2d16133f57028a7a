/* SPDX-License-Identifier: Apache-2.0 */
#include "python.h"
#include "../../base/str.h"
#include "python_private.h"

/* People write a handful of calls; what is longer is no trivial layer. */
#define STEPS_MAX 2000

/* Flags of a function that takes any number of arguments. */
#define VARIADIC 0x0c

static const struct row {
    unsigned pythons, number;
    bool (*act)(struct kf_run *run, unsigned argument);
    const char *operand;
    size_t caches;
} rows[] = {
#define KF_CODE(pythons, number, action, operand, caches)                                          \
    {pythons, number, kf_act_##action, operand, caches},
#include "python_codes.def"
#undef KF_CODE
};

static const struct row *row_of(unsigned python, unsigned number)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((rows[i].pythons & python) && rows[i].number == number)
            return &rows[i];
    return NULL;
}

/* Until 3.5 an argument is two bytes, and there from number 90 on; later it is always one. */
static bool read_argument(unsigned python, const unsigned char *bytes, size_t n, size_t *at,
                          unsigned *out)
{
    bool wide = python & (P2 | P30);
    size_t size = !wide ? 1 : bytes[*at - 1] >= 90 ? 2 : 0;

    *out = 0;
    if (n - *at < size)
        return false;
    for (size_t i = 0; i < size; i++)
        *out |= (unsigned)bytes[(*at)++] << (8 * i);
    return true;
}

/* Instructions that Python fills in as it runs are empty in a file. */
static bool skip_caches(const unsigned char *bytes, size_t n, size_t *at, size_t caches)
{
    for (size_t i = 0; i < 2 * caches; i++)
        if (*at >= n || bytes[(*at)++] != 0)
            return false;
    return true;
}

static bool follow(struct kf_run *run)
{
    size_t n, at = 0;
    const unsigned char *bytes = kf_lambda_bytes(run->code, "code", &n);

    for (size_t steps = 0; steps < STEPS_MAX && at < n && !run->done; steps++) {
        const struct row *row = row_of(run->python, bytes[at++]);
        unsigned argument;

        if (!row || !read_argument(run->python, bytes, n, &at, &argument))
            return false;
        run->operand = row->operand;
        if (!row->act(run, argument) || !skip_caches(bytes, n, &at, row->caches))
            return false;
    }
    return run->done && at == n;
}

/* The arguments take what they are given; all of it must be taken. */
static bool bind(struct kf_run *run, json_t *given)
{
    const json_t *ints = json_object_get(run->code->code, "ints"),
                 *names = json_object_get(run->code->code, "variables");
    size_t keyword_only = run->code->layout->keyword_only;
    size_t n = (size_t)json_integer_value(json_array_get(ints, 0));
    json_int_t flags = json_integer_value(json_array_get(ints, json_array_size(ints) - 1));

    if ((flags & VARIADIC) || n != json_object_size(given) || n > json_array_size(names) ||
        (keyword_only && json_integer_value(json_array_get(ints, keyword_only)) != 0))
        return false;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        json_t *value = name && i < n ? json_object_get(given, name) : NULL;

        if (i < n && !value)
            return false;
        value = value ? json_incref(value) : json_pack("{s:b}", "nothing", 1);
        if (json_array_append_new(run->variables, value) < 0) {
            run->trace->starved = true;
            return false;
        }
    }
    return true;
}

static bool trace_as(struct kf_trace *trace, const struct kf_lambda_code *code, unsigned python,
                     json_t *given)
{
    struct kf_run run = {.trace = trace, .code = code, .python = python};
    bool fine;

    trace->nodes = json_array();
    trace->rules = json_array();
    run.stack = json_array();
    run.variables = json_array();
    trace->starved |= !trace->nodes || !trace->rules || !run.stack || !run.variables;
    fine = !trace->starved && bind(&run, given) && follow(&run) && !trace->starved;
    json_decref(run.stack);
    json_decref(run.variables);
    return fine;
}

/* The versions that lay their code objects out alike. */
static unsigned pythons_of(const struct kf_lambda_code *code)
{
    static const struct {
        const char *layout;
        unsigned pythons;
    } of[] = {{"2", P2},
              {"3.0-3.7", P30 | P36},
              {"3.8-3.10", P36},
              {"3.11 or later", P311 | P312 | P313}};

    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        if (kf_streq(of[i].layout, code->layout->python))
            return of[i].pythons;
    return 0;
}

static bool same(const struct kf_trace *a, const struct kf_trace *b)
{
    return json_equal(a->nodes, b->nodes) && json_equal(a->result, b->result);
}

/* Where two versions could have written the code, it must mean the same in both. */
bool kf_python_trace(struct kf_trace *trace, const struct kf_lambda_code *code, json_t *given)
{
    unsigned pythons = pythons_of(code);
    bool found = false, clear = true;

    for (unsigned python = P2; python <= P313; python <<= 1) {
        struct kf_trace one = {.keras = trace->keras};
        bool fine = (python & pythons) && trace_as(&one, code, python, given);

        trace->starved |= one.starved;
        if (fine && found)
            clear = clear && same(trace, &one);
        if (fine && !found) {
            struct kf_trace swapped = *trace;

            *trace = one;
            trace->starved |= swapped.starved;
            one = swapped;
            found = true;
        }
        kf_trace_finish(&one);
    }
    return found && clear && !trace->starved;
}

void kf_trace_finish(struct kf_trace *trace)
{
    json_decref(trace->nodes);
    json_decref(trace->rules);
    json_decref(trace->result);
}
