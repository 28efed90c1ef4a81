# What runs inside guests under test: static, for any kernel.

.PHONY: guest-programs
guest-programs: $(BUILD)/tests/guest/first_program

$(BUILD)/tests/guest/%: $(BUILD)/obj/tests/guest/%.o
	@mkdir -p $(@D)
	$(CC) -static -o $@ $^

$(BUILD)/obj/tests/guest/%.o: tests/guest/%.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fsanitize=% -fPIE,$(CFLAGS)) $(CPPFLAGS) -c -o $@ $<
