# The measuring program and the module that it calls.

BENCH_MODULES := $(patsubst bench/modules/%.c,$(BUILD)/bench/modules/%.mod,$(wildcard bench/modules/*.c))

# The module's end of a channel: the objects that modules are made of.
BENCH_SDK := $(patsubst %,$(BUILD)/obj/secure-world/sdk/%.o,arguments call channel pair serve service_time submission)

# libcrypto.a: the very code that digest.mod has. Every ioctl is counted (bench/ioctl_count.h).
$(BUILD)/libexec/cloister-bench: $(BENCH_OBJECTS) $(VMM_OBJECTS) $(MEASURE_OBJECTS) $(CLIENT_OBJECTS) $(BASE_OBJECTS) $(BENCH_SDK)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -Wl,--wrap=ioctl -o $@ $^ -ljansson -lseccomp -Wl,-Bstatic -lcrypto \
	  -Wl,-Bdynamic -lm

# Without symbols, so that the file is not larger than what it loads.
$(BENCH_MODULES): $(BUILD)/bench/modules/%.mod: bench/modules/%.c $(SDK_HEADERS) $(SDK_LIBS) | $(BUILD)/cloister
	@mkdir -p $(@D)
	$(BUILD)/cloister module build --no-libc $< -o $@ -- -Wl,-s

# What measures in a guest, and what boots one.
$(BUILD)/bench/cloister-bench-guest: $(patsubst %,$(BUILD)/obj/bench/%.o,guest/main clock native_ring pin statistics timed_calls) \
  $(CLIENT_OBJECTS) $(BASE_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(STATIC_LDFLAGS) -o $@ $^

BENCH_SCRIPTS := $(addprefix $(BUILD)/bench/,guest-beside guest-image)
$(BENCH_SCRIPTS): $(BUILD)/bench/%: tools/%
	@mkdir -p $(@D)
	cp $< $@

.PHONY: bench-programs
bench-programs: $(BUILD)/libexec/cloister-bench $(BENCH_MODULES) $(BUILD)/bench/cloister-bench-guest $(BENCH_SCRIPTS)
