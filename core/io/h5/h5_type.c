/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "h5_private.h"

static hid_t half_type(void)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);

    /* sign at bit 15, 5 bits of exponent at 10, 10 bits of mantissa at 0 */
    if (type < 0 || H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 ||
        H5Tset_ebias(type, 15) < 0) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

/* As h5py writes NumPy's bool. */
static hid_t bool_type(void)
{
    hid_t type = H5Tenum_create(H5T_STD_I8LE);
    signed char no = 0, yes = 1;

    if (type < 0 || H5Tenum_insert(type, "FALSE", &no) < 0 ||
        H5Tenum_insert(type, "TRUE", &yes) < 0) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

hid_t kf_h5_type(enum kf_dtype dtype)
{
    switch (dtype) {
    case KF_DTYPE_FLOAT16:
        return half_type();
    case KF_DTYPE_BFLOAT16:
        return H5Tcreate(H5T_OPAQUE, 2);
    case KF_DTYPE_FLOAT32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case KF_DTYPE_FLOAT64:
        return H5Tcopy(H5T_IEEE_F64LE);
    case KF_DTYPE_INT8:
        return H5Tcopy(H5T_STD_I8LE);
    case KF_DTYPE_INT16:
        return H5Tcopy(H5T_STD_I16LE);
    case KF_DTYPE_INT32:
        return H5Tcopy(H5T_STD_I32LE);
    case KF_DTYPE_INT64:
        return H5Tcopy(H5T_STD_I64LE);
    case KF_DTYPE_UINT8:
        return H5Tcopy(H5T_STD_U8LE);
    case KF_DTYPE_UINT16:
        return H5Tcopy(H5T_STD_U16LE);
    case KF_DTYPE_UINT32:
        return H5Tcopy(H5T_STD_U32LE);
    case KF_DTYPE_UINT64:
        return H5Tcopy(H5T_STD_U64LE);
    case KF_DTYPE_BOOL:
        return bool_type();
    case KF_DTYPE_NONE:
    case KF_DTYPE_COUNT:
    case KF_DTYPE_COMPLEX64:
        break;
    }
    return -1;
}

static enum kf_dtype integer_dtype(hid_t type)
{
    static const enum kf_dtype dtypes[2][4] = {
        {KF_DTYPE_UINT8, KF_DTYPE_UINT16, KF_DTYPE_UINT32, KF_DTYPE_UINT64},
        {KF_DTYPE_INT8, KF_DTYPE_INT16, KF_DTYPE_INT32, KF_DTYPE_INT64}};
    size_t size = H5Tget_size(type);

    if (H5Tget_precision(type) != 8 * size || H5Tget_offset(type) != 0)
        return KF_DTYPE_NONE;
    for (unsigned i = 0; i < 4; i++)
        if (size == (size_t)1 << i)
            return dtypes[H5Tget_sign(type) != H5T_SGN_NONE][i];
    return KF_DTYPE_NONE;
}

/* HDF5 2.0 names bfloat16 by its fields: sign 15, 8 bits of exponent at 7, 7 of mantissa at 0. */
static bool is_bfloat(hid_t type)
{
    size_t sign, exponent, exponent_n, mantissa, mantissa_n;

    return H5Tget_size(type) == 2 &&
           H5Tget_fields(type, &sign, &exponent, &exponent_n, &mantissa, &mantissa_n) >= 0 &&
           sign == 15 && exponent == 7 && exponent_n == 8 && mantissa == 0 && mantissa_n == 7;
}

/* `type` is little-endian. */
static enum kf_dtype float_dtype(hid_t type)
{
    static const enum kf_dtype dtypes[] = {KF_DTYPE_FLOAT16, KF_DTYPE_FLOAT32, KF_DTYPE_FLOAT64};

    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        hid_t known = kf_h5_type(dtypes[i]);
        htri_t equal = H5Tequal(type, known);

        H5Tclose(known);
        if (equal > 0)
            return dtypes[i];
    }
    return is_bfloat(type) ? KF_DTYPE_BFLOAT16 : KF_DTYPE_NONE;
}

static enum kf_dtype number_dtype(struct kf_h5_dataset *dataset, hid_t type, bool real)
{
    hid_t little = H5Tcopy(type);
    enum kf_dtype dtype;

    dataset->foreign = H5Tget_size(type) > 1 && H5Tget_order(type) != H5T_ORDER_LE;
    H5Tset_order(little, H5T_ORDER_LE);
    dtype = real ? float_dtype(little) : integer_dtype(little);
    H5Tclose(little);
    return dtype;
}

static bool says_bfloat(const struct kf_h5_dataset *dataset)
{
    struct kf_h5 *h5 = dataset->h5;
    const char *text = kf_h5_node_text(h5, dataset->node, "dtype", h5->arena);

    return text && kf_streq(text, "bfloat16");
}

/*
 * NumPy calls the bfloat16 of ml_dtypes a type of two bytes that it knows nothing of, so h5py
 * writes it as such into a legacy .h5, which Keras itself then cannot load. No other dtype of a
 * variable looks like it. Source: keras/src/legacy/saving/legacy_h5_format.py,
 * save_weights_to_hdf5_group (3.15.1)
 */
static bool is_unknown_pair(H5T_class_t class, size_t size)
{
    return class == H5T_OPAQUE && size == 2;
}

void kf_h5_recognise(struct kf_h5_dataset *dataset, hid_t type)
{
    H5T_class_t class = H5Tget_class(type);
    size_t size = H5Tget_size(type);

    if (is_unknown_pair(class, size) || (size == 2 && says_bfloat(dataset)))
        dataset->dtype = KF_DTYPE_BFLOAT16;
    else if (class == H5T_INTEGER || class == H5T_FLOAT)
        dataset->dtype = number_dtype(dataset, type, class == H5T_FLOAT);
    else if (class == H5T_ENUM && size == 1 && H5Tget_nmembers(type) == 2)
        dataset->dtype = KF_DTYPE_BOOL;
    dataset->own_type = dataset->dtype == KF_DTYPE_BFLOAT16 || dataset->dtype == KF_DTYPE_BOOL;
    if (dataset->own_type && dataset->foreign)
        dataset->dtype = KF_DTYPE_NONE; /* big-endian bfloat16: nobody writes it */
    if (dataset->dtype == KF_DTYPE_NONE)
        dataset->odd = "a type that is no number";
}
