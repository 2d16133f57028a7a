/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "h5_private.h"

/*
 * HDF5 opens files by name; ours are descriptors, or ranges of them inside a zip. This driver reads
 * the struct kf_source that stands in the access property list.
 */
struct range_file {
    H5FD_t pub; /* HDF5's, must be first */
    struct kf_source src;
    haddr_t eoa; /* end of what HDF5 has allocated */
};

static H5FD_t *open_range(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
    const struct kf_source *src = H5Pget_driver_info(fapl);
    struct range_file *file;

    (void)name;
    (void)maxaddr;
    if (!src || (flags & H5F_ACC_RDWR))
        return NULL;
    file = kf_alloc(sizeof(*file));
    if (!file)
        return NULL;
    file->src = *src;
    return &file->pub;
}

static herr_t close_range(H5FD_t *file)
{
    kf_free(file);
    return 0;
}

/* Each open file is its own, also when two have the same bytes. */
static int compare(const H5FD_t *a, const H5FD_t *b)
{
    return a < b ? -1 : a > b;
}

/* The same as HDF5's own driver for files asks for; also asked without a file. */
static herr_t query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_DATA_SIEVE;
    return 0;
}

static haddr_t get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct range_file *)file)->eoa;
}

static herr_t set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t addr)
{
    (void)type;
    ((struct range_file *)file)->eoa = addr;
    return 0;
}

static haddr_t get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct range_file *)file)->src.size;
}

static herr_t read_range(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t n,
                         void *to)
{
    const struct kf_source *src = &((const struct range_file *)file)->src;
    struct kf_report rep; /* HDF5 has an error stack of its own: -1 is enough */
    int status;

    (void)type;
    (void)dxpl;
    if (addr > src->size || n > src->size - addr)
        return -1;
    kf_report_init(&rep);
    status = kf_source_read(src, addr, to, n, &rep);
    kf_report_finish(&rep);
    return status < 0 ? -1 : 0;
}

/* HDF5 takes no driver without; the file is not opened for it. */
static herr_t write_nothing(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t n,
                            const void *from)
{
    (void)file;
    (void)type;
    (void)dxpl;
    (void)addr;
    (void)n;
    (void)from;
    return -1;
}

static const H5FD_class_t driver_class = {
#if H5_VERSION_GE(1, 14, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600, /* 512 and above are free for private use */
#endif
    .name = "kferry",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(struct kf_source),
    .open = open_range,
    .close = close_range,
    .cmp = compare,
    .query = query,
    .get_eoa = get_eoa,
    .set_eoa = set_eoa,
    .get_eof = get_eof,
    .read = read_range,
    .write = write_nothing,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

int kf_h5_driver(hid_t *driver, hid_t fapl, const struct kf_source *src, struct kf_report *rep)
{
    *driver = H5FDregister(&driver_class);
    if (*driver < 0 || H5Pset_driver(fapl, *driver, src) < 0)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory for an HDF5 driver");
    return 0;
}
