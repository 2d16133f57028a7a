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

json_t *golden_read(const char *path)
{
    int error = 0;
    zip_t *zip = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    json_error_t wrong;
    json_t *config;

    if (zip)
        return read_zip(zip);
    if (H5Fis_hdf5(path) > 0)
        return json_pack("{s:{s:o}}", "tree", "datasets",
                         list_datasets(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)));
    config = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
    if (!config)
        complain("the result is neither zip nor HDF5 nor JSON");
    return config ? json_pack("{s:o}", "config", config) : NULL;
}
