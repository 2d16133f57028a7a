/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "server/worker/sandbox.h"
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * naive_reader off|prefer FILE DATASET
 *
 * What a program without kferry's checks does with a file: it lets HDF5 open it by its name and
 * prints the dataset's bytes, once as it is and once inside the worker's sandbox (entered in the
 * file's folder). Shows that the sandbox alone keeps a hostile file from reading the machine.
 */
static int read_bytes(const char *path, const char *name)
{
    static unsigned char bytes[8192];
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = file < 0 ? -1 : H5Dopen2(file, name, H5P_DEFAULT);
    hid_t space = set < 0 ? -1 : H5Dget_space(set);
    hid_t type = set < 0 ? -1 : H5Dget_type(set);
    hsize_t size = space < 0 ? 0 : (hsize_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type);

    if (!size || size > sizeof(bytes) ||
        H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0)
        return 1;
    return fwrite(bytes, 1, (size_t)size, stdout) == size ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct sandbox sandbox;
    bool off;
    int folder;

    if (argc != 4)
        return 64;
    off = strcmp(argv[1], "off") == 0;
    folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    if (folder < 0 || sandbox_enter(&sandbox, off ? SANDBOX_OFF : SANDBOX_PREFER, folder) < 0)
        return 78;
    fprintf(stderr, "%s\n", sandbox_level(&sandbox));
    return read_bytes(argv[2], argv[3]);
}
