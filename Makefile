# Lifeboat's one Makefile. `make help` lists the targets.
#
# Objects live in build/: efi/ (loader, hook, and all below them), purgatory/,
# host/ (the same sources for the unit tests, under ASan and UBSan), fuzz/ (and for
# the fuzzer).

ifeq ($(origin CC),default)
CC := gcc
endif
OBJCOPY ?= objcopy
B := build
# Its one place; debian/changelog and CHANGELOG.md begin with it, too.
VERSION := $(shell sed -n 's/.*LIFEBOAT_VERSION "\(.*\)"/\1/p' include/lifeboat/version.h)
CONFIG := $(B)/$(notdir $(CC)).stamp

# The same bytes from the same source, wherever and whenever.
export SOURCE_DATE_EPOCH := 0
export LC_ALL := C

WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wundef -Wvla -Wwrite-strings \
	-Wcast-qual -Wformat=2 -Wpointer-arith
BASE := -std=gnu11 -O2 -g $(WARN) -I. -Iinclude -ffile-prefix-map=$(CURDIR)=.
FREESTANDING := $(BASE) -ffreestanding -fno-stack-protector -fcf-protection=none -mno-red-zone \
	-fno-asynchronous-unwind-tables -include lifeboat/hidden.h -ffunction-sections -fdata-sections -fno-strict-aliasing
EFI_CFLAGS := $(FREESTANDING) -fpic -fshort-wchar -mgeneral-regs-only -DGNU_EFI_USE_MS_ABI \
	-isystem /usr/include/efi -isystem /usr/include/efi/x86_64
PURGATORY_CFLAGS := $(FREESTANDING) -fpie -mgeneral-regs-only
HOST_CFLAGS := $(BASE) -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fshort-wchar -DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
GNU_EFI := /usr/lib
# The one object with vector instructions, everywhere: lib/sha256_ni.c.
SHA_NI := -msse4.1 -msha

