/*
 * Reads a module's file once. Whatever happens to the file afterwards, what was copied is what is
 * parsed, measured and run: both memfds are sealed before anything looks at them.
 */
#include "vmm/module_file.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "measure/module_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* A sealed memfd while it is read. */
struct mapping {
    uint8_t *bytes; /* MAP_FAILED: none */
    size_t size;
};

static void unmap(struct mapping *mapping)
{
    if (mapping->bytes != MAP_FAILED)
        (void)munmap(mapping->bytes, mapping->size);
    mapping->bytes = MAP_FAILED;
}

#define AUTO_UNMAP __attribute__((cleanup(unmap)))

static cloister_status make_memfd(const char *name, int *memfd, struct reason *why)
{
    *memfd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return *memfd < 0 ? refuse_errno(why, "no memory file %s", name) : CLOISTER_OK;
}

static cloister_status seal_memfd(int memfd, struct reason *why)
{
    if (fcntl(memfd, F_ADD_SEALS, ALL_SEALS) != 0)
        return refuse_errno(why, "cannot seal a memory file");
    return CLOISTER_OK;
}

/* Private, because a shared mapping of a sealed file is refused by older kernels; all of it at
   once, because most will be read. */
static cloister_status map_sealed(int memfd, struct mapping *mapping, struct reason *why)
{
    struct stat st;
    if (fstat(memfd, &st) != 0)
        return refuse_errno(why, "cannot examine a memory file");
    mapping->size = (size_t)st.st_size;
    mapping->bytes = mmap(NULL, mapping->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, memfd, 0);
    if (mapping->bytes == MAP_FAILED)
        return refuse_errno(why, "cannot map a memory file");
    return CLOISTER_OK;
}

/* Opens the file and finds its size; O_NONBLOCK because opening a FIFO must not hang. */
static cloister_status open_regular(const char *path, int *fd, size_t *size, struct reason *why)
{
    AUTO_FD int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (opened < 0 || fstat(opened, &st) != 0)
        return refuse_errno(why, "cannot open %s", path);
    if (!S_ISREG(st.st_mode))
        return refuse(why, CLOISTER_BAD_FORMAT, "%s is not a regular file", path);
    if (st.st_size == 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "%s is empty", path);
    if (st.st_size > (off_t)MODULE_FILE_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "%s has %lld bytes; at most %u are allowed", path,
                      (long long)st.st_size, MODULE_FILE_MAX);
    *size = (size_t)st.st_size;
    *fd = take_fd(&opened);
    return CLOISTER_OK;
}

/* Copies the whole file into a sealed memfd. */
static cloister_status copy_file(const char *path, int *source, struct reason *why)
{
    AUTO_FD int fd = -1;
    size_t size = 0;
    cloister_status status = open_regular(path, &fd, &size, why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FD int memfd = -1;
    status = make_memfd("cloister-module-file", &memfd, why);
    if (status != CLOISTER_OK)
        return status;
    size_t copied = 0;
    if (fd_copy(fd, memfd, size, &copied) != CLOISTER_OK)
        return refuse_errno(why, "cannot copy %s", path);
    if (copied != size)
        return refuse(why, CLOISTER_BAD_FORMAT, "%s changed its size while it was copied", path);
    status = seal_memfd(memfd, why);
    if (status == CLOISTER_OK)
        *source = take_fd(&memfd);
    return status;
}

/* The file name without folder and .mod. A program of `cloister exec` may be named anything. */
static cloister_status name_from_path(const char *path, enum elf_kind kind,
                                      uint8_t name[CLO_NAME_SIZE], struct reason *why)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash ? slash + 1 : path;
    size_t length = strlen(last);
    if (length > 4 && strcmp(last + length - 4, ".mod") == 0)
        length -= 4;
    memset(name, 0, CLO_NAME_SIZE);
    if (length < CLO_NAME_SIZE)
        memcpy(name, last, length);
    if (name_is_valid(name, CLO_NAME_SIZE))
        return CLOISTER_OK;
    if (kind == ELF_PROGRAM && name_set(name, CLO_NAME_SIZE, "program"))
        return CLOISTER_OK;
    return refuse(why, CLOISTER_BAD_ARGUMENT,
                  "%s: the file's name without .mod names the module; 1 to %u letters, digits, "
                  "'-', '_', '.' are allowed",
                  path, CLO_NAME_SIZE - 1);
}

