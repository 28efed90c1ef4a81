/*
 * Puts the signature note into a module's file, with libelf. The layout is ours (ELF_F_LAYOUT), so
 * that libelf leaves every loaded byte where it is. Works on a copy in a memory file: a failure
 * half way leaves nothing behind.
 */
#include "tools/crypto/module_section.h"

#include "abi/manifest.h"
#include "base/file.h"
#include "base/scope.h"

#include <gelf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define NAMES_SECTION ".shstrtab"

struct edit {
    Elf *elf;
    Elf_Scn *names; /* section name table */
    Elf_Scn *note;
    char *names_buffer; /* what libelf writes; lives until elf_update */
    size_t names_size;
    uint8_t *note_buffer;
    size_t note_size;
    uint64_t fixed_end; /* of everything that stays in its place */
    struct reason *why;
};

static void edit_end(struct edit *edit)
{
    if (edit->elf)
        (void)elf_end(edit->elf);
    free(edit->names_buffer);
    free(edit->note_buffer);
}

static cloister_status refuse_elf(struct reason *why, const char *doing)
{
    return refuse(why, CLOISTER_BAD_FORMAT, "cannot %s: %s", doing, elf_errmsg(-1));
}

/* Sections by name. */
static cloister_status find_sections(struct edit *edit)
{
    size_t index;
    if (elf_getshdrstrndx(edit->elf, &index) != 0)
        return refuse_elf(edit->why, "find the section names");
    if (index == SHN_UNDEF)
        return CLOISTER_OK;
    edit->names = elf_getscn(edit->elf, index);
    for (Elf_Scn *scn = elf_nextscn(edit->elf, NULL); scn; scn = elf_nextscn(edit->elf, scn)) {
        GElf_Shdr shdr;
        const char *name =
            gelf_getshdr(scn, &shdr) ? elf_strptr(edit->elf, index, shdr.sh_name) : NULL;
        if (name && strcmp(name, CLO_SIGNATURE_SECTION) == 0)
            edit->note = scn;
    }
    return CLOISTER_OK;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t fixed_end(const struct edit *edit, const GElf_Ehdr *ehdr)
{
    uint64_t end =
        later(ehdr->e_ehsize, ehdr->e_phoff + (uint64_t)ehdr->e_phnum * ehdr->e_phentsize);
    for (int i = 0; i < ehdr->e_phnum; i++) {
        GElf_Phdr phdr;
        if (gelf_getphdr(edit->elf, i, &phdr))
            end = later(end, phdr.p_offset + phdr.p_filesz);
    }
    for (Elf_Scn *scn = elf_nextscn(edit->elf, NULL); scn; scn = elf_nextscn(edit->elf, scn)) {
        GElf_Shdr shdr;
        if (scn != edit->names && scn != edit->note && gelf_getshdr(scn, &shdr) &&
            shdr.sh_type != SHT_NOBITS)
            end = later(end, shdr.sh_offset + shdr.sh_size);
    }
    return end;
}

static cloister_status make_note(struct edit *edit, const uint8_t *signature, size_t size)
{
    static const char owner[12] = CLO_NOTE_OWNER;
    Elf64_Nhdr header = {.n_namesz = sizeof CLO_NOTE_OWNER,
                         .n_descsz = (Elf64_Word)size,
                         .n_type = CLO_NOTE_SIGNATURE};
    edit->note_size = sizeof header + sizeof owner + ((size + 3) & ~(size_t)3);
    edit->note_buffer = calloc(1, edit->note_size);
    if (!edit->note_buffer)
        return refuse(edit->why, CLOISTER_NO_MEMORY, "no memory for the signature");
    memcpy(edit->note_buffer, &header, sizeof header);
    memcpy(edit->note_buffer + sizeof header, owner, sizeof owner);
    memcpy(edit->note_buffer + sizeof header + sizeof owner, signature, size);
    return CLOISTER_OK;
}

/* Gives a section its bytes and header. */
static cloister_status set_section(struct edit *edit, Elf_Scn *scn, void *bytes, size_t size,
                                   const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    if (!data)
        data = elf_newdata(scn);
    if (!data)
        return refuse_elf(edit->why, "add bytes to a section");
    data->d_buf = bytes;
    data->d_size = size;
    data->d_off = 0;
    data->d_type = ELF_T_BYTE;
    data->d_version = EV_CURRENT;
    data->d_align = header->sh_addralign;
    GElf_Shdr changed = *header;
    changed.sh_size = size;
    (void)elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
    if (!gelf_update_shdr(scn, &changed))
        return refuse_elf(edit->why, "change a section header");
    return CLOISTER_OK;
}

/* Room for the names there are, a final NUL, and the two that may be added. */
static cloister_status allocate_names(struct edit *edit, size_t old_size)
{
    edit->names_buffer =
        calloc(1, old_size + 1 + sizeof NAMES_SECTION + sizeof CLO_SIGNATURE_SECTION);
    if (!edit->names_buffer)
        return refuse(edit->why, CLOISTER_NO_MEMORY, "no memory for the section names");
    return CLOISTER_OK;
}

/* A file without section headers gets a name table, too. */
static cloister_status start_names(struct edit *edit, GElf_Shdr *header)
{
    edit->names = elf_newscn(edit->elf);
    if (!edit->names)
        return refuse_elf(edit->why, "add a section");
    cloister_status status = allocate_names(edit, 0);
    if (status != CLOISTER_OK)
        return status;
    memcpy(edit->names_buffer + 1, NAMES_SECTION, sizeof NAMES_SECTION);
    edit->names_size = 1 + sizeof NAMES_SECTION;
    *header = (GElf_Shdr){.sh_name = 1, .sh_type = SHT_STRTAB, .sh_addralign = 1};
    return CLOISTER_OK;
}

static cloister_status copy_names(struct edit *edit, GElf_Shdr *header)
{
    Elf_Data *old = elf_getdata(edit->names, NULL);
    if (!old || !gelf_getshdr(edit->names, header))
        return refuse_elf(edit->why, "read the section names");
    cloister_status status = allocate_names(edit, old->d_size);
    if (status != CLOISTER_OK || old->d_size == 0)
        return status;
    memcpy(edit->names_buffer, old->d_buf, old->d_size);
    edit->names_size = old->d_size;
    /* A last name without NUL must not run into the one that is appended. */
    if (edit->names_buffer[old->d_size - 1] != '\0')
        edit->names_size++;
    return CLOISTER_OK;
}

/* Where the note's name is in the table. */
static uint32_t note_name(struct edit *edit)
{
    GElf_Shdr note;
    if (edit->note && gelf_getshdr(edit->note, &note))
        return note.sh_name;
    uint32_t at = (uint32_t)edit->names_size;
    memcpy(edit->names_buffer + at, CLO_SIGNATURE_SECTION, sizeof CLO_SIGNATURE_SECTION);
    edit->names_size += sizeof CLO_SIGNATURE_SECTION;
    return at;
}

/* Writes the name table, with the names that it needs, at `offset`. */
static cloister_status set_names(struct edit *edit, uint64_t offset, uint32_t *name)
{
    GElf_Shdr header;
    cloister_status status = edit->names ? copy_names(edit, &header) : start_names(edit, &header);
    if (status != CLOISTER_OK)
        return status;
    *name = note_name(edit);
    header.sh_offset = offset;
    return set_section(edit, edit->names, edit->names_buffer, edit->names_size, &header);
}

/* Places name table, note and section headers behind everything else. */
static cloister_status arrange(struct edit *edit)
{
    GElf_Ehdr ehdr;
    if (!gelf_getehdr(edit->elf, &ehdr))
        return refuse_elf(edit->why, "read the ELF header");
    edit->fixed_end = fixed_end(edit, &ehdr);
    uint64_t note_at = (edit->fixed_end + 3) & ~3ull;
    uint64_t names_at = note_at + edit->note_size;
    uint32_t name;
    cloister_status status = set_names(edit, names_at, &name);
    if (status != CLOISTER_OK)
        return status;
    if (!edit->note)
        edit->note = elf_newscn(edit->elf);
    if (!edit->note)
        return refuse_elf(edit->why, "add a section");
    GElf_Shdr header = {
        .sh_name = name, .sh_type = SHT_NOTE, .sh_offset = note_at, .sh_addralign = 4};
    status = set_section(edit, edit->note, edit->note_buffer, edit->note_size, &header);
    if (status != CLOISTER_OK)
        return status;
    ehdr.e_shoff = (names_at + edit->names_size + 7) & ~7ull;
    ehdr.e_shentsize = sizeof(Elf64_Shdr);
    ehdr.e_shstrndx = (Elf64_Half)elf_ndxscn(edit->names);
    if (!gelf_update_ehdr(edit->elf, &ehdr))
        return refuse_elf(edit->why, "change the ELF header");
    return CLOISTER_OK;
}

static cloister_status edit_file(struct edit *edit, int fd, const uint8_t *signature, size_t size)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return refuse_elf(edit->why, "use this libelf");
    edit->elf = elf_begin(fd, ELF_C_RDWR, NULL);
    if (!edit->elf)
        return refuse_elf(edit->why, "open the file");
    /* DIRTY: without it libelf writes a new section's header past the end of its old table. */
    (void)elf_flagelf(edit->elf, ELF_C_SET, ELF_F_LAYOUT | ELF_F_DIRTY);
    cloister_status status = find_sections(edit);
    if (status == CLOISTER_OK)
        status = make_note(edit, signature, size);
    if (status == CLOISTER_OK)
        status = arrange(edit);
    if (status != CLOISTER_OK)
        return status;
    int64_t written = elf_update(edit->elf, ELF_C_WRITE);
    if (written < 0)
        return refuse_elf(edit->why, "write the section");
    if (ftruncate(fd, written) != 0)
        return refuse_errno(edit->why, "cannot set the file's size");
    return CLOISTER_OK;
}

