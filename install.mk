# make install, make uninstall. The command finds the other programs and the module SDK from where it
# lies itself; only the .pc files say where that is. What is installed changes as a whole or not at all.
#   PREFIX         /usr/local unless given
#   DESTDIR        before every path, for who makes packages
#   PYTHON_FOLDER  for Python modules, below PREFIX

PREFIX        ?= /usr/local
DESTDIR       ?=
PYTHON_FOLDER ?= lib/$(shell python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')/dist-packages

INSTALL_TO        = $(DESTDIR)$(PREFIX)
INSTALL_LIBEXEC   = $(INSTALL_TO)/libexec/cloister
INSTALL_DOC       = $(INSTALL_TO)/share/doc/cloister
INSTALL_LIBRARIES = libcloister libcloister-verify
INSTALL_PC        = normal-world/client/cloister.pc.in measure/cloister-verify.pc.in
INSTALLED         = bin/cloister libexec/cloister lib/cloister include/cloister share/doc/cloister \
                    $(patsubst %.in,lib/pkgconfig/%,$(notdir $(INSTALL_PC))) \
                    $(foreach name,$(INSTALL_LIBRARIES),lib/$(name).a lib/$(name).so lib/$(name).so.1) \
                    $(PYTHON_FOLDER)/cloister
# make -n prints the copying.
DRY_RUN           = $(findstring n,$(firstword -$(MAKEFLAGS)))

install: all
	$(if $(DRY_RUN),,tools/install-tree $(INSTALL_TO) $(INSTALLED) --) $(MAKE) --no-print-directory install-files
	$(if $(DESTDIR),,[ "$$(id -u)" != 0 ] || ldconfig)
	echo "cloister: installed in $(INSTALL_TO)"

.PHONY: install-files
install-files:
	install -D -t $(INSTALL_TO)/bin $(BUILD)/cloister
	install -D -t $(INSTALL_LIBEXEC) $(filter $(BUILD)/libexec/%,$(PROGRAMS))
	install -D -t $(INSTALL_LIBEXEC)/interface $(INTERFACE_PLUGIN)
	install -D -t $(INSTALL_LIBEXEC)/nested $(NESTED_SCRIPTS) $(NESTED_FOLDER)/relay $(NESTED_FOLDER)/inside
	install -D -m 644 -t $(INSTALL_TO)/lib $(INSTALL_LIBRARIES:%=$(BUILD)/%.a)
	for name in $(INSTALL_LIBRARIES); do \
	  install -m 644 $(BUILD)/$$name.so $(INSTALL_TO)/lib/$$name.so.1 && \
	  ln -s $$name.so.1 $(INSTALL_TO)/lib/$$name.so || exit; done
	install -D -m 644 -t $(INSTALL_TO)/lib/cloister $(SDK_LIBS)
	install -D -m 644 -t $(INSTALL_TO)/lib/cloister/modules $(MODULES)
	install -D -m 644 -t $(INSTALL_TO)/include/cloister include/cloister/*.h
	install -D -m 644 -t $(INSTALL_TO)/include/cloister/abi abi/*.h
	install -d $(INSTALL_TO)/lib/pkgconfig
	for file in $(INSTALL_PC); do \
	  $(call pkg_config,$(PREFIX)/lib,$(PREFIX)/include) $$file > $(INSTALL_TO)/lib/pkgconfig/$$(basename $$file .in) || exit; done
	install -D -m 644 -t $(INSTALL_TO)/$(PYTHON_FOLDER)/cloister normal-world/python/cloister/*.py normal-world/python/cloister/py.typed
	install -D -m 644 -t $(INSTALL_DOC) README.md LICENSE
	install -D -m 644 -t $(INSTALL_DOC)/docs docs/*.md

uninstall:
	rm -rf $(addprefix $(INSTALL_TO)/,$(INSTALLED))
