/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/format/kind.h"

/* Small files that are what they begin with. */
#define FILE_OF(kind, bytes)                                                                       \
    {                                                                                              \
        kind, bytes, sizeof(bytes) - 1                                                             \
    }

static const struct {
    const char *kind, *bytes;
    size_t n;
} files[] = {
    FILE_OF("empty", ""),
    FILE_OF("zeros",
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    FILE_OF("lfs-pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n"),
    FILE_OF("html", "\n <!DOCTYPE html><html><body>404</body></html>"),
    FILE_OF("html", "<HTML>\n"),
    FILE_OF("xml", "<?xml version=\"1.0\"?><Error/>"),
    FILE_OF("pickle", "\x80\x04\x95\x05\0\0\0\0\0\0\0]\x94."),
    FILE_OF("pytorch", "\x80\x02\x8a\nl\xfc\x9c\x46\xf9\x20j\xa8P\x19.\x80\x02M\xe9\x03."),
    FILE_OF("npy", "\x93NUMPY\x01\0v\0{'descr': '<f4'}"),
    FILE_OF("tflite", "\x1c\0\0\0TFL3\x14\0\x20\0"),
    FILE_OF("gguf", "GGUF\x03\0\0\0"),
    FILE_OF("safetensors", "\x02\0\0\0\0\0\0\0{}"),
    FILE_OF("gzip", "\x1f\x8b\x08\0\0\0\0\0"),
    FILE_OF("archive", "7z\xbc\xaf\x27\x1c\0\4"),
    FILE_OF("media", "%PDF-1.7\n"),
    FILE_OF("program", "\x7f"
                       "ELF\2\1\1"),
    FILE_OF("text", "hello\n"),
    FILE_OF("text", "w\xc3\xb6rld"),
    FILE_OF("unknown", "\x01\x02\x03\xff"),
    FILE_OF("checkpoint-state", "model_checkpoint_path: \"ckpt\"\n"),
    FILE_OF("saved-model-text", "saved_model_schema_version: 1\n"),
    FILE_OF("checkpoint-index",
            "\0\0\x08\x08\x01\x1a\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\x57\xfb\x80\x8b\x24\x75\x47\xdb"),
    FILE_OF("keras-yaml", "backend: tensorflow\nclass_name: Sequential\nconfig:\n- a\n"),
    FILE_OF("keras-json", "{\"class_name\": \"Sequential\", \"config\": []}"),
    FILE_OF("keras-json",
            "{\"module\": \"keras\", \"class_name\": \"Sequential\", \"config\": {}}"),
    FILE_OF("keras-json", "\"{\\\"class_name\\\": \\\"A\\\", \\\"config\\\": {}}\""),
    FILE_OF("keras-json-old", "{\"layers\": [{\"name\": \"Dense\"}], \"name\": \"Sequential\"}"),
    FILE_OF("keras-json-old", "{\"name\": \"Graph\", \"nodes\": {}, \"outputs\": {}}"),
    FILE_OF("weights-json", "{\"metadata\": {\"total_size\": 1.0}, \"weight_map\": {}}"),
    FILE_OF("tfjs", "{\"modelTopology\": {}, \"weightsManifest\": []}"),
    FILE_OF("tfjs-graph", "{\"format\": \"graph-model\", \"modelTopology\": {}}"),
    FILE_OF("tfjs-graph", "{\"modelTopology\": {\"node\": []}, \"weightsManifest\": []}"),
    FILE_OF("json-other", "{\"a\": 1}"),
    FILE_OF("text", "[1, 2]"),
    /* schema version 1, a meta graph with its information */
    FILE_OF("saved-model", "\x08\x01\x12\x04\x0a\x02\x2a\0"),
    /* a node with the identifier of a Keras object */
    FILE_OF("keras-metadata", "\x0a\x11\x10\x01\x22\x0d_tf_keras_abc"),
    /* a node called x that is a Const */
    FILE_OF("frozen-graph", "\x0a\x0a\x0a\x01x\x12\x05"
                            "Const"),
    /* IR version 8, producer, graph, opset */
    FILE_OF("onnx", "\x08\x08\x12\x02tf\x3a\x02\x12\0\x42\x02\x10\x0d"),
};

static void assert_kind(const struct kf_source *src, const char *want)
{
    enum kf_kind_id kind = KF_FILE_UNKNOWN;
    struct kf_report rep;

    kf_report_init(&rep);
    assert_int_equal(kf_detect(&kind, src, &limits, &rep), 0);
    assert_string_equal(kf_kind_info(kind)->name, want);
    assert_string_equal(rep.source.format, want);
    assert_string_equal(rep.source.title, kf_kind_info(kind)->title);
    assert_int_equal(rep.n_entries, 0);
    kf_report_finish(&rep);
}

static void content_tells_the_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct kf_source src = make_source(files[i].bytes, files[i].n);

        assert_kind(&src, files[i].kind);
        close(src.fd);
    }
}

