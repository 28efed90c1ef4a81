# The module SDK under $(BUILD)/sdk (include/ and lib/), and the sample modules.
# Own flags: freestanding, no libc, no sanitizer, the same code on every build. -fbuiltin: short
# copies are instructions, not calls, which -ffreestanding alone would make of every memcpy.

SDK_CFLAGS := -std=gnu17 -D_GNU_SOURCE -O2 -g $(WARNINGS) -fPIE -ffreestanding -fbuiltin \
              -fno-stack-protector -fno-strict-aliasing -fno-asynchronous-unwind-tables \
              -ffunction-sections -fdata-sections -fvisibility=hidden -U_FORTIFY_SOURCE -MMD -MP \
              -I. -Iinclude

SDK_LIB     := $(BUILD)/sdk/lib
SDK_HEADERS := $(patsubst %,$(BUILD)/sdk/include/cloister/%,module.h client.h parameter.h status.h verify.h interface.h interface_client.h) \
               $(patsubst abi/%,$(BUILD)/sdk/include/cloister/abi/%,$(wildcard abi/*.h))
SDK_LIBS    := $(SDK_LIB)/libcloister-module.a $(SDK_LIB)/libcloister-start.a \
               $(SDK_LIB)/libcloister-seal.a

sdk_objects = $(patsubst %,$(BUILD)/obj/%.o,$(basename $(wildcard $(1)/*.c) $(wildcard $(1)/*.S)))

# What a module that calls modules shares with the client library.
SDK_CLIENT := $(patsubst %,$(BUILD)/obj/secure-world/client/%.o,arena in_flight marshal parameters ring)

.PHONY: sdk modules
sdk: $(SDK_HEADERS) $(SDK_LIBS)
modules: $(MODULES)

$(BUILD)/obj/secure-world/sdk/%.o: secure-world/sdk/%.c
	@mkdir -p $(@D)
	$(CC) $(SDK_CFLAGS) -c -o $@ $<

$(BUILD)/obj/secure-world/client/%.o: normal-world/client/%.c
	@mkdir -p $(@D)
	$(CC) $(SDK_CFLAGS) -c -o $@ $<

$(BUILD)/obj/secure-world/sdk/%.o: secure-world/sdk/%.S
	@mkdir -p $(@D)
	$(CC) -I. -Iinclude -c -o $@ $<

$(SDK_LIB)/libcloister-module.a: $(call sdk_objects,secure-world/sdk) $(SDK_CLIENT)
$(SDK_LIB)/libcloister-start.a: $(call sdk_objects,secure-world/sdk/start)
$(SDK_LIB)/libcloister-seal.a: $(call sdk_objects,secure-world/sdk/seal)
$(SDK_LIBS):
	@mkdir -p $(@D)
	rm -f $@ && ar rcsD $@ $^

$(BUILD)/sdk/include/cloister/%.h: include/cloister/%.h
	@mkdir -p $(@D)
	cp $< $@

$(BUILD)/sdk/include/cloister/abi/%.h: abi/%.h
	@mkdir -p $(@D)
	cp $< $@

# What each sample needs beyond its sources.
MODULE_OPTIONS_echo   := --no-libc
# No debug information: a start copies and reads the file. Names, which fault reports give, stay.
MODULE_LIBS_echo     := -Wl,--strip-debug
MODULE_LIBS_vault    := -lcloister-seal -lcrypto
MODULE_LIBS_digest   := -lcrypto
MODULE_SOURCES_notes := $(BUILD)/interface/notes/notes_module.c $(BUILD)/interface/notes/notes.pb.c
MODULE_LIBS_notes    := -I$(BUILD)/interface/notes -lprotobuf-nanopb

# A sample with a typed interface: `cloister interface` makes six files at once.
$(addprefix $(BUILD)/interface/notes/notes,.pb.h .pb.c _client.h _client.c _module.h _module.c) &: \
  secure-world/modules/notes/notes.proto $(INTERFACE_PLUGIN) | $(BUILD)/cloister
	@mkdir -p $(BUILD)/interface
	$(BUILD)/cloister interface $< -o $(BUILD)/interface/notes

define sample_module
$(BUILD)/modules/$(1).mod: $(wildcard secure-world/modules/$(1)/*.c) $(MODULE_SOURCES_$(1)) $(SDK_HEADERS) $(SDK_LIBS) \
                           | $(BUILD)/cloister
	@mkdir -p $$(@D)
	$(BUILD)/cloister module build $(MODULE_OPTIONS_$(1)) -o $$@ $$(filter %.c,$$^) \
	  -- $(MODULE_LIBS_$(1))
endef
$(foreach name,$(notdir $(wildcard secure-world/modules/*)),$(eval $(call sample_module,$(name))))
