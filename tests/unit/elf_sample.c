/*
 * A small module that follows every rule of the loader.
 */
#include "tests/unit/elf_sample.h"

#include "abi/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define AT(member) offsetof(struct elf_sample, member)

/* The names at their places in `names`. */
#define NAME_SYMTAB 1
#define NAME_STRTAB 16
#define NAME_NAMES 32
#define NAME_SIGNATURE 48

static Elf64_Phdr load(uint64_t start, uint64_t end, uint64_t zeros, uint32_t flags)
{
    return (Elf64_Phdr){.p_type = PT_LOAD,
                        .p_flags = flags,
                        .p_offset = start,
                        .p_vaddr = start,
                        .p_paddr = start,
                        .p_filesz = end - start,
                        .p_memsz = end - start + zeros,
                        .p_align = 4096};
}

static Elf64_Phdr part(uint32_t type, uint64_t start, uint64_t size, uint64_t align)
{
    return (Elf64_Phdr){.p_type = type,
                        .p_flags = PF_R,
                        .p_offset = start,
                        .p_vaddr = start,
                        .p_paddr = start,
                        .p_filesz = size,
                        .p_memsz = size,
                        .p_align = align};
}

static void make_headers(struct elf_sample *s)
{
    s->header = (Elf64_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                             .e_type = ET_DYN,
                             .e_machine = EM_X86_64,
                             .e_version = EV_CURRENT,
                             .e_entry = AT(text),
                             .e_phoff = AT(phdr),
                             .e_shoff = AT(section),
                             .e_ehsize = sizeof(Elf64_Ehdr),
                             .e_phentsize = sizeof(Elf64_Phdr),
                             .e_phnum = SAMPLE_PHDRS,
                             .e_shentsize = sizeof(Elf64_Shdr),
                             .e_shnum = SAMPLE_SECTIONS,
                             .e_shstrndx = SAMPLE_NAMES};
    s->phdr[SAMPLE_PHDR] = part(PT_PHDR, AT(phdr), sizeof s->phdr, 8);
    s->phdr[SAMPLE_CONSTANTS] = load(0, AT(plt) + sizeof s->plt, 0, PF_R);
    s->phdr[SAMPLE_TEXT] = load(AT(text), AT(text) + sizeof s->text, 0, PF_R | PF_X);
    s->phdr[SAMPLE_DATA] = load(AT(tls), AT(symbol), 4096, PF_R | PF_W);
    s->phdr[SAMPLE_DYNAMIC] = part(PT_DYNAMIC, AT(dynamic), sizeof s->dynamic, 8);
    s->phdr[SAMPLE_NOTE] = part(PT_NOTE, AT(note), sizeof s->note, 4);
    s->phdr[SAMPLE_TLS] = part(PT_TLS, AT(tls), sizeof s->tls, 8);
    s->phdr[SAMPLE_TLS].p_memsz += 16;
    s->phdr[SAMPLE_STACK] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};
    s->phdr[SAMPLE_RELRO] = part(PT_GNU_RELRO, AT(tls), 4096, 1);
}

static void make_dynamic(struct elf_sample *s)
{
    const Elf64_Dyn dynamic[SAMPLE_DYNAMICS] = {
        [SAMPLE_RELA] = {DT_RELA, {AT(rela)}},
        [SAMPLE_RELASZ] = {DT_RELASZ, {sizeof s->rela}},
        [SAMPLE_RELAENT] = {DT_RELAENT, {sizeof(Elf64_Rela)}},
        [SAMPLE_JMPREL] = {DT_JMPREL, {AT(plt)}},
        [SAMPLE_PLTRELSZ] = {DT_PLTRELSZ, {sizeof s->plt}},
        [SAMPLE_PLTREL] = {DT_PLTREL, {DT_RELA}},
        [SAMPLE_FLAGS] = {DT_FLAGS, {DF_BIND_NOW}},
        [SAMPLE_DYNAMIC_SPARE] = {DT_DEBUG, {0}},
        [SAMPLE_DYNAMIC_END] = {DT_NULL, {0}},
    };
    memcpy(s->dynamic, dynamic, sizeof dynamic);
    s->rela[0] = (Elf64_Rela){AT(data), R_X86_64_RELATIVE, AT(data)};
    s->rela[1] = (Elf64_Rela){AT(data) + 8, R_X86_64_IRELATIVE, AT(text) + 16};
    s->rela[2] = (Elf64_Rela){0, R_X86_64_NONE, 0};
    s->plt[0] = (Elf64_Rela){AT(data) + 16, R_X86_64_IRELATIVE, AT(text) + 16};
}

