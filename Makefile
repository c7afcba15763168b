# SPDX-License-Identifier: Apache-2.0
# Everything that is generated lands below out/.
#
## kiln: system-container images for LXD, Incus and LXC from a recipe
##
## make                          build out/kiln
## make setup                    install what is missing (as root, Debian packages only); may stand in front of
##                               any other target: make setup check
## make image RECIPE=NAME        build an image into out/images/NAME; further: RELEASE= ARCH= VARIANT=
##                               FORMAT=unified,split,squashfs COMPRESSION=zstd-3 MIRROR=URL OUT=FOLDER
##                               OPTIONS='KEY=VALUE KEY=VALUE', other values of the recipe; of a recipe with a
##                               matrix CELL=release=trixie,variant=cloud, or ALL=1 JOBS=2
## make list                     the recipes, with their descriptions
## make check                    run the tests; TESTS='t_base e2e/build' selects, SANITIZE=1 adds ASan and UBSan,
##                               JOBS=1 runs one at a time
## make check-long               the same, with more rounds of what depends on chance
## make parity SETS=500          compare the choice of packages with apt's, SETS sets in each of 48 cells; SEED=
##                               SUITES=bookworm,bookworm+trixie ARCHITECTURES=amd64 VARIANTS=minbase
##                               RECOMMENDS=no,yes; KEEP=FOLDER keeps apt's answers, to go on after an interruption
## make lint                     format, static analysis, layers, sizes, man pages, both compilers without a warning
## make tree                     compare roots with those of mmdebstrap, path by path; CASES='sid-minbase trixie-server'
## make bench                    time builds and packing beside other programs, in turns; ROUNDS=3
## make bench-plan               time the choice of packages beside apt's; fails when a bound is not kept
##                               CASES='first-mmdebstrap pack-zstd' DISTROBUILDER=FILE DEFINITION=FILE
## make fuzz TARGET=NAME         run tests/fuzz/fuzz_NAME.c with libFuzzer for SECONDS=60, and print a table of runs and
##                               findings; several names, or without TARGET all, one after the other
## make format                   let clang-format rewrite the sources
## make install                  to PREFIX=/usr/local below DESTDIR=; make uninstall takes it away again
## make clean                    remove out/, except for images

V        ?= 0
SANITIZE ?=
CC       ?= cc
CFLAGS   ?=
CPPFLAGS ?=
LDFLAGS  ?=
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
MANDIR   ?= $(PREFIX)/share/man
DATADIR  ?= $(PREFIX)/share/kiln
WERROR   ?=
ROUNDS   ?= 3

# One flavour of objects per set of flags, so that they never mix.
FLAVOUR := $(if $(filter 1,$(SANITIZE)),asan,release)
O       := out/$(FLAVOUR)
Q       := $(if $(filter 1,$(V)),,@)

PKGS := libarchive yaml-0.1 libpcre2-8 liblzma libzstd liblz4 libsquashfs1 libcurl libcrypto jansson libseccomp zlib libxcrypt
LIBS := -lbz2 -lm -lpthread

FLAGS.release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
FLAGS.asan    := -O1 -g3 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS.fuzz    := $(FLAGS.asan) -fsanitize=fuzzer-no-link
FLAGS.gcc     := $(FLAGS.release)
FLAGS.clang   := $(FLAGS.release)
LD.release    := -pie -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--build-id
LD.asan       := -fsanitize=address,undefined -Wl,--build-id
LD.fuzz       := -fsanitize=address,undefined,fuzzer
LD.gcc        := $(LD.release)
LD.clang      := $(LD.release)

WARN := -Wall -Wextra -Wshadow -Wvla -Wundef -Wformat=2 -Wwrite-strings -Wcast-qual -Wpointer-arith \
	-Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition -Wimplicit-fallthrough \
	-Wnull-dereference -Wdate-time -Werror=incompatible-pointer-types
WARN += $(if $(findstring clang,$(shell $(CC) --version 2>/dev/null | head -n 1)),,\
	-Wformat-signedness -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Werror=jump-misses-init)

# What `make setup` installs. Test and lint packages only when the same command asks for these targets,
# or for nothing else.
PACKAGES.build := gcc libc6-dev make pkg-config libarchive-dev libyaml-dev libpcre2-dev liblzma-dev libzstd-dev \
	liblz4-dev libsquashfs-dev libcurl4-openssl-dev libssl-dev libjansson-dev libseccomp-dev zlib1g-dev libbz2-dev libcrypt-dev gpgv ca-certificates \
	debian-archive-keyring