/* libelf fills what lies between sections with zeros; it may be loaded. */
static cloister_status restore_fixed(const struct edit *edit, int fd, const uint8_t *bytes)
{
    if (lseek(fd, sizeof(Elf64_Ehdr), SEEK_SET) < 0 ||
        fd_write_all(fd, bytes + sizeof(Elf64_Ehdr), edit->fixed_end - sizeof(Elf64_Ehdr)) !=
            CLOISTER_OK)
        return refuse_errno(edit->why, "cannot write a memory file");
    return CLOISTER_OK;
}

static cloister_status read_back(int fd, uint8_t **out, size_t *out_size, struct reason *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return refuse_errno(why, "cannot examine a memory file");
    size_t size = (size_t)st.st_size;
    AUTO_FREE uint8_t *bytes = malloc(size);
    if (!bytes)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for the file");
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(fd, bytes + done, size - done, (off_t)done);
        if (n <= 0)
            return refuse(why, CLOISTER_IO, "cannot read a memory file");
        done += (size_t)n;
    }
    *out_size = size;
    *out = take_pointer(&bytes);
    return CLOISTER_OK;
}

cloister_status module_section_write(const uint8_t *bytes, size_t size, const uint8_t *signature,
                                     size_t signature_size, uint8_t **out, size_t *out_size,
                                     struct reason *why)
{
    AUTO_FD int fd = memfd_create("cloister-sign", MFD_CLOEXEC);
    if (fd < 0 || fd_write_all(fd, bytes, size) != CLOISTER_OK)
        return refuse_errno(why, "no memory file of %zu bytes", size);
    struct edit edit = {.why = why};
    cloister_status status = edit_file(&edit, fd, signature, signature_size);
    if (status == CLOISTER_OK)
        status = restore_fixed(&edit, fd, bytes);
    edit_end(&edit);
    if (status != CLOISTER_OK)
        return status;
    return read_back(fd, out, out_size, why);
}
