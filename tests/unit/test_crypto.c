/*
 * Digests of memory and of files, against OpenSSL's in one piece.
 */
#include "measure/crypto.h"

#include "base/scope.h"

#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES 40000u

static uint8_t bytes[BYTES];
static struct reason why;

static int start(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    return crypto_start(&why);
}

static int stop(void **state)
{
    (void)state;
    crypto_stop();
    return 0;
}

static int file_with(size_t size)
{
    int file = memfd_create("file", MFD_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    return file;
}

static void pieces_are_digested_without_separation(void **state)
{
    (void)state;
    uint8_t digest[CLO_DIGEST_SIZE];
    const struct crypto_bytes pieces[] = {{bytes, 5}, {bytes + 5, 0}, {bytes + 5, BYTES - 5}};
    assert_int_equal(crypto_sha384(pieces, 3, digest), CLOISTER_OK);
    assert_memory_equal(digest, SHA384(bytes, BYTES, NULL), sizeof digest);
}

static void range_of_a_file_is_digested(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 32768, BYTES - 3};
    AUTO_FD int file = file_with(BYTES);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t digest[CLO_DIGEST_SIZE];
        assert_int_equal(crypto_sha384_file(file, 3, sizes[i], digest), CLOISTER_OK);
        assert_memory_equal(digest, SHA384(bytes + 3, sizes[i], NULL), sizeof digest);
    }
}

static void file_that_ends_early_is_a_failure(void **state)
{
    (void)state;
    uint8_t digest[CLO_DIGEST_SIZE];
    AUTO_FD int file = file_with(20000);
    assert_int_equal(crypto_sha384_file(file, 0, 20001, digest), CLOISTER_IO);
    assert_int_equal(crypto_sha384_file(file, 20001, 1, digest), CLOISTER_IO);
    assert_int_equal(crypto_sha384_file(-1, 0, 1, digest), CLOISTER_IO);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_digested_without_separation),
        cmocka_unit_test(range_of_a_file_is_digested),
        cmocka_unit_test(file_that_ends_early_is_a_failure),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