PACKAGES.check := faketime iproute2 libcmocka-dev dpkg-dev gnupg python3 procps util-linux bsdutils e2fsprogs curl jq zstd xz-utils bzip2 \
	lxd lxd-client lxc lz4 squashfs-tools attr mmdebstrap python3-jsonschema python3-yaml openssh-client \
	uidmap acl libcap2-bin podman crun golang-github-containers-common qemu-user-static arch-test
PACKAGES.lint  := clang clang-format clang-tidy libclang-rt-dev cppcheck shellcheck mandoc libcmocka-dev
PACKAGES.tree  := mmdebstrap debian-archive-keyring gnupg jq python3 qemu-user-static arch-test
PACKAGES.bench := mmdebstrap debootstrap nginx-light python3 mount rsync squashfs-tools zstd xz-utils
SETUP.check      := check
SETUP.check-long := check
SETUP.parity     := check
SETUP.lint       := lint
SETUP.fuzz       := lint
SETUP.bench      := bench
SETUP.bench-plan := check
SETUP.tree       := tree
GOALS    := $(filter-out setup,$(MAKECMDGOALS))
PACKAGES := $(sort $(PACKAGES.build) $(if $(GOALS),$(foreach g,$(GOALS),$(PACKAGES.$(SETUP.$g))),\
	$(PACKAGES.check) $(PACKAGES.lint) $(PACKAGES.bench)))
# With setup among the goals everything else waits for it, also under -j.
SETUP    := $(filter setup,$(MAKECMDGOALS))

# Asked for once, and not before the first recipe needs it: setup may just have brought the libraries.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
CC_ALL     = $(CC) -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ibuilder $(PKG_CFLAGS) $(WARN) $(WERROR) \
	     -ffile-prefix-map=$(CURDIR)=. $(FLAGS.$(FLAVOUR)) $(CPPFLAGS) $(CFLAGS)
LINK       = $(CC_ALL) $(LD.$(FLAVOUR)) $(LDFLAGS)

