/* SPDX-License-Identifier: Apache-2.0 */
#include "lambda_code.h"
#include "../base/alloc.h"
#include "../io/text/json.h"
#include <nettle/base64.h>

/* As Keras 2.0 and before wrote it: each character is a byte. Its length, 0 for another text. */
static size_t raw_bytes(const char *text, size_t n, unsigned char *to)
{
    size_t made = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x80) {
            if (c > 0xc3 || i + 1 >= n)
                return 0;
            c = (unsigned char)((c << 6) | (text[++i] & 0x3f));
        }
        to[made++] = c;
    }
    return made;
}

/* Base64 in lines, or the bytes themselves. */
static size_t decode(const char *text, size_t n, unsigned char *to)
{
    struct base64_decode_ctx base64;
    size_t made = 0;

    base64_decode_init(&base64);
    if (base64_decode_update(&base64, &made, to, n, text) && base64_decode_final(&base64) &&
        made > 0)
        return made;
    return raw_bytes(text, n, to);
}

const json_t *kf_lambda_text(const json_t *function)
{
    const json_t *config = json_object_get(function, "config");
    const json_t *code = json_object_get(config, "code");

    if (json_is_array(function))
        code = json_array_get(function, 0);
    else if (!json_is_string(code))
        code = json_object_get(config, "value");
    if (json_is_array(code))
        code = json_array_get(code, 0);
    return json_is_string(code) ? code : NULL;
}

bool kf_lambda_decode(struct kf_lambda_code *out, const json_t *text)
{
    size_t n = json_string_length(text);

    out->bytes = kf_alloc(n + BASE64_DECODE_LENGTH(n));
    if (out->bytes)
        out->n = decode(json_string_value(text), n, out->bytes);
    return out->bytes != NULL;
}

bool kf_lambda_code_read(struct kf_lambda_code *out, const json_t *function)
{
    const json_t *text = kf_lambda_text(function);

    if (!text || json_string_length(text) > KF_LAMBDA_CODE_MAX || !kf_lambda_decode(out, text))
        return false;
    out->code = kf_marshal_code(out->bytes, out->n, &out->layout);
    return out->code != NULL;
}

const unsigned char *kf_lambda_bytes(const struct kf_lambda_code *code, const char *member,
                                     size_t *n)
{
    const json_t *bytes = json_object_get(code->code, member);

    *n = (size_t)kf_json_int(bytes, "bytes", 0);
    return code->bytes + kf_json_int(bytes, "at", 0);
}

void kf_lambda_code_finish(struct kf_lambda_code *code)
{
    kf_free(code->bytes);
    json_decref(code->code);
}
