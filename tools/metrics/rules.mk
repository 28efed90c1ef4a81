# The metrics server: a program of its own, without keys, terminal or JSON.

METRICS_OBJECTS := $(call objects,tools/metrics/*.c)
METRICS_PARTS   := $(patsubst %,$(BUILD)/obj/%.o,tools/tool tools/show/world_names tools/show/snapshot \
                     tools/show/process_memory tools/show/world_show tools/show/world_guests tools/world_open)

$(BUILD)/libexec/cloister-metrics: $(METRICS_OBJECTS) $(METRICS_PARTS) $(CLIENT_OBJECTS) $(BASE_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lseccomp -ljansson
