# Stress tests: client and module side in one process, also under ThreadSanitizer (tests/run threads).
#   tests/stress/test_X.c → $(BUILD)/tests/stress/test_X      CLOISTER_STRESS_S=60 for a long run

STRESS_TESTS := $(patsubst tests/stress/%.c,$(BUILD)/tests/stress/%,$(wildcard tests/stress/test_*.c))

.PHONY: stress-tests
stress-tests: $(STRESS_TESTS)

$(STRESS_TESTS): $(BUILD)/tests/stress/%: $(BUILD)/obj/tests/stress/%.o $(BUILD)/obj/tests/stress/one_process.o \
                   $(BUILD)/obj/tests/stress/module_side.o $(CLIENT_OBJECTS) $(BASE_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka
