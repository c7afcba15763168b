/* SPDX-License-Identifier: Apache-2.0 */
/* A lock with all that locks can have, as lock_write() writes it. */
#ifndef TESTS_UNIT_LOCK_TEXT_H
#define TESTS_UNIT_LOCK_TEXT_H

#define LOCK_SHA_1 "\"1111111111111111111111111111111111111111111111111111111111111111\""
#define LOCK_SHA_2 "\"2222222222222222222222222222222222222222222222222222222222222222\""
#define LOCK_SHA_A "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
#define LOCK_SHA_B "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\""
#define LOCK_SHA_C "\"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\""

#define LOCK_HEAD \
	"# The inputs of an image, for kiln build --locked. Made by kiln lock; kiln lock --update renews " \
	"it.\n" \
	"lock: 1\n" \
	"kiln:\n" \
	"  version: \"0.1.0\"\n" \
	"recipe:\n" \
	"  name: t.yaml\n" \
	"  cell: bookworm-amd64-default\n" \
	"  overrides: [image.serial=1, \"image.name=a: b\"]\n" \
	"  files:\n" \
	"  - path: key/public.asc\n" \
	"    size: 400\n" \
	"    sha256: " LOCK_SHA_1 "\n" \
	"  - path: t.yaml\n" \
	"    size: 0\n" \
	"    sha256: " LOCK_SHA_2 "\n" \
	"image:\n" \
	"  distribution: debian\n" \
	"  release: \"bookworm\"\n" \
	"  variant: default\n" \
	"  type: container\n" \
	"  architecture: amd64\n" \
	"date: \"2026-01-31T12:00:00Z\"\n"

#define LOCK_ARCHIVES \
	"archives:\n" \
	"- url: http://a.example/debian/\n" \
	"  suite: bookworm\n" \
	"  origin: Debian\n" \
	"  label: Debian\n" \
	"  codename: bookworm\n" \
	"  version: \"12.11\"\n" \
	"  date: \"2026-01-31T12:00:00Z\"\n" \
	"  valid_until: \"2026-02-07T12:00:00Z\"\n" \
	"  release:\n" \
	"    url: http://a.example/debian/dists/bookworm/InRelease\n" \
	"    size: 784\n" \
	"    sha256: " LOCK_SHA_A "\n" \
	"    signed_sha256: " LOCK_SHA_B "\n" \
	"  indexes:\n" \
	"  - component: main\n" \
	"    architecture: amd64\n" \
	"    url: http://a.example/debian/dists/bookworm/main/binary-amd64/Packages.xz\n" \
	"    size: 540\n" \
	"    sha256: " LOCK_SHA_A "\n" \
	"    unpacked_sha256: " LOCK_SHA_C "\n" \
	"downloads:\n" \
	"- name: debian-archive-keyring\n" \
	"  url: http://a.example/debian/pool/main/k.deb\n" \
	"  size: 9\n" \
	"  sha256: " LOCK_SHA_C "\n"

#define LOCK_PACKAGES \
	"packages:\n" \
	"- name: app\n" \
	"  version: \"1:1.0\"\n" \
	"  architecture: all\n" \
	"  suite: bookworm\n" \
	"  component: main\n" \
	"  url: http://a.example/debian/pool/main/a/app_1%253a1.0_all.deb\n" \
	"  size: 728\n" \
	"  sha256: " LOCK_SHA_1 "\n" \
	"  installed_size: 2048\n" \
	"  why: recipe\n" \
	"  depends: [base, lib=1.0]\n" \
	"  pre_depends: [base]\n" \
	"- name: base\n" \
	"  version: \"2.0\"\n" \
	"  architecture: amd64\n" \
	"  suite: bookworm\n" \
	"  component: main\n" \
	"  url: http://a.example/debian/pool/main/b/base_2.0_amd64.deb\n" \
	"  size: 1000\n" \
	"  sha256: " LOCK_SHA_2 "\n" \
	"  installed_size: 0\n" \
	"  why: essential\n" \
	"  essential: true\n" \
	"- name: lib\n" \
	"  version: \"1.0\"\n" \
	"  architecture: amd64\n" \
	"  source: lib-src\n" \
	"  suite: bookworm\n" \
	"  component: main\n" \
	"  url: http://a.example/debian/pool/main/l/lib_1.0_amd64.deb\n" \
	"  size: 1000\n" \
	"  sha256: " LOCK_SHA_A "\n" \
	"  installed_size: 0\n" \
	"  why: depends\n" \
	"  because_of: app\n" \
	"  automatic: true\n" \
	"- name: lib\n" \
	"  version: \"1.10\"\n" \
	"  architecture: amd64\n" \
	"  source: lib-src\n" \
	"  suite: bookworm\n" \
	"  component: main\n" \
	"  url: http://a.example/debian/pool/main/l/lib_1.10_amd64.deb\n" \
	"  size: 1000\n" \
	"  sha256: " LOCK_SHA_B "\n" \
	"  installed_size: 0\n" \
	"  why: recipe\n"

#define LOCK_STEPS \
	"merged_usr: true\n" \
	"steps:\n" \
	"- kind: base\n" \
	"  phase: base\n" \
	"  packages: [base]\n" \
	"- kind: install\n" \
	"  phase: base\n" \
	"  packages: [lib=1.0, app]\n" \
	"- kind: remove\n" \
	"  phase: sets\n" \
	"  packages: [app, lib=1.0]\n" \
	"- kind: install\n" \
	"  phase: sets\n" \
	"  packages: [lib=1.10]\n"

#define LOCK_TEXT LOCK_HEAD LOCK_ARCHIVES LOCK_PACKAGES LOCK_STEPS

#endif
