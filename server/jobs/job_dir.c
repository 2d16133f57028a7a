/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "job.h"
#include "params.h"
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors that nftw() keeps open while it goes down. */
#define DEPTH 8

void job_raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

char *job_dir_create(const char *parent, const char *prefix)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/%sXXXXXX", parent, prefix) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return mkdtemp(path) ? strdup(path) : NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    remove(path);
    return 0;
}

void job_dir_remove(const char *dir)
{
    nftw(dir, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* A name that is not UTF-8 cannot be told. NULL without memory. */
static json_t *input_json(const struct job_input *input)
{
    json_t *name = json_string(input->name);
    json_t *row = json_pack("{s:s, s:o}", "role", input->architecture ? "architecture" : "file",
                            "name", name ? name : json_string(""));

    if (row &&
        (!input->ranged ||
         (json_object_set_new(row, "at", json_integer((json_int_t)input->at)) == 0 &&
          json_object_set_new(row, "size", json_integer((json_int_t)input->size)) == 0)) &&
        (!input->kind || json_object_set_new(row, "kind", json_string(input->kind)) == 0))
        return row;
    json_decref(row);
    return NULL;
}

/* In the order of the descriptors; NULL without memory. */
static json_t *inputs_json(const struct job_input *inputs, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, input_json(&inputs[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

int job_write_request(const char *dir, const struct kf_request *request,
                      const struct job_input *inputs, size_t n_inputs, struct job_told told)
{
    json_t *object = kf_request_to_json(request);
    char path[PATH_MAX];
    int status = -1;

    errno = ENOMEM;
    if (object && json_object_set_new(object, "inputs", inputs_json(inputs, n_inputs)) == 0 &&
        (!told.settled || json_object_set_new(object, "settled", json_true()) == 0) &&
        (!told.brief || json_object_set_new(object, "brief", json_true()) == 0) &&
        (!told.passes || json_object_set_new(object, "passes", json_true()) == 0) &&
        ((!told.before && !told.next) ||
         json_object_set_new(object, "cut",
                             json_pack("{s:s*, s:s*}", "before", told.before, "next", told.next)) ==
             0) &&
        snprintf(path, sizeof path, "%s/request.json", dir) < (int)sizeof path)
        status = json_dump_file(object, path, JSON_COMPACT);
    json_decref(object);
    return status;
}
