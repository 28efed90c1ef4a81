/*
 * Fuzzes the CBOR reader: what it accepts must come out of the writer again, byte for byte.
 */
#include "measure/cbor_read.h"
#include "measure/cbor_write.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void copy_item(struct cbor_reader *reader, struct cbor_writer *writer)
{
    uint64_t count;
    struct cbor_view view;
    bool flag;
    if (cbor_read_bytes(reader, &view)) {
        cbor_write_bytes(writer, view.bytes, view.size);
    } else if (cbor_read_text(reader, &view)) {
        char *text = strndup((const char *)view.bytes, view.size);
        if (!text)
            abort();
        cbor_write_text(writer, text);
        free(text);
    } else if (cbor_read_array(reader, &count)) {
        cbor_write_array(writer, count);
        for (uint64_t i = 0; i < count; i++)
            copy_item(reader, writer);
    } else if (cbor_read_map(reader, &count)) {
        cbor_write_map(writer, count);
        for (uint64_t i = 0; i < 2 * count; i++)
            copy_item(reader, writer);
    } else if (cbor_read_tag(reader, &count)) {
        cbor_write_tag(writer, count);
        copy_item(reader, writer);
    } else if (cbor_read_bool(reader, &flag)) {
        cbor_write_bool(writer, flag);
    } else if (cbor_read_uint(reader, &count)) {
        cbor_write_uint(writer, count);
    } else {
        int64_t number;
        if (!cbor_read_int(reader, &number))
            number = INT64_MIN; /* beyond 63 bits: the caller looks away */
        cbor_write_int(writer, number);
    }
}

/* A negative number that does not fit 63 bits can be read by nobody: not compared. */
static bool has_huge_negative(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++)
        if (bytes[i] == 0x3b && bytes[i + 1] >= 0x80)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t copy[CBOR_READ_SIZE_MAX];
    struct cbor_reader reader;
    struct cbor_writer writer;
    size_t copied;
    struct reason why;
    if (cbor_read_start(&reader, bytes, size, "input", &why) != CLOISTER_OK ||
        has_huge_negative(bytes, size))
        return 0;
    cbor_write_start(&writer, copy, sizeof copy);
    copy_item(&reader, &writer);
    if (!cbor_write_end(&writer, &copied) || copied != size || memcmp(copy, bytes, size) != 0)
        abort();
    return 0;
}
