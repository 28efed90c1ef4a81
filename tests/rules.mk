# Tests and fuzzers, here and in the second machine.
#   tests/unit/test_X.c  → $(BUILD)/tests/test_X          needs no KVM, root or network
#   tests/e2e/test_X.c   → $(BUILD)/tests/e2e/test_X      needs /dev/kvm, skips without
#   tests/attacks/test_X.c → $(BUILD)/tests/attacks/test_X  the same, hostile: docs/attacks.md
#   tests/nested/test_X.c → $(BUILD)/tests/nested/test_X  needs QEMU: cloister nested itself
#   tests/modules/X.c    → $(BUILD)/tests/modules/X.mod   modules that misbehave
#   tests/fuzz/fuzz_X.c  → $(BUILD)/fuzz/fuzz_X           clang, libFuzzer
# Other C files beside the tests are shared by all of them. A test that needs one object more says
# so in its area's rules: $(BUILD)/tests/test_X: $(BUILD)/obj/….o

UNIT_TESTS   := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
E2E_TESTS    := $(patsubst tests/e2e/%.c,$(BUILD)/tests/e2e/%,$(wildcard tests/e2e/test_*.c))
ATTACK_TESTS := $(patsubst tests/attacks/%.c,$(BUILD)/tests/attacks/%,$(wildcard tests/attacks/test_*.c))
NESTED_TESTS := $(patsubst tests/nested/%.c,$(BUILD)/tests/nested/%,$(wildcard tests/nested/test_*.c))
TEST_MODULES := $(patsubst tests/modules/%.c,$(BUILD)/tests/modules/%.mod,$(wildcard tests/modules/*.c))
MUSL_MODULES := $(BUILD)/tests/modules/parallel_musl.mod
FUZZERS      := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

TEST_SHARED  := $(filter-out $(addprefix $(BUILD)/obj/,$(patsubst %.c,%.o,$(wildcard tests/*/test_*.c))),\
                  $(call objects,tests/unit/*.c) $(call objects,tests/e2e/*.c) $(call objects,tests/attacks/*.c))
TEST_LIBS    := -lcmocka -ljansson -lelf -lseccomp -lcrypto -lncursesw -ltinfo -lm

.PHONY: tests test-modules fuzzers nested-tests test-nested abi-golden
tests: $(UNIT_TESTS) $(E2E_TESTS) $(ATTACK_TESTS) test-modules stress-tests guest-programs
test-modules: $(TEST_MODULES) $(MUSL_MODULES)
fuzzers: $(FUZZERS)
nested-tests: $(NESTED_TESTS)

# Everything that is no main(), in one archive: a test is linked with what it uses and no more.
$(BUILD)/tests/parts.a: $(filter-out %/main.o,$(VMM_OBJECTS) $(KEEPER_OBJECTS) $(MEASURE_OBJECTS) \
                          $(CLIENT_OBJECTS) $(BASE_OBJECTS) $(TOOL_OBJECTS) $(SHOW_OBJECTS) $(CRYPTO_OBJECTS) $(METRICS_OBJECTS) \
                          $(BENCH_OBJECTS)) \
                          $(addprefix $(BUILD)/obj/tools/nested/,frame.o result.o) $(TEST_SHARED)
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^

define LINK_TEST
@mkdir -p $(@D)
$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(TEST_LIBS)
endef

# The guest VMM is another program than the world host, and has files of the same names.
GUEST_TESTS  := $(addprefix $(BUILD)/tests/test_,guest_address guest_options guest_boot \
                  guest_bus guest_console guest_sandbox attendant kernel_image \
                  boot_params serial rtc power acpi_tables pci mailbox_device \
                  mailbox_link virtio_queue virtio_block)
$(BUILD)/tests/guest.a: $(filter-out %/main.o,$(GUEST_OBJECTS))
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
$(GUEST_TESTS): $(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/tests/guest.a $(BUILD)/tests/parts.a
	$(LINK_TEST)

$(filter-out $(GUEST_TESTS),$(UNIT_TESTS)): $(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/tests/parts.a
	$(LINK_TEST)

$(E2E_TESTS): $(BUILD)/tests/e2e/%: $(BUILD)/obj/tests/e2e/%.o $(BUILD)/tests/parts.a
	$(LINK_TEST)

$(ATTACK_TESTS): $(BUILD)/tests/attacks/%: $(BUILD)/obj/tests/attacks/%.o $(BUILD)/tests/parts.a
	$(LINK_TEST)

$(NESTED_TESTS): $(BUILD)/tests/nested/%: $(BUILD)/obj/tests/nested/%.o $(BUILD)/tests/parts.a
	$(LINK_TEST)

# What each needs beyond its source.
TEST_MODULE_OPTIONS_threads := --no-libc
TEST_MODULE_OPTIONS_relay   := --no-libc
TEST_MODULE_OPTIONS_shy     := --no-libc
TEST_MODULE_OPTIONS_hasty   := --no-libc

$(TEST_MODULES): $(BUILD)/tests/modules/%.mod: tests/modules/%.c $(SDK_HEADERS) $(SDK_LIBS) | $(BUILD)/cloister
	@mkdir -p $(@D)
	$(BUILD)/cloister module build $(TEST_MODULE_OPTIONS_$*) $< -o $@

# The same source with the other C library, as `module build --help` says.
$(MUSL_MODULES): $(BUILD)/tests/modules/%_musl.mod: tests/modules/%.c $(SDK_HEADERS) $(SDK_LIBS) | $(BUILD)/cloister
	@mkdir -p $(@D)
	CC=musl-gcc $(BUILD)/cloister module build $< -o $@ -- \
	  -static -nostartfiles -Wl,-pie,--no-dynamic-linker $(addprefix $(MUSL)/,rcrt1.o crti.o crtn.o)

include tests/interop/rules.mk
include tests/cxx/rules.mk
include tests/stress/rules.mk
include tests/guest/rules.mk

# Fuzzers: a build of their own by clang, of the files that read what others wrote.

FUZZ_CC     := clang
FUZZ_FLAGS  := -std=gnu17 -D_GNU_SOURCE -DCLOISTER_SANITIZED -O1 -g -MMD -MP -fno-sanitize-recover=all \
               -I. -Iinclude -I$(BUILD)/include
FUZZ_PARTS  := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,\
                 $(filter-out %/main.c,$(wildcard base/*.c measure/*.c measure/keeper/*.c normal-world/*/*.c)))

