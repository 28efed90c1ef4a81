# The nested machine of `cloister nested`: scripts, the program that runs it, and the one inside,
# which is static because the machine has no libraries of its own.

NESTED_FOLDER  := $(BUILD)/libexec/nested
NESTED_SCRIPTS := $(addprefix $(NESTED_FOLDER)/,machine fetch init)
NESTED_PARTS   := $(BUILD)/obj/tools/nested/frame.o $(BASE_OBJECTS)

.PHONY: nested
nested: $(NESTED_SCRIPTS) $(NESTED_FOLDER)/relay $(NESTED_FOLDER)/inside

$(NESTED_SCRIPTS): $(NESTED_FOLDER)/%: tools/nested/%
	@mkdir -p $(@D)
	cp $< $@

$(NESTED_FOLDER)/relay: $(patsubst %,$(BUILD)/obj/tools/%.o,nested/relay nested/result tool) $(NESTED_PARTS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^

$(NESTED_FOLDER)/inside: $(BUILD)/obj/tools/nested/inside.o $(NESTED_PARTS)
	@mkdir -p $(@D)
	$(CC) $(STATIC_LDFLAGS) -o $@ $^
