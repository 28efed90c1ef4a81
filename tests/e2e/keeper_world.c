/*
 * The hostile world host, and the polite one that it departs from.
 */
#include "tests/e2e/keeper_world.h"

#include "abi/control.h"
#include "abi/keeper.h"
#include "base/bytes.h"
#include "base/scope.h"
#include "measure/module_image.h"
#include "measure/module_signature.h"
#include "tests/unit/elf_sample.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define GONE (-1)

/* Ends the world host: what was expected did not happen. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "world: line %d: not so: %s\n", __LINE__, #condition);           \
            _exit(99);                                                                             \
        }                                                                                          \
    } while (0)

/* What came with --ready-fd. */
static const char *ready_text = "";

/* The reply to the last request. */
static struct {
    struct clo_keeper_header header;
    uint8_t body[CLO_KEEPER_MESSAGE_MAX];
    size_t size;
} reply;

static struct clo_keeper_launch launch_body;
static struct clo_keeper_module module_body;
static struct clo_keeper_start start_body;
static uint8_t *image_pages;
static size_t image_size;
static uint8_t measurement[CLO_DIGEST_SIZE];
static uint8_t author[CLO_AUTHOR_SIZE];

/* Talking */

static ssize_t send_packet(const void *header, size_t header_size, const void *body,
                           size_t body_size, const int *descriptors, size_t count)
{
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(8 * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec parts[2] = {{(void *)(uintptr_t)header, header_size},
                             {(void *)(uintptr_t)body, body_size}};
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2};
    if (count) {
        packet.msg_control = &control;
        packet.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&packet);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(head), descriptors, count * sizeof(int));
    }
    return sendmsg(CLO_KEEPER_DESCRIPTOR, &packet, MSG_NOSIGNAL);
}

/* The status of the reply, or GONE. */
static int receive(void)
{
    struct iovec parts[2] = {{&reply.header, sizeof reply.header}, {reply.body, sizeof reply.body}};
    ssize_t got = readv(CLO_KEEPER_DESCRIPTOR, parts, 2);
    if (got <= 0)
        return GONE;
    EXPECT((size_t)got >= sizeof reply.header);
    reply.size = (size_t)got - sizeof reply.header;
    EXPECT(reply.header.magic == CLO_KEEPER_MAGIC && reply.header.size == reply.size);
    EXPECT(reply.header.status == CLOISTER_OK || (reply.size == 0 && reply.header.text[0]));
    EXPECT(reply.header.text[CLO_KEEPER_TEXT_SIZE - 1] == 0);
    return reply.header.status;
}

static int ask(uint16_t type, uint32_t module, const void *body, size_t size, int descriptor)
{
    const struct clo_keeper_header header = {
        .magic = CLO_KEEPER_MAGIC, .type = type, .module = module, .size = (uint32_t)size};
    if (send_packet(&header, sizeof header, body, size, &descriptor, descriptor >= 0) < 0)
        return GONE;
    return receive();
}

/* A broken packet: whatever is answered is no success, and then the conversation is over. */
static void expect_the_end(int status)
{
    EXPECT(status != CLOISTER_OK);
    EXPECT(ask(CLO_KEEPER_RESTART, 0, NULL, 0, -1) == GONE);
    _exit(0);
}

/* A polite world host */

