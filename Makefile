# SPDX-License-Identifier: Apache-2.0
# Everything that is generated lands below out/. `make help` lists the targets.

V        ?= 0
SANITIZE ?=
CC       ?= cc
CFLAGS   ?=
CPPFLAGS ?=
LDFLAGS  ?=

VARIANT  := $(if $(filter 1,$(SANITIZE)),asan,release)
O        := out/$(VARIANT)
Q        := $(if $(filter 1,$(V)),,@)

PKGS     := libarchive yaml-0.1 libpcre2-8 liblzma libzstd libcurl libcrypto jansson zlib
LIBS     := -lbz2 -lpthread

FLAGS.release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
FLAGS.asan    := -O1 -g3 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LD.release    := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LD.asan       := -fsanitize=address,undefined

WARN := -Wall -Wextra -Wshadow -Wvla -Wundef -Wformat=2 -Wwrite-strings -Wcast-qual -Wpointer-arith \
	-Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition -Wimplicit-fallthrough \
	-Wnull-dereference -Wdate-time -Werror=incompatible-pointer-types
WARN += $(if $(findstring clang,$(shell $(CC) --version 2>/dev/null | head -n 1)),,\
	-Wformat-signedness -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Werror=jump-misses-init)
WERROR ?=

PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   = $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CC_ALL     = $(CC) -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ibuilder $(PKG_CFLAGS) $(WARN) $(WERROR) \
	     -ffile-prefix-map=$(CURDIR)=. $(FLAGS.$(VARIANT)) $(CPPFLAGS) $(CFLAGS)

SRCS  := $(sort $(shell find builder -name '*.c'))
OBJS  := $(SRCS:%.c=$O/%.o)
LIBOBJS := $(filter-out $O/builder/main.o,$(OBJS))
UNITS := $(sort $(wildcard tests/unit/t_*.c))
UNIT_BINS := $(UNITS:tests/unit/%.c=$O/unit/%)

.DELETE_ON_ERROR:
.PHONY: all FORCE units
all: out/kiln

out/kiln: $O/kiln
	$(Q)ln -sfn $(VARIANT)/kiln $@

$O/kiln: $O/builder/main.o $O/libkiln.a
	$(Q)$(CC_ALL) $(LD.$(VARIANT)) $(LDFLAGS) -o $@ $O/builder/main.o $O/libkiln.a $(PKG_LIBS) $(LIBS)
$O/libkiln.a: $(LIBOBJS)
	$(Q)rm -f $@ && ar rcs $@ $(LIBOBJS)
$O/%.o: %.c $O/flags
	@mkdir -p $(@D)
	$(Q)$(CC_ALL) -MMD -MP -c -o $@ $<
$O/unit/%: tests/unit/%.c $O/libkiln.a $O/flags
	@mkdir -p $(@D)
	$(Q)$(CC_ALL) -Itests -MMD -MP $(LD.$(VARIANT)) -o $@ $< $O/libkiln.a $(PKG_LIBS) -lcmocka $(LIBS)
units: $(UNIT_BINS)
# Rebuilt when the command line changes.
$O/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' '$(CC_ALL)' | cmp -s - $@ || printf '%s\n' '$(CC_ALL)' > $@
-include $(OBJS:.o=.d) $(UNIT_BINS:=.d)