/* As module_image_write, but by the kernel: a write through a mapping would fault for each page. */
static cloister_status write_image(const struct elf_image *image,
                                   const struct clo_module_record *record, int memfd,
                                   struct reason *why)
{
    uint64_t start = 0;
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segment[i];
        uint64_t at = start + segment->vaddr % CLO_PAGE_SIZE;
        uint8_t header[MODULE_HEADER_SIZE];
        size_t size = module_image_header(image, segment, header);
        if (fd_write_at(memfd, image->bytes + segment->offset, segment->filesz, (off_t)at) !=
                CLOISTER_OK ||
            fd_write_at(memfd, header, size, (off_t)at) != CLOISTER_OK)
            return refuse_errno(why, "cannot fill the memory file of the module");
        start += (uint64_t)record->segment[i].pages * CLO_PAGE_SIZE;
    }
    return CLOISTER_OK;
}

static cloister_status make_image(const struct elf_image *image, struct module_file *file,
                                  struct reason *why)
{
    uint32_t pages = module_image_pages(&file->record);
    AUTO_FD int memfd = -1;
    cloister_status status = make_memfd("cloister-module", &memfd, why);
    if (status == CLOISTER_OK && ftruncate(memfd, (off_t)pages * CLO_PAGE_SIZE) != 0)
        status = refuse_errno(why, "no memory file of %u pages for the module", pages);
    if (status == CLOISTER_OK)
        status = write_image(image, &file->record, memfd, why);
    if (status == CLOISTER_OK)
        status = seal_memfd(memfd, why);
    if (status != CLOISTER_OK)
        return status;
    file->image_pages = pages;
    file->image = take_fd(&memfd);
    return CLOISTER_OK;
}

/* Fills the file from its sealed copy. */
static cloister_status read_source(enum elf_kind kind, struct module_file *file, struct reason *why)
{
    AUTO_UNMAP struct mapping mapping = {.bytes = MAP_FAILED};
    struct elf_image image;
    cloister_status status = map_sealed(file->source, &mapping, why);
    if (status == CLOISTER_OK)
        status = elf_image_parse(mapping.bytes, mapping.size, kind, &image, why);
    if (status == CLOISTER_OK)
        status = module_record_fill(&image, &file->record, why);
    if (status != CLOISTER_OK)
        return status;
    file->signature_size = (uint32_t)image.signature.size;
    memcpy(file->signature, image.bytes + image.signature.offset, image.signature.size);
    return make_image(&image, file, why);
}

cloister_status module_file_open(const char *path, enum elf_kind kind, struct module_file *file,
                                 struct reason *why)
{
    struct module_file opened = {.image = -1, .source = -1};
    struct reason inner = {0};
    cloister_status status = name_from_path(path, kind, opened.name, why);
    if (status == CLOISTER_OK)
        status = copy_file(path, &opened.source, why);
    if (status != CLOISTER_OK)
        return status;
    status = read_source(kind, &opened, &inner);
    if (status != CLOISTER_OK) {
        module_file_close(&opened);
        return refuse(why, status, "%s: %s", path, inner.text);
    }
    *file = opened;
    return CLOISTER_OK;
}

void module_file_symbol(const struct module_file *file, uint64_t vaddr, char *text, size_t size)
{
    AUTO_UNMAP struct mapping mapping = {.bytes = MAP_FAILED};
    struct elf_image image;
    char name[64];
    uint64_t offset;
    if (size == 0)
        return;
    text[0] = '\0';
    /* The rules for programs accept every module, and it was accepted before. */
    if (map_sealed(file->source, &mapping, NULL) == CLOISTER_OK &&
        elf_image_parse(mapping.bytes, mapping.size, ELF_PROGRAM, &image, NULL) == CLOISTER_OK &&
        elf_image_symbol(&image, vaddr, name, sizeof name, &offset))
        (void)snprintf(text, size, "%s+0x%lx", name, offset);
}

void module_file_close(struct module_file *file)
{
    if (file->image >= 0)
        (void)close(file->image);
    if (file->source >= 0)
        (void)close(file->source);
    file->image = -1;
    file->source = -1;
}