static int memfd_with(const void *bytes, size_t size, int seals)
{
    int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    EXPECT(seals == 0 || fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

static void make_module(void)
{
    static struct elf_sample sample;
    struct elf_image image;
    struct reason why;
    sample_make(&sample);
    EXPECT(elf_image_parse(&sample, sizeof sample, ELF_MODULE, &image, &why) == CLOISTER_OK);
    EXPECT(module_record_fill(&image, &module_body.record, &why) == CLOISTER_OK);
    module_body.image_pages = module_image_pages(&module_body.record);
    image_size = (size_t)module_body.image_pages * CLO_PAGE_SIZE;
    image_pages = calloc(1, image_size);
    EXPECT(image_pages);
    module_image_write(&image, &module_body.record, image_pages);
    EXPECT(module_measure(&module_body.record, image_pages, measurement) == CLOISTER_OK);
}

static void sign_module(void)
{
    struct reason why;
    size_t size = 0;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    EXPECT(key && author_of_key(key, author, &why) == CLOISTER_OK);
    EXPECT(module_signature_make(key, measurement, &module_body.record.manifest,
                                 module_body.signature, sizeof module_body.signature, &size,
                                 &why) == CLOISTER_OK);
    module_body.signature_size = (uint32_t)size;
    EVP_PKEY_free(key);
}

static void prepare(void)
{
    EXPECT(name_set(launch_body.world, sizeof launch_body.world, "demo"));
    EXPECT(name_set(launch_body.runtime_version, sizeof launch_body.runtime_version, "0.1.0"));
    launch_body.module_count = 1;
    launch_body.runtime_svn = 1;
    launch_body.runtime_size = 2 * CLO_PAGE_SIZE;
    EXPECT(name_set(module_body.name, sizeof module_body.name, "sample"));
    EXPECT(name_set(start_body.kvm, sizeof start_body.kvm, "other"));
    start_body.isolation = CLO_ISOLATION_MAPPED;
    start_body.vcpus = 1;
    make_module();
    sign_module();
}

static int runtime_image(void)
{
    static const uint8_t pages[2 * CLO_PAGE_SIZE] = {0x0f, 0x05};
    return memfd_with(pages, sizeof pages, ALL_SEALS);
}

static int say_launch(void)
{
    return ask(CLO_KEEPER_LAUNCH, 0, &launch_body, sizeof launch_body, runtime_image());
}

static int say_module(void)
{
    return ask(CLO_KEEPER_MODULE, 0, &module_body, sizeof module_body,
               memfd_with(image_pages, image_size, ALL_SEALS));
}

static int say_start(void)
{
    return ask(CLO_KEEPER_START, 0, &start_body, sizeof start_body, -1);
}

static void launched(void)
{
    EXPECT(say_launch() == CLOISTER_OK);
}

static void started(void)
{
    launched();
    EXPECT(say_module() == CLOISTER_OK);
    EXPECT(say_start() == CLOISTER_OK);
}

/* What a started world may ask */

static void keeper_measures_and_names_the_author(void)
{
    launched();
    EXPECT(say_module() == CLOISTER_OK);
    struct clo_keeper_module_reply answer;
    EXPECT(reply.size == sizeof answer);
    memcpy(&answer, reply.body, sizeof answer);
    EXPECT(bytes_equal(answer.measurement, measurement, sizeof measurement));
    EXPECT(bytes_equal(answer.author, author, sizeof author));
    EXPECT(bytes_are_zero(answer.reserved, sizeof answer.reserved));
}

static struct clo_seal_reply seal(void)
{
    struct clo_seal_request request = {.policy = CLO_POLICY_SAME_AUTHOR};
    struct clo_seal_reply sealed;
    EXPECT(ask(CLO_KEEPER_SEAL, 0, &request, sizeof request, -1) == CLOISTER_OK);
    EXPECT(reply.size == sizeof sealed);
    memcpy(&sealed, reply.body, sizeof sealed);
    return sealed;
}

static void sealed_header_opens(void)
{
    started();
    struct clo_seal_reply sealed = seal();
    struct clo_unseal_reply opened;
    EXPECT(ask(CLO_KEEPER_UNSEAL, 0, &sealed.header, sizeof sealed.header, -1) == CLOISTER_OK);
    EXPECT(reply.size == sizeof opened);
    memcpy(&opened, reply.body, sizeof opened);
    EXPECT(bytes_equal(opened.key, sealed.key, sizeof sealed.key));
    EXPECT(bytes_equal(sealed.header.sealer, measurement, sizeof measurement));
}

static void broken_headers_are_refused_and_service_goes_on(void)
{
    started();
    struct clo_seal_reply sealed = seal();
    struct clo_seal_header garbage;
    for (unsigned i = 0; i < 2000; i++) {
        memset(&garbage, (int)i, sizeof garbage);
        EXPECT(ask(CLO_KEEPER_UNSEAL, 0, &garbage, sizeof garbage, -1) == CLOISTER_REFUSED);
    }
    sealed.header.tag[0] ^= 1;
    EXPECT(ask(CLO_KEEPER_UNSEAL, 0, &sealed.header, sizeof sealed.header, -1) == CLOISTER_REFUSED);
    sealed.header.tag[0] ^= 1;
    EXPECT(ask(CLO_KEEPER_UNSEAL, 0, &sealed.header, sizeof sealed.header, -1) == CLOISTER_OK);
}

static void registers_extend_and_bad_ones_are_refused(void)
{
    struct clo_keeper_register request = {.index = 3, .bytes = {1}};
    uint8_t value[CLO_DIGEST_SIZE];
    started();
    EXPECT(ask(CLO_KEEPER_EXTEND, 0, &request, sizeof request, -1) == CLOISTER_OK);
    EXPECT(reply.size == sizeof value);
    memcpy(value, reply.body, sizeof value);
    memset(request.bytes, 0, sizeof request.bytes);
    EXPECT(ask(CLO_KEEPER_RESTART, 0, NULL, 0, -1) == CLOISTER_OK);
    EXPECT(ask(CLO_KEEPER_READ, 0, &request, sizeof request, -1) == CLOISTER_OK);
    EXPECT(bytes_equal(value, reply.body, sizeof value));
    request.index = CLO_REGISTERS;
    EXPECT(ask(CLO_KEEPER_READ, 0, &request, sizeof request, -1) == CLOISTER_BAD_ARGUMENT);
    EXPECT(ask(CLO_KEEPER_EXTEND, 0, &request, sizeof request, -1) == CLOISTER_BAD_ARGUMENT);
}

static void reports_come_and_bad_nonces_are_refused(void)
{
    struct clo_keeper_report request = {.request = {.nonce_size = 16}};
    memset(request.request.nonce, 0x5a, 16);
    request.caller_kind = CLO_CALLER_PROCESS;
    started();
    EXPECT(ask(CLO_KEEPER_REPORT, 0, &request, sizeof request, -1) == CLOISTER_OK);
    EXPECT(memmem(reply.body, reply.size, request.request.nonce, 16));
    EXPECT(memmem(reply.body, reply.size, measurement, sizeof measurement));
    request.request.nonce_size = 7;
    EXPECT(ask(CLO_KEEPER_REPORT, 0, &request, sizeof request, -1) == CLOISTER_BAD_ARGUMENT);
    request.request.nonce_size = UINT32_MAX;
    EXPECT(ask(CLO_KEEPER_REPORT, 0, &request, sizeof request, -1) == CLOISTER_BAD_ARGUMENT);
    request.request = (struct clo_report_request){.nonce_size = 16, .user_data_size = UINT32_MAX};
    EXPECT(ask(CLO_KEEPER_REPORT, 0, &request, sizeof request, -1) == CLOISTER_BAD_ARGUMENT);
}

/* Order */

static void launch_twice_ends(void)
{
    launched();
    expect_the_end(say_launch());
}

static void module_before_launch_ends(void)
{
    expect_the_end(say_module());
}

static void start_before_launch_ends(void)
{
    expect_the_end(say_start());
}

static void start_before_all_modules_ends(void)
{
    launched();
    expect_the_end(say_start());
}

static void module_too_many_ends(void)
{
    launched();
    EXPECT(say_module() == CLOISTER_OK);
    expect_the_end(ask(CLO_KEEPER_MODULE, 1, &module_body, sizeof module_body,
                       memfd_with(image_pages, image_size, ALL_SEALS)));
}

static void seal_before_launch_ends(void)
{
    struct clo_seal_request request = {.policy = CLO_POLICY_EXACT_CODE};
    expect_the_end(ask(CLO_KEEPER_SEAL, 0, &request, sizeof request, -1));
}

static void seal_before_start_ends(void)
{
    struct clo_seal_request request = {.policy = CLO_POLICY_EXACT_CODE};
    launched();
    EXPECT(say_module() == CLOISTER_OK);
    expect_the_end(ask(CLO_KEEPER_SEAL, 0, &request, sizeof request, -1));
}

static void report_before_start_ends(void)
{
    struct clo_keeper_report request = {.request = {.nonce_size = 16}};
    launched();
    EXPECT(say_module() == CLOISTER_OK);
    expect_the_end(ask(CLO_KEEPER_REPORT, 0, &request, sizeof request, -1));
}

static void launch_after_start_ends(void)
{
    started();
    expect_the_end(say_launch());
}

static void module_after_start_ends(void)
{
    started();
    expect_the_end(say_module());
}

static void start_twice_ends(void)
{
    started();
    expect_the_end(say_start());
}

/* Form */

static void unknown_request_ends(void)
{
    started();
    expect_the_end(ask(CLO_KEEPER_RESTART + 1, 0, NULL, 0, -1));
}

static void module_outside_the_record_ends(void)
{
    struct clo_seal_request request = {.policy = CLO_POLICY_EXACT_CODE};
    started();
    expect_the_end(ask(CLO_KEEPER_SEAL, 1, &request, sizeof request, -1));
}

static void huge_module_index_ends(void)
{
    started();
    expect_the_end(ask(CLO_KEEPER_RESTART, UINT32_MAX, NULL, 0, -1));
}

static void launch_for_a_module_ends(void)
{
    expect_the_end(ask(CLO_KEEPER_LAUNCH, 1, &launch_body, sizeof launch_body, runtime_image()));
}

static void short_body_ends(void)
{
    struct clo_seal_header header = {.magic = CLO_SEAL_MAGIC};
    started();
    expect_the_end(ask(CLO_KEEPER_UNSEAL, 0, &header, sizeof header - 1, -1));
}

static void long_body_ends(void)
{
    uint8_t body[sizeof(struct clo_seal_header) + 1] = {0};
    started();
    expect_the_end(ask(CLO_KEEPER_UNSEAL, 0, body, sizeof body, -1));
}

static void body_where_none_belongs_ends(void)
{
    started();
    expect_the_end(ask(CLO_KEEPER_RESTART, 0, "x", 1, -1));
}

/* Sends a header that is bent somewhere, with a body of `size` bytes. */
static void expect_the_end_of_header(const struct clo_keeper_header *header, size_t header_size,
                                     size_t size)
{
    static const uint8_t body[200000];
    (void)send_packet(header, header_size, body, size, NULL, 0);
    expect_the_end(receive());
}

static void packet_shorter_than_a_header_ends(void)
{
    const struct clo_keeper_header header = {.magic = CLO_KEEPER_MAGIC, .type = CLO_KEEPER_RESTART};
    started();
    expect_the_end_of_header(&header, sizeof header - 1, 0);
}

static void packet_of_one_byte_ends(void)
{
    const struct clo_keeper_header header = {.magic = CLO_KEEPER_MAGIC};
    expect_the_end_of_header(&header, 1, 0);
}

static void empty_packet_ends(void)
{
    started();
    (void)send(CLO_KEEPER_DESCRIPTOR, "", 0, MSG_NOSIGNAL);
    expect_the_end(receive());
}

static void announced_size_that_lies_ends(void)
{
    const struct clo_keeper_header header = {.magic = CLO_KEEPER_MAGIC,
                                             .type = CLO_KEEPER_SEAL,
                                             .size = sizeof(struct clo_seal_request)};
    started();
    expect_the_end_of_header(&header, sizeof header, sizeof(struct clo_seal_request) - 8);
}

static void announced_size_that_wraps_ends(void)
{
    const struct clo_keeper_header header = {
        .magic = CLO_KEEPER_MAGIC, .type = CLO_KEEPER_RESTART, .size = UINT32_MAX};
    started();
    expect_the_end_of_header(&header, sizeof header, 0);
}

static void oversized_packet_ends(void)
{
    const struct clo_keeper_header header = {
        .magic = CLO_KEEPER_MAGIC, .type = CLO_KEEPER_SEAL, .size = 100000};
    started();
    expect_the_end_of_header(&header, sizeof header, 100000);
}

static void wrong_magic_ends(void)
{
    const struct clo_keeper_header header = {.magic = 0x12345678, .type = CLO_KEEPER_RESTART};
    started();
    expect_the_end_of_header(&header, sizeof header, 0);
}

static void request_with_a_status_ends(void)
{
    const struct clo_keeper_header header = {
        .magic = CLO_KEEPER_MAGIC, .type = CLO_KEEPER_RESTART, .status = 1};
    started();
    expect_the_end_of_header(&header, sizeof header, 0);
}

static void request_with_a_text_ends(void)
{
    struct clo_keeper_header header = {.magic = CLO_KEEPER_MAGIC, .type = CLO_KEEPER_RESTART};
    header.text[CLO_KEEPER_TEXT_SIZE - 1] = 1;
    started();
    expect_the_end_of_header(&header, sizeof header, 0);
}

static void unused_bytes_that_are_not_zero_end(void)
{
    struct clo_keeper_register request = {.index = 0, .bytes = {1}};
    started();
    expect_the_end(ask(CLO_KEEPER_READ, 0, &request, sizeof request, -1));
}

/* Descriptors */

static void launch_without_image_ends(void)
{
    expect_the_end(ask(CLO_KEEPER_LAUNCH, 0, &launch_body, sizeof launch_body, -1));
}

static void start_with_a_descriptor_ends(void)
{
    launched();
    EXPECT(say_module() == CLOISTER_OK);
    expect_the_end(ask(CLO_KEEPER_START, 0, &start_body, sizeof start_body, runtime_image()));
}

static void launch_with_descriptors(size_t count)
{
    const struct clo_keeper_header header = {
        .magic = CLO_KEEPER_MAGIC, .type = CLO_KEEPER_LAUNCH, .size = sizeof launch_body};
    int fds[8];
    for (size_t i = 0; i < count; i++)
        fds[i] = runtime_image();
    (void)send_packet(&header, sizeof header, &launch_body, sizeof launch_body, fds, count);
    expect_the_end(receive());
}

static void two_descriptors_end(void)
{
    launch_with_descriptors(2);
}

static void eight_descriptors_end(void)
{
    launch_with_descriptors(8);
}

/* Images */

static void launch_of_image_ends(int fd)
{
    expect_the_end(ask(CLO_KEEPER_LAUNCH, 0, &launch_body, sizeof launch_body, fd));
}

static void launch_with_seals(int seals)
{
    static const uint8_t pages[2 * CLO_PAGE_SIZE];
    launch_of_image_ends(memfd_with(pages, sizeof pages, seals));
}

static void unsealed_image_is_refused(void)
{
    launch_with_seals(0);
}

static void writable_image_is_refused(void)
{
    launch_with_seals(ALL_SEALS & ~F_SEAL_WRITE);
}

static void image_sealed_against_future_writing_only_is_refused(void)
{
    launch_with_seals((ALL_SEALS & ~F_SEAL_WRITE) | F_SEAL_FUTURE_WRITE);
}

static void shrinkable_image_is_refused(void)
{
    launch_with_seals(ALL_SEALS & ~F_SEAL_SHRINK);
}

static void growable_image_is_refused(void)
{
    launch_with_seals(ALL_SEALS & ~F_SEAL_GROW);
}

static void image_without_the_last_seal_is_refused(void)
{
    launch_with_seals(ALL_SEALS & ~F_SEAL_SEAL);
}

static void image_that_is_a_device_is_refused(void)
{
    launch_of_image_ends(open("/dev/zero", O_RDONLY | O_CLOEXEC));
}

static void image_that_is_a_socket_is_refused(void)
{
    launch_of_image_ends(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static void image_that_is_a_file_is_refused(void)
{
    launch_of_image_ends(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
}

static void runtime_of_size(uint32_t said, size_t real)
{
    uint8_t *pages = calloc(1, real + 1);
    EXPECT(pages);
    launch_body.runtime_size = said;
    launch_of_image_ends(memfd_with(pages, real, ALL_SEALS));
}

static void image_larger_than_announced_is_refused(void)
{
    runtime_of_size(CLO_PAGE_SIZE, 2 * CLO_PAGE_SIZE);
}

static void image_smaller_than_announced_is_refused(void)
{
    runtime_of_size(2 * CLO_PAGE_SIZE, CLO_PAGE_SIZE);
}

static void runtime_of_no_bytes_is_refused(void)
{
    runtime_of_size(0, 0);
}

static void runtime_of_part_of_a_page_is_refused(void)
{
    runtime_of_size(CLO_PAGE_SIZE + 1, CLO_PAGE_SIZE + 1);
}

static void runtime_of_four_gigabytes_is_refused(void)
{
    runtime_of_size(0xfffff000u, CLO_PAGE_SIZE);
}

/* Modules */

static void module_is_refused(cloister_status status)
{
    launched();
    int said = say_module();
    EXPECT(said == status);
    expect_the_end(said);
}

static void unsigned_module_is_refused(void)
{
    module_body.signature_size = 0;
    memset(module_body.signature, 0, sizeof module_body.signature);
    module_is_refused(CLOISTER_REFUSED);
}

static void module_with_one_byte_changed_is_refused(void)
{
    image_pages[image_size - 1] ^= 1;
    module_is_refused(CLOISTER_REFUSED);
}

static void module_that_claims_a_higher_svn_is_refused(void)
{
    module_body.record.manifest.svn++;
    module_is_refused(CLOISTER_REFUSED);
}

static void module_with_a_bent_signature_is_refused(void)
{
    module_body.signature[module_body.signature_size - 1] ^= 1;
    module_is_refused(CLOISTER_REFUSED);
}

static void signature_size_beyond_its_field_is_refused(void)
{
    module_body.signature_size = CLO_KEEPER_SIGNATURE_MAX + 1;
    module_is_refused(CLOISTER_BAD_ARGUMENT);
}

static void bytes_behind_the_signature_are_refused(void)
{
    module_body.signature[CLO_KEEPER_SIGNATURE_MAX - 1] = 1;
    module_is_refused(CLOISTER_BAD_ARGUMENT);
}

static void wrong_number_of_pages_is_refused(void)
{
    module_body.image_pages++;
    module_is_refused(CLOISTER_BAD_ARGUMENT);
}

static void image_with_a_page_too_few_is_refused(void)
{
    image_size -= CLO_PAGE_SIZE;
    module_is_refused(CLOISTER_BAD_FORMAT);
}

static void record_with_a_wrapping_segment_is_refused(void)
{
    module_body.record.segment[0].filesz = UINT64_MAX - 10;
    launched();
    expect_the_end(say_module());
}

static void record_without_a_manifest_is_refused(void)
{
    launch_body.debug = 1;
    memset(&module_body.record.manifest, 0, sizeof module_body.record.manifest);
    launched();
    expect_the_end(say_module());
}

static void record_with_too_many_segments_is_refused(void)
{
    module_body.record.segment_count = UINT32_MAX;
    launched();
    expect_the_end(say_module());
}

static void debug_world_takes_a_module_without_a_valid_signature(void)
{
    struct clo_keeper_module_reply answer;
    launch_body.debug = 1;
    module_body.signature[module_body.signature_size - 1] ^= 1;
    launched();
    EXPECT(say_module() == CLOISTER_OK);
    memcpy(&answer, reply.body, sizeof answer);
    EXPECT(bytes_are_zero(answer.author, sizeof answer.author));
    EXPECT(say_start() == CLOISTER_OK);
}

/* What the world host was given */

static void only_needed_descriptors_are_open(void)
{
    DIR *folder = opendir("/proc/self/fd");
    EXPECT(folder);
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        int fd = atoi(entry->d_name);
        EXPECT(fd <= CLO_KEEPER_DESCRIPTOR || fd == dirfd(folder));
    }
    (void)closedir(folder);
    EXPECT(fcntl(CLO_KEEPER_DESCRIPTOR, F_GETFD) >= 0);
    started();
}

static void only_needed_environment_is_there(void)
{
    for (char **each = environ; *each; each++)
        EXPECT(strncmp(*each, "CLOISTER_RUNTIME=", 17) == 0 ||
               strncmp(*each, "XDG_RUNTIME_DIR=", 16) == 0 || strstr(*each, "SAN_OPTIONS="));
    EXPECT(getenv("CLOISTER_RUNTIME"));
    started();
}

static void own_binary_cannot_be_written(void)
{
    started();
    int fd = open("/proc/self/exe", O_RDWR | O_CLOEXEC);
    EXPECT(fd < 0 || write(fd, "x", 1) < 0);
}

static void parent_has_line(const char *line)
{
    char path[64];
    char text[8192] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/status", getppid());
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    EXPECT(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    EXPECT(strstr(text, line));
}

static void keeper_is_in_its_sandbox_before_it_reads(void)
{
    launched();
    parent_has_line("Seccomp:\t2");
    parent_has_line("NoNewPrivs:\t1");
}

static void keeper_cannot_be_read_by_its_own_user(void)
{
    char path[64];
    uint8_t byte;
    struct iovec here = {&byte, 1};
    struct iovec there = {(void *)(uintptr_t)&keeper_scenarios, 1};
    launched();
    if (geteuid() == 0)
        _exit(77);
    (void)snprintf(path, sizeof path, "/proc/%d/mem", getppid());
    EXPECT(open(path, O_RDONLY | O_CLOEXEC) < 0);
    (void)snprintf(path, sizeof path, "/proc/%d/environ", getppid());
    EXPECT(open(path, O_RDONLY | O_CLOEXEC) < 0);
    (void)snprintf(path, sizeof path, "/proc/%d/fd", getppid());
    EXPECT(open(path, O_RDONLY | O_CLOEXEC) < 0);
    EXPECT(process_vm_readv(getppid(), &here, 1, &there, 1, 0) < 0);
    EXPECT(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0);
}

/* Played by the tests of the keeper's own end, not in the list. */

static void wait_for_sigterm(void)
{
    sigset_t set;
    int got = 0;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    started();
    EXPECT(write(STDOUT_FILENO, "1", 1) == 1);
    EXPECT(sigwait(&set, &got) == 0);
    _exit(got);
}

/* With a state whose attestation key is damaged. */
static void be_refused_for_the_key(void)
{
    launched();
    EXPECT(say_module() == CLOISTER_OK);
    int said = say_start();
    EXPECT(said == CLOISTER_BAD_FORMAT);
    EXPECT(strstr((const char *)reply.header.text, "attestation.key"));
    expect_the_end(said);
}

/* The keeper has handed the descriptor on under a number of its choice. */
static void tell_that_it_serves(void)
{
    int ready = atoi(ready_text);
    EXPECT(ready > CLO_KEEPER_DESCRIPTOR);
    EXPECT(write(ready, "1", 1) == 1);
    EXPECT(close(ready) == 0);
    wait_for_sigterm();
}

static void exit_42(void)
{
    _exit(42);
}

static void die_of_sigsegv(void)
{
    started();
    (void)signal(SIGSEGV, SIG_DFL);
    (void)raise(SIGSEGV);
}

static const struct keeper_scenario others[] = {{"wait", wait_for_sigterm, NULL},
                                                {"damaged", be_refused_for_the_key, NULL},
                                                {"ready", tell_that_it_serves, NULL},
                                                {"exit", exit_42, NULL},
                                                {"segv", die_of_sigsegv, NULL}};

#define PROTOCOL "broke the protocol"
#define PLAY(name, log)                                                                            \
    {                                                                                              \
#name, name, log                                                                           \
    }

const struct keeper_scenario keeper_scenarios[] = {
    PLAY(keeper_measures_and_names_the_author, NULL),
    PLAY(sealed_header_opens, NULL),
    PLAY(broken_headers_are_refused_and_service_goes_on, NULL),
    PLAY(registers_extend_and_bad_ones_are_refused, NULL),
    PLAY(reports_come_and_bad_nonces_are_refused, NULL),
    PLAY(launch_twice_ends, PROTOCOL),
    PLAY(module_before_launch_ends, PROTOCOL),
    PLAY(start_before_launch_ends, PROTOCOL),
    PLAY(start_before_all_modules_ends, PROTOCOL),
    PLAY(module_too_many_ends, PROTOCOL),
    PLAY(seal_before_launch_ends, PROTOCOL),
    PLAY(seal_before_start_ends, PROTOCOL),
    PLAY(report_before_start_ends, PROTOCOL),
    PLAY(launch_after_start_ends, PROTOCOL),
    PLAY(module_after_start_ends, PROTOCOL),
    PLAY(start_twice_ends, PROTOCOL),
    PLAY(unknown_request_ends, PROTOCOL),
    PLAY(module_outside_the_record_ends, PROTOCOL),
    PLAY(huge_module_index_ends, PROTOCOL),
    PLAY(launch_for_a_module_ends, PROTOCOL),
    PLAY(short_body_ends, PROTOCOL),
    PLAY(long_body_ends, PROTOCOL),
    PLAY(body_where_none_belongs_ends, PROTOCOL),
    PLAY(packet_shorter_than_a_header_ends, PROTOCOL),
    PLAY(packet_of_one_byte_ends, PROTOCOL),
    PLAY(empty_packet_ends, NULL),
    PLAY(announced_size_that_lies_ends, PROTOCOL),
    PLAY(announced_size_that_wraps_ends, PROTOCOL),
    PLAY(oversized_packet_ends, PROTOCOL),
    PLAY(wrong_magic_ends, PROTOCOL),
    PLAY(request_with_a_status_ends, PROTOCOL),
    PLAY(request_with_a_text_ends, PROTOCOL),
    PLAY(unused_bytes_that_are_not_zero_end, PROTOCOL),
    PLAY(launch_without_image_ends, PROTOCOL),
    PLAY(start_with_a_descriptor_ends, PROTOCOL),
    PLAY(two_descriptors_end, PROTOCOL),
    PLAY(eight_descriptors_end, PROTOCOL),
    PLAY(unsealed_image_is_refused, NULL),
    PLAY(writable_image_is_refused, NULL),
    PLAY(image_sealed_against_future_writing_only_is_refused, NULL),
    PLAY(shrinkable_image_is_refused, NULL),
    PLAY(growable_image_is_refused, NULL),
    PLAY(image_without_the_last_seal_is_refused, NULL),
    PLAY(image_that_is_a_device_is_refused, NULL),
    PLAY(image_that_is_a_socket_is_refused, NULL),
    PLAY(image_that_is_a_file_is_refused, NULL),
    PLAY(image_larger_than_announced_is_refused, NULL),
    PLAY(image_smaller_than_announced_is_refused, NULL),
    PLAY(runtime_of_no_bytes_is_refused, NULL),
    PLAY(runtime_of_part_of_a_page_is_refused, NULL),
    PLAY(runtime_of_four_gigabytes_is_refused, NULL),
    PLAY(unsigned_module_is_refused, NULL),
    PLAY(module_with_one_byte_changed_is_refused, NULL),
    PLAY(module_that_claims_a_higher_svn_is_refused, NULL),
    PLAY(module_with_a_bent_signature_is_refused, NULL),
    PLAY(signature_size_beyond_its_field_is_refused, NULL),
    PLAY(bytes_behind_the_signature_are_refused, NULL),
    PLAY(wrong_number_of_pages_is_refused, NULL),
    PLAY(image_with_a_page_too_few_is_refused, NULL),
    PLAY(record_with_a_wrapping_segment_is_refused, NULL),
    PLAY(record_without_a_manifest_is_refused, NULL),
    PLAY(record_with_too_many_segments_is_refused, NULL),
    PLAY(debug_world_takes_a_module_without_a_valid_signature, NULL),
    PLAY(only_needed_descriptors_are_open, NULL),
    PLAY(only_needed_environment_is_there, NULL),
    PLAY(own_binary_cannot_be_written, NULL),
    PLAY(keeper_is_in_its_sandbox_before_it_reads, NULL),
    PLAY(keeper_cannot_be_read_by_its_own_user, NULL),
};
const size_t keeper_scenario_count = ARRAY_SIZE(keeper_scenarios);

static const struct keeper_scenario *find(const struct keeper_scenario *list, size_t count,
                                          const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

int keeper_world_main(int argc, char **argv)
{
    const char *name = argv[argc - 1];
    const struct keeper_scenario *scenario = find(keeper_scenarios, keeper_scenario_count, name);
    if (!scenario)
        scenario = find(others, ARRAY_SIZE(others), name);
    EXPECT(scenario);
    if (argc == 4 && strcmp(argv[1], "--ready-fd") == 0)
        ready_text = argv[2];
    prepare();
    scenario->play();
    return 0;
}