/* Whatever is cut off anywhere ends without a crash, as something. */
/* HDF5 may begin behind a block of 512 bytes, and so may the first file of a tar. */
static void an_archive_is_no_user_block(void **state)
{
    char bytes[1024] = {0};
    struct kf_source src;

    (void)state;
    memcpy(bytes + 257, "ustar", 5);
    memcpy(bytes + 512, "\x89HDF\r\n\x1a\n", 8);
    src = make_source(bytes, sizeof(bytes));
    assert_kind(&src, "tar");
    close(src.fd);
}

static void cut_files_end_well(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        for (size_t n = 0; n < files[i].n; n++) {
            struct kf_source src = make_source(files[i].bytes, n);
            enum kf_kind_id kind = KF_FILE_UNKNOWN;
            struct kf_report rep;
            int status;

            kf_report_init(&rep);
            status = kf_detect(&kind, &src, &limits, &rep);
            assert_int_equal(status, kf_report_status(&rep));
            kf_report_finish(&rep);
            close(src.fd);
        }
}

static void real_models_are_told_apart(void **state)
{
    struct kf_source src = open_fixture("hostile/good.h5");
    enum kf_kind_id kind;
    struct kf_report rep;

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(kf_detect(&kind, &src, &limits, &rep), 0);
    assert_int_equal(kind, KF_FILE_KERAS_H5);
    assert_string_equal(rep.source.keras_version, "2.15.0");
    assert_string_equal(rep.source.backend, "tensorflow");
    assert_string_equal(rep.source.evidence[0], "root attribute keras_version is 2.15.0");
    kf_report_finish(&rep);
    close(src.fd);
    src = open_fixture("hostile/good.keras");
    kf_report_init(&rep);
    assert_int_equal(kf_detect(&kind, &src, &limits, &rep), 0);
    /* Its metadata says 3.9.2, its config is of Keras 2: the config is what must be read. */
    assert_int_equal(kind, KF_FILE_KERAS_ZIP2);
    assert_string_equal(rep.source.keras_version, "3.9.2");
    kf_report_finish(&rep);
    close(src.fd);
}

static void every_kind_has_words(void **state)
{
    (void)state;
    for (int i = 0; i < KF_FILE_COUNT; i++) {
        assert_non_null(kf_kind_info((enum kf_kind_id)i)->name);
        assert_non_null(kf_kind_info((enum kf_kind_id)i)->title);
    }
    assert_true(kf_kind_holds_model(KF_FILE_KERAS_H5));
    assert_true(kf_kind_holds_model(KF_FILE_PICKLE));
    assert_false(kf_kind_holds_model(KF_FILE_EMPTY));
    assert_false(kf_kind_holds_model(KF_FILE_UNKNOWN));
}

static int use_detect(void *context)
{
    enum kf_kind_id kind = KF_FILE_UNKNOWN;
    struct kf_report rep;
    int status;

    kf_report_init(&rep);
    status = kf_detect(&kind, context, &limits, &rep);
    if (status == 0)
        assert_int_not_equal(kind, KF_FILE_UNKNOWN);
    kf_report_finish(&rep);
    return status;
}

static void lack_of_memory_is_told(void **state)
{
    static const char *const names[] = {"hostile/good.h5", "hostile/good.keras",
                                        "hostile/good.json", "hostile/not_keras.h5"};

    (void)state;
    json_set_alloc_funcs(kf_json_alloc, kf_free);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct kf_source src = open_fixture(names[i]);

        torture(use_detect, &src);
        close(src.fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_is_no_user_block), cmocka_unit_test(content_tells_the_kind),
        cmocka_unit_test(cut_files_end_well),          cmocka_unit_test(real_models_are_told_apart),
        cmocka_unit_test(every_kind_has_words),        cmocka_unit_test(lack_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
