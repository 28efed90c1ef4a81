# A report made without a world, for tests/interop/run.

$(BUILD)/tests/interop/make_report: $(BUILD)/obj/tests/interop/make_report.o $(BUILD)/tests/parts.a
	$(LINK_TEST)

tests: $(BUILD)/tests/interop/make_report
