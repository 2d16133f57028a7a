/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "models.h"
#include "left.h"
#include "names.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODELS_MAX   1000
#define SCRATCH_NAME "unpacked"
#define FROM_SCRATCH (-1)
#define FOLDER_MAX   1024 /* bytes of the folders before a result's name */

/* Where a model's file is, in words that were checked. */
static int take_file(struct job_input *out, const struct models *models, const json_t *row,
                     const struct job_input *given, size_t n_given)
{
    const char *role = json_string_value(json_object_get(row, "role"));
    const json_t *size = json_object_get(row, "size");
    json_int_t from = json_integer_value(json_object_get(row, "from"));

    *out = (struct job_input){
        .name = json_string_value(json_object_get(row, "name")),
        .architecture = role && strcmp(role, "architecture") == 0,
        .ranged = size != NULL,
        .at = (uint64_t)json_integer_value(json_object_get(row, "at")),
        .size = (uint64_t)json_integer_value(size),
        .kind = json_string_value(json_object_get(row, "kind")),
    };
    if (!role || !out->name || from < FROM_SCRATCH || from >= (json_int_t)n_given)
        return -1;
    out->fd = from == FROM_SCRATCH ? models->scratch : given[from].fd;
    return out->fd >= 0 ? 0 : -1;
}

static int take_model(struct found_model *out, const struct models *models, const json_t *row,
                      const struct job_input *given, size_t n_given)
{
    const json_t *inputs = json_object_get(row, "inputs");
    size_t n = json_array_size(inputs);

    out->path = json_string_value(json_object_get(row, "path"));
    if (!out->path || n == 0 || n > JOB_INPUTS_MAX)
        return -1;
    out->inputs = calloc(n, sizeof *out->inputs);
    if (!out->inputs)
        return -1;
    for (; out->n_inputs < n; out->n_inputs++)
        if (take_file(&out->inputs[out->n_inputs], models, json_array_get(inputs, out->n_inputs),
                      given, n_given) < 0)
            return -1;
    return 0;
}

/* The folders of a path as names that may be written: each cleaned, ".." and "." left out. */
static void clean_folders(char out[FOLDER_MAX], const char *path)
{
    size_t n = 0;

    out[0] = '\0';
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        char *part = strndup(path, (size_t)(slash - path)), *name = NULL;

        if (part)
            name = kf_clean_filename(part);
        if (name && *name && n + strlen(name) + 2 < FOLDER_MAX)
            n += (size_t)snprintf(out + n, FOLDER_MAX - n, "%s/", name);
        free(part);
        free(name);
    }
}

static bool is_taken(const struct models *models, size_t n, const char *output)
{
    for (size_t i = 0; i < json_array_size(models->taken); i++)
        if (strcasecmp(json_string_value(json_array_get(models->taken, i)), output) == 0)
            return true;
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(models->list[i].output, output) == 0)
            return true;
    return false;
}

/* Two inputs may give one name, a.h5 and a.keras: the second result is a-2.keras. Where files are
 * not here that may give that too, it is a.keras.keras, after the whole name of its file. */
static char *unique_output(const struct models *models, size_t n, const char *folders,
                           const char *name)
{
    const char *dot = strrchr(name, '.'), *path = models->list[n].path, *slash = strrchr(path, '/');
    int stem = dot && dot != name ? (int)(dot - name) : (int)strlen(name);
    char *output = NULL;

    if (asprintf(&output, "%s%s", folders, name) < 0)
        return NULL;
    if (models->part && is_taken(models, n, output)) {
        free(output);
        if (asprintf(&output, "%s%s%s", folders, slash ? slash + 1 : path, name + stem) < 0)
            return NULL;
    }
    for (unsigned k = 2; is_taken(models, n, output); k++) {
        free(output);
        if (asprintf(&output, "%s%.*s-%u%s", folders, stem, name, k, name + stem) < 0)
            return NULL;
    }
    return output;
}

int models_request(struct kf_request *out, const struct kf_request *request,
                   const struct found_model *model)
{
    json_t *object = kf_request_to_json(request);
    const char *slash = strrchr(model->path, '/');
    struct kf_param_error err;
    int status = -1;

    kf_request_init(out);
    if (object &&
        json_object_set_new(object, "filename", json_string(slash ? slash + 1 : model->path)) == 0)
        status = kf_request_from_json(out, object, &err);
    if (status == 0 && out->options.to)
        status = kf_request_check(out, &err);
    json_decref(object);
    return status;
}

/* Name the result of model number `i`, which is after those that have a name. */
static int name_output(struct models *models, size_t i, const struct kf_request *request)
{
    struct found_model *model = &models->list[i];
    struct kf_request own;
    char folders[FOLDER_MAX], *name = NULL;

    clean_folders(folders, model->path);
    if (models_request(&own, request, model) == 0)
        name = kf_artifact_name(&own);
    kf_request_finish(&own);
    if (name)
        model->output = unique_output(models, i, folders, name);
    free(name);
    return model->output ? 0 : -1;
}

int models_load(struct models *out, const char *dir, const struct job_input *given, size_t n_given,
                const struct kf_request *request, const json_t *taken, bool part)
{
    size_t n;

    *out = (struct models){
        .told = left_json(dir, "models.json"), .scratch = -1, .taken = taken, .part = part};
    n = json_array_size(out->told);
    if (n == 0 || n > MODELS_MAX)
        return -1;
    left_open(dir, SCRATCH_NAME, &out->scratch);
    out->list = calloc(n, sizeof *out->list);
    if (!out->list)
        return -1;
    for (size_t i = 0; i < n; i++) {
        out->n = i + 1;
        if (take_model(&out->list[i], out, json_array_get(out->told, i), given, n_given) < 0 ||
            name_output(out, i, request) < 0)
            return -1;
    }
    return 0;
}

void models_finish(struct models *models)
{
    for (size_t i = 0; i < models->n; i++) {
        free(models->list[i].inputs);
        free(models->list[i].output);
    }
    free(models->list);
    json_decref(models->told);
    if (models->scratch >= 0)
        close(models->scratch);
}
