/* SPDX-License-Identifier: Apache-2.0 */
#include "inputs.h"
#include "../jobs/job.h"
#include <stdlib.h>
#include <string.h>

/* Put one row where it belongs; `n_files` counts the files before it. */
static int take_row(struct inputs *out, const json_t *row, int fd, size_t *n_files)
{
    const char *role = json_string_value(json_object_get(row, "role"));
    const char *name = json_string_value(json_object_get(row, "name"));
    const json_t *size = json_object_get(row, "size");
    const struct kf_input input = {
        .fd = fd,
        .ranged = size != NULL,
        .at = (uint64_t)json_integer_value(json_object_get(row, "at")),
        .size = (uint64_t)json_integer_value(size),
        .name = name,
        .kind = json_string_value(json_object_get(row, "kind")),
    };

    if (!role || !name)
        return -1;
    if (strcmp(role, "file") == 0) {
        out->files[(*n_files)++] = input;
        return 0;
    }
    if (strcmp(role, "architecture") != 0 || out->architecture.name)
        return -1;
    out->architecture = input;
    return 0;
}

int inputs_take(struct inputs *out, json_t *request)
{
    size_t n, n_files = 0;

    *out = (struct inputs){.told = json_incref(json_object_get(request, "inputs")),
                           .cut = json_incref(json_object_get(request, "cut")),
                           .settled = json_is_true(json_object_get(request, "settled")),
                           .brief = json_is_true(json_object_get(request, "brief")),
                           .passes = json_is_true(json_object_get(request, "passes"))};
    json_object_del(request, "inputs");
    json_object_del(request, "cut");
    json_object_del(request, "settled");
    json_object_del(request, "brief");
    json_object_del(request, "passes");
    n = json_array_size(out->told);
    if (n == 0 || n > JOB_INPUTS_MAX)
        return -1;
    out->files = calloc(n, sizeof *out->files);
    if (!out->files)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (take_row(out, json_array_get(out->told, i), JOB_INPUT_FD + (int)i, &n_files) < 0)
            return -1;
    if (n_files == 0 || out->files[0].fd != JOB_INPUT_FD)
        return -1;
    out->model = out->files[0];
    out->model.before = json_string_value(json_object_get(out->cut, "before"));
    out->model.next = json_string_value(json_object_get(out->cut, "next"));
    if (out->architecture.name)
        out->model.architecture = &out->architecture;
    if (n_files > 1) {
        out->model.shards = out->files + 1;
        out->model.n_shards = n_files - 1;
    }
    return 0;
}

void inputs_finish(struct inputs *inputs)
{
    free(inputs->files);
    json_decref(inputs->told);
    json_decref(inputs->cut);
    *inputs = (struct inputs){0};
}
