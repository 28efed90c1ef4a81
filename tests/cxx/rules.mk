# Typed interfaces and C++: the sample's generated code under this project's warnings, programs and a
# module in C++.

CXX      := g++
CXXFLAGS := -std=c++17 -O2 -g -Wall -Wextra -Werror -fPIE -MMD -MP -Iinclude -I$(BUILD)/interface/notes
MODULE_CXXFLAGS := $(CXXFLAGS) # no sanitizer: it has no home in a module
ifneq ($(SANITIZE),)
CXXFLAGS += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif

NOTES_HEADERS := $(addprefix $(BUILD)/interface/notes/notes,.pb.h _client.h _module.h)

$(BUILD)/obj/interface/%.o: $(BUILD)/interface/notes/%.c $(NOTES_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(BUILD)/obj/tests/unit/test_interface.o $(BUILD)/obj/tests/e2e/test_interface.o: \
  CPPFLAGS += -I$(BUILD)/interface/notes
$(BUILD)/obj/tests/unit/test_interface.o $(BUILD)/obj/tests/e2e/test_interface.o: | $(NOTES_HEADERS)

$(BUILD)/tests/test_interface $(BUILD)/tests/e2e/test_interface: TEST_LIBS += -lprotobuf-nanopb
$(BUILD)/tests/test_interface: $(BUILD)/obj/interface/notes.pb.o
$(BUILD)/tests/e2e/test_interface: $(BUILD)/obj/interface/notes.pb.o $(BUILD)/obj/interface/notes_client.o
$(BUILD)/tests/e2e/test_interface: | $(BUILD)/modules/notes.mod

$(BUILD)/tests/test_cmd_interface: | $(BUILD)/cloister $(INTERFACE_PLUGIN)

# Compiled only.
tests: $(BUILD)/obj/interface/notes_module.o $(BUILD)/obj/tests/cxx/notes_handler.o

$(BUILD)/obj/tests/cxx/%.o: tests/cxx/%.cc | $(NOTES_HEADERS)
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c -o $@ $<

$(BUILD)/obj/tests/cxx/reverse.o: tests/cxx/reverse.cc
	@mkdir -p $(@D)
	$(CXX) $(MODULE_CXXFLAGS) -c -o $@ $<

$(BUILD)/tests/cxx/client: $(BUILD)/obj/tests/cxx/client.o $(BUILD)/obj/interface/notes_client.o \
                           $(BUILD)/obj/interface/notes.pb.o $(BUILD)/libcloister.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ -lprotobuf-nanopb

$(BUILD)/tests/cxx/reverse.mod: $(BUILD)/obj/tests/cxx/reverse.o tests/cxx/reverse_manifest.c | $(BUILD)/cloister sdk
	@mkdir -p $(@D)
	$(BUILD)/cloister module build $^ -o $@

$(BUILD)/tests/e2e/test_cxx: | $(BUILD)/tests/cxx/client $(BUILD)/tests/cxx/reverse.mod \
                               $(BUILD)/modules/notes.mod
