/* SPDX-License-Identifier: Apache-2.0 */
#include "zip_input.h"
#include "../../base/num.h"

static zip_int64_t read_input(struct kf_zip_input *input, void *to, zip_uint64_t n)
{
    struct kf_report rep; /* libzip has an error of its own */
    int status;

    n = kf_min(n, input->src.size - input->at);
    kf_report_init(&rep);
    status = kf_source_read(&input->src, input->at, to, (size_t)n, &rep);
    kf_report_finish(&rep);
    if (status < 0) {
        zip_error_set(&input->error, ZIP_ER_READ, 0);
        return -1;
    }
    input->at += n;
    return (zip_int64_t)n;
}

static zip_int64_t stat_input(const struct kf_zip_input *input, zip_stat_t *st)
{
    zip_stat_init(st);
    st->valid = ZIP_STAT_SIZE;
    st->size = input->src.size;
    return sizeof(*st);
}

static zip_int64_t seek_input(struct kf_zip_input *input, void *data, zip_uint64_t n)
{
    zip_int64_t at =
        zip_source_seek_compute_offset(input->at, input->src.size, data, n, &input->error);

    if (at < 0)
        return -1;
    input->at = (uint64_t)at;
    return 0;
}

/* zip_source_function()'s callback. */
static zip_int64_t answer(void *state, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    struct kf_zip_input *input = state;

    switch (command) {
    case ZIP_SOURCE_OPEN:
        input->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return read_input(input, data, n);
    case ZIP_SOURCE_STAT:
        return stat_input(input, data);
    case ZIP_SOURCE_SEEK:
        return seek_input(input, data, n);
    case ZIP_SOURCE_TELL:
        return (zip_int64_t)input->at;
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&input->error, data, n);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
            ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
    default:
        zip_error_set(&input->error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

int kf_zip_input_open(zip_t **out, struct kf_zip_input *input, const struct kf_source *src,
                      struct kf_report *rep)
{
    zip_source_t *source;
    zip_error_t error;
    int status = 0;

    input->src = *src;
    zip_error_init(&input->error);
    zip_error_init(&error);
    source = zip_source_function_create(answer, input, &error);
    *out = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    if (!*out) {
        bool memory = zip_error_code_zip(&error) == ZIP_ER_MEMORY;

        status = kf_report_add(rep, memory ? KF_NO_MEMORY : KF_CORRUPT, "",
                               "the zip cannot be opened: %s", zip_error_strerror(&error));
        zip_source_free(source);
    }
    zip_error_fini(&error);
    return status;
}
