# Cloister.  make run: the main job.  make test: all tests.  make bench: the numbers.
# Each installs the packages it needs first.  Everything built goes to $(BUILD).
# make install: for all users, under $(PREFIX).  make uninstall takes it away again.

BUILD    ?= build
MUSL     ?= /usr/lib/x86_64-linux-musl
SANITIZE ?=
CC       := gcc
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
ifeq ($(V),) # make V=1 shows every command
.SILENT:
endif

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wvla -Wformat=2 -Wundef -Werror
CFLAGS   := -std=gnu17 -D_GNU_SOURCE -O2 -g $(WARNINGS) -fstack-protector-strong -fPIE \
            -fno-strict-aliasing -MMD -MP
CPPFLAGS := -I. -Iinclude -I$(BUILD)/include
LDFLAGS  := -pie -Wl,-z,relro,-z,now
ifneq ($(SANITIZE),)
# gcc warns of conversions that its own checks put in; the ordinary build has looked for ours.
CFLAGS   += -Wno-sign-conversion -Wno-conversion
CFLAGS   += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS  += -fsanitize=$(SANITIZE)
CPPFLAGS += -DCLOISTER_SANITIZED
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
STATIC := -static-pie
endif
STATIC_LDFLAGS := $(filter-out -pie,$(LDFLAGS)) $(or $(STATIC),-pie) -Wl,--gc-sections

# Static programs with libcrypto, which has 18,000 relocations: packed, and into memory that is there
# already (base/start.S).
CRYPTO_LINK    := tools/quiet-link $(CC) $(STATIC_LDFLAGS)
ifneq ($(STATIC),)
CRYPTO_LINK    += -Wl,-z,pack-relative-relocs -Wl,--entry=start_populated
CRYPTO_START   := $(BUILD)/obj/base/start.o
endif

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)))

