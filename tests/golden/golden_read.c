/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"
#include <hdf5.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zip.h>

static void complain(const char *what)
{
    fprintf(stderr, "golden: %s\n", what);
}

/* A member's bytes, malloc'ed. */
static void *read_member(zip_t *zip, const char *name, size_t *n_out)
{
    zip_file_t *file = zip_fopen(zip, name, 0);
    zip_stat_t stat;
    void *data = NULL;

    if (file && zip_stat(zip, name, 0, &stat) == 0 && (data = malloc(stat.size + 1))) {
        *n_out = (size_t)stat.size;
        if (zip_fread(file, data, stat.size) != (zip_int64_t)stat.size) {
            free(data);
            data = NULL;
        }
    }
    if (file)
        zip_fclose(file);
    if (!data)
        complain(name);
    return data;
}

static json_t *read_json(zip_t *zip, const char *name)
{
    json_error_t error;
    size_t n = 0;
    char *text = read_member(zip, name, &n);
    json_t *value = text ? json_loadb(text, n, JSON_REJECT_DUPLICATES, &error) : NULL;

    if (text && !value)
        complain(error.text);
    free(text);
    return value;
}

static json_t *list_members(zip_t *zip)
{
    json_t *names = json_array();

    for (zip_int64_t i = 0; i < zip_get_num_entries(zip, 0); i++)
        json_array_append_new(names, json_string(zip_get_name(zip, (zip_uint64_t)i, 0)));
    return names;
}

/* "float32" of a type; the writer knows no other kinds than numbers, bool and text. */
static json_t *type_name(hid_t dataset)
{
    hid_t type = H5Dget_type(dataset);
    const char *kind = "other";

    if (H5Tget_class(type) == H5T_FLOAT)
        kind = "float";
    else if (H5Tget_class(type) == H5T_INTEGER)
        kind = H5Tget_sign(type) == H5T_SGN_2 ? "int" : "uint";
    else if (H5Tget_class(type) == H5T_ENUM)
        kind = "bool";
    json_t *name = json_sprintf("%s%zu", kind, 8 * H5Tget_size(type));

    H5Tclose(type);
    return name;
}

static json_t *shape_of(hid_t dataset)
{
    hid_t space = H5Dget_space(dataset);
    hsize_t dims[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_dims(space, dims, NULL);
    json_t *shape = json_array();

    for (int i = 0; i < rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)dims[i]));
    H5Sclose(space);
    return shape;
}

static json_t *checksum_of(hid_t dataset)
{
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    size_t n = (size_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type);
    void *data = calloc(1, n + 1);
    json_t *sum = NULL;

    if (data && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) {
        XXH128_hash_t hash = XXH3_128bits(data, n);

        sum = json_sprintf("%016llx%016llx", (unsigned long long)hash.high64,
                           (unsigned long long)hash.low64);
    }
    free(data);
    H5Sclose(space);
    H5Tclose(type);
    return sum;
}

/* A list of names, fixed-length as h5_write_names.c writes it; NULL where the object has none. */
static json_t *names_of(hid_t object, const char *name)
{
    hid_t attr = H5Aexists(object, name) > 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1, type, space;
    json_t *names = attr >= 0 ? json_array() : NULL;
    size_t n, size;
    char *data;

    if (attr < 0)
        return NULL;
    type = H5Aget_type(attr);
    space = H5Aget_space(attr);
    n = (size_t)H5Sget_simple_extent_npoints(space);
    size = H5Tget_size(type);
    data = calloc(n + 1, size);
    if (data && H5Tget_class(type) == H5T_STRING && H5Aread(attr, type, data) >= 0)
        for (size_t i = 0; i < n; i++)
            json_array_append_new(names,
                                  json_stringn(data + i * size, strnlen(data + i * size, size)));
    free(data);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attr);
    return names;
}

/* The lists of names of a group, at its path; `names` is borrowed. */
static void note_names(hid_t group, const char *path, json_t *names)
{
    json_t *layers = names_of(group, "layer_names"), *weights = names_of(group, "weight_names");

    if (layers)
        json_object_set_new(names, *path ? path : "/", layers);
    if (weights)
        json_object_set_new(names, path, weights);
}