$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

$(BUILD)/fuzz/parts.a: $(FUZZ_PARTS)
	rm -f $@ && ar rcs $@ $^

# The world host's part, for what VMMs and guests say.
FUZZ_WORLD  := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter-out %/main.c,$(wildcard vmm/*.c)))
$(BUILD)/fuzz/obj/vmm/sandbox.o: $(BUILD)/include/world_filters.h
$(BUILD)/fuzz/world.a: $(FUZZ_WORLD) $(BUILD)/obj/vmm/runtime_blob.o $(BUILD)/obj/vmm/probe_code.o
	rm -f $@ && ar rcs $@ $^
$(BUILD)/fuzz/fuzz_guest: $(BUILD)/fuzz/world.a

# The guest VMM, for what its guest and a world do.
$(BUILD)/fuzz/guest.a: $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter-out %/main.c,$(wildcard vmm/guest/*.c)))
	rm -f $@ && ar rcs $@ $^
$(addprefix $(BUILD)/fuzz/fuzz_,guest_devices virtio_queue mailbox_link): $(BUILD)/fuzz/guest.a

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $(BUILD)/fuzz/parts.a
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ -Wl,--start-group $^ -Wl,--end-group -ljansson -lelf -lseccomp -lcrypto

# The second KVM: kvm_amd in an emulated machine, with guests of its own.

test-nested: all test-packages
	@$(MAKE) --no-print-directory tests
	@tests/guest/suite $(BUILD) "" nested
	@tests/nested/suite $(BUILD)

# What the ABI headers define, as rows for test_abi.c.
$(BUILD)/include/abi_list.h: tests/unit/abi-list $(wildcard abi/*.h)
	@mkdir -p $(@D)
	$< --includes $(filter %.h,$^) > $(@D)/abi_headers.h
	$< $(filter %.h,$^) > $@
$(BUILD)/obj/tests/unit/test_abi.o: $(BUILD)/include/abi_list.h

# Writes tests/golden/abi.txt anew: only for a change of the ABI that is meant.
abi-golden: $(BUILD)/tests/test_abi
	CLOISTER_GOLDEN_WRITE=tests/golden/abi.txt $<

-include $(shell find $(BUILD)/fuzz -name '*.d' 2>/dev/null)