BASE_OBJECTS    := $(call objects,base/*.c)
MEASURE_OBJECTS := $(call objects,measure/*.c)
KEEPER_OBJECTS  := $(call objects,measure/keeper/*.c)
VMM_OBJECTS     := $(filter-out %/main.o,$(call objects,vmm/*.c)) $(BUILD)/obj/vmm/runtime_blob.o \
                   $(BUILD)/obj/vmm/probe_code.o
CLIENT_OBJECTS  := $(call objects,normal-world/client/*.c normal-world/guest/*.c)
TOOL_OBJECTS    := $(call objects,tools/*.c)
SHOW_OBJECTS    := $(call objects,tools/show/*.c)
CRYPTO_OBJECTS  := $(call objects,tools/crypto/*.c tools/tool.c tools/tool_program.c)
BENCH_OBJECTS   := $(call objects,bench/*.c)

# What of measure/ reads modules: no key, no libcrypto.
MODULE_READER   := $(patsubst %,$(BUILD)/obj/measure/%.o,elf_image elf_layout elf_dynamic elf_notes \
                   elf_sections elf_symbols manifest module_image)
WORLD_OBJECTS   := $(VMM_OBJECTS) $(BUILD)/obj/vmm/main.o $(BASE_OBJECTS) $(MODULE_READER)
COMMAND_OBJECTS := $(TOOL_OBJECTS) $(MODULE_READER) $(CLIENT_OBJECTS) $(BASE_OBJECTS)
# The C library of the world host and the command is musl: a program starts in half the time and is a
# quarter as large, and the keeper copies the world host at every start. The sanitizers know glibc alone.
ifeq ($(SANITIZE),)
KERNEL_HEADERS  := -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null) -idirafter /usr/include
WORLD_OBJECTS   := $(WORLD_OBJECTS:$(BUILD)/obj/%=$(BUILD)/musl/%)
COMMAND_OBJECTS := $(COMMAND_OBJECTS:$(BUILD)/obj/%=$(BUILD)/musl/%)
MUSL_LINK        = $(CC) $(STATIC_LDFLAGS) -nostdlib -o $@ $(addprefix $(MUSL)/,rcrt1.o crti.o) \
                   $^ $(MUSL)/libc.a -lgcc $(MUSL)/crtn.o
else
MUSL_LINK        = $(CC) $(STATIC_LDFLAGS) -o $@ $^
endif
SHOW_PARTS      := $(patsubst %,$(BUILD)/obj/%.o,tools/tool tools/tool_program tools/kvm_device \
                   tools/world_open measure/platform_folder)

# What the verifier is made of, and what of it the keeper does not need (libjansson, judging).
VERIFY_ONLY     := verify verify_chain verify_claims report_read report_read_fields \
                   report_read_parts report_read_submodules report_json
VERIFY_OBJECTS  := $(BASE_OBJECTS) $(patsubst %,$(BUILD)/obj/measure/%.o,$(VERIFY_ONLY) \
                   cbor_read cbor_write confirmation_key cose cose_header ecdsa)
KEEPER_MEASURE  := $(filter-out $(VERIFY_ONLY:%=$(BUILD)/obj/measure/%.o),$(MEASURE_OBJECTS))

PROGRAMS := $(BUILD)/cloister $(BUILD)/libexec/cloister-world $(BUILD)/libexec/cloister-keeper \
            $(BUILD)/libexec/cloister-crypto $(BUILD)/libexec/cloister-show \
            $(BUILD)/libexec/cloister-metrics $(BUILD)/libexec/cloister-guest
MODULES  := $(patsubst secure-world/modules/%,$(BUILD)/modules/%.mod,$(wildcard secure-world/modules/*))

# As many jobs as processors, unless `make -j` has said how many.
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc))

# These build in a make of their own: with -j another goal beside one would build the same files.
ifneq ($(filter all run test bench install,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

.PHONY: all run test bench clean install uninstall packages test-packages
all: packages
	@$(MAKE) -q --no-print-directory programs || \
	  { echo "cloister: building in $(BUILD)/ (V=1 shows each command)" && \
	    $(MAKE) --no-print-directory $(PARALLEL) programs; }
.PHONY: programs
programs: $(PROGRAMS) $(BUILD)/libcloister.a $(BUILD)/libcloister.so $(BUILD)/cloister.pc \
          $(BUILD)/libcloister-verify.a $(BUILD)/libcloister-verify.so $(BUILD)/cloister-verify.pc \
          interface nested sdk modules

packages:
	@tools/install-packages build
test-packages:
	@tools/install-packages test

run: all
	@tools/main-job $(BUILD)

test: all test-packages
	@tests/run $(BUILD)

bench: all test-packages
	@$(MAKE) --no-print-directory $(PARALLEL) bench-programs
	@$(BUILD)/cloister bench

clean:
	rm -rf build

include install.mk

# Programs

# Static, like the keeper: no variable of the environment can put code into them (LD_PRELOAD), and they
# start in half the time. Without libcrypto, JSON and terminals: they would more than double that time.
$(BUILD)/cloister: $(COMMAND_OBJECTS)
	$(MUSL_LINK)

# The commands that show worlds and hosts.
$(BUILD)/libexec/cloister-show: $(SHOW_OBJECTS) $(SHOW_PARTS) $(CLIENT_OBJECTS) $(BASE_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(STATIC_LDFLAGS) -o $@ $^ -ljansson -lncursesw -ltinfo

# Keys, signatures, digests: the commands that need libcrypto.
$(BUILD)/libexec/cloister-crypto: $(CRYPTO_OBJECTS) $(MEASURE_OBJECTS) $(BASE_OBJECTS) $(CRYPTO_START)
	@mkdir -p $(@D)
	$(CRYPTO_LINK) -o $@ $^ -ljansson -lelf -lz -lcrypto

# The keeper copies and measures the world host at every start of a world, so it carries no symbols,
# nor anything else that the folder it was built in changes. Debuggers find them beside it.
split_symbols = objcopy --only-keep-debug $@ $@.debug && strip $@

$(BUILD)/libexec/cloister-world: $(WORLD_OBJECTS)
	@mkdir -p $(@D)
	$(MUSL_LINK)
	$(if $(SANITIZE),,$(split_symbols))

$(BUILD)/libexec/cloister-keeper: $(KEEPER_OBJECTS) $(KEEPER_MEASURE) $(BASE_OBJECTS) $(CRYPTO_START)
	@mkdir -p $(@D)
	$(CRYPTO_LINK) -o $@ $^ -lcrypto
	$(if $(SANITIZE),,$(split_symbols))

$(BUILD)/libcloister.a: $(CLIENT_OBJECTS) $(BASE_OBJECTS)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/libcloister.so: $(CLIENT_OBJECTS:.o=.lo) $(BASE_OBJECTS:.o=.lo)
	$(CC) $(filter-out -pie,$(LDFLAGS)) -shared -Wl,-soname,libcloister.so.1 \
	  -Wl,--version-script=normal-world/client/exports -o $@ $^
	ln -sf libcloister.so $(BUILD)/libcloister.so.1

# pkg_config LIBDIR,INCLUDEDIR
pkg_config = sed -e 's|@libdir@|$(1)|' -e 's|@includedir@|$(2)|'

$(BUILD)/cloister.pc: normal-world/client/cloister.pc.in
$(BUILD)/cloister-verify.pc: measure/cloister-verify.pc.in
$(BUILD)/cloister.pc $(BUILD)/cloister-verify.pc:
	$(call pkg_config,$(abspath $(BUILD)),$(abspath include)) $< > $@

# libcloister-verify: include/cloister/verify.h

$(BUILD)/libcloister-verify.a: $(VERIFY_OBJECTS)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/libcloister-verify.so: $(VERIFY_OBJECTS:.o=.lo) measure/verify-exports
	$(CC) $(filter-out -pie,$(LDFLAGS)) -shared -Wl,-soname,libcloister-verify.so.1 \
	  -Wl,--version-script=measure/verify-exports -o $@ $(filter %.lo,$^) -ljansson -lcrypto
	ln -sf libcloister-verify.so $(BUILD)/libcloister-verify.so.1

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

# Behind musl's headers those of the kernel. Its types are narrower here and there; the objects of the
# same files for the tests, with glibc, are compiled with all warnings.
$(BUILD)/musl/%.o: %.c
	@mkdir -p $(@D)
	musl-gcc $(CFLAGS) $(CPPFLAGS) -Wno-sign-conversion -Wno-conversion -U_FORTIFY_SOURCE $(KERNEL_HEADERS) -c -o $@ $<

$(BUILD)/obj/%.o $(BUILD)/musl/%.o: %.S
	@mkdir -p $(@D)
	$(CC) -I. -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.lo: %.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fPIE,$(CFLAGS)) -fPIC $(CPPFLAGS) -MF $(@:.lo=.lo.d) -c -o $@ $<

# Filters of system calls, for the two processes of a world.

include base/filters/rules.mk

# The plugin that `cloister interface` runs.

include tools/interface/rules.mk

include tools/metrics/rules.mk

include tools/nested/rules.mk

# The VMM of normal-world guests.

include vmm/guest/rules.mk

# The secure world: runtime image, SDK, sample modules. Its own rules: other flags, no libc.

include secure-world/rules.mk

include bench/rules.mk

# Tests: every file of tests/unit and tests/e2e is one program.

include tests/rules.mk

-include $(shell find $(BUILD)/obj $(BUILD)/musl -name '*.d' 2>/dev/null)