static herr_t note_group(hid_t file, const char *name, const H5L_info_t *info, void *names)
{
    hid_t object = H5Oopen(file, name, H5P_DEFAULT);

    (void)info;
    if (object < 0)
        return -1;
    if (H5Iget_type(object) == H5I_GROUP)
        note_names(object, name, names);
    H5Oclose(object);
    return 0;
}

/* The attributes that tell a legacy file's order, NULL where it has none. */
static json_t *list_names(hid_t file)
{
    json_t *names = json_object();

    if (file >= 0) {
        note_names(file, "", names);
        H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, note_group, names);
    }
    if (json_object_size(names))
        return names;
    json_decref(names);
    return NULL;
}

/* The config of a legacy file, NULL where it has none. */
static json_t *read_model_config(hid_t file)
{
    hid_t attr = file >= 0 && H5Aexists(file, "model_config") > 0
                     ? H5Aopen(file, "model_config", H5P_DEFAULT)
                     : -1;
    hid_t type = attr >= 0 ? H5Aget_type(attr) : -1;
    char *text = NULL;
    json_error_t error;
    json_t *config = NULL;

    if (attr >= 0 && H5Aread(attr, type, &text) >= 0)
        config = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (text)
        H5free_memory(text);
    if (attr >= 0) {
        H5Tclose(type);
        H5Aclose(attr);
    }
    return config;
}

static herr_t note_object(hid_t file, const char *name, const H5L_info_t *info, void *datasets)
{
    hid_t object = H5Oopen(file, name, H5P_DEFAULT);
    int r = object < 0 ? -1 : 0;

    (void)info;
    if (H5Iget_type(object) == H5I_DATASET)
        r = json_array_append_new(datasets, json_pack("{s:s, s:o, s:o, s:o}", "path", name, "dtype",
                                                      type_name(object), "shape", shape_of(object),
                                                      "xxh3_128", checksum_of(object)));
    H5Oclose(object);
    return r;
}

/* All datasets of an open file, -1 for none; closes it. */
static json_t *list_datasets(hid_t file)
{
    json_t *datasets = json_array();
    bool good = file >= 0 && H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, note_object, datasets) >= 0;

    if (file >= 0)
        H5Fclose(file);
    if (good)
        return datasets;
    complain("the weights cannot be read");
    json_decref(datasets);
    return NULL;
}

static json_t *list_member_datasets(zip_t *zip)
{
    size_t n = 0;
    void *image = read_member(zip, "model.weights.h5", &n);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = -1;
    json_t *datasets;

    if (image && H5Pset_fapl_core(access, 1 << 16, 0) >= 0 &&
        H5Pset_file_image(access, image, n) >= 0)
        file = H5Fopen("model.weights.h5", H5F_ACC_RDONLY, access);
    datasets = list_datasets(file);
    H5Pclose(access);
    free(image);
    return datasets;
}

static json_t *read_zip(zip_t *zip)
{
    json_t *read =
        json_pack("{s:o, s:{s:o, s:o, s:o}}", "config", read_json(zip, "config.json"), "tree",
                  "members", list_members(zip), "metadata", read_json(zip, "metadata.json"),
                  "datasets", list_member_datasets(zip));

    zip_discard(zip);
    return read;
}

/* Closes the file. */
static json_t *read_h5(hid_t file)
{
    json_t *config = read_model_config(file), *names = list_names(file);

    return json_pack("{s:o*, s:{s:o*, s:o}}", "config", config, "tree", "names", names, "datasets",
                     list_datasets(file));
}

json_t *golden_read(const char *path)
{
    int error = 0;
    zip_t *zip = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    json_error_t wrong;
    json_t *config;

    if (zip)
        return read_zip(zip);
    if (H5Fis_hdf5(path) > 0)
        return read_h5(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
    if ((config = golden_read_saved(path)))
        return config;
    config = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
    if (!config)
        complain("the result is neither zip nor HDF5 nor JSON");
    return config ? json_pack("{s:o}", "config", config) : NULL;
}
