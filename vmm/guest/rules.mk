# The guest VMM: a program of its own, apart from the world host. Of libcrypto only SHA-384.

GUEST_OBJECTS := $(call objects,vmm/guest/*.c) $(BUILD)/obj/vmm/guest/dsdt_blob.o

$(BUILD)/obj/vmm/guest/dsdt.aml: vmm/guest/dsdt.asl
	@mkdir -p $(@D)
	iasl -p $(@:.aml=) $< >/dev/null

$(BUILD)/obj/vmm/guest/dsdt_blob.o: vmm/guest/dsdt_blob.S $(BUILD)/obj/vmm/guest/dsdt.aml
	$(CC) -DDSDT='"$(BUILD)/obj/vmm/guest/dsdt.aml"' -c -o $@ $<

$(BUILD)/libexec/cloister-guest: $(GUEST_OBJECTS) $(BASE_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(STATIC_LDFLAGS) -o $@ $^ -lcrypto
	$(if $(SANITIZE),,$(split_symbols))

$(BUILD)/filters/guest: $(BUILD)/obj/vmm/guest/filters/main.o $(BUILD)/obj/base/filters/filter_write.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lseccomp

$(BUILD)/include/guest_filters.h: $(BUILD)/filters/guest
	@mkdir -p $(@D)
	$< > $@

$(BUILD)/obj/vmm/guest/guest_sandbox.o: $(BUILD)/include/guest_filters.h
$(BUILD)/fuzz/obj/vmm/guest/guest_sandbox.o: $(BUILD)/include/guest_filters.h
