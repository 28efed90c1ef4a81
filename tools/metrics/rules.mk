# The metrics server: a program of its own, without keys, terminal or JSON.

METRICS_OBJECTS := $(call objects,tools/metrics/*.c)
METRICS_PARTS   := $(patsubst %,$(BUILD)/obj/%.o,tools/tool tools/world_names tools/snapshot \
                     tools/process_memory tools/world_show tools/world_guests measure/utf8)

$(BUILD)/libexec/cloister-metrics: $(METRICS_OBJECTS) $(METRICS_PARTS) $(CLIENT_OBJECTS) $(BASE_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lseccomp -ljansson