static void make_notes(struct elf_sample *s)
{
    s->note.header = (Elf64_Nhdr){.n_namesz = sizeof CLO_NOTE_OWNER,
                                  .n_descsz = sizeof s->note.manifest,
                                  .n_type = CLO_NOTE_MANIFEST};
    memcpy(s->note.owner, CLO_NOTE_OWNER, sizeof CLO_NOTE_OWNER);
    sample_manifest(&s->note.manifest);
    s->signature.header = (Elf64_Nhdr){.n_namesz = sizeof CLO_NOTE_OWNER,
                                       .n_descsz = sizeof s->signature.signature,
                                       .n_type = CLO_NOTE_SIGNATURE};
    memcpy(s->signature.owner, CLO_NOTE_OWNER, sizeof CLO_NOTE_OWNER);
    memset(s->signature.signature, 0x5a, sizeof s->signature.signature);
}

static void make_sections(struct elf_sample *s)
{
    memcpy(s->strings, "\0_start\0resolver", 17);
    memcpy(s->names + NAME_SYMTAB, ".symtab", 8);
    memcpy(s->names + NAME_STRTAB, ".strtab", 8);
    memcpy(s->names + NAME_NAMES, ".shstrtab", 10);
    memcpy(s->names + NAME_SIGNATURE, CLO_SIGNATURE_SECTION, sizeof CLO_SIGNATURE_SECTION);
    s->symbol[1] = (Elf64_Sym){.st_name = 1,
                               .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                               .st_shndx = 1,
                               .st_value = AT(text)};
    s->symbol[2] = (Elf64_Sym){.st_name = 8,
                               .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
                               .st_shndx = 1,
                               .st_value = AT(text) + 16,
                               .st_size = 16};
    s->section[SAMPLE_SYMTAB] = (Elf64_Shdr){.sh_name = NAME_SYMTAB,
                                             .sh_type = SHT_SYMTAB,
                                             .sh_offset = AT(symbol),
                                             .sh_size = sizeof s->symbol,
                                             .sh_link = SAMPLE_STRTAB,
                                             .sh_info = 1,
                                             .sh_addralign = 8,
                                             .sh_entsize = sizeof(Elf64_Sym)};
    s->section[SAMPLE_STRTAB] = (Elf64_Shdr){.sh_name = NAME_STRTAB,
                                             .sh_type = SHT_STRTAB,
                                             .sh_offset = AT(strings),
                                             .sh_size = sizeof s->strings,
                                             .sh_addralign = 1};
    s->section[SAMPLE_NAMES] = (Elf64_Shdr){.sh_name = NAME_NAMES,
                                            .sh_type = SHT_STRTAB,
                                            .sh_offset = AT(names),
                                            .sh_size = sizeof s->names,
                                            .sh_addralign = 1};
    s->section[SAMPLE_SIGNATURE] = (Elf64_Shdr){.sh_name = NAME_SIGNATURE,
                                                .sh_type = SHT_NOTE,
                                                .sh_offset = AT(signature),
                                                .sh_size = sizeof s->signature,
                                                .sh_addralign = 4};
}

void sample_make(struct elf_sample *sample)
{
    memset(sample, 0, sizeof *sample);
    make_headers(sample);
    make_dynamic(sample);
    make_notes(sample);
    make_sections(sample);
    memset(sample->text, 0x90, sizeof sample->text);
    memset(sample->tls, 0x11, sizeof sample->tls);
}

void sample_manifest(struct clo_manifest *manifest)
{
    *manifest = (struct clo_manifest){
        .magic = CLO_MANIFEST_MAGIC,
        .abi_major = CLO_ABI_MAJOR,
        .abi_minor = CLO_ABI_MINOR,
        .name = "sample",
        .version = "1.2.3",
        .svn = 7,
        .svn_floor = 3,
        .heap_size = 1 << 20,
        .stack_size = 64 << 10,
        .threads = 2,
        .hypercalls = 1ull << CLO_HC_SEAL | 1ull << CLO_HC_UNSEAL,
        .channels_max = 16,
        .log_class = CLO_LOG_CLASS_PUBLIC,
        .flags = CLO_MODULE_DEBUGGABLE,
        .method_count = 2,
        .method = {{.name = "echo",
                    .kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4 | CLO_PARAM_IN << 8,
                    .flags = CLO_METHOD_ZERO_COPY(1),
                    .size_max = {4096, 8192},
                    .size_min = {16}},
                   {.name = "nothing"}},
    };
}

void sample_is_refused(const struct elf_sample *sample, enum elf_kind kind, cloister_status status,
                       const char *word)
{
    struct elf_image image = {.segment_count = 99};
    struct reason why = {0};
    assert_int_equal(elf_image_parse(sample, sizeof *sample, kind, &image, &why), status);
    if (!strstr(why.text, word))
        fail_msg("reason \"%s\" does not name \"%s\"", why.text, word);
    assert_int_equal(image.segment_count, 99); /* set only on success */
}

void sample_is_accepted(const struct elf_sample *sample, enum elf_kind kind,
                        struct elf_image *image)
{
    struct reason why = {0};
    if (elf_image_parse(sample, sizeof *sample, kind, image, &why) != CLOISTER_OK)
        fail_msg("refused: %s", why.text);
}