# The rooms, from the bottom up. What a program is linked from is an archive of the rooms
# that it may use, and the linker takes of it what is asked for.
FILES = $(foreach room,$(1),$(wildcard $(room)/*.c))
BASE_ROOMS := lib pgtable crash/plan
LOADER_ROOMS := $(BASE_ROOMS) crash/crypt crash/disk loader/options
PURGATORY_ROOMS := $(BASE_ROOMS) crash/dead crash/bare
CAPTURE_ROOMS := $(PURGATORY_ROOMS) crash/crypt crash/report crash/platform crash/disk crash/dump
# The pure ones. On the host tests/unit/capture_platform.c is the machine that they ask things of.
HOST_ROOMS := $(BASE_ROOMS) crash/crypt crash/dead crash/report crash/disk crash/dump loader/options tools/common
# What tools/ use, without sanitizers.
TOOL_ROOMS := $(BASE_ROOMS) crash/crypt crash/dead crash/report crash/disk loader/options tools/common
LOADER := $(wildcard loader/*.c)
HOOK := $(wildcard loader/hook/*.c)
# What the hook's late words are made with.
HOOK_WORDS := crash/plan/find_linux crash/plan/late_line crash/plan/kernel_arguments crash/plan/panic_words \
	crash/plan/refused_words crash/plan/cmdline lib/format lib/number
PURGATORY := $(wildcard purgatory/*.c)
CAPTURE := $(wildcard crash/capture/*.c)
FUZZ_SECONDS := 60
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
UNIT := $(patsubst tests/unit/%.c,$(B)/host/%,$(wildcard tests/unit/test_*.c))
ALL_C := $(shell find include lib pgtable crash purgatory loader tools scripts tests -name '*.[ch]' 2>/dev/null | sort)

# The objects of flavour $(1) of the C and assembly in rooms $(2).
objects = $(patsubst %.c,$(B)/$(1)/%.o,$(call FILES,$(2))) \
	$(patsubst %.asm,$(B)/$(1)/%.o,$(foreach room,$(2),$(wildcard $(room)/*.asm)))
# libc has what lib/mem.c has.
host_objects = $(filter-out %/lib/mem.o,$(call objects,$(1),$(2)))

# How the purgatory and the capture kernel reach a PCI function, which the loader tries.
PCI_CONFIG := $(patsubst %,$(B)/efi/crash/bare/%.o,pci_bridges pci_config pci_registers pci_uart)
EFI_OBJ := $(patsubst %.c,$(B)/efi/%.o,$(LOADER)) $(PCI_CONFIG) $(B)/efi/loader/payload.o
HOOK_OBJ := $(patsubst %.c,$(B)/efi/%.o,$(HOOK)) $(patsubst %.asm,$(B)/efi/%.o,$(wildcard loader/hook/*.asm)) \
	$(B)/efi/lib/mem.o $(B)/efi/lib/descriptor_tables.o $(B)/efi/lib/cpu_trace.o $(HOOK_WORDS:%=$(B)/efi/%.o)
PURGATORY_OBJ := $(B)/purgatory/purgatory/entry.o $(patsubst %.c,$(B)/purgatory/%.o,$(PURGATORY))
CAPTURE_OBJ := $(patsubst %.asm,$(B)/purgatory/%.o,$(wildcard crash/capture/*.asm)) \
	$(patsubst %.c,$(B)/purgatory/%.o,$(CAPTURE)) $(B)/purgatory/gen/font.o
# The drivers of the capture kernel, and what tries them as an EFI application.
DISKTEST_OBJ := $(patsubst %.c,$(B)/efi/%.o,$(wildcard tests/vm/efi/disktest*.c \
	crash/bare/pci_config.c crash/bare/pci_registers.c crash/platform/pcidev.c crash/platform/virtio_pci.c crash/platform/virtio_queue.c))
# Compression: Debian's libraries, on the host and, static, in the capture kernel.
COMPRESSORS := -lzstd -lz
# Encryption: the same of BearSSL, static everywhere, in the loader, too.
CRYPTO := $(shell $(CC) -print-file-name=libbearssl.a)
COMPRESSORS_STATIC = $(shell $(CC) -print-file-name=libzstd.a) $(shell $(CC) -print-file-name=libz.a)

# Manual pages, of all sections, and where they are installed.
MANUALS := $(patsubst docs/man/%.scd,$(B)/man/%,$(wildcard docs/man/*.scd))

.PHONY: all FORCE bench check deb fuzz install lint format sign clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/lifeboat.efi $(B)/lifeboatx64.efi $(B)/lifeboatctl $(B)/lifeboat-save $(B)/lifeboat-report $(MANUALS) ## build lifeboat.efi, the same as a driver, and the host tools of its dumps

# A change of compiler, or of this file, rebuilds everything.
$(CONFIG): Makefile
	@mkdir -p $(B) && rm -f $(B)/*.stamp && touch $@

$(B)/efi/%.o: %.c $(CONFIG)
	@mkdir -p $(@D)
	$(CC) $(EFI_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/purgatory/%.o: %.c $(CONFIG)
	@mkdir -p $(@D)
	$(CC) $(PURGATORY_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/host/obj/%.o: %.c $(CONFIG)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/efi/lib/sha256_ni.o: EFI_CFLAGS := $(filter-out -mgeneral-regs-only,$(EFI_CFLAGS)) $(SHA_NI)
$(B)/purgatory/lib/sha256_ni.o: PURGATORY_CFLAGS := $(filter-out -mgeneral-regs-only,$(PURGATORY_CFLAGS)) $(SHA_NI)
$(B)/host/obj/lib/sha256_ni.o $(B)/fuzz/obj/lib/sha256_ni.o: HOST_CFLAGS += $(SHA_NI)
$(B)/tool/lib/sha256_ni.o: BASE += $(SHA_NI)

# Constants for nasm, taken from C: each line of the compiled asm-defines.c that
# carries a marker becomes one %define.
$(B)/gen/asm-defines.inc: include/lifeboat/asm-defines.c $(CONFIG)
	@mkdir -p $(@D)
	$(CC) $(FREESTANDING) -MMD -MP -MT $@ -MF $(@:.inc=.d) -S -o $(@:.inc=.s) $<
	sed -n 's/.*@define \([A-Z0-9_]*\) \$$*\(-*[0-9]\+\).*/%define \1 \2/p' $(@:.inc=.s) > $@

# The capture kernel's letters, of the package fonts-spleen.
FONTS := $(patsubst %,/usr/share/consolefonts/spleen-%.psfu.gz,8x16 12x24 16x32)
$(B)/gen/font.c: crash/platform/mkfont $(FONTS) $(CONFIG)
	@mkdir -p $(@D)
	crash/platform/mkfont $(FONTS) >$@

$(B)/purgatory/gen/font.o: $(B)/gen/font.c
	@mkdir -p $(@D)
	$(CC) $(PURGATORY_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/host/obj/gen/font.o: $(B)/gen/font.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/host/test_screen: $(B)/host/obj/gen/font.o

$(B)/efi/%.o: %.asm $(B)/gen/asm-defines.inc
	@mkdir -p $(@D)
	nasm -f elf64 -Werror -I $(B)/gen/ -I include/lifeboat/ -MD $(@:.o=.d) -MP -o $@ $<

$(B)/purgatory/%.o: %.asm $(B)/gen/asm-defines.inc
	@mkdir -p $(@D)
	nasm -f elf64 -Werror -I $(B)/gen/ -I include/lifeboat/ -MD $(@:.o=.d) -MP -o $@ $<

# Archives of rooms, one for each kind of program: $(1) from the objects $(2). The list beside it
# is written anew when it changes only, so that a file that is gone is gone from the archive, too.
define archive
$(1): $(2) $(1).list
	@rm -f $$@
	ar rcsD $$@ $(2)
$(1).list: FORCE
	@mkdir -p $$(@D)
	@echo '$(2)' | cmp -s - $$@ || echo '$(2)' >$$@
endef
HOST_PLATFORM := tests/unit/capture_platform.o
$(eval $(call archive,$(B)/efi/rooms.a,$(call objects,efi,$(LOADER_ROOMS))))
$(eval $(call archive,$(B)/purgatory/rooms.a,$(call objects,purgatory,$(PURGATORY_ROOMS))))
$(eval $(call archive,$(B)/purgatory/capture-rooms.a,$(call objects,purgatory,$(CAPTURE_ROOMS))))
$(eval $(call archive,$(B)/host/rooms.a,$(call host_objects,host/obj,$(HOST_ROOMS)) $(B)/host/obj/$(HOST_PLATFORM)))
$(eval $(call archive,$(B)/fuzz/rooms.a,$(call host_objects,fuzz/obj,$(HOST_ROOMS)) $(B)/fuzz/obj/$(HOST_PLATFORM)))
$(eval $(call archive,$(B)/tool/rooms.a,$(call host_objects,tool,$(TOOL_ROOMS))))
FORCE:

# What the linker scripts include.
LINK_PARTS := include/lifeboat/flat.lds include/lifeboat/debug.lds

# Links image $(1) by script $(2) from objects $(3) at two bases: the same bytes
# prove it position-independent.
link_flat = ld -nostdlib -static --gc-sections --orphan-handling=error -z noexecstack -L include/lifeboat
define link_twice
	$(link_flat) --defsym BASE=0 -T $(2) -o $(B)/$(1).elf $(3)
	$(link_flat) --defsym BASE=0x7654000 -T $(2) -o $(B)/$(1).moved.elf $(3)
	$(OBJCOPY) -O binary -j .text -j .data $(B)/$(1).elf $(B)/$(1).bin
	$(OBJCOPY) -O binary -j .text -j .data $(B)/$(1).moved.elf $(B)/$(1).moved.bin
	cmp $(B)/$(1).bin $(B)/$(1).moved.bin
endef

$(B)/purgatory.bin: purgatory/purgatory.lds $(LINK_PARTS) $(PURGATORY_OBJ) $(B)/purgatory/rooms.a
	$(call link_twice,purgatory,purgatory/purgatory.lds,$(PURGATORY_OBJ) $(B)/purgatory/rooms.a)

# The capture kernel: position-independent too, but by relocations that its entry applies,
# since the libraries have tables of pointers. It knows one kind of them.
define link_capture
	ld -nostdlib -pie --no-dynamic-linker -z text --gc-sections --orphan-handling=error -z noexecstack \
		-z norelro --no-undefined --no-warn-rwx-segments -L include/lifeboat -T crash/capture/capture.lds \
		-o $(@:.bin=.elf) $(1) --start-group $(B)/purgatory/capture-rooms.a $(COMPRESSORS_STATIC) $(CRYPTO) --end-group
	! readelf -rW $(@:.bin=.elf) | grep R_X86_64_ | grep -v R_X86_64_RELATIVE
	$(OBJCOPY) -O binary -j .text -j .data -j .rela.dyn $(@:.bin=.elf) $@
endef

$(B)/capture.bin: crash/capture/capture.lds $(LINK_PARTS) $(CAPTURE_OBJ) $(B)/purgatory/capture-rooms.a
	$(call link_capture,$(CAPTURE_OBJ))
	@echo "$@: $$(stat -c %s $@) bytes"

# The hook, proved like the purgatory, because it goes on at its physical address after the
# kernel called it at a virtual one.
$(B)/hook.bin: loader/hook/hook.lds $(LINK_PARTS) $(HOOK_OBJ)
	$(call link_twice,hook,loader/hook/hook.lds,$(HOOK_OBJ))

$(B)/efi/loader/payload.o: loader/payload.asm $(B)/hook.bin $(B)/purgatory.bin $(B)/capture.bin
	@mkdir -p $(@D)
	nasm -f elf64 -Werror -I $(B)/ -o $@ $<

# Sets NX_COMPAT in PE image $(1), for which objcopy has no option, and takes the checksum out, which
# is of the image without it: 94 and 88 bytes behind the PE header's start (PE format, optional header).
define nx_compat
	printf '\000\001' | dd of=$(1) bs=1 conv=notrunc status=none seek=$$(($$(od -An -tu4 -j60 -N4 $(1)) + 94))
	printf '\000\000\000\000' | dd of=$(1) bs=1 conv=notrunc status=none seek=$$(($$(od -An -tu4 -j60 -N4 $(1)) + 88))
endef

# An EFI program with gnu-efi's relocating start, from objects $(1); an application, or by target
# $(2) a driver.
define link_app
	ld -nostdlib -znocombreloc -shared -Bsymbolic --gc-sections --no-undefined -z noexecstack \
		-T loader/loader.lds -o $(@:.efi=.elf) $(GNU_EFI)/crt0-efi-x86_64.o $(1) \
		-L $(GNU_EFI) -lgnuefi $(CRYPTO)
	$(OBJCOPY) -j .text -j .sdata -j .data -j .dynamic -j .rodata -j .rel -j .rela -j '.rel.*' -j '.rela.*' \
		-j .reloc -j .sbat --strip-all --target=$(or $(2),efi-app-x86_64) $(@:.efi=.elf) $@
	$(call nx_compat,$@)
endef

$(B)/lifeboat.efi: loader/loader.lds $(EFI_OBJ) $(B)/efi/rooms.a
	$(call link_app,$(EFI_OBJ) $(B)/efi/rooms.a)
	@echo "$@: $$(stat -c %s $@) bytes"

# The same loader with a capture kernel whose report faults and loops, for tests.
TRIAL_OBJ := $(B)/purgatory/tests/vm/capture/report_trial.o
TRIAL_WRAPS := $(addprefix --wrap=lb_,report_make report_write guard_run)

$(B)/trial/capture.bin: crash/capture/capture.lds $(LINK_PARTS) $(CAPTURE_OBJ) $(TRIAL_OBJ) $(B)/purgatory/capture-rooms.a
	@mkdir -p $(@D)
	$(call link_capture,$(TRIAL_WRAPS) $(CAPTURE_OBJ) $(TRIAL_OBJ))

$(B)/trial/payload.o: loader/payload.asm $(B)/hook.bin $(B)/purgatory.bin $(B)/trial/capture.bin
	nasm -f elf64 -Werror -I $(B)/trial/ -I $(B)/ -o $@ $<

TRIAL_EFI_OBJ := $(filter-out %/payload.o,$(EFI_OBJ)) $(B)/trial/payload.o
$(B)/report-trial.efi: loader/loader.lds $(TRIAL_EFI_OBJ) $(B)/efi/rooms.a
	$(call link_app,$(TRIAL_EFI_OBJ) $(B)/efi/rooms.a)

# The same as a driver of boot services, for Driver#### and systemd-boot's drivers, which it names so.
$(B)/lifeboatx64.efi: loader/loader.lds $(EFI_OBJ) $(B)/efi/rooms.a
	$(call link_app,$(EFI_OBJ) $(B)/efi/rooms.a,efi-bsdrv-x86_64)

# For Secure Boot, by who builds: in a folder of their own, for a signature has the time in it.
SIGNED_IN := $(B)/signed
SIGNED := $(SIGNED_IN)/lifeboat.efi $(SIGNED_IN)/lifeboatx64.efi

sign: $(SIGNED) ## sign both with SB_KEY= and SB_CERT= (PEM files), into build/signed

$(SIGNED): $(SIGNED_IN)/%: $(B)/% FORCE
	@test -f '$(SB_KEY)' -a -f '$(SB_CERT)' || \
		{ echo 'make sign SB_KEY=FILE SB_CERT=FILE: wanted a private key and its certificate, in PEM' >&2; exit 1; }
	@mkdir -p $(@D)
	sbsign --key '$(SB_KEY)' --cert '$(SB_CERT)' --output $@ $<

# Test-only EFI programs. leave is linked like the hook: it is written over a kernel's code.
$(B)/preamble.efi $(B)/nx.efi: $(B)/%.efi: loader/loader.lds $(B)/efi/tests/vm/efi/%.o $(B)/efi/rooms.a
	$(call link_app,$(filter %.o,$^) $(B)/efi/rooms.a)

# A system that completes its boot at once, and a firmware that fails.
$(B)/complete.efi $(B)/failing.efi: $(B)/%.efi: loader/loader.lds $(B)/efi/tests/vm/efi/%.o $(B)/efi/tests/vm/efi/beside.o \
		$(B)/efi/rooms.a
	$(call link_app,$(filter %.o,$^) $(B)/efi/rooms.a)

$(B)/leave.bin: loader/hook/hook.lds $(B)/efi/tests/vm/efi/leave.o $(B)/efi/lib/mem.o
	$(call link_twice,leave,$< -e lb_leave_main,$(filter %.o,$^))

# The one that tries the capture kernel's disk drivers: those have tables of pointers.
$(B)/disktest.efi: loader/loader.lds $(DISKTEST_OBJ) $(B)/efi/rooms.a
	$(call link_app,$(DISKTEST_OBJ) $(B)/efi/rooms.a)

# A driver for the firmware, of the same parts.
PVSCSI_DRIVER_OBJ := $(B)/efi/tests/vm/efi/pvscsi_driver.o $(B)/efi/tests/vm/efi/disktest_platform.o \
	$(filter-out $(B)/efi/tests/%,$(DISKTEST_OBJ))
$(B)/pvscsi_driver.efi: loader/loader.lds $(PVSCSI_DRIVER_OBJ) $(B)/efi/rooms.a
	$(call link_app,$(PVSCSI_DRIVER_OBJ) $(B)/efi/rooms.a,efi-bsdrv-x86_64)

$(B)/host/%: tests/unit/%.c $(B)/host/rooms.a
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -Itests/unit -o $@ $< $(filter %.o,$^) $(B)/host/rooms.a -lcmocka $(COMPRESSORS) $(CRYPTO)

check: $(UNIT) ## unit tests on the host, under ASan and UBSan
	@tests/unit/run $(UNIT)

# libFuzzer comes with clang only, whatever else is built with.
$(B)/fuzz/obj/%.o: %.c $(CONFIG)
	@mkdir -p $(@D)
	clang $(HOST_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(B)/fuzz/%: tests/fuzz/%.c $(B)/fuzz/rooms.a
	@mkdir -p $(@D)
	clang $(HOST_CFLAGS) -fsanitize=fuzzer -MMD -MP -Itests/fuzz -o $@ $< $(B)/fuzz/rooms.a $(COMPRESSORS) $(CRYPTO)

fuzz: $(FUZZERS) ## libFuzzer targets under ASan and UBSan, FUZZ_SECONDS (60) each
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

# Without sanitizers: they are timed.
$(B)/bench_ident: $(B)/tool/tests/bench/bench_ident.o $(B)/tool/tests/bench/per_page.o $(B)/tool/rooms.a
	$(CC) -o $@ $^

$(B)/bench_sha256: $(B)/tool/tests/bench/bench_sha256.o $(B)/tool/rooms.a
	$(CC) -o $@ $^

# The capture kernel's writer, of the objects and libraries that capture.bin is linked from, on a platform of the
# host's.
BENCH_ROOMS := $(BASE_ROOMS) crash/crypt crash/dead crash/disk crash/dump
$(eval $(call archive,$(B)/bench-rooms.a,$(call objects,purgatory,$(BENCH_ROOMS))))
$(B)/bench_scale: $(B)/tool/tests/bench/synthetic.o
$(B)/bench_writer $(B)/bench_scale: $(B)/%: $(B)/tool/tests/bench/%.o $(B)/tool/tests/bench/bench_platform.o $(B)/bench-rooms.a
	$(CC) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(COMPRESSORS_STATIC) $(CRYPTO) $(WRAPPED)
$(B)/bench_writer: WRAPPED := -Wl,--wrap=lb_compress_page
$(B)/bench_scale: WRAPPED := -Wl,--wrap=lb_kdump_head

bench: $(B)/bench_ident $(B)/bench_sha256 $(B)/bench_writer $(B)/lifeboat.efi $(B)/lifeboat-save ## time page tables (a per-page builder beside ours), SHA-256 (OpenSSL beside it), the writer (makedumpfile beside it)
	@tests/bench/run $(B)/bench_ident
	@tests/bench/run-sha256 $(B)/bench_sha256
	@tests/bench/run-writer $(B)/bench_writer

# What tests/vm asks about memory that was read back from a machine: tables_verdict judges page
# tables, also for scripts/footprint-measure; handoff_fields names what a handoff says;
# filter_verdict reads the log out of an ELF dump and judges its pages; vmcoreinfo_verdict makes its
# VMCOREINFO anew; write_dump writes it to a partition; frames_verdict names the modules, tasks and
# stacks of any dump; keys_verdict searches memory for the keys of an encrypted one; write_file_target fills a file for dumps.
VERDICTS := tables_verdict handoff_fields filter_verdict vmcoreinfo_verdict write_dump frames_verdict keys_verdict write_file_target
$(B)/host/frames_verdict: $(patsubst %,$(B)/host/obj/tools/report/%.o,dumpfile kernel length)
$(B)/host/frames_verdict: KDUMPFILE := -lkdumpfile
$(VERDICTS:%=$(B)/host/%): $(B)/host/%: tests/vm/%.c $(B)/host/rooms.a
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -Itests/unit -Itests/vm -o $@ $< $(filter %.o,$^) $(B)/host/rooms.a -lcmocka \
		$(COMPRESSORS) $(CRYPTO) $(KDUMPFILE)

# With the flags of who builds: a distribution's hardening.
$(B)/tool/%.o: %.c $(CONFIG)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The host tools behind scripts/footprint and scripts/lifeboat-save, lifeboat-report, lifeboatctl, and the same
# under ASan and UBSan (.checked), for their tests.
FOOTPRINT_SRC := $(wildcard tools/footprint/*.c)
SAVE_SRC := $(wildcard tools/save/*.c)

# What the linker made of purgatory and capture kernel: fields of struct lb_purgatory_header and lb_capture_image.
$(B)/gen/image_bytes.c: $(B)/purgatory.bin $(B)/capture.bin $(CONFIG)
	@mkdir -p $(@D)
	@set -- $$(od -An -tu4 -j16 -N12 $(B)/purgatory.bin) $$(od -An -tu4 -j20 -N4 $(B)/capture.bin); \
	printf '#include "tools/footprint/crash_memory.h"\nconst struct image_bytes image_bytes = {%s, %s, %s};\n' \
		"$$1" "$$3" "$$4" >$@

$(B)/tool/gen/image_bytes.o: $(B)/gen/image_bytes.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/host/obj/gen/image_bytes.o: $(B)/gen/image_bytes.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/footprint: $(patsubst %.c,$(B)/tool/%.o,$(FOOTPRINT_SRC)) $(B)/tool/gen/image_bytes.o $(B)/tool/rooms.a
	$(CC) $(LDFLAGS) -o $@ $^ -lm

$(B)/footprint.checked: $(patsubst %.c,$(B)/host/obj/%.o,$(FOOTPRINT_SRC)) $(B)/host/obj/gen/image_bytes.o \
		$(B)/host/rooms.a
	$(CC) -fsanitize=address,undefined -o $@ $^ -lm

$(B)/lifeboat-save: $(patsubst %.c,$(B)/tool/%.o,$(SAVE_SRC)) $(B)/tool/rooms.a
	$(CC) $(LDFLAGS) -o $@ $^ $(CRYPTO)

$(B)/lifeboat-save.checked: $(patsubst %.c,$(B)/host/obj/%.o,$(SAVE_SRC)) $(B)/host/rooms.a
	$(CC) -fsanitize=address,undefined -o $@ $^ $(CRYPTO)

REPORT_SRC := $(wildcard tools/report/*.c)

$(B)/lifeboat-report: $(patsubst %.c,$(B)/tool/%.o,$(REPORT_SRC)) $(B)/tool/rooms.a
	$(CC) $(LDFLAGS) -o $@ $^ -lkdumpfile

$(B)/lifeboat-report.checked: $(patsubst %.c,$(B)/host/obj/%.o,$(REPORT_SRC)) $(B)/host/rooms.a
	$(CC) -fsanitize=address,undefined -o $@ $^ -lkdumpfile

# With the code of the two before it.
CTL_SRC := $(wildcard tools/ctl/*.c) $(filter-out %/main.c,$(SAVE_SRC) $(REPORT_SRC))
CTL_LIBS := -lefiboot -lefivar -lblkid -lkdumpfile $(CRYPTO)

$(B)/lifeboatctl: $(patsubst %.c,$(B)/tool/%.o,$(CTL_SRC)) $(B)/tool/rooms.a
	$(CC) $(LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(B)/lifeboatctl.checked: $(patsubst %.c,$(B)/host/obj/%.o,$(CTL_SRC)) $(B)/host/rooms.a
	$(CC) -fsanitize=address,undefined -o $@ $^ $(CTL_LIBS)

# A page's first line is its name; the version becomes its footer (scdoc(5)).
$(B)/man/%: docs/man/%.scd include/lifeboat/version.h $(CONFIG)
	@mkdir -p $(@D)
	sed '1s/$$/ "Lifeboat $(VERSION)"/' $< | scdoc >$@

# Where things go. Units and udev's rule are written for the default PREFIX.
PREFIX := /usr/local
BINDIR = $(PREFIX)/bin
SBINDIR = $(PREFIX)/sbin
LIBDIR = $(PREFIX)/lib/lifeboat
UNITDIR = $(PREFIX)/lib/systemd/system
UDEVDIR = $(PREFIX)/lib/udev/rules.d
MANDIR = $(PREFIX)/share/man
COMPLETIONDIR = $(PREFIX)/share/bash-completion/completions
DOCDIR = $(PREFIX)/share/doc/lifeboat
INSTALL := install
UNITS := $(wildcard scripts/*.service tools/ctl/units/*.service)
COMPLETED := lifeboatctl lifeboat-save lifeboat-report lifeboat-footprint

# The sources are not installed: a link to one becomes its name.
NO_SOURCES := s/\[\([^]]*\)\](\.\.\/[^)]*)/`\1`/g

# Nothing on an ESP: that is lifeboatctl's.
install: all $(B)/footprint ## the programs, units, manual pages and documents below DESTDIR and PREFIX (/usr/local)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(BINDIR) $(SBINDIR) $(LIBDIR) $(UNITDIR) $(UDEVDIR) $(COMPLETIONDIR) $(DOCDIR))
	$(INSTALL) -m 755 $(B)/lifeboatctl $(B)/lifeboat-save $(DESTDIR)$(SBINDIR)
	$(INSTALL) -m 755 $(B)/lifeboat-report $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 755 $(B)/footprint $(DESTDIR)$(BINDIR)/lifeboat-footprint
	$(INSTALL) -m 644 $(B)/lifeboat.efi $(B)/lifeboatx64.efi $(DESTDIR)$(LIBDIR)
	for unit in $(UNITS); do \
		installed=$(DESTDIR)$(UNITDIR)/$${unit##*/} && \
		sed 's|/usr/local/sbin|$(SBINDIR)|g' $$unit >$$installed && chmod 644 $$installed || exit 1; done
	$(INSTALL) -m 644 scripts/90-lifeboat-save.rules $(DESTDIR)$(UDEVDIR)
	for page in $(MANUALS); do \
		$(INSTALL) -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page || exit 1; done
	for name in $(COMPLETED); do \
		$(INSTALL) -m 644 scripts/completion/lifeboat $(DESTDIR)$(COMPLETIONDIR)/$$name || exit 1; done
	$(INSTALL) -m 644 README.md LICENSE $(DESTDIR)$(DOCDIR)
	$(INSTALL) -d $(DESTDIR)$(DOCDIR)/docs
	$(INSTALL) -m 644 docs/*.svg docs/*.json docs/lifeboat.conf $(DESTDIR)$(DOCDIR)/docs
	for page in docs/*.md; do \
		sed '$(NO_SOURCES)' $$page >$(DESTDIR)$(DOCDIR)/$$page && chmod 644 $(DESTDIR)$(DOCDIR)/$$page || exit 1; done

# A Debian package, built in a copy of the sources: dpkg-buildpackage writes beside its folder.
DEB := $(B)/lifeboat_$(VERSION)_amd64.deb
DEB_SOURCE := Makefile README.md LICENSE crash debian docs include lib loader pgtable purgatory scripts tools

deb: $(DEB) ## build/lifeboat_VERSION_amd64.deb, by debhelper

$(DEB): $(shell find $(DEB_SOURCE) -type f ! -name '*.pyc' 2>/dev/null)
	rm -rf $(B)/deb && mkdir -p $(B)/deb/lifeboat
	cp -a $(DEB_SOURCE) $(B)/deb/lifeboat
	cd $(B)/deb/lifeboat && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u SOURCE_DATE_EPOCH dpkg-buildpackage -b -us -uc \
		>../build.log 2>&1 || { tail -n 20 ../build.log; exit 1; }
	mv $(B)/deb/lifeboat*_$(VERSION)_* $(B)

format: ## apply .clang-format
	clang-format -i $(ALL_C)

lint: ## formatting, headers that compile alone, the shape of the tree, cppcheck, shellcheck, gcc and clang builds
	@tests/lint $(ALL_C)

clean: ## remove build/
	rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

-include $(shell find $(B)/efi $(B)/purgatory $(B)/host $(B)/fuzz $(B)/tool $(B)/gen -type f -name '*.d' 2>/dev/null)
