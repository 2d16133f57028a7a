/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/sigv4.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

static const struct sigv4_keys suite_keys = {"AKIDEXAMPLE",
                                             "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL};
static const struct sigv4_keys s3_keys = {"AKIAIOSFODNN7EXAMPLE",
                                          "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};

/* AWS's signing test suite. Source: awslabs/aws-c-auth, tests/aws-signing-test-suite/v4 */
static const struct {
    const char *name, *method, *path, *query;
    struct sigv4_header more[2];
    const char *signature;
} suite[] = {
    {"get-vanilla",
     "GET",
     "/",
     "",
     {{0}},
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     "Param2=value2&Param1=value1",
     {{0}},
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-order-encoded",
     "GET",
     "/",
     "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
     {{0}},
     "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {"get-vanilla-empty-query-key",
     "GET",
     "/",
     "Param1=value1",
     {{0}},
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query-unreserved",
     "GET",
     "/",
     "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
     "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     {{0}},
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-slashes-unnormalized",
     "GET",
     "//example//",
     "",
     {{0}},
     "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"},
    {"get-relative-unnormalized",
     "GET",
     "/example/..",
     "",
     {{0}},
     "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"},
    {"get-header-value-trim",
     "GET",
     "/",
     "",
     {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}},
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"post-header-key-sort",
     "POST",
     "/",
     "",
     {{"my-header1", "value1"}},
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"get-vanilla-with-session-token",
     "GET",
     "/",
     "",
     {{"x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"}},
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
};

static void ends_with(const char *authorization, const char *signature, const char *name)
{
    const char *at = authorization ? strstr(authorization, "Signature=") : NULL;

    if (!at || strcmp(at + 10, signature) != 0)
        fail_msg("%s: %s", name, authorization ? authorization : "nothing");
}

static void the_suite_of_aws_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(suite); i++) {
        struct sigv4_header headers[4] = {{"x-amz-date", "20150830T123600Z"},
                                          {"host", "example.amazonaws.com"}};
        size_t n = 2;
        char *authorization;

        for (size_t k = 0; k < 2 && suite[i].more[k].name; k++)
            headers[n++] = suite[i].more[k];
        authorization = sigv4_authorization(&(struct sigv4_request){.method = suite[i].method,
                                                                    .path = suite[i].path,
                                                                    .query = suite[i].query,
                                                                    .headers = headers,
                                                                    .n_headers = n,
                                                                    .payload = SIGV4_EMPTY,
                                                                    .region = "us-east-1",
                                                                    .service = "service",
                                                                    .time = "20150830T123600Z"},
                                            &suite_keys);
        ends_with(authorization, suite[i].signature, suite[i].name);
        free(authorization);
    }
}

/* Paths that the suite has in plain letters are encoded once. */
static void keys_are_encoded_once(void **state)
{
    static const struct {
        const char *key, *signature;
    } rows[] = {
        {"/\xe1\x88\xb4", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        {"/example space/", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
        {"/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
         "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    };
    const struct sigv4_header headers[] = {{"host", "example.amazonaws.com"},
                                           {"x-amz-date", "20150830T123600Z"}};

    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        char *path = sigv4_encode(rows[i].key, true);
        char *authorization =
            sigv4_authorization(&(struct sigv4_request){"GET", path, "", headers, 2, SIGV4_EMPTY,
                                                        "us-east-1", "service", "20150830T123600Z"},
                                &suite_keys);

        ends_with(authorization, rows[i].signature, rows[i].key);
        free(authorization);
        free(path);
    }
}

/* Source: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, its examples */
static void examples_of_s3_hold(void **state)
{
    static const struct {
        const char *method, *path, *query, *payload;
        struct sigv4_header more[2];
        const char *signature;
    } rows[] = {
        {"GET",
         "/test.txt",
         "",
         SIGV4_EMPTY,
         {{"range", "bytes=0-9"}},
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT",
         "/test%24file.text",
         "",
         "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
         {{"x-amz-storage-class", "REDUCED_REDUNDANCY"}, {"date", "Fri, 24 May 2013 00:00:00 GMT"}},
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GET",
         "/",
         "lifecycle",
         SIGV4_EMPTY,
         {{0}},
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"GET",
         "/",
         "prefix=J&max-keys=2",
         SIGV4_EMPTY,
         {{0}},
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct sigv4_header headers[5] = {{"host", "examplebucket.s3.amazonaws.com"},
                                          {"x-amz-content-sha256", rows[i].payload},
                                          {"x-amz-date", "20130524T000000Z"}};
        size_t n = 3;
        char *authorization;

        for (size_t k = 0; k < 2 && rows[i].more[k].name; k++)
            headers[n++] = rows[i].more[k];
        authorization = sigv4_authorization(
            &(struct sigv4_request){rows[i].method, rows[i].path, rows[i].query, headers, n,
                                    rows[i].payload, "us-east-1", "s3", "20130524T000000Z"},
            &s3_keys);
        ends_with(authorization, rows[i].signature, rows[i].path);
        assert_non_null(strstr(authorization,
                               "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                               " SignedHeaders="));
        free(authorization);
    }
}

/* Source: docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html, its example */
static void example_of_chunks_holds(void **state)
{
    static const struct {
        size_t n;
        const char *signature;
    } rows[] = {
        {65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"},
        {1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"},
        {0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"},
    };
    static const struct sigv4_header headers[] = {
        {"host", "s3.amazonaws.com"},
        {"x-amz-date", "20130524T000000Z"},
        {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
        {"x-amz-content-sha256", SIGV4_CHUNKS},
        {"content-encoding", "aws-chunked"},
        {"x-amz-decoded-content-length", "66560"},
        {"content-length", "66824"},
    };
    const struct sigv4_request request = {"PUT",
                                          "/examplebucket/chunkObject.txt",
                                          "",
                                          headers,
                                          N_OF(headers),
                                          SIGV4_CHUNKS,
                                          "us-east-1",
                                          "s3",
                                          "20130524T000000Z"};
    char *authorization = sigv4_authorization(&request, &s3_keys);
    static char data[65536];
    struct sigv4_chain chain;

    (void)state;
    ends_with(authorization, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
              "the request");
    assert_true(sigv4_chain_begin(&chain, &request, &s3_keys, authorization));
    memset(data, 'a', sizeof data);
    for (size_t i = 0; i < N_OF(rows); i++) {
        assert_true(sigv4_chain_next(&chain, data, rows[i].n));
        assert_string_equal(chain.last, rows[i].signature);
    }
    free(authorization);
}

static void odd_letters_are_encoded(void **state)
{
    char *kept = sigv4_encode("a/b c+d=e%f/\xc3\xa9~", true);
    char *all = sigv4_encode("a/b", false);

    (void)state;
    assert_string_equal(kept, "a/b%20c%2Bd%3De%25f/%C3%A9~");
    assert_string_equal(all, "a%2Fb");
    free(kept);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suite_of_aws_holds),  cmocka_unit_test(keys_are_encoded_once),
        cmocka_unit_test(examples_of_s3_hold),     cmocka_unit_test(example_of_chunks_holds),
        cmocka_unit_test(odd_letters_are_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