SRCS    := $(sort $(shell find builder -name '*.c'))
HEADERS := $(sort $(shell find builder tests -name '*.h'))
TESTSRC := $(sort $(wildcard tests/unit/*.c tests/fuzz/*.c tests/parity/*.c tests/bench/*.c tests/escapes/*.c))
SCRIPTS := .ci/run tests/run tests/run-one tests/fuzz/run tests/tree/run $(sort $(wildcard tests/*.sh tests/e2e/*.sh tests/lint/*.sh))
MANUALS := $(sort $(wildcard builder/*.[1-8]))
OBJS    := $(SRCS:%.c=$O/%.o)
LIBOBJS := $(filter-out $O/builder/main.o,$(OBJS))
UNITS   := $(patsubst tests/unit/%.c,$O/unit/%,$(sort $(wildcard tests/unit/t_*.c)))
PARITY  := $O/many_plans $O/many_apt.so
ALL_TARGETS  := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_TARGETS := $(or $(TARGET),$(ALL_TARGETS))
REPLAYS := $(patsubst tests/fuzz/%.c,$O/replay/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

.DELETE_ON_ERROR:
.PHONY: all bench bench-plan check check-long clean FORCE format fuzz help image install libraries lint list parity setup \
	tests tree uninstall units lint-compilers lint-cppcheck lint-format lint-manuals lint-scripts lint-tidy lint-tree
.DEFAULT_GOAL := all

all: out/kiln

# Anew every time: the link may still point to another flavour.
out/kiln: $O/kiln FORCE
	$(Q)ln -sfn $(FLAVOUR)/kiln $@

$O/kiln: $O/builder/main.o $O/libkiln.a
	$(Q)$(LINK) -o $@ $^ $(PKG_LIBS) $(LIBS)
$O/libkiln.a: $(LIBOBJS)
	$(Q)rm -f $@ && ar rcs $@ $^
$O/%.o: %.c $O/flags
	@mkdir -p $(@D)
	$(Q)$(CC_ALL) -MMD -MP -c -o $@ $<
$O/unit/%: tests/unit/%.c $O/libkiln.a $O/flags
	@mkdir -p $(@D)
	$(Q)$(LINK) -Itests -MMD -MP -o $@ $< $O/libkiln.a $(PKG_LIBS) -lcmocka $(LIBS)
$O/bench/%: tests/bench/%.c $O/libkiln.a $O/flags
	@mkdir -p $(@D)
	$(Q)$(LINK) -MMD -MP -o $@ $< $O/libkiln.a $(PKG_LIBS) $(LIBS)
$O/replay/%: tests/fuzz/%.c tests/fuzz/replay.c $O/libkiln.a $O/flags
	@mkdir -p $(@D)
	$(Q)$(LINK) -Itests -o $@ $< tests/fuzz/replay.c $O/libkiln.a $(PKG_LIBS) $(LIBS)
$O/many_plans: tests/parity/many_plans.c tests/parity/serve.c $O/libkiln.a $O/flags
	$(Q)$(LINK) -Itests -o $@ $(filter %.c,$^) $O/libkiln.a $(PKG_LIBS) $(LIBS)
# Never with sanitizers: it is loaded into a program that has none.
$O/many_apt.so: tests/parity/many_apt.c tests/parity/serve.c $O/flags
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) $(WERROR) $(FLAGS.release:-fPIE=-fPIC) -Itests -shared -o $@ \
		$(filter %.c,$^) $(LDFLAGS)
$O/fuzz_%: tests/fuzz/fuzz_%.c $O/libkiln.a $O/flags
	$(Q)$(LINK) -Itests -o $@ $< $O/libkiln.a $(PKG_LIBS) $(LIBS)
units: $(UNITS)
tests: $(UNITS) $(REPLAYS) $(PARITY) $O/bench/pack $O/kiln

# Rebuilt when the command line changes; everything that is compiled depends on it.
$O/flags: FORCE | libraries
	@mkdir -p $(@D); printf '%s\n' '$(CC_ALL)' | cmp -s - $@ || printf '%s\n' '$(CC_ALL)' > $@
-include $(OBJS:.o=.d) $(UNITS:=.d) $O/bench/pack.d

libraries: | $(SETUP)
	@command -v pkg-config >/dev/null && pkg-config --exists $(PKGS) || { \
		echo "libraries that kiln needs are missing: run 'make setup' as root, or install $(PACKAGES.build)" >&2; \
		exit 1; }

setup:
	@missing=''; for p in $(PACKAGES); do \
		case $$(dpkg-query -W -f '$${db:Status-Status}\n' "$$p" 2>/dev/null | sort -u) in \
		installed) ;; *) missing="$$missing $$p" ;; esac; done; \
	[ -n "$$missing" ] || { echo 'setup: nothing is missing'; exit 0; }; \
	command -v apt-get >/dev/null || { echo "setup: no apt-get here; install what these Debian packages hold:$$missing" >&2; exit 1; }; \
	[ "$$(id -u)" = 0 ] || { echo "setup: run it as root, it has to install:$$missing" >&2; exit 1; }; \
	echo "setup: installing$$missing"; export DEBIAN_FRONTEND=noninteractive; \
	apt-get -q update && apt-get -qy -o Dpkg::Use-Pty=0 install --no-install-recommends $$missing </dev/null

image: all
	@[ -n '$(RECIPE)' ] || { echo 'usage: make image RECIPE=NAME (make list shows the names)' >&2; exit 2; }
	$(Q)out/kiln build '$(RECIPE)' $(if $(RELEASE),-o 'image.release=$(RELEASE)') \
		$(if $(ARCH),-o 'image.architecture=$(ARCH)') $(if $(VARIANT),-o 'image.variant=$(VARIANT)') \
		$(if $(FORMAT),--format '$(FORMAT)') $(if $(COMPRESSION),--compression '$(COMPRESSION)') \
		$(if $(MIRROR),--mirror '$(MIRROR)') $(foreach o,$(OPTIONS),-o '$o') \
		$(if $(CELL),--cell '$(CELL)') $(if $(ALL),--all $(if $(JOBS),--jobs '$(JOBS)')) \
		--output '$(if $(OUT),$(OUT),out/images/$(notdir $(basename $(RECIPE))))'

list: all
	$(Q)out/kiln list

check: tests | $(SETUP)
	$(Q)KILN='$(CURDIR)/$O/kiln' OBJECTS='$(CURDIR)/$O' tests/run $(TESTS)

check-long: tests | $(SETUP)
	$(Q)KILN_TEST_LONG=1 KILN='$(CURDIR)/$O/kiln' OBJECTS='$(CURDIR)/$O' tests/run $(TESTS)

parity: all $(PARITY) | $(SETUP)
	$(Q)tests/parity/compare.py --kiln $O/kiln --shrink --sets $(or $(SETS),500) $(if $(SEED),--seed '$(SEED)') \
		$(if $(SUITES),--suites '$(SUITES)') $(if $(ARCHITECTURES),--architectures '$(ARCHITECTURES)') \
		$(if $(VARIANTS),--variants '$(VARIANTS)') $(if $(RECOMMENDS),--recommends '$(RECOMMENDS)') \
		$(if $(KEEP),--keep '$(KEEP)')

bench: all $O/bench/pack | $(SETUP)
	$(Q)KILN='$(CURDIR)/$O/kiln' PACK='$(CURDIR)/$O/bench/pack' CASES='$(CASES)' ROUNDS='$(ROUNDS)' \
		$(if $(DISTROBUILDER),DISTROBUILDER='$(DISTROBUILDER)') $(if $(DEFINITION),DEFINITION='$(DEFINITION)') \
		tests/bench/run

bench-plan: all | $(SETUP)
	$(Q)tests/bench/plan --kiln $O/kiln --rounds '$(ROUNDS)' --check

tree: all | $(SETUP)
	$(Q)KILN='$(CURDIR)/$O/kiln' tests/tree/run $(CASES)

lint: lint-format lint-scripts lint-manuals lint-tree lint-cppcheck lint-compilers lint-tidy
	@echo 'lint: nothing found'

lint-format: | $(SETUP)
	$(Q)clang-format --dry-run -Werror $(SRCS) $(HEADERS) $(TESTSRC)
lint-scripts: | $(SETUP)
	$(Q)shellcheck -x $(SCRIPTS)
lint-manuals: | $(SETUP)
	$(Q)mandoc -T lint -W warning $(MANUALS)
	$(Q)for page in $(MANUALS); do groff -mdoc -Tutf8 -ww -z -Kutf8 "$$page" 2>&1 | sed "s|^|$$page: |" | (! grep .) || exit 1; done
lint-tree: | $(SETUP)
	$(Q)for rule in tests/lint/*.sh; do "$$rule" || exit 1; done
lint-cppcheck: | $(SETUP)
	$(Q)cppcheck --quiet --std=c17 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppressions-list=tests/lint/cppcheck.txt --library=tests/lint/cppcheck.cfg -D_GNU_SOURCE -Ibuilder $(SRCS)
lint-compilers: | $(SETUP)
	$(Q)$(MAKE) --no-print-directory CC=gcc FLAVOUR=gcc WERROR=-Werror out/gcc/kiln tests
	$(Q)$(MAKE) --no-print-directory CC=clang FLAVOUR=clang WERROR=-Werror out/clang/kiln tests
lint-tidy: | libraries
	$(Q)printf '%s\n' $(SRCS) | xargs -P "$$(nproc)" -n 1 sh -c 'clang-tidy --quiet "$$@" -- \
		-std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ibuilder $(PKG_CFLAGS) ' tidy

fuzz: | $(SETUP)
	@for t in $(FUZZ_TARGETS); do [ -f "tests/fuzz/fuzz_$$t.c" ] || { echo "no target '$$t'; there are:" \
		$(ALL_TARGETS) >&2; exit 2; }; done
	$(Q)$(MAKE) --no-print-directory CC=clang FLAVOUR=fuzz $(FUZZ_TARGETS:%=out/fuzz/fuzz_%)
	$(Q)tests/fuzz/run $(or $(SECONDS),60) $(FUZZ_TARGETS)

format:
	$(Q)clang-format -i $(SRCS) $(HEADERS) $(TESTSRC)

# Recipes name keys, templates and each other by relative paths, so the folders stay as they are.
SHARE := recipes $(patsubst %/,%,$(wildcard recipes/*/)) templates
install: all
	$(Q)install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(MANDIR)/man5' \
		$(SHARE:%='$(DESTDIR)$(DATADIR)/%')
	$(Q)install -m 755 $O/kiln '$(DESTDIR)$(BINDIR)/kiln'
	$(Q)install -m 644 builder/kiln.1 '$(DESTDIR)$(MANDIR)/man1/kiln.1'
	$(Q)install -m 644 builder/kiln-recipe.5 '$(DESTDIR)$(MANDIR)/man5/kiln-recipe.5'
	$(Q)for d in $(SHARE); do \
		find $$d -maxdepth 1 -type f -exec install -m 644 -t '$(DESTDIR)$(DATADIR)'/$$d {} + || exit 1; done
	$(Q)$O/kiln check --schema > '$(DESTDIR)$(DATADIR)/recipe.schema.json'
uninstall:
	$(Q)rm -f '$(DESTDIR)$(BINDIR)/kiln' '$(DESTDIR)$(MANDIR)/man1/kiln.1' '$(DESTDIR)$(MANDIR)/man5/kiln-recipe.5'
	$(Q)rm -rf '$(DESTDIR)$(DATADIR)'

clean:
	$(Q)[ ! -d out ] || find out -mindepth 1 -maxdepth 1 ! -name images -exec rm -rf {} +

help:
	@sed -n 's/^## \{0,1\}//p' $(firstword $(MAKEFILE_LIST))
