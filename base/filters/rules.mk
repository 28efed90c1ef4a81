# Filters of system calls, made at build time: WORLD and KEEPER lists to C.

$(BUILD)/filters/world: $(BUILD)/obj/vmm/filters/main.o
$(BUILD)/filters/keeper: $(BUILD)/obj/measure/keeper/filters/main.o
$(BUILD)/filters/world $(BUILD)/filters/keeper: $(BUILD)/obj/base/filters/filter_write.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lseccomp

$(BUILD)/include/world_filters.h: $(BUILD)/filters/world
$(BUILD)/include/keeper_filters.h: $(BUILD)/filters/keeper
$(BUILD)/include/world_filters.h $(BUILD)/include/keeper_filters.h:
	@mkdir -p $(@D)
	$< > $@

$(BUILD)/obj/vmm/sandbox.o $(BUILD)/musl/vmm/sandbox.o: $(BUILD)/include/world_filters.h
$(BUILD)/obj/measure/keeper/keeper_sandbox.o: $(BUILD)/include/keeper_filters.h
$(BUILD)/fuzz/obj/measure/keeper/keeper_sandbox.o: $(BUILD)/include/keeper_filters.h
