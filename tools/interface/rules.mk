# The protoc plugin of `cloister interface`: scripts, copied to where the command looks for them.

INTERFACE_PLUGIN := $(addprefix $(BUILD)/libexec/interface/,protoc-gen-cloister interface_model.py \
                      interface_text.py)

.PHONY: interface
interface: $(INTERFACE_PLUGIN)

$(BUILD)/libexec/interface/%: tools/interface/%
	@mkdir -p $(@D)
	cp $< $@
