# The secure world: runtime image, SDK, sample modules.

# Runtime image: monitor stub, hypercall page, personality. Ring 3 at fixed addresses, no libc, no
# vector registers (they are the module's), no red zone (calls happen below it).

RUNTIME_CFLAGS  := -std=gnu17 -O2 -g $(WARNINGS) -ffreestanding -fno-pic -mno-red-zone \
                   -mgeneral-regs-only -mcmodel=small -fno-stack-protector -fcf-protection=none \
                   -fno-asynchronous-unwind-tables -fno-strict-aliasing \
                   -fno-tree-loop-distribute-patterns -MMD -MP
RUNTIME_OBJECTS := $(patsubst %,$(BUILD)/runtime/%.o,\
                     $(wildcard secure-world/monitor/*.S secure-world/personality/*.S secure-world/personality/*.c))

$(BUILD)/runtime/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) -I. -MMD -MP -c -o $@ $<

$(BUILD)/runtime/%.c.o: %.c
	@mkdir -p $(@D)
	$(CC) $(RUNTIME_CFLAGS) -I. -Iinclude -c -o $@ $<

$(BUILD)/runtime/runtime.elf: secure-world/runtime.ld $(RUNTIME_OBJECTS)
	$(CC) -nostdlib -static -no-pie -Wl,--build-id=none,-z,noexecstack,-T,$< -o $@ $(RUNTIME_OBJECTS)

$(BUILD)/runtime/runtime.img: $(BUILD)/runtime/runtime.elf
	objcopy -O binary $< $@

$(BUILD)/obj/vmm/runtime_blob.o $(BUILD)/musl/vmm/runtime_blob.o: vmm/runtime_blob.S $(BUILD)/runtime/runtime.img
	@mkdir -p $(@D)
	$(CC) -DRUNTIME_IMAGE='"$(BUILD)/runtime/runtime.img"' -c -o $@ $<

-include $(shell find $(BUILD)/runtime -name '*.d' 2>/dev/null)

include secure-world/sdk/rules.mk

# Payload of the machine tests: no libc, no SDK, whatever the build.
PAYLOAD_CFLAGS := $(filter-out -fno-pic,$(RUNTIME_CFLAGS)) -fPIE -fvisibility=hidden

$(BUILD)/tests/payload/%.mod: tests/payload/%.c $(wildcard tests/payload/*.h abi/*.h)
	@mkdir -p $(@D)
	$(CC) $(PAYLOAD_CFLAGS) -I. -Iinclude -nostdlib -static-pie \
	  -Wl,-z,norelro,-z,noexecstack,--build-id=none -o $@ $<

$(patsubst tests/e2e/%.c,$(BUILD)/tests/e2e/%,$(wildcard tests/e2e/test_machine*.c)): \
  | $(BUILD)/tests/payload/machine.mod
